//! The relay: takes the jobs that are due out of the database and hands their ids to the queue.
//!
//! It is the safety net under every other road: the outbox of accepted requests, the timer of
//! retries, the rescue of jobs whose worker is gone, and the recovery from a queue that was away.
//! Which jobs are due, and until when a taken one is left alone, is `store`'s query. Not here: what
//! a job does, and the direct publication that follows an accepted request.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects,
        clippy::panic,
        clippy::unreachable
    )
)]

mod outage;
mod pass;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use domain::id::IdSource;
use domain::limits::RELAY_POLL_MS;
use queue::Publisher;
use store::{RandomIds, Store};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use crate::pass::{message, publish_now};

use crate::outage::Outage;
use crate::pass::{DueJobs, Passed, relay_once};

/// The longest pause between two tries while the database or the queue is away: with its jitter, work flows again within five seconds.
const PAUSE_MS_MAX: i64 = 3_000;

/// Relays until `shutdown` is cancelled; a pass that has begun is finished first.
///
/// It looks every [`RELAY_POLL_MS`], and at once again while whole batches come, or when `wake` is
/// notified. It takes nothing while the publisher is not ready. A database or a queue that fails is
/// logged once and tried again with growing pauses, at most three seconds.
pub async fn run(
    store: Store,
    publisher: Arc<dyn Publisher>,
    shutdown: CancellationToken,
    wake: Option<Arc<Notify>>,
) {
    relay(&store, publisher.as_ref(), &RandomIds, &shutdown, wake.as_deref()).await;
}

async fn relay(
    jobs: &impl DueJobs,
    publisher: &dyn Publisher,
    ids: &impl IdSource,
    shutdown: &CancellationToken,
    wake: Option<&Notify>,
) {
    let mut outage = Outage::default();
    while !shutdown.is_cancelled() {
        let passed = relay_once(jobs, publisher).await;
        outage.note(&passed);
        let pause_ms = match passed {
            Passed::More => continue,
            Passed::Empty | Passed::NotReady | Passed::PartlyRefused(_) => RELAY_POLL_MS,
            Passed::Refused(_) | Passed::DatabaseFailed(_) => outage.pause_ms(PAUSE_MS_MAX),
        };
        pause(with_jitter(pause_ms, ids), shutdown, wake).await;
    }
}

/// Spreads several relays over time: up to a fifth more.
fn with_jitter(pause_ms: i64, ids: &impl IdSource) -> Duration {
    let jitter_ms = ids.jitter_ms(pause_ms.checked_div(5).unwrap_or(0));
    Duration::from_millis(u64::try_from(pause_ms.saturating_add(jitter_ms)).unwrap_or(0))
}

async fn pause(length: Duration, shutdown: &CancellationToken, wake: Option<&Notify>) {
    let woken = async {
        match wake {
            Some(wake) => wake.notified().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = woken => {}
        () = tokio::time::sleep(length) => {}
    }
}
