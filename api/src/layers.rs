//! What happens to every request, whatever it is about, from the outside in:
//!
//! 1. [`observe`]: the request's id and trace, the client's address, problems written down, one log line;
//! 2. [`headers`]: headers that protect browsers;
//! 3. cross-origin rules, then panics turned into problems;
//! 4. [`arrival`]: the body, read whole;
//! 5. for the API's own routes, [`bounds`]: how many at once, and for how long. The console has places of its own; what answers about health
//!    has none.

mod arrival;
pub(crate) mod bounds;
mod headers;
mod observe;
mod request_id;
mod trace;

use std::any::Any;

use axum::Router;
use axum::http::header::{
    ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LINK, LOCATION, RETRY_AFTER,
};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::CorsLayer;

use crate::context::Api;
use crate::problem::{Problem, ProblemCode};

pub use observe::ClientAddress;
use request_id::REQUEST_ID;
use trace::TRACEPARENT;

/// The header that says that an answer was given before.
pub(crate) const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// The header that names what a caller means to do once.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header by which a caller asks to wait. Source: RFC 7240.
pub(crate) const PREFER: HeaderName = HeaderName::from_static("prefer");
/// The header that says that it was heeded.
pub(crate) const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
/// The header by which an event stream goes on where it broke.
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Lays them around all routes.
pub(crate) fn around(router: Router, api: &Api) -> Router {
    let mut router = router
        .layer(from_fn_with_state(api.clone(), arrival::read_body))
        .layer(axum::extract::DefaultBodyLimit::max(api.settings.limits.body_bytes_max))
        .layer(CatchPanicLayer::custom(panicked));
    let origins: Vec<HeaderValue> =
        api.settings.cors_origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    if !origins.is_empty() {
        router = router.layer(cross_origin(origins));
    }
    router
        .layer(from_fn_with_state(api.clone(), headers::protect))
        .layer(from_fn_with_state(api.clone(), observe::observe))
}

/// Lays the bounds around the API's own routes.
pub(crate) fn within_bounds(router: Router<Api>, api: &Api) -> Router<Api> {
    router
        .layer(from_fn_with_state(api.clone(), bounds::in_time))
        .layer(from_fn_with_state(api.clone(), bounds::at_once))
        .layer(from_fn(headers::never_stored))
}

fn cross_origin(origins: Vec<HeaderValue>) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PUT])
        .allow_headers([
            ACCEPT_LANGUAGE,
            AUTHORIZATION,
            CONTENT_TYPE,
            IF_NONE_MATCH,
            IDEMPOTENCY_KEY,
            LAST_EVENT_ID,
            PREFER,
            REQUEST_ID,
            TRACEPARENT,
        ])
        .expose_headers([
            ETAG,
            LINK,
            LOCATION,
            RETRY_AFTER,
            IDEMPOTENT_REPLAYED,
            PREFERENCE_APPLIED,
            REQUEST_ID,
        ])
}

/// A bug. Its text goes to the log and not to the caller.
fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("of no text");
    tracing::error!(panic = text, alert = "panic", "a handler panicked");
    Problem::new(ProblemCode::Internal).into_response()
}
