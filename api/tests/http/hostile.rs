//! Arbitrary input at every route: whatever comes, it is answered, and never with a fault of ours.

#[path = "../../../toss/tests/hostile/mutate.rs"]
mod mutate;
mod mutated;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method, Request};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tokio::runtime::Runtime;

use crate::app::{Answer, As, TestApp, request};

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

/// Runs a property on one shop, so many times as often as others are run.
fn on_a_shop<S: Strategy>(
    times: u32,
    strategy: &S,
    property: impl Fn(&Runtime, &TestApp, S::Value) -> Result<(), TestCaseError>,
) {
    let runtime = Runtime::new().unwrap();
    let app = runtime.block_on(TestApp::start());
    // Waiting in vain and open streams would only slow the test down.
    app.context.shutdown.cancel();
    let mut config = Config { failure_persistence: None, ..Config::default() };
    config.cases = config.cases.saturating_mul(times);
    let outcome = TestRunner::new(config).run(strategy, |value| property(&runtime, &app, value));
    outcome.unwrap();
}

fn insist_no_fault(what: &str, answer: &Answer) -> Result<(), TestCaseError> {
    prop_assert!(!answer.status.is_server_error(), "{what}: {} {}", answer.status, answer.body);
    let is_told = !answer.status.is_client_error() || !answer.code().is_empty();
    prop_assert!(is_told, "{what}: {} without a problem", answer.status);
    Ok(())
}

#[test]
fn arbitrary_bytes_at_every_route_are_never_a_fault_of_ours() {
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
        proptest::collection::vec(mutated::header(), 0..4),
        body(),
        prop::bool::ANY,
    );
    // Each is quick, and there are many routes.
    on_a_shop(
        6,
        &request,
        |runtime, app, (path, segment, method, query, headers, body, is_json)| {
            let uri = format!("{}?{query}", filled(&path, &segment));
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
            if path.ends_with("readyz") { Ok(()) } else { insist_no_fault(&path, &answer) }
        },
    );
}

/// Every operation of the document: path and method.
fn operations() -> Vec<(String, Method)> {
    let paths = api::openapi().paths.paths.into_iter();
    let all = paths.flat_map(|(path, item)| {
        let methods = [(item.get, Method::GET), (item.post, Method::POST), (item.put, Method::PUT)];
        let there = methods.into_iter().filter(|(operation, _)| operation.is_some());
        there.map(|(_, method)| (path.clone(), method)).collect::<Vec<_>>()
    });
    all.collect()
}

fn filled(path: &str, id: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { id } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn a_method_that_a_route_does_not_have_is_refused_with_those_that_it_has() {
    let app = TestApp::start().await;
    let operations = operations();
    for path in paths() {
        let has = |method: &Method| operations.contains(&(path.clone(), method.clone()));
        let known = [Method::GET, Method::POST, Method::PUT];
        let others = ["DELETE", "PATCH", "TRACE", "PROPFIND", "get", "X"];
        let others = others.iter().map(|name| Method::from_bytes(name.as_bytes()).unwrap());
        for method in known.iter().cloned().chain(others).filter(|method| !has(method)) {
            let mut request = Request::new(Body::empty());
            *request.method_mut() = method.clone();
            *request.uri_mut() = filled(&path, "gimbap").parse().unwrap();
            let answer = app.send(request).await;
            assert_eq!(answer.code(), "method_not_allowed", "{method} {path}: {}", answer.body);
            let allowed: Vec<&str> = answer.header("allow").split(',').collect();
            for one in known.iter().filter(|one| has(one)) {
                assert!(allowed.contains(&one.as_str()), "{method} {path}: {allowed:?}");
            }
            assert!(!allowed.contains(&method.as_str()), "{method} {path}: {allowed:?}");
        }
    }
}

#[tokio::test]
async fn a_body_of_another_type_or_charset_is_refused_at_every_route_that_takes_one() {
    let app = TestApp::start().await;
    let order = app.order().await;
    let put = ["/v1/stores/{storeId}", "/v1/stores/{storeId}/products/{productId}"];
    for (path, method) in operations() {
        // Toss's bodies are kept whatever they are, and closing an order takes none.
        if method == Method::GET
            || ["/v1/webhooks/toss", "/v1/orders/{orderId}/close"].contains(&path.as_str())
        {
            continue;
        }
        let id = if put.contains(&path.as_str()) { "gimbap" } else { &order.id };
        let token = if path.ends_with("/confirm") { &order.access } else { "sst_master" };
        let send = async |content_type: Option<&str>, body: &[u8]| {
            let types: Vec<_> = content_type.map(|it| ("content-type", it)).into_iter().collect();
            let mut request =
                request(method.clone(), As::Token(token), &filled(&path, id), &types, None);
            *request.body_mut() = Body::from(body.to_vec());
            app.send(request).await
        };
        for other in [
            None,
            Some("text/plain"),
            Some("application/xml"),
            Some("multipart/form-data; boundary=x"),
            Some("json"),
        ] {
            let answer = send(other, b"{}").await;
            assert_eq!(
                answer.code(),
                "unsupported_media_type",
                "{path} {other:?}: {}",
                answer.body
            );
        }
        let wide: Vec<u8> =
            "{\"reason\":\"변심\"}".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for body in [
            &wide[..],
            b"\xef\xbb\xbf{}",
            b"{\"reason\":\"\xba\xaf\xbd\xc9\"}",
            b"{",
            b"null",
            b"[]",
            b"{}{}",
        ] {
            let answer = send(Some("application/json; charset=utf-8"), body).await;
            assert_eq!(answer.code(), "invalid_request", "{path} {body:?}: {}", answer.body);
        }
        let deep = [b"{\"reason\":".to_vec(), b"[".repeat(30_000)].concat();
        let answer = send(Some("application/json"), &deep).await;
        assert_eq!(answer.code(), "invalid_request", "{path}: {}", answer.body);
    }
}
