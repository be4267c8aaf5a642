//! Late approvals: Toss took the money after the order had been given up, and the customer has been told to order again.

use domain::Won;
use domain::cancellation::CancellationState;
use domain::job::JobKind;
use domain::order::LateApproval;
use entities::{cancellation, order, payment};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _,
};

use crate::accept_confirm::new_job;
use crate::audit;
use crate::connection::Write;
use crate::error::StoreError;
use crate::operate::Actor;
use crate::relayed::PublishedJob;
use crate::rows;
use crate::scene::Scene;

/// What the customer reads, and Toss.
const REASON: &str = "결제 실패로 안내된 뒤 승인되어 자동 환불";

/// Gives the money of a late approval back, if that is the rule: the cancel is requested in the system's name, in this transaction.
/// Returns the job to publish.
///
/// A deposit into an account cannot be given back without an account to give it to: that is left to the person who is asked anyway.
pub(crate) async fn give_back(
    write: &mut Write<'_>,
    scene: &Scene,
) -> Result<Option<PublishedJob>, StoreError> {
    let payment = &scene.payment;
    let is_wanted = match write.late_approval() {
        LateApproval::Cancel => true,
        LateApproval::Keep => has_newer_order(write, &payment.order_id).await?,
    };
    let balance: Won = rows::won("payments", &payment.order_id, "balance", payment.balance)?;
    let is_possible =
        payment.bank_code.is_none() && !balance.is_zero() && scene.cancellations().is_empty();
    if !is_wanted || !is_possible {
        return Ok(None);
    }
    let actor = Actor::system();
    let row = cancellation::Model {
        id: write.new_id(),
        order_id: payment.order_id.clone(),
        amount: balance.get(),
        reason: REASON.to_owned(),
        requested_by: actor.id.clone(),
        role: actor.role_word().to_owned(),
        state: CancellationState::Requested.word().to_owned(),
        transaction_key: None,
        requested_at: write.now_ms,
        cancelled_at: None,
        failure_code: None,
        failure_message: None,
        updated_at: write.now_ms,
        refund_account: None,
        tax_free_amount: find_tax_free_amount(write, payment).await?,
    };
    let detail = serde_json::json!({ "amount": balance.get(), "cancelId": row.id });
    let mut job = new_job(write, JobKind::Cancel, payment, Some(row.id.clone()), &actor.origin);
    job.amount = row.amount;
    let published = PublishedJob::of(&job, JobKind::Cancel);
    row.into_active_model().reset_all().insert(&write.tx).await?;
    crash::point!("settle 9", "a late approval's cancel is written", "its job");
    job.into_active_model().reset_all().insert(&write.tx).await?;
    crash::point!("settle 10", "a late approval's cancel and its job are written", "the audit");
    let (order_id, store_id) = (payment.order_id.as_str(), Some(payment.store_id.as_str()));
    audit::record(write, &actor, "cancel.request", order_id, store_id, Some(REASON), Some(detail))
        .await?;
    write.raise_order_version(order_id);
    Ok(Some(published))
}

/// What of the whole payment is free of tax; `None` where nothing is.
async fn find_tax_free_amount(
    write: &Write<'_>,
    payment: &payment::Model,
) -> Result<Option<i64>, StoreError> {
    let Some(order) = order::Entity::find_by_id(&payment.order_id).one(&write.tx).await? else {
        return Ok(None);
    };
    let amount = rows::tax_free_amount(&order, payment)?;
    Ok(Some(amount).filter(|amount| !amount.is_zero()).map(Won::get))
}

/// Whether the customer has ordered at the same store since: by the phone number, which every order has.
async fn has_newer_order(write: &Write<'_>, order_id: &str) -> Result<bool, StoreError> {
    let Some(own) = order::Entity::find_by_id(order_id).one(&write.tx).await? else {
        return Ok(false);
    };
    let newer = order::Entity::find()
        .filter(order::Column::StoreId.eq(&own.store_id))
        .filter(order::Column::CreatedAt.gt(own.created_at))
        .filter(order::Column::CustomerPhone.eq(&own.customer_phone))
        .one(&write.tx)
        .await?;
    Ok(newer.is_some())
}
