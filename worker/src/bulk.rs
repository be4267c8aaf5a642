//! Bulk runs: one worker of all does one at a time, item by item, with a pause between them. What an item is allowed to do, `store` and
//! `domain` say.
//!
//! It may be cut off at any line: an item and its outcome are one transaction, and a run whose lease is over is taken up where it stands.

use std::sync::Arc;
use std::time::Duration;

use domain::limits::{BULK_PAUSE_MS, BULK_TRIES_MAX};
use queue::Publisher;
use store::bulk::{BulkStep, HeldRun};
use store::{Store, StoreError};

use crate::meters;

/// How often somebody looks for a run: whoever began one looks at its progress.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// When a run goes on that the database did not let go on.
const GO_ON: Duration = Duration::from_secs(2);

/// Does what runs there are, for ever.
pub(crate) async fn keep(store: Store, publisher: Arc<dyn Publisher>, worker: String) {
    loop {
        match store.take_bulk_run(&worker).await {
            Ok(Some(held)) => perform(&store, publisher.as_ref(), &held).await,
            Ok(None) => tokio::time::sleep(LOOK_EVERY).await,
            Err(error) => {
                tracing::warn!(
                    error = error.with_causes(),
                    "bulk runs were not looked for, trying again"
                );
                tokio::time::sleep(GO_ON).await;
            }
        }
    }
}

/// Does a run until nothing is left, or it is ours no longer.
async fn perform(store: &Store, publisher: &dyn Publisher, held: &HeldRun) {
    tracing::info!(run = held.id, "a bulk run is taken up");
    let mut refused_in_a_row = 0_u32;
    loop {
        match step(store, held, refused_in_a_row).await {
            Ok(BulkStep::Item { number, outcome, publish }) => {
                refused_in_a_row = 0;
                meters::bulk_item(outcome);
                tracing::debug!(run = held.id, number, ?outcome, "an item of a bulk run was tried");
                if let Some(job) = publish {
                    relay::publish_now(store, publisher, &[job]).await;
                }
                tokio::time::sleep(Duration::from_millis(BULK_PAUSE_MS)).await;
            }
            Ok(BulkStep::Over) => {
                tracing::info!(run = held.id, "a bulk run is done");
                return;
            }
            Ok(BulkStep::Lost) => {
                tracing::info!(run = held.id, "a bulk run was stopped, or another worker has it");
                return;
            }
            Err(error) => {
                let error_text = error.with_causes();
                tracing::warn!(run = held.id, error = error_text, "an item was not tried");
                if error.is_refused() {
                    refused_in_a_row = refused_in_a_row.saturating_add(1);
                } else {
                    // The database is away, and that says nothing about the item.
                    tokio::time::sleep(GO_ON).await;
                }
            }
        }
    }
}

/// The next item; one that the database has refused often enough is written down as such.
async fn step(
    store: &Store,
    held: &HeldRun,
    refused_in_a_row: u32,
) -> Result<BulkStep, StoreError> {
    if refused_in_a_row >= BULK_TRIES_MAX {
        store.fail_bulk_item(held).await
    } else {
        store.perform_bulk_item(held).await
    }
}
