//! The operators' console: pages on which staff see every payment, understand what happened to it, and do what the rules allow.
//!
//! Pages are made on the server and work without scripts; one script keeps them up to date. From the outside in:
//!
//! - [`router`]: the routes, inside their own headers; closed by default, because a page gets whoever is signed in only by [`session`];
//! - [`session`]: signing in and out, and proof that a form comes from our own page; [`password`]: hashing; [`guard`]: how fast anybody may
//!   guess;
//! - [`pages`]: one file per page, with its template in `templates/`; [`frame`]: what stands around every page; [`words`]: its texts;
//! - [`assets`]: the style and the script, which are in `web/`.
//!
//! Not here: any rule of what may be done (that is `domain`'s) and any statement (those are `store`'s).
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
mod format;
mod frame;
mod guard;
mod pages;
pub mod password;
mod query;
mod session;
mod words;

use std::ops::Deref;
use std::sync::Arc;

use api::Mode;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use store::Store;

use crate::guard::Guard;

/// The largest form, in bytes: a selection of a page's rows and a reason.
const FORM_BYTES_MAX: usize = 64 * 1024;

/// What the console needs from outside.
#[derive(Debug, Clone)]
pub struct ConsoleContext {
    /// The database.
    pub store: Store,
    /// Where browsers reach it: over https, cookies are sent over nothing else.
    pub public_url: String,
    /// Whether real money moves.
    pub mode: Mode,
}

/// The context as pages share it.
#[derive(Debug, Clone)]
pub(crate) struct Console(Arc<Shared>);

/// See [`Console`].
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) mode: Mode,
    /// Whether browsers reach it over https.
    pub(crate) is_secure: bool,
    pub(crate) guard: Guard,
}

impl Deref for Console {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// The routes below `/console`. It sets no fallback, so it can be merged with the API's router, whose layers it needs: they say where a
/// request comes from.
pub fn router(context: ConsoleContext) -> Router {
    let console = Console(Arc::new(Shared {
        is_secure: context.public_url.starts_with("https://"),
        guard: Guard::new(),
        store: context.store,
        mode: context.mode,
    }));
    Router::new()
        .route("/console", get(pages::overview::show))
        .route("/console/jobs", get(pages::jobs::show))
        .route("/console/orders", get(pages::orders::list))
        .route("/console/orders/{id}", get(pages::orders::show))
        .route("/console/sign-in", get(pages::sign_in::show).post(pages::sign_in::sign_in))
        .route("/console/sign-out", post(pages::sign_in::sign_out))
        .route("/console/{*rest}", get(pages::missing))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(from_fn(frame::protect))
        // Anybody may load these, also before signing in.
        .route("/console/assets/{version}/{name}", get(assets::serve))
        .with_state(console)
}
