//! What of an answer may be kept: everything that helps an engineer, nothing that names a customer or opens a door. Known fields are
//! masked by name, and new ones whose names sound like them too. Not here: what is logged, which is never a body.

use serde_json::{Map, Value};

/// The most that is kept of one answer, in bytes.
pub const KEPT_BYTES_MAX: usize = 32 * 1024;
/// The most that is kept of an answer that is no JSON: a gateway's page says who it is in its first lines.
const TEXT_BYTES_MAX: usize = 4 * 1024;
const MASK: &str = "***";

/// Parts of field names, in lower case, whose values are masked as a whole.
const HIDDEN: [&str; 17] = [
    "secret",
    "password",
    "customer",
    "holdername",
    "depositorname",
    "phone",
    "email",
    "identity",
    "birth",
    "registrationnumber",
    "businessnumber",
    "issuenumber",
    "receiptkey",
    "billingkey",
    "authkey",
    "metadata",
    "address",
];

/// Makes an answer fit to be kept: JSON stays JSON with its personal and secret values masked, other text is masked wherever it
/// looks like a number or a key. At most [`KEPT_BYTES_MAX`] bytes; JSON longer than that is cut and then no longer JSON.
#[must_use]
pub fn redact(body: &[u8]) -> String {
    serde_json::from_slice(body).map_or_else(|_| redact_text(body), redact_json)
}

pub(crate) fn redact_json(mut json: Value) -> String {
    let payment_key = json.get("paymentKey").and_then(Value::as_str).map(without_controls);
    mask_value(&mut json, Way::Keep);
    if let Some(key) = payment_key.filter(|key| !key.is_empty()) {
        hide_everywhere(&mut json, &key, &shorten(&key));
    }
    cut(json.to_string(), KEPT_BYTES_MAX)
}

fn redact_text(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..TEXT_BYTES_MAX).unwrap_or(body));
    let text = without_controls(&text);
    if has_fields(&text) {
        // Broken JSON may hold anything, and no field of it can be found to be masked.
        return format!("({} bytes that look like JSON and cannot be read)", body.len());
    }
    cut(mask_text(&text), TEXT_BYTES_MAX)
}

/// Whether a text is like JSON with names and values, wherever in it that begins.
fn has_fields(text: &str) -> bool {
    let follows_name = |rest: &str| rest.trim_start().starts_with(':');
    text.trim_start().starts_with(['{', '['])
        || text.match_indices('"').any(|(at, _)| {
            text.get(at..).is_some_and(|rest| follows_name(rest.trim_start_matches('"')))
        })
}

/// How the value of a field is treated.
#[derive(Clone, Copy)]
enum Way {
    Keep,
    Hide,
    LastFour,
    Card,
    Shorten,
    Sentence,
}

fn way_of(name: &str, parent: &str) -> Way {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "paymentkey" => Way::Shorten,
        "message" => Way::Sentence,
        "number" if parent == "card" => Way::Card,
        name if name.contains("cardnumber") => Way::Card,
        name if name.contains("accountnumber") => Way::LastFour,
        name if HIDDEN.iter().any(|part| name.contains(part)) => Way::Hide,
        _ => Way::Keep,
    }
}

fn mask_fields(fields: &mut Map<String, Value>, parent: &str) {
    for (name, value) in fields.iter_mut() {
        let way = way_of(name, parent);
        match (way, &mut *value) {
            (Way::Keep, Value::Object(inner)) => mask_fields(inner, name),
            // An object of Toss's that is named after the method; its fields speak for themselves.
            (Way::Hide, Value::Object(inner)) if name == "mobilePhone" => mask_fields(inner, name),
            (
                Way::Keep | Way::Hide | Way::LastFour | Way::Card | Way::Shorten | Way::Sentence,
                _,
            ) => {
                mask_value(value, way);
            }
        }
    }
}

fn mask_value(value: &mut Value, way: Way) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::String(text) => *text = mask_string(&without_controls(text), way),
        Value::Number(_) => {
            if !matches!(way, Way::Keep) {
                *value = Value::from(MASK);
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(|entry| mask_value(entry, way)),
        Value::Object(fields) => match way {
            Way::Keep => mask_fields(fields, ""),
            Way::Hide | Way::LastFour | Way::Card | Way::Shorten | Way::Sentence => {
                fields.values_mut().for_each(|field| mask_value(field, Way::Hide));
            }
        },
    }
}

fn mask_string(text: &str, way: Way) -> String {
    match way {
        Way::Keep => text.to_owned(),
        Way::Hide => MASK.to_owned(),
        Way::LastFour => last_four(text),
        Way::Card if text.contains('*') => text.to_owned(),
        Way::Card => last_four(text),
        Way::Shorten => shorten(text),
        Way::Sentence => mask_text(text),
    }
}

fn last_four(text: &str) -> String {
    let count = text.chars().count();
    if count < 8 {
        return MASK.to_owned();
    }
    text.chars()
        .enumerate()
        .map(|(at, c)| if at.saturating_add(4) < count { '*' } else { c })
        .collect()
}

/// The first six and the last four characters, or nothing of a text that has hardly more than these.
fn shorten(text: &str) -> String {
    let count = text.chars().count();
    if count < 14 {
        return MASK.to_owned();
    }
    let head: String = text.chars().take(6).collect();
    let tail: String = text.chars().skip(count.saturating_sub(4)).collect();
    format!("{head}…{tail}")
}

/// Replaces the payment key inside other texts, such as the checkout address. Toss's receipt stays: customers are sent there.
fn hide_everywhere(value: &mut Value, key: &str, shown: &str) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => {
            if text.contains(key) {
                *text = text.replace(key, shown);
            }
        }
        Value::Array(entries) => {
            entries.iter_mut().for_each(|entry| hide_everywhere(entry, key, shown))
        }
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                if name != "receipt" && name != "receiptUrl" {
                    hide_everywhere(field, key, shown);
                }
            }
        }
    }
}

/// Masks what looks like a phone, account or card number, an e-mail address or a key inside a sentence.
pub(crate) fn mask_text(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut word = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '@' | '.' | '+' | '=') {
            word.push(c);
        } else {
            masked.push_str(&mask_word(&word));
            word.clear();
            masked.push(c);
        }
    }
    masked.push_str(&mask_word(&word));
    masked
}

fn mask_word(word: &str) -> String {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let is_number =
        digits >= 7 && word.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '.' | '+'));
    if word.contains('@') || is_number {
        MASK.to_owned()
    } else if word.len() >= 20 && digits > 0 {
        shorten(word)
    } else {
        word.to_owned()
    }
}

/// The text with a space for every control character. PostgreSQL refuses a text with NUL in it, and a line break in a log is a line that
/// nobody wrote.
pub(crate) fn without_controls(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// At most `bytes_max` bytes, ending with `…` where something was cut.
pub(crate) fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max.saturating_sub('…'.len_utf8())));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests;
