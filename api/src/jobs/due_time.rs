//! Having a waiting job go on at another time.

use axum::Json;
use axum::extract::State;
use domain::JobId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::find_job;
use crate::cancels::read_reason;
use crate::context::Api;
use crate::credential::ActingStaff;
use crate::extract::{Answer, Checks, IdInPath, JsonBody, body};
use crate::views::job::JobView;
use crate::views::read_instant;
use crate::words::Text;

const NOT_AN_INSTANT: Text = Text {
    ko: "2026-11-27T12:00:00+09:00 같은 시각이어야 합니다.",
    en: "This is a time such as 2026-11-27T12:00:00+09:00.",
};

/// When a job is to go on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DueTimeRequest {
    /// When.
    #[schema(format = DateTime)]
    due_at: String,
    /// The job's `dueAt` as it was seen: of two who change it at once, one is told.
    #[schema(format = DateTime)]
    seen_due_at: String,
    /// Why, for the audit: 1 to 170 characters.
    reason: Option<String>,
}

/// Change when a job goes on
///
/// For waiting jobs: between now, or what Toss asks for between two calls, and a day ahead; a confirm before its ten minutes are over.
#[utoipa::path(
    post, path = "/v1/jobs/{jobId}/due-time", operation_id = "changeDueTime", tag = "Staff",
    params(("jobId" = String, Path, description = "The job", example = "019ab1c3-1f2e-7c00-8d5f-6a7b8c9d0e1f")),
    request_body = DueTimeRequest,
    responses((status = 200, description = "The job", body = JobView)),
    security(("staffToken" = []))
)]
pub(crate) async fn change_due_time(
    State(api): State<Api>,
    ActingStaff(staff): ActingStaff,
    IdInPath(job_id): IdInPath<JobId>,
    JsonBody(request): JsonBody<DueTimeRequest>,
) -> Answer<JobView> {
    let mut checks = Checks::default();
    let mut instant = |field: &str, text: &str| {
        checks.known(body(format!("/{field}")), read_instant(text), NOT_AN_INSTANT)
    };
    let due_ms = instant("dueAt", &request.due_at);
    let seen_ms = instant("seenDueAt", &request.seen_due_at);
    let reason = request.reason.as_deref();
    let reason = reason.map(|text| read_reason(text).map_err(|wrong| checks.refuse(wrong)).ok());
    let (Some(due_ms), Some(seen_ms), None | Some(Some(_))) = (due_ms, seen_ms, &reason) else {
        return Err(checks.problem());
    };
    find_job(&api, &staff, &job_id).await?;
    let (times, reason) = ((seen_ms, due_ms), reason.flatten());
    let changed =
        api.store.change_due_time(&job_id, times, &staff.actor(), reason.as_deref()).await?;
    Ok(Json(JobView::new(&changed)))
}
