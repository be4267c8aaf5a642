//! The browser's side: the script, the payment window, the ways out of it.

use std::time::Duration;

use reqwest::Response;
use serde_json::json;

use crate::support::{Running, start};

const SUCCESS: &str = "http://shop.example/checkout/success?token=cot_1";
const FAIL: &str = "http://shop.example/checkout/fail?token=cot_1";

fn form() -> Vec<(&'static str, String)> {
    [
        ("clientKey", "test_ck_shop1"),
        ("customerKey", "@@ANONYMOUS"),
        ("method", "CARD"),
        ("currency", "KRW"),
        ("value", "15000"),
        ("orderId", "order-0001"),
        ("orderName", "마라탕 <외> 2건"),
        ("successUrl", SUCCESS),
        ("failUrl", FAIL),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

async fn post(toss: &Running, path: &str, form: &[(&str, String)]) -> Response {
    let request = toss.client.post(format!("{}{path}", toss.url)).form(form);
    request.send().await.expect("an answer")
}

fn location(response: &Response) -> String {
    assert_eq!(response.status(), 303);
    response.headers()["location"].to_str().expect("an address").to_owned()
}

/// Opens a window; its path.
async fn open(toss: &Running) -> String {
    location(&post(toss, "/window", &form()).await)
}

async fn choose(toss: &Running, window: &str, choice: &[(&str, &str)]) -> Response {
    let form: Vec<_> = choice.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    post(toss, window, &form).await
}

fn parameters(url: &str) -> Vec<(String, String)> {
    let url = reqwest::Url::parse(url).expect("an address");
    url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

fn parameter(url: &str, name: &str) -> Option<String> {
    parameters(url).into_iter().find(|(own, _)| own == name).map(|(_, value)| value)
}

#[tokio::test]
async fn the_script_is_served_and_has_the_interface_of_toss() {
    let toss = start().await;
    let response = toss.client.get(format!("{}/v2/standard", toss.url)).send().await;
    let response = response.expect("an answer");
    let content_type = response.headers()["content-type"].to_str().expect("text");
    assert!(content_type.starts_with("text/javascript"));
    let script = response.text().await.expect("a script");
    for needed in ["window.TossPayments", "requestPayment", "@@ANONYMOUS", "customerKey"] {
        assert!(script.contains(needed), "{needed}");
    }
}

#[tokio::test]
async fn a_buyer_pays_and_the_shop_confirms() {
    let toss = start().await;
    let window = open(&toss).await;
    let page = toss.client.get(format!("{}{window}", toss.url)).send().await.expect("a page");
    let policy = page.headers()["content-security-policy"].to_str().expect("text").to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let html = page.text().await.expect("a page");
    for needed in ["15,000원", "마라탕 &lt;외&gt; 2건", "시뮬레이터", "value=\"VIRTUAL_ACCOUNT\""]
    {
        assert!(html.contains(needed), "{needed}");
    }
    assert!(!html.contains("<외>") && !html.contains("<script") && !html.contains(" style="));

    let away = choose(&toss, &window, &[("action", "pay"), ("method", "TOSSPAY")]).await;
    let away = location(&away);
    assert!(away.starts_with(SUCCESS), "{away}");
    let names: Vec<String> = parameters(&away).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["token", "paymentKey", "orderId", "amount", "paymentType"]);
    assert_eq!(parameter(&away, "amount").as_deref(), Some("15000"));
    let key = parameter(&away, "paymentKey").expect("a key");
    let again = choose(&toss, &window, &[("action", "pay")]).await;
    assert_eq!(location(&again), away, "a second click is answered like the first");
    let confirmed = toss.confirm(&key, "order-0001", "k").await;
    assert_eq!((confirmed.status, &confirmed.body["method"]), (200, &json!("간편결제")));
    let closed = choose(&toss, &window, &[("action", "pay")]).await;
    assert_eq!(closed.status(), 409);
}

#[tokio::test]
async fn a_buyer_who_cancels_can_come_back_and_pay() {
    let toss = start().await;
    let window = open(&toss).await;
    let away = location(&choose(&toss, &window, &[("action", "cancel")]).await);
    assert!(away.starts_with(FAIL), "{away}");
    assert_eq!(parameter(&away, "code").as_deref(), Some("PAY_PROCESS_CANCELED"));
    assert_eq!(parameter(&away, "orderId"), None);
    let entry = &toss.handle.ledger(&simulator::LedgerQuery::default())[0];
    let seen = toss.get(&format!("/v1/payments/{}", entry.payment_key)).await.body;
    assert_eq!((&seen["status"], &seen["method"]), (&json!("READY"), &json!(null)));
    let paid = choose(&toss, &window, &[("action", "pay")]).await;
    assert!(location(&paid).starts_with(SUCCESS));
}

#[tokio::test]
async fn a_payment_can_fail_inside_of_the_window() {
    let toss = start().await;
    let window = open(&toss).await;
    let choice = [("action", "fail"), ("code", "PAY_PROCESS_ABORTED")];
    let away = location(&choose(&toss, &window, &choice).await);
    assert!(away.starts_with(FAIL), "{away}");
    assert_eq!(parameter(&away, "code").as_deref(), Some("PAY_PROCESS_ABORTED"));
    assert_eq!(parameter(&away, "orderId").as_deref(), Some("order-0001"));
    let entry = &toss.handle.ledger(&simulator::LedgerQuery::default())[0];
    assert_eq!(entry.status, simulator::Status::Aborted);
}

#[tokio::test]
async fn a_payment_can_be_made_to_be_declined_at_its_confirm() {
    let toss = start().await;
    for (choice, expected) in [
        (vec![("action", "fail")], (403, "REJECT_CARD_COMPANY")),
        (vec![("action", "fail"), ("code", "EXCEED_MAX_AMOUNT")], (400, "EXCEED_MAX_AMOUNT")),
    ] {
        let window = open(&toss).await;
        let away = location(&choose(&toss, &window, &choice).await);
        assert!(away.starts_with(SUCCESS), "{away}");
        let key = parameter(&away, "paymentKey").expect("a key");
        let answer = toss.confirm(&key, "order-0001", &key).await;
        assert_eq!(answer.code(), expected);
    }
}

#[tokio::test]
async fn the_confirm_can_be_disturbed_from_the_window() {
    let toss = start().await;
    for (fault, status, charges) in [
        ("none", Some(200), 1),
        ("delay", Some(200), 1),
        ("cut_after", None, 1),
        ("cut_before", None, 0),
        ("server_error_before", Some(500), 0),
        ("server_error_after", Some(500), 1),
        ("in_progress", Some(409), 0),
        ("unreadable", Some(200), 1),
        ("throttle", Some(429), 0),
    ] {
        let window = open(&toss).await;
        let choice = [("action", "pay"), ("fault", fault), ("delay_seconds", "1")];
        let away = location(&choose(&toss, &window, &choice).await);
        let key = parameter(&away, "paymentKey").expect("a key");
        let answer = toss.try_confirm(&key, "order-0001", &key).await.ok();
        assert_eq!(answer.map(|answer| answer.status), status, "{fault}");
        assert_eq!(toss.truth(&key).1, charges, "{fault}");
    }
}

#[tokio::test]
async fn a_window_is_opened_only_for_a_sensible_request() {
    let toss = start().await;
    for (field, value) in [
        ("clientKey", "test_sk_shop1"),
        ("clientKey", "live_ck_shop1"),
        ("method", "SHELLS"),
        ("currency", "USD"),
        ("value", "-1"),
        ("value", "1.5"),
        ("orderId", "x"),
        ("orderName", ""),
        ("successUrl", "/checkout/success"),
        ("successUrl", "javascript:alert(1)"),
        ("failUrl", "http://a@b.example/"),
        ("metadata", "[]"),
        ("taxFreeAmount", "many"),
    ] {
        let mut form = form();
        form.retain(|(name, _)| *name != field);
        form.push((field, value.to_owned()));
        let response = post(&toss, "/window", &form).await;
        assert_eq!(response.status(), 400, "{field}={value}");
    }
    assert!(toss.handle.ledger(&simulator::LedgerQuery::default()).is_empty());
}

#[tokio::test]
async fn choices_that_the_window_does_not_offer_are_refused() {
    let toss = start().await;
    let window = open(&toss).await;
    for choice in [
        vec![("action", "steal")],
        vec![],
        vec![("action", "pay"), ("method", "SHELLS")],
        vec![("action", "pay"), ("fault", "explode")],
        vec![("action", "pay"), ("fault", "delay"), ("delay_seconds", "100000")],
        vec![("action", "fail"), ("code", "NO_SUCH_CODE")],
    ] {
        assert_eq!(choose(&toss, &window, &choice).await.status(), 400, "{choice:?}");
    }
    let unknown = choose(&toss, "/window/unknown", &[("action", "pay")]).await;
    assert_eq!(unknown.status(), 404);
}

#[tokio::test]
async fn a_window_closes_after_half_an_hour() {
    let toss = start().await;
    let window = open(&toss).await;
    let status = || async {
        let response = toss.client.get(format!("{}{window}", toss.url)).send().await;
        response.expect("an answer").status().as_u16()
    };
    toss.handle.advance_clock(Duration::from_secs(29 * 60)).expect("moved");
    assert_eq!(status().await, 200);
    toss.handle.advance_clock(Duration::from_secs(60)).expect("moved");
    assert_eq!(status().await, 409);
    assert_eq!(choose(&toss, &window, &[("action", "pay")]).await.status(), 409);
    let entry = &toss.handle.ledger(&simulator::LedgerQuery::default())[0];
    assert_eq!(entry.status, simulator::Status::Expired);
}

#[tokio::test]
async fn the_window_speaks_the_language_of_the_shop_the_browser_or_the_buyers_choice() {
    let toss = start().await;
    let page = |path: String, accept: &'static str| {
        let request = toss.client.get(format!("{}{path}", toss.url));
        async move {
            let response = request.header("accept-language", accept).send().await;
            response.expect("an answer").text().await.expect("a page")
        }
    };
    let window = open(&toss).await;
    assert!(page(window.clone(), "en-US").await.contains("Pay ₩15,000"));
    assert!(page(window.clone(), "ko").await.contains("15,000원 결제하기"));
    assert!(page(format!("{window}?lang=ko"), "en").await.contains("15,000원 결제하기"));
    let mut form = form();
    form.push(("lang", "en-GB".to_owned()));
    let window = location(&post(&toss, "/window", &form).await);
    assert!(page(window.clone(), "ko").await.contains("<html lang=\"en\">"));
    assert!(page(format!("{window}?lang=ko"), "en").await.contains("<html lang=\"ko\">"));
}
