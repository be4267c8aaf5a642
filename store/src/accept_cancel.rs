//! Accepting a cancel: the cancellation and its job in one transaction, its amount fixed and reserved there. Two at once can never
//! promise more than what is left, because each takes the payment under the write lock.

use domain::cancellation::{
    Available, CancelRefusal, CancellationState, cancel_amount, check_repeats_no_lost,
    tax_free_part,
};
use domain::job::JobKind;
use domain::refund_account::check_refund_account;
use domain::{CancellationId, OrderId, RefundAccount, Won, limits};
use entities::{cancellation, order, payment};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, DbErr, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QuerySelect as _,
};

use crate::accept_confirm::new_job;
use crate::audit;
use crate::connection::{Conflict, Store, Write};
use crate::error::StoreError;
use crate::idempotency::{self, CallerKey, Reserved};
use crate::operate::{Actor, LeftToCancel};
use crate::refund_accounts;
use crate::relayed::PublishedJob;
use crate::rows;
use crate::settle::is_lost;

/// A cancel to accept.
#[derive(Debug, Clone)]
pub struct AcceptCancel {
    /// The order whose payment is cancelled.
    pub order_id: OrderId,
    /// How much; `None` for all that is left.
    pub amount: Option<Won>,
    /// How much of it is free of tax; `None` for the part that the domain's rule gives.
    pub tax_free_amount: Option<Won>,
    /// Where the money goes: for virtual accounts after their deposit only.
    pub refund_account: Option<RefundAccount>,
    /// Why, in the staff's words.
    pub reason: String,
    /// Whether it is meant besides any lost cancel of its amount that was found at Toss: see [`CancelRefusal::MayRepeatLost`].
    pub is_another: bool,
    /// Who asks.
    pub actor: Actor,
    /// The caller's idempotency key.
    pub key: CallerKey,
}

/// A cancel that is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedCancel {
    /// Its record.
    pub cancellation_id: CancellationId,
    /// The job that will do it: publish it now, or the relay will. `None` for a repeat, whose job was made before.
    pub job: Option<PublishedJob>,
    /// Whether it had been accepted before under the same key.
    pub is_replay: bool,
}

/// Why a cancel is not accepted. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum AcceptCancelError {
    /// There is no such order.
    #[error("the order is unknown")]
    UnknownOrder,
    /// Nobody has tried to pay it.
    #[error("the order has no payment")]
    NoPayment,
    /// The rules refuse it.
    #[error(transparent)]
    Refused(CancelRefusal),
    /// It has as many cancellations as a payment may have.
    #[error("the payment has too many cancellations")]
    TooMany,
    /// The idempotency key was used with another body.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The database failed; repeating with the same key is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for AcceptCancelError {
    fn from(error: DbErr) -> AcceptCancelError {
        AcceptCancelError::Store(error.into())
    }
}

impl Conflict for AcceptCancelError {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            AcceptCancelError::Store(error) => Some(error),
            AcceptCancelError::UnknownOrder
            | AcceptCancelError::NoPayment
            | AcceptCancelError::Refused(_)
            | AcceptCancelError::TooMany
            | AcceptCancelError::KeyReused => None,
        }
    }
}

impl Store {
    /// Records a cancel and the job that does it, and reserves its amount.
    ///
    /// # Errors
    /// [`AcceptCancelError`] says why not; nothing was changed then.
    pub async fn accept_cancel(
        &self,
        cancel: &AcceptCancel,
    ) -> Result<AcceptedCancel, AcceptCancelError> {
        self.retried(|| self.accept_cancel_once(cancel)).await
    }

    async fn accept_cancel_once(
        &self,
        cancel: &AcceptCancel,
    ) -> Result<AcceptedCancel, AcceptCancelError> {
        let mut write = self.begin_write().await?;
        let order = order::Entity::find_by_id(cancel.order_id.as_str())
            .lock_exclusive()
            .one(&write.tx)
            .await?
            .ok_or(AcceptCancelError::UnknownOrder)?;
        let cancellation_id = write.new_id();
        match idempotency::reserve(&write, &cancel.key, &cancellation_id).await? {
            Reserved::New => {}
            Reserved::Replay { subject } => return replayed(subject),
            Reserved::OtherBody => return Err(AcceptCancelError::KeyReused),
        }
        crash::point!("accept 4", "a cancel's idempotency key is written", "the cancel");
        let payment = payment::Entity::find_by_id(order.id.as_str())
            .lock_exclusive()
            .one(&write.tx)
            .await?
            .ok_or(AcceptCancelError::NoPayment)?;
        let (amount, tax_free) = allowed_amount(&write, &order, &payment, cancel).await?;
        let is_virtual_account = payment.bank_code.is_some();
        let state = rows::payment_state(&payment)?;
        check_refund_account(is_virtual_account, state, cancel.refund_account.is_some())
            .map_err(AcceptCancelError::Refused)?;
        let mut row = new_cancellation(&cancellation_id, (amount, tax_free), cancel, write.now_ms);
        if let Some(account) = &cancel.refund_account {
            let sealed = refund_accounts::seal(self.seal_key.as_ref(), account, &cancellation_id);
            row.refund_account = Some(sealed?);
        }
        row.into_active_model().reset_all().insert(&write.tx).await?;
        crash::point!("accept 5", "a cancel and its key are written", "its job");
        let id = Some(cancellation_id.clone());
        let mut job = new_job(&write, JobKind::Cancel, &payment, id, &cancel.actor.origin);
        job.amount = amount.get();
        let published = PublishedJob::of(&job, JobKind::Cancel);
        job.into_active_model().reset_all().insert(&write.tx).await?;
        crash::point!("accept 6", "a cancel and its job are written", "its audit");
        let detail = serde_json::json!({ "amount": amount.get(), "cancelId": cancellation_id });
        let store_id = Some(order.store_id.as_str());
        let reason = Some(cancel.reason.as_str());
        audit::record(
            &write,
            &cancel.actor,
            "cancel.request",
            &order.id,
            store_id,
            reason,
            Some(detail),
        )
        .await?;
        crash::point!("accept 7", "all of a cancel is written", "its commit");
        write.raise_order_version(&order.id);
        write.commit().await?;
        crash::point!("accept 8", "a cancel is committed", "its publication and the answer");
        Ok(AcceptedCancel {
            cancellation_id: readable_id(cancellation_id)?,
            job: Some(published),
            is_replay: false,
        })
    }
}

