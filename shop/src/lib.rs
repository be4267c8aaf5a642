//! The demo shop: hand-written pages that live in the binary, and the small router that serves
//! them.
//!
//! The pages use nothing but the public HTTP API, which must answer on the same origin; this crate
//! depends on none of ours and knows no secret. What the pages do is in `web/`; which files there
//! are is in `assets.rs`, what a browser is allowed to do with them in `policy.rs`. Not here: any
//! business rule. Prices, states and their sentences come from the API.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects,
        clippy::panic,
        clippy::unreachable
    )
)]

mod assets;
mod policy;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get};

pub use crate::policy::{Origin, OriginError, Settings};

/// Pages change with the binary, so a browser asks again each time.
const PAGE_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
/// An asset's address contains the hash of all assets, so its content never changes.
const ASSET_CACHE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// What every request needs, made once.
#[derive(Debug)]
struct Shop {
    page: String,
    version: String,
    content_security_policy: HeaderValue,
}

/// Returns the routes of the shop: `/` and everything below `/shop`.
///
/// It sets no fallback, so it can be merged with the API's router. Unknown paths below `/shop/`
/// answer 404 with a page of the shop; other unknown paths are left to whoever merges it.
pub fn router(settings: Settings) -> Router {
    let version = assets::version();
    let shop = Arc::new(Shop {
        page: assets::page(&version),
        version,
        content_security_policy: policy::content_security_policy(&settings),
    });
    Router::new()
        .route("/", get(serve_page))
        .route("/shop", get(|| async { Redirect::permanent("/") }))
        .route("/shop/", get(|| async { Redirect::permanent("/") }))
        .route("/shop/stores/{store_id}", get(serve_page))
        .route("/shop/stores/{store_id}/checkout", get(serve_page))
        .route("/shop/return", get(serve_page))
        .route("/shop/orders", get(serve_page))
        .route("/shop/orders/{order_id}", get(serve_page))
        .route("/shop/assets/{version}/{*name}", get(serve_asset))
        .route("/shop/{*rest}", any(serve_missing))
        .with_state(shop)
}

/// All pages are one document; its script draws the one that the address names.
async fn serve_page(State(shop): State<Arc<Shop>>) -> Response {
    (page_headers(&shop), shop.page.clone()).into_response()
}

async fn serve_missing(State(shop): State<Arc<Shop>>) -> Response {
    (StatusCode::NOT_FOUND, page_headers(&shop), shop.page.clone()).into_response()
}

async fn serve_asset(
    State(shop): State<Arc<Shop>>,
    Path((version, name)): Path<(String, String)>,
) -> Response {
    // Another version's address must not be answered with this version's content for a year.
    let known = if version == shop.version { assets::find_asset(&name) } else { None };
    let Some(asset) = known else {
        return (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")]).into_response();
    };
    let mut headers = common_headers();
    headers.insert(header::CACHE_CONTROL, ASSET_CACHE);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    (headers, asset.body).into_response()
}

fn page_headers(shop: &Shop) -> HeaderMap {
    let mut headers = common_headers();
    headers.insert(header::CACHE_CONTROL, PAGE_CACHE);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, shop.content_security_policy.clone());
    headers.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        // A payment window that opens as a popup needs its opener.
        HeaderValue::from_static("same-origin-allow-popups"),
    );
    headers
}

fn common_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("strict-origin-when-cross-origin"),
    );
    headers
}
