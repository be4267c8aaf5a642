//! The pages, one file each, and the ones for what went wrong.

pub(crate) mod jobs;
pub(crate) mod orders;
pub(crate) mod overview;
pub(crate) mod sign_in;

use api::Text;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};
use store::StoreError;

use crate::Console;
use crate::frame::{Asked, Frame};
use crate::session::SignedIn;
use crate::words;

/// A page that says what went wrong and where to go.
#[derive(Debug, Template)]
#[template(path = "message.html")]
struct Message {
    frame: Frame,
    title: Text,
    next: Text,
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

/// The database does not answer.
pub(crate) fn failed(console: &Console, asked: &Asked, error: &StoreError) -> Response {
    tracing::warn!(error = error.with_causes(), "a page of the console could not be read");
    let frame = Frame::of(console.mode, asked, None, String::new());
    let (title, next) = (words::UNAVAILABLE, words::UNAVAILABLE_NEXT);
    page(StatusCode::SERVICE_UNAVAILABLE, asked, &Message { frame, title, next })
}
