//! The overview: what needs a person, what waits, who works.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::page;
use crate::Console;
use crate::frame::Frame;
use crate::session::SignedIn;
use crate::words;

#[derive(Debug, Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
}

/// `GET /console`
pub(crate) async fn show(State(console): State<Console>, by: SignedIn) -> Response {
    page(StatusCode::OK, &by.asked, &OverviewPage { frame: by.frame(&console) })
}
