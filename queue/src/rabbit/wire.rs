//! How a message looks on the wire: a small JSON body, and properties that a person understands in
//! the broker's console. Not here: which exchange and queue it takes.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use serde::{Deserialize, Serialize};

use crate::{Message, Trace};

/// Longest id of a job, in bytes: more than three times that of a UUID, and it fits AMQP's 255.
pub(super) const JOB_ID_BYTES_MAX: usize = 128;
/// Longest body that is read, in bytes: what we write has less than 200.
pub(super) const BODY_BYTES_MAX: usize = 1_024;
/// Longest value of a trace header, in bytes: a `traceparent` has 55. Longer ones are left out.
pub(super) const HEADER_BYTES_MAX: usize = 256;

/// The version of the body that is written and read.
const VERSION: u64 = 1;
const TYPE: &str = "job";
const APP_ID: &str = "seungin";
const CONTENT_TYPE: &str = "application/json";
/// AMQP's number for "keep it on disk".
const PERSISTENT: u8 = 2;
const TRACEPARENT: &str = "traceparent";
const REQUEST_ID: &str = "x-request-id";

/// Why a message cannot be delivered as what it claims to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Undecodable {
    #[error("its body has {0} bytes, more than {BODY_BYTES_MAX}")]
    TooLong(usize),
    #[error("its type is {0:?}, not {TYPE:?}")]
    OtherType(String),
    #[error("its body is not JSON with a version: {0}")]
    NotJson(String),
    #[error("its body has version {0}, not {VERSION}")]
    OtherVersion(u64),
    #[error("its body names no job: {0}")]
    NoJob(String),
    #[error("its job id is empty or longer than {JOB_ID_BYTES_MAX} bytes")]
    JobId,
}

#[derive(Serialize, Deserialize)]
struct Body {
    v: u64,
    job: String,
}

/// Any version's body: later versions keep this field.
#[derive(Deserialize)]
struct AnyVersion {
    v: u64,
}

/// Writes a message's body and properties.
pub(super) fn encode(message: &Message) -> Result<(Vec<u8>, BasicProperties), Undecodable> {
    if !is_job_id(&message.job_id) {
        return Err(Undecodable::JobId);
    }
    let body = Body { v: VERSION, job: message.job_id.clone() };
    let body =
        serde_json::to_vec(&body).map_err(|error| Undecodable::NotJson(error.to_string()))?;
    if body.len() > BODY_BYTES_MAX {
        return Err(Undecodable::TooLong(body.len()));
    }
    let mut headers = FieldTable::default();
    let Trace { request_id, traceparent } = &message.trace;
    for (name, value) in [(REQUEST_ID, request_id), (TRACEPARENT, traceparent)] {
        if let Some(value) = value.as_ref().filter(|value| value.len() <= HEADER_BYTES_MAX) {
            headers.insert(name.into(), AMQPValue::LongString(value.as_str().into()));
        }
    }
    let properties = BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type(CONTENT_TYPE.into())
        // Short enough for AMQP: `is_job_id` bounds it.
        .with_message_id(message.job_id.as_str().into())
        .with_type(TYPE.into())
        .with_app_id(APP_ID.into())
        .with_headers(headers);
    Ok((body, properties))
}

/// Reads the job's id and the trace of a message.
pub(super) fn decode(
    body: &[u8],
    properties: &BasicProperties,
) -> Result<(String, Trace), Undecodable> {
    if body.len() > BODY_BYTES_MAX {
        return Err(Undecodable::TooLong(body.len()));
    }
    if let Some(other) = properties.kind().as_ref().map(ShortString::as_str)
        && other != TYPE
    {
        return Err(Undecodable::OtherType(other.to_owned()));
    }
    let AnyVersion { v } =
        serde_json::from_slice(body).map_err(|error| Undecodable::NotJson(error.to_string()))?;
    if v != VERSION {
        return Err(Undecodable::OtherVersion(v));
    }
    let Body { job, .. } =
        serde_json::from_slice(body).map_err(|error| Undecodable::NoJob(error.to_string()))?;
    if !is_job_id(&job) {
        return Err(Undecodable::JobId);
    }
    let trace = Trace {
        request_id: header(properties, REQUEST_ID),
        traceparent: header(properties, TRACEPARENT),
    };
    Ok((job, trace))
}

fn is_job_id(job_id: &str) -> bool {
    (1..=JOB_ID_BYTES_MAX).contains(&job_id.len())
}

fn header(properties: &BasicProperties, name: &str) -> Option<String> {
    let value = properties.headers().as_ref()?.inner().get(name)?;
    let text = match text(value) {
        Some(text) if text.len() <= HEADER_BYTES_MAX => text,
        Some(_) | None => return None,
    };
    Some(text.to_owned())
}

