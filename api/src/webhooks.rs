//! Webhooks: what Toss tells, and what anybody may pretend to be told by Toss. Stored as it comes; a look-up finds out what is true.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use domain::webhook::{ReadBody, WebhookState};
use serde_json::{Map, Value};
use store::{Origin, ReceivedWebhook};

use crate::context::Api;
use crate::extract::RawBody;
use crate::meters;
use crate::problem::{Problem, ProblemCode};
use crate::rates::Client;

/// Where webhooks are taken.
pub const WEBHOOK_PATH: &str = "/v1/webhooks/toss";
/// What the names of the headers that are kept begin with.
///
/// Source: Toss webhooks, headers.
const KEPT: &str = "tosspayments-webhook-";
/// The sender's id of a webhook, the same for every try.
const TRANSMISSION_ID: &str = "tosspayments-webhook-transmission-id";
/// The longest value of a header that is kept.
const HEADER_CHARS_MAX: usize = 500;

/// Take a webhook
///
/// For Toss: register this address for the payment and the deposit events, or for one of them. Answers 200 once it is stored, and
/// anything else otherwise, so that Toss sends it again. Nothing in it is believed: the payment that it names is looked up.
#[utoipa::path(
    post, path = "/v1/webhooks/toss", operation_id = "takeWebhook", tag = "Toss",
    params(
        ("tosspayments-webhook-transmission-id" = Option<String>, Header, description = "Toss's id of the webhook: one that came before is not acted on twice"),
    ),
    request_body(content = Value, content_type = "application/json", description = "As Toss sends it"),
    responses((status = 200, description = "Stored")),
    security(())
)]
pub(crate) async fn take_webhook(
    State(api): State<Api>,
    client: Client,
    axum::Extension(origin): axum::Extension<Origin>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<StatusCode, Problem> {
    let sources = &api.settings.webhook_sources;
    if sources.is_empty() {
        api.rates.check_client(client)?;
    } else if !sources.iter().any(|network| network.has(client.address)) {
        return Err(Problem::new(ProblemCode::Forbidden));
    }
    let ReadBody { webhook, kept: body } = (api.read_webhook)(&body);
    let kind = webhook.kind();
    let received = ReceivedWebhook {
        transmission_id: text(&headers, TRANSMISSION_ID).filter(|id| !id.is_empty()),
        webhook,
        source: client.address.to_string(),
        headers: kept(&headers),
        body,
        origin,
    };
    let accepted = api.store.accept_webhook(&received).await?;
    meters::webhook_stored(kind, accepted.state);
    if accepted.state == WebhookState::Refused {
        tracing::warn!(
            order_id = received.webhook.order_id(),
            reason = accepted.reason,
            source = received.source,
            "a webhook that cannot come from Toss"
        );
    } else {
        tracing::info!(
            kind,
            state = accepted.state.word(),
            reason = accepted.reason,
            is_repeat = accepted.is_repeat,
            "stored a webhook"
        );
    }
    if let Some(job) = accepted.publish {
        api.publishing.publish(vec![job]);
    }
    crash::point!("accept 15", "a webhook is committed, its look-up published", "the answer");
    Ok(StatusCode::OK)
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.chars().take(HEADER_CHARS_MAX).collect())
}

fn kept(headers: &HeaderMap) -> String {
    let ours = headers.keys().filter(|name| name.as_str().starts_with(KEPT));
    let kept: Map<String, Value> = ours
        .filter_map(|name| Some((name.as_str().to_owned(), text(headers, name.as_str())?.into())))
        .collect();
    Value::from(kept).to_string()
}
