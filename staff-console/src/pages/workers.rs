//! Workers: who works, on what, and how busy. Only for those who act for every store, as on the overview.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::limits::PAGE_ROWS_MAX;
use domain::role::Scope;
use store::{WorkerRow, WorkerStanding};

use super::{page, refused};
use crate::Console;
use crate::frame::Frame;
use crate::session::SignedIn;
use crate::words::{self, records};

#[derive(Debug, Template)]
#[template(path = "workers.html")]
struct WorkersPage {
    frame: Frame,
    workers: Vec<WorkerRow>,
}

impl WorkersPage {
    fn standing(&self, worker: &WorkerRow) -> (&'static str, &'static str) {
        let (text, mood) = records::standing(worker.standing());
        (self.frame.t(text), mood.class())
    }

    /// Whether somebody takes jobs.
    fn works(&self) -> bool {
        self.workers.iter().any(|worker| worker.standing() == WorkerStanding::Alive)
    }

    /// The versions of those that run, if they are not all alike.
    fn versions(&self) -> Option<String> {
        let running = self.workers.iter().filter(|worker| worker.is_alive);
        let versions: BTreeSet<&str> = running.map(|worker| worker.said.version.as_str()).collect();
        (versions.len() > 1).then(|| versions.into_iter().collect::<Vec<_>>().join(", "))
    }

    fn is_cut(&self) -> bool {
        u64::try_from(self.workers.len()).is_ok_and(|count| count >= PAGE_ROWS_MAX)
    }
}

/// `GET /console/workers`
pub(crate) async fn show(State(console): State<Console>, by: SignedIn) -> Response {
    if by.member.member().scope() != Scope::Every {
        return refused(&console, &by, StatusCode::FORBIDDEN);
    }
    match console.store.list_workers(PAGE_ROWS_MAX).await {
        Ok(workers) => {
            let frame = by.frame(&console);
            page(StatusCode::OK, &by.asked, &WorkersPage { frame, workers })
        }
        Err(error) => super::failed(&console, &by.asked, &error),
    }
}
