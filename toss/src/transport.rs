//! One HTTP exchange: never more than one request, a bounded answer, and an honest word on whether anything was sent.
//!
//! Redirects are not followed, and only one layer could send a request again behind our back: hyper's client takes one back and opens
//! another connection when a pooled connection died *before* it took the request from its queue, so nothing of it was written. Once a
//! byte may be out, it gives up with an error, which is `Unanswered` here.

use std::error::Error;
use std::io;
use std::iter::successors;
use std::pin::Pin;
use std::time::Duration;

use domain::TraceContext;
use domain::answer::{Failure, FailureClass};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Request, http};
use hyper_util::client::legacy;
use tokio::time::Sleep;

use crate::connect::{Http, timed_out};
use crate::redact::cut;

/// The largest answer that is read. Toss's largest is a payment with many cancels, some tens of kilobytes.
pub(crate) const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Toss's asks for patience are believed up to an hour.
const RETRY_AFTER_SECONDS_MAX: i64 = 3_600;
const TRACE_ID_BYTES_MAX: usize = 200;
const REASON_BYTES_MAX: usize = 500;
/// Source: W3C Trace Context.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id of a request, as the API takes it.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// The headers by which what a proxy logs about a call can be joined with what we log.
///
/// A request's id is the choice of whoever sent the request. One that has more in it than letters, digits, `-`, `_` and `.` stays
/// here: it could be a text that a firewall in front of Toss takes offence at, and then a payment would fail for it.
#[derive(Clone, Default)]
pub(crate) struct Joining {
    trace: Option<HeaderValue>,
    request_id: Option<HeaderValue>,
}

impl Joining {
    pub(crate) fn new(trace: &TraceContext, request_id: Option<&str>) -> Joining {
        let plain = |id: &&str| {
            id.len() <= REQUEST_ID_BYTES_MAX
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        let request_id = request_id.filter(plain).and_then(|id| HeaderValue::from_str(id).ok());
        Joining { trace: HeaderValue::try_from(trace.to_string()).ok(), request_id }
    }

    pub(crate) fn headers(&self) -> impl Iterator<Item = (HeaderName, &HeaderValue)> {
        let trace = self.trace.iter().map(|value| (TRACEPARENT, value));
        trace.chain(self.request_id.iter().map(|value| (REQUEST_ID, value)))
    }
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

/// Sends one request and reads its answer, all of it within this time.
///
/// # Errors
/// The failure says whether anything was sent: `Unsent` only if that is certain to be no.
pub(crate) fn exchange(
    http: &Http,
    request: http::Result<Request<Full<Bytes>>>,
    within: Duration,
) -> impl Future<Output = Result<Received, Failure>> + Send + use<> {
    // Outside, so that what waits for the answer has no room for the request.
    let sending = request.map(|request| http.request(request)).map_err(|error| unsendable(&error));
    let mut deadline = Box::pin(tokio::time::sleep(within));
    async move {
        let response = before(deadline.as_mut(), sending?)
            .await?
            .map_err(|error| if error.is_connect() { unsent(&error) } else { no_answer(&error) })?;
        crash::point!("dispatch 6", "Toss has done what was asked", "its answer is read");
        let headers = response.headers();
        Ok(Received {
            http_status: response.status().as_u16(),
            trace_id: trace_id(headers),
            retry_after_ms: retry_after_ms(headers),
            body: read_body(response.into_body(), deadline.as_mut()).await,
        })
    }
}

async fn read_body(mut incoming: Incoming, mut deadline: Pin<&mut Sleep>) -> Body {
    let mut body = Vec::new();
    loop {
        let frame = match before(deadline.as_mut(), incoming.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(error))) => return Body::Broken(no_answer(&error)),
            Ok(None) => return Body::Whole(body),
            Err(failure) => return Body::Broken(failure),
        };
        // Headers behind the body say nothing to us.
        let Ok(chunk) = frame.into_data() else { continue };
        if body.len().saturating_add(chunk.len()) > ANSWER_BYTES_MAX {
            return Body::TooLong;
        }
        body.extend_from_slice(&chunk);
    }
}

/// What comes, unless the deadline is there first.
async fn before<T>(
    deadline: Pin<&mut Sleep>,
    coming: impl Future<Output = T>,
) -> Result<T, Failure> {
    tokio::select! {
        biased;
        () = deadline => Err(no_answer(&timed_out())),
        it = coming => Ok(it),
    }
}

/// Nothing was sent, but nothing ever would be: it is our request that is wrong.
fn unsendable(error: &http::Error) -> Failure {
    failure(FailureClass::Broken, "UNSENDABLE_CALL", error)
}

fn unsent(error: &legacy::Error) -> Failure {
    failure(FailureClass::Unsent, "CONNECTION_FAILED", error)
}

fn no_answer(error: &(dyn Error + 'static)) -> Failure {
    failure(FailureClass::Unanswered, "NO_ANSWER", error)
}

/// The error and its causes in one sentence. None of them names the address that was called, which holds the payment key.
fn failure(class: FailureClass, code: &str, error: &(dyn Error + 'static)) -> Failure {
    let causes = || successors(Some(error), |&cause| cause.source());
    let is_timeout = causes()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::TimedOut);
    let mut message = if is_timeout { "timed out".to_owned() } else { "failed".to_owned() };
    for cause in causes() {
        message.push_str(": ");
        message.push_str(&cause.to_string());
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
                    .map(|(name, value)| (HeaderName::from_static(name), value))
                    .collect();
                prop_assert!(retry_after_ms(&headers).is_none_or(|ms| (0..=3_600_000).contains(&ms)));
                prop_assert!(trace_id(&headers).is_none_or(|id| id.len() <= TRACE_ID_BYTES_MAX));
            }
        }
    }
}
