//! Problems: what a caller is told when a request is refused, as `application/problem+json`.
//!
//! A handler returns a [`Problem`]; the outermost layer writes it down, because only there are the request's language and id known.
//! What went wrong inside travels beside it for the log and is never shown. Which store and domain errors become which problem is in
//! [`refusals`]; the closed list of codes is in [`catalogue`].
//!
//! Source: RFC 9457.

pub(crate) mod catalogue;
mod document;
mod refusals;

use std::error::Error;
use std::sync::Arc;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};

pub use catalogue::{ProblemCode, Repeat};
pub(crate) use document::document;

use crate::words::{Language, Text};

/// A refusal on its way to the caller.
#[derive(Debug, Clone)]
pub struct Problem {
    code: ProblemCode,
    detail: Option<Text>,
    errors: Vec<FieldProblem>,
    extensions: Map<String, Value>,
    retry_after_s: Option<u64>,
    /// For the log only.
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

/// One place of a request that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldProblem {
    place: Place,
    code: &'static str,
    detail: Text,
    /// A field's name or a bound, shown after the detail.
    note: Option<String>,
}

/// Where in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A JSON pointer into the body; empty for the whole of it.
    Body(String),
    /// A parameter of the query or the path.
    Parameter(String),
}

/// A problem as it is written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<WrittenField<'a>>,
    #[serde(flatten)]
    extensions: &'a Map<String, Value>,
}

#[derive(Debug, Serialize)]
struct WrittenField<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'a str>,
    detail: String,
    code: &'a str,
}

impl From<ProblemCode> for Problem {
    fn from(code: ProblemCode) -> Problem {
        Problem::new(code)
    }
}

impl Problem {
    /// A problem with the words of its code.
    pub(crate) fn new(code: ProblemCode) -> Problem {
        Problem {
            code,
            detail: None,
            errors: Vec::new(),
            extensions: Map::new(),
            retry_after_s: None,
            cause: None,
        }
    }

    /// A request with these places wrong.
    pub(crate) fn invalid(errors: Vec<FieldProblem>) -> Problem {
        Problem { errors, ..Problem::new(ProblemCode::InvalidRequest) }
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> ProblemCode {
        self.code
    }

    /// Names a place.
    pub(crate) fn at(mut self, error: FieldProblem) -> Problem {
        self.errors.push(error);
        self
    }

    /// Adds a member of its own.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Problem {
        self.extensions.insert(name.to_owned(), value.into());
        self
    }

    /// Says when to come again.
    #[must_use]
    pub fn retry_after_s(mut self, seconds: u64) -> Problem {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Keeps what went wrong inside, for the log.
    pub(crate) fn caused_by(mut self, cause: impl Error + Send + Sync + 'static) -> Problem {
        self.cause = Some(Arc::new(cause));
        self
    }

    /// What went wrong inside, with everything below it; for the log only.
    #[must_use]
    pub fn cause_text(&self) -> Option<String> {
        let mut cause: &dyn Error = self.cause.as_deref()?;
        let mut text = cause.to_string();
        while let Some(source) = cause.source() {
            text.push_str(": ");
            text.push_str(&source.to_string());
            cause = source;
        }
        Some(text)
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.code.info().status
    }

    /// Its short name.
    #[must_use]
    pub fn title(&self, language: Language) -> &'static str {
        self.code.info().title.in_language(language)
    }

    /// What to tell a person: what is wrong, and with which fields.
    #[must_use]
    pub fn sentence(&self, language: Language) -> String {
        let detail = self.detail.unwrap_or(self.code.info().detail).in_language(language);
        let fields = self.errors.iter().map(|error| error.write(language).detail);
        fields.fold(detail.to_owned(), |text, field| format!("{text} {field}"))
    }

    /// Writes it down.
    pub(crate) fn write(&self, language: Language, request_id: &str, public_url: &str) -> Vec<u8> {
        let info = self.code.info();
        let word = self.code.word();
        let is_internal = info.status.is_server_error();
        let written = Written {
            r#type: format!("{public_url}/problems#{word}"),
            title: info.title.in_language(language),
            status: info.status.as_u16(),
            detail: self.detail.unwrap_or(info.detail).in_language(language),
            code: word,
            request_id,
            errors: self.errors.iter().map(|error| error.write(language)).collect(),
            extensions: if is_internal { &Map::new() } else { &self.extensions },
        };
        // Strings, numbers and maps with text keys: this cannot fail.
        serde_json::to_vec(&written).unwrap_or_default()
    }
}

impl FieldProblem {
    /// A place and what is wrong with it.
    pub(crate) fn new(place: Place, code: &'static str, detail: Text) -> FieldProblem {
        FieldProblem { place, code, detail, note: None }
    }

    /// Names the field or the bound.
    pub(crate) fn note(mut self, note: impl Into<String>) -> FieldProblem {
        self.note = Some(note.into());
        self
    }

    fn write(&self, language: Language) -> WrittenField<'_> {
        let detail = self.detail.in_language(language);
        WrittenField {
            pointer: match &self.place {
                Place::Body(pointer) => Some(pointer),
                Place::Parameter(_) => None,
            },
            parameter: match &self.place {
                Place::Parameter(name) => Some(name),
                Place::Body(_) => None,
            },
            detail: match &self.note {
                Some(note) => format!("{detail} ({note})"),
                None => detail.to_owned(),
            },
            code: self.code,
        }
    }
}

/// The status and headers; the body is written by the outermost layer, which finds the problem among the response's extensions.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.info().status.into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code.info().status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}
