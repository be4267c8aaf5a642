//! Evidence: what a payment as Toss shows it adds to our records, whatever was asked.

use domain::Won;
use domain::answer::{Answer, Means, TossCancel, TossPayment};
use domain::cancellation::{CancellationState, cancel_tag, has_tag};
use domain::job::JobState;
use domain::payment::PaymentState;
use entities::{cancellation, job, payment};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _,
};

use super::Scene;
use super::apply::end_cancel_job;
use super::entries;
use crate::accept_confirm::is_key_taken;
use crate::audit;
use crate::connection::Write;
use crate::error::StoreError;
use crate::operate::Actor;
use crate::refund_accounts;

/// Who a cancellation is by that was made in Toss's own console.
pub(crate) const TOSS: &str = "toss";

/// Copies what Toss tells beside our state; of an erased order's payment without the account, which names the customer.
pub(super) fn copy_to_payment(
    row: &mut payment::ActiveModel,
    payment: &TossPayment,
    state: PaymentState,
    is_erased: bool,
) {
    row.toss_status = Set(Some(payment.status.word().to_owned()));
    // What Toss leaves out does not erase what it told before.
    if payment.method.is_some() {
        row.method = Set(payment.method.clone());
    }
    // A deposit that was taken back is none.
    if payment.approved_at_ms.is_some() || state == PaymentState::WaitingForDeposit {
        row.approved_at = Set(payment.approved_at_ms);
    }
    if payment.receipt_url.is_some() {
        row.receipt_url = Set(payment.receipt_url.clone());
    }
    if payment.last_transaction_key.is_some() {
        row.last_transaction_key = Set(payment.last_transaction_key.clone());
    }
    if payment.secret.is_some() {
        row.secret = Set(payment.secret.clone());
    }
    copy_means(row, &payment.means, is_erased);
    if let Some(account) = payment.virtual_account.as_ref().filter(|_| !is_erased) {
        row.bank_code = Set(Some(account.bank_code.clone()));
        row.account_number = Set(Some(account.account_number.clone()));
        row.account_holder = Set(account.customer_name.clone());
        row.deposit_due_at = Set(account.due_at_ms);
    }
    if let Some(account) = &payment.virtual_account
        && account.refund_status.is_some()
    {
        row.refund_status = Set(account.refund_status.clone());
    }
    match state {
        PaymentState::WaitingForDeposit
        | PaymentState::Confirmed
        | PaymentState::PartiallyCancelled
        | PaymentState::Cancelled => row.balance = Set(payment.balance.get()),
        PaymentState::Confirming
        | PaymentState::ConfirmUnresolved
        | PaymentState::Failed
        | PaymentState::Expired => {}
    }
}

/// How it was paid; of an erased order's payment without the card's number.
fn copy_means(row: &mut payment::ActiveModel, means: &Means, is_erased: bool) {
    if means.easy_pay_provider.is_some() {
        row.easy_pay_provider = Set(means.easy_pay_provider.clone());
    }
    if means.card_issuer.is_some() {
        row.card_issuer = Set(means.card_issuer.clone());
    }
    if means.card_number.is_some() && !is_erased {
        row.card_number = Set(means.card_number.clone());
    }
    if let Some(months) = means.card_installment_months {
        row.card_installment_months = Set(i32::try_from(months).ok());
    }
    if means.transfer_bank.is_some() {
        row.transfer_bank = Set(means.transfer_bank.clone());
    }
    if means.is_partial_cancelable.is_some() {
        row.is_partial_cancelable = Set(means.is_partial_cancelable);
    }
    if let Some(amount) = means.tax_free_amount {
        row.tax_free_amount = Set(Some(amount.get()));
    }
}

/// The order was paid under another key while nothing of it could be recorded: its payment becomes that one. What the customer
/// authenticated since is never confirmed, and lapses at Toss. A key that another order's payment holds is left to a person.
pub(super) async fn take_other_payment(
    write: &Write<'_>,
    scene: &mut Scene,
    answer: &Answer,
) -> Result<(), StoreError> {
    let Answer::Payment(told) = answer else { return Ok(()) };
    if is_key_taken(write, &told.payment_key).await? {
        return Ok(());
    }
    let order_id = scene.payment.order_id.clone();
    tracing::warn!(
        order_id,
        "an order was paid under another key before the database was restored"
    );
    let store_id = scene.payment.store_id.clone();
    let detail = serde_json::json!({ "status": told.status.word() });
    audit::record(
        write,
        &Actor::system(),
        "payment.found",
        &order_id,
        Some(&store_id),
        None,
        Some(detail),
    )
    .await?;
    let mut payment = scene.payment.clone().into_active_model();
    payment.payment_key = Set(told.payment_key.clone());
    scene.payment = payment.update(&write.tx).await?;
    Ok(())
}

/// Whether the answer to a call is older than what is known: it does not show a cancel that is recorded as done.
pub(super) fn lacks_known_cancels(scene: &Scene, told: &TossPayment) -> bool {
    let is_shown = |key: &String| told.cancels.iter().any(|entry| entry.transaction_key == *key);
    let known = scene.cancellations();
    known.iter().filter_map(|row| row.transaction_key.as_ref()).any(|key| !is_shown(key))
}

