//! Recovery: what is done once after a backup was restored, before anything goes on.
//!
//! A backup does not know what was sent after it was made. So every job that may move money and has not ended counts as one from which calls
//! may be missing: the policy sends nothing for it before a look-up that began when none of them could take effect any more. That is one
//! column of `jobs`, written first. Then every payment that is not decided, or has such a job, gets a look-up of its own, a few in a second.
//!
//! Each batch is a short transaction that takes its locks in the usual order, so a recovery may run beside workers, be cut off, and be
//! done again. What the database has no row of at all, reconciliation finds.

use domain::job::{JobKind, JobState};
use domain::limits::{RELAY_BATCH_MAX, RESTORE_SETTLE_MS};
use domain::order::OrderState;
use entities::{job, order, payment, web_session, worker};
use sea_orm::sea_query::{Expr, ExprTrait as _, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Select,
};

use crate::audit;
use crate::connection::{Read, Store};
use crate::error::StoreError;
use crate::operate::{Actor, locked_payments, wanted_look_up};
use crate::origin::Origin;
use crate::sql::word;

/// How many jobs are marked, or payments asked for, in one transaction.
const BATCH: u64 = RELAY_BATCH_MAX;
/// The time between two look-ups: ten a second, as for bulk runs, so that they do not meet Toss's limits all at once.
const LOOK_UP_EVERY_MS: i64 = 100;
/// What stands in the audit as the subject.
const SUBJECT: &str = "database";

/// What a recovery did, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The instant from which on nothing is known, in milliseconds: that of the backup, or of the youngest trace in it if that is older.
    pub unknown_from_ms: i64,
    /// The youngest trace in the database, in milliseconds: a worker's heartbeat, a job, or an order.
    pub newest_ms: Option<i64>,
    /// Confirms that are looked up before anything is sent.
    pub confirms: u64,
    /// Cancels that are.
    pub cancels: u64,
    /// Those of both that are parked.
    pub parked: u64,
    /// Payments that are looked up.
    pub look_ups: u64,
    /// Orders that nobody has paid by the database: before a confirm of one is sent, Toss is asked whether it was paid since.
    pub open: u64,
    /// By how much the youngest trace is ahead of the database's clock, in milliseconds: then that clock was put back.
    pub newest_is_ahead_ms: i64,
    /// Browsers in which staff were signed in.
    pub sessions: u64,
    /// When the first call may be sent for one of these jobs, if a look-up shows that it has to be, in milliseconds.
    pub sends_from_ms: i64,
}

