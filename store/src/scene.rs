//! Everything that a decision about one job looks at, taken under the write lock in the order that all writes use.

use domain::answer::FailureClass;
use domain::attempt::{Operation, PastAttempt};
use domain::cancellation::cancel_tag;
use domain::job::JobKind;
use domain::policy::CancelFacts;
use domain::{Won, limits};
use entities::{attempt, cancellation, job, order, payment};
use sea_orm::sea_query::ExprTrait as _;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, QueryTrait as _,
};

use crate::connection::Write;
use crate::error::StoreError;
use crate::rows;

/// One job with its payment and cancellation.
pub(crate) struct Scene {
    pub(crate) payment: payment::Model,
    pub(crate) job: job::Model,
    pub(crate) cancellation: Option<cancellation::Model>,
    /// The order's personal data was blanked: what Toss tells about its customer is not kept again.
    pub(crate) is_erased: bool,
    /// The number of the last attempt, 0 for none.
    pub(crate) attempts_recorded: i32,
}

impl Scene {
    /// Takes the rows; `None` when there is no such job.
    pub(crate) async fn load(write: &Write<'_>, job_id: &str) -> Result<Option<Scene>, StoreError> {
        let Some(found) = job::Entity::find_by_id(job_id).one(&write.tx).await? else {
            return Ok(None);
        };
        let missing = |what: &str| DbErr::RecordNotFound(format!("{what} of job {job_id}"));
        let order = order::Entity::find_by_id(found.order_id.as_str())
            .lock_exclusive()
            .one(&write.tx)
            .await?
            .ok_or_else(|| missing("the order"))?;
        let payment = payment::Entity::find_by_id(found.order_id.as_str())
            .lock_exclusive()
            .one(&write.tx)
            .await?
            .ok_or_else(|| missing("the payment"))?;
        let cancellation = match &found.cancellation_id {
            Some(id) => {
                cancellation::Entity::find_by_id(id.as_str())
                    .lock_exclusive()
                    .one(&write.tx)
                    .await?
            }
            None => None,
        };
        // It may have been pruned while this waited for the locks.
        let Some(job) = job::Entity::find_by_id(job_id).lock_exclusive().one(&write.tx).await?
        else {
            return Ok(None);
        };
        let recorded = attempt::Entity::find()
            .filter(attempt::Column::JobId.eq(job_id))
            .count(&write.tx)
            .await?;
        let attempts_recorded = i32::try_from(recorded).unwrap_or(i32::MAX);
        let is_erased = order.erased_at.is_some();
        Ok(Some(Scene { payment, job, cancellation, is_erased, attempts_recorded }))
    }

    /// The job's attempts, oldest first. A confirm also sees the look-ups that others made of its payment.
    pub(crate) async fn history(&self, write: &Write<'_>) -> Result<Vec<PastAttempt>, StoreError> {
        history(&write.tx, &self.job).await
    }

    /// The job's own attempts, oldest first.
    pub(crate) async fn own_history(
        &self,
        write: &Write<'_>,
    ) -> Result<Vec<PastAttempt>, StoreError> {
        past(&write.tx, attempt::Column::JobId.eq(&self.job.id)).await
    }

    /// The attempts that say whether the payment was confirmed: its confirms, and every look-up of it outside of cancels.
    pub(crate) async fn confirm_history(
        &self,
        write: &Write<'_>,
    ) -> Result<Vec<PastAttempt>, StoreError> {
        confirm_history(&write.tx, &self.job.order_id).await
    }

    /// What decisions know about a cancellation of this payment.
    pub(crate) async fn cancel_facts(
        &self,
        write: &Write<'_>,
        cancel: &cancellation::Model,
    ) -> Result<CancelFacts, StoreError> {
        let all = self.cancellations(write).await?;
        let amount: Won = rows::won("cancellations", &cancel.id, "amount", cancel.amount)?;
        Ok(CancelFacts {
            id: cancel.id.clone(),
            amount,
            state: rows::cancellation_state(cancel)?,
            requested_at_ms: cancel.requested_at,
            other_tags: all
                .iter()
                .filter(|row| row.id != cancel.id)
                .map(|row| cancel_tag(&row.id))
                .collect(),
            known_transaction_keys: all
                .iter()
                .filter_map(|row| row.transaction_key.clone())
                .collect(),
        })
    }

    /// Every cancellation of the payment, oldest first.
    pub(crate) async fn cancellations(
        &self,
        write: &Write<'_>,
    ) -> Result<Vec<cancellation::Model>, StoreError> {
        Ok(cancellation::Entity::find()
            .filter(cancellation::Column::OrderId.eq(&self.job.order_id))
            .order_by_asc(cancellation::Column::RequestedAt)
            .order_by_asc(cancellation::Column::Id)
            .all(&write.tx)
            .await?)
    }
}

/// What decisions about a job see of the past, oldest first.
pub(crate) async fn history(
    connection: &impl ConnectionTrait,
    job: &job::Model,
) -> Result<Vec<PastAttempt>, StoreError> {
    if job.kind == JobKind::Confirm.word() {
        return confirm_history(connection, &job.order_id).await;
    }
    past(connection, attempt::Column::JobId.eq(&job.id)).await
}

async fn confirm_history(
    connection: &impl ConnectionTrait,
    order_id: &str,
) -> Result<Vec<PastAttempt>, StoreError> {
    let cancels = job::Entity::find()
        .filter(job::Column::OrderId.eq(order_id))
        .filter(job::Column::Kind.eq(JobKind::Cancel.word()))
        .select_only()
        .column(job::Column::Id)
        .into_query();
    let of_confirm = attempt::Column::OrderId
        .eq(order_id)
        .and(attempt::Column::Operation.ne(Operation::Cancel.word()))
        .and(attempt::Column::JobId.not_in_subquery(cancels));
    past(connection, of_confirm).await
}

/// The last attempts that match, oldest first, and whatever stands before them that may have moved money: hours of failed look-ups
/// must not hide the call that they are about.
async fn past(
    connection: &impl ConnectionTrait,
    matching: sea_orm::sea_query::Expr,
) -> Result<Vec<PastAttempt>, StoreError> {
    let newest_first = attempt::Entity::find()
        .filter(matching)
        .order_by_desc(attempt::Column::StartedAt)
        .order_by_desc(attempt::Column::Number);
    let mut rows = newest_first.clone().limit(limits::HISTORY_MAX).all(connection).await?;
    let is_cut = u64::try_from(rows.len()).unwrap_or(u64::MAX) >= limits::HISTORY_MAX;
    if let (true, Some(oldest)) = (is_cut, rows.last()) {
        let nothing_done = [FailureClass::Unsent, FailureClass::Throttled].map(FailureClass::word);
        let may_have_moved_money =
            attempt::Column::Verdict.is_null().or(attempt::Column::Verdict.is_not_in(nothing_done));
        let before = newest_first
            .filter(attempt::Column::StartedAt.lt(oldest.started_at))
            .filter(attempt::Column::Operation.ne(Operation::LookUp.word()))
            .filter(may_have_moved_money)
            .limit(limits::HISTORY_MAX)
            .all(connection)
            .await?;
        rows.extend(before);
    }
    rows.reverse();
    rows.iter().map(rows::past_attempt).collect()
}
