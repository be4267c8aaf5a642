//! What staff may do now, told to pages and the API. The same rules are asked again by whatever is then done.

use domain::action::{JobFacts, ReviewFacts, check_close_review};
use domain::attempt::PastAttempt;
use domain::cancellation::{Available, CancelRefusal, CancellationState, cancel_amount};
use domain::job::{ActionRefusal, JobState};
use domain::payment::PaymentState;
use domain::policy::ReviewReason;
use domain::refund_account::check_refund_account;
use domain::{OrderId, Won};
use entities::{cancellation, job, order, payment};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, PaginatorTrait as _, QueryFilter as _,
};

use crate::accept_cancel::{left_to_cancel, lost_amounts};
use crate::connection::Store;
use crate::error::StoreError;
use crate::rows;

/// What staff may do with a payment now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentOffers {
    /// Whose payment.
    pub order_id: String,
    /// For whose staff it is.
    pub store_id: String,
    /// What was seen here: an action that names it is refused once the payment has changed.
    pub version: i64,
    /// Where it stands.
    pub state: PaymentState,
    /// Why a person should look, in a word.
    pub review_reason: Option<String>,
    /// Since when, in milliseconds UTC.
    pub review_since_ms: Option<i64>,
    /// Whether that can be closed, or why not.
    pub close_review: Result<(), ActionRefusal>,
    /// What can be cancelled at most, or why nothing can.
    pub cancel: Result<Available, CancelRefusal>,
    /// Whether only the whole of it can be cancelled.
    pub is_whole_only: bool,
    /// Whether a cancel needs an account to refund to.
    pub needs_refund_account: bool,
    /// What went back by cancels whose records were lost with a database: one of the same amount has to be said to be another.
    pub lost: Vec<Won>,
}

/// A job as the rules see it.
pub(crate) fn job_facts<'a>(
    job: &job::Model,
    confirm_by: i64,
    cancellation: Option<&cancellation::Model>,
    past: &'a [PastAttempt],
    now_ms: i64,
) -> Result<JobFacts<'a>, StoreError> {
    Ok(JobFacts {
        kind: rows::job_kind(job)?,
        state: rows::job_state(job)?,
        parked_for: job.park_reason.as_deref().and_then(ReviewReason::from_word),
        cancellation: cancellation.map(rows::cancellation_state).transpose()?,
        window_ends_ms: confirm_by,
        now_ms,
        history: rows::history(job, past)?,
    })
}

/// A payment that a person is asked about, as the rules see it.
pub(super) async fn review_facts(
    connection: &impl ConnectionTrait,
    payment: &payment::Model,
) -> Result<ReviewFacts, StoreError> {
    let of_payment = job::Entity::find().filter(job::Column::OrderId.eq(&payment.order_id));
    let going_on = [JobState::Queued, JobState::Running, JobState::Waiting].map(JobState::word);
    let parked = of_payment.clone().filter(job::Column::State.eq(JobState::Parked.word()));
    let under_way = of_payment.filter(job::Column::State.is_in(going_on));
    let is_open = CancellationState::ALL.into_iter().filter(|state| state.is_open());
    let open = cancellation::Entity::find()
        .filter(cancellation::Column::OrderId.eq(&payment.order_id))
        .filter(cancellation::Column::State.is_in(is_open.map(CancellationState::word)));
    let known = payment.review_reason.as_deref();
    let reason = known
        .map(|word| {
            ReviewReason::from_word(word).ok_or_else(|| {
                rows::unreadable("payments", &payment.order_id, "review_reason", word)
            })
        })
        .transpose()?;
    Ok(ReviewFacts {
        state: rows::payment_state(payment)?,
        reason,
        has_parked_job: parked.count(connection).await? > 0,
        has_job_under_way: under_way.count(connection).await? > 0,
        has_open_cancellation: open.count(connection).await? > 0,
    })
}

impl Store {
    /// What staff may do with the payment of an order now; `None` when there is no such order, or nobody has tried to pay it.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or a row cannot be read.
    pub async fn find_payment_offers(
        &self,
        order_id: &OrderId,
    ) -> Result<Option<PaymentOffers>, StoreError> {
        self.bounded(self.read_payment_offers(order_id)).await
    }

    async fn read_payment_offers(
        &self,
        order_id: &OrderId,
    ) -> Result<Option<PaymentOffers>, StoreError> {
        let read = self.begin_read().await?;
        let order = order::Entity::find_by_id(order_id.as_str()).one(&read.tx).await?;
        let payment = payment::Entity::find_by_id(order_id.as_str()).one(&read.tx).await?;
        let (Some(order), Some(payment)) = (order, payment) else { return Ok(None) };
        let known = cancellation::Entity::find()
            .filter(cancellation::Column::OrderId.eq(order_id.as_str()))
            .all(&read.tx)
            .await?;
        let review = review_facts(&read.tx, &payment).await?;
        read.end().await?;
        let state = review.state;
        let left = left_to_cancel(&order, &payment, &known)?;
        let whole = payment.is_partial_cancelable;
        let cancel = cancel_amount(state, left.balance, left.reserved, whole, None);
        let needs_account = check_refund_account(payment.bank_code.is_some(), state, false);
        Ok(Some(PaymentOffers {
            order_id: payment.order_id,
            store_id: payment.store_id,
            version: payment.version,
            state,
            review_reason: payment.review_reason,
            review_since_ms: payment.review_since,
            close_review: check_close_review(&review),
            cancel: cancel.map(|total| Available { total, tax_free: left.tax_free.min(total) }),
            is_whole_only: state == PaymentState::WaitingForDeposit || whole == Some(false),
            needs_refund_account: needs_account == Err(CancelRefusal::RefundAccountNeeded),
            lost: lost_amounts(&known)?,
        }))
    }
}

/// What of a payment is neither given back nor promised.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeftToCancel {
    /// What Toss has left.
    pub(crate) balance: Won,
    /// What open cancellations reserve of it.
    pub(crate) reserved: Won,
    /// What is left free of tax.
    pub(crate) tax_free: Won,
}
