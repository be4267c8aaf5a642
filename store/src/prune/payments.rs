//! The jobs and attempts of payments that are over.
//!
//! A payment's jobs go together, in the transaction that marks the payment: `pruned_at` is what the index of candidates is made by, so
//! that a run costs as much as it deletes and not as much as was ever sold. Attempts go before their jobs, and perhaps over several
//! batches; a job without its attempts has ended long ago and decides nothing.

use domain::payment::PaymentState;
use domain::retention::check_prune;
use entities::{attempt, job, payment};
use sea_orm::sea_query::{Expr, ExprTrait as _, LockBehavior, LockType, Query};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityName as _, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
};

use super::aged::{delete_listed, key_of};
use super::{PruneCounts, PrunedTable};
use crate::activity::observe;
use crate::connection::{Store, Write};
use crate::error::StoreError;

/// How many payments one transaction looks at and locks.
const PAYMENTS_MAX: u64 = 100;

/// Where the batch before ended: the payment's last change, and its order.
pub(super) type After = Option<(i64, String)>;

/// One batch, to be deleted or counted.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    pub(super) before_ms: i64,
    pub(super) after: &'a After,
    pub(super) rows_max: u64,
}

impl Batch<'_> {
    /// Deletes, and says after which payment to go on; `None` at the end.
    pub(super) async fn delete(&self, store: &Store) -> Result<(PruneCounts, After), StoreError> {
        let write = store.begin_write().await?;
        let found = self
            .candidates()
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .all(&write.tx)
            .await?;
        let ids = self.prunable(&write.tx, &found).await?;
        let attempts = delete_attempts(&write, &ids, self.rows_max).await?;
        let mut counts = PruneCounts::one(PrunedTable::Attempts, attempts);
        if attempts >= self.rows_max {
            // There may be more of them: the same payments once more.
            write.commit().await?;
            let again = self.after.clone().unwrap_or_else(|| (i64::MIN, String::new()));
            return Ok((counts, Some(again)));
        }
        let jobs = delete_jobs(&write, &ids).await?;
        write.commit().await?;
        counts.add(&PruneCounts::one(PrunedTable::Jobs, jobs));
        Ok((counts, next_after(&found)))
    }

    /// Counts what [`Batch::delete`] would delete of the same payments.
    pub(super) async fn count(&self, store: &Store) -> Result<(PruneCounts, After), StoreError> {
        let read = store.begin_read().await?;
        let found = self.candidates().all(&read.tx).await?;
        let ids = self.prunable(&read.tx, &found).await?;
        let attempts = attempt::Entity::find()
            .filter(attempt::Column::OrderId.is_in(ids.iter().copied()))
            .count(&read.tx)
            .await?;
        let jobs = job::Entity::find().filter(job::Column::OrderId.is_in(ids)).count(&read.tx);
        let mut counts = PruneCounts::one(PrunedTable::Jobs, jobs.await?);
        read.end().await?;
        counts.add(&PruneCounts::one(PrunedTable::Attempts, attempts));
        Ok((counts, next_after(&found)))
    }

    /// Payments that may be over, the longest unchanged first. The jobs of one that has not changed since have not ended since.
    fn candidates(&self) -> Select<payment::Entity> {
        // As the index has it, word for word: a bound value would hide that it applies.
        let over = PaymentState::ALL.into_iter().filter(|state| state.is_final());
        let over = over.map(|state| Expr::Constant(state.word().into()));
        let mut candidates = payment::Entity::find()
            .filter(payment::Column::PrunedAt.is_null())
            .filter(Expr::col(payment::Column::State).is_in(over))
            .filter(payment::Column::UpdatedAt.lt(self.before_ms));
        if let Some((updated_at, order_id)) = self.after {
            let place = [payment::Column::UpdatedAt, payment::Column::OrderId].map(Expr::col);
            let after = [Expr::value(*updated_at), Expr::value(order_id.as_str())];
            candidates = candidates.filter(Expr::tuple(place).gt(Expr::tuple(after)));
        }
        candidates
            .order_by_asc(payment::Column::UpdatedAt)
            .order_by_asc(payment::Column::OrderId)
            .limit(PAYMENTS_MAX)
    }

    /// Those of them that the rules let go.
    async fn prunable<'p>(
        &self,
        connection: &impl ConnectionTrait,
        found: &'p [payment::Model],
    ) -> Result<Vec<&'p str>, StoreError> {
        let observed = observe(connection, found).await?;
        let is_over = observed
            .iter()
            .map(|one| check_prune(&one.activity, one.last_ended_at, self.before_ms).is_ok());
        let all = found.iter().map(|row| row.order_id.as_str());
        Ok(all.zip(is_over).filter_map(|(id, is_over)| is_over.then_some(id)).collect())
    }
}

/// After the last of a whole batch; `None` when there are no more.
fn next_after(found: &[payment::Model]) -> After {
    let is_whole = u64::try_from(found.len()).is_ok_and(|count| count >= PAYMENTS_MAX);
    found.last().filter(|_| is_whole).map(|last| (last.updated_at, last.order_id.clone()))
}

async fn delete_attempts(
    write: &Write<'_>,
    ids: &[&str],
    rows_max: u64,
) -> Result<u64, StoreError> {
    if ids.is_empty() {
        return Ok(0);
    }
    let key = key_of::<attempt::Entity>();
    let list = Query::select()
        .columns(key.clone())
        .from(attempt::Entity)
        .and_where(attempt::Column::OrderId.is_in(ids.iter().copied()))
        .limit(rows_max)
        .take();
    delete_listed(write, attempt::Entity.table_ref(), key, list).await
}

async fn delete_jobs(write: &Write<'_>, ids: &[&str]) -> Result<u64, StoreError> {
    if ids.is_empty() {
        return Ok(0);
    }
    let deleted = job::Entity::delete_many()
        .filter(job::Column::OrderId.is_in(ids.iter().copied()))
        .exec(&write.tx)
        .await?;
    payment::Entity::update_many()
        .col_expr(payment::Column::PrunedAt, Expr::value(write.now_ms))
        .filter(payment::Column::OrderId.is_in(ids.iter().copied()))
        .exec(&write.tx)
        .await?;
    Ok(deleted.rows_affected)
}
