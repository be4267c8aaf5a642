//! Whether the process lives, and whether it should be given requests. Never rate limited, never counted as work.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::context::Api;
use crate::extract::Answer;
use crate::problem::{Problem, ProblemCode};

/// When to ask again whether the process is ready.
const READY_RETRY_S: u64 = 2;

/// The process answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthView {
    /// Always `ok`: what is not is a problem.
    pub(crate) status: &'static str,
}

pub(crate) const OK: HealthView = HealthView { status: "ok" };

/// Ask whether the process lives
#[utoipa::path(
    get, path = "/livez", operation_id = "live", tag = "Health",
    responses((status = 200, description = "It does", body = HealthView))
)]
pub(crate) async fn live() -> Json<HealthView> {
    Json(OK)
}

/// Ask whether the process takes requests
///
/// It does while the database answers with the right schema and the process is not stopping. The queue is not needed: what is
/// accepted is published when it is back.
#[utoipa::path(
    get, path = "/readyz", operation_id = "ready", tag = "Health",
    responses((status = 200, description = "It does", body = HealthView))
)]
pub(crate) async fn ready(State(api): State<Api>) -> Answer<HealthView> {
    let unavailable = || Problem::new(ProblemCode::Unavailable).retry_after_s(READY_RETRY_S);
    if api.shutdown.is_cancelled() {
        return Err(unavailable());
    }
    match api.store.check().await {
        Ok(()) => Ok(Json(OK)),
        Err(error) => Err(unavailable().caused_by(error)),
    }
}
