//! The idempotency store as a client meets it.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use simulator::{Config, FaultKind, FaultRequest, Operation};

use crate::support::{basic, send, start, start_with};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test]
async fn a_success_is_replayed_byte_by_byte_and_nothing_is_done_twice() {
    let toss = start().await;
    let key = toss.payment("order-0001");
    let first = toss.confirm(&key, "order-0001", "k1").await;
    let again = toss.confirm(&key, "order-0001", "k1").await;
    assert_eq!((again.status, &again.text), (200, &first.text));
    assert_eq!(first.idempotency_key.as_deref(), Some("k1"));
    assert_eq!(again.idempotency_key.as_deref(), Some("k1"));
    assert!(!first.trace_id.contains(','));
    let (fresh, original) = again.trace_id.split_once(", ").expect("new, original");
    assert_eq!(original, first.trace_id);
    assert_ne!(fresh, original);

    let part = json!({"cancelReason": "일부", "cancelAmount": 1_000});
    let cancelled = toss.cancel(&key, "k2", part.clone()).await;
    assert_eq!(toss.cancel(&key, "k2", part).await.text, cancelled.text);
    assert_eq!(toss.truth(&key), (15_000, 1, 1_000));
    let entry = toss.handle.ledger_of(&key).expect("an entry");
    assert_eq!((entry.calls.confirm, entry.calls.cancel), (2, 2));
    let replayed: Vec<bool> = entry.requests.iter().map(|request| request.replayed).collect();
    assert_eq!(replayed, [false, true, false, true]);
}

#[tokio::test]
async fn an_error_is_replayed_even_if_the_body_was_corrected() {
    let toss = start().await;
    let key = toss.paid("order-0001").await;
    let bad = toss.cancel(&key, "k1", json!({})).await;
    assert_eq!(bad.code(), (400, "INVALID_REQUEST"));
    let corrected = toss.cancel(&key, "k1", json!({"cancelReason": "변심"})).await;
    assert_eq!(corrected.text, bad.text);
    let too_much = json!({"cancelReason": "변심", "cancelAmount": 15_001});
    assert_eq!(toss.cancel(&key, "k2", too_much).await.code(), (403, "NOT_CANCELABLE_AMOUNT"));
    let corrected = toss.cancel(&key, "k2", json!({"cancelReason": "변심"})).await;
    assert_eq!(corrected.code(), (403, "NOT_CANCELABLE_AMOUNT"));
    assert_eq!(toss.truth(&key), (15_000, 1, 0));
}

#[tokio::test]
async fn one_key_for_two_payments_answers_the_first_payment_for_both() {
    let toss = start().await;
    let (first, second) = (toss.payment("order-0001"), toss.payment("order-0002"));
    toss.confirm(&first, "order-0001", "reused").await;
    let swallowed = toss.confirm(&second, "order-0002", "reused").await;
    assert_eq!((swallowed.status, swallowed.body["orderId"].as_str()), (200, Some("order-0001")));
    assert_eq!(toss.truth(&second), (0, 0, 0));
}

#[tokio::test]
async fn a_key_belongs_to_one_merchant_and_one_path() {
    let toss = start().await;
    let key = toss.payment("order-0001");
    assert_eq!(toss.confirm(&key, "order-0001", "k").await.status, 200);
    let cancelled = toss.cancel(&key, "k", json!({"cancelReason": "변심"})).await;
    assert_eq!(cancelled.body["status"], "CANCELED", "another path");
    let request = toss.client.post(format!("{}/v1/payments/confirm", toss.url));
    let request = request.header("authorization", basic("test_sk_other"));
    let body = json!({"paymentKey": key, "orderId": "order-0001", "amount": 15_000});
    let request = request.header("idempotency-key", "k").json(&body);
    let answer = send(request).await.expect("an answer");
    assert_eq!(answer.code(), (404, "NOT_FOUND_PAYMENT"), "another merchant");
}

#[tokio::test]
async fn a_key_that_is_still_running_answers_409_and_later_the_answer() {
    let toss = start().await;
    let key = toss.payment("order-0001");
    for kind in [FaultKind::Delay, FaultKind::DelayAfter] {
        let delay = FaultRequest::for_order("order-0001", Operation::Any, kind);
        toss.add_fault(delay.with_ms(300));
        let idempotency_key = format!("{kind:?}");
        let second = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            toss.confirm(&key, "order-0001", &idempotency_key).await
        };
        let first = toss.confirm(&key, "order-0001", &idempotency_key);
        let (first, second) = tokio::join!(first, second);
        assert_eq!(second.code(), (409, "IDEMPOTENT_REQUEST_PROCESSING"), "{kind:?}");
        let third = toss.confirm(&key, "order-0001", &idempotency_key).await;
        assert_eq!(third.text, first.text, "the 409 was not stored");
    }
}

