//! What a reconciliation needs: its own row, our payments and cancellations to compare, and look-ups in the usual way.
//!
//! Nothing of a payment is changed in here: a look-up that is asked for is a job like any other, and its answer is settled like any other.

mod ours;

pub use ours::OurRecord;

use domain::limits::RELAY_BATCH_MAX;
use domain::reconcile::Range;
use domain::retention::DAY_MS;
use entities::reconciliation;
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, DbErr, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::connection::{Store, Write};
use crate::error::StoreError;
use crate::findings::close_unseen;
use crate::operate::{locked_payments, wanted_look_up};
use crate::origin::Origin;

const RUNNING: &str = "running";
const DONE: &str = "done";
const STOPPED: &str = "stopped";

/// One comparison of our records with Toss's. Whoever does it counts in it, and has it kept after every window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciliation {
    /// Ours.
    pub id: String,
    /// Whose account at Toss.
    pub merchant: String,
    /// The time that is compared.
    pub range: Range,
    /// Everything before this instant was compared.
    pub compared_to_ms: i64,
    /// When it began, in milliseconds UTC.
    pub started_at_ms: i64,
    /// Pages of Toss's list.
    pub pages: i64,
    /// Records in them.
    pub transactions: i64,
    /// Those that do not say whose they are.
    pub unreadable: i64,
    /// Payments that Toss was asked about.
    pub looked_up: i64,
    /// Findings that are new.
    pub opened: i64,
    /// Findings that were there no more.
    pub closed: i64,
}

impl Store {
    /// Begins a run, or goes on with one of the same range that was cut off within the last day.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn begin_reconciliation(
        &self,
        merchant: &str,
        range: Range,
    ) -> Result<Reconciliation, StoreError> {
        self.retried(|| self.begin_reconciliation_once(merchant, range)).await
    }

    async fn begin_reconciliation_once(
        &self,
        merchant: &str,
        range: Range,
    ) -> Result<Reconciliation, StoreError> {
        let write = self.begin_write().await?;
        let unfinished = reconciliation::Entity::find()
            .filter(reconciliation::Column::Merchant.eq(merchant))
            .filter(reconciliation::Column::StartedAt.gte(write.now_ms.saturating_sub(DAY_MS)))
            .filter(reconciliation::Column::RangeFrom.eq(range.from_ms))
            .filter(reconciliation::Column::RangeTo.eq(range.to_ms))
            .filter(reconciliation::Column::State.ne(DONE))
            .order_by_desc(reconciliation::Column::StartedAt)
            .lock_exclusive()
            .one(&write.tx)
            .await?;
        let row = match unfinished {
            Some(row) => {
                let mut row = row.into_active_model();
                row.state = Set(RUNNING.to_owned());
                row.problem = Set(None);
                row.ended_at = Set(None);
                row.update(&write.tx).await?
            }
            None => {
                let row = new_row(&write, merchant, range).into_active_model();
                row.reset_all().insert(&write.tx).await?
            }
        };
        write.commit().await?;
        Ok(run_of(&row))
    }

    /// Keeps how far a run came: it goes on from there if it is cut off.
    ///
    /// # Errors
    /// [`StoreError::Database`]; the window is compared again then.
    pub async fn keep_reconciliation(&self, run: &Reconciliation) -> Result<(), StoreError> {
        self.retried(|| self.write_run(run, RUNNING, None)).await
    }

    /// Ends a run before it is through, with a code that says why.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn stop_reconciliation(
        &self,
        run: &Reconciliation,
        problem: &str,
    ) -> Result<(), StoreError> {
        self.retried(|| self.write_run(run, STOPPED, Some(problem))).await
    }

    /// Ends a run that is through: what it saw no more of its time is closed, unless it could not read everything.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing was closed then.
    pub async fn end_reconciliation(&self, run: &mut Reconciliation) -> Result<(), StoreError> {
        let closed = self.retried(|| self.end_reconciliation_once(run)).await?;
        run.closed = run.closed.saturating_add(closed);
        Ok(())
    }

    async fn end_reconciliation_once(&self, run: &Reconciliation) -> Result<i64, StoreError> {
        let write = self.begin_write().await?;
        let closed = if run.unreadable == 0 {
            close_unseen(&write, &run.merchant, run.range, run.started_at_ms).await?
        } else {
            0
        };
        let closed = i64::try_from(closed).unwrap_or(i64::MAX);
        let ended = Reconciliation { closed: run.closed.saturating_add(closed), ..run.clone() };
        update(&write, &ended, DONE, None).await?;
        write.commit().await?;
        Ok(closed)
    }

    async fn write_run(
        &self,
        run: &Reconciliation,
        state: &str,
        problem: Option<&str>,
    ) -> Result<(), StoreError> {
        let write = self.begin_write().await?;
        update(&write, run, state, problem).await?;
        write.commit().await
    }

    /// Has Toss asked where the payments of these orders stand, in the usual way. The jobs are due at once.
    ///
    /// # Errors
    /// [`StoreError`]; asking again does no harm.
    pub async fn ask_look_ups(&self, order_ids: &[&str]) -> Result<(), StoreError> {
        let batch = usize::try_from(RELAY_BATCH_MAX).unwrap_or(1);
        for orders in order_ids.chunks(batch) {
            let jobs = self.retried(|| self.ask_look_ups_once(orders)).await?;
            // Nobody is here who could publish them: the relay of any process does.
            self.return_unpublished(&jobs).await?;
        }
        Ok(())
    }

    async fn ask_look_ups_once(&self, order_ids: &[&str]) -> Result<Vec<String>, StoreError> {
        let mut write = self.begin_write().await?;
        let payments = locked_payments(&write, order_ids).await?;
        let mut jobs = Vec::with_capacity(payments.len());
        for payment in &payments {
            let job = wanted_look_up(&mut write, payment, &Origin::default(), 0).await?;
            jobs.extend(job.map(|job| job.id));
        }
        write.commit().await?;
        Ok(jobs)
    }
}

