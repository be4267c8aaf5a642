//! Accepting a confirm: the payment, its job and the order's state in one transaction. A repeat finds what the first one made.

use domain::customer::{GUEST_KEY, names_its_customer};
use domain::job::{JobKind, JobState};
use domain::order::{NotPayable, OrderState};
use domain::payment::PaymentState;
use domain::{OrderId, PaymentKey, Won, limits};
use entities::{job, order, payment};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, DbErr, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QuerySelect as _,
};

use crate::connection::{Conflict, Store, Write};
use crate::error::StoreError;
use crate::origin::Origin;
use crate::relayed::PublishedJob;
use crate::rows;

/// A confirm to accept, as the redirect from the payment window brought it.
#[derive(Debug, Clone)]
pub struct AcceptConfirm {
    /// The order.
    pub order_id: OrderId,
    /// Toss's name of the authenticated payment.
    pub payment_key: PaymentKey,
    /// What the redirect says was paid; compared with the order before anything else.
    pub amount: Won,
    /// What the redirect named: NORMAL, BRANDPAY.
    pub payment_type: Option<String>,
    /// The request that brought it.
    pub origin: Origin,
}

/// A confirm that is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedConfirm {
    /// The job that will do it: publish it now, or the relay will. `None` for a repeat, whose job was made before.
    pub job: Option<PublishedJob>,
    /// Whether it had been accepted before.
    pub is_replay: bool,
}

/// Why a confirm is not accepted. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum AcceptConfirmError {
    /// There is no such order.
    #[error("the order is unknown")]
    UnknownOrder,
    /// The amount is not the order's.
    #[error("the order costs {amount} won")]
    AmountDiffers {
        /// What the order costs.
        amount: Won,
    },
    /// The order takes no payment.
    #[error(transparent)]
    NotPayable(NotPayable),
    /// The order is being paid under another payment key.
    #[error("the order is being paid with another payment key")]
    OtherConfirm,
    /// Another order is being paid, or was, under this payment key.
    #[error("the payment key belongs to another order")]
    PaymentKeyTaken,
    /// The database failed; repeating is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for AcceptConfirmError {
    fn from(error: DbErr) -> AcceptConfirmError {
        AcceptConfirmError::Store(error.into())
    }
}

impl Conflict for AcceptConfirmError {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            AcceptConfirmError::Store(error) => Some(error),
            AcceptConfirmError::UnknownOrder
            | AcceptConfirmError::AmountDiffers { .. }
            | AcceptConfirmError::NotPayable(_)
            | AcceptConfirmError::OtherConfirm
            | AcceptConfirmError::PaymentKeyTaken => None,
        }
    }
}

impl Store {
    /// Creates the payment of an order and the job that confirms it.
    ///
    /// # Errors
    /// [`AcceptConfirmError`] says why not; nothing was changed then.
    pub async fn accept_confirm(
        &self,
        confirm: &AcceptConfirm,
    ) -> Result<AcceptedConfirm, AcceptConfirmError> {
        self.retried(|| self.accept_confirm_once(confirm)).await
    }

    async fn accept_confirm_once(
        &self,
        confirm: &AcceptConfirm,
    ) -> Result<AcceptedConfirm, AcceptConfirmError> {
        let mut write = self.begin_write().await?;
        let order = order::Entity::find_by_id(confirm.order_id.as_str())
            .lock_exclusive()
            .one(&write.tx)
            .await?
            .ok_or(AcceptConfirmError::UnknownOrder)?;
        let amount = rows::won("orders", &order.id, "amount", order.amount)?;
        if confirm.amount != amount {
            return Err(AcceptConfirmError::AmountDiffers { amount });
        }
        if let Some(known) = payment::Entity::find_by_id(order.id.as_str()).one(&write.tx).await? {
            return repeated(&known, confirm);
        }
        rows::order_state(&order)?
            .check_payable(order.pay_by, write.now_ms)
            .map_err(AcceptConfirmError::NotPayable)?;
        if is_key_taken(&write, confirm.payment_key.as_str()).await? {
            return Err(AcceptConfirmError::PaymentKeyTaken);
        }
        let payment = new_payment(&order, confirm, write.now_ms);
        let mut job = new_job(&write, JobKind::Confirm, &payment, None, &confirm.origin);
        // It may have been paid under another key: nothing is sent before that was looked up.
        job.unrecorded_until = order.unrecorded_until;
        payment.into_active_model().reset_all().insert(&write.tx).await?;
        crash::point!("accept 1", "the payment is written", "its job");
        let published = PublishedJob::of(&job, JobKind::Confirm);
        job.into_active_model().reset_all().insert(&write.tx).await?;
        crash::point!("accept 2", "payment and job are written", "the order");
        let order_id = order.id.clone();
        let version = order.version.saturating_add(1);
        let mut changed = order.into_active_model();
        changed.state = Set(OrderState::Paying.word().to_owned());
        changed.version = Set(version);
        changed.updated_at = Set(write.now_ms);
        changed.update(&write.tx).await?;
        crash::point!("accept 3", "all of a confirm is written", "its commit");
        write.changes(&order_id);
        write.commit().await?;
        crash::point!("accept 4", "a confirm is committed", "its publication and the answer");
        Ok(AcceptedConfirm { job: Some(published), is_replay: false })
    }
}

