//! Headers that protect browsers. A route that sets one of its own keeps it.

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use crate::context::Api;

/// Answers are data: nothing in them is to be run, framed or loaded.
const API_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// Adds what is missing.
pub(crate) async fn protect(State(api): State<Api>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let mut defaults = vec![
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // For browsers that do not know `frame-ancestors`: nothing of ours, the checkout least of all, stands in another site's frame.
        (X_FRAME_OPTIONS, "DENY"),
        // Addresses carry tokens.
        (REFERRER_POLICY, "no-referrer"),
        (CONTENT_SECURITY_POLICY, API_POLICY),
    ];
    if api.settings.public_url.starts_with("https://") {
        defaults.push((STRICT_TRANSPORT_SECURITY, "max-age=31536000"));
    }
    add_missing(&mut response, &defaults);
    response
}

/// Keeps answers out of caches: they show orders, or the prices of this moment.
pub(crate) async fn never_stored(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    add_missing(&mut response, &[(CACHE_CONTROL, "no-store")]);
    response
}

fn add_missing(response: &mut Response, defaults: &[(HeaderName, &'static str)]) {
    for (name, value) in defaults {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
}
