//! What holds calls to Toss back, for masters: breakers and pauses, pausing and resuming a merchant or one kind of its calls.

use api::ProblemCode;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::attempt::Operation;
use domain::role::Action;
use store::{Holds, OpenBreaker, Pause, PauseScope};

use super::{done, page, refuse, refused};
use crate::Console;
use crate::frame::Frame;
use crate::session::{Posted, SignedIn};
use crate::words::actions::Done;
use crate::words::{self, states};

const PATH: &str = "/console/holds";

/// Everything that can be paused.
const SCOPES: [PauseScope; 4] = [
    PauseScope::All,
    PauseScope::Only(Operation::Confirm),
    PauseScope::Only(Operation::Cancel),
    PauseScope::Only(Operation::LookUp),
];

#[derive(Debug, Template)]
#[template(path = "holds.html")]
struct HoldsPage {
    frame: Frame,
    merchants: Vec<MerchantHolds>,
}

/// What holds one merchant's calls back.
#[derive(Debug)]
struct MerchantHolds {
    name: String,
    breakers: Vec<OpenBreaker>,
    pauses: Vec<Pause>,
}

impl HoldsPage {
    fn scope(&self, scope: &PauseScope) -> &'static str {
        self.frame.t(match scope {
            PauseScope::All => words::EVERY_CALL,
            PauseScope::Only(operation) => states::operation(*operation),
        })
    }
}

/// `GET /console/holds`
pub(crate) async fn show(State(console): State<Console>, by: SignedIn) -> Response {
    if !may_hold(&by) {
        return refused(&console, &by, StatusCode::FORBIDDEN);
    }
    let holds = match console.store.read_holds().await {
        Ok(holds) => holds,
        Err(error) => return super::failed(&console, &by.asked, &error),
    };
    let frame = by.frame(&console);
    let merchants = by_merchant(&console, &holds);
    page(StatusCode::OK, &by.asked, &HoldsPage { frame, merchants })
}

/// The configured merchants, and those that are held back though they are configured no more.
fn by_merchant(console: &Console, holds: &Holds) -> Vec<MerchantHolds> {
    let mut names: Vec<&str> = console.merchants.names().collect();
    let held = holds.breakers.iter().map(|breaker| breaker.merchant.as_str());
    for name in held.chain(holds.pauses.iter().map(|pause| pause.merchant.as_str())) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let of = |name: &str| MerchantHolds {
        name: name.to_owned(),
        breakers: holds.breakers.iter().filter(|it| it.merchant == name).cloned().collect(),
        pauses: holds.pauses.iter().filter(|it| it.merchant == name).cloned().collect(),
    };
    names.into_iter().map(of).collect()
}

/// `POST /console/holds/pause`
pub(crate) async fn pause(State(console): State<Console>, posted: Posted) -> Response {
    change(console, posted, Done::Pause).await
}

/// `POST /console/holds/resume`
pub(crate) async fn resume(State(console): State<Console>, posted: Posted) -> Response {
    change(console, posted, Done::Resume).await
}

async fn change(console: Console, posted: Posted, what: Done) -> Response {
    let Posted { by, fields } = &posted;
    if !may_hold(by) {
        return refused(&console, by, StatusCode::FORBIDDEN);
    }
    let merchant = fields.one("merchant").filter(|name| console.merchants.knows(name));
    let scope = fields.one("scope").and_then(PauseScope::from_word);
    let (Some(merchant), Some(scope)) = (merchant, scope) else {
        return refused(&console, by, StatusCode::UNPROCESSABLE_ENTITY);
    };
    let reason = match api::read_reason(fields.one("reason").unwrap_or_default()) {
        Ok(reason) => reason,
        Err(problem) => return refuse(&console, by, problem, PATH),
    };
    let (store, actor) = (&console.store, by.actor());
    let (changed, else_problem) = if what == Done::Pause {
        let paused = store.pause_merchant(merchant, scope, &actor, &reason).await;
        (paused, ProblemCode::HoldExists)
    } else {
        let resumed = store.resume_merchant(merchant, scope, &actor, &reason).await;
        (resumed, ProblemCode::HoldUnknown)
    };
    match changed {
        Ok(true) => done(PATH, what),
        Ok(false) => refuse(&console, by, else_problem, PATH),
        Err(error) => refuse(&console, by, error, PATH),
    }
}

fn may_hold(by: &SignedIn) -> bool {
    by.member.member().may_somewhere(Action::HoldCalls)
}
