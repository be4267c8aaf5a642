//! Webhooks on the control side: addresses, what was sent, sending again.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde_json::json;

use super::{App, Body, PathText, answer_with, handle_of, parse, text_of};
use crate::codes;
use crate::handle::webhooks::WebhookQuery;
use crate::refusal::Refusal;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/_sim/webhooks", get(list))
        .route("/_sim/webhooks/endpoints", get(list_endpoints).post(register))
        .route("/_sim/webhooks/endpoints/{id}", delete(remove_endpoint))
        .route("/_sim/webhooks/{id}/resend", post(resend))
}

async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    query: Result<Query<WebhookQuery>, QueryRejection>,
) -> Response {
    let result = match query {
        Ok(Query(query)) => Ok(json!({"webhooks": handle_of(&app).webhooks(&query)})),
        Err(_) => Err(Refusal::about(codes::INVALID_REQUEST, "paymentKey")),
    };
    answer_with(&headers, result)
}

async fn list_endpoints(State(app): State<App>) -> Response {
    Json(json!({"endpoints": handle_of(&app).webhook_endpoints()})).into_response()
}

async fn register(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    answer_with(&headers, parse(body).and_then(|new| handle_of(&app).register_webhook(new)))
}

async fn remove_endpoint(
    State(app): State<App>,
    headers: HeaderMap,
    path: Result<Path<u64>, PathRejection>,
) -> Response {
    let id = path.map(|Path(id)| id).map_err(|_| Refusal::about(codes::NOT_FOUND, "endpoint"));
    let removed = id.and_then(|id| handle_of(&app).remove_webhook_endpoint(id));
    answer_with(&headers, removed.map(|()| json!({"removed": true})))
}

async fn resend(State(app): State<App>, headers: HeaderMap, path: PathText) -> Response {
    answer_with(&headers, text_of(path).and_then(|id| handle_of(&app).resend_webhook(&id)))
}
