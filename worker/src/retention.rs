//! The daily deletion of what was kept long enough. What that is, `store` and `domain` say; here is when, and in what bites.
//!
//! All workers look at one row that says when the chore is due, and one of them does it. Between two batches it leaves the database to
//! those who move money.

use std::time::Duration;

use domain::limits::{PRUNE_BATCH_ROWS_MAX, PRUNE_PAUSE_MS};
use domain::retention::DAY_MS;
use store::{Chore, ChoreTurn, PruneAges, PruneMode, PrunedTable, Store, StoreError};

/// The first run of an installation comes at a random time within this, so that it meets no start.
const FIRST_WITHIN_MS: i64 = 60 * 60_000;
/// How long a run may take before somebody else may begin the next: longer than any, by the limits below.
const HOLD_MS: i64 = 60 * 60_000;
/// When a run goes on that ended with rows left to delete.
const GO_ON_MS: i64 = 5 * 60_000;
/// The longest wait between two looks at the row: another worker may have begun a run and died.
const LOOK_EVERY_MS: i64 = 10 * 60_000;
/// Batches of one run at the most; a backlog takes several runs.
const BATCHES_MAX: u32 = 500;

/// Does the chore whenever it is this worker's turn. It may be cut off at any line: a batch is a transaction, and the rest is found again.
pub(crate) async fn keep(store: Store, ages: PruneAges) {
    loop {
        let wait_ms = match take_turn(&store, &ages).await {
            Ok(due_in_ms) => due_in_ms.clamp(1, LOOK_EVERY_MS),
            Err(error) => {
                tracing::warn!(
                    error = error.with_causes(),
                    "old rows were not deleted, trying again"
                );
                GO_ON_MS
            }
        };
        tokio::time::sleep(Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0))).await;
    }
}

/// Does the chore if it is due, and says in how many milliseconds it is again.
async fn take_turn(store: &Store, ages: &PruneAges) -> Result<i64, StoreError> {
    let held = match store.take_chore(Chore::Retention, FIRST_WITHIN_MS, HOLD_MS).await? {
        ChoreTurn::Ours(held) => held,
        ChoreTurn::NotYet { due_in_ms } => return Ok(due_in_ms),
    };
    let is_over = prune(store, ages).await?;
    let again_ms = if is_over { DAY_MS } else { GO_ON_MS };
    store.put_off_chore(&held, again_ms).await?;
    Ok(again_ms)
}

/// One run. Whether nothing is left.
async fn prune(store: &Store, ages: &PruneAges) -> Result<bool, StoreError> {
    let mut run = store.prune(ages, PruneMode::Delete).await?;
    for _ in 0..BATCHES_MAX {
        if run.next_batch(PRUNE_BATCH_ROWS_MAX).await?.is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(PRUNE_PAUSE_MS)).await;
    }
    let counts = run.counts();
    tracing::info!(
        attempts = counts.of(PrunedTable::Attempts),
        jobs = counts.of(PrunedTable::Jobs),
        idempotency_keys = counts.of(PrunedTable::IdempotencyKeys),
        webhooks = counts.of(PrunedTable::Webhooks),
        poison_messages = counts.of(PrunedTable::PoisonMessages),
        workers = counts.of(PrunedTable::Workers),
        bulk_runs = counts.of(PrunedTable::BulkRuns),
        is_over = run.is_over(),
        "old rows were deleted"
    );
    Ok(run.is_over())
}
