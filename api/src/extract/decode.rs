//! From serde's complaints to places of the request. Serde's own text is never shown: it names our types.

use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use crate::problem::{FieldProblem, Place, Problem};
use crate::words::Text;

const MALFORMED: Text = Text { ko: "JSON으로 읽을 수 없습니다.", en: "This is not JSON." };
const UNKNOWN: Text =
    Text { ko: "알 수 없는 필드입니다.", en: "This field is not known." };
const MISSING: Text =
    Text { ko: "필요한 필드가 없습니다.", en: "This field is missing." };
const DUPLICATE: Text =
    Text { ko: "같은 필드가 두 번 있습니다.", en: "This field is there twice." };
const WRONG_TYPE: Text = Text {
    ko: "값의 종류나 범위가 맞지 않습니다.",
    en: "This value has the wrong type or range.",
};

/// Reads a body; nothing may follow the JSON value.
pub(crate) fn decode_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let pointer = pointer(error.path());
        let inner = error.inner();
        if inner.is_data() { data_problem(pointer, &inner.to_string()) } else { malformed(inner) }
    })?;
    json.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

fn malformed(error: &serde_json::Error) -> Problem {
    let place = format!("{}:{}", error.line(), error.column());
    Problem::invalid(vec![
        FieldProblem::new(Place::Body(String::new()), "malformed", MALFORMED).note(place),
    ])
}

fn data_problem(pointer: String, text: &str) -> Problem {
    let (code, detail, field) = complaint(text);
    // An unknown or missing field is not always the last segment of the path that serde tells.
    let pointer = match field {
        Some(field) if !pointer.ends_with(&format!("/{}", escaped(field))) => {
            format!("{pointer}/{}", escaped(field))
        }
        _ => pointer,
    };
    Problem::invalid(vec![FieldProblem::new(Place::Body(pointer), code, detail)])
}

/// Reads what axum says about a query.
pub(super) fn query_problem(text: &str) -> Problem {
    let (code, detail, field) = complaint(text);
    let name = field.unwrap_or_default().to_owned();
    Problem::invalid(vec![FieldProblem::new(Place::Parameter(name), code, detail)])
}

/// What is wrong, and with which field, if the text names one.
fn complaint(text: &str) -> (&'static str, Text, Option<&str>) {
    let named = |what: &str| {
        let (_, rest) = text.split_once(what)?;
        rest.split_once('`').map(|(field, _)| field)
    };
    if let Some(field) = named("unknown field `") {
        ("unknown_field", UNKNOWN, Some(field))
    } else if let Some(field) = named("missing field `") {
        ("missing_field", MISSING, Some(field))
    } else if let Some(field) = named("duplicate field `") {
        ("duplicate_field", DUPLICATE, Some(field))
    } else {
        ("wrong_type", WRONG_TYPE, None)
    }
}

/// The path as a JSON pointer. Source: RFC 6901.
fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        let name = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => escaped(key),
            Segment::Enum { variant } => escaped(variant),
            Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&name);
    }
    pointer
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Language;
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::Value;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read is looked at")]
    struct Cart {
        store_id: String,
        items: Vec<Item>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read is looked at")]
    struct Item {
        product_id: String,
        quantity: u8,
    }

    fn refused(body: &str) -> (String, String) {
        let problem = decode_json::<Cart>(body.as_bytes()).unwrap_err();
        let written: Value =
            serde_json::from_slice(&problem.write(Language::English, "id", "")).unwrap();
        let error = &written["errors"][0];
        (error["pointer"].as_str().unwrap().to_owned(), error["code"].as_str().unwrap().to_owned())
    }

    #[test]
    fn every_complaint_names_its_place() {
        let cases = [
            (
                r#"{"storeId":"s","items":[{"productId":"p","quantity":1,"a/b":2}]}"#,
                "/items/0/a~1b",
                "unknown_field",
            ),
            (r#"{"storeId":"s","items":[{"quantity":1}]}"#, "/items/0/productId", "missing_field"),
            (r#"{"items":[]}"#, "/storeId", "missing_field"),
            (
                r#"{"storeId":"s","items":[{"productId":"p","quantity":"x"}]}"#,
                "/items/0/quantity",
                "wrong_type",
            ),
            (
                r#"{"storeId":"s","items":[{"productId":"p","quantity":1.5}]}"#,
                "/items/0/quantity",
                "wrong_type",
            ),
            (r#"{"storeId":"s","storeId":"t","items":[]}"#, "/storeId", "duplicate_field"),
            (r#"{"storeId":1,"items":[]}"#, "/storeId", "wrong_type"),
            ("[]", "", "wrong_type"),
            ("", "", "malformed"),
            (r#"{"storeId":"s","items":[]} x"#, "", "malformed"),
            (r#"{"storeId":"s","#, "", "malformed"),
        ];
        for (body, pointer, code) in cases {
            assert_eq!(refused(body), (pointer.to_owned(), code.to_owned()), "{body}");
        }
    }

    #[test]
    fn serde_is_never_quoted() {
        let problem = decode_json::<Cart>(br#"{"storeId":{"a":1},"items":[]}"#).unwrap_err();
        let written = String::from_utf8(problem.write(Language::English, "id", "")).unwrap();
        assert!(!written.contains("expected") && !written.contains("Cart"), "{written}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _either = decode_json::<Cart>(&bytes);
            let _either = decode_json::<Value>(&bytes);
        }

        #[test]
        fn deep_bodies_do_not_exhaust_the_stack(depth in 1usize..20_000) {
            let _either = decode_json::<Value>("[".repeat(depth).as_bytes());
        }
    }
}
