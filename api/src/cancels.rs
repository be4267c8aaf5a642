//! Cancels: staff give money back, wholly or in part. Each is a record of its own.

use axum::Json;
use axum::extract::State;
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use domain::limits::CANCEL_REASON_CHARS_MAX;
use domain::refund_account::{InvalidRefundAccount, RefundAccount};
use domain::role::Action;
use domain::text::is_control;
use domain::{CancellationId, OrderId};
use serde::{Deserialize, Serialize};
use store::idempotency::CallerKey;
use store::orders::OrderDetail;
use store::{AcceptCancel, sha256_hex};
use utoipa::ToSchema;

use crate::context::Api;
use crate::credential::{ActingStaff, Staff, unknown_order};
use crate::extract::{Answer, Checks, IdInPath, IdempotencyKey, JsonBody, body};
use crate::layers::IDEMPOTENT_REPLAYED;
use crate::problem::{FieldProblem, Problem, ProblemCode};
use crate::views::PageView;
use crate::views::cancel::CancelView;
use crate::words::{Language, Text};

const NOT_A_REASON: Text =
    Text { ko: "사유는 1~170자여야 합니다.", en: "A reason has 1 to 170 characters." };
const NOT_ONE_LINE: Text = Text {
    ko: "사유에는 줄바꿈이나 제어 문자, 글자 방향을 바꾸는 문자를 넣을 수 없습니다.",
    en: "A reason is one line, without control characters and marks that turn the direction of text.",
};

const NOT_A_BANK: Text =
    Text { ko: "알 수 없는 은행 코드입니다.", en: "No bank has this code." };
const NOT_A_NUMBER: Text = Text {
    ko: "계좌번호는 숫자 1~20자리입니다.",
    en: "An account number has 1 to 20 digits.",
};
const NOT_A_HOLDER: Text = Text {
    ko: "예금주는 1~60자입니다.",
    en: "A holder's name has 1 to 60 characters on one line.",
};

/// When to ask what became of a cancel: most are done by then.
const ASK_AGAIN_S: u32 = 2;

/// What to give back, and why.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CancelRequest {
    /// Why, 1 to 170 characters on one line. The customer sees it.
    reason: String,
    /// How much, in won; all that is left when it is left out.
    #[schema(minimum = 1)]
    amount: Option<i64>,
    /// How much of it is free of tax, in won, for orders that have such a part; in proportion to what is left when it is left out.
    #[schema(minimum = 0)]
    #[serde(skip_serializing_if = "Option::is_none")]
    tax_free_amount: Option<i64>,
    /// Where the money goes: for a virtual account after its deposit, and for nothing else. Kept encrypted until the cancel has its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    refund_account: Option<RefundAccountRequest>,
    /// `true` for a cancel that is meant besides one of the same amount that was found at Toss after a database was restored; never needed
    /// before `cancel_may_repeat_lost` asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    another: Option<bool>,
}

/// The customer's bank account.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RefundAccountRequest {
    /// Toss's code of the bank, two digits.
    bank_code: String,
    /// 1 to 20 digits; spaces and hyphens are left out.
    account_number: String,
    /// The holder's name, 1 to 60 characters.
    holder_name: String,
}

/// Shows the bank only.
impl std::fmt::Debug for RefundAccountRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RefundAccountRequest")
            .field("bank_code", &self.bank_code)
            .finish_non_exhaustive()
    }
}

/// Cancel a payment
///
/// Gives money back: all that is left, or `amount`. The amount is reserved at once, so that cancels together never exceed what was
/// paid; the money moves in the background.
#[utoipa::path(
    post, path = "/v1/orders/{orderId}/cancels", operation_id = "cancelOrder", tag = "Staff",
    params(
        ("orderId" = String, Path, description = "The order", example = "019ab1c2-7d3e-7f00-8a4b-5c6d7e8f9012"),
        ("Idempotency-Key" = String, Header, description = "A UUID per meant cancel; the same one for a repeat"),
    ),
    request_body = CancelRequest,
    responses((status = 202, description = "Accepted", body = CancelView, headers(
        ("Location" = String, description = "What to poll"),
        ("Retry-After" = u32, description = "Seconds after which to ask"),
        ("Idempotent-Replayed" = String, description = "`true` when an earlier request was accepted under this key"),
    ))),
    security(("staffToken" = []))
)]
pub(crate) async fn cancel_order(
    State(api): State<Api>,
    language: Language,
    ActingStaff(staff): ActingStaff,
    IdInPath(order_id): IdInPath<OrderId>,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(request): JsonBody<CancelRequest>,
) -> Result<Response, Problem> {
    find_order(&api, &staff, Action::Cancel, &order_id).await?;
    let key = key.ok_or_else(|| Problem::new(ProblemCode::IdempotencyKeyMissing))?;
    let key = caller_key(&api, &staff, key, &order_id, &request)?;
    let mut checks = Checks::default();
    let reason = read_reason(&request.reason).map_err(|wrong| checks.refuse(wrong)).ok();
    let amount = request.amount.map(|won| checks.amount(body("/amount"), won));
    let tax_free_amount =
        request.tax_free_amount.map(|won| checks.amount(body("/taxFreeAmount"), won));
    let account = request
        .refund_account
        .as_ref()
        .map(|account| read_account(account).map_err(|wrong| checks.refuse(wrong)).ok());
    let (Some(reason), None | Some(Some(_)), None | Some(Some(_)), None | Some(Some(_))) =
        (reason, amount, tax_free_amount, &account)
    else {
        return Err(checks.problem());
    };
    let cancel = AcceptCancel {
        order_id,
        amount: amount.flatten(),
        tax_free_amount: tax_free_amount.flatten(),
        refund_account: account.flatten(),
        reason,
        is_another: request.another == Some(true),
        actor: staff.actor(),
        key,
    };
    let accepted = api.store.accept_cancel(&cancel).await?;
    if let Some(job) = accepted.job {
        api.publishing.publish(vec![job]);
    }
    let found = api.store.find_cancellation(&cancel.order_id, &accepted.cancellation_id).await?;
    // A replayed key that belongs to a cancel of another order would have had another fingerprint.
    let found = found.ok_or_else(|| Problem::new(ProblemCode::CancelUnknown))?;
    crash::point!("accept 9", "a cancel is committed, and being published", "the answer");
    let view = CancelView::new(&found, false, language);
    let mut response = (StatusCode::ACCEPTED, Json(view)).into_response();
    let headers = response.headers_mut();
    let location = format!("/v1/orders/{}/cancels/{}", cancel.order_id, accepted.cancellation_id);
    if let Ok(location) = HeaderValue::try_from(location) {
        headers.insert(LOCATION, location);
    }
    headers.insert(RETRY_AFTER, HeaderValue::from(ASK_AGAIN_S));
    if accepted.is_replay {
        headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// List an order's cancels
///
/// Oldest first. An order has at most 100.
#[utoipa::path(
    get, path = "/v1/orders/{orderId}/cancels", operation_id = "listCancels", tag = "Staff",
    params(("orderId" = String, Path, description = "The order", example = "019ab1c2-7d3e-7f00-8a4b-5c6d7e8f9012")),
    responses((status = 200, description = "All of them", body = PageView<CancelView>)),
    security(("staffToken" = []))
)]
pub(crate) async fn list_cancels(
    State(api): State<Api>,
    language: Language,
    staff: Staff,
    IdInPath(order_id): IdInPath<OrderId>,
) -> Answer<PageView<CancelView>> {
    let order = find_order(&api, &staff, Action::Read, &order_id).await?;
    let data =
        order.cancellations.iter().map(|cancel| CancelView::new(cancel, false, language)).collect();
    Ok(Json(PageView { data, next_cursor: None }))
}

