//! Jobs, for staff: what a dashboard does, as API. The rules are the domain's; every action is audited. Many jobs at once are in the folder.

mod export;
mod list;

pub use export::job_table;
pub(crate) use export::{__path_export_jobs, export_jobs};
pub(crate) use list::{
    __path_count_jobs, __path_group_jobs, __path_list_jobs, count_jobs, group_jobs, list_jobs,
};

mod due_time;

pub(crate) use due_time::*;

use axum::Json;
use axum::extract::State;
use domain::role::Action;
use domain::{JobId, StoreId};
use serde::Deserialize;
use store::{ActedJob, JobRow};
use utoipa::ToSchema;

use crate::cancels::read_reason;
use crate::context::Api;
use crate::credential::{ActingStaff, Staff};
use crate::extract::{Answer, IdInPath, JsonBody, OptionalJsonBody};
use crate::problem::{Problem, ProblemCode};
use crate::views::job::{JobDetailView, JobView};
use crate::words::Language;

/// Why something is done, for the audit.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MaybeReasonRequest {
    /// 1 to 170 characters.
    reason: Option<String>,
}

/// Why something is given up, for the audit.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ReasonRequest {
    /// 1 to 170 characters.
    reason: String,
}

/// Read a job
///
/// With every call that was made for it, and what may be done with it now.
#[utoipa::path(
    get, path = "/v1/jobs/{jobId}", operation_id = "readJob", tag = "Staff",
    params(("jobId" = String, Path, description = "The job", example = "019ab1c3-1f2e-7c00-8d5f-6a7b8c9d0e1f")),
    responses((status = 200, description = "The job", body = JobDetailView)),
    security(("staffToken" = []))
)]
pub(crate) async fn read_job(
    State(api): State<Api>,
    language: Language,
    staff: Staff,
    IdInPath(job_id): IdInPath<JobId>,
) -> Answer<JobDetailView> {
    let detail = api.store.find_job_detail(&job_id).await?.ok_or_else(unknown_job)?;
    check_job(&staff, Action::Read, &detail.job)?;
    Ok(Json(JobDetailView::new(&detail, language)))
}

/// Look a job's payment up
///
/// Has Toss asked where the payment stands; what it proves is applied. Answers with the look-up's own job.
#[utoipa::path(
    post, path = "/v1/jobs/{jobId}/look-up", operation_id = "lookUpJob", tag = "Staff",
    params(("jobId" = String, Path, description = "The job", example = "019ab1c3-1f2e-7c00-8d5f-6a7b8c9d0e1f")),
    request_body = MaybeReasonRequest,
    responses((status = 200, description = "The look-up's job", body = JobView)),
    security(("staffToken" = []))
)]
pub(crate) async fn look_up_job(
    State(api): State<Api>,
    ActingStaff(staff): ActingStaff,
    IdInPath(job_id): IdInPath<JobId>,
    OptionalJsonBody(request): OptionalJsonBody<MaybeReasonRequest>,
) -> Answer<JobView> {
    let reason = maybe_reason(request)?;
    find_job(&api, &staff, &job_id).await?;
    let acted = api.store.look_up_job(&job_id, &staff.actor(), reason.as_deref()).await?;
    Ok(finish(&api, acted))
}

/// Retry a job
///
/// Has a parked or waiting job go on now. What is sent is decided as always: an unknown outcome is looked up first.
#[utoipa::path(
    post, path = "/v1/jobs/{jobId}/retry", operation_id = "retryJob", tag = "Staff",
    params(("jobId" = String, Path, description = "The job", example = "019ab1c3-1f2e-7c00-8d5f-6a7b8c9d0e1f")),
    request_body = MaybeReasonRequest,
    responses((status = 200, description = "The job", body = JobView)),
    security(("staffToken" = []))
)]
pub(crate) async fn retry_job(
    State(api): State<Api>,
    ActingStaff(staff): ActingStaff,
    IdInPath(job_id): IdInPath<JobId>,
    OptionalJsonBody(request): OptionalJsonBody<MaybeReasonRequest>,
) -> Answer<JobView> {
    let reason = maybe_reason(request)?;
    find_job(&api, &staff, &job_id).await?;
    let acted = api.store.retry_job(&job_id, &staff.actor(), reason.as_deref()).await?;
    Ok(finish(&api, acted))
}

/// Discard a job
///
/// Gives a parked job up for good. Refused while its outcome is unknown.
#[utoipa::path(
    post, path = "/v1/jobs/{jobId}/discard", operation_id = "discardJob", tag = "Staff",
    params(("jobId" = String, Path, description = "The job", example = "019ab1c3-1f2e-7c00-8d5f-6a7b8c9d0e1f")),
    request_body = ReasonRequest,
    responses((status = 200, description = "The job", body = JobView)),
    security(("staffToken" = []))
)]
pub(crate) async fn discard_job(
    State(api): State<Api>,
    ActingStaff(staff): ActingStaff,
    IdInPath(job_id): IdInPath<JobId>,
    JsonBody(request): JsonBody<ReasonRequest>,
) -> Answer<JobView> {
    let reason = read_reason(&request.reason).map_err(|wrong| Problem::invalid(vec![wrong]))?;
    find_job(&api, &staff, &job_id).await?;
    let acted = api.store.discard_job(&job_id, &staff.actor(), &reason).await?;
    Ok(finish(&api, acted))
}

pub(crate) fn maybe_reason(request: MaybeReasonRequest) -> Result<Option<String>, Problem> {
    match request.reason {
        None => Ok(None),
        Some(text) => read_reason(&text).map(Some).map_err(|wrong| Problem::invalid(vec![wrong])),
    }
}

/// Refuses a job of a store that they do not act for, as if there were none.
async fn find_job(api: &Api, staff: &Staff, id: &JobId) -> Result<(), Problem> {
    let job = api.store.find_job(id).await?.ok_or_else(unknown_job)?;
    check_job(staff, Action::ActOnJobs, &job)
}

fn check_job(staff: &Staff, action: Action, job: &JobRow) -> Result<(), Problem> {
    let store = StoreId::parse(job.store_id.as_str()).map_err(|_| unknown_job())?;
    if staff.may(action, &store) { Ok(()) } else { Err(unknown_job()) }
}

pub(crate) fn finish(api: &Api, acted: ActedJob) -> Json<JobView> {
    if let Some(job) = acted.publish {
        api.publishing.publish(vec![job]);
    }
    Json(JobView::new(&acted.job))
}

fn unknown_job() -> Problem {
    Problem::new(ProblemCode::JobUnknown)
}
