//! The running worker: a consumer loop that takes no more than it can hold, calls side by side, one settler, one keeper of leases.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use domain::limits::DRAIN_MS;
use domain::policy::Pacing;
use queue::{Consumer, ConsumerEnded, DeadLetters, Lane, Publisher};
use store::{PruneAges, Store};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::floor::Floor;
use crate::gateway::Gateways;
use crate::heartbeat;
use crate::holds::HoldsWatch;
use crate::lease::{self, Leases};
use crate::poison;
use crate::reconcile::{self, DailyReconciliation};
use crate::retention;
use crate::settler::Settler;
use crate::signs::Signs;
use crate::sweeper;

/// What a worker needs. It owns all of it for as long as it runs.
#[derive(Debug)]
pub struct WorkerContext {
    /// The database.
    pub store: Store,
    /// Where jobs come from.
    pub consumer: Box<dyn Consumer>,
    /// What the queue gave up.
    pub dead_letters: Box<dyn DeadLetters>,
    /// Where jobs go that an answer made.
    pub publisher: Arc<dyn Publisher>,
    /// The clients of the merchants.
    pub gateways: Gateways,
    /// The delays.
    pub pacing: Arc<dyn Pacing>,
    /// How many calls, and how fast.
    pub limits: CallLimits,
    /// Who it is.
    pub identity: Identity,
    /// How long what is kept: this worker may be the one that deletes it. `None`: it never is.
    pub retention: Option<PruneAges>,
    /// When our records are compared with Toss's: this worker may be the one that does it. `None`: it never is.
    pub reconciliation: Option<DailyReconciliation>,
}

/// How many calls a worker makes.
#[derive(Debug, Clone, Copy)]
pub struct CallLimits {
    /// Calls at once, from 1.
    pub concurrency: usize,
    /// Calls at once for one merchant, from 1.
    pub merchant_concurrency: usize,
    /// Confirms, cancels and look-ups, each by itself, per minute and merchant: of all workers together.
    pub per_minute: Option<NonZeroU32>,
}

/// Who a worker is, for its heartbeats and its jobs.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Unique among all workers ever started.
    pub id: String,
    /// The machine or container.
    pub host: String,
    /// Of the program.
    pub version: String,
    /// The lanes that it serves.
    pub lanes: Vec<Lane>,
}

/// Works until `shutdown` is cancelled, then takes nothing new, gives back what was not sent, and lets calls under way finish for up
/// to [`DRAIN_MS`].
///
/// # Errors
/// [`ConsumerEnded`] when the queue ended by itself; what was under way is finished first.
pub async fn run(context: WorkerContext, shutdown: CancellationToken) -> Result<(), ConsumerEnded> {
    let WorkerContext {
        store,
        consumer,
        dead_letters,
        publisher,
        gateways,
        pacing,
        limits,
        identity,
        retention,
        reconciliation,
    } = context;
    let leases = Leases::default();
    let (sender, receiver) = mpsc::channel(limits.concurrency.max(1));
    let (drained, give_up) = (CancellationToken::new(), CancellationToken::new());
    let watching = HoldsWatch::new(store.clone());
    let settler = Settler {
        store: store.clone(),
        pacing,
        publisher,
        leases: leases.clone(),
        signs: Signs::new(store.clone(), watching.clone()),
        give_up: give_up.clone(),
    };
    let mut settling = tokio::spawn(settler.run(receiver));
    let keeping = tokio::spawn({
        let (store, leases, drained) = (store.clone(), leases.clone(), drained.clone());
        async move { lease::keep(&store, &leases, &drained).await }
    });
    let beating = tokio::spawn(heartbeat::beat(
        store.clone(),
        heartbeat::Pulse { identity: identity.clone(), limits, leases: leases.clone() },
        shutdown.clone(),
        drained.clone(),
    ));
    // What may be cut off at any line, because somebody does it again.
    let mut errands = JoinSet::new();
    errands.spawn({
        let (store, shutdown) = (store.clone(), shutdown.clone());
        async move { sweeper::sweep(&store, &shutdown).await }
    });
    if let Some(ages) = retention {
        errands.spawn(retention::keep(store.clone(), ages));
    }
    if let Some(daily) = reconciliation {
        errands.spawn(reconcile::keep(store.clone(), gateways.clone(), daily));
    }
    errands.spawn(watching.clone().keep());
    errands.spawn(poison::set_aside(store.clone(), dead_letters));
    let mut floor = Floor::new(store, gateways, limits, &identity, leases, sender, shutdown);
    let ended = floor.consume(consumer, watching.subscribe()).await;
    let until = drain_until();
    floor.drain(until).await;
    // The settler ends when the last sender is gone, which the floor held, and all that it was sent is written.
    drop(floor);
    errands.shutdown().await;
    if tokio::time::timeout_at(until, &mut settling).await.is_err() {
        give_up.cancel();
        let _given_up = settling.await;
    }
    drained.cancel();
    let _kept = keeping.await;
    let _beaten = beating.await;
    ended
}

/// Until when a worker that stops from now on waits for its calls and for their answers to be written.
fn drain_until() -> Instant {
    let now = Instant::now();
    now.checked_add(Duration::from_millis(u64::try_from(DRAIN_MS).unwrap_or(0))).unwrap_or(now)
}
