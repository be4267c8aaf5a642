//! Findings: where our records and Toss's differ, and closing what was dealt with.

use std::borrow::Borrow;
use std::collections::{BTreeSet, HashMap};

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use domain::OrderId;
use domain::reconcile::FindingKind;
use domain::role::{Action, Role};
use store::findings::{CloseFindingError, Finding, FindingFilter};
use store::{ListError, Page, SearchText, StoreError};

use super::{done, page, problem_page, refuse, refused};
use crate::Console;
use crate::frame::Frame;
use crate::query::Asking;
use crate::session::{Posted, SignedIn};
use crate::words::actions::Done;
use crate::words::states::{Meaning, Mood};
use crate::words::{self, records};

const PATH: &str = "/console/findings";
/// Rows of a page.
const ROWS: u64 = 50;

/// Which findings a tab has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    Open,
    Closed,
    All,
}

impl Tab {
    const ALL: [Tab; 3] = [Tab::Open, Tab::Closed, Tab::All];

    /// The word in the address.
    const fn word(self) -> &'static str {
        match self {
            Tab::Open => "open",
            Tab::Closed => "closed",
            Tab::All => "all",
        }
    }

    fn from_word(word: &str) -> Option<Tab> {
        Tab::ALL.into_iter().find(|tab| tab.word() == word)
    }

    const fn is_open(self) -> Option<bool> {
        match self {
            Tab::Open => Some(true),
            Tab::Closed => Some(false),
            Tab::All => None,
        }
    }
}

#[derive(Debug, Template)]
#[template(path = "findings.html")]
struct FindingsPage {
    frame: Frame,
    asking: Asking,
    tab: Tab,
    findings: Page<Finding>,
    names: HashMap<String, String>,
    may_close: bool,
}

impl FindingsPage {
    fn is_tab(&self, tab: impl Borrow<Tab>) -> bool {
        *tab.borrow() == self.tab
    }

    fn tab_name(&self, tab: impl Borrow<Tab>) -> &'static str {
        self.frame.t(match *tab.borrow() {
            Tab::Open => records::OPEN,
            Tab::Closed => records::CLOSED,
            Tab::All => words::ALL,
        })
    }
}

fn state(frame: &Frame, finding: &Finding) -> (&'static str, &'static str) {
    let (text, mood) = match finding.closed {
        None => (records::OPEN, Mood::Bad),
        Some(_) => (records::CLOSED, Mood::Plain),
    };
    (frame.t(text), mood.class())
}

fn meaning(finding: &Finding) -> Meaning {
    records::finding(finding.found.kind)
}

fn amount(frame: &Frame, won: impl Borrow<Option<domain::Won>>) -> String {
    won.borrow().map_or_else(|| "–".to_owned(), |won| frame.won(won.get()))
}

/// Whether what Toss names can be an order of ours.
fn is_order(id: &str) -> bool {
    OrderId::parse(id).is_ok()
}

/// Who closed a finding, as people know them.
fn closer(frame: &Frame, names: &HashMap<String, String>, by: &str) -> String {
    match (names.get(by), by) {
        (Some(name), _) => name.clone(),
        (None, "system") => frame.t(records::SYSTEM).to_owned(),
        (None, "operator") => frame.t(records::COMMAND_LINE).to_owned(),
        (None, other) => other.to_owned(),
    }
}

async fn closers(
    console: &Console,
    findings: &[Finding],
) -> Result<HashMap<String, String>, StoreError> {
    let closings = findings.iter().filter_map(|finding| finding.closed.as_ref());
    let ids: BTreeSet<&str> = closings.map(|closing| closing.by.as_str()).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    console.store.staff_names(&ids).await
}

