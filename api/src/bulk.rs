//! Bulk runs: one action on many jobs, previewed, begun, watched and stopped.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use domain::bulk::{BulkAction, ItemState};
use domain::{BulkRunId, JobId};
use serde::Deserialize;
use store::JobFilter;
use store::bulk::{BulkReader, BulkSelection, Previewed, StartBulkRun};
use utoipa::{IntoParams, ToSchema};

use crate::cancels::read_reason;
use crate::context::Api;
use crate::credential::{ActingStaff, Staff};
use crate::extract::{
    Answer, Checks, IdInPath, JsonBody, OptionalJsonBody, Params, body, parameter, read_time,
};
use crate::job_filter::Asked;
use crate::jobs::{MaybeReasonRequest, maybe_reason};
use crate::paging;
use crate::problem::{Problem, ProblemCode};
use crate::views::PageView;
use crate::views::bulk::{BulkItemView, BulkPreviewView, BulkRunDetailView, BulkRunView};
use crate::words::{Language, Text};

const NOT_AN_ACTION: Text = Text {
    ko: "look_up, retry, discard 중 하나여야 합니다.",
    en: "This is look_up, retry or discard.",
};
const ONE_OF_BOTH: Text = Text {
    ko: "jobIds와 filter 중 하나만 보내 주세요.",
    en: "Send either jobIds or filter.",
};
const NOT_AN_ITEM_STATE: Text = Text {
    ko: "pending, done, refused, failed, skipped 중 하나여야 합니다.",
    en: "This is pending, done, refused, failed or skipped.",
};

/// Which jobs: the same filter as of the list of jobs.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct BulkFilterRequest {
    /// confirm, cancel or look_up.
    kind: Option<String>,
    /// queued, running, waiting, parked, succeeded, declined, void or discarded; `failed` for parked, declined, void and discarded ones
    /// together; `all`.
    state: Option<String>,
    /// Only those whose last attempt brought this code.
    code: Option<String>,
    /// Only those whose last answer was a failure of this class.
    class: Option<String>,
    /// Only of this store.
    store_id: Option<String>,
    /// Only of this merchant's account.
    merchant: Option<String>,
    /// Only those made then or later.
    #[schema(format = DateTime)]
    from: Option<String>,
    /// Only those made before then.
    #[schema(format = DateTime)]
    to: Option<String>,
    /// Only those of so many won or more.
    amount_min: Option<String>,
    /// Only those of so many won or less.
    amount_max: Option<String>,
    /// Only those of the orders that this finds: an order id, a payment key, the end of a phone number, a name.
    text: Option<String>,
}

/// What would be done with which jobs.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct BulkPreviewRequest {
    /// look_up, retry or discard.
    action: String,
    /// These jobs, at most 1,000.
    job_ids: Option<Vec<String>>,
    /// All jobs that match, at most 10,000.
    filter: Option<BulkFilterRequest>,
}

/// What a preview showed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PreviewedRequest {
    /// Its `jobs`.
    jobs: u64,
    /// Its `asOf`.
    #[schema(format = DateTime)]
    as_of: String,
}

/// What is done with which jobs, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct BulkRunRequest {
    /// look_up, retry or discard.
    action: String,
    /// 1 to 170 characters, for the audit of every job.
    reason: String,
    /// The preview that it is begun by: refused if other jobs are meant by now.
    previewed: Option<PreviewedRequest>,
    /// These jobs, at most 1,000.
    job_ids: Option<Vec<String>>,
    /// All jobs that match, at most 10,000.
    filter: Option<BulkFilterRequest>,
}

/// Which runs to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BulkRunListParams {
    /// How many, 1 to 200, 50 by default.
    #[param(value_type = Option<u32>)]
    limit: Option<String>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
}

/// Which of a run's jobs to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct BulkItemListParams {
    /// pending, done, refused, failed or skipped.
    state: Option<String>,
    /// How many, 1 to 200, 50 by default.
    #[param(value_type = Option<u32>)]
    limit: Option<String>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
}

