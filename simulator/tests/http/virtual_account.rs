//! Virtual accounts: issue, deposit, reversal, due date, refund.

use std::time::Duration;

use reqwest::Method as HttpMethod;
use serde_json::{Value, json};
use simulator::{Method, NewPayment};

use crate::support::{Answer, Running, send, start};

async fn issued(toss: &Running, order_id: &str) -> String {
    let new = NewPayment::new(order_id, "마라탕 외 2건", 15_000);
    let customer_name = Some("김토스".to_owned());
    toss.paid_of(NewPayment { method: Some(Method::VirtualAccount), customer_name, ..new }).await
}

async fn look_up(toss: &Running, key: &str) -> Value {
    toss.get(&format!("/v1/payments/{key}")).await.body
}

async fn control(toss: &Running, key: &str, what: &str) -> Answer {
    let path = format!("/_sim/payments/{key}/{what}");
    send(toss.request(HttpMethod::POST, &path)).await.expect("an answer")
}

fn request() -> Value {
    json!({
        "amount": 15_000, "orderId": "order-0001", "orderName": "마라탕 외 2건",
        "customerName": "김토스", "bank": "신한", "validHours": 24, "customerEmail": null,
        "cashReceipt": {"type": "소득공제", "registrationNumber": "0100001234"},
    })
}

#[tokio::test]
async fn a_deposit_comes_goes_back_and_comes_again() {
    let toss = start().await;
    let key = issued(&toss, "order-0001").await;
    let waiting = look_up(&toss, &key).await;
    assert_eq!(
        (&waiting["status"], &waiting["approvedAt"]),
        (&json!("WAITING_FOR_DEPOSIT"), &json!(null))
    );
    assert!(
        waiting["virtualAccount"]["accountNumber"].as_str().is_some_and(|it| it.starts_with('X'))
    );
    assert_eq!(toss.truth(&key), (0, 0, 0));

    assert_eq!(control(&toss, &key, "deposit").await.status, 200);
    let paid = look_up(&toss, &key).await;
    assert_eq!(
        (&paid["status"], &paid["virtualAccount"]["depositorName"]),
        (&json!("DONE"), &json!("김토스"))
    );
    assert!(paid["approvedAt"].is_string());
    assert_eq!(toss.truth(&key), (15_000, 1, 0));

    assert_eq!(control(&toss, &key, "reverse").await.status, 200);
    let again = look_up(&toss, &key).await;
    assert_eq!(
        (&again["status"], &again["approvedAt"]),
        (&json!("WAITING_FOR_DEPOSIT"), &json!(null))
    );
    assert_eq!(toss.truth(&key), (0, 0, 0), "it never was there");
    assert_eq!(control(&toss, &key, "reverse").await.code(), (400, "INVALID_REQUEST"));

    assert_eq!(control(&toss, &key, "deposit").await.status, 200);
    assert_eq!(toss.truth(&key), (15_000, 1, 0));
    let keys = [&waiting, &paid, &again].map(|it| it["lastTransactionKey"].clone());
    assert!(keys[0] != keys[1] && keys[1] != keys[2]);
}

#[tokio::test]
async fn only_a_whole_deposit_can_be_reversed() {
    let toss = start().await;
    let card = toss.paid("order-0001").await;
    assert_eq!(control(&toss, &card, "reverse").await.status, 400);
    let account = issued(&toss, "order-0002").await;
    control(&toss, &account, "deposit").await;
    toss.handle.cancel_by_hand(&account, Some(1_000), "x").expect("cancelled");
    assert_eq!(control(&toss, &account, "reverse").await.status, 400);
    assert_eq!(control(&toss, "unknown", "reverse").await.code(), (404, "NOT_FOUND_PAYMENT"));
}

