//! Sessions and confirms: states, time limits, what is bound, what happens at once.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Config, FaultKind, FaultRequest, Method, MismatchCode, NewPayment, Operation};

use crate::support::{Running, start, start_with};

const MINUTE: Duration = Duration::from_secs(60);

async fn status_of(toss: &Running, payment_key: &str) -> Value {
    toss.get(&format!("/v1/payments/{payment_key}")).await.body["status"].clone()
}

#[tokio::test]
async fn a_payment_made_for_a_test_waits_for_its_confirm() {
    let toss = start().await;
    let payment_key = toss.payment("order-0001");
    let seen = toss.get(&format!("/v1/payments/{payment_key}")).await;
    assert_eq!(seen.body["status"], "IN_PROGRESS");
    assert_eq!(seen.body["method"], "카드");
    assert_eq!(seen.body["approvedAt"], Value::Null);
    assert_eq!(toss.truth(&payment_key), (0, 0, 0));
    let by_order = toss.get("/v1/payments/orders/order-0001").await;
    assert_eq!(by_order.code(), (404, "NOT_FOUND_PAYMENT"), "found by order only when approved");
}

#[tokio::test]
async fn a_confirm_with_another_amount_or_order_changes_nothing() {
    for (mismatch_code, expected) in [
        (MismatchCode::InvalidRequest, (400, "INVALID_REQUEST")),
        (MismatchCode::ForbiddenRequest, (403, "FORBIDDEN_REQUEST")),
    ] {
        let toss = start_with(Config { mismatch_code, ..Config::default() }).await;
        let key = toss.payment("order-0001");
        for body in [
            json!({"paymentKey": key, "orderId": "order-0001", "amount": 14_999}),
            json!({"paymentKey": key, "orderId": "order-0002", "amount": 15_000}),
        ] {
            let idempotency_key = body.to_string().len().to_string() + &body.to_string();
            let answer = toss.post("/v1/payments/confirm", &idempotency_key, body).await;
            assert_eq!(answer.code(), expected);
        }
        assert_eq!(status_of(&toss, &key).await, "IN_PROGRESS");
        assert_eq!(toss.confirm(&key, "order-0001", "good").await.status, 200);
    }
}

#[tokio::test]
async fn an_amount_in_digits_is_an_amount() {
    let toss = start().await;
    let key = toss.payment("order-0001");
    let body = json!({"paymentKey": key, "orderId": "order-0001", "amount": "15000"});
    assert_eq!(toss.post("/v1/payments/confirm", "k", body).await.body["status"], "DONE");
}

#[tokio::test]
async fn a_second_confirm_under_another_key_is_refused_also_after_a_decline() {
    let toss = start().await;
    let paid = toss.paid("order-0001").await;
    let again = toss.confirm(&paid, "order-0001", "other").await;
    assert_eq!(again.code(), (400, "ALREADY_PROCESSED_PAYMENT"));
    assert_eq!(toss.truth(&paid), (15_000, 1, 0));

    let declined = toss.payment("order-0002");
    let decline = FaultRequest::for_payment(&declined, Operation::Confirm, FaultKind::Decline);
    toss.add_fault(decline.with_code("INVALID_STOPPED_CARD"));
    let first = toss.confirm(&declined, "order-0002", "k1").await;
    assert_eq!(first.code(), (400, "INVALID_STOPPED_CARD"));
    let second = toss.confirm(&declined, "order-0002", "k2").await;
    assert_eq!(second.code(), (400, "ALREADY_PROCESSED_PAYMENT"));
    let seen = toss.get(&format!("/v1/payments/{declined}")).await.body;
    assert_eq!(seen["status"], "ABORTED");
    assert_eq!(seen["failure"]["code"], "INVALID_STOPPED_CARD");
    assert_eq!(toss.truth(&declined), (0, 0, 0));
}

#[tokio::test]
async fn two_confirms_at_once_under_different_keys_take_the_money_once() {
    let toss = start().await;
    let key = toss.payment("order-0001");
    for kind in [FaultKind::Delay, FaultKind::DelayAfter] {
        let delay = FaultRequest::for_order("order-0001", Operation::Confirm, kind).with_ms(300);
        toss.handle.clear_faults();
        toss.add_fault(delay);
        let second = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            toss.confirm(&key, "order-0001", &format!("second-{kind:?}")).await
        };
        let first_key = format!("first-{kind:?}");
        let (first, second) = tokio::join!(toss.confirm(&key, "order-0001", &first_key), second);
        assert_eq!(second.code(), (400, "ALREADY_PROCESSING_REQUEST"), "{kind:?}");
        assert!([200, 400].contains(&first.status));
    }
    assert_eq!(toss.truth(&key), (15_000, 1, 0));
}

