//! Telling cancels at Toss apart: which of them is ours, in the word of a person.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::CancellationId;
use domain::action::NoneRefusal;
use domain::job::ActionRefusal;
use domain::role::Action;
use store::orders::OrderDetail;
use store::{Candidates, MatchCancellation};

use super::order_actions::find;
use super::{done, page, refuse, refused};
use crate::Console;
use crate::frame::Frame;
use crate::session::{Posted, SignedIn};
use crate::words;
use crate::words::actions::Done;

#[derive(Debug, Template)]
#[template(path = "matching.html")]
struct MatchPage {
    frame: Frame,
    order: OrderDetail,
    cancel_id: String,
    it: Candidates,
}

impl MatchPage {
    /// Why nothing can be matched, if so.
    fn why_not(&self) -> Option<String> {
        self.it.matching.err().map(|refusal: ActionRefusal| self.frame.refusal(refusal))
    }

    /// Why it cannot be said that none is ours.
    fn why_not_none(&self) -> Option<String> {
        self.it.none.err().map(|refusal: NoneRefusal| self.frame.refusal(refusal))
    }
}

/// `GET /console/orders/{id}/cancels/{cancel_id}`
pub(crate) async fn show(
    State(console): State<Console>,
    by: SignedIn,
    Path((id, cancel_id)): Path<(String, String)>,
) -> Response {
    let (order, _) = match find(&console, &by, Action::Read, id).await {
        Ok(found) => found,
        Err(response) => return response,
    };
    let unknown = || refused(&console, &by, StatusCode::NOT_FOUND);
    let Ok(cancel_id) = CancellationId::parse(cancel_id) else { return unknown() };
    match console.store.list_cancel_candidates(&order.order.id, &cancel_id).await {
        Ok(Some(it)) => {
            let (frame, cancel_id) = (by.frame(&console), cancel_id.as_str().to_owned());
            page(StatusCode::OK, &by.asked, &MatchPage { frame, order, cancel_id, it })
        }
        Ok(None) => unknown(),
        Err(error) => super::failed(&console, &by.asked, &error),
    }
}

/// `POST /console/orders/{id}/cancels/{cancel_id}`
pub(crate) async fn decide(
    State(console): State<Console>,
    Path((id, cancel_id)): Path<(String, String)>,
    posted: Posted,
) -> Response {
    let Posted { by, fields } = &posted;
    let (order, _) = match find(&console, by, Action::ActOnJobs, id).await {
        Ok(found) => found,
        Err(response) => return response,
    };
    let back = format!("/console/orders/{}/cancels/{cancel_id}", order.order.id);
    let Ok(cancellation_id) = CancellationId::parse(cancel_id) else {
        return refused(&console, by, StatusCode::NOT_FOUND);
    };
    let version = fields.one("version").and_then(|text| text.parse().ok());
    // The empty value stands for none of them; nothing chosen is nothing said.
    let (Some(seen_version), Some(entry)) = (version, fields.one("entry")) else {
        return refused(&console, by, StatusCode::UNPROCESSABLE_ENTITY);
    };
    let reason = match api::read_reason(fields.one("reason").unwrap_or_default()) {
        Ok(reason) => reason,
        Err(problem) => return refuse(&console, by, problem, &back),
    };
    let wanted = MatchCancellation {
        order_id: order.order.id.clone(),
        cancellation_id,
        transaction_key: Some(entry.to_owned()).filter(|key| !key.is_empty()),
        seen_version,
        actor: by.actor(),
        reason,
    };
    match console.store.match_cancellation(&wanted).await {
        Ok(matched) => {
            if let Some(job) = matched.publish {
                console.publishing.publish(vec![job]);
            }
            done(&format!("/console/orders/{}", order.order.id), Done::Match)
        }
        Err(error) => refuse(&console, by, error, &back),
    }
}
