//! The running worker: a consumer loop that takes no more than it can hold, calls side by side, one settler, one keeper of leases.

use std::sync::Arc;
use std::time::Duration;

use domain::JobId;
use domain::answer::FailureClass;
use domain::limits::DRAIN_MS;
use domain::policy::Pacing;
use queue::{Consumer, ConsumerEnded, Delivery, Publisher};
use store::{Claimed, StartedAttempt, Store};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::gateway::{self, Gateways};
use crate::lease::{self, Leases, lease_from_now};
use crate::meters;
use crate::settler::{Finished, Settler};
use crate::sweeper;

/// How many jobs are claimed in one transaction at the most.
const CLAIM_BATCH_MAX: usize = 64;
/// The longest pause between two tries to claim while the database is away.
const PAUSE_MS_MAX: u64 = 2_000;

/// What a worker needs. It owns all of it for as long as it runs.
#[derive(Debug)]
pub struct WorkerContext {
    /// The database.
    pub store: Store,
    /// Where jobs come from.
    pub consumer: Box<dyn Consumer>,
    /// Where jobs go that an answer made.
    pub publisher: Arc<dyn Publisher>,
    /// The clients of the merchants.
    pub gateways: Gateways,
    /// The delays.
    pub pacing: Arc<dyn Pacing>,
    /// How many calls may be under way at once, from 1.
    pub concurrency: usize,
    /// This worker's name, unique among workers.
    pub name: String,
}

/// Works until `shutdown` is cancelled, then takes nothing new, gives back what was not sent, and lets calls under way finish for up
/// to [`DRAIN_MS`].
///
/// # Errors
/// [`ConsumerEnded`] when the queue ended by itself; what was under way is finished first.
pub async fn run(context: WorkerContext, shutdown: CancellationToken) -> Result<(), ConsumerEnded> {
    let leases = Leases::default();
    let (sender, receiver) = mpsc::channel(context.concurrency.max(1));
    let drained = CancellationToken::new();
    let give_up = CancellationToken::new();
    let settler = Settler {
        store: context.store.clone(),
        pacing: Arc::clone(&context.pacing),
        publisher: Arc::clone(&context.publisher),
        leases: leases.clone(),
        give_up: give_up.clone(),
    };
    let mut settling = tokio::spawn(settler.run(receiver));
    let keeping = tokio::spawn({
        let (store, leases, drained) = (context.store.clone(), leases.clone(), drained.clone());
        async move { lease::keep(&store, &leases, &drained).await }
    });
    let sweeping = tokio::spawn({
        let (store, shutdown) = (context.store.clone(), shutdown.clone());
        async move { sweeper::sweep(&store, &shutdown).await }
    });
    let mut floor = Floor {
        store: context.store,
        gateways: Arc::new(context.gateways),
        permits: Arc::new(Semaphore::new(context.concurrency.max(1))),
        finished: sender,
        leases,
        calls: JoinSet::new(),
        name: context.name,
        shutdown: shutdown.clone(),
    };
    let ended = floor.consume(context.consumer).await;
    let until = drain_until();
    floor.drain(until).await;
    // The settler ends when the last sender is gone, which the floor held, and all that it was sent is written.
    drop(floor);
    sweeping.abort();
    if tokio::time::timeout_at(until, &mut settling).await.is_err() {
        give_up.cancel();
        let _given_up = settling.await;
    }
    drained.cancel();
    let _kept = keeping.await;
    ended
}

/// Until when a worker that stops from now on waits for its calls and for their answers to be written.
fn drain_until() -> Instant {
    let now = Instant::now();
    now.checked_add(Duration::from_millis(u64::try_from(DRAIN_MS).unwrap_or(0))).unwrap_or(now)
}

/// Where the calls are made.
struct Floor {
    store: Store,
    gateways: Arc<Gateways>,
    permits: Arc<Semaphore>,
    finished: mpsc::Sender<Finished>,
    leases: Leases,
    calls: JoinSet<()>,
    name: String,
    shutdown: CancellationToken,
}

