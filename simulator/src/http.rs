//! The HTTP side: which path is answered by what. Each concern has its own file in `http/`.

pub(crate) mod answer;
pub(crate) mod api;
pub(crate) mod control;
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
    Router::new()
        .merge(api::routes())
        .merge(control::routes())
        .merge(sdk::routes())
        .merge(window::routes())
        .merge(receipt::routes())
        .merge(page::routes())
        .fallback(api::no_such_path)
        .method_not_allowed_fallback(api::no_such_path)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(App { shared, closing })
}