/// Preview a bulk run
///
/// What it would do now, by kind, state and code, with the reason for those that would be refused. Nothing is changed.
#[utoipa::path(
    post, path = "/v1/bulk-runs/preview", operation_id = "previewBulkRun", tag = "Staff",
    request_body = BulkPreviewRequest,
    responses((status = 200, description = "What it would do", body = BulkPreviewView)),
    security(("staffToken" = []))
)]
pub(crate) async fn preview_bulk_run(
    State(api): State<Api>,
    language: Language,
    ActingStaff(staff): ActingStaff,
    JsonBody(request): JsonBody<BulkPreviewRequest>,
) -> Answer<BulkPreviewView> {
    let mut checks = Checks::default();
    let action = read_action(&mut checks, &request.action);
    let selection = read_selection(&mut checks, &staff, request.job_ids, request.filter);
    let (Some(action), Some(selection)) = (action, selection) else { return Err(checks.problem()) };
    checks.finish()?;
    let preview = api.store.preview_bulk_run(action, &staff.scope(), &selection).await?;
    Ok(Json(BulkPreviewView::new(preview, language)))
}

/// Begin a bulk run
///
/// The jobs are written down as they are meant now. They are done one by one in the background, each under the same rules as alone and
/// with the rights that you have by then. Poll the run for its progress.
#[utoipa::path(
    post, path = "/v1/bulk-runs", operation_id = "createBulkRun", tag = "Staff",
    request_body = BulkRunRequest,
    responses((status = 202, description = "Begun", body = BulkRunView,
        headers(("Location" = String, description = "What to poll")))),
    security(("staffToken" = []))
)]
pub(crate) async fn create_bulk_run(
    State(api): State<Api>,
    ActingStaff(staff): ActingStaff,
    JsonBody(request): JsonBody<BulkRunRequest>,
) -> Result<Response, Problem> {
    let mut checks = Checks::default();
    let action = read_action(&mut checks, &request.action);
    let reason = read_reason(&request.reason).map_err(|wrong| checks.refuse(wrong)).ok();
    let selection = read_selection(&mut checks, &staff, request.job_ids, request.filter);
    let previewed = request.previewed.and_then(|seen| {
        let as_of_ms = read_time(&mut checks, body("/previewed/asOf"), Some(&seen.as_of))?;
        Some(Previewed { jobs: seen.jobs, as_of_ms })
    });
    let (Some(action), Some(reason), Some(selection)) = (action, reason, selection) else {
        return Err(checks.problem());
    };
    checks.finish()?;
    let (scope, actor) = (staff.scope(), staff.actor());
    let wanted = StartBulkRun { id: None, previewed, action, reason, selection, scope, actor };
    let run = api.store.start_bulk_run(&wanted).await?;
    let location = HeaderValue::try_from(format!("/v1/bulk-runs/{}", run.id));
    let mut response = (StatusCode::ACCEPTED, Json(BulkRunView::new(&run))).into_response();
    if let Ok(location) = location {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// List bulk runs
///
/// Newest first: your own; of everybody for masters.
#[utoipa::path(
    get, path = "/v1/bulk-runs", operation_id = "listBulkRuns", tag = "Staff",
    params(BulkRunListParams),
    responses((status = 200, description = "One page", body = PageView<BulkRunView>,
        headers(("Link" = String, description = "The next page, `rel=\"next\"`")))),
    security(("staffToken" = []))
)]
pub(crate) async fn list_bulk_runs(
    State(api): State<Api>,
    staff: Staff,
    OriginalUri(uri): OriginalUri,
    Params(params): Params<BulkRunListParams>,
) -> Result<Response, Problem> {
    let mut checks = Checks::default();
    let wanted = paging::wanted(&mut checks, params.limit.as_deref(), params.cursor);
    checks.finish()?;
    let after = wanted.after.as_deref();
    let page = api.store.list_bulk_runs(&reader(&staff), after, wanted.limit).await?;
    Ok(paging::answer(page.map(|run| BulkRunView::new(&run)), &uri))
}

