//! What the forms on a job's page do. The domain's rules decide; who comes second is told so.

use api::Problem;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::JobId;
use domain::role::Action;
use store::{ActError, ActedJob};

use super::job::is_of;
use super::{done, refuse, refused};
use crate::Console;
use crate::session::{Fields, Posted};
use crate::words::actions::Done;

/// `POST /console/jobs/{id}/look-up`
pub(crate) async fn look_up(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    let id = match find(&console, &posted, id).await {
        Ok(id) => id,
        Err(response) => return response,
    };
    let acted = match reason(&posted.fields) {
        Ok(reason) => {
            let reason = reason.as_deref();
            console.store.look_up_job(&id, &posted.by.actor(), reason).await.map_err(Problem::from)
        }
        Err(problem) => Err(problem),
    };
    finish(&console, &posted, &id, acted, Done::LookUp)
}

/// `POST /console/jobs/{id}/retry`
pub(crate) async fn retry(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    let id = match find(&console, &posted, id).await {
        Ok(id) => id,
        Err(response) => return response,
    };
    let acted = match reason(&posted.fields) {
        Ok(reason) => {
            let reason = reason.as_deref();
            console.store.retry_job(&id, &posted.by.actor(), reason).await.map_err(Problem::from)
        }
        Err(problem) => Err(problem),
    };
    finish(&console, &posted, &id, acted, Done::Retry)
}

/// `POST /console/jobs/{id}/discard`
pub(crate) async fn discard(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    let id = match find(&console, &posted, id).await {
        Ok(id) => id,
        Err(response) => return response,
    };
    let acted = match api::read_reason(posted.fields.one("reason").unwrap_or_default()) {
        Ok(reason) => {
            console.store.discard_job(&id, &posted.by.actor(), &reason).await.map_err(Problem::from)
        }
        Err(problem) => Err(problem),
    };
    finish(&console, &posted, &id, acted, Done::Discard)
}

/// `POST /console/jobs/{id}/due-time`
pub(crate) async fn change_due_time(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    let id = match find(&console, &posted, id).await {
        Ok(id) => id,
        Err(response) => return response,
    };
    let fields = &posted.fields;
    let seen_ms = fields.one("seen").and_then(|text| text.parse().ok());
    let at_ms = fields.one("at").and_then(crate::format::read_local);
    let (Some(seen_ms), Some(at_ms)) = (seen_ms, at_ms) else {
        return refused(&console, &posted.by, StatusCode::UNPROCESSABLE_ENTITY);
    };
    let changed = match reason(fields) {
        Ok(reason) => {
            let (actor, reason) = (posted.by.actor(), reason.as_deref());
            let changed =
                console.store.change_due_time(&id, (seen_ms, at_ms), &actor, reason).await;
            changed.map(|job| ActedJob { job, publish: None }).map_err(Problem::from)
        }
        Err(problem) => Err(problem),
    };
    finish(&console, &posted, &id, changed, Done::DueTime)
}

/// The job, if they may act on it; one of another store is as good as none.
async fn find(console: &Console, posted: &Posted, id: String) -> Result<JobId, Response> {
    let by = &posted.by;
    let unknown = || refused(console, by, StatusCode::NOT_FOUND);
    let id = JobId::parse(id).map_err(|_| unknown())?;
    match console.store.find_job(&id).await {
        Ok(Some(job)) if is_of(by, Action::ActOnJobs, &job.store_id) => Ok(id),
        Ok(_) => Err(unknown()),
        Err(error) => Err(refuse(console, by, ActError::Store(error), "/console/jobs")),
    }
}

fn finish(
    console: &Console,
    posted: &Posted,
    id: &JobId,
    acted: Result<ActedJob, Problem>,
    what: Done,
) -> Response {
    let page = format!("/console/jobs/{id}");
    match acted {
        Ok(acted) => {
            if let Some(job) = acted.publish {
                console.publishing.publish(job);
            }
            done(&page, what)
        }
        Err(problem) => refuse(console, &posted.by, problem, &page),
    }
}

/// Why, if they say so.
pub(super) fn reason(fields: &Fields) -> Result<Option<String>, Problem> {
    match fields.one("reason").map(str::trim).filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => api::read_reason(text).map(Some),
    }
}
