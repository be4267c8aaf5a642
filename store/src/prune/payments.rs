//! The jobs and attempts of payments that are over, and what Toss showed of their cancels.
//!
//! A payment's jobs go together with their attempts and those cancels, in the transaction that marks the payment: `pruned_at` is what the index of
//! candidates is made by, so that a run costs as much as it deletes and not as much as was ever sold.

use std::collections::HashMap;

use domain::payment::PaymentState;
use domain::retention::check_prune;
use entities::{attempt, cancel_entry, job, payment};
use sea_orm::sea_query::{Expr, ExprTrait as _, LockBehavior, LockType};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, PaginatorTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Select,
};

use super::{PruneCounts, PrunedTable};
use crate::activity::observe;
use crate::connection::{Store, Write};
use crate::error::StoreError;
use crate::sql::word;

/// How many payments one transaction looks at and locks.
const PAYMENTS_MAX: u64 = 100;

/// A place in the order of candidates: a payment's last change, and its order.
#[derive(Debug, Clone)]
pub(super) struct Place {
    updated_at: i64,
    order_id: String,
}

impl Place {
    fn of(row: &payment::Model) -> Place {
        Place { updated_at: row.updated_at, order_id: row.order_id.clone() }
    }
}

/// What follows a batch.
#[derive(Debug, Clone)]
pub(super) enum Next {
    /// Payments after this one; `None` is the beginning.
    After(Option<Place>),
    /// Nothing: all were gone through.
    End,
}

/// One batch, to be deleted or counted.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    pub(super) before_ms: i64,
    pub(super) after: Option<&'a Place>,
    pub(super) rows_max: u64,
}

impl Batch<'_> {
    /// Deletes the jobs of as many payments as have no more attempts than it may delete.
    pub(super) async fn delete(&self, store: &Store) -> Result<(PruneCounts, Next), StoreError> {
        let write = store.begin_write().await?;
        let found = self
            .candidates()
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .all(&write.tx)
            .await?;
        let over = self.over(&write.tx, &found).await?;
        let attempts = attempts_of(&write.tx, &over).await?;
        let mut room = self.rows_max;
        let fitting = over.iter().take_while(|row| {
            let count = attempts.get(&row.order_id).copied().unwrap_or(0);
            let left = room.checked_sub(count);
            room = left.unwrap_or(0);
            left.is_some()
        });
        let fitting: Vec<&payment::Model> = fitting.copied().collect();
        let (counts, next) = match (fitting.last(), over.first()) {
            (None, Some(first)) => {
                let count = delete_oldest_attempts(&write, &first.order_id, self.rows_max).await?;
                // The same payment once more.
                let counts = PruneCounts::of_one(PrunedTable::Attempts, count);
                (counts, Next::After(self.after.cloned()))
            }
            (Some(last), _) if fitting.len() < over.len() => {
                (delete_whole(&write, &fitting).await?, Next::After(Some(Place::of(last))))
            }
            _ => (delete_whole(&write, &fitting).await?, next_after(&found)),
        };
        write.commit().await?;
        Ok((counts, next))
    }

    /// Counts what would be deleted of the same payments.
    pub(super) async fn count(&self, store: &Store) -> Result<(PruneCounts, Next), StoreError> {
        let read = store.begin_read().await?;
        let found = self.candidates().all(&read.tx).await?;
        let over = self.over(&read.tx, &found).await?;
        let mut counts = PruneCounts::default();
        if !over.is_empty() {
            let attempts = attempts_of(&read.tx, &over).await?;
            counts.add(PrunedTable::Attempts, attempts.into_values().sum());
            let jobs = job::Entity::find().filter(job::Column::OrderId.is_in(ids(&over)));
            counts.add(PrunedTable::Jobs, jobs.count(&read.tx).await?);
            let entries = cancel_entry::Entity::find();
            let entries = entries.filter(cancel_entry::Column::OrderId.is_in(ids(&over)));
            counts.add(PrunedTable::CancelEntries, entries.count(&read.tx).await?);
        }
        read.end().await?;
        Ok((counts, next_after(&found)))
    }

    /// Payments that may be over, the longest unchanged first. The jobs of one that has not changed since have not ended since.
    fn candidates(&self) -> Select<payment::Entity> {
        // As the index has it, word for word: a bound value would hide that it applies.
        let over = PaymentState::ALL.into_iter().filter(|state| state.is_final());
        let over = over.map(|state| word(state.word()));
        let mut candidates = payment::Entity::find()
            .filter(payment::Column::PrunedAt.is_null())
            .filter(Expr::col(payment::Column::State).is_in(over))
            .filter(payment::Column::UpdatedAt.lt(self.before_ms));
        if let Some(after) = self.after {
            let place = [payment::Column::UpdatedAt, payment::Column::OrderId].map(Expr::col);
            let after = [Expr::value(after.updated_at), Expr::value(after.order_id.as_str())];
            candidates = candidates.filter(Expr::tuple(place).gt(Expr::tuple(after)));
        }
        candidates
            .order_by_asc(payment::Column::UpdatedAt)
            .order_by_asc(payment::Column::OrderId)
            .limit(PAYMENTS_MAX)
    }

    /// Those of them that the rules let go.
    async fn over<'p>(
        &self,
        connection: &impl ConnectionTrait,
        found: &'p [payment::Model],
    ) -> Result<Vec<&'p payment::Model>, StoreError> {
        let observed = observe(connection, found).await?;
        let both = found.iter().zip(&observed);
        let over = both.filter(|(_, seen)| {
            check_prune(&seen.activity, seen.last_ended_at, self.before_ms).is_ok()
        });
        Ok(over.map(|(row, _)| row).collect())
    }
}

