//! Whether the process lives, and whether it should be given requests. Never rate limited, never counted as work.
//!
//! What readiness is made of stands in [`crate::readiness`].

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::context::Api;
use crate::extract::Params;
use crate::problem::{Problem, ProblemCode};
use crate::readiness::{Check, Report, Standing};

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

/// How to ask.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReadyParams {
    /// Also tell how each thing is that the process uses. The value does not matter; a 503 has the same body then.
    verbose: Option<String>,
}

/// Ask whether the process takes requests
///
/// It does while the database answers with the right schema and the process is not stopping. The queue is not needed: what is
/// accepted is published when it is back.
#[utoipa::path(
    get, path = "/readyz", operation_id = "ready", tag = "Health",
    params(ReadyParams),
    responses((status = 200, description = "It does", body = Report))
)]
pub(crate) async fn ready(
    State(api): State<Api>,
    Params(params): Params<ReadyParams>,
) -> Result<Response, Problem> {
    let report = api.readiness.report().await;
    match (params.verbose, report.is_ready()) {
        (Some(_), true) => Ok(Json(report).into_response()),
        (Some(_), false) => {
            let retry_after = [(RETRY_AFTER, READY_RETRY_S.to_string())];
            Ok((StatusCode::SERVICE_UNAVAILABLE, retry_after, Json(report)).into_response())
        }
        (None, true) => Ok(Json(report.brief()).into_response()),
        (None, false) => Err(Problem::new(ProblemCode::Unavailable).retry_after_s(READY_RETRY_S)),
    }
}

/// An answer to those who want to know all of it.
pub(crate) fn example() -> Report {
    let ok = |name| Check { name, status: Standing::Ok, why: None, for_seconds: 86_400 };
    let publisher = Check {
        name: "queue_publisher",
        status: Standing::Degraded,
        why: Some("not connected".to_owned()),
        for_seconds: 7,
    };
    Report { status: Standing::Degraded, checks: vec![ok("database"), ok("migrations"), publisher] }
}