impl Floor {
    async fn consume(&mut self, mut consumer: Box<dyn Consumer>) -> Result<(), ConsumerEnded> {
        loop {
            // Room first, then work: what is not taken is there for another worker.
            let room = tokio::select! {
                () = self.shutdown.cancelled() => return Ok(()),
                room = Arc::clone(&self.permits).acquire_owned() => room.map_err(|_| ConsumerEnded)?,
            };
            let most = self.permits.available_permits().saturating_add(1).min(CLAIM_BATCH_MAX);
            let deliveries = tokio::select! {
                () = self.shutdown.cancelled() => return Ok(()),
                received = consumer.receive(most) => received?,
            };
            self.take(room, deliveries).await;
            while let Some(ended) = self.calls.try_join_next() {
                report_panic(ended);
            }
        }
    }

    /// Claims what was delivered and starts the calls.
    async fn take(&mut self, room: OwnedSemaphorePermit, deliveries: Vec<Delivery>) {
        let mut ids = Vec::with_capacity(deliveries.len());
        let mut known = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            match JobId::parse(delivery.job_id.clone()) {
                Ok(id) => {
                    ids.push(id);
                    known.push(delivery);
                }
                Err(error) => {
                    tracing::error!(%error, alert = "poison_message", "a message names no job: set aside");
                    delivery.ack();
                }
            }
        }
        let until = lease_from_now();
        let Some(claimed) = self.claim(&ids).await else { return };
        let mut room = Some(room);
        for (one, delivery) in claimed.into_iter().zip(known) {
            meters::claimed(&one);
            let attempt = match one {
                Claimed::Attempt(attempt) => *attempt,
                // A duplicate, early or ended: the database has spoken, the message is done with.
                Claimed::Concluded | Claimed::NotNow => {
                    delivery.ack();
                    continue;
                }
            };
            self.leases.hold(attempt.job_id(), attempt.claim(), until);
            let permit = match room.take() {
                Some(permit) => Ok(permit),
                None => Arc::clone(&self.permits).acquire_owned().await,
            };
            match permit {
                Ok(permit) => self.start(attempt, delivery, permit),
                Err(_closed) => return,
            }
        }
    }

    /// Claims until the database answers; `None` when it is time to stop, and the deliveries go back to the queue.
    async fn claim(&self, ids: &[JobId]) -> Option<Vec<Claimed>> {
        let mut pause_ms = 50_u64;
        loop {
            match self.store.claim_jobs(ids, &self.name).await {
                Ok(claimed) => return Some(claimed),
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

    fn start(&mut self, attempt: StartedAttempt, delivery: Delivery, permit: OwnedSemaphorePermit) {
        let (gateways, leases, store) =
            (Arc::clone(&self.gateways), self.leases.clone(), self.store.clone());
        let (finished, shutdown) = (self.finished.clone(), self.shutdown.clone());
        self.calls.spawn(async move {
            if shutdown.is_cancelled() {
                give_back(&store, &leases, attempt).await;
                return;
            }
            let result = if leases.has_time_to_send(attempt.job_id(), attempt.claim()) {
                gateways.call(attempt).await
            } else {
                gateway::unsent(
                    attempt,
                    FailureClass::Unsent,
                    "LEASE_TOO_SHORT",
                    "the lease was nearly over before the call",
                )
            };
            meters::attempted(&result);
            // The receiver outlives every call.
            let _received = finished.send(Finished { result, delivery, permit }).await;
        });
    }

    /// Lets the calls under way finish.
    async fn drain(&mut self, until: Instant) {
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

/// Nothing was sent under it and nothing will be: the job is due for others at once.
async fn give_back(store: &Store, leases: &Leases, attempt: StartedAttempt) {
    leases.release(attempt.job_id(), attempt.claim());
    if let Err(error) = store.release_unsent(std::slice::from_ref(&attempt)).await {
        tracing::warn!(
            job_id = attempt.job_id(),
            error = error.with_causes(),
            "an unsent attempt was not given back: its lease runs out"
        );
    }
}

fn report_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, alert = "panic", "a call panicked: its job's lease runs out and it is looked up");
    }
}