/// Read a cancel
#[utoipa::path(
    get, path = "/v1/orders/{orderId}/cancels/{cancelId}", operation_id = "readCancel", tag = "Staff",
    params(
        ("orderId" = String, Path, description = "The order", example = "019ab1c2-7d3e-7f00-8a4b-5c6d7e8f9012"),
        ("cancelId" = String, Path, description = "The cancel", example = "019ab1c9-0b1c-7e00-9f4d-2a3b4c5d6e7f"),
    ),
    responses((status = 200, description = "The cancel", body = CancelView)),
    security(("staffToken" = []))
)]
pub(crate) async fn read_cancel(
    State(api): State<Api>,
    language: Language,
    staff: Staff,
    IdInPath((order_id, cancel_id)): IdInPath<(OrderId, CancellationId)>,
) -> Answer<CancelView> {
    find_order(&api, &staff, Action::Read, &order_id).await?;
    let found = api.store.find_cancellation(&order_id, &cancel_id).await?;
    let found = found.ok_or_else(|| Problem::new(ProblemCode::CancelUnknown))?;
    Ok(Json(CancelView::new(&found, false, language)))
}

pub(crate) async fn find_order(
    api: &Api,
    staff: &Staff,
    action: Action,
    id: &OrderId,
) -> Result<OrderDetail, Problem> {
    let order = api.store.find_order(id).await?.ok_or_else(unknown_order)?;
    staff.check_order(action, &order)?;
    Ok(order)
}

fn caller_key(
    api: &Api,
    staff: &Staff,
    key: String,
    order: &OrderId,
    request: &CancelRequest,
) -> Result<CallerKey, Problem> {
    // The order is part of what is compared: one key never cancels two orders.
    let canonical = serde_json::to_vec(&(order.as_str(), request))
        .map_err(|error| Problem::new(ProblemCode::Internal).caused_by(error))?;
    let scope = format!("{} POST /v1/orders/{{orderId}}/cancels", staff.id());
    let fingerprint = match &request.refund_account {
        None => sha256_hex(canonical),
        // Whoever has the database could find an account number behind a plain hash by trying.
        Some(_) => api.tokens.fingerprint(&canonical),
    };
    Ok(CallerKey { scope, key, fingerprint })
}

fn read_account(given: &RefundAccountRequest) -> Result<RefundAccount, FieldProblem> {
    RefundAccount::parse(&given.bank_code, &given.account_number, &given.holder_name).map_err(
        |wrong| {
            let (field, text) = match wrong {
                InvalidRefundAccount::Bank => ("bankCode", NOT_A_BANK),
                InvalidRefundAccount::Number => ("accountNumber", NOT_A_NUMBER),
                InvalidRefundAccount::Holder => ("holderName", NOT_A_HOLDER),
            };
            FieldProblem::new(body(format!("/refundAccount/{field}")), "not_allowed", text)
        },
    )
}

/// A reason as staff may give it: trimmed, bounded, on one line. Else what is wrong with it.
pub(crate) fn read_reason(text: &str) -> Result<String, FieldProblem> {
    // Before trimming: a line break at the end counts too.
    if text.chars().any(is_control) {
        return Err(FieldProblem::new(body("/reason"), "not_one_line", NOT_ONE_LINE));
    }
    // The length is that of what was sent, which is what the document bounds.
    let reason = text.trim();
    if !reason.is_empty() && text.chars().count() <= CANCEL_REASON_CHARS_MAX {
        Ok(reason.to_owned())
    } else {
        Err(FieldProblem::new(body("/reason"), "not_allowed", NOT_A_REASON))
    }
}
