//! Many jobs at once: what would happen, beginning it, and watching it.

use api::{Problem, ProblemCode};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use domain::bulk::{BulkAction, BulkState, ItemState};
use domain::id::IdSource as _;
use domain::role::Role;
use domain::{BulkRunId, JobId};
use store::bulk::{
    BulkError, BulkItemRow, BulkPreview, BulkReader, BulkRunRow, BulkSelection, BulkVerdict,
    PreviewGroup, Previewed, StartBulkRun,
};
use store::{Page, RandomIds};

use super::job_actions::reason;
use super::jobs::jobs_of;
use super::{done, page, problem_page, refuse, refused};
use crate::Console;
use crate::frame::Frame;
use crate::query::Asking;
use crate::session::{Posted, SignedIn};
use crate::words::actions::Done;
use crate::words::{self, actions, states};

const PATH: &str = "/console/bulk";
/// Rows of a page.
const ROWS: u64 = 50;

#[derive(Debug, Template)]
#[template(path = "bulk_preview.html")]
struct PreviewPage {
    frame: Frame,
    action: BulkAction,
    it: BulkPreview,
    ids: Vec<String>,
    /// The filter as a query, when all that match are meant.
    filter: Option<String>,
    /// The filter in words of the address, for people.
    told: String,
    /// The id of the run that this preview may become: begun twice, it is begun once.
    run: String,
    back: String,
}

impl PreviewPage {
    fn verdict(&self, group: &PreviewGroup) -> Option<String> {
        match group.verdict {
            BulkVerdict::Allowed => None,
            BulkVerdict::Refused(refusal) => Some(self.frame.refusal(refusal)),
            BulkVerdict::Unknown => Some(self.frame.t(words::NOT_THERE).to_owned()),
        }
    }
}

/// `POST /console/bulk/preview`
pub(crate) async fn preview(State(console): State<Console>, posted: Posted) -> Response {
    let (action, meant) = match read(&console, &posted).await {
        Ok(read) => read,
        Err(response) => return response,
    };
    let scope = posted.by.member.member().scope();
    let back = meant.back();
    let it = match console.store.preview_bulk_run(action, &scope, &meant.selection).await {
        Ok(it) => it,
        Err(error) => return refuse(&console, &posted.by, error, &back),
    };
    let Meant { ids, filter, told, .. } = meant;
    let (frame, run) = (posted.by.frame(&console), RandomIds.new_id());
    let preview = PreviewPage { frame, action, it, ids, filter, told, run, back };
    page(StatusCode::OK, &posted.by.asked, &preview)
}

/// `POST /console/bulk`
pub(crate) async fn start(State(console): State<Console>, posted: Posted) -> Response {
    let (action, meant) = match read(&console, &posted).await {
        Ok(read) => read,
        Err(response) => return response,
    };
    let by = &posted.by;
    let back = meant.back();
    let reason = match api::read_reason(posted.fields.one("reason").unwrap_or_default()) {
        Ok(reason) => reason,
        Err(problem) => return refuse(&console, by, problem, &back),
    };
    let number = |name| posted.fields.one(name).and_then(|text| text.parse().ok());
    let as_of_ms = posted.fields.one("as-of").and_then(|text| text.parse().ok());
    let id = posted.fields.one("run").and_then(|id| BulkRunId::parse(id).ok());
    let (Some(id), Some(jobs), Some(as_of_ms)) = (id, number("jobs"), as_of_ms) else {
        return refused(&console, by, StatusCode::UNPROCESSABLE_ENTITY);
    };
    let (scope, actor) = (by.member.member().scope(), by.actor());
    let previewed = Some(Previewed { jobs, as_of_ms });
    let selection = meant.selection;
    let wanted = StartBulkRun { id: Some(id), previewed, action, reason, selection, scope, actor };
    match console.store.start_bulk_run(&wanted).await {
        Ok(run) => done(&format!("{PATH}/{}", run.id), Done::BulkStart),
        Err(error) => refuse(&console, by, error, &back),
    }
}

/// Which jobs a form means: those that were ticked, or all of the list's filter.
struct Meant {
    selection: BulkSelection,
    ids: Vec<String>,
    filter: Option<String>,
    told: String,
}

impl Meant {
    /// The list that they come from.
    fn back(&self) -> String {
        match self.filter.as_deref() {
            Some(query) if !query.is_empty() => format!("/console/jobs?{query}"),
            _ => "/console/jobs".to_owned(),
        }
    }
}

/// What a form asks for.
async fn read(console: &Console, posted: &Posted) -> Result<(BulkAction, Meant), Response> {
    let Posted { by, fields } = posted;
    let wrong = || refused(console, by, StatusCode::UNPROCESSABLE_ENTITY);
    let action = fields.one("action").and_then(BulkAction::from_word).ok_or_else(wrong)?;
    if fields.one("of") == Some("all") {
        let filter = fields.one("filter").ok_or_else(wrong)?;
        let uri: Uri = format!("/?{filter}").parse().map_err(|_| wrong())?;
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&uri);
        let Query(pairs) = pairs.map_err(|_| wrong())?;
        let asking = Asking::of(pairs);
        let unread = asking.unread_of_jobs();
        if !unread.is_empty() {
            // To act on more than was meant is worse than not to act.
            let text = |text: api::Text| text.in_language(by.asked.language);
            let sentence = format!("{}: {}", text(words::UNREAD), unread.join(", "));
            let told = (text(words::NOT_DONE), format!("{sentence}. {}", text(words::UNREAD_NEXT)));
            let (status, back) = (StatusCode::UNPROCESSABLE_ENTITY, "/console/jobs");
            return Err(problem_page(console, by, status, told, back));
        }
        let (jobs, _) = jobs_of(console, by, &asking).await?;
        // A list without a word of it shows one state too.
        let told = asking.and("set", jobs.set.word()).in_words();
        let (selection, filter) = (BulkSelection::Matching(jobs), Some(filter.to_owned()));
        return Ok((action, Meant { selection, ids: Vec::new(), filter, told }));
    }
    let ids: Option<Vec<JobId>> = fields.all("id").map(|id| JobId::parse(id).ok()).collect();
    let ids = ids.ok_or_else(wrong)?;
    let words = ids.iter().map(|id| id.as_str().to_owned()).collect();
    let (selection, told) = (BulkSelection::Named(ids), String::new());
    Ok((action, Meant { selection, ids: words, filter: None, told }))
}

