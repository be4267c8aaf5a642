//! The control side over HTTP.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use simulator::Config;

use crate::support::{Answer, Running, send, start, start_with};

fn control(toss: &Running, method: Method, path: &str) -> RequestBuilder {
    toss.client.request(method, format!("{}/_sim/{path}", toss.url))
}

async fn post(toss: &Running, path: &str, body: Value) -> Answer {
    send(control(toss, Method::POST, path).json(&body)).await.expect("an answer")
}

async fn get(toss: &Running, path: &str) -> Value {
    send(control(toss, Method::GET, path)).await.expect("an answer").body
}

#[tokio::test]
async fn a_payment_can_be_made_scripted_confirmed_and_audited_over_http_alone() {
    let toss = start().await;
    let body = json!({"orderId": "order-0001", "orderName": "마라탕", "amount": 15_000});
    let made = send(toss.request(Method::POST, "/_sim/payments").json(&body)).await;
    let made = made.expect("an answer");
    assert_eq!((made.status, made.body["status"].as_str()), (200, Some("IN_PROGRESS")));
    let key = made.body["paymentKey"].as_str().expect("a key");

    let fault = json!({"orderId": "order-0001", "operation": "confirm", "kind": "cut_after"});
    assert_eq!(post(&toss, "faults", fault).await.status, 200);
    assert_eq!(get(&toss, "faults").await["faults"][0]["kind"], "cut_after");
    assert!(toss.try_confirm(key, "order-0001", "k").await.is_err());
    assert_eq!(get(&toss, "faults").await, json!({"faults": []}));

    let cancel = json!({"amount": 500, "reason": "x"});
    let by_hand = post(&toss, &format!("payments/{key}/cancel"), cancel).await;
    assert_eq!(by_hand.body["cancelled"], 500);
    let ledger = get(&toss, &format!("ledger?paymentKey={key}")).await;
    let entry = &ledger["payments"][0];
    for (field, expected) in [
        ("paymentKey", json!(key)),
        ("orderId", json!("order-0001")),
        ("mId", made.body["mId"].clone()),
        ("status", json!("PARTIAL_CANCELED")),
        ("charged", json!(15_000)),
        ("cancelled", json!(500)),
        ("charges", json!(1)),
        ("refunds", json!([500])),
        ("calls", json!({"confirm": 1, "look_up": 0, "look_up_by_order": 0, "cancel": 0})),
    ] {
        assert_eq!(entry[field], expected, "{field}");
    }
    assert_eq!(entry["requests"][0]["status"], Value::Null);
    assert_eq!(entry["requests"][0]["idempotencyKey"], "k");
}

#[tokio::test]
async fn a_payment_needs_a_key_and_sensible_values() {
    let toss = start().await;
    let good = json!({"orderId": "order-0001", "orderName": "마라탕", "amount": 15_000});
    let without_key = post(&toss, "payments", good.clone()).await;
    assert_eq!(without_key.code(), (401, "UNAUTHORIZED_KEY"));
    for (field, value) in [
        ("orderId", json!("x")),
        ("orderName", json!("")),
        ("amount", json!(0)),
        ("amount", json!("15000")),
        ("method", json!("SHELLS")),
        ("surprise", json!(1)),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let request = toss.request(Method::POST, "/_sim/payments").json(&body);
        let answer = send(request).await.expect("an answer");
        assert_eq!(answer.status, 400, "{body}");
    }
    let all = json!({"method": "VIRTUAL_ACCOUNT", "escrow": true, "taxFreeAmount": 100,
        "orderId": "order-0001", "orderName": "마라탕", "amount": 15_000});
    let made = send(toss.request(Method::POST, "/_sim/payments").json(&all)).await;
    assert_eq!(made.expect("an answer").body["method"], "VIRTUAL_ACCOUNT");
}

