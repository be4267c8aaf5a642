//! What the forms on a job's page do. The domain's rules decide; who comes second is told so.

use api::{Problem, ProblemCode};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::JobId;
use domain::role::Action;
use store::ActedJob;

use super::job::is_of;
use super::{done, failed, refuse, refused};
use crate::Console;
use crate::session::{Fields, Posted};
use crate::words::actions::Done;

/// `POST /console/jobs/{id}/look-up`
pub(crate) async fn look_up(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    act(&console, &posted, id, Asked::LookUp).await
}

/// `POST /console/jobs/{id}/retry`
pub(crate) async fn retry(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    act(&console, &posted, id, Asked::Retry).await
}

/// `POST /console/jobs/{id}/discard`
pub(crate) async fn discard(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    act(&console, &posted, id, Asked::Discard).await
}

/// `POST /console/jobs/{id}/due-time`
pub(crate) async fn change_due_time(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    act(&console, &posted, id, Asked::DueTime).await
}

/// What a form asks for.
#[derive(Debug, Clone, Copy)]
enum Asked {
    LookUp,
    Retry,
    Discard,
    DueTime,
}

async fn act(console: &Console, posted: &Posted, id: String, asked: Asked) -> Response {
    let id = match find(console, posted, id).await {
        Ok(id) => id,
        Err(response) => return response,
    };
    let page = format!("/console/jobs/{id}");
    match act_on(console, posted, &id, asked).await {
        Ok((acted, what)) => {
            if let Some(job) = acted.publish {
                console.publishing.publish(vec![job]);
            }
            done(&page, what)
        }
        Err(problem) => refuse(console, &posted.by, problem, &page),
    }
}

async fn act_on(
    console: &Console,
    posted: &Posted,
    id: &JobId,
    asked: Asked,
) -> Result<(ActedJob, Done), Problem> {
    let (store, fields, actor) = (&console.store, &posted.fields, posted.by.actor());
    let given = reason(fields)?;
    let given = given.as_deref();
    // What they saw: when the job last changed, and for its time when it was due.
    let seen_ms = fields.one("seen").and_then(|text| text.parse().ok());
    let seen_ms = seen_ms.ok_or(ProblemCode::InvalidRequest);
    Ok(match asked {
        Asked::LookUp => (store.look_up_job(id, &actor, given).await?, Done::LookUp),
        Asked::Retry => (store.retry_seen_job(id, seen_ms?, &actor, given).await?, Done::Retry),
        Asked::Discard => {
            let reason = api::read_reason(given.unwrap_or_default())?;
            (store.discard_seen_job(id, seen_ms?, &actor, &reason).await?, Done::Discard)
        }
        Asked::DueTime => {
            let at_ms = fields.one("at").and_then(crate::format::read_local);
            let (seen_ms, at_ms) = (seen_ms?, at_ms.ok_or(ProblemCode::InvalidRequest)?);
            let job = store.change_due_time(id, (seen_ms, at_ms), &actor, given).await?;
            (ActedJob { job, publish: None }, Done::DueTime)
        }
    })
}

/// The job, if they may act on it; one of another store is as good as none.
async fn find(console: &Console, posted: &Posted, id: String) -> Result<JobId, Response> {
    let by = &posted.by;
    let unknown = || refused(console, by, StatusCode::NOT_FOUND);
    let id = JobId::parse(id).map_err(|_| unknown())?;
    match console.store.find_job(&id).await {
        Ok(Some(job)) if is_of(by, Action::ActOnJobs, &job.store_id) => Ok(id),
        Ok(_) => Err(unknown()),
        Err(error) => Err(failed(console, &by.asked, &error)),
    }
}

/// Why, if they say so.
pub(super) fn reason(fields: &Fields) -> Result<Option<String>, Problem> {
    match fields.one("reason").map(str::trim).filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => api::read_reason(text).map(Some),
    }
}