fn readable_id(id: String) -> Result<CancellationId, StoreError> {
    CancellationId::parse(id.clone()).map_err(|_| StoreError::UnreadableRow {
        table: "cancellations",
        id: id.clone(),
        column: "id",
        value: id,
    })
}

/// What goes back, and what of it is free of tax: `None` for an order without such a part.
async fn allowed_amount(
    write: &Write<'_>,
    order: &order::Model,
    payment: &payment::Model,
    asked: &AcceptCancel,
) -> Result<(Won, Option<Won>), AcceptCancelError> {
    let known = cancellation::Entity::find()
        .filter(cancellation::Column::OrderId.eq(&payment.order_id))
        .all(&write.tx)
        .await?;
    if u64::try_from(known.len()).unwrap_or(u64::MAX) >= limits::CANCELLATIONS_MAX {
        return Err(AcceptCancelError::TooMany);
    }
    let LeftToCancel { balance, reserved, tax_free } = left_to_cancel(order, payment, &known)?;
    let state = rows::payment_state(payment)?;
    let is_partial_cancelable = payment.is_partial_cancelable;
    let amount = cancel_amount(state, balance, reserved, is_partial_cancelable, asked.amount)
        .map_err(AcceptCancelError::Refused)?;
    if !asked.is_another {
        check_repeats_no_lost(&lost_amounts(&known)?, asked.amount, amount)
            .map_err(AcceptCancelError::Refused)?;
    }
    let total = balance.minus(reserved).unwrap_or(Won::ZERO);
    let part = tax_free_part(Available { total, tax_free }, amount, asked.tax_free_amount)
        .map_err(AcceptCancelError::Refused)?;
    let is_told = !rows::tax_free_amount(order, payment)?.is_zero();
    Ok((amount, is_told.then_some(part)))
}

/// What went back by cancels whose own rows were lost.
pub(crate) fn lost_amounts(known: &[cancellation::Model]) -> Result<Vec<Won>, StoreError> {
    let lost = known.iter().filter(|row| is_lost(row));
    lost.map(|row| rows::won("cancellations", &row.id, "amount", row.amount)).collect()
}

/// What is left of a payment, by all of its cancellations.
pub(crate) fn left_to_cancel(
    order: &order::Model,
    payment: &payment::Model,
    known: &[cancellation::Model],
) -> Result<LeftToCancel, StoreError> {
    let mut reserved = Won::ZERO;
    let mut tax_free = rows::tax_free_amount(order, payment)?;
    for row in known {
        let state = rows::cancellation_state(row)?;
        if state != CancellationState::Refused {
            tax_free = tax_free.minus(rows::tax_free_part(row)?).unwrap_or(Won::ZERO);
        }
        if state.is_open() {
            let amount = rows::won("cancellations", &row.id, "amount", row.amount)?;
            // More than can be represented is more than any balance.
            reserved = reserved.plus(amount).unwrap_or(Won::MAX);
        }
    }
    let balance = rows::won("payments", &payment.order_id, "balance", payment.balance)?;
    Ok(LeftToCancel { balance, reserved, tax_free })
}

fn replayed(cancellation_id: String) -> Result<AcceptedCancel, AcceptCancelError> {
    let cancellation_id = readable_id(cancellation_id)?;
    Ok(AcceptedCancel { cancellation_id, job: None, is_replay: true })
}

fn new_cancellation(
    id: &str,
    (amount, tax_free): (Won, Option<Won>),
    cancel: &AcceptCancel,
    now_ms: i64,
) -> cancellation::Model {
    cancellation::Model {
        id: id.to_owned(),
        order_id: cancel.order_id.as_str().to_owned(),
        amount: amount.get(),
        reason: cancel.reason.clone(),
        requested_by: cancel.actor.id.clone(),
        role: cancel.actor.role_word().to_owned(),
        state: CancellationState::Requested.word().to_owned(),
        transaction_key: None,
        requested_at: now_ms,
        cancelled_at: None,
        failure_code: None,
        failure_message: None,
        updated_at: now_ms,
        tax_free_amount: tax_free.map(Won::get),
        refund_account: None,
    }
}