/// Read a bulk run
///
/// Its progress, and a page of its jobs in their order with what became of each.
#[utoipa::path(
    get, path = "/v1/bulk-runs/{runId}", operation_id = "readBulkRun", tag = "Staff",
    params(
        ("runId" = String, Path, description = "The run", example = "019ab1d4-5555-7000-8000-00000000000d"),
        BulkItemListParams,
    ),
    responses((status = 200, description = "The run", body = BulkRunDetailView)),
    security(("staffToken" = []))
)]
pub(crate) async fn read_bulk_run(
    State(api): State<Api>,
    staff: Staff,
    IdInPath(run_id): IdInPath<BulkRunId>,
    Params(params): Params<BulkItemListParams>,
) -> Answer<BulkRunDetailView> {
    let mut checks = Checks::default();
    let wanted = paging::wanted(&mut checks, params.limit.as_deref(), params.cursor);
    let state = params.state.and_then(|word| {
        checks.known(parameter("state"), ItemState::from_word(&word), NOT_AN_ITEM_STATE)
    });
    checks.finish()?;
    let reader = reader(&staff);
    let run = api.store.find_bulk_run(&run_id, &reader).await?.ok_or_else(unknown_run)?;
    let after = wanted.after.as_deref();
    let page = api.store.list_bulk_items(&run_id, &reader, state, after, wanted.limit).await?;
    let page = page.map(BulkItemView::new);
    let jobs = PageView { data: page.rows, next_cursor: page.next };
    Ok(Json(BulkRunDetailView { run: BulkRunView::new(&run), jobs }))
}

/// Stop a bulk run
///
/// What was not done yet is skipped; what was done stays so.
#[utoipa::path(
    post, path = "/v1/bulk-runs/{runId}/stop", operation_id = "stopBulkRun", tag = "Staff",
    params(("runId" = String, Path, description = "The run", example = "019ab1d4-5555-7000-8000-00000000000d")),
    request_body = MaybeReasonRequest,
    responses((status = 200, description = "The run", body = BulkRunView)),
    security(("staffToken" = []))
)]
pub(crate) async fn stop_bulk_run(
    State(api): State<Api>,
    ActingStaff(staff): ActingStaff,
    IdInPath(run_id): IdInPath<BulkRunId>,
    OptionalJsonBody(request): OptionalJsonBody<MaybeReasonRequest>,
) -> Answer<BulkRunView> {
    let reason = maybe_reason(request)?;
    let (reader, actor) = (reader(&staff), staff.actor());
    let run = api.store.stop_bulk_run(&run_id, &reader, &actor, reason.as_deref()).await?;
    Ok(Json(BulkRunView::new(&run)))
}

/// Whose runs they may see: their own, and masters everybody's.
fn reader(staff: &Staff) -> BulkReader {
    let started_by = (!staff.is_master()).then(|| staff.id().to_owned());
    BulkReader { started_by, scope: staff.scope() }
}

fn read_action(checks: &mut Checks, word: &str) -> Option<BulkAction> {
    checks.known(body("/action"), BulkAction::from_word(word), NOT_AN_ACTION)
}

fn read_selection(
    checks: &mut Checks,
    staff: &Staff,
    job_ids: Option<Vec<String>>,
    filter: Option<BulkFilterRequest>,
) -> Option<BulkSelection> {
    match (job_ids, filter) {
        (Some(ids), None) => {
            let read = (0..).zip(ids).map(|(place, id): (usize, String)| {
                checks.id(body(format!("/jobIds/{place}")), JobId::parse(id))
            });
            let read: Option<Vec<JobId>> = read.collect();
            read.map(BulkSelection::Named)
        }
        (None, Some(filter)) => Some(BulkSelection::Matching(read_filter(checks, staff, filter))),
        (None, None) | (Some(_), Some(_)) => checks.known(body("/jobIds"), None, ONE_OF_BOTH),
    }
}

fn read_filter(checks: &mut Checks, staff: &Staff, filter: BulkFilterRequest) -> JobFilter {
    let asked = Asked {
        kind: filter.kind.as_deref(),
        state: filter.state.as_deref(),
        code: filter.code.as_deref(),
        class: filter.class.as_deref(),
        store_id: filter.store_id.as_deref(),
        merchant: filter.merchant.as_deref(),
        from: filter.from.as_deref(),
        to: filter.to.as_deref(),
        amount_min: filter.amount_min.as_deref(),
        amount_max: filter.amount_max.as_deref(),
        text: filter.text.as_deref(),
    };
    asked.read(checks, staff.scope(), |name| body(format!("/filter/{name}")))
}

fn unknown_run() -> Problem {
    Problem::new(ProblemCode::BulkRunUnknown)
}
