//! The sweeper: what time alone changes. Orders that nobody paid in time lapse, webhooks that were early are taken up or given up, and
//! payments that time has left behind are looked up. Minutes that are over are counted.
//!
//! Every worker sweeps; what two find at once, one changes.

use std::time::Duration;

use store::{Store, StoreError};
use tokio_util::sync::CancellationToken;

/// How often it looks. Nobody waits for it: customers are told by the order's own time.
const EVERY: Duration = Duration::from_secs(20);
/// How many rows of a kind change in one transaction.
const BATCH_MAX: u64 = 200;

/// Sweeps until `done`.
pub(crate) async fn sweep(store: &Store, done: &CancellationToken) {
    while !done.is_cancelled() {
        match sweep_once(store).await {
            // A whole batch: there may be more.
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(
                    error = error.with_causes(),
                    "what time has changed was not swept, trying again"
                );
            }
        }
        tokio::select! {
            () = done.cancelled() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// One round; whether there may be more to do at once.
///
/// # Errors
/// [`StoreError`] of the first step that failed; the next round does what was left.
pub async fn sweep_once(store: &Store) -> Result<bool, StoreError> {
    let lapsed = store.lapse_orders(BATCH_MAX).await?;
    let taken_up = store.take_up_webhooks(toss::read_webhook, BATCH_MAX).await?;
    let given_up = store.expire_webhooks().await?;
    if given_up > 0 {
        tracing::warn!(webhooks = given_up, "webhooks named payments for a day that there are not");
    }
    let left_behind = store.sweep_payments(BATCH_MAX).await?;
    let has_more_minutes = store.count_minutes().await?;
    let is_whole = |count: usize| u64::try_from(count).is_ok_and(|count| count >= BATCH_MAX);
    Ok(has_more_minutes || [lapsed, taken_up, left_behind].into_iter().any(is_whole))
}
