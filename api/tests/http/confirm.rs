//! Accepting confirms.

use axum::http::StatusCode;
use queue::Lane;
use serde_json::json;

use crate::app::{As, TestApp};

#[tokio::test]
async fn a_confirm_is_accepted_recorded_and_handed_to_the_queue() {
    let app = TestApp::start().await;
    let order = app.order().await;
    let headers = [("x-request-id", "checkout-42")];
    let answer = app
        .post_with(As::Token(&order.checkout), &order.path_to("confirm"), &headers, order.confirm())
        .await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.header("location"), order.path());
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.text("status"), "confirming");
    assert!(
        answer.text("ticket").starts_with("otk_"),
        "another browser can follow the order from here"
    );
    let job = app.job_of(&order, "confirm").await;
    let published = app.published().await;
    assert_eq!(published.len(), 1);
    assert_eq!((published[0].job_id.as_str(), published[0].lane), (job.as_str(), Lane::Confirm));
    let detail = app.get(As::Master, &format!("/v1/jobs/{job}")).await;
    assert_eq!(detail.text("requestId"), "checkout-42");
}

/// Scenario 3.
#[tokio::test]
async fn a_repeated_confirm_finds_the_same_job_and_payment() {
    let app = TestApp::start().await;
    let order = app.order().await;
    let first =
        app.post(As::Token(&order.access), &order.path_to("confirm"), order.confirm()).await;
    let again =
        app.post(As::Token(&order.access), &order.path_to("confirm"), order.confirm()).await;
    assert_eq!((first.status, again.status), (StatusCode::ACCEPTED, StatusCode::ACCEPTED));
    assert_eq!(first.body["version"], again.body["version"]);
    assert_eq!(app.job_count().await, 1);
    let job = app.job_of(&order, "confirm").await;
    let done = crate::toss::done(&order.order_id(), order.amount);
    app.work(&job, domain::answer::Answer::Payment(Box::new(done))).await;
    let late = app.post(As::Token(&order.access), &order.path_to("confirm"), order.confirm()).await;
    assert_eq!((late.status, late.text("status")), (StatusCode::ACCEPTED, "paid"));
    assert_eq!(app.job_count().await, 1);
}

/// Scenario 4.
#[tokio::test]
async fn a_tampered_amount_is_refused_and_nothing_is_started() {
    let app = TestApp::start().await;
    let order = app.order().await;
    let tampered = json!({ "paymentKey": "key-1", "amount": 100 });
    let answer = app.post(As::Token(&order.access), &order.path_to("confirm"), tampered).await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::UNPROCESSABLE_ENTITY, "confirm_amount_mismatch")
    );
    assert_eq!(app.job_count().await, 0);
    assert!(app.published().await.is_empty());
    let view = app.get(As::Token(&order.access), &order.path()).await;
    assert_eq!(view.text("status"), "awaiting_payment");
    assert!(view.body["payment"].is_null());
}

#[tokio::test]
async fn another_payment_key_for_a_paid_order_harms_nothing() {
    let app = TestApp::start().await;
    let order = app.paid_order().await;
    let other = json!({ "paymentKey": "another-key", "amount": order.amount });
    let answer = app.post(As::Token(&order.access), &order.path_to("confirm"), other).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::CONFLICT, "confirm_conflict"));
    assert_eq!(app.get(As::Token(&order.access), &order.path()).await.text("status"), "paid");
}

/// Scenario 54.
#[tokio::test]
async fn knowing_an_order_id_is_not_enough_to_confirm_it() {
    let app = TestApp::start().await;
    let (order, other) = (app.order().await, app.order().await);
    let made_up = json!({ "paymentKey": "made-up", "amount": order.amount });
    let path = order.path_to("confirm");
    let nobody = app.post(As::Nobody, &path, made_up.clone()).await;
    assert_eq!(nobody.code(), "unauthorized");
    for token in [&other.access, &other.checkout, &order.ticket, "oat_guess", "cot_guess"] {
        let answer = app.post(As::Token(token), &path, made_up.clone()).await;
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::NOT_FOUND, "order_unknown"),
            "{token}"
        );
    }
    assert_eq!(app.post(As::Master, &path, made_up).await.code(), "unauthorized");
    assert_eq!(app.job_count().await, 0);
    app.confirm(&order).await;
    assert_eq!(app.get(As::Token(&order.access), &order.path()).await.text("status"), "confirming");
}

#[tokio::test]
async fn a_confirm_takes_what_the_redirect_carries() {
    let app = TestApp::start().await;
    let order = app.order().await;
    let path = order.path_to("confirm");
    let body = |order_id: &str, amount| json!({ "paymentKey": "key-1", "orderId": order_id, "amount": amount, "paymentType": "NORMAL" });
    let wrong =
        app.post(As::Token(&order.access), &path, body("some-other-order", json!("4000"))).await;
    assert_eq!(wrong.body["errors"][0]["pointer"], "/orderId");
    for amount in [json!("4,000"), json!(4000.5), json!(null), json!("-4000")] {
        let answer =
            app.post(As::Token(&order.access), &path, body(&order.id, amount.clone())).await;
        assert_eq!(answer.body["errors"][0]["pointer"], "/amount", "{amount}");
    }
    let good = app.post(As::Token(&order.access), &path, body(&order.id, json!("4000"))).await;
    assert_eq!(good.status, StatusCode::ACCEPTED, "{}", good.body);
}

#[tokio::test]
async fn a_queue_that_is_down_fails_nobody() {
    let app = TestApp::start().await;
    app.published.is_down.store(true, std::sync::atomic::Ordering::SeqCst);
    let order = app.order().await;
    let answer =
        app.post(As::Token(&order.access), &order.path_to("confirm"), order.confirm()).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(app.job_count().await, 1);
}

/// Scenario 18, as far as it shows here.
#[tokio::test]
async fn a_hundred_parallel_checkouts_keep_their_own_status() {
    let app = TestApp::start().await;
    let checkouts = (0..100).map(|number| {
        let app = &app;
        async move {
            let order = app.order().await;
            if number % 2 == 0 {
                app.confirm(&order).await;
            }
            let view = app.get(As::Token(&order.access), &order.path()).await;
            assert_eq!(view.text("orderId"), order.id);
            let expected = if number % 2 == 0 { "confirming" } else { "awaiting_payment" };
            assert_eq!(view.text("status"), expected);
        }
    });
    futures_util::future::join_all(checkouts).await;
    assert_eq!(app.job_count().await, 50);
}
