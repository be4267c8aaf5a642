//! A request's body, read whole before anything is done about the request: bounded in size and in time.
//!
//! Whoever sends one byte by byte holds a connection by that and nothing else: no place among the requests that are worked on
//! ([`super::bounds`]). What all connections together can hold in memory is their number times the largest body.

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{FromRequest as _, Request, State};
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::context::Api;
use crate::extract::unread;
use crate::problem::{Problem, ProblemCode};

/// Reads the body, or refuses the request.
pub(crate) async fn read_body(State(api): State<Api>, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let limits = &api.settings.limits;
    let announced = usize::try_from(request.body().size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limits.body_bytes_max {
        return closing(Problem::new(ProblemCode::BodyTooLarge));
    }
    let (parts, body) = request.into_parts();
    let reading = Bytes::from_request(Request::from_parts(parts.clone(), body), &());
    match tokio::time::timeout(limits.body_timeout, reading).await {
        Ok(Ok(bytes)) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Ok(Err(rejection)) => closing(unread(rejection)),
        Err(_) => closing(Problem::new(ProblemCode::BodyTimedOut)),
    }
}

/// What of the body is still to come is not waited for.
fn closing(problem: Problem) -> Response {
    let mut response = problem.into_response();
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
