//! What nearly is a request: orders, queries and headers in which anything was changed. Each is taken or refused as a whole.
//!
//! `PROPTEST_CASES=10000 cargo test -p api --test http hostile` makes more of them.

use std::cell::Cell;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, Method, Request};
use proptest::prelude::*;
use serde_json::Value;

use super::mutate::{any_json, changed, changes, damage, damaged};
use super::{insist_no_fault, on_a_shop};
use crate::app::{As, gimbap_order, order_body, request, with};

#[test]
fn an_order_in_which_anything_was_changed_is_made_as_it_stands_or_refused() {
    let malatang = order_body(
        "mala",
        serde_json::json!([
            { "productId": "malatang", "quantity": 2, "options": ["hot", "beef", "noodles"] },
            { "productId": "guobaorou", "quantity": 1 },
        ]),
        49_000,
    );
    let named = with(gimbap_order(), "/orderId", "order-of-the-test".into());
    let whole = prop::sample::select(vec![gimbap_order(), malatang, named]);
    let value = any_json(
        &["gimbap", "mala", "malatang", "closed", "soda", "hot", "\u{0}", "4000", "\u{202e}"],
        &[0, 1, 99, 100, 4_000, 49_000, i64::MAX, i64::MIN],
        &[
            "storeId",
            "items",
            "amount",
            "customer",
            "productId",
            "quantity",
            "options",
            "orderId",
            "x",
        ],
    );
    let order = (whole, changes(value), damage());
    let made = Cell::new(0);
    on_a_shop(1, &order, |runtime, app, (whole, changes, damage)| {
        let text = changed(whole, changes).to_string();
        let mut request = request(Method::POST, As::Nobody, "/v1/orders", &[], Some(Value::Null));
        let bytes = damaged(&text, &damage);
        *request.body_mut() = Body::from(bytes.clone());
        let answer = runtime.block_on(app.send(request));
        insist_no_fault(&text, &answer)?;
        if answer.status.is_success() {
            made.set(made.get() + 1);
            let sent: Value = serde_json::from_slice(&bytes).unwrap();
            prop_assert_eq!(&answer.body["amount"], &sent["amount"], "{}", text);
            let lines = answer.body["order"]["lines"].as_array().map(Vec::len);
            prop_assert_eq!(lines, sent["items"].as_array().map(Vec::len), "{}", text);
        }
        Ok(())
    });
    assert!(made.get() > 0, "every order was refused, also those that were not changed");
}

/// Values of parameters that are right at some place, or nearly.
fn parameter() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "parked",
            "all",
            "confirm",
            "newest",
            "amount",
            "oldest_waiting",
            "gimbap",
            "refused",
            "0",
            "1",
            "200",
            "201",
            "-1",
            "+1",
            "18446744073709551616",
            "2026-11-27T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:60Z",
            "2026-13-01T00:00:00Z",
            "",
            "%00",
            "%ff",
            "%",
            "%2",
            "a%00b",
            "%C2%85",
            "%E2%80%AE",
            "0101234",
            "____",
            "%25%25",
            "%27%20OR%201%3D1--",
            "*",
            "\\",
        ])
        .prop_map(str::to_owned),
        // Cursors, of ours or nearly.
        (any::<i64>(), "[A-Za-z0-9._-]{0,70}").prop_map(|(key, id)| format!("{key}.{id}")),
        "[0-9]{0,25}[.][a-z0-9-]{0,40}",
        "[!-~]{0,60}".prop_map(|text| super::percent_encoded(text.as_bytes())),
    ]
}

#[test]
fn any_query_of_a_list_is_read_or_refused() {
    let names = prop::sample::select(vec![
        "kind",
        "state",
        "code",
        "class",
        "storeId",
        "merchant",
        "from",
        "to",
        "amountMin",
        "amountMax",
        "text",
        "sort",
        "limit",
        "cursor",
        "subject",
        "actor",
        "action",
        "status",
        "wait",
        "ticket",
        "verbose",
        "x",
    ]);
    let path = prop::sample::select(vec![
        "/v1/jobs",
        "/v1/jobs.csv",
        "/v1/jobs/counts",
        "/v1/jobs/groups",
        "/v1/orders",
        "/v1/audit",
        "/v1/bulk-runs",
        "/v1/stores",
        "/v1/bulk-runs/019ab1d4-5555-7000-8000-00000000000d",
        "/checkout/success",
        "/checkout/fail",
    ]);
    let query = (path, prop::collection::vec((names, parameter()), 0..5));
    on_a_shop(1, &query, |runtime, app, (path, parameters)| {
        let pairs: Vec<String> =
            parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let address = format!("{path}?{}", pairs.join("&"));
        if address.parse::<axum::http::Uri>().is_err() {
            return Ok(());
        }
        let answer = runtime.block_on(app.get(As::Master, &address));
        insist_no_fault(&address, &answer)
    });
}

