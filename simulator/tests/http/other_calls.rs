//! The calls beside confirm, look-up and cancel: older and other confirms, cards by number, cash receipts.

use std::time::Duration;

use reqwest::Method as HttpMethod;
use serde_json::{Value, json};
use simulator::NewPayment;

use crate::support::{Answer, Running, basic, send, start};

#[tokio::test]
async fn the_confirm_of_older_clients_has_the_payment_key_in_its_path() {
    let toss = start().await;
    let key = toss.payment("order-0001");
    let path = format!("/v1/payments/{key}");
    let wrong = toss.post(&path, "k1", json!({"orderId": "order-0001", "amount": 1})).await;
    assert_eq!(wrong.code(), (400, "INVALID_REQUEST"));
    let body = json!({"orderId": "order-0001", "amount": 15_000});
    let done = toss.post(&path, "k2", body.clone()).await;
    assert_eq!((done.status, &done.body["status"]), (200, &json!("DONE")), "{}", done.text);
    let again = toss.post(&path, "k3", body.clone()).await;
    assert_eq!(again.code(), (400, "ALREADY_PROCESSED_PAYMENT"));
    assert_eq!(
        toss.post("/v1/payments/unknown", "k4", json!({"orderId": "order-0002", "amount": 1}))
            .await
            .code(),
        (404, "NOT_FOUND_PAYMENT")
    );
    assert_eq!(toss.truth(&key), (15_000, 1, 0));
    assert_eq!(toss.handle.ledger_of(&key).expect("there").calls.confirm, 3);
}

#[tokio::test]
async fn brandpay_is_confirmed_by_its_own_call_with_its_customer() {
    let toss = start().await;
    let new = NewPayment::new("order-0001", "마라탕", 15_000);
    let brandpay_customer_key = Some("customer-1".to_owned());
    let key = toss.payment_of(NewPayment { brandpay_customer_key, ..new });
    let body = |customer: &str| {
        json!({
            "paymentKey": key, "orderId": "order-0001", "amount": 15_000, "customerKey": customer,
        })
    };
    let path = "/v1/brandpay/payments/confirm";
    assert_eq!(toss.confirm(&key, "order-0001", "k1").await.code(), (400, "INVALID_REQUEST"));
    let stranger = toss.post(path, "k2", body("customer-2")).await;
    assert_eq!(stranger.code(), (400, "NOT_MATCHES_CUSTOMER_KEY"));
    let done = toss.post(path, "k3", body("customer-1")).await;
    assert_eq!(
        (done.status, &done.body["status"], &done.body["type"]),
        (200, &json!("DONE"), &json!("BRANDPAY"))
    );
    let other = toss.payment("order-0002");
    let body = json!({
        "paymentKey": other, "orderId": "order-0002", "amount": 15_000, "customerKey": "customer-1",
    });
    assert_eq!(toss.post(path, "k4", body).await.code(), (400, "INVALID_REQUEST"));
}

fn card() -> Value {
    json!({
        "amount": 60_000, "orderId": "order-0001", "orderName": "마라탕",
        "cardNumber": "4330123412341234", "cardExpirationYear": "30", "cardExpirationMonth": "07",
        "cardPassword": "12", "customerIdentityNumber": "881212", "cardInstallmentPlan": 3,
    })
}

