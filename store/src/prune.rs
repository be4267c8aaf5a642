//! Retention: deletes what is kept for a while only, in batches that are short transactions of their own.
//!
//! Deleted are the jobs of payments that are over, with their attempts and with the cancels at Toss that nobody told apart, and rows that
//! are nothing but old: callers' idempotency keys, webhooks, messages that were set aside, workers that are gone, sessions and tries to
//! sign in, bulk runs. Orders, payments, cancellations and the audit are never deleted here. What a table's turn looks like is in the
//! folder: `payments` for what goes with a payment, `aged` for the rest, where another table is one line.
//!
//! A batch that is cut off leaves nothing half done that the next run would not finish, and two runs at once take different rows.

mod aged;
mod payments;

use std::collections::BTreeMap;

use crate::connection::Store;
use crate::error::StoreError;

use self::aged::AgedTable;
use self::payments::{Next, Place};

/// A table that rows are deleted from, in the order of their turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PrunedTable {
    /// Calls to Toss.
    Attempts,
    /// What they were made for.
    Jobs,
    /// Cancels at Toss that a person was to tell apart.
    CancelEntries,
    /// Callers' idempotency keys.
    IdempotencyKeys,
    /// What came to the webhook address.
    Webhooks,
    /// Messages that named no job.
    PoisonMessages,
    /// Worker processes.
    Workers,
    /// Browsers that staff are signed in with.
    WebSessions,
    /// Tries to sign in.
    SignInTries,
    /// The jobs of bulk runs.
    BulkItems,
    /// Bulk runs.
    BulkRuns,
}

impl PrunedTable {
    /// Every table.
    pub const ALL: [PrunedTable; 11] = [
        PrunedTable::Attempts,
        PrunedTable::Jobs,
        PrunedTable::CancelEntries,
        PrunedTable::IdempotencyKeys,
        PrunedTable::Webhooks,
        PrunedTable::PoisonMessages,
        PrunedTable::Workers,
        PrunedTable::WebSessions,
        PrunedTable::SignInTries,
        PrunedTable::BulkItems,
        PrunedTable::BulkRuns,
    ];

    /// The table's name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            PrunedTable::Attempts => "attempts",
            PrunedTable::Jobs => "jobs",
            PrunedTable::CancelEntries => "cancel_entries",
            PrunedTable::IdempotencyKeys => "idempotency_keys",
            PrunedTable::Webhooks => "webhooks",
            PrunedTable::PoisonMessages => "poison_messages",
            PrunedTable::Workers => "workers",
            PrunedTable::WebSessions => "web_sessions",
            PrunedTable::SignInTries => "sign_in_tries",
            PrunedTable::BulkItems => "bulk_items",
            PrunedTable::BulkRuns => "bulk_runs",
        }
    }
}

/// How long what is kept, in milliseconds. What is exactly that old is kept still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PruneAges {
    /// The jobs of a payment that is over, since the last of them ended; and bulk runs, since they were begun.
    pub jobs_ms: i64,
    /// A caller's idempotency key, since its first use.
    pub idempotency_ms: i64,
    /// A webhook, since it first came.
    pub webhooks_ms: i64,
    /// A message that was set aside, since then.
    pub poison_ms: i64,
    /// A worker, since its last heartbeat.
    pub workers_ms: i64,
    /// A session, since its last request, and tries to sign in, since the last one.
    pub sessions_ms: i64,
}

/// What a run does with what it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PruneMode {
    /// Deletes it.
    Delete,
    /// Counts it, and changes nothing.
    Count,
}

/// How many rows of each table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PruneCounts(BTreeMap<PrunedTable, u64>);

impl PruneCounts {
    fn of_one(table: PrunedTable, rows: u64) -> PruneCounts {
        PruneCounts(BTreeMap::from([(table, rows)]))
    }

    /// Of this table.
    #[must_use]
    pub fn of(&self, table: PrunedTable) -> u64 {
        self.0.get(&table).copied().unwrap_or(0)
    }

