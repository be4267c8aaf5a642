//! The control side, `/_sim/…`: what tests and people do to the simulator. [`crate::Handle`] over HTTP.
//!
//! It asks for no key, except to know whose payment to make. Pages of other sites are kept out, see `guard`: a
//! request that names an `Origin` or a `Host` other than the simulator's own is refused.

mod webhooks;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::api::language_of;
use super::{App, answer, guard};
use crate::codes;
use crate::handle::{Handle, LedgerQuery};
use crate::limits::LISTED_MAX;
use crate::merchant::authenticate;
use crate::payment::account::RefundOutcome;
use crate::refusal::Refusal;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/_sim/health", get(health))
        // Where a health check of containers asks everything else.
        .route("/readyz", get(health))
        .route("/_sim/payments", post(create_payment))
        .route("/_sim/payments/{paymentKey}/deposit", post(deposit))
        .route("/_sim/payments/{paymentKey}/reverse", post(reverse_deposit))
        .route("/_sim/payments/{paymentKey}/cancel", post(cancel_by_hand))
        .route("/_sim/payments/{paymentKey}/refund", post(end_refund))
        .route("/_sim/ledger", get(ledger))
        .route("/_sim/faults", get(list_faults).post(add_fault).delete(clear_faults))
        .route("/_sim/faults/{sequence}", delete(remove_fault))
        .route("/_sim/settings", get(read_settings).post(change_settings))
        .route("/_sim/merchants", get(list_merchants).post(add_merchant))
        .route("/_sim/merchants/revoke", post(revoke_key))
        .route("/_sim/idempotency", get(list_keys))
        .route("/_sim/clock", get(read_clock).post(move_clock))
        .merge(webhooks::routes())
        .route_layer(middleware::from_fn(guard::refuse_other_sites))
}

type Body = Result<Bytes, BytesRejection>;
type PathText = Result<Path<String>, PathRejection>;

/// Good answers as JSON, refusals in Toss's shape.
fn answer_with<T: Serialize>(headers: &HeaderMap, result: Result<T, Refusal>) -> Response {
    match result {
        Ok(value) => (StatusCode::OK, Json(value)).into_response(),
        Err(refusal) => answer::refuse(&refusal, language_of(headers)),
    }
}

/// Reads a JSON body; the refusal says what is wrong with it.
fn parse<T: DeserializeOwned>(body: Body) -> Result<T, Refusal> {
    let bytes = body.map_err(|_| Refusal::about(codes::INVALID_REQUEST, "body"))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Refusal::about(codes::INVALID_REQUEST, &error.to_string()))
}

fn text_of(path: PathText) -> Result<String, Refusal> {
    path.map(|Path(text)| text).map_err(|_| Refusal::new(codes::NOT_FOUND_PAYMENT))
}

pub(crate) fn handle_of(app: &App) -> Handle {
    Handle::new(std::sync::Arc::clone(&app.shared))
}

async fn health() -> Response {
    Json(json!({"status": "ok", "simulator": true})).into_response()
}

async fn create_payment(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    let authorization = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    let result = authenticate(authorization)
        .and_then(|merchant| Ok((merchant, parse(body)?)))
        .and_then(|(merchant, new)| handle_of(&app).create_payment_of(merchant, new));
    answer_with(&headers, result)
}