#[tokio::test]
async fn the_clock_can_be_read_moved_and_set() {
    let toss = start().await;
    let before = get(&toss, "clock").await;
    assert_eq!(before["offset_ms"], 0);
    let moved = post(&toss, "clock", json!({"advance_ms": 600_000})).await;
    assert_eq!(moved.body["offset_ms"], 600_000);
    let set = post(&toss, "clock", json!({"now": "2031-01-01T00:00:00+09:00"})).await;
    assert!(set.body["now"].as_str().is_some_and(|now| now.starts_with("2031-01-01T00:00:0")));
    for bad in [
        json!({}),
        json!({"now": "soon"}),
        json!({"advance_ms": 1, "now": "2031-01-01T00:00:00Z"}),
        json!({"advance_ms": i64::MAX}),
        json!({"advance": 1}),
    ] {
        assert_eq!(post(&toss, "clock", bad.clone()).await.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn faults_are_listed_removed_and_refused_with_the_reason() {
    let toss = start().await;
    let fault = json!({"paymentKey": "any", "operation": "look_up", "kind": "throttle",
        "times": 3, "retryAfterSeconds": 2});
    let added = post(&toss, "faults", fault).await;
    assert_eq!((added.body["remaining"].as_u64(), added.status), (Some(3), 200));
    let bad = json!({"orderId": "o", "operation": "confirm", "kind": "explode"});
    let refused = post(&toss, "faults", bad).await;
    assert_eq!(refused.code(), (400, "INVALID_REQUEST"));
    assert!(refused.body["message"].as_str().is_some_and(|it| it.contains("explode")));
    let removed = send(control(&toss, Method::DELETE, "faults")).await.expect("an answer");
    assert_eq!(removed.body, json!({"cleared": 1}));
}

#[tokio::test]
async fn a_deposit_and_a_cancel_by_hand_need_a_payment_that_takes_them() {
    let toss = start().await;
    let key = toss.paid("order-0001").await;
    let deposit = post(&toss, &format!("payments/{key}/deposit"), json!({})).await;
    assert_eq!(deposit.code(), (400, "INVALID_REQUEST"));
    let unknown = post(&toss, "payments/unknown/cancel", json!({"reason": "x"})).await;
    assert_eq!(unknown.code(), (404, "NOT_FOUND_PAYMENT"));
    let without_reason = post(&toss, &format!("payments/{key}/cancel"), json!({})).await;
    assert_eq!(without_reason.status, 400);
}

#[tokio::test]
async fn the_ledger_can_be_asked_for_an_order_and_shows_all_otherwise() {
    let toss = start().await;
    toss.paid("order-0001").await;
    toss.paid("order-0002").await;
    assert_eq!(get(&toss, "ledger").await["payments"].as_array().map(Vec::len), Some(2));
    let one = get(&toss, "ledger?orderId=order-0002").await;
    assert_eq!(one["payments"].as_array().map(Vec::len), Some(1));
    assert_eq!(one["payments"][0]["orderId"], "order-0002");
    let wrong = send(control(&toss, Method::GET, "ledger?order=1")).await.expect("an answer");
    assert_eq!(wrong.status, 400, "a mistyped filter must not show everything");
}

#[tokio::test]
async fn pages_of_other_sites_cannot_steer_it() {
    let toss = start().await;
    let request = || control(&toss, Method::POST, "clock").json(&json!({"advance_ms": 1}));
    let foreign = send(request().header("origin", "https://elsewhere.example")).await;
    assert_eq!(foreign.expect("an answer").code(), (403, "FORBIDDEN_REQUEST"));
    let own = send(request().header("origin", &toss.url)).await.expect("an answer");
    assert_eq!(own.status, 200);
    assert_eq!(get(&toss, "health").await["status"], "ok");
}

#[tokio::test]
async fn a_site_whose_name_was_bent_to_this_machine_can_neither_steer_it_nor_read_it() {
    let public_url = Some("http://sim.example:8081".to_owned());
    let toss = start_with(Config { public_url, ..Config::default() }).await;
    let key = toss.paid("order-0001").await;
    let paths = [
        (Method::GET, "/_sim/ledger".to_owned()),
        (Method::POST, "/_sim/clock".to_owned()),
        (Method::POST, "/_sim/payments".to_owned()),
        (Method::POST, format!("/_sim/payments/{key}/cancel")),
        (Method::POST, "/window".to_owned()),
        (Method::GET, "/window/unknown".to_owned()),
        (Method::POST, "/window/unknown".to_owned()),
    ];
    for (method, path) in paths {
        let under = async |host: &str| {
            let request = toss.client.request(method.clone(), format!("{}{path}", toss.url));
            send(request.header("host", host)).await.expect("an answer")
        };
        for host in ["elsewhere.example", "elsewhere.example:8081", "127.0.0.1.elsewhere.example"] {
            assert_eq!(under(host).await.code(), (403, "FORBIDDEN_REQUEST"), "{path} {host}");
        }
        for host in ["localhost:8081", "127.0.0.1", "[::1]:8081", "10.1.2.3", "sim.example:8081"] {
            assert_ne!(under(host).await.status, 403, "{path} {host}");
        }
    }
    let path = format!("/v1/payments/{key}");
    let look_up = toss.request(Method::GET, &path).header("host", "toss:8081");
    let answer = send(look_up).await.expect("an answer");
    assert_eq!(answer.status, 200, "the payment API wants a key, not a name");
}
