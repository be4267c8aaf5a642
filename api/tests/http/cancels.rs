//! Cancels.

use axum::http::StatusCode;
use domain::answer::{Answer as Told, FailureClass};
use domain::limits::CANCELLATIONS_MAX;
use queue::Lane;
use serde_json::{Value, json};
use store::idempotency::CallerKey;
use store::{AcceptCancel, Actor};

use crate::app::{Answer, As, Ordered, TestApp, with, won};
use crate::toss::{done, failure};

impl TestApp {
    /// Cancels under a key of its own.
    pub(crate) async fn cancel(
        &self,
        who: As<'_>,
        order: &Ordered,
        key: &str,
        body: Value,
    ) -> Answer {
        self.post_with(who, &order.path_to("cancels"), &[("idempotency-key", key)], body).await
    }

    /// A cancel turned up at Toss whose record was lost with a database.
    pub(crate) async fn found_lost_cancel(&self, order: &Ordered, amount: i64) {
        self.sql(&format!(
            "INSERT INTO cancellations (id, order_id, amount, reason, requested_by, role, state, transaction_key, requested_at, cancelled_at, updated_at) \
             VALUES ('found-{id}', '{id}', {amount}, '품절 [0123456789ab]', 'toss', 'system', 'done', 'tx-{id}', 1, 1, 1)",
            id = order.id
        ))
        .await;
        self.sql(&format!(
            "UPDATE payments SET state = 'partially_cancelled', balance = balance - {amount} WHERE order_id = '{}'",
            order.id
        ))
        .await;
    }