#[tokio::test]
async fn a_confirm_more_than_ten_minutes_after_the_authentication_finds_no_session() {
    let toss = start().await;
    let (in_time, too_late) = (toss.payment("order-0001"), toss.payment("order-0002"));
    toss.handle.advance_clock(9 * MINUTE).expect("moved");
    assert_eq!(toss.confirm(&in_time, "order-0001", "k1").await.status, 200);
    toss.handle.advance_clock(MINUTE).expect("moved");
    let late = toss.confirm(&too_late, "order-0002", "k2").await;
    assert_eq!(late.code(), (404, "NOT_FOUND_PAYMENT_SESSION"));
    let expired = toss.get(&format!("/v1/payments/{too_late}")).await;
    assert_eq!(expired.body["status"], "EXPIRED");
    assert_eq!(expired.body["failure"]["code"], "EXPIRED_PAYMENT");
    assert_eq!(expired.body["orderName"], "");
    for gone in ["method", "lastTransactionKey", "receipt", "useEscrow", "approvedAt", "cancels"] {
        assert_eq!(expired.body.get(gone), Some(&Value::Null), "{gone} is there and null");
    }
}

#[tokio::test]
async fn a_confirm_that_was_in_time_is_not_overtaken_by_the_clock() {
    let toss = start().await;
    let key = toss.payment("order-0001");
    let delay = FaultRequest::for_order("order-0001", Operation::Confirm, FaultKind::Delay);
    toss.add_fault(delay.with_ms(200));
    let later = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        toss.handle.advance_clock(20 * MINUTE).expect("moved");
        status_of(&toss, &key).await
    };
    let (confirmed, meanwhile) = tokio::join!(toss.confirm(&key, "order-0001", "k"), later);
    assert_eq!(confirmed.body["status"], "DONE");
    assert_eq!(meanwhile, "IN_PROGRESS");
}

#[tokio::test]
async fn a_virtual_account_is_issued_by_the_confirm_and_paid_by_the_deposit() {
    let toss = start().await;
    let method = Some(Method::VirtualAccount);
    let customer_name = Some("홍길동".to_owned());
    let new = NewPayment::new("order-0001", "치킨", 20_000);
    let key = toss.paid_of(NewPayment { method, customer_name, ..new }).await;
    let issued = toss.get("/v1/payments/orders/order-0001").await.body;
    assert_eq!(issued["status"], "WAITING_FOR_DEPOSIT");
    assert_eq!(issued["approvedAt"], Value::Null);
    assert!(issued["secret"].as_str().is_some_and(|secret| secret.starts_with("ps_")));
    let account = &issued["virtualAccount"];
    assert!(account["accountNumber"].as_str().is_some_and(|number| number.starts_with('X')));
    assert!(account["dueDate"].as_str().is_some_and(|date| date.ends_with("+09:00")));
    assert_eq!((&account["expired"], &account["customerName"]), (&json!(false), &json!("홍길동")));
    assert_eq!(toss.truth(&key), (0, 0, 0), "no money yet");

    toss.handle.deposit(&key).expect("deposited");
    let paid = toss.get(&format!("/v1/payments/{key}")).await.body;
    assert_eq!((&paid["status"], &paid["approvedAt"].is_string()), (&json!("DONE"), &true));
    assert_eq!(toss.truth(&key), (20_000, 1, 0));
    assert_eq!(toss.handle.deposit(&key).expect_err("once only").code(), "INVALID_REQUEST");
}

#[tokio::test]
async fn a_virtual_account_runs_out_silently() {
    let toss = start().await;
    let new = NewPayment::new("order-0001", "치킨", 20_000);
    let key = toss.paid_of(NewPayment { method: Some(Method::VirtualAccount), ..new }).await;
    toss.handle.advance_clock(8 * 24 * 60 * MINUTE).expect("moved");
    let seen = toss.get(&format!("/v1/payments/{key}")).await.body;
    assert_eq!(seen["status"], "WAITING_FOR_DEPOSIT");
    assert_eq!(seen["virtualAccount"]["expired"], true);
    assert!(toss.handle.deposit(&key).is_err());
}

#[tokio::test]
async fn an_amount_below_the_minimum_is_declined() {
    let toss = start().await;
    let key = toss.payment_of(NewPayment::new("order-0001", "사탕", 99));
    let body = json!({"paymentKey": key, "orderId": "order-0001", "amount": 99});
    let answer = toss.post("/v1/payments/confirm", "k", body).await;
    assert_eq!(answer.code(), (400, "BELOW_MINIMUM_AMOUNT"));
    assert_eq!(status_of(&toss, &key).await, "ABORTED");
}

#[tokio::test]
async fn of_several_payments_on_one_order_the_newest_approved_is_found() {
    let toss = start().await;
    let first = toss.paid("order-0001").await;
    let found = toss.get("/v1/payments/orders/order-0001").await;
    assert_eq!(found.body["paymentKey"], first.as_str());
    let second = toss.payment("order-0001");
    let found = toss.get("/v1/payments/orders/order-0001").await;
    assert_eq!(found.body["paymentKey"], first.as_str(), "the second is not approved");
    assert_eq!(toss.confirm(&second, "order-0001", "k").await.status, 200);
    let found = toss.get("/v1/payments/orders/order-0001").await;
    assert_eq!(found.body["paymentKey"], second.as_str());
}