    /// Of all tables.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().fold(0, |sum, rows| sum.saturating_add(*rows))
    }

    fn add(&mut self, table: PrunedTable, rows: u64) {
        let known = self.0.entry(table).or_default();
        *known = known.saturating_add(rows);
    }
}

/// Whose turn it is.
#[derive(Debug, Clone)]
enum Turn {
    /// What goes with a payment, of the payments after this one.
    Payments(Option<Place>),
    /// The table at this place of the list.
    Aged(usize),
    /// Nobody's: all are through.
    Over,
}

/// One run over all tables, batch by batch. Dropping it in between is safe: the next run goes on.
#[derive(Debug)]
pub struct PruneRun<'a> {
    store: &'a Store,
    mode: PruneMode,
    jobs_before_ms: i64,
    aged: Vec<AgedTable>,
    turn: Turn,
    counts: PruneCounts,
}

impl Store {
    /// Begins a run. What is too old is decided by the database's clock now, so that the run comes to an end.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn prune(
        &self,
        ages: &PruneAges,
        mode: PruneMode,
    ) -> Result<PruneRun<'_>, StoreError> {
        let now_ms = self.now_ms().await?;
        Ok(PruneRun {
            store: self,
            mode,
            jobs_before_ms: now_ms.saturating_sub(ages.jobs_ms),
            aged: aged::tables(ages, now_ms),
            turn: Turn::Payments(None),
            counts: PruneCounts::default(),
        })
    }
}

impl PruneRun<'_> {
    /// Does one batch and says what it did; that may be nothing. `None` when all tables are through.
    ///
    /// It deletes at most `rows_max` attempts and the jobs of at most 100 payments, or `rows_max` rows of another table and those of
    /// the same millisecond as the last.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or a row cannot be read; nothing of the batch was done then.
    pub async fn next_batch(&mut self, rows_max: u64) -> Result<Option<PruneCounts>, StoreError> {
        if self.is_over() {
            return Ok(None);
        }
        let (counts, turn) = self.store.retried(|| self.batch(rows_max)).await?;
        self.turn = turn;
        for (table, rows) in &counts.0 {
            self.counts.add(*table, *rows);
        }
        Ok(Some(counts))
    }

    /// What all batches did so far.
    #[must_use]
    pub fn counts(&self) -> &PruneCounts {
        &self.counts
    }

    /// Whether all tables are through.
    #[must_use]
    pub fn is_over(&self) -> bool {
        match self.turn {
            Turn::Payments(_) | Turn::Aged(_) => false,
            Turn::Over => true,
        }
    }

    async fn batch(&self, rows_max: u64) -> Result<(PruneCounts, Turn), StoreError> {
        match &self.turn {
            Turn::Payments(after) => {
                let before_ms = self.jobs_before_ms;
                let batch = payments::Batch { before_ms, after: after.as_ref(), rows_max };
                let (counts, next) = match self.mode {
                    PruneMode::Delete => batch.delete(self.store).await?,
                    PruneMode::Count => batch.count(self.store).await?,
                };
                let turn = match next {
                    Next::After(place) => Turn::Payments(place),
                    Next::End => Turn::Aged(0),
                };
                Ok((counts, turn))
            }
            Turn::Aged(place) => {
                let Some(table) = self.aged.get(*place) else {
                    return Ok((PruneCounts::default(), Turn::Over));
                };
                let (rows, may_be_more) = match self.mode {
                    PruneMode::Count => (table.count(self.store).await?, false),
                    PruneMode::Delete => table.delete(self.store, rows_max).await?,
                };
                let next = if may_be_more { *place } else { place.saturating_add(1) };
                Ok((PruneCounts::of_one(table.table, rows), Turn::Aged(next)))
            }
            Turn::Over => Ok((PruneCounts::default(), Turn::Over)),
        }
    }
}
