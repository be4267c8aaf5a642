//! An order's changes as an event stream (SSE), for pages that keep open.
//!
//! Each event is the whole order under its version as id; a client that reconnects with `Last-Event-ID` is not sent what it knows,
//! while more is to come. The stream ends with `event: end` when nothing more comes by itself, and silently when the process stops:
//! then the client reconnects elsewhere.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{Stream, unfold};
use serde::Deserialize;
use store::Watch;
use store::orders::OrderDetail;
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};

use crate::context::Api;
use crate::credential::{Reader, ReaderOf, unknown_order};
use crate::extract::Params;
use crate::layers::LAST_EVENT_ID;
use crate::layers::bounds::{Place, full};
use crate::orders::view;
use crate::problem::{Problem, ProblemCode};
use crate::waiters::{NoPlace, Waiter};
use crate::waiting::Follower;
use crate::words::Language;

/// How often something is sent, so that proxies and clients know that the stream lives.
const PING: Duration = Duration::from_secs(15);
/// How often an unchanged order is sent again, for its fresh ticket: well before the last one expires.
const FRESH_TICKET: Duration = Duration::from_secs(5 * 60);
/// How long one stream may be. The client reconnects; credentials are checked again.
const STREAM_MAX: Duration = Duration::from_secs(60 * 60);
/// When to come again after an order had all its streams, in seconds: others have to close theirs first.
const ORDER_FULL_RETRY_S: u64 = 5;

/// Proxies must not collect events.
const NO_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// How to open a stream.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventParams {
    /// A ticket, because `EventSource` cannot send headers.
    #[expect(
        dead_code,
        reason = "a known parameter; the credential check reads it from the address"
    )]
    ticket: Option<String>,
}

/// One event of the stream, by its fields.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "for the document: the stream's writer takes the fields one by one")]
pub(crate) struct OrderEventView {
    /// `order` or `end`.
    #[schema(value_type = OrderEventKind)]
    event: OrderEventKind,
    /// The order's version, of `order` events.
    #[schema(nullable = false)]
    id: Option<String>,
    /// JSON: of an `order` event the order, as it is answered to whoever reads it; of `end` an empty object.
    data: String,
}

/// What an event tells.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "for the document")]
pub(crate) enum OrderEventKind {
    /// The order is like this now.
    Order,
    /// Nothing more comes by itself.
    End,
}

/// Follow an order
///
/// A stream of `event: order`, each with the whole order, whenever it changes; `event: end` when nothing more comes by itself. Of one
/// order each process has at most 16 streams open; for more the answer is 429, and whoever gets it reads the order now and then instead.
#[utoipa::path(
    get, path = "/v1/orders/{orderId}/events", operation_id = "followOrder", tag = "Orders",
    params(
        ("orderId" = String, Path, description = "The order", example = "019ab1c2-7d3e-7f00-8a4b-5c6d7e8f9012"),
        EventParams,
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was received"),
    ),
    responses((status = 200, description = "The stream", body = OrderEventView, content_type = "text/event-stream")),
    security(("orderToken" = []), ("ticket" = []), ("staffToken" = []))
)]
pub(crate) async fn follow_order(
    State(api): State<Api>,
    language: Language,
    ReaderOf { order: id, reader }: ReaderOf,
    Params(_known): Params<EventParams>,
    Extension(place): Extension<Place>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let place_of_stream = api.streams.try_take(&id).map_err(no_place)?;
    let order = api.store.find_order(&id).await?.ok_or_else(unknown_order)?;
    reader.check(&order)?;
    place.leave();
    let seen = headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok()).map(str::to_owned);
    // The last word is sent in any case: that the time to pay has run out raises no version.
    let is_seen =
        seen.is_some_and(|seen| seen == event_id(&order)) && order.view().ask_again_s.is_some();
    let watch = api.store.watch(id.as_str());
    let following = Following {
        api,
        language,
        reader,
        watch,
        order,
        next: Next::Order,
        _place: place_of_stream,
    };
    let following = if is_seen { Following { next: Next::Wait, ..following } } else { following };
    let events =
        Sse::new(events(following)).keep_alive(KeepAlive::new().interval(PING).text("ping"));
    let mut response = events.into_response();
    response.headers_mut().insert(NO_BUFFERING, HeaderValue::from_static("no"));
    Ok(response)
}

fn no_place(why: NoPlace) -> Problem {
    match why {
        NoPlace::Process => full(),
        NoPlace::Order => {
            Problem::new(ProblemCode::TooManyRequests).retry_after_s(ORDER_FULL_RETRY_S)
        }
    }
}

/// A stream under way.
struct Following {
    api: Api,
    language: Language,
    reader: Reader,
    watch: Watch,
    order: OrderDetail,
    next: Next,
    _place: Waiter,
}

/// What a stream does next.
enum Next {
    /// Send the order.
    Order,
    /// Wait for a change.
    Wait,
    /// Say that nothing more comes.
    End,
    /// Nothing.
    Over,
}

impl Following {
    /// What follows once the client has the order as it is.
    fn after_order(&self) -> Next {
        if self.order.view().ask_again_s.is_some() { Next::Wait } else { Next::End }
    }

    /// Waits for a change, or until the client needs a fresh ticket. `false` when the stream is to end.
    async fn wait(&mut self, until: Instant) -> bool {
        let fresh = Instant::now().checked_add(FRESH_TICKET).unwrap_or(until).min(until);
        let mut follower = Follower::new(&self.watch, self.order.clone());
        while Instant::now() < fresh {
            match follower.next_look(&self.api, fresh).await {
                Ok(Some(changed)) => {
                    self.order = changed;
                    return true;
                }
                Ok(None) if self.api.shutdown.is_cancelled() => return false,
                Ok(None) => {}
                Err(problem) => {
                    tracing::warn!(cause = problem.cause_text(), "an event stream ends early");
                    return false;
                }
            }
        }
        // A fresh reading, because a ticket runs from the clock of the reading that it is sent with.
        match self.api.store.find_order(&self.order.order.id).await {
            Ok(Some(order)) if fresh < until => {
                self.order = order;
                true
            }
            Ok(_) | Err(_) => false,
        }
    }

    fn order_event(&self) -> Event {
        let view = view(&self.api, &self.reader, &self.order, self.language);
        let event = Event::default().event("order").id(event_id(&self.order));
        // The view holds texts and numbers only: this cannot fail.
        event.json_data(&view).unwrap_or_default()
    }
}

/// The order's version. What time alone changed is told by the next reading.
fn event_id(order: &OrderDetail) -> String {
    order.order.version.to_string()
}

fn events(following: Following) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let until = Instant::now().checked_add(STREAM_MAX).unwrap_or_else(Instant::now);
    unfold(following, move |mut following| async move {
        loop {
            match following.next {
                Next::Order => {
                    let event = following.order_event();
                    following.next = following.after_order();
                    return Some((Ok(event), following));
                }
                Next::Wait => {
                    following.next =
                        if following.wait(until).await { Next::Order } else { Next::Over };
                }
                Next::End => {
                    following.next = Next::Over;
                    return Some((Ok(Event::default().event("end").data("{}")), following));
                }
                Next::Over => return None,
            }
        }
    })
}