    /// Cancels one won at a time until no more cancels are taken.
    pub(crate) async fn cancel_to_the_limit(&self, order: &Ordered) {
        for number in 0..CANCELLATIONS_MAX {
            let cancel = AcceptCancel {
                order_id: order.order_id(),
                amount: Some(won(1)),
                tax_free_amount: None,
                refund_account: None,
                reason: "one won".to_owned(),
                is_another: false,
                actor: Actor::system(),
                key: CallerKey {
                    scope: "test".to_owned(),
                    key: number.to_string(),
                    fingerprint: String::new(),
                },
            };
            self.store.accept_cancel(&cancel).await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_may_repeat_a_lost_cancel_is_refused_until_it_is_said_to_be_another() {
    let app = TestApp::start().await;
    let order = app.paid_order().await;
    app.found_lost_cancel(&order, 1_500).await;
    let same = json!({ "reason": "품절", "amount": 1_500 });
    let jobs = app.job_count().await;
    for body in
        [same.clone(), json!({ "reason": "품절" }), with(same.clone(), "/another", json!(false))]
    {
        let refused = app.cancel(As::Manager, &order, "cancel-1", body.clone()).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{body}");
        assert_eq!(refused.code(), "cancel_may_repeat_lost", "{body}");
    }
    assert_eq!(app.job_count().await, jobs);
    let other = json!({ "reason": "품절", "amount": 1_000 });
    let other = app.cancel(As::Manager, &order, "cancel-2", other).await;
    assert_eq!(other.status, StatusCode::ACCEPTED, "{}", other.body);
    // A refused key is not used up.
    let meant = with(same, "/another", json!(true));
    for replayed in [false, true] {
        let accepted = app.cancel(As::Manager, &order, "cancel-1", meant.clone()).await;
        assert_eq!(accepted.status, StatusCode::ACCEPTED, "{}", accepted.body);
        assert_eq!(accepted.headers.contains_key("idempotent-replayed"), replayed);
    }
}

#[tokio::test]
async fn a_cancel_is_accepted_recorded_and_handed_to_the_queue() {
    let app = TestApp::start().await;
    let order = app.paid_order().await;
    let body = json!({ "reason": "품절", "amount": 1_500 });
    let answer = app.cancel(As::Manager, &order, "cancel-1", body).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
    assert_eq!(answer.text("status"), "requested");
    assert_eq!(answer.body["amount"], 1_500);
    assert_eq!(answer.text("role"), "manager");
    let location = answer.header("location").to_owned();
    assert_eq!(location, order.path_to(&format!("cancels/{}", answer.text("cancelId"))));
    assert_eq!(app.get(As::Manager, &location).await.body, answer.body);
    let list = app.get(As::Manager, &order.path_to("cancels")).await;
    assert_eq!(list.body["data"], json!([answer.body]));
    assert_eq!(app.published().await.last().unwrap().lane, Lane::Cancel);
    let seen = app.get(As::Token(&order.access), &order.path()).await;
    assert_eq!(seen.body["cancels"][0]["reason"], "품절");
    assert!(seen.body["cancels"][0]["requestedBy"].is_null(), "who did it is the shop's business");
    let audit = app.get(As::Master, &format!("/v1/audit?subject={}", order.id)).await;
    assert_eq!(audit.body["data"][0]["action"], "cancel.request");
    assert_eq!(audit.body["data"][0]["reason"], "품절");
}

/// Scenario 25.
#[tokio::test]
async fn of_two_concurrent_cancels_above_the_balance_one_is_refused() {
    let app = TestApp::start().await;
    let order = app.paid_order().await;
    let body = json!({ "reason": "품절", "amount": 3_000 });
    let (one, two) = tokio::join!(
        app.cancel(As::Manager, &order, "cancel-1", body.clone()),
        app.cancel(As::Master, &order, "cancel-2", body.clone()),
    );
    let (accepted, refused) =
        if one.status == StatusCode::ACCEPTED { (one, two) } else { (two, one) };
    assert_eq!(accepted.status, StatusCode::ACCEPTED);
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::UNPROCESSABLE_ENTITY, "cancel_exceeds_balance")
    );
    assert_eq!(refused.body["available"], 1_000);
    let zero =
        app.cancel(As::Manager, &order, "cancel-3", json!({ "reason": "품절", "amount": 0 })).await;
    assert_eq!(zero.code(), "cancel_zero");
    let negative = app
        .cancel(As::Manager, &order, "cancel-4", json!({ "reason": "품절", "amount": -1 }))
        .await;
    assert_eq!(negative.body["errors"][0]["pointer"], "/amount");
    let rest = app.cancel(As::Manager, &order, "cancel-5", json!({ "reason": "나머지" })).await;
    assert_eq!(rest.body["amount"], 1_000, "the rest is what is left beside the open cancels");
}

/// Scenario 26.
#[tokio::test]
async fn two_equal_cancels_that_are_both_meant_both_happen() {
    let app = TestApp::start().await;
    let order = app.paid_order().await;
    let body = json!({ "reason": "품절", "amount": 1_000 });
    let one = app.cancel(As::Manager, &order, "cancel-1", body.clone()).await;
    let two = app.cancel(As::Manager, &order, "cancel-2", body).await;
    assert_ne!(one.text("cancelId"), two.text("cancelId"));
    assert_eq!((one.status, two.status), (StatusCode::ACCEPTED, StatusCode::ACCEPTED));
}

#[tokio::test]
async fn a_repeated_cancel_is_one_cancel() {
    let app = TestApp::start().await;
    let order = app.paid_order().await;
    let body = json!({ "reason": "품절", "amount": 1_000 });
    let (one, two) = tokio::join!(
        app.cancel(As::Manager, &order, "same", body.clone()),
        app.cancel(As::Manager, &order, "same", body.clone()),
    );
    assert_eq!(one.text("cancelId"), two.text("cancelId"));
    let replays = [&one, &two].map(|answer| answer.header("idempotent-replayed") == "true");
    assert_eq!(replays.iter().filter(|is_replay| **is_replay).count(), 1);
    let other =
        app.cancel(As::Manager, &order, "same", json!({ "reason": "품절", "amount": 1_001 })).await;
    assert_eq!(other.code(), "idempotency_key_reused");
    let another_order = app.paid_order().await;
    let moved = app.cancel(As::Manager, &another_order, "same", body.clone()).await;
    assert_eq!(moved.code(), "idempotency_key_reused", "one key never cancels two orders");
    let by_another = app.cancel(As::Master, &order, "same", body).await;
    assert_eq!(by_another.status, StatusCode::ACCEPTED, "keys of different people do not meet");
}

#[tokio::test]
async fn a_reason_is_needed_and_bounded() {
    let app = TestApp::start().await;
    let order = app.paid_order().await;
    for (reason, code) in [
        ("", "not_allowed"),
        ("  ", "not_allowed"),
        (&"가".repeat(171), "not_allowed"),
        (&format!(" {}", "가".repeat(170)), "not_allowed"),
        ("x\ny", "not_one_line"),
        ("x\r\n", "not_one_line"),
        ("x\u{0}y", "not_one_line"),
        ("x\u{202e}y", "not_one_line"),
        ("x\u{2028}y", "not_one_line"),
    ] {
        let answer = app.cancel(As::Manager, &order, "cancel-1", json!({ "reason": reason })).await;
        let errors = answer.body["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1, "{reason:?}: {}", answer.body);
        assert_eq!(errors[0]["pointer"], "/reason", "{reason:?}");
        assert_eq!(errors[0]["code"], code, "{reason:?}");
    }
    let longest =
        app.cancel(As::Manager, &order, "cancel-1", json!({ "reason": "가".repeat(170) })).await;
    assert_eq!(longest.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_payment_that_toss_gives_back_no_part_of_is_cancelled_as_a_whole_and_staff_see_that() {
    let app = TestApp::start().await;
    let order = app.order().await;
    let job = app.confirm(&order).await;
    let mut told = done(&order.order_id(), order.amount);
    told.means.is_partial_cancelable = Some(false);
    told.means.card_issuer = Some("61".to_owned());
    told.means.card_number = Some("12345678****789*".to_owned());
    app.work(&job, Told::Payment(Box::new(told))).await;
    let for_staff = app.get(As::Manager, &order.path()).await.body["payment"].clone();
    assert_eq!(for_staff["partiallyCancelable"], false);
    assert_eq!(for_staff["methodDetails"]["cardIssuerCode"], "61");
    let for_customer =
        app.get(As::Token(&order.access), &order.path()).await.body["payment"].clone();
    assert_eq!(for_customer["methodDetails"]["cardNumber"], "12345678****789*");
    assert!(for_customer["partiallyCancelable"].is_null());
    let part = json!({ "reason": "품절", "amount": 1_000 });
    let refused = app.cancel(As::Manager, &order, "key-1", part).await;
    assert_eq!(refused.code(), "cancel_whole_only");
    let whole = app.cancel(As::Manager, &order, "key-2", json!({ "reason": "품절" })).await;
    assert_eq!((whole.status.as_u16(), &whole.body["amount"]), (202, &json!(4_000)));
}

#[tokio::test]
async fn a_cancel_that_came_too_late_tells_staff_what_they_can_do() {
    let app = TestApp::start().await;
    let order = app.paid_order().await;
    app.cancel(As::Manager, &order, "key-1", json!({ "reason": "품절" })).await;
    let job = app.get(As::Manager, "/v1/jobs?kind=cancel").await.body["data"][0]["jobId"].clone();
    app.work(job.as_str().unwrap(), failure(FailureClass::Refused, "EXCEED_MAX_REFUND_DUE")).await;
    let told = app.get(As::Manager, &order.path_to("cancels")).await.body["data"][0].clone();
    assert_eq!(
        (&told["status"], &told["failure"]["code"]),
        (&json!("refused"), &json!("EXCEED_MAX_REFUND_DUE"))
    );
    assert!(told["failure"]["nextStep"].as_str().unwrap().contains("다른 방법"), "{told}");
    let customer =
        app.get(As::Token(&order.access), &order.path()).await.body["cancels"][0].clone();
    assert!(customer["failure"]["nextStep"].is_null(), "{customer}");
}
