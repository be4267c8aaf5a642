//! Paths, keys, languages and the shape of answers.

use reqwest::Method;
use serde_json::json;

use crate::support::{basic, send, start};

#[tokio::test]
async fn a_payment_is_confirmed_looked_up_and_cancelled() {
    let toss = start().await;
    let payment_key = toss.payment("order-0001");
    let confirmed = toss.confirm(&payment_key, "order-0001", "k1").await;
    assert_eq!((confirmed.status, confirmed.body["status"].as_str()), (200, Some("DONE")));
    let looked_up = toss.get(&format!("/v1/payments/{payment_key}")).await;
    assert_eq!(looked_up.body, confirmed.body);
    assert_eq!(toss.get("/v1/payments/orders/order-0001").await.body, confirmed.body);
    let cancelled = toss.cancel(&payment_key, "k2", json!({"cancelReason": "변심"})).await;
    assert_eq!((cancelled.status, cancelled.body["status"].as_str()), (200, Some("CANCELED")));
    assert_eq!(toss.truth(&payment_key), (15_000, 1, 15_000));
}

#[tokio::test]
async fn every_other_path_and_method_is_not_found_in_the_shape_of_toss() {
    let toss = start().await;
    for (method, path) in [
        (Method::GET, "/"),
        (Method::GET, "/v1/payments"),
        (Method::GET, "/v1/payments/confirm"),
        (Method::DELETE, "/v1/payments/some-key"),
        (Method::GET, "/v1/payments/some-key/cancel"),
        (Method::POST, "/v1/payments/orders/some-order"),
        (Method::PUT, "/_sim/clock"),
        (Method::GET, "/v2/payments"),
    ] {
        let answer = send(toss.request(method.clone(), path)).await.expect("an answer");
        assert_eq!(answer.code(), (404, "NOT_FOUND_HTTP_METHOD"), "{method} {path}");
        assert!(answer.body["message"].is_string());
        assert!(!answer.trace_id.is_empty());
    }
}

#[tokio::test]
async fn wrong_credentials_are_refused_by_kind() {
    let toss = start().await;
    let payment_key = toss.paid("order-0001").await;
    let path = format!("{}/v1/payments/{payment_key}", toss.url);
    let none = send(toss.client.get(&path)).await.expect("an answer");
    assert_eq!(none.code(), (401, "UNAUTHORIZED_KEY"));
    for (header, expected) in [
        (basic("live_sk_shop1"), (401, "UNAUTHORIZED_KEY")),
        (basic("test_ck_shop1"), (400, "INVALID_API_KEY")),
        ("Basic dGVzdF9za19zaG9wMQ==".to_owned(), (403, "INCORRECT_BASIC_AUTH_FORMAT")),
        ("Basic ???".to_owned(), (403, "INCORRECT_BASIC_AUTH_FORMAT")),
        // The ways of writing a good one.
        (basic("test_sk_shop1").trim_end_matches('=').to_owned(), (200, "")),
        (basic("test_sk_shop1").replace("Basic", "basic"), (200, "")),
    ] {
        let request = toss.client.get(&path).header("authorization", &header);
        assert_eq!(send(request).await.expect("an answer").code(), expected, "{header}");
    }
}

#[tokio::test]
async fn a_payment_is_invisible_to_every_other_merchant() {
    let toss = start().await;
    let payment_key = toss.paid("order-0001").await;
    for (method, path) in [
        (Method::GET, format!("/v1/payments/{payment_key}")),
        (Method::GET, "/v1/payments/orders/order-0001".to_owned()),
        (Method::POST, format!("/v1/payments/{payment_key}/cancel")),
    ] {
        let request = toss.client.request(method, format!("{}{path}", toss.url));
        let request = request.header("authorization", basic("test_sk_shop2"));
        let answer = send(request.json(&json!({"cancelReason": "x"}))).await.expect("an answer");
        assert_eq!(answer.code(), (404, "NOT_FOUND_PAYMENT"), "{path}");
    }
    assert_eq!(toss.truth(&payment_key), (15_000, 1, 0));
}

#[tokio::test]
async fn messages_are_korean_unless_english_is_asked_for() {
    let toss = start().await;
    let request = || toss.request(Method::GET, "/v1/payments/unknown");
    let korean = send(request()).await.expect("an answer");
    let english = send(request().header("accept-language", "en-US")).await.expect("an answer");
    assert_eq!(korean.body["message"], "결제를 찾을 수 없습니다.");
    assert_eq!(english.body["message"], "The payment was not found.");
    let payment_key = toss.paid("order-0001").await;
    let request = toss.request(Method::GET, &format!("/v1/payments/{payment_key}"));
    let answer = send(request.header("accept-language", "en-US")).await.expect("an answer");
    assert_eq!(answer.body["method"], "Card");
}

#[tokio::test]
async fn bodies_that_are_not_understood_are_invalid_requests() {
    let toss = start().await;
    let payment_key = toss.paid("order-0001").await;
    for path in ["/v1/payments/confirm".to_owned(), format!("/v1/payments/{payment_key}/cancel")] {
        let too_long = format!("{{\"x\":\"{}\"}}", "y".repeat(70_000));
        for body in ["", "{", "[]", "null", "{}", "\u{0}", &too_long] {
            let request = toss.request(Method::POST, &path).body(body.to_owned());
            let answer = send(request).await.expect("an answer");
            assert_eq!(answer.code(), (400, "INVALID_REQUEST"), "{path}");
        }
    }
}

#[tokio::test]
async fn the_test_code_header_answers_any_code_with_its_status_and_touches_nothing() {
    let toss = start().await;
    let payment_key = toss.payment("order-0001");
    let confirm = "/v1/payments/confirm";
    let look_up = format!("/v1/payments/{payment_key}");
    for (code, status) in [
        ("REJECT_CARD_COMPANY", 403),
        ("IDEMPOTENT_REQUEST_PROCESSING", 409),
        ("FAILED_INTERNAL_SYSTEM_PROCESSING", 500),
        ("NOT_FOUND_PAYMENT_SESSION", 404),
    ] {
        for (method, path) in [(Method::POST, confirm), (Method::GET, look_up.as_str())] {
            // No body at all: the header comes before every validation.
            let request = toss.request(method, path).header("TossPayments-Test-Code", code);
            let answer = send(request.header("idempotency-key", "k")).await.expect("an answer");
            assert_eq!(answer.code(), (status, code), "{path}");
        }
    }
    let unknown = toss.request(Method::GET, &look_up).header("TossPayments-Test-Code", "NO_SUCH");
    let answer = send(unknown).await.expect("an answer");
    assert_eq!(answer.code(), (400, "INVALID_TEST_CODE"));
    assert_eq!(toss.confirm(&payment_key, "order-0001", "k").await.status, 200);
}
