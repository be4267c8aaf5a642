//! Leases: what this worker holds, until when, and whether there is time enough left to begin a call.
//!
//! The database's clock decides when a lease is over. Here the worker's own monotonic clock counts from *before* the claim, so that
//! it never believes in a lease longer than the database does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::limits::{LEASE_LEFT_TO_SEND_MS, LEASE_MS, LEASE_RENEWAL_MS};
use store::{StartedAttempt, Store};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The leases of one worker.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leases {
    held: Arc<Mutex<HashMap<String, Held>>>,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    claim: i64,
    until: Instant,
}

fn ms(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

/// When a lease that is taken or renewed from now on is over at the earliest.
pub(crate) fn lease_from_now() -> Instant {
    let now = Instant::now();
    now.checked_add(ms(LEASE_MS)).unwrap_or(now)
}

impl Leases {
    /// Holds an attempt's job until `until`.
    pub(crate) fn hold(&self, attempt: &StartedAttempt, until: Instant) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(attempt.job_id().to_owned(), Held { claim: attempt.claim(), until });
    }

    /// Lets it go. A later claim of the same job stays.
    pub(crate) fn release(&self, job_id: &str, claim: i64) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.get(job_id).is_some_and(|known| known.claim == claim) {
            held.remove(job_id);
        }
    }

    /// Whether enough of the lease is left to begin a call now.
    pub(crate) fn has_time_to_send(&self, attempt: &StartedAttempt) -> bool {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(attempt.job_id()).is_some_and(|known| {
            known.claim == attempt.claim()
                && known.until.saturating_duration_since(Instant::now())
                    >= ms(LEASE_LEFT_TO_SEND_MS)
        })
    }

    fn list(&self) -> Vec<(String, i64)> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.iter().map(|(job_id, known)| (job_id.clone(), known.claim)).collect()
    }

    fn renewed(&self, asked: &[(String, i64)], renewed: &[String], until: Instant) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        for (job_id, claim) in asked {
            let is_known = held.get(job_id).is_some_and(|known| known.claim == *claim);
            if !is_known {
                continue;
            }
            if renewed.contains(job_id) {
                held.insert(job_id.clone(), Held { claim: *claim, until });
            } else {
                // Lost: a call that is under way goes on, and its answer will be kept; none is begun under it.
                held.remove(job_id);
                tracing::warn!(%job_id, "a lease was lost");
            }
        }
    }
}

/// Renews everything that is held, in one statement per round, until `done`.
pub(crate) async fn keep(store: &Store, leases: &Leases, done: &CancellationToken) {
    loop {
        tokio::select! {
            () = done.cancelled() => return,
            () = tokio::time::sleep(ms(LEASE_RENEWAL_MS)) => {}
        }
        let asked = leases.list();
        let until = lease_from_now();
        match store.renew_leases(&asked).await {
            Ok(renewed) => leases.renewed(&asked, &renewed, until),
            Err(error) => {
                tracing::warn!(error = error.with_causes(), "leases could not be renewed")
            }
        }
    }
}
