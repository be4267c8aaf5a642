//! What webhooks say of a payment, and which changes are told by which of them.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{
    FaultKind, FaultRequest, Method, NewPayment, NewWebhookEndpoint, Operation, WebhookEvent,
};

use crate::receiver::{Receiver, receive};
use crate::support::{Running, start};

async fn told_of(events: &[WebhookEvent]) -> (Running, Receiver) {
    let (toss, shop) = (start().await, receive().await);
    let new =
        NewWebhookEndpoint { url: shop.url.clone(), events: events.to_vec(), secret_key: None };
    toss.handle.register_webhook(new).expect("registered");
    (toss, shop)
}

fn account(order_id: &str) -> NewPayment {
    NewPayment {
        method: Some(Method::VirtualAccount),
        ..NewPayment::new(order_id, "마라탕 외 2건", 15_000)
    }
}

#[tokio::test]
async fn a_status_change_carries_the_payment_that_a_look_up_shows() {
    let (toss, shop) = told_of(&[WebhookEvent::PaymentStatusChanged]).await;
    let key = toss.paid("order-0001").await;
    toss.handle.webhooks_settled().await;
    let webhook = shop.received().remove(0);
    let mut seen = toss.get(&format!("/v1/payments/{key}")).await.body;
    // The address depends on who asks.
    let mut told = webhook.body["data"].clone();
    for field in ["receipt", "checkout"] {
        (seen[field], told[field]) = (Value::Null, Value::Null);
    }
    assert_eq!(told, seen);
    assert_eq!(webhook.body["eventType"], "PAYMENT_STATUS_CHANGED");
    let created_at = webhook.body["createdAt"].as_str().expect("a time");
    assert_eq!((created_at.len(), created_at.contains('+')), (26, false), "{created_at}");
    assert!(webhook.header("id").starts_with("whtrans_"));
    assert!(webhook.header("time").ends_with("+09:00"));
    assert!(!webhook.headers.contains_key("tosspayments-webhook-signature"));
}

#[tokio::test]
async fn a_deposit_callback_is_flat_and_proves_itself_by_the_payments_secret() {
    let (toss, shop) = told_of(&[WebhookEvent::DepositCallback]).await;
    let key = toss.paid_of(account("order-0001")).await;
    toss.handle.deposit(&key).expect("deposited");
    toss.handle.webhooks_settled().await;
    let payment = toss.get(&format!("/v1/payments/{key}")).await.body;
    let [issued, deposited] = &shop.received()[..] else { panic!("two webhooks") };
    assert_eq!((issued.status(), deposited.status()), ("WAITING_FOR_DEPOSIT", "DONE"));
    let body = deposited.body.as_object().expect("an object");
    let mut names: Vec<&String> = body.keys().collect();
    names.sort();
    assert_eq!(names, ["createdAt", "orderId", "secret", "status", "transactionKey"]);
    assert_eq!(body["secret"], payment["secret"]);
    assert_eq!(body["transactionKey"], payment["lastTransactionKey"]);
    assert_ne!(body["transactionKey"], issued.body["transactionKey"]);
}

#[tokio::test]
async fn both_registrations_tell_twice_of_one_change_of_an_account() {
    let (toss, shop) = told_of(&[]).await;
    let key = toss.paid_of(account("order-0001")).await;
    toss.handle.deposit(&key).expect("deposited");
    toss.handle.reverse_deposit(&key).expect("reversed");
    toss.handle.deposit(&key).expect("deposited");
    toss.handle.webhooks_settled().await;
    let told: Vec<(String, bool)> = shop
        .received()
        .iter()
        .map(|it| (it.status().to_owned(), it.body.get("eventType").is_some()))
        .collect();
    let expected = [
        ("WAITING_FOR_DEPOSIT", false),
        ("DONE", true),
        ("DONE", false),
        ("WAITING_FOR_DEPOSIT", false),
        ("DONE", true),
        ("DONE", false),
    ];
    assert_eq!(told, expected.map(|(status, general)| (status.to_owned(), general)));
}

#[tokio::test]
async fn expiry_decline_and_cancels_are_told_and_nothing_before_them() {
    let (toss, shop) = told_of(&[]).await;
    toss.payment("order-0001");
    toss.handle.advance_clock(Duration::from_secs(9 * 60)).expect("moved");
    toss.handle.webhooks_settled().await;
    assert_eq!(shop.statuses(), [""; 0], "authentication is told to nobody");
    toss.handle.advance_clock(Duration::from_secs(60)).expect("moved");
    toss.handle.webhooks_settled().await;
    assert_eq!(shop.statuses(), ["EXPIRED"], "without anybody looking it up");

    let declined = toss.payment("order-0002");
    let fault = FaultRequest::for_order("order-0002", Operation::Confirm, FaultKind::Decline);
    toss.add_fault(fault.with_code("REJECT_CARD_COMPANY"));
    toss.confirm(&declined, "order-0002", "k1").await;
    let paid = toss.paid("order-0003").await;
    let part = json!({"cancelReason": "일부", "cancelAmount": 5_000});
    toss.cancel(&paid, "k2", part).await;
    toss.handle.cancel_by_hand(&paid, None, "나머지").expect("cancelled");
    toss.handle.webhooks_settled().await;
    let mut told = shop.statuses();
    told[1..].sort();
    assert_eq!(told, ["EXPIRED", "ABORTED", "DONE", "PARTIAL_CANCELED", "PARTIAL_CANCELED"]);
    let aborted = shop.received().into_iter().find(|it| it.status() == "ABORTED");
    let aborted = aborted.expect("told").body;
    assert_eq!(aborted["data"]["failure"]["code"], "REJECT_CARD_COMPANY");
}

#[tokio::test]
async fn webhooks_of_the_future_have_fields_that_no_document_knows() {
    let (toss, shop) = told_of(&[]).await;
    toss.handle.switch(|settings| settings.unknown_values = true).expect("switched");
    let key = toss.paid_of(account("order-0001")).await;
    toss.handle.deposit(&key).expect("deposited");
    toss.handle.webhooks_settled().await;
    for webhook in shop.received() {
        assert!(webhook.body["futureField"].is_object(), "{}", webhook.body);
        let is_general = webhook.body.get("eventType").is_some();
        assert_eq!(webhook.body["data"]["futureField"].is_object(), is_general);
    }
}

#[tokio::test]
async fn a_due_date_passes_in_silence() {
    let (toss, shop) = told_of(&[]).await;
    let key = toss.paid_of(account("order-0001")).await;
    toss.handle.webhooks_settled().await;
    toss.handle.advance_clock(Duration::from_secs(8 * 86_400)).expect("moved");
    toss.handle.webhooks_settled().await;
    assert_eq!(shop.statuses(), ["WAITING_FOR_DEPOSIT"], "the issue alone");
    let payment = toss.get(&format!("/v1/payments/{key}")).await.body;
    assert_eq!(payment["virtualAccount"]["expired"], true);
    assert_eq!(payment["status"], "WAITING_FOR_DEPOSIT");
}
