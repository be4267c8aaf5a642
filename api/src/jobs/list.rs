//! Reading many jobs: pages, counts by state, groups by what went wrong.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use store::JobSet;

use crate::context::Api;
use crate::credential::Staff;
use crate::extract::{Answer, Checks, Params};
use crate::job_filter::{JobListParams, JobSetParams, read_sort};
use crate::paging;
use crate::problem::Problem;
use crate::views::PageView;
use crate::views::job::JobView;
use crate::views::job_sums::{JobCountView, JobCountsView, JobGroupView, JobGroupsView};

/// List jobs
///
/// The jobs of the stores that the staff token acts for.
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
    let wanted = paging::wanted(&mut checks, params.limit.as_deref(), params.cursor.clone());
    let sort = read_sort(&mut checks, params.sort.as_deref());
    let filter = params.filter(&mut checks, staff.scope());
    checks.finish()?;
    let page = api.store.list_jobs(&filter, sort, wanted.after.as_deref(), wanted.limit).await?;
    Ok(paging::answer(page.map(|job| JobView::new(&job)), &uri))
}

/// Count jobs by state
///
/// How many jobs there are in each state, in all, and among the failed ones. `state` does not matter. A count stops at 10,000, and where
/// too many jobs would have to be looked at one by one; `more` says so.
#[utoipa::path(
    get, path = "/v1/jobs/counts", operation_id = "countJobs", tag = "Staff",
    params(JobSetParams),
    responses((status = 200, description = "The counts", body = JobCountsView)),
    security(("staffToken" = []))
)]
pub(crate) async fn count_jobs(
    State(api): State<Api>,
    staff: Staff,
    Params(params): Params<JobSetParams>,
) -> Answer<JobCountsView> {
    let mut checks = Checks::default();
    let filter = params.filter(&mut checks, staff.scope());
    checks.finish()?;
    let counts = api.store.count_jobs(&filter).await?;
    let count = |set: JobSet| JobCountView::new(set, counts.of(set));
    Ok(Json(JobCountsView { counts: JobSet::ALL.into_iter().map(count).collect() }))
}

/// Group jobs by code
///
/// Jobs of the same kind that came to stand as they do with the same code, the largest groups first. Of very many jobs the newest are
/// grouped; `more` says so.
#[utoipa::path(
    get, path = "/v1/jobs/groups", operation_id = "groupJobs", tag = "Staff",
    params(JobSetParams),
    responses((status = 200, description = "The groups", body = JobGroupsView)),
    security(("staffToken" = []))
)]
pub(crate) async fn group_jobs(
    State(api): State<Api>,
    staff: Staff,
    Params(params): Params<JobSetParams>,
) -> Answer<JobGroupsView> {
    let mut checks = Checks::default();
    let filter = params.filter(&mut checks, staff.scope());
    checks.finish()?;
    let grouped = api.store.group_jobs(&filter).await?;
    let groups = grouped.groups.into_iter().map(JobGroupView::new).collect();
    Ok(Json(JobGroupsView { groups, more: grouped.is_cut }))
}