/// `GET /console/findings`
pub(crate) async fn list(
    State(console): State<Console>,
    by: SignedIn,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let asking = Asking::of(pairs);
    let tab = asking.read("set", Tab::from_word).unwrap_or(Tab::Open);
    let member = by.member.member();
    let filter = FindingFilter {
        merchant: asking.read("merchant", |name| Some(name.to_owned())),
        kind: asking.read("kind", FindingKind::from_word),
        is_open: tab.is_open(),
        text: asking.read("q", SearchText::parse),
        ..FindingFilter::default()
    };
    let filter = filter.within(&member.scope());
    let findings = match console.store.list_findings(&filter, asking.cursor(), ROWS).await {
        Ok(page) => page,
        Err(ListError::UnknownCursor) => {
            return Redirect::to(&asking.with(PATH, "cursor", "")).into_response();
        }
        Err(ListError::Store(error)) => return super::failed(&console, &by.asked, &error),
    };
    let names = match closers(&console, &findings.rows).await {
        Ok(names) => names,
        Err(error) => return super::failed(&console, &by.asked, &error),
    };
    let may_close = member.may_somewhere(Action::ActOnJobs);
    let frame = by.frame(&console);
    let template = FindingsPage { frame, asking, tab, findings, names, may_close };
    page(StatusCode::OK, &by.asked, &template)
}

#[derive(Debug, Template)]
#[template(path = "finding.html")]
struct FindingPage {
    frame: Frame,
    it: Finding,
    names: HashMap<String, String>,
    may_close: bool,
}

/// `GET /console/findings/{id}`
pub(crate) async fn show(
    State(console): State<Console>,
    by: SignedIn,
    Path(id): Path<String>,
) -> Response {
    let (it, may_close) = match find(&console, &by, &id).await {
        Ok(Some(found)) => found,
        Ok(None) => return refused(&console, &by, StatusCode::NOT_FOUND),
        Err(error) => return super::failed(&console, &by.asked, &error),
    };
    let names = match closers(&console, std::slice::from_ref(&it)).await {
        Ok(names) => names,
        Err(error) => return super::failed(&console, &by.asked, &error),
    };
    let frame = by.frame(&console);
    page(StatusCode::OK, &by.asked, &FindingPage { frame, it, names, may_close })
}

/// `POST /console/findings/{id}/close`
pub(crate) async fn close(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    let Posted { by, fields } = &posted;
    match find(&console, by, &id).await {
        Ok(Some((_, true))) => {}
        Ok(Some((_, false))) => return refused(&console, by, StatusCode::FORBIDDEN),
        Ok(None) => return refused(&console, by, StatusCode::NOT_FOUND),
        Err(error) => return super::failed(&console, &by.asked, &error),
    }
    let back = format!("{PATH}/{}", crate::format::in_query(&id));
    let reason = match api::read_reason(fields.one("reason").unwrap_or_default()) {
        Ok(reason) => reason,
        Err(problem) => return refuse(&console, by, problem, &back),
    };
    match console.store.close_finding(&id, &by.actor(), &reason).await {
        Ok(_) => done(PATH, Done::FindingClosed),
        Err(CloseFindingError::Unknown) => refused(&console, by, StatusCode::NOT_FOUND),
        Err(CloseFindingError::Closed) => {
            let told = |text: api::Text| text.in_language(by.asked.language);
            let told = (told(words::NOT_DONE), told(records::CLOSED_ALREADY).to_owned());
            problem_page(&console, by, StatusCode::CONFLICT, told, &back)
        }
        Err(CloseFindingError::Store(error)) => super::failed(&console, &by.asked, &error),
    }
}

/// A finding that they may see, and whether they may close it; one of another store is as good as none. What belongs to no order of ours
/// is for those who act for every store.
async fn find(
    console: &Console,
    by: &SignedIn,
    id: &str,
) -> Result<Option<(Finding, bool)>, StoreError> {
    let Some(finding) = console.store.find_finding(id).await? else { return Ok(None) };
    if by.member.role == Role::Master {
        return Ok(Some((finding, true)));
    }
    let order_id = finding.found.order_id.as_deref().and_then(|id| OrderId::parse(id).ok());
    let order = match &order_id {
        Some(id) => console.store.find_order(id).await?,
        None => None,
    };
    let Some(store_id) = order.map(|order| order.order.store_id) else { return Ok(None) };
    let member = by.member.member();
    let may_close = member.may(Action::ActOnJobs, &store_id);
    Ok(member.may(Action::Read, &store_id).then_some((finding, may_close)))
}
