//! Toss's payment API. Reads a request into a [`Call`] and hands it to the pipeline.

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::Value;

use super::endpoint::{Call, Endpoint};
use super::{App, answer, pipeline};
use crate::codes;
use crate::limits::{BODY_BYTES_MAX, ORDER_ID_CHARS_MAX, PAYMENT_KEY_CHARS_MAX};
use crate::refusal::{Language, Refusal};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/v1/payments/confirm", post(confirm))
        .route("/v1/brandpay/payments/confirm", post(confirm_brandpay))
        .route("/v1/payments/key-in", post(key_in))
        .route("/v1/payments/{paymentKey}", get(look_up).post(confirm_by_path))
        .route("/v1/payments/orders/{orderId}", get(look_up_by_order))
        .route("/v1/payments/{paymentKey}/cancel", post(cancel))
        .route("/v1/virtual-accounts", post(issue_account))
        .route("/v1/transactions", get(transactions))
        .route("/v1/settlements", get(settlements).post(request_settlement))
        .route("/v1/cash-receipts", get(cash_receipts).post(issue_cash_receipt))
        .route("/v1/cash-receipts/{receiptKey}/cancel", post(cancel_cash_receipt))
}

type PathText = Result<Path<String>, PathRejection>;

/// A call whose body may name a payment and an order.
async fn named_by_body(app: App, endpoint: Endpoint, request: Request) -> Response {
    let mut call = read(&app, endpoint, request).await;
    call.payment_key = text_in_body(&call, "paymentKey");
    call.order_id = text_in_body(&call, "orderId");
    pipeline::handle(app, call).await
}

/// A call that names nothing but what its query does.
async fn named_by_nothing(app: App, endpoint: Endpoint, request: Request) -> Response {
    let call = read(&app, endpoint, request).await;
    pipeline::handle(app, call).await
}

async fn confirm(State(app): State<App>, request: Request) -> Response {
    named_by_body(app, Endpoint::Confirm, request).await
}

async fn confirm_brandpay(State(app): State<App>, request: Request) -> Response {
    named_by_body(app, Endpoint::ConfirmBrandpay, request).await
}

async fn confirm_by_path(State(app): State<App>, path: PathText, request: Request) -> Response {
    let mut call = read(&app, Endpoint::ConfirmByPath, request).await;
    call.payment_key = text_of(path, PAYMENT_KEY_CHARS_MAX);
    call.order_id = text_in_body(&call, "orderId");
    pipeline::handle(app, call).await
}

async fn key_in(State(app): State<App>, request: Request) -> Response {
    named_by_body(app, Endpoint::KeyIn, request).await
}

async fn issue_account(State(app): State<App>, request: Request) -> Response {
    named_by_body(app, Endpoint::IssueAccount, request).await
}

async fn request_settlement(State(app): State<App>, request: Request) -> Response {
    named_by_body(app, Endpoint::RequestSettlement, request).await
}

async fn look_up(State(app): State<App>, path: PathText, request: Request) -> Response {
    let mut call = read(&app, Endpoint::LookUp, request).await;
    call.payment_key = text_of(path, PAYMENT_KEY_CHARS_MAX);
    pipeline::handle(app, call).await
}

async fn look_up_by_order(State(app): State<App>, path: PathText, request: Request) -> Response {
    let mut call = read(&app, Endpoint::LookUpByOrder, request).await;
    call.order_id = text_of(path, ORDER_ID_CHARS_MAX);
    pipeline::handle(app, call).await
}

async fn cancel(State(app): State<App>, path: PathText, request: Request) -> Response {
    let mut call = read(&app, Endpoint::Cancel, request).await;
    call.payment_key = text_of(path, PAYMENT_KEY_CHARS_MAX);
    pipeline::handle(app, call).await
}

async fn transactions(State(app): State<App>, request: Request) -> Response {
    named_by_nothing(app, Endpoint::Transactions, request).await
}

async fn settlements(State(app): State<App>, request: Request) -> Response {
    named_by_nothing(app, Endpoint::Settlements, request).await
}

async fn cash_receipts(State(app): State<App>, request: Request) -> Response {
    named_by_nothing(app, Endpoint::CashReceipts, request).await
}

async fn issue_cash_receipt(State(app): State<App>, request: Request) -> Response {
    named_by_nothing(app, Endpoint::IssueCashReceipt, request).await
}

async fn cancel_cash_receipt(State(app): State<App>, path: PathText, request: Request) -> Response {
    let mut call = read(&app, Endpoint::CancelCashReceipt, request).await;
    call.receipt_key = text_of(path, PAYMENT_KEY_CHARS_MAX);
    pipeline::handle(app, call).await
}

fn text_in_body(call: &Call, field: &str) -> Option<String> {
    let body = call.json.as_ref().ok()?;
    body.get(field).and_then(Value::as_str).map(str::to_owned)
}

/// Everything else: Toss's 404 for an unknown path or method.
pub(crate) async fn no_such_path(headers: HeaderMap) -> Response {
    answer::refuse(&Refusal::new(codes::NOT_FOUND_HTTP_METHOD), language_of(&headers))
}

fn text_of(path: PathText, chars_max: usize) -> Option<String> {
    path.ok().map(|Path(text)| text).filter(|text| text.chars().count() <= chars_max)
}

pub(crate) fn language_of(headers: &HeaderMap) -> Language {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    accepted.map_or(Language::Korean, Language::from_accept_language)
}

/// Where the caller reached the simulator: the configured address, else what it says itself.
pub(crate) fn origin_of(app: &App, headers: &HeaderMap) -> String {
    if let Some(url) = &app.shared.config.public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let is_host_byte = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .filter(|host| !host.is_empty() && host.bytes().all(is_host_byte));
    format!("http://{}", host.unwrap_or("localhost"))
}

async fn read(app: &App, endpoint: Endpoint, request: Request) -> Call {
    let (parts, body) = request.into_parts();
    let bytes = match endpoint.has_body() {
        true => to_bytes(body, BODY_BYTES_MAX).await.ok(),
        false => Some(Bytes::new()),
    };
    let header = |name: &str| parts.headers.get(name).map(HeaderValue::as_bytes);
    let json = bytes
        .as_deref()
        .and_then(|bytes| serde_json::from_slice(bytes).ok())
        .filter(Value::is_object)
        .ok_or_else(|| Refusal::about(codes::INVALID_REQUEST, "JSON"));
    Call {
        endpoint,
        path: parts.uri.path().to_owned(),
        query: Query::try_from_uri(&parts.uri).map(|Query(query)| query).unwrap_or_default(),
        payment_key: None,
        order_id: None,
        receipt_key: None,
        json,
        body: bytes.unwrap_or_default(),
        authorization: header("authorization").map(<[u8]>::to_vec),
        test_code: header("tosspayments-test-code").map(<[u8]>::to_vec),
        idempotency_key: parts
            .headers
            .get("idempotency-key")
            .filter(|_| endpoint.has_body())
            .cloned(),
        traceparent: parts.headers.get("traceparent").cloned(),
        request_id: parts.headers.get("x-request-id").cloned(),
        language: language_of(&parts.headers),
        origin: origin_of(app, &parts.headers),
    }
}