#[derive(Debug, Template)]
#[template(path = "bulk_list.html")]
struct ListPage {
    frame: Frame,
    asking: Asking,
    runs: Page<BulkRunRow>,
}

impl ListPage {
    fn state(&self, run: &BulkRunRow) -> (&'static str, &'static str) {
        let (text, mood) = actions::run_state(run.state);
        (self.frame.t(text), mood.class())
    }
}

/// `GET /console/bulk`
pub(crate) async fn list(
    State(console): State<Console>,
    by: SignedIn,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let asking = Asking::of(pairs);
    match console.store.list_bulk_runs(&reader(&by), asking.cursor(), ROWS).await {
        Ok(runs) => {
            let frame = by.frame(&console);
            page(StatusCode::OK, &by.asked, &ListPage { frame, asking, runs })
        }
        Err(error) => super::failed(&console, &by.asked, &error),
    }
}

#[derive(Debug, Template)]
#[template(path = "bulk_run.html")]
struct RunPage {
    frame: Frame,
    asking: Asking,
    path: String,
    run: BulkRunRow,
    items: Page<BulkItemRow>,
}

impl RunPage {
    fn state(&self) -> (&'static str, &'static str) {
        let (text, mood) = actions::run_state(self.run.state);
        (self.frame.t(text), mood.class())
    }

    fn item_state(&self, item: &BulkItemRow) -> (&'static str, &'static str) {
        let (text, mood) = actions::item_state(item.state);
        (self.frame.t(text), mood.class())
    }

    /// Why a job was not done, in a sentence; a code of ours that is no problem stands for itself.
    fn why(&self, code: &str) -> String {
        let known = ProblemCode::ALL.iter().find(|known| known.word() == code);
        known.map_or_else(|| code.to_owned(), |known| self.frame.refusal(*known))
    }

    fn is_running(&self) -> bool {
        self.run.state == BulkState::Running
    }

    fn ended(&self) -> i64 {
        self.run.items.saturating_sub(self.run.pending())
    }

    /// The counts by what became of the jobs.
    fn counts(&self) -> [(ItemState, i64); 5] {
        let run = &self.run;
        [
            (ItemState::Pending, run.pending()),
            (ItemState::Done, run.done),
            (ItemState::Refused, run.refused),
            (ItemState::Failed, run.failed),
            (ItemState::Skipped, run.skipped),
        ]
    }
}

/// `GET /console/bulk/{id}`
pub(crate) async fn show(
    State(console): State<Console>,
    by: SignedIn,
    Path(id): Path<String>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let unknown = || refused(&console, &by, StatusCode::NOT_FOUND);
    let Ok(id) = BulkRunId::parse(id) else { return unknown() };
    let (asking, reader) = (Asking::of(pairs), reader(&by));
    let state = ItemState::from_word(asking.get("state"));
    let read = async {
        let run = console.store.find_bulk_run(&id, &reader).await?;
        let after = asking.cursor();
        Ok::<_, store::StoreError>((
            run,
            console.store.list_bulk_items(&id, &reader, state, after, ROWS).await?,
        ))
    };
    match read.await {
        Ok((Some(run), items)) => {
            let (frame, path) = (by.frame(&console), format!("{PATH}/{id}"));
            page(StatusCode::OK, &by.asked, &RunPage { frame, asking, path, run, items })
        }
        Ok((None, _)) => unknown(),
        Err(error) => super::failed(&console, &by.asked, &error),
    }
}

/// `POST /console/bulk/{id}/stop`
pub(crate) async fn stop(
    State(console): State<Console>,
    Path(id): Path<String>,
    posted: Posted,
) -> Response {
    let by = &posted.by;
    let Ok(id) = BulkRunId::parse(id) else { return refused(&console, by, StatusCode::NOT_FOUND) };
    let run = format!("{PATH}/{id}");
    let stopped = match reason(&posted.fields) {
        Ok(reason) => {
            let (reader, actor) = (reader(by), by.actor());
            console.store.stop_bulk_run(&id, &reader, &actor, reason.as_deref()).await
        }
        Err(problem) => return refuse(&console, by, problem, &run),
    };
    match stopped {
        Ok(_) => done(&run, Done::BulkStop),
        Err(BulkError::Unknown) => refused(&console, by, StatusCode::NOT_FOUND),
        Err(error) => refuse(&console, by, Problem::from(error), &run),
    }
}

/// Whose runs they may see: their own, and masters everybody's.
fn reader(by: &SignedIn) -> BulkReader {
    let member = &by.member;
    let started_by = (member.role != Role::Master).then(|| member.id.as_str().to_owned());
    BulkReader { started_by, scope: member.member().scope() }
}
