//! The sweeper: what time alone changes. Orders that nobody paid in time lapse.

use std::time::Duration;

use store::Store;
use tokio_util::sync::CancellationToken;

/// How often it looks. Nobody waits for it: customers are told by the order's own time.
const EVERY: Duration = Duration::from_secs(20);
/// How many orders lapse in one transaction.
const BATCH_MAX: u64 = 200;

/// Sweeps until `done`.
pub(crate) async fn sweep(store: &Store, done: &CancellationToken) {
    while !done.is_cancelled() {
        match store.lapse_orders(BATCH_MAX).await {
            // A whole batch: there may be more.
            Ok(lapsed) if u64::try_from(lapsed).is_ok_and(|count| count >= BATCH_MAX) => continue,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error = error.with_causes(), "orders did not lapse, trying again")
            }
        }
        tokio::select! {
            () = done.cancelled() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}
