//! Every scripted fault: what the caller sees, and what was really done.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simulator::{FaultKind, FaultRequest, Operation};

use crate::support::{Running, start};

/// Confirms under a fault; the caller's view (None: no answer) and the charges.
async fn confirm_under(toss: &Running, fault: FaultRequest) -> (Option<(u16, String)>, usize) {
    let order_id = fault.order_id.clone().expect("an order");
    let key = toss.payment(&order_id);
    toss.add_fault(fault);
    let answer = toss.try_confirm(&key, &order_id, &format!("key-{order_id}")).await.ok();
    let seen = answer.map(|answer| (answer.status, answer.code().1.to_owned()));
    (seen, toss.truth(&key).1)
}

#[tokio::test]
async fn each_fault_shows_its_answer_and_charges_or_not() {
    let toss = start().await;
    use FaultKind::*;
    let code = |code: &str| Some(code.to_owned());
    for (n, (kind, with_code, seen, charges)) in [
        (Decline, code("REJECT_CARD_COMPANY"), Some((403, "REJECT_CARD_COMPANY")), 0),
        (Decline, code("CODE_OF_TOMORROW"), Some((400, "CODE_OF_TOMORROW")), 0),
        (AnswerCode, code("PROVIDER_ERROR"), Some((400, "PROVIDER_ERROR")), 0),
        (ServerErrorBefore, None, Some((500, "FAILED_INTERNAL_SYSTEM_PROCESSING")), 0),
        (ServerErrorAfter, None, Some((500, "FAILED_INTERNAL_SYSTEM_PROCESSING")), 1),
        (ServerErrorAfter, code("UNKNOWN_PAYMENT_ERROR"), Some((500, "UNKNOWN_PAYMENT_ERROR")), 1),
        (CutBefore, None, None, 0),
        (CutAfter, None, None, 1),
        (InProgress, None, Some((409, "IDEMPOTENT_REQUEST_PROCESSING")), 0),
        (Unreadable, None, Some((200, "")), 1),
        (UnreadableBefore, None, Some((200, "")), 0),
        (Throttle, None, Some((429, "TOO_MANY_REQUESTS")), 0),
        (WrongPayment, None, Some((200, "")), 1),
        (UnknownValues, None, Some((200, "")), 1),
        (Unauthorized, None, Some((401, "UNAUTHORIZED_KEY")), 0),
    ]
    .into_iter()
    .enumerate()
    {
        let fault = FaultRequest::for_order(&format!("order-{n:04}"), Operation::Confirm, kind);
        let fault = FaultRequest { code: with_code, ..fault };
        let seen = seen.map(|(status, code)| (status, code.to_owned()));
        assert_eq!(confirm_under(&toss, fault).await, (seen, charges), "{kind:?}");
    }
}

#[tokio::test]
async fn after_a_lost_answer_the_same_key_finds_the_true_one() {
    let toss = start().await;
    for (n, kind) in
        [FaultKind::CutAfter, FaultKind::Unreadable, FaultKind::CutBefore].into_iter().enumerate()
    {
        let order_id = format!("order-{n:04}");
        let key = toss.payment(&order_id);
        toss.fault(&order_id, Operation::Confirm, kind);
        drop(toss.try_confirm(&key, &order_id, &order_id).await);
        let again = toss.confirm(&key, &order_id, &order_id).await;
        assert_eq!((again.status, &again.body["status"]), (200, &json!("DONE")), "{kind:?}");
        assert_eq!(toss.truth(&key), (15_000, 1, 0), "{kind:?}");
    }
}

