//! Jobs, for staff: what a dashboard shows and does, as API. The rules are the domain's; every action is audited.

mod due_time;

pub(crate) use due_time::*;

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use domain::job::{JobKind, JobState};
use domain::role::Action;
use domain::{JobId, StoreId};
use serde::Deserialize;
use store::{ActedJob, JobFilter, JobRow};
use utoipa::{IntoParams, ToSchema};

use crate::cancels::read_reason;
use crate::context::Api;
use crate::credential::{ActingStaff, Staff};
use crate::extract::{Answer, Checks, IdInPath, JsonBody, OptionalJsonBody, Params, parameter};
use crate::paging;
use crate::problem::{Problem, ProblemCode};
use crate::views::PageView;
use crate::views::job::{JobDetailView, JobView};
use crate::words::{Language, Text};

pub(crate) const NOT_A_KIND: Text = Text {
    ko: "confirm, cancel, look_up 중 하나여야 합니다.",
    en: "This is confirm, cancel or look_up.",
};
pub(crate) const NOT_A_STATE: Text =
    Text { ko: "알 수 없는 작업 상태입니다.", en: "This is not the state of a job." };
pub(crate) const NOT_A_CODE: Text =
    Text { ko: "코드의 형식이 아닙니다.", en: "This does not look like a code." };

const CODE_CHARS_MAX: usize = 100;

/// Which jobs to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobListParams {
    /// confirm, cancel or look_up.
    kind: Option<String>,
    /// queued, running, waiting, parked, succeeded, declined, void or discarded.
    state: Option<String>,
    /// Only those whose last attempt brought this code.
    code: Option<String>,
    /// Only of this store.
    store_id: Option<String>,
    /// How many, 1 to 200, 50 by default.
    #[param(value_type = Option<u32>)]
    limit: Option<String>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
}

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

/// List jobs
///
/// The jobs of the stores that the staff token acts for, newest first.
#[utoipa::path(
    get, path = "/v1/jobs", operation_id = "listJobs", tag = "Staff",
    params(JobListParams),
    responses((status = 200, description = "One page", body = PageView<JobView>,
        headers(("Link" = String, description = "The next page, `rel=\"next\"`")))),
    security(("staffToken" = []))
)]
pub(crate) async fn list_jobs(
    State(api): State<Api>,
    staff: Staff,
    OriginalUri(uri): OriginalUri,
    Params(params): Params<JobListParams>,
) -> Result<Response, Problem> {
    let mut checks = Checks::default();
    let wanted = paging::wanted(&mut checks, params.limit.as_deref(), params.cursor);
    let store_id =
        params.store_id.and_then(|id| checks.id(parameter("storeId"), StoreId::parse(id)));
    let kind = params
        .kind
        .and_then(|word| checks.known(parameter("kind"), JobKind::from_word(&word), NOT_A_KIND));
    let state = params
        .state
        .and_then(|word| checks.known(parameter("state"), JobState::from_word(&word), NOT_A_STATE));
    let code = params.code.and_then(|code| {
        let known = Some(code).filter(|code| is_code(code));
        checks.known(parameter("code"), known, NOT_A_CODE)
    });
    checks.finish()?;
    let filter = JobFilter { scope: staff.scope(), store_id, kind, state, code };
    let page = api.store.list_jobs(&filter, wanted.after.as_deref(), wanted.limit).await?;
    Ok(paging::answer(page.map(|job| JobView::new(&job)), &uri))
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
        api.publishing.publish(job);
    }
    Json(JobView::new(&acted.job))
}

fn unknown_job() -> Problem {
    Problem::new(ProblemCode::JobUnknown)
}

pub(crate) fn is_code(text: &str) -> bool {
    (1..=CODE_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