impl Store {
    /// What a recovery would do by now: see [`Store::recover`]. Changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn plan_recovery(&self, backup_ms: i64) -> Result<Recovery, StoreError> {
        self.bounded(self.read_recovery(backup_ms)).await
    }

    async fn read_recovery(&self, backup_ms: i64) -> Result<Recovery, StoreError> {
        let read = self.begin_read().await?;
        let count = |kind: JobKind| live_money_jobs().filter(job::Column::Kind.eq(kind.word()));
        let confirms = count(JobKind::Confirm).count(&read.tx).await?;
        let cancels = count(JobKind::Cancel).count(&read.tx).await?;
        let is_parked = job::Column::State.eq(JobState::Parked.word());
        let parked = live_money_jobs().filter(is_parked).count(&read.tx).await?;
        let look_ups = payment::Entity::find().filter(is_open()).count(&read.tx).await?;
        let sessions = web_session::Entity::find().count(&read.tx).await?;
        let open = open_orders(i64::MAX).count(&read.tx).await?;
        let beat = worker::Entity::find().order_by_desc(worker::Column::SeenAt).one(&read.tx);
        let beat_ms = beat.await?.map(|row| row.seen_at);
        // A job is written again with each of its attempts, and so is an order with everything that changes about it.
        let job_ms = newest(job::Entity::find(), job::Column::UpdatedAt, &read).await?;
        let order_ms = newest(order::Entity::find(), order::Column::UpdatedAt, &read).await?;
        let newest_ms = [beat_ms, job_ms, order_ms].into_iter().flatten().max();
        let now_ms = read.now_ms;
        read.end().await?;
        Ok(Recovery {
            unknown_from_ms: newest_ms
                .map_or(backup_ms, |newest_ms| Ord::min(newest_ms, backup_ms)),
            newest_ms,
            confirms,
            cancels,
            parked,
            look_ups,
            sessions,
            open,
            newest_is_ahead_ms: newest_ms
                .map_or(0, |newest_ms| Ord::max(newest_ms.saturating_sub(now_ms), 0)),
            // What is on record from behind now was recorded before the clock was put back.
            sends_from_ms: Ord::max(newest_ms.unwrap_or(now_ms), now_ms)
                .saturating_add(RESTORE_SETTLE_MS),
        })
    }

    /// Makes the database of a restored backup safe to go on with. `backup_ms` is when the backup was made, or earlier.
    ///
    /// May be done again at any time, also while processes run: then the look-ups begin anew.
    ///
    /// # Errors
    /// [`StoreError::Database`]; do it again then, before anything is started.
    pub async fn recover(&self, backup_ms: i64) -> Result<Recovery, StoreError> {
        let planned = self.plan_recovery(backup_ms).await?;
        let mut after = None;
        loop {
            let mark = || self.mark_unrecorded(after.as_ref(), planned.sends_from_ms);
            let Some(last) = self.retried(mark).await? else { break };
            after = Some(last);
        }
        let mut after = None;
        loop {
            let mark = || self.mark_open_orders(after.as_deref(), planned.sends_from_ms);
            let Some(last) = self.retried(mark).await? else { break };
            after = Some(last);
        }
        let mut after = None;
        let mut asked: i64 = 0;
        loop {
            let ask = || self.look_up_open_payments(after.as_deref(), asked);
            let Some((last, count)) = self.retried(ask).await? else { break };
            after = Some(last);
            asked = asked.saturating_add(count);
        }
        self.retried(|| self.end_recovery(&planned)).await?;
        Ok(planned)
    }

    /// Marks the next jobs, in the order in which everybody locks them. Returns the last one; `None` when there are no more.
    async fn mark_unrecorded(
        &self,
        after: Option<&(String, String)>,
        until_ms: i64,
    ) -> Result<Option<(String, String)>, StoreError> {
        let write = self.begin_write().await?;
        // What is accepted from now on has nothing behind it.
        let from_ms = until_ms.saturating_sub(RESTORE_SETTLE_MS);
        let mut next = live_money_jobs().filter(job::Column::CreatedAt.lte(from_ms));
        if let Some((order_id, id)) = after {
            let is_later = job::Column::OrderId
                .gt(order_id)
                .or(job::Column::OrderId.eq(order_id).and(job::Column::Id.gt(id)));
            next = next.filter(is_later);
        }
        let found: Vec<(String, String)> = next
            .select_only()
            .column(job::Column::OrderId)
            .column(job::Column::Id)
            .order_by_asc(job::Column::OrderId)
            .order_by_asc(job::Column::Id)
            .limit(BATCH)
            .lock_exclusive()
            .into_tuple()
            .all(&write.tx)
            .await?;
        let Some(last) = found.last().cloned() else { return Ok(None) };
        job::Entity::update_many()
            .col_expr(job::Column::UnrecordedUntil, Expr::value(until_ms))
            .col_expr(job::Column::UpdatedAt, Expr::value(write.now_ms))
            .filter(job::Column::Id.is_in(found.iter().map(|(_, id)| id.as_str())))
            .exec(&write.tx)
            .await?;
        write.commit().await?;
        Ok(Some(last))
    }

    /// Marks the next orders that are open, in the order in which everybody locks them. Returns the last one; `None` when there are no more.
    async fn mark_open_orders(
        &self,
        after: Option<&str>,
        until_ms: i64,
    ) -> Result<Option<String>, StoreError> {
        let write = self.begin_write().await?;
        let mut next = open_orders(until_ms.saturating_sub(RESTORE_SETTLE_MS));
        if let Some(after) = after {
            next = next.filter(order::Column::Id.gt(after));
        }
        let found: Vec<String> = next
            .select_only()
            .column(order::Column::Id)
            .order_by_asc(order::Column::Id)
            .limit(BATCH)
            .lock_exclusive()
            .into_tuple()
            .all(&write.tx)
            .await?;
        let Some(last) = found.last().cloned() else { return Ok(None) };
        order::Entity::update_many()
            .col_expr(order::Column::UnrecordedUntil, Expr::value(until_ms))
            .filter(order::Column::Id.is_in(found))
            .exec(&write.tx)
            .await?;
        write.commit().await?;
        Ok(Some(last))
    }

    /// Asks for look-ups of the next payments, each a little later than the one before. Returns the last one and how many they were; `None`
    /// when there are no more.
    async fn look_up_open_payments(
        &self,
        after: Option<&str>,
        asked: i64,
    ) -> Result<Option<(String, i64)>, StoreError> {
        let mut write = self.begin_write().await?;
        let mut next = payment::Entity::find().filter(is_open());
        if let Some(after) = after {
            next = next.filter(payment::Column::OrderId.gt(after));
        }
        let orders: Vec<String> = next
            .select_only()
            .column(payment::Column::OrderId)
            .order_by_asc(payment::Column::OrderId)
            .limit(BATCH)
            .into_tuple()
            .all(&write.tx)
            .await?;
        let Some(last) = orders.last().cloned() else { return Ok(None) };
        let orders: Vec<&str> = orders.iter().map(String::as_str).collect();
        let payments = locked_payments(&write, &orders).await?;
        let mut count: i64 = 0;
        for payment in &payments {
            count = count.saturating_add(1);
            let place = asked.saturating_add(count);
            let at_ms = write.now_ms.saturating_add(place.saturating_mul(LOOK_UP_EVERY_MS));
            wanted_look_up(&mut write, payment, &Origin::default(), at_ms).await?;
        }
        write.commit().await?;
        Ok(Some((last, count)))
    }

    /// Signs everybody out, because a session that was ended since lives again, and writes the audit.
    async fn end_recovery(&self, planned: &Recovery) -> Result<(), StoreError> {
        let write = self.begin_write().await?;
        web_session::Entity::delete_many().exec(&write.tx).await?;
        let detail = serde_json::json!({
            "unknownFrom": planned.unknown_from_ms, "confirms": planned.confirms, "cancels": planned.cancels, "parked": planned.parked,
            "lookUps": planned.look_ups, "openOrders": planned.open, "sessions": planned.sessions, "sendsFrom": planned.sends_from_ms,
        });
        audit::record(
            &write,
            &Actor::system(),
            "database.recover",
            SUBJECT,
            None,
            None,
            Some(detail),
        )
        .await?;
        write.commit().await
    }
}

