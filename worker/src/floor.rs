//! Where the calls are made: takes deliveries as far as there is room, claims their jobs, and starts a call for each. What they bring goes
//! to the settler.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::JobId;
use domain::answer::FailureClass;
use queue::{Consumer, ConsumerEnded, Delivery, Lane};
use store::{Claimed, Claimer, Holds, PoisonMessage, StartedAttempt, Store, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::gateway::{self, Gateways};
use crate::holds::held_lanes;
use crate::lease::{Leases, lease_from_now};
use crate::meters;
use crate::run::CallLimits;
use crate::settler::{Finished, Held, LEASE_TOO_SHORT};
use crate::trace::AttemptTrace;

/// How many jobs are claimed in one transaction at the most.
pub(crate) const CLAIM_BATCH_MAX: usize = 64;
/// The longest pause between two tries to claim while the database is away.
const PAUSE_MS_MAX: u64 = 2_000;
/// How often a few jobs of a lane that is held back are taken all the same: the next step of some is a look-up, which is not held.
const SIP_EVERY: Duration = Duration::from_secs(1);
/// How many those are.
const SIP_MAX: usize = 16;

/// Where the calls are made.
pub(crate) struct Floor {
    store: Store,
    gateways: Arc<Gateways>,
    limits: CallLimits,
    worker: String,
    lanes: Vec<Lane>,
    /// Places for jobs from their claim until they are settled.
    hands: Arc<Semaphore>,
    /// Places for calls.
    permits: Arc<Semaphore>,
    /// The same for each merchant.
    merchant_permits: HashMap<String, Arc<Semaphore>>,
    leases: Leases,
    finished: mpsc::Sender<Finished>,
    calls: JoinSet<()>,
    shutdown: CancellationToken,
}

/// The places that a call takes; given back when it is answered.
#[derive(Debug)]
struct Permits {
    /// Among all calls of the worker.
    _whole: OwnedSemaphorePermit,
    /// Among those for its merchant.
    _of_merchant: Option<OwnedSemaphorePermit>,
}

impl Floor {
    pub(crate) fn new(
        store: Store,
        gateways: Gateways,
        limits: CallLimits,
        identity: &crate::run::Identity,
        leases: Leases,
        finished: mpsc::Sender<Finished>,
        shutdown: CancellationToken,
    ) -> Floor {
        let merchant_permits = gateways.merchants().map(|merchant| {
            (merchant.to_owned(), Arc::new(Semaphore::new(limits.merchant_concurrency.max(1))))
        });
        Floor {
            merchant_permits: merchant_permits.collect(),
            store,
            gateways: Arc::new(gateways),
            limits,
            worker: identity.id.clone(),
            lanes: identity.lanes.clone(),
            hands: Arc::new(Semaphore::new(limits.in_hand_max())),
            permits: Arc::new(Semaphore::new(limits.concurrency.max(1))),
            leases,
            finished,
            calls: JoinSet::new(),
            shutdown,
        }
    }

    /// Takes and starts until it is time to stop.
    pub(crate) async fn consume(
        &mut self,
        mut consumer: Box<dyn Consumer>,
        mut holds: watch::Receiver<Holds>,
    ) -> Result<(), ConsumerEnded> {
        let mut sipped = Instant::now();
        loop {
            // Room first, then work: what is not taken is there for another worker.
            let room = tokio::select! {
                () = self.shutdown.cancelled() => return Ok(()),
                room = Arc::clone(&self.permits).acquire_owned() => room.map_err(|_| ConsumerEnded)?,
            };
            let hand = tokio::select! {
                () = self.shutdown.cancelled() => return Ok(()),
                hand = Arc::clone(&self.hands).acquire_owned() => hand.map_err(|_| ConsumerEnded)?,
            };
            let of_merchants = tokio::select! {
                () = self.shutdown.cancelled() => return Ok(()),
                room = room_of_merchants(&self.merchant_permits) => room,
            };
            let free = self.permits.available_permits().min(self.hands.available_permits());
            let mut most = free.saturating_add(1).min(CLAIM_BATCH_MAX).min(of_merchants);
            let held = held_lanes(&holds.borrow_and_update(), &self.gateways, &self.lanes);
            let is_sip = !held.is_empty() && sipped.elapsed() >= SIP_EVERY;
            if is_sip {
                sipped = Instant::now();
                most = most.min(SIP_MAX);
            }
            consumer.pause(if is_sip { &[] } else { &held });
            let deliveries = tokio::select! {
                () = self.shutdown.cancelled() => return Ok(()),
                received = consumer.receive(most) => received?,
                _ = holds.changed() => continue,
                () = tokio::time::sleep(SIP_EVERY), if !held.is_empty() => continue,
            };
            let holds = holds.borrow().clone();
            self.take((hand, room), deliveries, holds).await;
            while let Some(ended) = self.calls.try_join_next() {
                report_panic(ended);
            }
        }
    }

    /// Claims what was delivered and starts the calls.
    async fn take(
        &mut self,
        first: (OwnedSemaphorePermit, OwnedSemaphorePermit),
        deliveries: Vec<Delivery>,
        holds: Holds,
    ) {
        let mut ids = Vec::with_capacity(deliveries.len());
        let mut known = Vec::with_capacity(deliveries.len());
        let mut strange = Vec::new();
        for delivery in deliveries {
            match JobId::parse(delivery.job_id.clone()) {
                Ok(id) => {
                    ids.push(id);
                    known.push(delivery);
                }
                Err(error) => strange.push((delivery, error.to_string())),
            }
        }
        crash::point!("dispatch 1", "jobs are delivered", "their claim");
        let until = lease_from_now();
        let Some(claimed) = self.claim(&ids, holds).await else { return };
        let mut first = Some(first);
        for (one, delivery) in claimed.into_iter().zip(known) {
            meters::claimed(&one);
            let attempt = match one {
                Claimed::Attempt(attempt) => attempt,
                // A duplicate, early or ended: the database has spoken, the message is done with.
                Claimed::Concluded | Claimed::NotNow => {
                    delivery.ack();
                    continue;
                }
                Claimed::Unknown => {
                    strange.push((delivery, "there is no such job".to_owned()));
                    continue;
                }
            };
            self.leases.hold(attempt.job_id(), attempt.claim(), until);
            let (hand, whole) = match first.take() {
                Some(first) => first,
                // Only this loop takes them, and it claimed no more than there were.
                None => {
                    let hand = Arc::clone(&self.hands).acquire_owned().await;
                    let whole = Arc::clone(&self.permits).acquire_owned().await;
                    let (Ok(hand), Ok(whole)) = (hand, whole) else { return };
                    (hand, whole)
                }
            };
            let merchant = self.merchant_permits.get(attempt.merchant());
            let of_merchant =
                merchant.and_then(|permits| Arc::clone(permits).try_acquire_owned().ok());
            self.start(
                attempt,
                delivery,
                hand,
                Permits { _whole: whole, _of_merchant: of_merchant },
            );
        }
        self.set_aside(strange).await;
    }

    /// Messages that name no job of ours: kept for a person, and done with.
    async fn set_aside(&self, strange: Vec<(Delivery, String)>) {
        if strange.is_empty() {
            return;
        }
        let messages: Vec<PoisonMessage> = strange
            .iter()
            .map(|(delivery, why)| PoisonMessage {
                reason: "unknown_job".to_owned(),
                source: delivery.lane.word().to_owned(),
                body: delivery.job_id.clone(),
                detail: Some(why.clone()),
            })
            .collect();
        tracing::error!(
            count = messages.len(),
            alert = "poison_message",
            "messages name no job: set aside"
        );
        match self.store.set_aside(&messages).await {
            Ok(()) => strange.into_iter().for_each(|(delivery, _)| delivery.ack()),
            Err(error) => {
                tracing::warn!(error = error.with_causes(), "not set aside: they come again")
            }
        }
    }

    fn room_by_merchant(&self) -> HashMap<String, usize> {
        let room = self.merchant_permits.iter();
        room.map(|(merchant, permits)| (merchant.clone(), permits.available_permits())).collect()
    }

    /// Claims until the database answers; `None` when it is time to stop, and the deliveries go back to the queue.
    async fn claim(&self, ids: &[JobId], holds: Holds) -> Option<Vec<Claimed>> {
        let mut claimer = Claimer {
            worker: self.worker.clone(),
            holds,
            room: self.room_by_merchant(),
            key_pairs: Some(self.gateways.key_pairs()),
            calls_per_minute: self.limits.per_minute,
        };
        match self.claim_persistently(ids, &claimer).await? {
            Ok(claimed) => return Some(claimed),
            Err(error) => {
                tracing::warn!(error = error.with_causes(), "a batch of jobs is claimed one by one")
            }
        }
        let mut all = Vec::with_capacity(ids.len());
        for id in ids {
            let one = self.claim_persistently(std::slice::from_ref(id), &claimer).await?;
            let one = one.unwrap_or_else(|error| {
                tracing::error!(
                    job_id = %id,
                    error = error.with_causes(),
                    alert = "unreadable_row",
                    "a job cannot be claimed"
                );
                vec![Claimed::NotNow]
            });
            if let Some(Claimed::Attempt(attempt)) = one.first()
                && let Some(room) = claimer.room.get_mut(attempt.merchant())
            {
                *room = room.saturating_sub(1);
            }
            all.extend(one);
        }
        Some(all)
    }

    /// Claims until the database answers, and be it that it refuses what would have to be written; `None` when it is time to stop.
    async fn claim_persistently(
        &self,
        ids: &[JobId],
        claimer: &Claimer,
    ) -> Option<Result<Vec<Claimed>, StoreError>> {
        let mut pause_ms = 50_u64;
        loop {
            match self.store.claim_jobs(ids, claimer).await {
                Ok(claimed) => return Some(Ok(claimed)),
                Err(error) if error.is_refused() => return Some(Err(error)),
                Err(error) => {
                    tracing::error!(
                        error = error.with_causes(),
                        "jobs were not claimed, trying again"
                    );
                }
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return None,
                () = tokio::time::sleep(Duration::from_millis(pause_ms)) => {}
            }
            pause_ms = pause_ms.saturating_mul(2).min(PAUSE_MS_MAX);
        }
    }

    fn start(
        &mut self,
        attempt: Box<StartedAttempt>,
        delivery: Delivery,
        hand: OwnedSemaphorePermit,
        permits: Permits,
    ) {
        let (gateways, leases, store) =
            (Arc::clone(&self.gateways), self.leases.clone(), self.store.clone());
        let (finished, shutdown) = (self.finished.clone(), self.shutdown.clone());
        self.calls.spawn(async move {
            let trace = AttemptTrace::begin(&attempt);
            if shutdown.is_cancelled() {
                // Apart: a whole transaction, for which each call's task would have to have room.
                Box::pin(give_back(&store, &leases, &attempt, &trace)).await;
                return;
            }
            crash::point!("dispatch 5", "a job has its place among the calls", "the call");
            let result = if leases.has_time_to_send(attempt.job_id(), attempt.claim()) {
                gateways.call(attempt, &trace).await
            } else {
                gateway::unsent(
                    *attempt,
                    FailureClass::Unsent,
                    LEASE_TOO_SHORT,
                    "the lease was nearly over before the call",
                )
            };
            crash::point!("dispatch 7", "Toss has answered", "the settler has the answer");
            // The next call begins while this one's answer is written.
            drop(permits);
            meters::attempted(&result);
            // The receiver outlives every call. A place is taken first: a future that sends would have room for the answer a second time.
            if let Ok(place) = finished.reserve().await {
                let held = Held { delivery, _hand: hand };
                place.send(Finished { result, trace, held });
            }
        });
    }

    /// Lets the calls under way finish.
    pub(crate) async fn drain(&mut self, until: Instant) {
        let finish = async {
            while let Some(ended) = self.calls.join_next().await {
                report_panic(ended);
            }
        };
        if tokio::time::timeout_at(until, finish).await.is_err() {
            tracing::error!(
                count = self.calls.len(),
                "calls did not finish in time: they will be looked up"
            );
            self.calls.abort_all();
        }
    }
}

/// Waits until at least one merchant has room for a call, and tells how many the one with the most room can have at once: of more jobs than
/// that, some would only be put off. Without merchants nobody has a limit.
async fn room_of_merchants(permits: &HashMap<String, Arc<Semaphore>>) -> usize {
    let most = permits.values().map(|permits| permits.available_permits()).max();
    match most {
        None => usize::MAX,
        Some(0) => {
            let mut freed = JoinSet::new();
            for permits in permits.values() {
                freed.spawn(Arc::clone(permits).acquire_owned());
            }
            // What it got is given back at once: only the claim takes room.
            let _freed = freed.join_next().await;
            1
        }
        Some(most) => most,
    }
}

/// Nothing was sent under it and nothing will be: the job is due for others at once.
async fn give_back(store: &Store, leases: &Leases, attempt: &StartedAttempt, trace: &AttemptTrace) {
    leases.release(attempt.job_id(), attempt.claim());
    match store.release_unsent(std::slice::from_ref(attempt)).await {
        Ok(()) => trace.log_given_back(),
        Err(error) => tracing::warn!(
            parent: &trace.span,
            error = error.with_causes(),
            "an unsent attempt was not given back: its lease runs out"
        ),
    }
}

fn report_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, alert = "panic", "a call panicked: its job's lease runs out and it is looked up");
    }
}
