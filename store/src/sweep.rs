//! Payments that time has left behind: whatever is neither final nor visibly waiting past its time gets a look-up, and when that did not
//! help, a person.
//!
//! Nothing should ever come here but accounts whose time passed, of which Toss tells nothing. The rest is what a defect or a hand in the
//! database would leave: an undecided payment or an open cancellation without a job.

use domain::job::{JobKind, JobState};
use domain::limits::{CONFIRM_PROOF_MS, DEPOSIT_DAYS_MAX, DEPOSIT_TAIL_MS};
use domain::policy::ReviewReason;
use domain::retention::DAY_MS;
use entities::{cancellation, job, payment};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _, Query, SelectStatement};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::connection::{Store, Write};
use crate::error::StoreError;
use crate::operate::wanted_look_up;
use crate::origin::Origin;
use crate::sql::word;

/// How long a payment that was swept is left alone: longer than a look-up takes to be done or parked.
const SWEEP_AGAIN_MS: i64 = 60 * 60_000;
/// How long an open cancellation may be without a job: it never is, but for the moment in which it is accepted.
const JOBLESS_MS: i64 = 60_000;

impl Store {
    /// Asks for look-ups of payments that time has left behind, at most `limit` of each kind; returns how many there were.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing was changed then.
    pub async fn sweep_payments(&self, limit: u64) -> Result<usize, StoreError> {
        self.retried(|| self.sweep_payments_once(limit)).await
    }

    async fn sweep_payments_once(&self, limit: u64) -> Result<usize, StoreError> {
        let now_ms = self.now_ms().await?;
        let mut left: Vec<String> = Vec::new();
        for behind in [deposits_overdue(now_ms), undecided_without_job(now_ms)] {
            let found = payment::Entity::find()
                .select_only()
                .column(payment::Column::OrderId)
                .filter(behind)
                .filter(payment::Column::SweepAt.lte(now_ms))
                // Each by the index that holds nothing but such as these, however many others there are.
                .order_by_asc(payment::Column::AcceptedAt)
                .limit(limit)
                .into_tuple::<String>()
                .all(&self.db)
                .await?;
            left.extend(found);
        }
        left.extend(self.orders_of_jobless_cancellations(now_ms, limit).await?);
        if left.is_empty() {
            return Ok(0);
        }
        let mut write = self.begin_write().await?;
        let payments = payment::Entity::find()
            .filter(payment::Column::OrderId.is_in(left))
            .filter(payment::Column::SweepAt.lte(write.now_ms))
            .order_by_asc(payment::Column::OrderId)
            .lock_exclusive()
            .all(&write.tx)
            .await?;
        let count = payments.len();
        for payment in payments {
            sweep(&mut write, payment).await?;
        }
        write.commit().await?;
        Ok(count)
    }

    async fn orders_of_jobless_cancellations(
        &self,
        now_ms: i64,
        limit: u64,
    ) -> Result<Vec<String>, StoreError> {
        let open = ["requested", "sending", "unresolved"].map(word);
        let own = Expr::col((job::Entity, job::Column::CancellationId))
            .equals((cancellation::Entity, cancellation::Column::Id));
        Ok(cancellation::Entity::find()
            .select_only()
            .column(cancellation::Column::OrderId)
            .filter(Expr::col(cancellation::Column::State).is_in(open))
            .filter(cancellation::Column::RequestedAt.lte(now_ms.saturating_sub(JOBLESS_MS)))
            .filter(Expr::exists(live_jobs(own)).not())
            .order_by_asc(cancellation::Column::RequestedAt)
            .limit(limit)
            .into_tuple()
            .all(&self.db)
            .await?)
    }
}

/// Accounts whose time passed, and which the next look-up will show to be over.
fn deposits_overdue(now_ms: i64) -> Expr {
    let state =
        Expr::col((payment::Entity, payment::Column::State)).eq(word("waiting_for_deposit"));
    let due = payment::Column::DepositDueAt.lte(now_ms.saturating_sub(DEPOSIT_TAIL_MS));
    let longest_ms = DEPOSIT_DAYS_MAX.saturating_mul(DAY_MS);
    let without_due = payment::Column::DepositDueAt
        .is_null()
        .and(payment::Column::AcceptedAt.lte(now_ms.saturating_sub(longest_ms)));
    state.and(due.or(without_due))
}

/// Payments whose confirm should have been decided, and that nobody is at work on.
fn undecided_without_job(now_ms: i64) -> Expr {
    let undecided = ["confirming", "confirm_unresolved"].map(word);
    let own = Expr::col((job::Entity, job::Column::OrderId))
        .equals((payment::Entity, payment::Column::OrderId));
    let deciding = [JobKind::Confirm, JobKind::LookUp].map(JobKind::word);
    Expr::col((payment::Entity, payment::Column::State))
        .is_in(undecided)
        .and(payment::Column::AcceptedAt.lte(now_ms.saturating_sub(CONFIRM_PROOF_MS)))
        .and(Expr::exists(live_jobs(own.and(job::Column::Kind.is_in(deciding)))).not())
}

fn live_jobs(which: Expr) -> SelectStatement {
    let live = JobState::ALL.into_iter().filter(|state| state.is_live()).map(JobState::word);
    Query::select()
        .expr(Expr::value(1))
        .from(job::Entity)
        .and_where(which)
        .and_where(job::Column::State.is_in(live))
        .take()
}

/// The first time a look-up; when that ended and the payment is still there, a person.
async fn sweep(write: &mut Write<'_>, payment: payment::Model) -> Result<(), StoreError> {
    let is_again = payment.sweep_at > 0 && payment.review_reason.is_none();
    if is_again {
        tracing::error!(order_id = %payment.order_id, state = payment.state, alert = "payment_left_behind",
            "a payment is past its time, and a look-up did not help");
    } else {
        tracing::warn!(order_id = %payment.order_id, state = payment.state, "a payment is past its time: it is looked up");
    }
    // In a moment: by the relay, which publishes what is due.
    let soon_ms = write.now_ms.saturating_add(1);
    wanted_look_up(write, &payment, &Origin::default(), soon_ms).await?;
    let order_id = payment.order_id.clone();
    let version = payment.version.saturating_add(1);
    let mut row = payment.into_active_model();
    row.sweep_at = Set(write.now_ms.saturating_add(SWEEP_AGAIN_MS));
    if is_again {
        row.review_reason = Set(Some(ReviewReason::LeftBehind.word().to_owned()));
        row.review_since = Set(Some(write.now_ms));
        row.version = Set(version);
        write.raise_order_version(&order_id);
    }
    row.updated_at = Set(write.now_ms);
    row.update(&write.tx).await?;
    Ok(())
}