#[tokio::test]
async fn a_card_by_its_number_is_charged_at_once_and_twice_without_an_idempotency_key() {
    let toss = start().await;
    let path = "/v1/payments/key-in";
    for key in ["k1", "k1"] {
        let answer = toss.post(path, key, card()).await;
        assert_eq!(
            (answer.status, &answer.body["status"]),
            (200, &json!("DONE")),
            "{}",
            answer.text
        );
        assert!(!answer.text.contains("4330123412341234"));
    }
    let charges = || toss.handle.ledger(&simulator::LedgerQuery::default()).len();
    assert_eq!(charges(), 1, "replayed");
    for _ in 0..2 {
        let request = toss.request(HttpMethod::POST, path).json(&card());
        assert_eq!(send(request).await.expect("an answer").status, 200);
    }
    assert_eq!(charges(), 3);
    for (n, (field, value, code)) in [
        ("cardNumber", json!("433012341234123"), ""),
        ("cardNumber", json!("4330-1234-1234"), "INVALID_CARD_NUMBER"),
        ("cardExpirationMonth", json!("13"), "INVALID_CARD_EXPIRATION"),
        ("cardInstallmentPlan", json!(1), "INVALID_CARD_INSTALLMENT_PLAN"),
        ("amount", json!(10_000), "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT"),
        ("customerIdentityNumber", json!("1"), "INVALID_REQUEST"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = card();
        body[field] = value;
        let answer = toss.post(path, &format!("bad-{n}"), body).await;
        assert_eq!(answer.code().1, code, "{field}");
    }
}

fn receipt() -> Value {
    json!({
        "amount": 10_000, "orderId": "order-0001", "orderName": "마라탕", "type": "소득공제",
        "customerIdentityNumber": "0100001234", "taxFreeAmount": null,
    })
}

async fn list(toss: &Running, query: &str) -> Answer {
    toss.get(&format!("/v1/cash-receipts?{query}")).await
}

#[tokio::test]
async fn a_cash_receipt_is_issued_becomes_final_and_is_cancelled_in_parts() {
    let toss = start().await;
    toss.handle.set_clock("2026-03-01T12:00:00+09:00").expect("set");
    let issued = toss.post("/v1/cash-receipts", "k1", receipt()).await;
    assert_eq!(issued.status, 200, "{}", issued.text);
    for (field, expected) in [
        ("issueStatus", json!("IN_PROGRESS")),
        ("transactionType", json!("CONFIRM")),
        ("type", json!("소득공제")),
        ("amount", json!(10_000)),
        ("failure", Value::Null),
        ("requestedAt", json!("2026-03-01T12:00:00+09:00")),
    ] {
        assert_eq!(issued.body[field], expected, "{field}");
    }
    let again = toss.post("/v1/cash-receipts", "k2", receipt()).await;
    assert_eq!(again.code(), (400, "DUPLICATED_CASH_RECEIPT"));
    let key = issued.body["receiptKey"].as_str().expect("a key");
    let path = format!("/v1/cash-receipts/{key}/cancel");
    let part = toss.post(&path, "k3", json!({"amount": 4_000})).await;
    assert_eq!(
        (&part.body["transactionType"], &part.body["amount"]),
        (&json!("CANCEL"), &json!(4_000))
    );
    assert_eq!(part.body["receiptKey"], format!("c_{key}"));
    let too_much = toss.post(&path, "k4", json!({"amount": 6_001})).await;
    assert_eq!(too_much.code(), (403, "NOT_CANCELABLE_AMOUNT"));
    // The whole rest, by a request without a body.
    let rest = send(toss.request(HttpMethod::POST, &path)).await.expect("an answer");
    assert_eq!((rest.status, &rest.body["amount"]), (200, &json!(6_000)), "{}", rest.text);

    let query = "requestDate=2026-03-01";
    let page = list(&toss, &format!("{query}&limit=2")).await.body;
    assert_eq!((&page["hasNext"], page["data"].as_array().map(Vec::len)), (&json!(true), Some(2)));
    let next = list(&toss, &format!("{query}&cursor={}", page["lastCursor"])).await.body;
    assert_eq!((&next["hasNext"], &next["data"][0]["amount"]), (&json!(false), &json!(6_000)));
    toss.handle.advance_clock(Duration::from_secs(86_400)).expect("moved");
    let page = list(&toss, query).await.body;
    assert_eq!(page["data"][0]["issueStatus"], "COMPLETED");
    assert_eq!(list(&toss, "requestDate=2026-03-02").await.body["data"], json!([]));
}

#[tokio::test]
async fn cash_receipts_are_checked_and_belong_to_their_merchant() {
    let toss = start().await;
    for (n, (field, value, code)) in [
        ("amount", json!(0), "INVALID_REQUEST"),
        ("type", json!("기타"), "INVALID_REQUEST"),
        ("customerIdentityNumber", json!("010-0000-1234"), "INVALID_REGISTRATION_NUMBER_TYPE"),
        ("customerIdentityNumber", json!(null), "INVALID_REQUEST"),
        ("orderName", json!(""), "INVALID_REQUEST"),
        ("taxFreeAmount", json!(10_001), "INVALID_REQUEST"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = receipt();
        body[field] = value;
        let answer = toss.post("/v1/cash-receipts", &n.to_string(), body).await;
        assert_eq!(answer.code(), (400, code), "{field}");
    }
    let issued = toss.post("/v1/cash-receipts", "good", receipt()).await.body;
    let path =
        format!("/v1/cash-receipts/{}/cancel", issued["receiptKey"].as_str().expect("a key"));
    let stranger = toss.client.post(format!("{}{path}", toss.url)).json(&json!({}));
    let stranger = send(stranger.header("authorization", basic("test_sk_shop2"))).await;
    assert_eq!(stranger.expect("an answer").code(), (404, "NOT_FOUND"));
    for query in ["", "requestDate=x", "requestDate=2026-01-01&limit=10001"] {
        assert_eq!(list(&toss, query).await.status, 400, "{query}");
    }
}