#[tokio::test]
async fn faults_come_in_the_order_in_which_they_were_scripted_and_replays_leave_those_of_the_work()
{
    let toss = start().await;
    let key = toss.payment("order-0001");
    let confirm = Operation::Confirm;
    toss.fault("order-0001", confirm, FaultKind::CutAfter);
    toss.fault("order-0001", confirm, FaultKind::InProgress);
    toss.fault("order-0001", confirm, FaultKind::WrongPayment);
    assert!(toss.try_confirm(&key, "order-0001", "k1").await.is_err());
    assert_eq!(toss.confirm(&key, "order-0001", "k1").await.status, 409);
    let replayed = toss.confirm(&key, "order-0001", "k1").await;
    assert_eq!(replayed.body["orderId"], "order-0001", "replayed, not worked on");
    assert_eq!(toss.handle.faults().len(), 1);
    assert_eq!(toss.handle.clear_faults(), 1);
}

#[tokio::test]
async fn delays_last_as_long_as_asked_before_or_after_the_work() {
    let toss = start().await;
    for (order_id, kind, charged_meanwhile) in
        [("order-0001", FaultKind::Delay, 0), ("order-0002", FaultKind::DelayAfter, 1)]
    {
        let key = toss.payment(order_id);
        let fault = FaultRequest::for_order(order_id, Operation::Confirm, kind);
        toss.add_fault(fault.with_ms(200));
        let begin = Instant::now();
        let meanwhile = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            toss.truth(&key).1
        };
        let (answer, meanwhile) = tokio::join!(toss.confirm(&key, order_id, order_id), meanwhile);
        assert_eq!((answer.status, meanwhile), (200, charged_meanwhile), "{kind:?}");
        assert!(begin.elapsed() >= Duration::from_millis(200));
    }
}

#[tokio::test]
async fn other_faults_can_come_late_too() {
    let toss = start().await;
    let key = toss.payment("order-0001");
    let cut = FaultRequest::for_order("order-0001", Operation::Confirm, FaultKind::CutAfter);
    toss.add_fault(cut.with_ms(150));
    let begin = Instant::now();
    assert!(toss.try_confirm(&key, "order-0001", "k").await.is_err());
    assert!(begin.elapsed() >= Duration::from_millis(150));
    assert_eq!(toss.truth(&key), (15_000, 1, 0));
}

#[tokio::test]
async fn a_code_can_be_answered_although_the_money_was_taken() {
    let toss = start().await;
    let fault = FaultRequest::for_order("order-0001", Operation::Confirm, FaultKind::AnswerCode);
    let fault = FaultRequest { after_charge: true, ..fault.with_code("CARD_PROCESSING_ERROR") };
    let seen = Some((400, "CARD_PROCESSING_ERROR".to_owned()));
    assert_eq!(confirm_under(&toss, fault).await, (seen, 1));
}

#[tokio::test]
async fn a_throttled_caller_may_be_told_when_to_come_back() {
    let toss = start().await;
    let key = toss.paid("order-0001").await;
    let fault = FaultRequest::for_payment(&key, Operation::LookUp, FaultKind::Throttle);
    toss.add_fault(FaultRequest { retry_after_seconds: Some(7), ..fault }.times(2));
    for _ in 0..2 {
        let answer = toss.get("/v1/payments/orders/order-0001").await;
        assert_eq!((answer.status, answer.retry_after.as_deref()), (429, Some("7")));
    }
    assert_eq!(toss.get(&format!("/v1/payments/{key}")).await.status, 200);
}

#[tokio::test]
async fn another_orders_payment_is_told_by_order_and_amount() {
    let toss = start().await;
    let key = toss.paid("order-0001").await;
    toss.fault("order-0001", Operation::LookUp, FaultKind::WrongPayment);
    let wrong = toss.get(&format!("/v1/payments/{key}")).await.body;
    assert_eq!(wrong["status"], "DONE");
    assert_ne!(wrong["orderId"], "order-0001");
    assert_ne!(wrong["paymentKey"], key.as_str());
    assert_eq!(wrong["totalAmount"], 16_000);
}

