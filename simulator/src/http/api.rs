//! Toss's payment API: four calls. Reads a request into a [`Call`] and hands it to the pipeline.

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use axum::routing::{get, post};
use serde_json::Value;

use super::pipeline::{Call, Endpoint};
use super::{App, answer, pipeline};
use crate::codes;
use crate::limits::{BODY_BYTES_MAX, ORDER_ID_CHARS_MAX, PAYMENT_KEY_CHARS_MAX};
use crate::refusal::{Language, Refusal};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/v1/payments/confirm", post(confirm))
        .route("/v1/payments/{paymentKey}", get(look_up))
        .route("/v1/payments/orders/{orderId}", get(look_up_by_order))
        .route("/v1/payments/{paymentKey}/cancel", post(cancel))
}

type PathText = Result<Path<String>, PathRejection>;

async fn confirm(State(app): State<App>, request: Request) -> Response {
    let mut call = read(&app, Endpoint::Confirm, request).await;
    if let Ok(body) = &call.json {
        let text = |field: &str| body.get(field).and_then(Value::as_str).map(str::to_owned);
        (call.payment_key, call.order_id) = (text("paymentKey"), text("orderId"));
    }
    pipeline::handle(app, call).await
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
        payment_key: None,
        order_id: None,
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
