//! The audit: what everybody did, for masters.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use domain::StoreId;
use domain::role::{Action, Role};
use store::audit::{AuditEntry, AuditFilter};
use store::{ListError, Page};

use super::{page, refused};
use crate::Console;
use crate::frame::Frame;
use crate::query::{Asking, midnight, midnight_after};
use crate::session::SignedIn;
use crate::words::{self, records};

const PATH: &str = "/console/audit";
/// Rows of a page.
const ROWS: u64 = 50;

#[derive(Debug, Template)]
#[template(path = "audit.html")]
struct AuditPage {
    frame: Frame,
    asking: Asking,
    entries: Page<AuditEntry>,
}

impl AuditPage {
    fn who(&self, entry: &AuditEntry) -> String {
        match (&entry.actor_name, entry.actor.as_str()) {
            (Some(name), _) => name.clone(),
            (None, "system") => self.frame.t(records::SYSTEM).to_owned(),
            (None, other) => other.to_owned(),
        }
    }

    /// The word for a role; nothing for the system, which is no member of staff.
    fn role(&self, entry: &AuditEntry) -> Option<&'static str> {
        Role::from_word(&entry.role).map(|role| self.frame.role(&role))
    }

    /// The page of what it was done to, if there is one.
    fn address(&self, entry: &AuditEntry) -> Option<String> {
        address(&entry.action, &entry.subject)
    }
}

fn address(action: &str, subject: &str) -> Option<String> {
    let (what, _) = action.split_once('.')?;
    let place = match what {
        "job" => "jobs",
        "order" | "cancel" | "review" => "orders",
        "finding" => "findings",
        "bulk" => "bulk",
        _ => return None,
    };
    Some(format!("/console/{place}/{}", crate::format::in_query(subject)))
}

/// `GET /console/audit`
pub(crate) async fn show(
    State(console): State<Console>,
    by: SignedIn,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    if !by.member.member().may_somewhere(Action::ReadAudit) {
        return refused(&console, &by, StatusCode::FORBIDDEN);
    }
    let asking = Asking::of(pairs);
    let text = |name| asking.read(name, |text| Some(text.to_owned()));
    let filter = AuditFilter {
        store: asking.read("store", |id| StoreId::parse(id).ok()),
        subject: text("subject"),
        actor: text("actor"),
        action: text("action"),
        from_ms: asking.read("from", midnight),
        to_ms: asking.read("to", midnight_after),
        ..AuditFilter::default()
    };
    let entries = match console.store.list_audit(&filter, asking.cursor(), ROWS).await {
        Ok(page) => page,
        Err(ListError::UnknownCursor) => {
            return Redirect::to(&asking.with(PATH, "cursor", "")).into_response();
        }
        Err(ListError::Store(error)) => return super::failed(&console, &by.asked, &error),
    };
    let frame = by.frame(&console);
    page(StatusCode::OK, &by.asked, &AuditPage { frame, asking, entries })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_page_of_its_own_is_linked() {
        assert_eq!(address("job.retry", "j1").as_deref(), Some("/console/jobs/j1"));
        assert_eq!(address("cancel.request", "o1").as_deref(), Some("/console/orders/o1"));
        assert_eq!(address("order.erase", "../x").as_deref(), Some("/console/orders/..%2Fx"));
        assert_eq!(address("store.change", "mala"), None);
        assert_eq!(address("odd", "x"), None);
    }
}
