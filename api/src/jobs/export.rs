//! Jobs as a table for a spreadsheet.

use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use domain::limits::PAGE_ROWS_MAX;
use store::{CSV_ROWS_MAX, JobFilter, JobRow, JobSort, Store};

use crate::context::Api;
use crate::credential::Staff;
use crate::csv::{BYTE_ORDER_MARK, push_row};
use crate::extract::{Checks, Params};
use crate::job_filter::{JobExportParams, read_sort};
use crate::problem::Problem;
use crate::views::instant;

/// Says that there are more rows than are sent.
const TRUNCATED: HeaderName = HeaderName::from_static("x-truncated");

const HEAD: [&str; 15] = [
    "jobId",
    "kind",
    "state",
    "orderId",
    "storeId",
    "merchant",
    "amount",
    "code",
    "class",
    "message",
    "parkReason",
    "claims",
    "createdAt",
    "updatedAt",
    "endedAt",
];

/// Export jobs
///
/// The jobs that the same parameters list, as comma-separated values for a spreadsheet. At most 10,000 rows; `X-Truncated` says that there
/// are more. Cells that a spreadsheet would take for formulas begin with an apostrophe.
#[utoipa::path(
    get, path = "/v1/jobs.csv", operation_id = "exportJobs", tag = "Staff",
    params(JobExportParams),
    responses((status = 200, description = "The table", body = String, content_type = "text/csv",
        headers(("X-Truncated" = String, description = "`true` when there are more rows")))),
    security(("staffToken" = []))
)]
pub(crate) async fn export_jobs(
    State(api): State<Api>,
    staff: Staff,
    Params(params): Params<JobExportParams>,
) -> Result<Response, Problem> {
    let mut checks = Checks::default();
    let sort = read_sort(&mut checks, params.sort.as_deref());
    let filter = params.filter(&mut checks, staff.scope());
    checks.finish()?;
    let (table, is_truncated) = job_table(&api.store, &filter, sort).await?;
    let mut response = table.into_response();
    let headers = response.headers_mut();
    headers
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
    let name = HeaderValue::from_static("attachment; filename=\"jobs.csv\"");
    headers.insert(CONTENT_DISPOSITION, name);
    if is_truncated {
        headers.insert(TRUNCATED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// The jobs as comma-separated values, and whether there are more than [`CSV_ROWS_MAX`].
///
/// # Errors
/// The database failed.
pub async fn job_table(
    store: &Store,
    filter: &JobFilter,
    sort: JobSort,
) -> Result<(String, bool), Problem> {
    let mut text = BYTE_ORDER_MARK.to_owned();
    push_row(&mut text, HEAD);
    let (mut rows, mut after) = (0_usize, None);
    loop {
        let page = store.list_jobs(filter, sort, after.as_deref(), PAGE_ROWS_MAX).await?;
        for job in &page.rows {
            if rows >= CSV_ROWS_MAX {
                return Ok((text, true));
            }
            rows = rows.saturating_add(1);
            push_job(&mut text, job);
        }
        after = page.next;
        if after.is_none() {
            return Ok((text, false));
        }
    }
}

fn push_job(text: &mut String, job: &JobRow) {
    let (amount, claims) = (job.amount.get().to_string(), job.claims.to_string());
    let (created_at, updated_at) = (instant(job.created_at), instant(job.updated_at));
    let ended_at = job.ended_at.map(instant).unwrap_or_default();
    let cells: [&str; 15] = [
        &job.id,
        job.kind.word(),
        job.state.word(),
        &job.order_id,
        &job.store_id,
        &job.merchant,
        &amount,
        job.last_code.as_deref().unwrap_or_default(),
        job.last_class.map(|class| class.word()).unwrap_or_default(),
        job.last_message.as_deref().unwrap_or_default(),
        job.park_reason.as_deref().unwrap_or_default(),
        &claims,
        &created_at,
        &updated_at,
        &ended_at,
    ];
    push_row(text, cells);
}
