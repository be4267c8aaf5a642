//! What a process tells of itself on a listener that is not the API's: `/livez`, `/readyz`, `/metrics`.
//!
//! Workers have no other; an API process serves its metrics here, away from its customers. It is served until the very end of the
//! process, so that a stop can be watched.

use std::sync::Arc;
use std::time::Duration;

use api::{Limits, Readiness};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::metrics::{Scrape, TEXT_FORMAT};

/// Probes and scrapers; nobody else has business here.
const CONNECTIONS_MAX: usize = 64;
/// How long a client may take to say what it wants.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long answers may take to be read at the end.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// What the routes answer from.
#[derive(Debug, Clone)]
pub(crate) struct Health {
    /// Whether the process should be given work.
    pub(crate) readiness: Arc<Readiness>,
    /// What it measures.
    pub(crate) scrape: Arc<Scrape>,
}

/// Serves until `stop`.
///
/// # Errors
/// None in practice: what goes wrong with one connection is ridden out.
pub(crate) async fn serve_health(
    listener: TcpListener,
    health: Health,
    stop: &CancellationToken,
) -> std::io::Result<()> {
    let limits = Limits {
        connections_max: CONNECTIONS_MAX,
        header_timeout: HEADER_TIMEOUT,
        drain_timeout: DRAIN_TIMEOUT,
        ..Limits::default()
    };
    api::serve(router(health), &limits, listener, stop).await
}

fn router(health: Health) -> Router {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(health)
}

async fn live() -> impl IntoResponse {
    ([(CACHE_CONTROL, "no-store")], Json(serde_json::json!({ "status": "ok" })))
}

/// The same words as the API's own: `?verbose` tells of each thing that the process uses.
async fn ready(State(health): State<Health>, RawQuery(query): RawQuery) -> impl IntoResponse {
    let report = health.readiness.report().await;
    let status = if report.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let names = query.unwrap_or_default();
    let is_verbose = names.split('&').any(|pair| pair.split('=').next() == Some("verbose"));
    let told = if is_verbose { report } else { report.brief() };
    (status, [(CACHE_CONTROL, "no-store")], Json(told))
}

async fn metrics(State(health): State<Health>) -> impl IntoResponse {
    let report = health.readiness.report().await;
    let text = health.scrape.text(&report).await;
    ([(CONTENT_TYPE, TEXT_FORMAT), (CACHE_CONTROL, "no-store")], text)
}

#[cfg(test)]
mod tests;
