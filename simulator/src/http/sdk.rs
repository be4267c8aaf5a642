//! The browser script: a mimic of Toss's "v2 standard", so that a shop changes nothing but the script's address.

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::App;

const SCRIPT: &str = include_str!("../../assets/sdk.js");

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/v2/standard", get(script))
}

async fn script() -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/javascript;charset=UTF-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        // Shops load it from their own origin, perhaps under a strict embedder policy.
        (
            axum::http::HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("cross-origin"),
        ),
    ];
    (headers, SCRIPT).into_response()
}
