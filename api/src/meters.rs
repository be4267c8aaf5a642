//! What the API measures of its requests. Labels come from lists that we know: a stranger's method, path or header makes no series.

use std::time::Duration;

use axum::extract::MatchedPath;
use axum::http::{Method, StatusCode};
use domain::webhook::WebhookState;
use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

const REQUEST_SECONDS: &str = "seungin_http_request_duration_seconds";
const WEBHOOKS: &str = "seungin_webhooks_total";
const IN_FLIGHT: &str = "seungin_http_requests_in_flight";

/// Says what they mean, to the recorder that is installed.
pub fn describe_metrics() {
    describe_histogram!(
        REQUEST_SECONDS,
        Unit::Seconds,
        "Time from a request's head to its answer's head, by `method`, `route` and `status` class. Long polls of an order count with their waiting."
    );
    describe_counter!(
        WEBHOOKS,
        Unit::Count,
        "Webhooks that were stored, by `kind` (payment, deposit, other, unreadable) and by what followed (`state`): looked_up, waiting for a payment, ignored, refused."
    );
    describe_gauge!(
        IN_FLIGHT,
        Unit::Count,
        "Requests that are being answered, waiting polls included."
    );
}

/// A request that is being answered. Dropping it ends that, also when the client went away.
#[derive(Debug)]
pub(crate) struct InFlight(());

impl InFlight {
    /// Begins.
    pub(crate) fn begin() -> InFlight {
        gauge!(IN_FLIGHT).increment(1);
        InFlight(())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        gauge!(IN_FLIGHT).decrement(1);
    }
}

/// Counts an answer.
pub(crate) fn answered(
    method: &Method,
    route: Option<&MatchedPath>,
    status: StatusCode,
    took: Duration,
) {
    let route = route.map_or("none", MatchedPath::as_str).to_owned();
    histogram!(
        REQUEST_SECONDS,
        "method" => method_word(method),
        "route" => route,
        "status" => class(status)
    )
    .record(took);
}

/// Counts a webhook that was stored.
pub(crate) fn webhook_stored(kind: &'static str, state: WebhookState) {
    counter!(WEBHOOKS, "kind" => kind, "state" => state.word()).increment(1);
}

/// HTTP knows methods of any name; a client's inventions are one.
fn method_word(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    known.into_iter().find(|word| *word == method.as_str()).unwrap_or("other")
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        ..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_is_one_of_a_few_words() {
        assert_eq!(method_word(&Method::POST), "POST");
        assert_eq!(method_word(&Method::from_bytes(b"X-1234").unwrap()), "other");
        let classes = [100, 200, 204, 304, 404, 503, 999];
        let classes = classes.map(|status| class(StatusCode::from_u16(status).unwrap()));
        assert_eq!(classes, ["1xx", "2xx", "2xx", "3xx", "4xx", "5xx", "5xx"]);
    }
}
