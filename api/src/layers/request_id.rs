//! The id of a request: taken from the caller, or made. It stands in the answer, in logs, and on the jobs that the request makes.

use std::fmt;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use domain::id::IdSource as _;
use store::RandomIds;

/// The header that carries it.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken from a caller.
const CHARS_MAX: usize = 128;

/// The id of a request: 1 to 128 visible ASCII characters.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(Arc<str>);

impl RequestId {
    /// Takes the caller's, if it is one, or makes one.
    pub(crate) fn from_headers(headers: &HeaderMap) -> RequestId {
        let mut sent = headers.get_all(REQUEST_ID).iter();
        match (sent.next().and_then(|value| value.to_str().ok()), sent.next()) {
            (Some(text), None) if (1..=CHARS_MAX).contains(&text.len()) && is_visible(text) => {
                RequestId(text.into())
            }
            _ => RequestId::default(),
        }
    }

    /// The id as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as a header.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A new one.
impl Default for RequestId {
    fn default() -> RequestId {
        RequestId(RandomIds.new_id().into())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(values: &[&[u8]]) -> String {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(REQUEST_ID, HeaderValue::from_bytes(value).unwrap());
        }
        RequestId::from_headers(&headers).to_string()
    }

    #[test]
    fn a_callers_id_is_kept_and_a_bad_one_replaced() {
        assert_eq!(id(&[b"trace/42"]), "trace/42");
        let long = [b'x'; 129];
        for bad in
            [&[][..], &[b"".as_slice()], &[b"a b"], &[b"\xffid"], &[&long], &[b"one", b"two"]]
        {
            assert_eq!(id(bad).len(), 36, "{bad:?}");
        }
    }
}