async fn update(
    write: &Write<'_>,
    run: &Reconciliation,
    state: &str,
    problem: Option<&str>,
) -> Result<(), StoreError> {
    let row = reconciliation::Entity::find_by_id(&run.id).one(&write.tx).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound(format!("reconciliation {}", run.id)))?;
    let mut row = row.into_active_model();
    row.compared_to = Set(run.compared_to_ms);
    row.state = Set(state.to_owned());
    row.problem = Set(problem.map(str::to_owned));
    row.pages = Set(run.pages);
    row.transactions = Set(run.transactions);
    row.unreadable = Set(run.unreadable);
    row.looked_up = Set(run.looked_up);
    row.opened = Set(run.opened);
    row.closed = Set(run.closed);
    row.ended_at = Set((state != RUNNING).then_some(write.now_ms));
    row.update(&write.tx).await?;
    Ok(())
}

fn new_row(write: &Write<'_>, merchant: &str, range: Range) -> reconciliation::Model {
    reconciliation::Model {
        id: write.new_id(),
        merchant: merchant.to_owned(),
        range_from: range.from_ms,
        range_to: range.to_ms,
        compared_to: range.from_ms,
        state: RUNNING.to_owned(),
        problem: None,
        pages: 0,
        transactions: 0,
        unreadable: 0,
        looked_up: 0,
        opened: 0,
        closed: 0,
        started_at: write.now_ms,
        ended_at: None,
    }
}

fn run_of(row: &reconciliation::Model) -> Reconciliation {
    Reconciliation {
        id: row.id.clone(),
        merchant: row.merchant.clone(),
        range: Range { from_ms: row.range_from, to_ms: row.range_to },
        compared_to_ms: row.compared_to,
        started_at_ms: row.started_at,
        pages: row.pages,
        transactions: row.transactions,
        unreadable: row.unreadable,
        looked_up: row.looked_up,
        opened: row.opened,
        closed: row.closed,
    }
}
