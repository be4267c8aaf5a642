//! Failed confirms and all other jobs: tabs with counts, filters that stand in the address, groups, and the list.

use std::borrow::Borrow;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use domain::answer::FailureClass;
use domain::bulk::BulkAction;
use domain::job::JobKind;
use store::{JobCounts, JobFilter, JobGroup, JobRow, JobSet, JobSort, ListError, Page};

use super::{page, refuse};
use crate::Console;
use crate::frame::Frame;
use crate::query::{Age, Asking};
use crate::session::SignedIn;
use crate::words::{self, actions, states};

const PATH: &str = "/console/jobs";
/// Says of a table that there are more rows than it has, as the API does.
const TRUNCATED: HeaderName = HeaderName::from_static("x-truncated");
const EXPORT_PATH: &str = "/console/jobs.csv";
/// Rows of a page.
const ROWS: u64 = 50;

#[derive(Debug, Template)]
#[template(path = "jobs.html")]
struct JobsPage {
    frame: Frame,
    asking: Asking,
    set: JobSet,
    sort: JobSort,
    counts: JobCounts,
    groups: Vec<JobGroup>,
    is_cut: bool,
    jobs: Page<JobRow>,
}

impl JobsPage {
    fn state(&self, job: &JobRow) -> (&'static str, &'static str) {
        let (text, mood) = states::job_state(job.state);
        (self.frame.t(text), mood.class())
    }

    fn is_tab(&self, tab: impl Borrow<JobSet>) -> bool {
        *tab.borrow() == self.set
    }

    fn is_sort(&self, sort: impl Borrow<JobSort>) -> bool {
        *sort.borrow() == self.sort
    }

    /// What a group's failures mean and what to do, as far as their class says.
    fn meaning(&self, group: &JobGroup) -> Option<(&'static str, &'static str)> {
        let meaning = states::class_of(group.kind, group.class?);
        Some((self.frame.t(meaning.meaning), self.frame.t(meaning.action)))
    }

    /// The jobs of a group and no others; those without a code cannot be asked for.
    fn group_link(&self, group: &JobGroup) -> Option<String> {
        let of_kind = self.asking.and("kind", group.kind.word());
        Some(of_kind.with(PATH, "code", group.code.as_ref()?))
    }

    /// Filters in the address that make no sense.
    fn unread(&self) -> String {
        self.asking.unread_of_jobs().join(", ")
    }

    /// The same jobs as a table for a spreadsheet.
    fn export(&self) -> String {
        self.asking.with(EXPORT_PATH, "cursor", "")
    }
}

/// The jobs that an address asks for. The clock is asked only where an age is.
pub(super) async fn jobs_of(
    console: &Console,
    by: &SignedIn,
    asking: &Asking,
) -> Result<(JobFilter, JobSort), Response> {
    let now_ms = match asking.age() {
        None => 0,
        Some(_) => {
            let now_ms = console.store.now_ms().await;
            now_ms.map_err(|error| super::failed(console, &by.asked, &error))?
        }
    };
    Ok(asking.jobs(by.member.member().scope(), now_ms))
}

/// `GET /console/jobs.csv`
pub(crate) async fn export(
    State(console): State<Console>,
    by: SignedIn,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let asking = Asking::of(pairs);
    let (filter, sort) = match jobs_of(&console, &by, &asking).await {
        Ok(asked) => asked,
        Err(response) => return response,
    };
    match api::job_table(&console.store, &filter, sort).await {
        Ok((table, is_cut)) => {
            let mut response = table.into_response();
            let headers = response.headers_mut();
            if is_cut {
                headers.insert(TRUNCATED, HeaderValue::from_static("true"));
            }
            let media_type = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
            headers.insert(CONTENT_TYPE, media_type);
            let name = HeaderValue::from_static("attachment; filename=\"jobs.csv\"");
            headers.insert(CONTENT_DISPOSITION, name);
            response
        }
        Err(problem) => refuse(&console, &by, problem, &asking.with(PATH, "cursor", "")),
    }
}

/// `GET /console/jobs`
pub(crate) async fn show(
    State(console): State<Console>,
    by: SignedIn,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let asking = Asking::of(pairs);
    let (filter, sort) = match jobs_of(&console, &by, &asking).await {
        Ok(asked) => asked,
        Err(response) => return response,
    };
    let cursor = Some(asking.get("cursor")).filter(|cursor| !cursor.is_empty());
    let store = &console.store;
    // They ask the database independently, so nobody waits for their sum.
    let (jobs, counts, groups) = tokio::join!(
        store.list_jobs(&filter, sort, cursor, ROWS),
        store.count_jobs(&filter),
        store.group_jobs(&filter)
    );
    let jobs = match jobs {
        Ok(page) => page,
        // An old link, or one that was cut off: from the beginning.
        Err(ListError::UnknownCursor) => {
            return Redirect::to(&asking.with(PATH, "cursor", "")).into_response();
        }
        Err(ListError::Store(error)) => return super::failed(&console, &by.asked, &error),
    };
    let (counts, groups) = match (counts, groups) {
        (Ok(counts), Ok(groups)) => (counts, groups),
        (Err(error), _) | (_, Err(error)) => return super::failed(&console, &by.asked, &error),
    };
    let template = JobsPage {
        frame: by.frame(&console),
        set: filter.set,
        asking,
        sort,
        counts,
        groups: groups.groups,
        is_cut: groups.is_cut,
        jobs,
    };
    page(StatusCode::OK, &by.asked, &template)
}