#[tokio::test]
async fn the_work_goes_on_when_the_caller_hangs_up_and_the_same_key_finds_its_answer() {
    let toss = start().await;
    let key = toss.payment("order-0001");
    let delay = FaultRequest::for_order("order-0001", Operation::Confirm, FaultKind::Delay);
    toss.add_fault(delay.with_ms(150));
    let impatient =
        tokio::time::timeout(Duration::from_millis(50), toss.confirm(&key, "order-0001", "k"));
    assert!(impatient.await.is_err());
    assert_eq!(toss.truth(&key), (0, 0, 0));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(toss.truth(&key), (15_000, 1, 0), "charged although nobody waited");
    let again = toss.confirm(&key, "order-0001", "k").await;
    assert_eq!((again.status, again.body["status"].as_str()), (200, Some("DONE")));
    assert_eq!(toss.truth(&key), (15_000, 1, 0));
}

#[tokio::test]
async fn server_errors_are_stored_or_not_as_configured() {
    for (store_5xx, expected) in [(true, 500), (false, 200)] {
        let toss = start_with(Config { store_5xx, ..Config::default() }).await;
        let key = toss.payment("order-0001");
        toss.fault("order-0001", Operation::Confirm, FaultKind::ServerErrorBefore);
        assert_eq!(toss.confirm(&key, "order-0001", "k").await.status, 500);
        assert_eq!(toss.confirm(&key, "order-0001", "k").await.status, expected);
    }
}

#[tokio::test]
async fn refusals_for_the_key_the_limit_and_a_running_request_are_not_stored() {
    let toss = start().await;
    let key = toss.payment("order-0001");
    for kind in [FaultKind::Unauthorized, FaultKind::Throttle, FaultKind::InProgress] {
        toss.fault("order-0001", Operation::Confirm, kind);
    }
    for status in [401, 429, 409, 200] {
        assert_eq!(toss.confirm(&key, "order-0001", "k").await.status, status);
    }
    let unpaid = toss.payment("order-0002");
    let code = FaultRequest::for_order("order-0002", Operation::Confirm, FaultKind::AnswerCode);
    toss.add_fault(code.with_code("UNAUTHORIZED_KEY"));
    assert_eq!(toss.confirm(&unpaid, "order-0002", "k2").await.status, 401);
    assert_eq!(toss.confirm(&unpaid, "order-0002", "k2").await.status, 200);
}

#[tokio::test]
async fn an_answer_is_kept_for_fifteen_days() {
    let toss = start().await;
    let key = toss.paid("order-0001").await;
    let part = json!({"cancelReason": "일부", "cancelAmount": 1_000});
    let first = toss.cancel(&key, "k", part.clone()).await;
    toss.handle.advance_clock(14 * DAY).expect("moved");
    assert_eq!(toss.cancel(&key, "k", part.clone()).await.text, first.text);
    toss.handle.advance_clock(DAY).expect("moved");
    let executed_again = toss.cancel(&key, "k", part).await;
    assert_eq!(executed_again.body["balanceAmount"], 13_000, "the hazard of an old key");
    assert_eq!(toss.truth(&key), (15_000, 1, 2_000));
}

#[tokio::test]
async fn a_key_must_have_1_to_300_characters_on_a_post_and_is_ignored_on_a_get() {
    let toss = start().await;
    let key = toss.payment("order-0001");
    let longest = "x".repeat(300);
    assert_eq!(toss.confirm(&key, "order-0001", &longest).await.status, 200);
    for bad in ["x".repeat(301), String::new(), "   ".to_owned()] {
        let answer = toss.confirm(&key, "order-0001", &bad).await;
        assert_eq!(answer.code(), (400, "INVALID_IDEMPOTENCY_KEY"));
    }
    let path = format!("/v1/payments/{key}");
    let look_up = || toss.request(Method::GET, &path).header("idempotency-key", "g");
    let before = send(look_up()).await.expect("an answer");
    assert_eq!((before.status, before.idempotency_key), (200, None));
    toss.cancel(&key, "c", json!({"cancelReason": "변심"})).await;
    let after = send(look_up()).await.expect("an answer");
    assert_eq!(after.body["status"], "CANCELED", "not the answer of before");
}

#[tokio::test]
async fn without_a_key_every_request_is_a_new_one() {
    let toss = start().await;
    let key = toss.paid("order-0001").await;
    for balance in [14_000, 13_000] {
        let request = toss.request(Method::POST, &format!("/v1/payments/{key}/cancel"));
        let body = json!({"cancelReason": "일부", "cancelAmount": 1_000});
        let answer = send(request.json(&body)).await.expect("an answer");
        assert_eq!(answer.body["balanceAmount"], balance);
        assert_eq!(answer.idempotency_key, None);
    }
}
