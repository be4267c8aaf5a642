//! How many requests are worked on at once, and for how long.
//!
//! A request that only waits for a change gives its place back while it does: a thousand patient customers do not keep one from
//! paying.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::OwnedSemaphorePermit;

use crate::context::Api;
use crate::problem::{Problem, ProblemCode};

/// When to come again after the process was full. A second is long for a process that answers in milliseconds.
const FULL_RETRY_S: u64 = 1;

/// The place that a request holds among those that are worked on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place(Arc<Mutex<Option<OwnedSemaphorePermit>>>);

impl Place {
    /// Gives the place back, because the request will only wait from now on.
    pub(crate) fn leave(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// Takes a place, or refuses the request.
pub(crate) async fn at_once(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let Ok(permit) = Arc::clone(&api.in_flight).try_acquire_owned() else {
        return full().into_response();
    };
    let place = Place(Arc::new(Mutex::new(Some(permit))));
    request.extensions_mut().insert(place.clone());
    let response = next.run(request).await;
    place.leave();
    response
}

/// The process has as much to do as it takes.
pub(crate) fn full() -> Problem {
    Problem::new(ProblemCode::Overloaded).retry_after_s(FULL_RETRY_S)
}

/// How much longer than usual a request may take.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patience(Arc<Mutex<Duration>>);

impl Patience {
    /// Lets the request take longer, because it asked to wait.
    pub(crate) fn extend(&self, by: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = by;
    }

    fn get(&self) -> Duration {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives up on a request that takes too long. What it committed stays committed.
pub(crate) async fn in_time(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let patience = Patience::default();
    request.extensions_mut().insert(patience.clone());
    let answer = next.run(request);
    tokio::pin!(answer);
    let usual = api.settings.limits.request_timeout;
    let mut limit = usual;
    loop {
        match tokio::time::timeout(limit, &mut answer).await {
            Ok(response) => return response,
            // Asked for after the clock had been set.
            Err(_) if !patience.get().is_zero() => {
                limit = patience.get();
                patience.extend(Duration::ZERO);
            }
            Err(_) => {
                return Problem::new(ProblemCode::TimedOut)
                    .retry_after_s(FULL_RETRY_S)
                    .into_response();
            }
        }
    }
}