/// Records cancels that Toss shows and we did not know: others of ours whose answer was lost, and those made in Toss's console.
///
/// With `is_unclear`, cancels without a tag of ours are left to a person.
pub(super) async fn record_cancels(
    write: &Write<'_>,
    scene: &mut Scene,
    told: &TossPayment,
    is_unclear: bool,
) -> Result<(), StoreError> {
    if told.cancels.is_empty() {
        return Ok(());
    }
    let known = scene.cancellations();
    let mut left: Vec<&TossCancel> = Vec::new();
    for entry in told.cancels.iter().filter(|entry| entry.is_done) {
        if known.iter().any(|row| row.transaction_key.as_ref() == Some(&entry.transaction_key)) {
            continue;
        }
        let ours = known.iter().find(|row| entry.reason.ends_with(&cancel_tag(&row.id)));
        match ours {
            // Its own job decides about it; a second entry with its tag is for a person.
            Some(row) if scene.job.cancellation_id.as_ref() == Some(&row.id) => {
                if is_unclear {
                    left.push(entry);
                }
            }
            Some(row) if row.state == CancellationState::Done.word() => {}
            Some(row) => {
                let mut done = row.clone().into_active_model();
                done.state = Set(CancellationState::Done.word().to_owned());
                done.amount = Set(entry.amount.get());
                done.transaction_key = Set(Some(entry.transaction_key.clone()));
                done.cancelled_at = Set(Some(entry.cancelled_at_ms.unwrap_or(write.now_ms)));
                done.failure_code = Set(None);
                done.failure_message = Set(None);
                done.updated_at = Set(write.now_ms);
                let done = done.update(&write.tx).await?;
                refund_accounts::forget(write, &done).await?;
                let ended = end_cancel_job(write, &done).await?;
                if ended.is_some() && ended == scene.payment.money_job_id {
                    let mut payment = scene.payment.clone().into_active_model();
                    payment.money_job_id = Set(None);
                    scene.payment = payment.update(&write.tx).await?;
                }
            }
            None if is_unclear => left.push(entry),
            None if may_be_anothers(write, scene, &known, entry).await? => left.push(entry),
            None => record_foreign(write, &scene.payment.order_id, entry).await?,
        }
    }
    entries::keep(write, &scene.payment.order_id, &known, &left).await
}

/// Whether an entry without a tag may be what another cancellation of ours did, its reason lost: then that one's job decides, or the
/// person for whom it stopped. Recorded as a stranger's, it would hide from that job that the money went back.
async fn may_be_anothers(
    write: &Write<'_>,
    scene: &Scene,
    known: &[cancellation::Model],
    entry: &TossCancel,
) -> Result<bool, StoreError> {
    let sent =
        [CancellationState::Sending, CancellationState::Unresolved].map(CancellationState::word);
    let alike: Vec<&str> = known
        .iter()
        .filter(|row| row.amount == entry.amount.get() && sent.contains(&row.state.as_str()))
        .map(|row| row.id.as_str())
        .filter(|id| scene.job.cancellation_id.as_deref() != Some(id))
        .collect();
    if alike.is_empty() {
        return Ok(false);
    }
    // Of parked ones a person decides. A reason with a tag was not lost, so others go on: a lost cancel of ours stops them when it is known.
    let is_asked = |state: &JobState| *state == JobState::Parked || !has_tag(&entry.reason);
    let live = JobState::ALL.into_iter().filter(|state| state.is_live()).filter(is_asked);
    let undecided = job::Entity::find()
        .filter(job::Column::CancellationId.is_in(alike))
        .filter(job::Column::State.is_in(live.map(JobState::word)))
        .one(&write.tx)
        .await?;
    Ok(undecided.is_some())
}

/// Whether a cancellation is one that we were asked for once, and whose own row was lost: Toss showed it, with a tag that none of ours has.
pub(crate) fn is_lost(row: &cancellation::Model) -> bool {
    row.requested_by == TOSS && has_tag(&row.reason)
}

/// A cancel that nobody asked us for: made in Toss's merchant console.
pub(crate) async fn record_foreign(
    write: &Write<'_>,
    order_id: &str,
    entry: &TossCancel,
) -> Result<(), StoreError> {
    if entry.amount.is_zero() {
        return Ok(());
    }
    tracing::error!(
        order_id,
        amount = entry.amount.get(),
        alert = "foreign_cancel",
        "a cancel made outside of this system appeared at Toss"
    );
    let row = cancellation::Model {
        id: write.new_id(),
        order_id: order_id.to_owned(),
        amount: entry.amount.get(),
        reason: entry.reason.clone(),
        requested_by: TOSS.to_owned(),
        role: "system".to_owned(),
        state: CancellationState::Done.word().to_owned(),
        transaction_key: Some(entry.transaction_key.clone()),
        requested_at: entry.cancelled_at_ms.unwrap_or(write.now_ms),
        cancelled_at: Some(entry.cancelled_at_ms.unwrap_or(write.now_ms)),
        failure_code: None,
        failure_message: None,
        updated_at: write.now_ms,
        tax_free_amount: Some(entry.tax_free_amount).filter(|part| !part.is_zero()).map(Won::get),
        refund_account: None,
    };
    row.into_active_model().reset_all().insert(&write.tx).await?;
    Ok(())
}
