//! What a process tells of itself on a listener that is not the API's: `/livez`, `/readyz`, `/metrics`.
//!
//! Workers have no other; an API process serves its metrics here, away from its customers. It is served until the very end of the
//! process, so that a stop can be watched.

mod queue;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use api::{Limits, Readiness, Watched};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use store::Store;
use tokio_util::sync::CancellationToken;

use crate::metrics::{Metrics, Scrape, TEXT_FORMAT};
use crate::parts::Listener;

pub(crate) use self::queue::{Ends, watch};

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

impl Health {
    /// Begins to measure, and to watch the database and `watched`. Once per process; when `draining` begins it is not ready any more.
    ///
    /// # Errors
    /// The process measures already.
    pub(crate) fn start(
        store: &Store,
        watched: Vec<Watched>,
        draining: CancellationToken,
    ) -> anyhow::Result<Health> {
        let scrape = Scrape::new(Metrics::install()?, store.clone());
        let readiness = Readiness::new(store.clone(), watched, draining);
        Ok(Health { readiness: Arc::new(readiness), scrape: Arc::new(scrape) })
    }
}

/// Serves until `stop`.
///
/// # Errors
/// None in practice: what goes wrong with one connection is ridden out.
pub(crate) async fn serve_health(
    listener: Listener,
    health: Health,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let limits = Limits {
        connections_max: CONNECTIONS_MAX,
        header_timeout: HEADER_TIMEOUT,
        drain_timeout: DRAIN_TIMEOUT,
        ..Limits::default()
    };
    let served = api::serve(router(health), &limits, listener.into_socket(), &stop).await;
    served.context("the health listener")
}

/// The metrics beside other routes, for an API that is only tried out.
pub(crate) fn metrics_route(health: Health) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(health)
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
