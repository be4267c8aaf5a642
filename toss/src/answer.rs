//! From an HTTP status and a body to an answer. Pure: bytes in, meaning out. Not here: whether bytes left (`transport`) and what each
//! code means (`codes`).

use domain::answer::{Answer, Failure, FailureClass};
use domain::attempt::Operation;
use serde_json::Value;

use crate::codes::{classify, find_rule};
use crate::payment::read_payment;
use crate::redact::{cut, mask_text, without_controls};

/// The longest message that is kept, in bytes. Toss's have at most 510 characters.
const MESSAGE_BYTES_MAX: usize = 2_048;
/// The longest code that is taken for one.
const CODE_BYTES_MAX: usize = 100;

/// Our code for an answer that is neither a payment nor an error of Toss.
pub(crate) const UNREADABLE: &str = "UNREADABLE_ANSWER";

/// Says what Toss's answer to a call means. Never fails: what cannot be read is a [`Failure`] with the code `UNREADABLE_ANSWER`.
#[must_use]
pub fn read_answer(operation: Operation, http_status: u16, body: &[u8]) -> Answer {
    read_json(operation, http_status, serde_json::from_slice(body).ok().as_ref())
}

pub(crate) fn read_json(operation: Operation, http_status: u16, json: Option<&Value>) -> Answer {
    if (200..300).contains(&http_status) {
        match json.map(read_payment) {
            Some(Ok(payment)) => Answer::Payment(Box::new(payment)),
            Some(Err(unreadable)) => {
                unreadable_answer(operation, http_status, &unreadable.to_string())
            }
            None => unreadable_answer(operation, http_status, "the answer is not JSON"),
        }
    } else {
        let classify = |code: Option<&str>| classify(operation, http_status, code);
        match json.and_then(|json| read_failure(json, classify)) {
            Some(mut failure) => {
                if failure.message.is_empty() {
                    failure.message = gist(operation, &failure.code);
                }
                Answer::Failure(failure)
            }
            None => unreadable_answer(operation, http_status, "the answer is no error of Toss"),
        }
    }
}

/// An answer without anything of Toss in it: the status alone speaks.
pub(crate) fn unreadable_answer(operation: Operation, http_status: u16, why: &str) -> Answer {
    let class = classify(operation, http_status, None);
    let code = if class == FailureClass::Throttled { "TOO_MANY_REQUESTS" } else { UNREADABLE };
    Answer::Failure(Failure {
        class,
        code: code.to_owned(),
        message: format!("HTTP {http_status}: {why}"),
    })
}

/// Code and message of an error body, of the first or the second version of Toss's envelope.
///
/// Source: Toss Payments, request and response bodies: `{"code", "message"}`, or the same inside `error`.
fn read_error(json: &Value) -> Option<(&str, Option<&str>)> {
    let error = json.get("error").filter(|error| error.is_object()).unwrap_or(json);
    let code = error.get("code")?.as_str().filter(|code| is_code(code))?;
    Some((code, error.get("message").and_then(Value::as_str).filter(|message| !message.is_empty())))
}

fn is_code(code: &str) -> bool {
    (1..=CODE_BYTES_MAX).contains(&code.len())
        && code
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

/// An error body as a failure of this class; its message is empty where Toss gives none.
pub(crate) fn read_failure(
    json: &Value,
    classify: impl Fn(Option<&str>) -> FailureClass,
) -> Option<Failure> {
    let (code, message) = read_error(json)?;
    let message = message.map_or_else(String::new, clean);
    Some(Failure { class: classify(Some(code)), code: code.to_owned(), message })
}

fn gist(operation: Operation, code: &str) -> String {
    find_rule(operation, code).map_or("Toss gave no reason", |rule| rule.gist).to_owned()
}

/// A message goes into columns and logs: personal numbers in it are masked, it is one line, and its length is bounded.
fn clean(message: &str) -> String {
    cut(mask_text(&without_controls(message)), MESSAGE_BYTES_MAX)
}

#[cfg(test)]
mod tests;
