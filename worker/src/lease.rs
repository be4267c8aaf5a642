//! Leases: what this worker holds, until when, and whether there is time enough left to begin a call.
//!
//! The database's clock decides when a lease is over. Here the worker's own monotonic clock counts from *before* the claim, so that
//! it never believes in a lease longer than the database does.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::limits::{LEASE_LEFT_TO_SEND_MS, LEASE_MS, LEASE_RENEWAL_MS};
use store::Store;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// For how long the lease of an answer that cannot be written is renewed: longer than a database takes to come back, and then somebody looks up
/// what became of the call.
const UNWRITTEN_MAX: Duration = Duration::from_secs(60);

/// The leases of one worker.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leases {
    held: Arc<Mutex<HashMap<String, Held>>>,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    claim: i64,
    until: Instant,
    /// Since when there is an answer that could not be written.
    unwritten_since: Option<Instant>,
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
    /// Holds a claimed job until `until`.
    pub(crate) fn hold(&self, job_id: &str, claim: i64, until: Instant) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(job_id.to_owned(), Held { claim, until, unwritten_since: None });
    }

    /// Its answer is there and could not be written: the lease is renewed for a minute from now, and then runs out.
    pub(crate) fn keep_unwritten(&self, job_id: &str, claim: i64) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = held.get_mut(job_id).filter(|known| known.claim == claim) {
            known.unwritten_since.get_or_insert_with(Instant::now);
        }
    }

    /// Lets it go. A later claim of the same job stays.
    pub(crate) fn release(&self, job_id: &str, claim: i64) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.get(job_id).is_some_and(|known| known.claim == claim) {
            held.remove(job_id);
        }
    }

    /// Whether enough of the lease is left to begin a call now.
    pub(crate) fn has_time_to_send(&self, job_id: &str, claim: i64) -> bool {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(job_id).is_some_and(|known| {
            known.claim == claim
                && known.until.saturating_duration_since(Instant::now())
                    >= ms(LEASE_LEFT_TO_SEND_MS)
        })
    }

    /// How many are held.
    pub(crate) fn count(&self) -> usize {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Those to be renewed.
    fn list(&self) -> Vec<(String, i64)> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let is_renewed = |known: &Held| {
            known.unwritten_since.is_none_or(|since| since.elapsed() < UNWRITTEN_MAX)
        };
        let renewed = held.iter().filter(|(_, known)| is_renewed(known));
        renewed.map(|(job_id, known)| (job_id.clone(), known.claim)).collect()
    }

    fn renewed(&self, asked: &[(String, i64)], renewed: &[String], until: Instant) {
        let renewed: HashSet<&String> = renewed.iter().collect();
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        for (job_id, claim) in asked {
            let Some(known) = held.get_mut(job_id).filter(|known| known.claim == *claim) else {
                continue;
            };
            if renewed.contains(job_id) {
                known.until = until;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn list(leases: &Leases) -> Vec<(String, i64)> {
        leases.list()
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_begun_only_while_enough_of_its_lease_is_left() {
        let leases = Leases::default();
        leases.hold("job", 1, lease_from_now());
        assert!(leases.has_time_to_send("job", 1));
        tokio::time::advance(ms(LEASE_MS - LEASE_LEFT_TO_SEND_MS)).await;
        assert!(leases.has_time_to_send("job", 1));
        tokio::time::advance(ms(1)).await;
        assert!(!leases.has_time_to_send("job", 1));
        tokio::time::advance(ms(LEASE_MS)).await;
        assert!(!leases.has_time_to_send("job", 1), "a lease that is over is not a long one");
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewal_counts_from_before_it_was_asked_for() {
        let leases = Leases::default();
        leases.hold("job", 1, lease_from_now());
        tokio::time::advance(ms(LEASE_MS - 1_000)).await;
        let (asked, until) = (list(&leases), lease_from_now());
        // The database takes its time.
        tokio::time::advance(ms(LEASE_MS - LEASE_LEFT_TO_SEND_MS)).await;
        leases.renewed(&asked, &["job".to_owned()], until);
        assert!(leases.has_time_to_send("job", 1));
        tokio::time::advance(ms(1)).await;
        assert!(!leases.has_time_to_send("job", 1));
    }

    #[tokio::test(start_paused = true)]
    async fn under_a_lease_that_was_lost_no_call_is_begun() {
        let leases = Leases::default();
        leases.hold("lost", 1, lease_from_now());
        leases.hold("kept", 1, lease_from_now());
        let asked = list(&leases);
        leases.renewed(&asked, &["kept".to_owned()], lease_from_now());
        assert!(!leases.has_time_to_send("lost", 1));
        assert!(leases.has_time_to_send("kept", 1));
        assert_eq!(list(&leases), [("kept".to_owned(), 1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_lease_of_an_answer_that_cannot_be_written_runs_out_after_a_minute() {
        let leases = Leases::default();
        leases.hold("stuck", 1, lease_from_now());
        leases.hold("calling", 1, lease_from_now());
        leases.keep_unwritten("stuck", 1);
        tokio::time::advance(UNWRITTEN_MAX / 2).await;
        // Tried again in vain: that is no new beginning.
        leases.keep_unwritten("stuck", 1);
        let asked = list(&leases);
        assert_eq!(asked.len(), 2);
        leases.renewed(&asked, &["stuck".to_owned(), "calling".to_owned()], lease_from_now());
        tokio::time::advance(UNWRITTEN_MAX / 2).await;
        assert_eq!(list(&leases), [("calling".to_owned(), 1)]);
        // The same job, claimed anew, is renewed again.
        leases.hold("stuck", 2, lease_from_now());
        leases.keep_unwritten("stuck", 1);
        tokio::time::advance(UNWRITTEN_MAX).await;
        assert_eq!(list(&leases).len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_happens_to_an_old_claim_does_not_touch_the_new_one() {
        let leases = Leases::default();
        leases.hold("job", 1, lease_from_now());
        let asked = list(&leases);
        // The same worker got its own job again after a lost connection.
        leases.hold("job", 2, lease_from_now());
        leases.renewed(&asked, &[], lease_from_now());
        leases.release("job", 1);
        assert!(!leases.has_time_to_send("job", 1));
        assert!(leases.has_time_to_send("job", 2));
        leases.release("job", 2);
        assert!(list(&leases).is_empty());
    }
}
