//! Jobs, for staff.

use axum::http::StatusCode;
use domain::answer::FailureClass;
use queue::Lane;
use serde_json::json;

use crate::app::{As, TestApp};
use crate::toss::failure;

#[tokio::test]
async fn parked_jobs_are_listed_by_state_and_code_with_what_may_be_done() {
    let app = TestApp::start().await;
    let (_, job) = app.parked_order().await;
    app.declined_order().await;
    let parked =
        app.get(As::Manager, "/v1/jobs?state=parked&code=UNAUTHORIZED_KEY&kind=confirm").await;
    let rows = parked.body["data"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["jobId"], job.as_str());
    assert!(rows[0]["dueAt"].is_null());
    assert_eq!(app.get(As::Owner, "/v1/jobs").await.body["data"], json!([]), "of another store");
    let detail = app.get(As::Manager, &format!("/v1/jobs/{job}")).await;
    assert_eq!(detail.body["attempts"][0]["code"], "UNAUTHORIZED_KEY");
    assert_eq!(detail.body["attempts"][0]["traceId"], "trace-1");
    assert_eq!(detail.body["retry"], json!({ "allowed": true, "code": null, "reason": null }));
    app.store.advance_clock(11 * 60_000);
    let late = app.get(As::Manager, &format!("/v1/jobs/{job}")).await;
    assert_eq!(late.body["retry"]["code"], "job_window_over");
}

#[tokio::test]
async fn a_retry_is_published_and_audited_and_a_second_one_is_refused() {
    let app = TestApp::start().await;
    let (order, job) = app.parked_order().await;
    let before = app.published().await.len();
    let path = format!("/v1/jobs/{job}/retry");
    let (one, two) = tokio::join!(
        app.post(As::Manager, &path, json!({ "reason": "key fixed" })),
        app.post(As::Manager, &path, json!({})),
    );
    let (done, refused) = if one.status == StatusCode::OK { (one, two) } else { (two, one) };
    assert_eq!(done.text("state"), "queued");
    assert_eq!((refused.status, refused.code()), (StatusCode::CONFLICT, "job_under_way"));
    assert_eq!(app.published().await.len(), before + 1);
    let audit = app.get(As::Master, &format!("/v1/audit?subject={job}")).await;
    let actions: Vec<_> =
        audit.body["data"].as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
    assert_eq!(actions, ["job.retry"]);
    let view = app.get(As::Token(&order.access), &order.path()).await;
    assert_ne!(view.text("status"), "failed");
}

/// Scenario 16.
#[tokio::test]
async fn a_payment_whose_outcome_is_unknown_cannot_be_given_up() {
    let app = TestApp::start().await;
    let (order, job) = app.unknown_order().await;
    let discard =
        app.post(As::Master, &format!("/v1/jobs/{job}/discard"), json!({ "reason": "x" })).await;
    assert_eq!((discard.status, discard.code()), (StatusCode::CONFLICT, "job_outcome_unknown"));
    let view = app.get(As::Token(&order.access), &order.path()).await;
    assert_eq!(view.text("status"), "checking");
    let look_up = app.post(As::Manager, &format!("/v1/jobs/{job}/look-up"), json!({})).await;
    assert_eq!(look_up.status, StatusCode::OK, "{}", look_up.body);
    assert_eq!(look_up.text("kind"), "look_up");
    assert_eq!(app.published().await.last().unwrap().lane, Lane::LookUp);
}

#[tokio::test]
async fn a_look_up_needs_no_body() {
    let app = TestApp::start().await;
    let (_, job) = app.parked_order().await;
    let request = crate::app::request(
        axum::http::Method::POST,
        As::Manager,
        &format!("/v1/jobs/{job}/look-up"),
        &[],
        None,
    );
    assert_eq!(app.send(request).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_discarded_job_needs_a_reason_and_ends() {
    let app = TestApp::start().await;
    let (order, job) = app.parked_order().await;
    let path = format!("/v1/jobs/{job}/discard");
    let missing = app.post(As::Manager, &path, json!({})).await;
    assert_eq!(missing.body["errors"][0]["pointer"], "/reason");
    let blank = app.post(As::Manager, &path, json!({ "reason": " " })).await;
    assert_eq!(blank.body["errors"][0]["pointer"], "/reason");
    let done = app.post(As::Manager, &path, json!({ "reason": "nothing was taken" })).await;
    assert_eq!((done.status, done.text("state")), (StatusCode::OK, "discarded"), "{}", done.body);
    let again = app.post(As::Manager, &path, json!({ "reason": "again" })).await;
    assert_eq!(again.code(), "job_ended");
    assert_eq!(app.get(As::Token(&order.access), &order.path()).await.text("status"), "failed");
}

#[tokio::test]
async fn a_job_that_waits_for_its_next_try_says_when() {
    let app = TestApp::start().await;
    let order = app.order().await;
    let job = app.confirm(&order).await;
    app.work(&job, failure(FailureClass::Unsent, "CONNECT_FAILED")).await;
    let view = app.get(As::Manager, &format!("/v1/jobs/{job}")).await;
    assert_eq!(view.text("state"), "waiting");
    assert!(!view.text("dueAt").is_empty());
}

#[tokio::test]
async fn the_amount_that_is_asked_of_toss_is_the_orders_own() {
    let app = TestApp::start().await;
    let order = app.order().await;
    let job = app.confirm(&order).await;
    let store::Call::Confirm { amount, order_id, .. } = app.claimed_call(&job).await else {
        panic!()
    };
    assert_eq!((amount, order_id), (4_000, order.id));
}

#[tokio::test]
async fn what_toss_said_ends_in_the_orders_status() {
    let app = TestApp::start().await;
    let order = app.paid_order().await;
    let view = app.get(As::Token(&order.access), &order.path()).await;
    assert_eq!(view.text("status"), "paid");
    assert_eq!(view.body["balance"], 4_000);
    assert_eq!(view.body["payment"]["method"], "카드");
    assert_eq!(view.body["payment"]["approvedAt"], "2026-11-18T11:06:40Z");
    assert_eq!(view.body["payment"]["receiptUrl"], "https://receipt.example/1");
    let text = String::from_utf8(view.bytes).unwrap();
    assert!(!text.contains("key-of-"), "payment keys are not shown");
}
