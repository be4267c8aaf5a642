//! One HTTP exchange: never more than one request, a bounded answer, and an honest word on whether anything was sent.
//!
//! Three layers could send a request again behind our back. reqwest's own retries are switched off, redirects are not followed. hyper
//! takes a request back and opens another connection only when a pooled connection died *before* it took the request from its queue,
//! so nothing of it was written; once a byte may be out, hyper gives up with an error, which is `Unanswered` here.

use std::error::Error;
use std::time::Duration;

use domain::TraceContext;
use domain::answer::{Failure, FailureClass};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, redirect, retry};

use crate::redact::cut;

/// The largest answer that is read. Toss's largest is a payment with many cancels, some tens of kilobytes.
pub(crate) const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// How long an idle connection is kept: shorter than a balancer's usual minute, so that a call seldom meets one just being closed. There are
/// never more of them than calls at once.
const IDLE_MAX: Duration = Duration::from_secs(20);
/// Toss's asks for patience are believed up to an hour.
const RETRY_AFTER_SECONDS_MAX: i64 = 3_600;
const TRACE_ID_BYTES_MAX: usize = 200;
const REASON_BYTES_MAX: usize = 500;
/// Source: W3C Trace Context.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id of a request, as the API takes it.
const REQUEST_ID_BYTES_MAX: usize = 128;

pub(crate) fn build(connect_timeout: Duration, call_deadline: Duration) -> reqwest::Result<Client> {
    Client::builder()
        .user_agent(concat!("seungin/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(connect_timeout)
        .timeout(call_deadline)
        .pool_idle_timeout(IDLE_MAX)
        .redirect(redirect::Policy::none())
        // The number besides, or a copy of every request is kept for as long as its answer takes.
        .retry(retry::never().max_retries_per_request(0))
        .referer(false)
        // A proxy of the environment would see every payment and be a second place that may swallow an answer.
        .no_proxy()
        .build()
}

/// The headers by which what a proxy logs about a call can be joined with what we log.
///
/// A request's id is the choice of whoever sent the request. One that has more in it than letters, digits, `-`, `_` and `.` stays
/// here: it could be a text that a firewall in front of Toss takes offence at, and then a payment would fail for it.
pub(crate) fn joining(trace: &TraceContext, request_id: Option<&str>) -> HeaderMap {
    let plain = |id: &&str| {
        id.len() <= REQUEST_ID_BYTES_MAX
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let trace = HeaderValue::try_from(trace.to_string()).ok().map(|value| (TRACEPARENT, value));
    let request_id = request_id.filter(plain).and_then(|id| HeaderValue::from_str(id).ok());
    trace.into_iter().chain(request_id.map(|value| (REQUEST_ID, value))).collect()
}

/// What came back from the wire.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) http_status: u16,
    pub(crate) trace_id: Option<String>,
    pub(crate) retry_after_ms: Option<i64>,
    pub(crate) body: Body,
}

#[derive(Debug)]
pub(crate) enum Body {
    Whole(Vec<u8>),
    TooLong,
    /// It broke off; the failure says how.
    Broken(Failure),
}

/// Sends one request and reads its answer.
///
/// # Errors
/// The failure says whether anything was sent: `Unsent` only if that is certain to be no.
pub(crate) fn exchange(
    request: RequestBuilder,
) -> impl Future<Output = Result<Received, Failure>> + Send {
    // Outside, so that what waits for the answer has no room for the request.
    let sending = request.send();
    async {
        let response = sending.await.map_err(|error| no_answer(&error))?;
        crash::point!("dispatch 6", "Toss has done what was asked", "its answer is read");
        let headers = response.headers();
        Ok(Received {
            http_status: response.status().as_u16(),
            trace_id: trace_id(headers),
            retry_after_ms: retry_after_ms(headers),
            body: read_body(response).await,
        })
    }
}

async fn read_body(mut response: Response) -> Body {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len().saturating_add(chunk.len()) > ANSWER_BYTES_MAX => {
                return Body::TooLong;
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Body::Whole(body),
            Err(error) => return Body::Broken(no_answer(&error)),
        }
    }
}

fn no_answer(error: &reqwest::Error) -> Failure {
    if error.is_builder() {
        // Nothing was sent, but nothing ever would be: it is our request that is wrong.
        return failure(FailureClass::Broken, "UNSENDABLE_CALL", error);
    }
    if error.is_connect() {
        return failure(FailureClass::Unsent, "CONNECTION_FAILED", error);
    }
    failure(FailureClass::Unanswered, "NO_ANSWER", error)
}

/// The error and its causes in one sentence, without the address that was called: it holds the payment key.
fn failure(class: FailureClass, code: &str, error: &reqwest::Error) -> Failure {
    let mut message = if error.is_timeout() { "timed out".to_owned() } else { "failed".to_owned() };
    let mut source = error.source();
    while let Some(cause) = source {
        message.push_str(": ");
        message.push_str(&cause.to_string());
        source = cause.source();
    }
    Failure { class, code: code.to_owned(), message: cut(message, REASON_BYTES_MAX) }
}

/// Source: Toss Payments, `X-TossPayments-Trace-Id`, on every answer; its support asks for it.
fn trace_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get("x-tosspayments-trace-id")?.to_str().ok()?.trim();
    (!id.is_empty()).then(|| cut(id.to_owned(), TRACE_ID_BYTES_MAX))
}

/// Toss documents no such header, but a gateway in front of it may send one. Only seconds are read, the form that needs no clock.
fn retry_after_ms(headers: &HeaderMap) -> Option<i64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let is_number = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    let seconds = is_number.then(|| text.parse().unwrap_or(RETRY_AFTER_SECONDS_MAX))?;
    seconds.min(RETRY_AFTER_SECONDS_MAX).checked_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use reqwest::header::HeaderValue;

    fn waits(value: &str) -> Option<i64> {
        let value = HeaderValue::from_str(value).unwrap();
        retry_after_ms(&HeaderMap::from_iter([(RETRY_AFTER, value)]))
    }

    #[test]
    fn a_wait_is_read_in_seconds_and_bounded() {
        assert_eq!(waits("3"), Some(3_000));
        assert_eq!(waits(" 0 "), Some(0));
        assert_eq!(waits("99999999999999999999999"), Some(3_600_000));
        for none in ["", "-1", "1.5", "soon", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            assert_eq!(waits(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn any_header_bytes_are_read_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let headers: HeaderMap = [("x-tosspayments-trace-id", value.clone()), ("retry-after", value)]
                    .into_iter()
                    .map(|(name, value)| (reqwest::header::HeaderName::from_static(name), value))
                    .collect();
                prop_assert!(retry_after_ms(&headers).is_none_or(|ms| (0..=3_600_000).contains(&ms)));
                prop_assert!(trace_id(&headers).is_none_or(|id| id.len() <= TRACE_ID_BYTES_MAX));
            }
        }
    }
}
