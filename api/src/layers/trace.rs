//! The trace that a request belongs to: the caller's, if it sends a `traceparent`, or a new one.
//!
//! It is for finding things again and decides nothing. Whether a trace is recorded is our own choice, whatever the caller's flag says,
//! so that no stranger can have us record everything, or nothing.

use axum::http::{HeaderMap, HeaderName};
use domain::TraceContext;
use store::RandomIds;

/// The header that carries it. Source: W3C Trace Context.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// A request's place in its trace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestTrace {
    pub(crate) context: TraceContext,
    /// The caller's span.
    pub(crate) parent: Option<TraceContext>,
}

impl RequestTrace {
    /// Continues the caller's trace, or begins one when there is none, or none that can be read.
    pub(crate) fn from_headers(headers: &HeaderMap) -> RequestTrace {
        let mut sent = headers.get_all(TRACEPARENT).iter();
        let parent = match (sent.next().and_then(|value| value.to_str().ok()), sent.next()) {
            (Some(text), None) => TraceContext::parse(text).ok(),
            _ => None,
        };
        let context = parent
            .map_or_else(|| TraceContext::begin(&RandomIds), |parent| parent.child(&RandomIds));
        RequestTrace { context, parent }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn trace(values: &[&[u8]]) -> RequestTrace {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(TRACEPARENT, HeaderValue::from_bytes(value).unwrap());
        }
        RequestTrace::from_headers(&headers)
    }

    #[test]
    fn a_callers_trace_is_continued_below_its_span() {
        let trace = trace(&[SENT.as_bytes()]);
        assert_eq!(trace.parent.unwrap().to_string(), SENT);
        assert_eq!(trace.context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_ne!(trace.context.span_id(), "00f067aa0ba902b7");
    }

    #[test]
    fn without_one_that_can_be_read_a_trace_begins() {
        let (good, upper) = (SENT.as_bytes(), SENT.to_ascii_uppercase());
        for bad in [&[][..], &[b"".as_slice()], &[b"\xff"], &[upper.as_bytes()], &[good, good]] {
            let (one, two) = (trace(bad), trace(bad));
            assert!(one.parent.is_none(), "{bad:?}");
            assert_ne!(one.context.trace_id(), two.context.trace_id());
        }
    }
}