/// After the last of a whole batch.
fn next_after(found: &[payment::Model]) -> Next {
    let is_whole = u64::try_from(found.len()).is_ok_and(|count| count >= PAYMENTS_MAX);
    match found.last() {
        Some(last) if is_whole => Next::After(Some(Place::of(last))),
        Some(_) | None => Next::End,
    }
}

fn ids<'p>(payments: &[&'p payment::Model]) -> impl Iterator<Item = &'p str> {
    payments.iter().map(|row| row.order_id.as_str())
}

/// How many attempts each of these payments has; those without any are left out.
async fn attempts_of(
    connection: &impl ConnectionTrait,
    payments: &[&payment::Model],
) -> Result<HashMap<String, u64>, StoreError> {
    if payments.is_empty() {
        return Ok(HashMap::new());
    }
    let counts: Vec<(String, i64)> = attempt::Entity::find()
        .select_only()
        .column(attempt::Column::OrderId)
        .column_as(attempt::Column::OrderId.count(), "count")
        .filter(attempt::Column::OrderId.is_in(ids(payments)))
        .group_by(attempt::Column::OrderId)
        .into_tuple()
        .all(connection)
        .await?;
    let counts = counts.into_iter().map(|(id, count)| (id, u64::try_from(count).unwrap_or(0)));
    Ok(counts.collect())
}

async fn delete_whole(
    write: &Write<'_>,
    payments: &[&payment::Model],
) -> Result<PruneCounts, StoreError> {
    let mut counts = PruneCounts::default();
    if payments.is_empty() {
        return Ok(counts);
    }
    let attempts = attempt::Entity::delete_many()
        .filter(attempt::Column::OrderId.is_in(ids(payments)))
        .exec(&write.tx)
        .await?;
    let jobs = job::Entity::delete_many()
        .filter(job::Column::OrderId.is_in(ids(payments)))
        .exec(&write.tx)
        .await?;
    let entries = cancel_entry::Entity::delete_many()
        .filter(cancel_entry::Column::OrderId.is_in(ids(payments)))
        .exec(&write.tx)
        .await?;
    payment::Entity::update_many()
        .col_expr(payment::Column::PrunedAt, Expr::value(write.now_ms))
        .filter(payment::Column::OrderId.is_in(ids(payments)))
        .exec(&write.tx)
        .await?;
    counts.add(PrunedTable::Attempts, attempts.rows_affected);
    counts.add(PrunedTable::Jobs, jobs.rows_affected);
    counts.add(PrunedTable::CancelEntries, entries.rows_affected);
    Ok(counts)
}

/// Of a payment that has more attempts than one transaction may delete: the oldest, up to that many. Its jobs have ended long ago;
/// that part of their attempts is missing decides nothing.
async fn delete_oldest_attempts(
    write: &Write<'_>,
    order_id: &str,
    rows_max: u64,
) -> Result<u64, StoreError> {
    let oldest: Vec<(String, i32)> = attempt::Entity::find()
        .select_only()
        .column(attempt::Column::JobId)
        .column(attempt::Column::Number)
        .filter(attempt::Column::OrderId.eq(order_id))
        .order_by_asc(attempt::Column::StartedAt)
        .limit(rows_max)
        .into_tuple()
        .all(&write.tx)
        .await?;
    let mut numbers: HashMap<String, Vec<i32>> = HashMap::new();
    for (job_id, number) in oldest {
        numbers.entry(job_id).or_default().push(number);
    }
    let mut deleted = 0_u64;
    for (job_id, numbers) in numbers {
        let result = attempt::Entity::delete_many()
            .filter(attempt::Column::JobId.eq(job_id))
            .filter(attempt::Column::Number.is_in(numbers))
            .exec(&write.tx)
            .await?;
        deleted = deleted.saturating_add(result.rows_affected);
    }
    Ok(deleted)
}
