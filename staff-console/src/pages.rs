//! The pages, one file each, and the ones for what went wrong.

pub(crate) mod audit;
pub(crate) mod bulk;
pub(crate) mod findings;
pub(crate) mod holds;
pub(crate) mod job;
pub(crate) mod job_actions;
pub(crate) mod jobs;
pub(crate) mod matching;
pub(crate) mod order_actions;
pub(crate) mod orders;
pub(crate) mod overview;
pub(crate) mod sign_in;
pub(crate) mod staff;
pub(crate) mod webhooks;
pub(crate) mod workers;

use api::{Problem, ProblemCode, Text};
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use store::StoreError;

use crate::Console;
use crate::frame::{Asked, Frame};
use crate::session::SignedIn;
use crate::words;
use crate::words::actions::Done;

/// When to come again after the console was busy, in seconds.
const BUSY_RETRY_S: u64 = 2;

/// A page that says what went wrong and where to go.
#[derive(Debug, Template)]
#[template(path = "message.html")]
struct Message {
    frame: Frame,
    title: Text,
    next: Text,
}

/// Why something was not done, and the way back.
#[derive(Debug, Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    frame: Frame,
    title: &'static str,
    sentence: String,
    back: String,
}

/// Back to a page, which says what was done.
pub(crate) fn done(to: &str, what: Done) -> Response {
    Redirect::to(&format!("{to}?done={}", what.word())).into_response()
}

/// Says why something was not done; nothing was changed. `back` is where they came from.
pub(crate) fn refuse(
    console: &Console,
    by: &SignedIn,
    problem: impl Into<Problem>,
    back: &str,
) -> Response {
    let problem = problem.into();
    if let Some(cause) = problem.cause_text() {
        tracing::warn!(error = cause, code = problem.code().word(), "the console could not do it");
    }
    let (language, sentence) = (by.asked.language, problem.sentence(by.asked.language));
    problem_page(console, by, problem.status(), (problem.title(language), sentence), back)
}

/// Says what is wrong with a form.
pub(crate) fn refuse_with(console: &Console, by: &SignedIn, text: Text, back: &str) -> Response {
    let language = by.asked.language;
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let told = (words::NOT_DONE.in_language(language), text.in_language(language).to_owned());
    problem_page(console, by, status, told, back)
}

pub(crate) fn problem_page(
    console: &Console,
    by: &SignedIn,
    status: StatusCode,
    (title, sentence): (&'static str, String),
    back: &str,
) -> Response {
    let (frame, back) = (by.frame(console), back.to_owned());
    page(status, &by.asked, &ProblemPage { frame, title, sentence, back })
}

/// Renders a page.
pub(crate) fn page(status: StatusCode, asked: &Asked, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => {
            let mut response = (status, Html(html)).into_response();
            asked.remember(&mut response);
            response
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// There is no such page.
pub(crate) async fn missing(State(console): State<Console>, by: SignedIn) -> Response {
    refused(&console, &by, StatusCode::NOT_FOUND)
}

/// What somebody who is signed in asked for is refused.
pub(crate) fn refused(console: &Console, by: &SignedIn, status: StatusCode) -> Response {
    let (title, next) = if status == StatusCode::NOT_FOUND {
        (words::NOT_FOUND, words::NOT_FOUND_NEXT)
    } else {
        (words::FORBIDDEN, words::FORBIDDEN_NEXT)
    };
    page(status, &by.asked, &Message { frame: by.frame(console), title, next })
}

/// There is more to do than the console takes at once. Nothing was done.
pub(crate) fn busy(console: &Console, asked: &Asked) -> Response {
    if !asked.takes_pages {
        let problem = Problem::from(ProblemCode::Overloaded);
        return problem.retry_after_s(BUSY_RETRY_S).into_response();
    }
    let frame = Frame::of(console.mode, asked, None, String::new());
    let told = Message { frame, title: words::BUSY, next: words::BUSY_NEXT };
    let mut response = page(StatusCode::SERVICE_UNAVAILABLE, asked, &told);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(BUSY_RETRY_S));
    response
}

/// The database does not answer.
pub(crate) fn failed(console: &Console, asked: &Asked, error: &StoreError) -> Response {
    tracing::warn!(error = error.with_causes(), "a page of the console could not be read");
    let frame = Frame::of(console.mode, asked, None, String::new());
    let (title, next) = (words::UNAVAILABLE, words::UNAVAILABLE_NEXT);
    page(StatusCode::SERVICE_UNAVAILABLE, asked, &Message { frame, title, next })
}
