//! The thin HTTP API: it records what customers and staff ask for, starts handing the work over, and tells where things stand.
//!
//! It knows no Toss and no SQL: what a confirm or a cancel means is `domain`'s, every statement is `store`'s, and the calls are made
//! by workers. One file per resource; a handler parses, asks the store, and shows. From the outside in:
//!
//! - [`router`] and [`run`]: the routes inside their layers ([`layers`]), and the sockets ([`serve`]);
//! - who may do what: [`credential`]; what is read from a request: [`extract`]; what is refused, and how: [`problem`];
//! - the resources: [`catalogue`], [`quotes`], [`orders`], [`confirm`], [`checkout`], [`events`], [`cancels`], [`jobs`], [`reviews`], [`matches`],
//!   [`bulk`], [`holds`], [`overview`], [`audit`],
//!   [`webhooks`], [`health`] (made of [`readiness`]), with their bodies in [`views`] and their sentences in [`words`];
//! - [`documents`]: OpenAPI, its browser, and the page of problems; [`meters`]: what is measured.

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

mod accepting;
mod audit;
mod bulk;
mod cancels;
mod catalogue;
mod checkout;
mod confirm;
mod context;
mod credential;
mod csv;
mod documents;
mod events;
mod extract;
mod health;
mod holds;
mod job_filter;
mod jobs;
mod layers;
mod matches;
mod merchants;
mod meters;
mod orders;
mod overview;
mod paging;
mod problem;
mod publishing;
mod quotes;
mod rates;
mod readiness;
mod reviews;
mod serve;
mod settings;
mod views;
mod waiters;
mod waiting;
mod webhooks;
mod words;

use std::io;

use axum::Router;
use axum::response::IntoResponse as _;
use tokio::net::TcpListener;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use context::ApiContext;
pub use jobs::job_table;
pub use layers::ClientAddress;
pub use merchants::{MerchantKeys, Merchants};
pub use meters::describe_metrics;
pub use problem::{Problem, ProblemCode, Repeat};
pub use publishing::Publishing;
pub use readiness::{Check, Look, Readiness, Report, Standing, Watched};
pub use serve::serve;
pub use settings::{ApiSettings, InvalidNetwork, Limits, Mode, Network, Rate, TokenKey};
pub use webhooks::WEBHOOK_PATH;
pub use words::{Language, Text};

use context::Api;

/// Serves the API until the context's `shutdown` is cancelled, then lets requests end. `extra` are routes beside the API's own, such
/// as the demo shop's; they share its layers.
///
/// # Errors
/// An error of the listener that does not pass.
pub async fn run(
    context: ApiContext,
    listener: TcpListener,
    extra: Option<Router>,
) -> io::Result<()> {
    let shutdown = context.shutdown.clone();
    let limits = context.settings.limits.clone();
    let router = build(Api::new(context), extra);
    serve(router, &limits, listener, &shutdown).await
}

/// Serves these routes alone, with the API's layers and its questions of health, until the context's `shutdown` is cancelled.
///
/// # Errors
/// An error of the listener that does not pass.
pub async fn run_alone(
    context: ApiContext,
    listener: TcpListener,
    routes: Router,
) -> io::Result<()> {
    let shutdown = context.shutdown.clone();
    let limits = context.settings.limits.clone();
    let api = Api::new(context);
    let health: Router<Api> = health_routes().into();
    let router = within_layers(health.with_state(api.clone()).merge(routes), &api);
    serve(router, &limits, listener, &shutdown).await
}

/// A reason as staff may give it: 1 to 170 characters on one line, trimmed.
///
/// # Errors
/// What is wrong with it.
pub fn read_reason(text: &str) -> Result<String, Problem> {
    cancels::read_reason(text).map_err(|wrong| Problem::invalid(vec![wrong]))
}

/// The API as a router, without sockets. `extra` are routes beside its own.
pub fn router(context: ApiContext, extra: Option<Router>) -> Router {
    build(Api::new(context), extra)
}

/// The OpenAPI document.
#[must_use]
pub fn openapi() -> OpenApi {
    let (_, mut document) = OpenApiRouter::with_openapi(documents::head())
        .merge(bounded_routes())
        .merge(health_routes())
        .split_for_parts();
    documents::complete(&mut document);
    document
}

/// The page that a problem's `type` leads to, in Markdown.
#[must_use]
pub fn problem_document() -> String {
    problem::document()
}

fn build(api: Api, extra: Option<Router>) -> Router {
    let bounded = layers::within_bounds(bounded_routes().into(), &api);
    let health: Router<Api> = health_routes().into();
    let router = bounded.merge(health).merge(documents::routes(openapi())).with_state(api.clone());
    let router = match extra {
        Some(extra) => router.merge(extra),
        None => router,
    };
    within_layers(router, &api)
}

fn within_layers(router: Router, api: &Api) -> Router {
    let router = router
        .fallback(|| async { Problem::new(ProblemCode::NotFound).into_response() })
        .method_not_allowed_fallback(|| async {
            Problem::new(ProblemCode::MethodNotAllowed).into_response()
        });
    layers::around(router, api)
}

/// The routes that count as work.
fn bounded_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(checkout::checkout_config))
        .routes(routes!(catalogue::list_stores))
        .routes(routes!(catalogue::read_menu))
        .routes(routes!(quotes::quote))
        .routes(routes!(orders::create_order, orders::list_orders))
        .routes(routes!(orders::read_order))
        .routes(routes!(events::follow_order))
        .routes(routes!(confirm::confirm_order))
        .routes(routes!(orders::close_order))
        .routes(routes!(checkout::checkout_success))
        .routes(routes!(checkout::checkout_fail))
        .routes(routes!(cancels::cancel_order, cancels::list_cancels))
        .routes(routes!(cancels::read_cancel))
        .routes(routes!(catalogue::put_store))
        .routes(routes!(catalogue::put_product))
        .routes(routes!(jobs::list_jobs))
        .routes(routes!(jobs::count_jobs))
        .routes(routes!(jobs::group_jobs))
        .routes(routes!(jobs::export_jobs))
        .routes(routes!(jobs::read_job))
        .routes(routes!(jobs::look_up_job))
        .routes(routes!(jobs::retry_job))
        .routes(routes!(jobs::discard_job))
        .routes(routes!(orders::read_timeline))
        .routes(routes!(overview::read_overview))
        .merge(operators_routes())
        .routes(routes!(audit::list_audit))
        .routes(routes!(webhooks::take_webhook))
}

/// What operators do beyond one job's retry.
fn operators_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(jobs::change_due_time))
        .routes(routes!(reviews::read_payment_actions))
        .routes(routes!(reviews::look_up_order))
        .routes(routes!(reviews::close_review))
        .routes(routes!(matches::list_candidates))
        .routes(routes!(matches::match_cancel))
        .routes(routes!(holds::list_holds))
        .routes(routes!(holds::pause_calls))
        .routes(routes!(holds::resume_calls))
        .routes(routes!(bulk::create_bulk_run, bulk::list_bulk_runs))
        .routes(routes!(bulk::preview_bulk_run))
        .routes(routes!(bulk::read_bulk_run))
        .routes(routes!(bulk::stop_bulk_run))
}

/// The routes that must answer when nothing else does.
fn health_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(health::live)).routes(routes!(health::ready))
}
