//! What staff may do with a payment: everything at a glance, looking it up, and closing its review.

use axum::Json;
use axum::extract::State;
use domain::OrderId;
use domain::role::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::cancels::{find_order, read_reason};
use crate::context::Api;
use crate::credential::{ActingStaff, Staff};
use crate::extract::{Answer, IdInPath, JsonBody, OptionalJsonBody};
use crate::jobs::{MaybeReasonRequest, finish, maybe_reason};
use crate::problem::{Problem, ProblemCode};
use crate::views::job::JobView;
use crate::views::payment_actions::PaymentActionsView;
use crate::words::Language;

/// Why a review is closed, and what was seen of the payment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CloseReviewRequest {
    /// 1 to 170 characters.
    reason: String,
    /// `paymentVersion` as it was seen: what was judged must still be so.
    payment_version: i64,
}

/// Read what may be done with a payment
///
/// Looking it up, closing its review, and how much of it can be cancelled; each with the reason why not.
#[utoipa::path(
    get, path = "/v1/orders/{orderId}/actions", operation_id = "readPaymentActions", tag = "Staff",
    params(("orderId" = String, Path, description = "The order", example = "019ab1c2-7d3e-7f00-8a4b-5c6d7e8f9012")),
    responses((status = 200, description = "What may be done", body = PaymentActionsView)),
    security(("staffToken" = []))
)]
pub(crate) async fn read_payment_actions(
    State(api): State<Api>,
    language: Language,
    staff: Staff,
    IdInPath(order_id): IdInPath<OrderId>,
) -> Answer<PaymentActionsView> {
    find_order(&api, &staff, Action::Read, &order_id).await?;
    show(&api, &order_id, language).await
}

/// Look an order's payment up
///
/// Has Toss asked where it stands; what it proves is applied. Answers with the look-up's job.
#[utoipa::path(
    post, path = "/v1/orders/{orderId}/look-up", operation_id = "lookUpOrder", tag = "Staff",
    params(("orderId" = String, Path, description = "The order", example = "019ab1c2-7d3e-7f00-8a4b-5c6d7e8f9012")),
    request_body = MaybeReasonRequest,
    responses((status = 200, description = "The look-up's job", body = JobView)),
    security(("staffToken" = []))
)]
pub(crate) async fn look_up_order(
    State(api): State<Api>,
    ActingStaff(staff): ActingStaff,
    IdInPath(order_id): IdInPath<OrderId>,
    OptionalJsonBody(request): OptionalJsonBody<MaybeReasonRequest>,
) -> Answer<JobView> {
    let reason = maybe_reason(request)?;
    let order = find_order(&api, &staff, Action::ActOnJobs, &order_id).await?;
    if order.payment.is_none() {
        return Err(unpaid());
    }
    let acted = api.store.look_up_payment(&order_id, &staff.actor(), reason.as_deref()).await?;
    Ok(finish(&api, acted))
}

/// Close a review
///
/// A person has dealt with what was asked about the payment. Its money and its state stay as they are. Refused while something of it is
/// left to do, and while its outcome is not known.
#[utoipa::path(
    post, path = "/v1/orders/{orderId}/review/close", operation_id = "closeReview", tag = "Staff",
    params(("orderId" = String, Path, description = "The order", example = "019ab1c2-7d3e-7f00-8a4b-5c6d7e8f9012")),
    request_body = CloseReviewRequest,
    responses((status = 200, description = "What may be done now", body = PaymentActionsView)),
    security(("staffToken" = []))
)]
pub(crate) async fn close_review(
    State(api): State<Api>,
    language: Language,
    ActingStaff(staff): ActingStaff,
    IdInPath(order_id): IdInPath<OrderId>,
    JsonBody(request): JsonBody<CloseReviewRequest>,
) -> Answer<PaymentActionsView> {
    let reason = read_reason(&request.reason).map_err(|wrong| Problem::invalid(vec![wrong]))?;
    find_order(&api, &staff, Action::ActOnJobs, &order_id).await?;
    let version = request.payment_version;
    api.store.close_review(&order_id, version, &staff.actor(), &reason).await?;
    show(&api, &order_id, language).await
}

async fn show(api: &Api, order_id: &OrderId, language: Language) -> Answer<PaymentActionsView> {
    let offers = api.store.find_payment_offers(order_id).await?.ok_or_else(unpaid)?;
    let above = api.settings.confirm_amount_above;
    Ok(Json(PaymentActionsView::new(&offers, above, language)))
}

fn unpaid() -> Problem {
    Problem::new(ProblemCode::CancelBeforePayment)
}