#[tokio::test]
async fn an_answer_of_the_future_has_unknown_fields_and_values_but_is_still_this_payment() {
    let toss = start().await;
    let key = toss.paid("order-0001").await;
    let fault = FaultRequest::for_payment(&key, Operation::Any, FaultKind::UnknownValues);
    let merge = json!({"status": "SETTLING"}).as_object().cloned();
    toss.add_fault(fault.clone());
    toss.add_fault(FaultRequest { merge, ..fault });
    let plain = toss.get(&format!("/v1/payments/{key}")).await.body;
    assert_eq!((&plain["status"], &plain["orderId"]), (&json!("DONE"), &json!("order-0001")));
    assert!(plain["futureField"].is_object() && plain["card"]["futureField"] == json!(true));
    assert_eq!(plain["type"], "FUTURE_TYPE");
    let merged = toss.get(&format!("/v1/payments/{key}")).await.body;
    assert_eq!(merged["status"], "SETTLING");
}

#[tokio::test]
async fn faults_hit_cancels_and_look_ups_and_no_other_order() {
    let toss = start().await;
    let (key, other) = (toss.paid("order-0001").await, toss.paid("order-0002").await);
    toss.fault("order-0001", Operation::Cancel, FaultKind::CutAfter);
    toss.fault("order-0001", Operation::LookUp, FaultKind::UnreadableBefore);
    let rest = json!({"cancelReason": "변심"});
    assert_eq!(toss.cancel(&other, "k1", rest.clone()).await.status, 200);
    assert_eq!(toss.get(&format!("/v1/payments/{other}")).await.body["status"], "CANCELED");
    let path = format!("/v1/payments/{key}/cancel");
    assert!(toss.try_post(&path, "k2", rest).await.is_err());
    assert_eq!(toss.truth(&key), (15_000, 1, 15_000));
    let unreadable = toss.get(&format!("/v1/payments/{key}")).await;
    assert_eq!((unreadable.status, &unreadable.body), (200, &Value::Null));
    assert!(unreadable.text.contains("<html>"));
    assert_eq!(toss.get(&format!("/v1/payments/{key}")).await.body["status"], "CANCELED");
}

#[tokio::test]
async fn the_ledger_counts_every_arrival_and_shows_what_was_answered() {
    let toss = start().await;
    let key = toss.payment("order-0001");
    toss.fault("order-0001", Operation::Confirm, FaultKind::CutBefore);
    drop(toss.try_confirm(&key, "order-0001", "k1").await);
    toss.confirm(&key, "order-0001", "k1").await;
    toss.get(&format!("/v1/payments/{key}")).await;
    toss.get("/v1/payments/orders/order-0001").await;
    toss.cancel(&key, "k2", json!({"cancelReason": "변심"})).await;
    let entry = toss.handle.ledger_of(&key).expect("an entry");
    let calls = entry.calls;
    let counts = [calls.confirm, calls.look_up, calls.look_up_by_order, calls.cancel];
    assert_eq!(counts, [2, 1, 1, 1]);
    let statuses: Vec<Option<u16>> = entry.requests.iter().map(|it| it.status).collect();
    assert_eq!(statuses, [None, Some(200), Some(200), Some(200), Some(200)]);
    let first = &entry.requests[0];
    assert_eq!((first.method.as_str(), first.path.as_str()), ("POST", "/v1/payments/confirm"));
    assert_eq!(first.idempotency_key.as_deref(), Some("k1"));
    assert_eq!(first.body["orderId"], "order-0001");
}

#[tokio::test]
async fn the_ledger_keeps_the_newest_requests_only() {
    let toss = start().await;
    let key = toss.paid("order-0001").await;
    for _ in 0..70 {
        toss.get(&format!("/v1/payments/{key}")).await;
    }
    let entry = toss.handle.ledger_of(&key).expect("an entry");
    assert_eq!((entry.requests.len(), entry.calls.look_up), (64, 70));
    assert!(entry.requests.iter().all(|request| request.method == "GET"));
}
