//! Answers in Toss's shape, and the one that is none: a connection closed without a byte.

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::ids;
use crate::refusal::{Language, Refusal};

/// Source: Toss; the header names of the trace id and of the echoed idempotency key.
const TRACE_ID: HeaderName = HeaderName::from_static("x-tosspayments-trace-id");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=UTF-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html;charset=UTF-8");

/// What a gateway in front of Toss might say: nothing that a client can interpret.
const GATEWAY_PAGE: &str = "<!doctype html><html><head><title>upstream</title></head><body>\
    <h1>The upstream service sent something else.</h1></body></html>";

/// What goes back to the caller.
#[derive(Debug)]
pub(crate) enum Reply {
    Answer(Answer),
    /// The connection is closed without an answer.
    Cut,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) is_html: bool,
    pub(crate) retry_after_seconds: Option<u32>,
    /// The trace id under which a replayed answer was first given.
    pub(crate) original_trace_id: Option<String>,
}

impl Answer {
    pub(crate) fn json(status: u16, body: String) -> Answer {
        Answer { status, body, is_html: false, retry_after_seconds: None, original_trace_id: None }
    }

    pub(crate) fn refusal(refusal: &Refusal, language: Language) -> Answer {
        Answer::json(refusal.status(), refusal_body(refusal, language))
    }

    pub(crate) fn gateway_page(status: u16) -> Answer {
        Answer { is_html: true, ..Answer::json(status, GATEWAY_PAGE.to_owned()) }
    }
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: &'a str,
    message: &'a str,
}

pub(crate) fn refusal_body(refusal: &Refusal, language: Language) -> String {
    let body = ErrorBody { code: refusal.code(), message: refusal.message(language) };
    // Two strings always serialize.
    serde_json::to_string(&body).unwrap_or_default()
}

impl Reply {
    /// The number that the ledger notes; None if the connection is cut.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Reply::Answer(answer) => Some(answer.status),
            Reply::Cut => None,
        }
    }

    pub(crate) fn into_response(
        self,
        trace_id: &str,
        idempotency_key: Option<HeaderValue>,
    ) -> Response {
        let answer = match self {
            Reply::Answer(answer) => answer,
            Reply::Cut => return cut(),
        };
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_REQUEST);
        let content_type = if answer.is_html { HTML } else { JSON };
        let mut response =
            (status, [(header::CONTENT_TYPE, content_type)], answer.body).into_response();
        let trace = match &answer.original_trace_id {
            Some(original) => format!("{trace_id}, {original}"),
            None => trace_id.to_owned(),
        };
        let headers = response.headers_mut();
        if let Ok(trace) = HeaderValue::from_str(&trace) {
            headers.insert(TRACE_ID, trace);
        }
        if let Some(key) = idempotency_key {
            headers.insert(IDEMPOTENCY_KEY, key);
        }
        if let Some(seconds) = answer.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// A refusal outside of the four payment calls, with a trace id of its own.
pub(crate) fn refuse(refusal: &Refusal, language: Language) -> Response {
    Reply::Answer(Answer::refusal(refusal, language)).into_response(&ids::trace_id(), None)
}

/// A response whose body fails at its first byte. The server then closes the connection before anything of the answer
/// was written, so that the caller sees a broken connection and no HTTP at all.
pub(crate) fn cut() -> Response {
    let failure =
        async { Err::<Bytes, std::io::Error>(std::io::ErrorKind::ConnectionAborted.into()) };
    Response::new(Body::from_stream(futures_util::stream::once(failure)))
}