/// A confirm for an order that has a payment: the same one again, or another one.
fn repeated(
    known: &payment::Model,
    confirm: &AcceptConfirm,
) -> Result<AcceptedConfirm, AcceptConfirmError> {
    if known.payment_key != confirm.payment_key.as_str() {
        return Err(AcceptConfirmError::OtherConfirm);
    }
    Ok(AcceptedConfirm { job: None, is_replay: true })
}

/// Whether a payment that has not failed holds this key. One that failed does not keep it: somebody may have made it up.
pub(crate) async fn is_key_taken(write: &Write<'_>, key: &str) -> Result<bool, DbErr> {
    let failed = [PaymentState::Failed.word(), PaymentState::Expired.word()];
    let holder = payment::Entity::find()
        .filter(payment::Column::PaymentKey.eq(key))
        .filter(payment::Column::State.is_not_in(failed))
        .one(&write.tx)
        .await?;
    Ok(holder.is_some())
}

fn new_payment(order: &order::Model, confirm: &AcceptConfirm, now_ms: i64) -> payment::Model {
    payment::Model {
        order_id: order.id.clone(),
        store_id: order.store_id.clone(),
        payment_key: confirm.payment_key.as_str().to_owned(),
        merchant: order.merchant.clone(),
        amount: order.amount,
        balance: 0,
        state: PaymentState::Confirming.word().to_owned(),
        toss_status: None,
        method: None,
        payment_type: confirm.payment_type.clone(),
        accepted_at: now_ms,
        confirm_by: now_ms.saturating_add(limits::CONFIRM_WINDOW_MS),
        approved_at: None,
        receipt_url: None,
        failure_code: None,
        failure_message: None,
        last_transaction_key: None,
        secret: None,
        bank_code: None,
        account_number: None,
        account_holder: None,
        deposit_due_at: None,
        money_job_id: None,
        next_cancel_at: 0,
        review_reason: None,
        review_since: None,
        raw: None,
        version: 1,
        updated_at: now_ms,
        pruned_at: None,
        key_pair: order.key_pair,
        customer_key: names_its_customer(confirm.payment_type.as_deref())
            .then(|| order.customer_key.clone().unwrap_or_else(|| GUEST_KEY.to_owned())),
        easy_pay_provider: None,
        card_issuer: None,
        card_number: None,
        card_installment_months: None,
        transfer_bank: None,
        is_partial_cancelable: None,
        tax_free_amount: None,
        sweep_at: 0,
        refund_status: None,
    }
}

/// A job about the whole payment that may run at once. Whoever commits it publishes it; the relay does so when its grace is over.
pub(crate) fn new_job(
    write: &Write<'_>,
    kind: JobKind,
    payment: &payment::Model,
    cancellation_id: Option<String>,
    origin: &Origin,
) -> job::Model {
    job::Model {
        id: write.new_id(),
        kind: kind.word().to_owned(),
        order_id: payment.order_id.clone(),
        store_id: payment.store_id.clone(),
        merchant: payment.merchant.clone(),
        cancellation_id,
        state: JobState::Queued.word().to_owned(),
        claims: 0,
        key_generation: 1,
        due_at: write.now_ms.saturating_add(limits::GRACE_MS),
        runnable_since: write.now_ms,
        publications: 0,
        rerun_wanted: false,
        last_code: None,
        last_message: None,
        park_reason: None,
        worker: None,
        request_id: origin.request_id.clone(),
        created_at: write.now_ms,
        updated_at: write.now_ms,
        ended_at: None,
        traceparent: origin.trace.map(|trace| trace.to_string()),
        amount: payment.amount,
        last_class: None,
        unrecorded_until: 0,
    }
}
