//! Arbitrary input at every route: whatever comes, it is answered, and never with a fault of ours.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, Method, Request};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::app::TestApp;

/// A route of the document with something in place of its parameters.
fn paths() -> Vec<String> {
    api::openapi().paths.paths.keys().cloned().collect()
}

fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("gimbap".to_owned()),
        "[!-~]{0,80}".prop_map(|text| percent_encoded(text.as_bytes())),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| percent_encoded(&bytes)),
    ]
}

fn percent_encoded(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02X}")).collect()
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(Vec::new()),
        proptest::collection::vec(any::<u8>(), 0..400),
        json().prop_map(|text| text.into_bytes()),
    ]
}

/// JSON with the fields that requests have and values that they do not.
fn json() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("null".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        Just("1e999".to_owned()),
        "[ -~가-힣]{0,30}".prop_map(|text| serde_json::Value::String(text).to_string()),
        Just("[{\"productId\":\"gimbap\",\"quantity\":1}]".to_owned()),
        Just("{\"name\":\"\\u0000\",\"phone\":\"\",\"address\":\"\"}".to_owned()),
        Just("[[[[[[]]]]]]".to_owned()),
    ];
    let field = prop::sample::select(vec![
        "storeId",
        "items",
        "amount",
        "customer",
        "delivery",
        "paymentKey",
        "orderId",
        "reason",
        "name",
        "price",
        "available",
        "optionGroups",
        "deliveryFee",
        "minimumOrder",
        "open",
        "paymentType",
    ]);
    proptest::collection::vec((field, value), 0..8).prop_map(|fields| {
        let fields: Vec<_> =
            fields.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", fields.join(","))
    })
}

fn header() -> impl Strategy<Value = (HeaderName, HeaderValue)> {
    let name = prop::sample::select(vec![
        "authorization",
        "idempotency-key",
        "prefer",
        "if-none-match",
        "accept-language",
        "x-request-id",
        "last-event-id",
        "x-forwarded-for",
        "content-length-hint",
        "origin",
    ]);
    let value = prop_oneof![
        prop::sample::select(vec![
            "Bearer sst_master",
            "Bearer oat_x",
            "Bearer otk_AAAA",
            "W/\"v1\"",
            "wait=0",
            "*"
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        proptest::collection::vec(0x20_u8..=0xff, 0..100),
    ];
    (name, value).prop_filter_map("not a header", |(name, value)| {
        Some((HeaderName::from_static(name), HeaderValue::from_bytes(&value).ok()?))
    })
}

#[test]
fn arbitrary_bytes_at_every_route_are_never_a_fault_of_ours() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let app = runtime.block_on(TestApp::start());
    // Waiting in vain and open streams would only slow the test down.
    app.context.shutdown.cancel();
    let method = prop::sample::select(vec![
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::OPTIONS,
    ]);
    let query = prop_oneof![
        Just(String::new()),
        "[a-zA-Z]{1,8}=[!-~]{0,20}",
        Just("token=cot_x.y&orderId=z".to_owned())
    ];
    let request = (
        prop::sample::select(paths()),
        segment(),
        method,
        query,
        proptest::collection::vec(header(), 0..4),
        body(),
        prop::bool::ANY,
    );
    let mut runner =
        TestRunner::new(Config { cases: 1_500, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&request, |(path, segment, method, query, headers, body, is_json)| {
        let filled =
            path.split('/').map(|part| if part.starts_with('{') { segment.as_str() } else { part });
        let uri = format!("{}?{query}", filled.collect::<Vec<_>>().join("/"));
        let Ok(uri) = uri.parse() else { return Ok(()) };
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        request.headers_mut().extend(headers);
        if is_json {
            request
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let answer = runtime.block_on(app.send(request));
        // Stopping, it is not ready; nothing else may be our fault.
        let is_fault = answer.status.is_server_error() && !path.ends_with("readyz");
        prop_assert!(!is_fault, "{path}: {} {}", answer.status, answer.body);
        if answer.status.is_client_error() {
            prop_assert!(!answer.code().is_empty(), "{path}: {} without a problem", answer.status);
        }
        Ok(())
    });
    outcome.unwrap();
}
