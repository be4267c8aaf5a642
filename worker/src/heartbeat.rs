//! The heartbeat: tells everybody that this worker lives and what it holds, until it has stopped.

use std::time::Duration;

use domain::limits::HEARTBEAT_MS;
use queue::Lane;
use store::{Heartbeat, Store};
use tokio_util::sync::CancellationToken;

use crate::lease::Leases;
use crate::run::{CallLimits, Identity};

/// What a heartbeat is made of.
#[derive(Debug)]
pub(crate) struct Pulse {
    pub(crate) identity: Identity,
    pub(crate) limits: CallLimits,
    pub(crate) leases: Leases,
}

impl Pulse {
    fn heartbeat(&self, is_stopping: bool) -> Heartbeat {
        let lanes: Vec<&str> = self.identity.lanes.iter().copied().map(Lane::word).collect();
        let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
        Heartbeat {
            id: self.identity.id.clone(),
            host: self.identity.host.clone(),
            version: self.identity.version.clone(),
            kinds: lanes.join(","),
            concurrency: count(self.limits.concurrency.max(1)),
            in_flight: count(self.leases.count()),
            is_stopping,
        }
    }
}

/// Beats until `stopped`, then says goodbye. From `stopping` on it says that nothing new is taken.
pub(crate) async fn beat(
    store: Store,
    pulse: Pulse,
    stopping: CancellationToken,
    stopped: CancellationToken,
) {
    let every = Duration::from_millis(u64::try_from(HEARTBEAT_MS).unwrap_or(u64::MAX));
    while !stopped.is_cancelled() {
        let is_stopping = stopping.is_cancelled();
        if let Err(error) = store.beat(&pulse.heartbeat(is_stopping)).await {
            tracing::debug!(error = error.with_causes(), "a heartbeat was not written");
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = stopping.cancelled(), if !is_stopping => {}
            () = stopped.cancelled() => {}
        }
    }
    if let Err(error) = store.say_goodbye(&pulse.identity.id).await {
        tracing::debug!(
            error = error.with_causes(),
            "no goodbye: it looks like a worker that was killed"
        );
    }
}