async fn deposit(State(app): State<App>, headers: HeaderMap, path: PathText) -> Response {
    let result = text_of(path).and_then(|payment_key| handle_of(&app).deposit(&payment_key));
    answer_with(&headers, result)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CancelByHand {
    #[serde(default)]
    amount: Option<i64>,
    reason: String,
}

async fn cancel_by_hand(
    State(app): State<App>,
    headers: HeaderMap,
    path: PathText,
    body: Body,
) -> Response {
    let result = text_of(path).and_then(|payment_key| {
        let cancel: CancelByHand = parse(body)?;
        handle_of(&app).cancel_by_hand(&payment_key, cancel.amount, &cancel.reason)
    });
    answer_with(&headers, result)
}

async fn reverse_deposit(State(app): State<App>, headers: HeaderMap, path: PathText) -> Response {
    let result =
        text_of(path).and_then(|payment_key| handle_of(&app).reverse_deposit(&payment_key));
    answer_with(&headers, result)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndRefund {
    outcome: RefundOutcome,
}

async fn end_refund(
    State(app): State<App>,
    headers: HeaderMap,
    path: PathText,
    body: Body,
) -> Response {
    let result = text_of(path)
        .and_then(|key| Ok((key, parse::<EndRefund>(body)?)))
        .and_then(|(key, it)| handle_of(&app).end_refund(&key, it.outcome));
    answer_with(&headers, result)
}

async fn ledger(
    State(app): State<App>,
    headers: HeaderMap,
    query: Result<Query<LedgerQuery>, QueryRejection>,
) -> Response {
    let result = match query {
        Ok(Query(query)) => Ok(json!({"payments": handle_of(&app).ledger(&query)})),
        Err(_) => Err(Refusal::about(codes::INVALID_REQUEST, "paymentKey, orderId")),
    };
    answer_with(&headers, result)
}

async fn remove_fault(
    State(app): State<App>,
    headers: HeaderMap,
    path: Result<Path<u64>, PathRejection>,
) -> Response {
    let sequence = path.map(|Path(sequence)| sequence);
    let sequence = sequence.map_err(|_| Refusal::about(codes::NOT_FOUND, "fault"));
    let removed = sequence.and_then(|sequence| handle_of(&app).remove_fault(sequence));
    answer_with(&headers, removed.map(|()| json!({"cleared": 1})))
}

async fn read_settings(State(app): State<App>) -> Response {
    Json(handle_of(&app).settings()).into_response()
}

async fn change_settings(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    let changed = parse(body).and_then(|changes| handle_of(&app).change_settings(changes));
    answer_with(&headers, changed)
}

async fn list_merchants(State(app): State<App>) -> Response {
    Json(json!({"merchants": handle_of(&app).merchants()})).into_response()
}

async fn add_merchant(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    let added = parse(body).and_then(|keys| handle_of(&app).add_merchant(&keys));
    answer_with(&headers, added.map(|m_id| json!({"mId": m_id})))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RevokeKey {
    secret_key: String,
}

async fn revoke_key(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    let revoked = parse(body).and_then(|it: RevokeKey| handle_of(&app).revoke_key(&it.secret_key));
    answer_with(&headers, revoked.map(|()| json!({"revoked": true})))
}

async fn list_keys(State(app): State<App>) -> Response {
    Json(json!({"keys": handle_of(&app).idempotency(LISTED_MAX)})).into_response()
}

async fn list_faults(State(app): State<App>) -> Response {
    Json(json!({"faults": handle_of(&app).faults()})).into_response()
}

async fn add_fault(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    answer_with(&headers, parse(body).and_then(|fault| handle_of(&app).add_fault(fault)))
}

async fn clear_faults(State(app): State<App>) -> Response {
    Json(json!({"cleared": handle_of(&app).clear_faults()})).into_response()
}

async fn read_clock(State(app): State<App>) -> Response {
    Json(handle_of(&app).clock()).into_response()
}

/// Either a distance or an instant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MoveClock {
    #[serde(default, alias = "advanceMs")]
    advance_ms: Option<i64>,
    #[serde(default)]
    now: Option<String>,
}

async fn move_clock(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    let handle = handle_of(&app);
    let result = parse(body).and_then(|to: MoveClock| match (to.advance_ms, to.now) {
        (Some(ms), None) => handle.advance_clock_ms(ms),
        (None, Some(now)) => handle.set_clock(&now),
        (Some(_), Some(_)) | (None, None) => {
            Err(Refusal::about(codes::INVALID_REQUEST, "advance_ms or now"))
        }
    });
    answer_with(&headers, result)
}
