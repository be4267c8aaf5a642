//! Webhooks: what came, what became of it, and why.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use domain::OrderId;
use domain::webhook::WebhookState;
use store::{ListError, Page, SearchText, WebhookFilter, WebhookRow};

use super::page;
use crate::Console;
use crate::frame::Frame;
use crate::query::{Asking, midnight, midnight_after};
use crate::session::SignedIn;
use crate::words::{self, records};

const PATH: &str = "/console/webhooks";
/// Rows of a page.
const ROWS: u64 = 50;

#[derive(Debug, Template)]
#[template(path = "webhooks.html")]
struct WebhooksPage {
    frame: Frame,
    asking: Asking,
    webhooks: Page<WebhookRow>,
}

impl WebhooksPage {
    fn kind(&self, webhook: &WebhookRow) -> String {
        records::webhook_kind(&webhook.kind)
            .map_or_else(|| webhook.kind.clone(), |text| self.frame.t(text).to_owned())
    }

    /// The word for where it stands, the class of its badge, and what that means.
    fn state(&self, webhook: &WebhookRow) -> (&'static str, &'static str, &'static str) {
        let (name, mood, meaning) = records::webhook_state(webhook.state);
        (self.frame.t(name), mood.class(), self.frame.t(meaning))
    }

    fn reason(&self, code: &str) -> Option<&'static str> {
        records::webhook_reason(code).map(|text| self.frame.t(text))
    }

    fn deliveries(&self, webhook: &WebhookRow) -> String {
        self.frame.number(i64::from(webhook.deliveries))
    }

    /// Whether what the sender names can be an order at all.
    fn is_order(&self, id: &str) -> bool {
        OrderId::parse(id).is_ok()
    }
}

/// `GET /console/webhooks`
pub(crate) async fn show(
    State(console): State<Console>,
    by: SignedIn,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let asking = Asking::of(pairs);
    let filter = WebhookFilter {
        state: asking.read("state", WebhookState::from_word),
        text: asking.read("q", SearchText::parse),
        from_ms: asking.read("from", midnight),
        to_ms: asking.read("to", midnight_after),
        ..WebhookFilter::default()
    };
    let filter = filter.within(&by.member.member().scope());
    let webhooks = match console.store.list_webhooks(&filter, asking.cursor(), ROWS).await {
        Ok(page) => page,
        Err(ListError::UnknownCursor) => {
            return Redirect::to(&asking.with(PATH, "cursor", "")).into_response();
        }
        Err(ListError::Store(error)) => return super::failed(&console, &by.asked, &error),
    };
    let frame = by.frame(&console);
    page(StatusCode::OK, &by.asked, &WebhooksPage { frame, asking, webhooks })
}
