//! The HTTP side: which path is answered by what. Each concern has its own file in `http/`.

pub(crate) mod answer;
pub(crate) mod api;
pub(crate) mod control;
pub(crate) mod desk;
pub(crate) mod endpoint;
pub(crate) mod guard;
pub(crate) mod page;
pub(crate) mod pipeline;
pub(crate) mod receipt;
pub(crate) mod redirect;
pub(crate) mod sdk;
pub(crate) mod window;
pub(crate) mod work;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use tokio_util::sync::CancellationToken;

use crate::limits::BODY_BYTES_MAX;
use crate::state::Shared;

/// What every handler is given.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) shared: Arc<Shared>,
    /// Cancelled when the server shuts down: injected delays end then.
    pub(crate) closing: CancellationToken,
}

pub(crate) fn router(shared: Arc<Shared>, closing: CancellationToken) -> Router {
    let app = App { shared, closing };
    let steering = control::routes()
        .merge(desk::routes())
        .merge(window::routes())
        .route_layer(middleware::from_fn_with_state(app.clone(), guard::refuse_foreign_hosts));
    Router::new()
        .merge(api::routes())
        .merge(steering)
        .merge(sdk::routes())
        .merge(receipt::routes())
        .merge(page::routes())
        .fallback(api::no_such_path)
        .method_not_allowed_fallback(api::no_such_path)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(app.clone(), guard::keep_before_answering))
        .with_state(app)
}
