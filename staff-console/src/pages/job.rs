//! One job: what it is to do, where it stands, what may be done with it now, and every call that was made for it.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::action::JobAction;
use domain::attempt::Operation;
use domain::job::JobKind;
use domain::role::Action;
use domain::{JobId, StoreId};
use store::JobDetail;

use super::{page, refused};
use crate::Console;
use crate::frame::Frame;
use crate::session::SignedIn;
use crate::words::{self, actions, happenings, states};

#[derive(Debug, Template)]
#[template(path = "job.html")]
struct JobPage {
    frame: Frame,
    it: JobDetail,
    /// Whether calls of its kind are paused.
    is_held: bool,
    offers: Vec<Offer>,
}

/// An action, what it will do, and why it cannot be done now.
#[derive(Debug)]
struct Offer {
    action: JobAction,
    name: &'static str,
    effect: &'static str,
    why_not: Option<String>,
}

impl Offer {
    /// Where its form or its page is, below the job.
    fn path(&self) -> &'static str {
        match self.action {
            JobAction::LookUp => "look-up",
            JobAction::Retry => "retry",
            JobAction::Discard => "discard",
            JobAction::ChangeDueTime => "due-time",
            JobAction::Match => "match",
        }
    }

    fn is_discard(&self) -> bool {
        self.action == JobAction::Discard
    }

    fn is_due_time(&self) -> bool {
        self.action == JobAction::ChangeDueTime
    }

    fn is_match(&self) -> bool {
        self.action == JobAction::Match
    }
}

impl JobPage {
    fn state(&self) -> (&'static str, &'static str) {
        let (text, mood) = states::job_state(self.it.job.state);
        (self.frame.t(text), mood.class())
    }

    fn due(&self) -> String {
        crate::format::local(self.it.job.due_at)
    }
}

/// `GET /console/jobs/{id}`
pub(crate) async fn show(
    State(console): State<Console>,
    by: SignedIn,
    Path(id): Path<String>,
) -> Response {
    let Ok(id) = JobId::parse(id) else { return refused(&console, &by, StatusCode::NOT_FOUND) };
    let it = match console.store.find_job_detail(&id).await {
        Ok(Some(it)) if is_of(&by, Action::Read, &it.job.store_id) => it,
        Ok(_) => return refused(&console, &by, StatusCode::NOT_FOUND),
        Err(error) => return super::failed(&console, &by.asked, &error),
    };
    let is_held = match console.store.read_holds().await {
        Ok(holds) => {
            it.job.state.is_live()
                && holds.find_pause(&it.job.merchant, operation(it.job.kind)).is_some()
        }
        Err(error) => return super::failed(&console, &by.asked, &error),
    };
    let frame = by.frame(&console);
    let may = is_of(&by, Action::ActOnJobs, &it.job.store_id);
    let offer = |(action, verdict): &(JobAction, Result<(), _>)| Offer {
        action: *action,
        name: frame.t(actions::name(*action)),
        effect: frame.t(actions::effect(*action)),
        why_not: if may {
            verdict.err().map(|refusal| frame.refusal(refusal))
        } else {
            Some(frame.t(words::FORBIDDEN).to_owned())
        },
    };
    // What makes no sense for this kind of job is not offered; what makes sense but not now says why.
    let is_sensible = |(action, _): &&(JobAction, _)| {
        *action != JobAction::Match || it.job.cancellation_id.is_some()
    };
    let offers = it.actions.iter().filter(is_sensible).map(offer).collect();
    page(StatusCode::OK, &by.asked, &JobPage { frame, it, is_held, offers })
}

/// What a job calls Toss for.
const fn operation(kind: JobKind) -> Operation {
    match kind {
        JobKind::Confirm => Operation::Confirm,
        JobKind::Cancel => Operation::Cancel,
        JobKind::LookUp => Operation::LookUp,
    }
}

/// Whether they may do this for the store of this id.
pub(super) fn is_of(by: &SignedIn, action: Action, store_id: &str) -> bool {
    StoreId::parse(store_id).is_ok_and(|store| by.member.member().may(action, &store))
}
