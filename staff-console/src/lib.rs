//! The operators' console: pages on which staff see every payment, understand what happened to it, and do what the rules allow.
//!
//! Pages are made on the server and work without scripts; one script keeps them up to date. From the outside in:
//!
//! - [`router`]: the routes, inside their own headers; closed by default, because a page gets whoever is signed in only by [`session`];
//! - [`bounds`]: how many requests are worked on at once;
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
mod bounds;
mod format;
mod frame;
mod guard;
mod pages;
pub mod password;
mod query;
mod session;
mod words;

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

use api::{ApiSettings, Merchants, Mode, Publishing, TokenKey};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Method;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get, post};
use queue::Publisher;
use store::Store;
use tokio::sync::Semaphore;

use crate::guard::Guard;

/// The largest form, in bytes: a selection of a page's rows and a reason.
const FORM_BYTES_MAX: usize = 64 * 1024;

/// What the console needs from outside.
#[derive(Debug, Clone)]
pub struct ConsoleContext {
    /// The database.
    pub store: Store,
    /// Where jobs go right after their commit. The relay brings what does not arrive.
    pub publisher: Arc<dyn Publisher>,
    /// What the deployment chooses: where browsers reach it, whether money is real, whose keys there are.
    pub settings: ApiSettings,
    /// The origin, as browsers write it, of the address that is configured, if one is: forms of its pages are ours whatever `Host` says.
    pub form_origin: Option<String>,
}

/// The context as pages share it.
#[derive(Debug, Clone)]
pub(crate) struct Console(Arc<Shared>);

/// See [`Console`].
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) publishing: Publishing,
    pub(crate) mode: Mode,
    pub(crate) merchants: Merchants,
    /// Above this amount, in won, somebody who cancels types it once more.
    pub(crate) confirm_amount_above: i64,
    /// What forms with account numbers are compared by.
    pub(crate) token_key: TokenKey,
    /// Whether browsers reach it over https.
    pub(crate) is_secure: bool,
    pub(crate) form_origin: Option<String>,
    pub(crate) guard: Guard,
    /// Requests that are worked on.
    pub(crate) places: Semaphore,
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
    let ConsoleContext { store, publisher, settings, form_origin } = context;
    let places_max = settings.limits.console_requests_max.min(Semaphore::MAX_PERMITS);
    let console = Console(Arc::new(Shared {
        is_secure: settings.public_url.starts_with("https://"),
        form_origin,
        guard: Guard::new(),
        places: Semaphore::new(places_max),
        publishing: Publishing::new(store.clone(), publisher, settings.limits.publishing_max),
        store,
        mode: settings.mode,
        merchants: settings.merchants,
        confirm_amount_above: settings.confirm_amount_above,
        token_key: settings.token_key,
    }));
    let table = table();
    let is_page =
        |path: &str| table.iter().any(|(method, page, _)| *method == Method::GET && *page == path);
    // Whoever opens the address of a form, as by the browser's history, finds a page that says so.
    let forms: BTreeSet<&str> =
        table.iter().map(|(_, path, _)| *path).filter(|path| !is_page(path)).collect();
    let router = forms
        .into_iter()
        .fold(Router::new(), |router, path| router.route(path, get(pages::missing)));
    table
        .into_iter()
        .fold(router, |router, (_, path, page)| router.route(path, page))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(from_fn_with_state(console.clone(), bounds::at_once))
        .layer(from_fn(frame::protect))
        // Anybody may load these, also before signing in; they stand in memory and take no place.
        .route("/console/assets/{version}/{name}", get(assets::serve))
        .with_state(console)
}

/// Every page and form: method and path, for whoever checks that each has a rule.
#[must_use]
pub fn routes() -> Vec<(Method, &'static str)> {
    table().into_iter().map(|(method, path, _)| (method, path)).collect()
}

/// What is where.
fn table() -> Vec<(Method, &'static str, MethodRouter<Console>)> {
    use pages::{
        bulk, holds, job, job_actions, jobs, matching, order_actions, orders, overview, sign_in,
    };
    let mut table = Vec::new();
    let mut page = |path, page| table.push((Method::GET, path, page));
    page("/console", get(overview::show));
    page("/console/sign-in", get(sign_in::show));
    page("/console/jobs", get(jobs::show));
    page("/console/jobs.csv", get(jobs::export));
    page("/console/jobs/{id}", get(job::show));
    page("/console/bulk", get(bulk::list));
    page("/console/bulk/{id}", get(bulk::show));
    page("/console/orders", get(orders::list));
    page("/console/orders/{id}", get(orders::show));
    page("/console/orders/{id}/cancel", get(order_actions::ask_cancel));
    page("/console/orders/{id}/cancels/{cancel_id}", get(matching::show));
    page("/console/holds", get(holds::show));
    page("/console/webhooks", get(pages::webhooks::show));
    page("/console/findings", get(pages::findings::list));
    page("/console/findings/{id}", get(pages::findings::show));
    page("/console/workers", get(pages::workers::show));
    page("/console/audit", get(pages::audit::show));
    page("/console/staff", get(pages::staff::show));
    page("/console/{*rest}", get(pages::missing));
    let mut form = |path, form| table.push((Method::POST, path, form));
    form("/console/sign-in", post(sign_in::sign_in));
    form("/console/sign-out", post(sign_in::sign_out));
    form("/console/jobs/{id}/look-up", post(job_actions::look_up));
    form("/console/jobs/{id}/retry", post(job_actions::retry));
    form("/console/jobs/{id}/discard", post(job_actions::discard));
    form("/console/jobs/{id}/due-time", post(job_actions::change_due_time));
    form("/console/bulk/preview", post(bulk::preview));
    form("/console/bulk", post(bulk::start));
    form("/console/bulk/{id}/stop", post(bulk::stop));
    form("/console/orders/{id}/look-up", post(order_actions::look_up));
    form("/console/orders/{id}/cancel", post(order_actions::cancel));
    form("/console/orders/{id}/review/close", post(order_actions::close_review));
    form("/console/orders/{id}/cancels/{cancel_id}", post(matching::decide));
    form("/console/findings/{id}/close", post(pages::findings::close));
    form("/console/staff/{id}/disable", post(pages::staff::disable));
    form("/console/holds/pause", post(holds::pause));
    form("/console/holds/resume", post(holds::resume));
    table
}
