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
use tokio_util::task::AbortOnDropHandle;

use crate::bulk;
use crate::floor::{CLAIM_BATCH_MAX, Floor};
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

/// How many jobs may be in hand besides those whose calls are under way: claimed for the next places, or answered and not yet settled.
const BESIDE_CALLS_MAX: usize = 128;
/// How many messages are of use to a worker besides those whose calls are under way: with those that it has in hand, the next to be claimed.
pub const AHEAD_MAX: usize = BESIDE_CALLS_MAX + CLAIM_BATCH_MAX;

impl CallLimits {
    /// How many jobs may be in hand, from their claim until they are settled.
    pub(crate) fn in_hand_max(self) -> usize {
        self.concurrency.max(1).saturating_add(BESIDE_CALLS_MAX)
    }
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

/// Why a worker ended that nobody stopped. What was under way was finished first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WorkerEnded {
    /// The queue ended by itself.
    #[error("its queue ended")]
    Queue(#[from] ConsumerEnded),
    /// One of its own tasks panicked; the log says which. The rest cannot go on for long without it.
    #[error("one of its tasks panicked")]
    Panicked,
}

/// Works until `shutdown` is cancelled, then takes nothing new, gives back what was not sent, and lets calls under way finish for up
/// to [`DRAIN_MS`].
///
/// # Errors
/// [`WorkerEnded`] when it ended by itself.
pub async fn run(context: WorkerContext, shutdown: CancellationToken) -> Result<(), WorkerEnded> {
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
    // A panic stops the whole as a shutdown does.
    let shutdown = shutdown.child_token();
    let broken = Broken { is_so: CancellationToken::new(), shutdown: shutdown.clone() };
    let (sender, receiver) = mpsc::channel(limits.in_hand_max());
    let (drained, give_up) = (CancellationToken::new(), CancellationToken::new());
    let watching = HoldsWatch::new(store.clone());
    let settler = Settler {
        store: store.clone(),
        pacing,
        publisher: Arc::clone(&publisher),
        leases: leases.clone(),
        signs: Signs::new(store.clone(), watching.clone()),
        give_up: give_up.clone(),
    };
    let mut settling = tokio::spawn(broken.watch("settler", settler.run(receiver)));
    let keeping = tokio::spawn(broken.watch("keeper of leases", {
        let (store, leases, drained) = (store.clone(), leases.clone(), drained.clone());
        async move { lease::keep(&store, &leases, &drained).await }
    }));
    let pulse = heartbeat::Pulse { identity: identity.clone(), limits, leases: leases.clone() };
    let beat = heartbeat::beat(store.clone(), pulse, shutdown.clone(), drained.clone());
    let beating = tokio::spawn(broken.watch("heartbeat", beat));
    // What may be cut off at any line, because somebody does it again.
    let mut errands = JoinSet::new();
    errands.spawn(broken.watch("sweeper", {
        let (store, shutdown) = (store.clone(), shutdown.clone());
        async move { sweeper::sweep(&store, &shutdown).await }
    }));
    let runs = bulk::keep(store.clone(), publisher, identity.id.clone());
    errands.spawn(broken.watch("bulk runs", runs));
    if let Some(ages) = retention {
        errands.spawn(broken.watch("retention", retention::keep(store.clone(), ages)));
    }
    if let Some(daily) = reconciliation {
        let daily = reconcile::keep(store.clone(), gateways.clone(), daily);
        errands.spawn(broken.watch("reconciliation", daily));
    }
    errands.spawn(broken.watch("watch of holds", watching.clone().keep()));
    errands.spawn(broken.watch("dead letters", poison::set_aside(store.clone(), dead_letters)));
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
    if broken.is_so.is_cancelled() { Err(WorkerEnded::Panicked) } else { Ok(ended?) }
}

/// Whether one of the tasks panicked.
#[derive(Clone)]
struct Broken {
    is_so: CancellationToken,
    shutdown: CancellationToken,
}

impl Broken {
    /// Runs a task in one of its own, and stops the worker when it panics.
    fn watch(
        &self,
        name: &'static str,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        let broken = self.clone();
        let work = AbortOnDropHandle::new(tokio::spawn(work));
        async move {
            if let Err(error) = work.await
                && error.is_panic()
            {
                tracing::error!(%error, alert = "panic", "the {name} panicked: the worker stops");
                broken.is_so.cancel();
                broken.shutdown.cancel();
            }
        }
    }
}

/// Until when a worker that stops from now on waits for its calls and for their answers to be written.
fn drain_until() -> Instant {
    let now = Instant::now();
    now.checked_add(Duration::from_millis(u64::try_from(DRAIN_MS).unwrap_or(0))).unwrap_or(now)
}