/// Headers that are read somewhere.
const NAMES: [&str; 24] = [
    "authorization",
    "idempotency-key",
    "prefer",
    "if-none-match",
    "accept-language",
    "x-request-id",
    "last-event-id",
    "x-forwarded-for",
    "forwarded",
    "x-real-ip",
    "traceparent",
    "tracestate",
    "content-type",
    "content-length",
    "transfer-encoding",
    "expect",
    "host",
    "origin",
    "cookie",
    "range",
    "accept-encoding",
    "access-control-request-method",
    "tosspayments-webhook-transmission-id",
    "tosspayments-webhook-signature",
];
/// Values of theirs that are right, or nearly.
const VALUES: [&str; 40] = [
    "Bearer sst_master",
    "Bearer oat_x",
    "Bearer otk_AAAA",
    "bearer  sst_master",
    "Bearer",
    "Bearer \u{1}",
    "Basic Og==",
    "Bearer sst_manager, Bearer sst_master",
    "wait=5",
    "wait=99999999999999999999",
    "wait=\"",
    "respond-async; wait=1, wait=2",
    "W/\"v1.open.ko\"",
    "\"",
    "*",
    ",,,,",
    "ko;q=0.1, en;q=x",
    "en;q=1e999",
    "-",
    "10.0.0.1, 10.0.0.2",
    "[::1]:99999",
    "::ffff:1.2.3.4",
    ",",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "00-00000000000000000000000000000000-0000000000000000-00",
    "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
    "application/json",
    "application/json; charset=utf-16",
    "application/json;",
    "application/problem+json",
    "APPLICATION/JSON",
    "+json",
    "application/+json",
    "18446744073709551616",
    "-1",
    "chunked",
    "100-continue",
    "null",
    "bytes=0-",
    "POST",
];

/// A header that is read somewhere, with what does not belong there.
pub(super) fn header() -> impl Strategy<Value = (HeaderName, HeaderValue)> {
    let name = prop::sample::select(&NAMES);
    let value = prop_oneof![
        prop::sample::select(&VALUES).prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(0x20_u8..=0xff, 0..300),
        Just(vec![b'x'; 20_000]),
    ];
    (name, value).prop_filter_map("not a header", |(name, value)| {
        Some((HeaderName::from_static(name), HeaderValue::from_bytes(&value).ok()?))
    })
}

/// What an answer says by itself.
const OUR_OWN: [&str; 2] = ["application/json", "application/problem+json"];

#[test]
fn any_headers_are_read_or_refused_and_none_comes_back() {
    let target = prop::sample::select(vec![
        (Method::POST, "/v1/orders"),
        (Method::POST, "/v1/quotes"),
        (Method::POST, "/v1/webhooks/toss"),
        (Method::GET, "/v1/orders/order-of-the-test"),
        (Method::GET, "/v1/orders/order-of-the-test/events"),
        (Method::POST, "/v1/orders/order-of-the-test/confirm"),
        (Method::POST, "/v1/orders/order-of-the-test/cancels"),
        (Method::GET, "/v1/jobs"),
        (Method::OPTIONS, "/v1/orders"),
    ]);
    let sent = (target, prop::collection::vec(header(), 0..6));
    on_a_shop(1, &sent, |runtime, app, ((method, path), headers)| {
        let body = with(gimbap_order(), "/orderId", "order-of-the-test".into()).to_string();
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in &headers {
            request.headers_mut().append(name, value.clone());
        }
        let answer = runtime.block_on(app.send(request));
        insist_no_fault(path, &answer)?;
        let answered = answer.headers.iter().map(|(_, value)| value.as_bytes());
        let answered: Vec<&[u8]> = answered.chain([&*answer.bytes]).collect();
        // A caller may name its request itself, if the name is one.
        let of_ours = ["x-request-id"];
        for (name, value) in headers.iter().filter(|(name, _)| !of_ours.contains(&name.as_str())) {
            for word in telling_words(value.as_bytes()) {
                let comes_back = answered.iter().any(|text| has(text, word));
                prop_assert!(!comes_back, "{path}: {name} comes back: {answer:?}");
            }
        }
        Ok(())
    });
}

/// The parts of a header by which one would know it again: long enough, and nothing that we say ourselves.
fn telling_words(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let words = value.split(|byte| b" ,;=\"".contains(byte));
    words.filter(|word| word.len() >= 8 && !OUR_OWN.iter().any(|own| own.as_bytes() == *word))
}

fn has(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