/// Orders that may still be paid by the database, made until an instant.
fn open_orders(until_ms: i64) -> Select<order::Entity> {
    order::Entity::find()
        .filter(Expr::col(order::Column::State).eq(word(OrderState::Open.word())))
        .filter(order::Column::CreatedAt.lte(until_ms))
}

/// The latest instant in a column.
async fn newest<E: EntityTrait>(
    all: Select<E>,
    column: impl ColumnTrait,
    read: &Read,
) -> Result<Option<i64>, StoreError> {
    let newest = all.select_only().column_as(column.max(), "newest").into_tuple().one(&read.tx);
    Ok(newest.await?.flatten())
}

fn live() -> impl Iterator<Item = &'static str> {
    JobState::ALL.into_iter().filter(|state| state.is_live()).map(JobState::word)
}

fn money() -> impl Iterator<Item = &'static str> {
    JobKind::ALL.into_iter().filter(|kind| kind.is_money()).map(JobKind::word)
}

fn live_money_jobs() -> sea_orm::Select<job::Entity> {
    let live = job::Column::State.is_in(live());
    job::Entity::find().filter(live.and(job::Column::Kind.is_in(money())))
}

/// Payments of which it is not known what became, or what becomes of their money.
fn is_open() -> Condition {
    // The words are constants, so that the partial indexes apply.
    let undecided = ["confirming", "confirm_unresolved"].map(word);
    Condition::any()
        .add(Expr::col((payment::Entity, payment::Column::State)).is_in(undecided))
        .add(Expr::col((payment::Entity, payment::Column::State)).eq(word("waiting_for_deposit")))
        .add(Expr::col((payment::Entity, payment::Column::OrderId)).in_subquery(orders_at_work()))
}

fn orders_at_work() -> SelectStatement {
    Query::select()
        .column(job::Column::OrderId)
        .from(job::Entity)
        .and_where(job::Column::State.is_in(live()))
        .and_where(job::Column::Kind.is_in(money()))
        .take()
}