/// The text of a header; `None` when it is something else.
pub(super) fn text(value: &AMQPValue) -> Option<&str> {
    let short = value.as_short_string().map(ShortString::as_str);
    let long = value.as_long_string().and_then(|long| std::str::from_utf8(long.as_bytes()).ok());
    short.or(long)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lane;

    fn message(job_id: &str, trace: Trace) -> Message {
        Message { job_id: job_id.to_owned(), lane: Lane::Confirm, trace }
    }

    fn trace(request_id: &str, traceparent: &str) -> Trace {
        Trace { request_id: Some(request_id.to_owned()), traceparent: Some(traceparent.to_owned()) }
    }

    #[test]
    fn what_is_encoded_is_decoded_again() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        for (job_id, trace) in [
            ("0197-job", trace("req-1", parent)),
            ("\"\\\u{1}한국어", Trace::default()),
            (&"x".repeat(JOB_ID_BYTES_MAX), trace("", &"t".repeat(HEADER_BYTES_MAX))),
        ] {
            let (body, properties) = encode(&message(job_id, trace.clone())).unwrap();
            assert_eq!(decode(&body, &properties), Ok((job_id.to_owned(), trace)));
        }
    }

    #[test]
    fn a_message_is_persistent_and_can_be_read_in_the_brokers_console() {
        let (body, properties) = encode(&message("job-1", Trace::default())).unwrap();
        assert_eq!(body, br#"{"v":1,"job":"job-1"}"#);
        assert_eq!(*properties.delivery_mode(), Some(2));
        assert_eq!(properties.message_id().as_ref().unwrap().as_str(), "job-1");
        assert_eq!(properties.kind().as_ref().unwrap().as_str(), "job");
        assert_eq!(properties.app_id().as_ref().unwrap().as_str(), "seungin");
    }

    #[test]
    fn an_id_that_could_not_be_read_back_is_not_sent() {
        for bad in ["", &"x".repeat(JOB_ID_BYTES_MAX + 1)] {
            assert_eq!(encode(&message(bad, Trace::default())), Err(Undecodable::JobId));
        }
    }

    #[test]
    fn a_trace_that_is_too_long_is_left_out_and_the_job_goes() {
        let long = "x".repeat(HEADER_BYTES_MAX + 1);
        let (body, properties) = encode(&message("job", trace(&long, "short"))).unwrap();
        let (_, read) = decode(&body, &properties).unwrap();
        assert_eq!(read, Trace { request_id: None, traceparent: Some("short".to_owned()) });
        let mut headers = FieldTable::default();
        headers.insert(REQUEST_ID.into(), AMQPValue::LongLongInt(5));
        headers.insert(TRACEPARENT.into(), AMQPValue::LongString(long.as_str().into()));
        let (_, read) = decode(&body, &properties.with_headers(headers)).unwrap();
        assert_eq!(read, Trace::default());
    }

    #[test]
    fn what_is_no_message_of_ours_is_told_apart() {
        let plain = BasicProperties::default();
        let why = |body: &[u8]| decode(body, &plain).unwrap_err();
        assert!(matches!(why(b"\xff\x00garbage"), Undecodable::NotJson(_)));
        assert!(matches!(why(b""), Undecodable::NotJson(_)));
        assert!(matches!(why(&b"[".repeat(1_000)), Undecodable::NotJson(_)));
        assert!(matches!(why(br#"{"job":"a"}"#), Undecodable::NotJson(_)));
        assert_eq!(why(br#"{"v":2,"work":"a"}"#), Undecodable::OtherVersion(2));
        assert!(matches!(why(br#"{"v":1,"job":5}"#), Undecodable::NoJob(_)));
        assert!(matches!(why(br#"{"v":1}"#), Undecodable::NoJob(_)));
        assert_eq!(why(br#"{"v":1,"job":""}"#), Undecodable::JobId);
        assert_eq!(why(&b" ".repeat(BODY_BYTES_MAX + 1)), Undecodable::TooLong(1_025));
        let other = plain.clone().with_type("invoice".into());
        let refused = decode(br#"{"v":1,"job":"a"}"#, &other);
        assert_eq!(refused.unwrap_err(), Undecodable::OtherType("invoice".to_owned()));
    }

    #[test]
    fn what_a_later_program_adds_is_not_in_the_way() {
        let added = br#"{"v":1,"job":"a","hint":{"x":[1]}}"#;
        assert_eq!(decode(added, &BasicProperties::default()).unwrap().0, "a");
    }
}