#[tokio::test]
async fn an_account_is_issued_by_the_api_alone() {
    let toss = start().await;
    let answer = toss.post("/v1/virtual-accounts", "k", request()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let payment = &answer.body;
    assert_eq!(
        (&payment["status"], &payment["method"], &payment["approvedAt"]),
        (&json!("WAITING_FOR_DEPOSIT"), &json!("가상계좌"), &json!(null))
    );
    assert!(payment["secret"].is_string() && payment["lastTransactionKey"].is_string());
    let account = &payment["virtualAccount"];
    assert_eq!((&account["bankCode"], &account["customerName"]), (&json!("88"), &json!("김토스")));
    assert_eq!((&account["refundStatus"], &account["expired"]), (&json!("NONE"), &json!(false)));
    let key = payment["paymentKey"].as_str().expect("a key");
    assert_eq!(toss.get("/v1/payments/orders/order-0001").await.body, *payment);
    let replayed = toss.post("/v1/virtual-accounts", "k", request()).await;
    assert_eq!(replayed.text, answer.text);
    let again = toss.post("/v1/virtual-accounts", "k2", request()).await;
    assert_eq!(again.code(), (400, "DUPLICATED_ORDER_ID"));

    toss.handle.advance_clock(Duration::from_secs(24 * 3_600 + 60)).expect("moved");
    assert_eq!(look_up(&toss, key).await["virtualAccount"]["expired"], true);
    assert_eq!(control(&toss, key, "deposit").await.status, 400, "too late");
}

#[tokio::test]
async fn an_issue_that_makes_no_sense_is_refused_by_kind() {
    let toss = start().await;
    toss.handle.set_clock("2026-03-01T12:00:00+09:00").expect("set");
    for (n, (field, value, code)) in [
        ("amount", json!(199), "BELOW_MINIMUM_AMOUNT"),
        ("amount", json!(null), "INVALID_REQUEST"),
        ("orderId", json!("주문"), "INVALID_ORDER_ID"),
        ("customerName", json!(""), "INVALID_REQUEST"),
        ("bank", json!("달나라"), "INVALID_BANK"),
        ("validHours", json!(2_161), "INVALID_REQUEST"),
        ("dueDate", json!("2026-03-02T00:00:00"), "INVALID_VALID_HOURS_WITH_DUE_DATE_AND_SINGLE"),
        ("cashReceipt", json!({"type": "기타"}), "INVALID_REQUEST"),
        (
            "cashReceipt",
            json!({"type": "소득공제", "registrationNumber": "없음"}),
            "INVALID_REGISTRATION_NUMBER_TYPE",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = request();
        body[field] = value;
        let answer = toss.post("/v1/virtual-accounts", &n.to_string(), body).await;
        assert_eq!(answer.code(), (400, code), "{field}");
    }
    let mut body = request();
    (body["validHours"], body["dueDate"]) = (Value::Null, json!("2026-06-15T00:00:00"));
    let answer = toss.post("/v1/virtual-accounts", "far", body.clone()).await;
    assert_eq!(answer.code(), (400, "EXCEED_MAX_DUE_DATE"));
    body["dueDate"] = json!("2026-03-02T18:00:00");
    let answer = toss.post("/v1/virtual-accounts", "near", body).await;
    assert_eq!(answer.body["virtualAccount"]["dueDate"], "2026-03-02T18:00:00+09:00");
}

#[tokio::test]
async fn before_the_deposit_only_the_whole_is_cancelled_and_after_it_an_account_is_needed() {
    let toss = start().await;
    let waiting = issued(&toss, "order-0001").await;
    let part = json!({"cancelReason": "x", "cancelAmount": 1_000});
    let answer = toss.cancel(&waiting, "k1", part.clone()).await;
    assert_eq!(answer.code(), (403, "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT"));
    // An account is not looked at before there is money.
    let all = json!({"cancelReason": "x", "refundReceiveAccount": null});
    let answer = toss.cancel(&waiting, "k2", all).await;
    assert_eq!((answer.status, &answer.body["status"]), (200, &json!("CANCELED")));
    assert_eq!(toss.truth(&waiting), (0, 0, 0));

    let paid = issued(&toss, "order-0002").await;
    control(&toss, &paid, "deposit").await;
    assert_eq!(toss.cancel(&paid, "k3", part).await.code(), (400, "INVALID_REFUND_ACCOUNT_INFO"));
    let account = json!({"bank": "88", "accountNumber": "110123456789", "holderName": "김토스"});
    for (field, value, code) in [
        ("bank", "달나라", "INVALID_BANK"),
        ("accountNumber", "110-123", "INVALID_REFUND_ACCOUNT_NUMBER"),
        ("holderName", "", "INVALID_REFUND_ACCOUNT_INFO"),
    ] {
        let mut account = account.clone();
        account[field] = json!(value);
        let body = json!({"cancelReason": "x", "refundReceiveAccount": account});
        assert_eq!(toss.cancel(&paid, field, body).await.code(), (400, code));
    }
    let body = json!({"cancelReason": "x", "cancelAmount": 5_000, "refundReceiveAccount": account});
    let refunded = toss.cancel(&paid, "k4", body).await;
    assert_eq!(refunded.body["virtualAccount"]["refundStatus"], "PENDING", "{}", refunded.text);
    assert_eq!(toss.truth(&paid), (15_000, 1, 5_000));
    toss.handle.advance_clock(Duration::from_secs(2 * 86_400)).expect("moved");
    assert_eq!(look_up(&toss, &paid).await["virtualAccount"]["refundStatus"], "COMPLETED");
    let path = format!("/_sim/payments/{paid}/refund");
    let failed = toss.request(HttpMethod::POST, &path).json(&json!({"outcome": "FAILED"}));
    assert_eq!(send(failed).await.expect("an answer").status, 200);
    assert_eq!(look_up(&toss, &paid).await["virtualAccount"]["refundStatus"], "FAILED");
    let path = format!("/_sim/payments/{waiting}/refund");
    let nothing = toss.request(HttpMethod::POST, &path).json(&json!({"outcome": "FAILED"}));
    assert_eq!(send(nothing).await.expect("an answer").code(), (400, "INVALID_REQUEST"));
}

#[tokio::test]
async fn a_cash_receipt_that_was_asked_for_comes_with_the_deposit_and_goes_with_the_cancel() {
    let toss = start().await;
    let issued = toss.post("/v1/virtual-accounts", "k1", request()).await.body;
    assert_eq!((&issued["cashReceipt"], &issued["cashReceipts"]), (&json!(null), &json!(null)));
    let key = issued["paymentKey"].as_str().expect("a key");
    control(&toss, key, "deposit").await;
    let paid = look_up(&toss, key).await;
    assert_eq!(
        (&paid["cashReceipt"]["type"], &paid["cashReceipt"]["amount"]),
        (&json!("소득공제"), &json!(15_000))
    );
    toss.handle.cancel_by_hand(key, Some(5_000), "일부").expect("cancelled");
    let receipts = look_up(&toss, key).await["cashReceipts"].clone();
    let told = |n: usize| (receipts[n]["transactionType"].clone(), receipts[n]["amount"].clone());
    assert_eq!(told(0), (json!("CONFIRM"), json!(15_000)));
    assert_eq!(told(1), (json!("CANCEL"), json!(5_000)));
}

#[tokio::test]
async fn a_window_decides_how_long_its_account_waits() {
    let toss = start().await;
    let new = NewPayment::new("order-0001", "마라탕", 15_000);
    let method = Some(Method::VirtualAccount);
    let key = toss.paid_of(NewPayment { method, valid_hours: Some(2), ..new }).await;
    toss.handle.advance_clock(Duration::from_secs(3 * 3_600)).expect("moved");
    assert_eq!(look_up(&toss, &key).await["virtualAccount"]["expired"], true);
}
