//! A request's id and trace, from its headers to the row of its job and to the queue.

use domain::TraceContext;
use domain::limits::GRACE_MS;
use queue::Message;
use serde_json::json;
use store::Origin;

use crate::app::{As, TestApp};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const OF_CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const HEADERS: [(&str, &str); 2] = [("x-request-id", "checkout-42"), ("traceparent", OF_CALLER)];

/// The trace that a message carries.
fn context(message: &Message) -> TraceContext {
    TraceContext::parse(message.trace.traceparent.as_deref().unwrap()).unwrap()
}

#[tokio::test]
async fn a_confirm_takes_its_request_and_trace_along_to_the_row_and_the_queue() {
    let app = TestApp::start().await;
    let order = app.order().await;
    app.post_with(As::Token(&order.access), &order.path_to("confirm"), &HEADERS, order.confirm())
        .await;
    let published = app.published().await.pop().unwrap();
    let context = context(&published);
    assert_eq!(published.trace.request_id.as_deref(), Some("checkout-42"));
    assert_eq!(context.trace_id(), TRACE);
    assert_ne!(context.span_id(), "00f067aa0ba902b7", "the request has a span of its own");

    // The relay, which knows nothing but the row, publishes the same.
    app.store.advance_clock(GRACE_MS);
    let relayed = app.store.take_due_jobs(10).await.unwrap().pop().unwrap();
    let origin = Origin { request_id: Some("checkout-42".to_owned()), trace: Some(context) };
    assert_eq!(relayed.origin, origin);
    assert_eq!(relay::message(&relayed), published);
}

#[tokio::test]
async fn what_staff_ask_for_carries_the_trace_of_their_request() {
    let app = TestApp::start().await;
    let order = app.paid_order().await;
    let headers = [HEADERS[0], HEADERS[1], ("idempotency-key", "cancel-1")];
    let body = json!({ "reason": "품절", "amount": 1_500 });
    app.post_with(As::Manager, &order.path_to("cancels"), &headers, body).await;
    let cancel = app.published().await.pop().unwrap();
    let look_up = format!("/v1/jobs/{}/look-up", cancel.job_id);
    app.post_with(As::Manager, &look_up, &[("x-request-id", "look-1"), HEADERS[1]], json!({}))
        .await;
    let looked_up = app.published().await.pop().unwrap();
    assert_ne!(looked_up.job_id, cancel.job_id);
    for (message, request_id) in [(&cancel, "checkout-42"), (&looked_up, "look-1")] {
        assert_eq!(message.trace.request_id.as_deref(), Some(request_id));
        assert_eq!(context(message).trace_id(), TRACE);
    }
}

#[tokio::test]
async fn a_request_without_a_trace_or_with_rubbish_begins_one() {
    let app = TestApp::start().await;
    let mut traces = Vec::new();
    for sent in [None, Some(""), Some("rubbish"), Some(&OF_CALLER.replace("00f0", "zzzz")[..])] {
        let order = app.order().await;
        let headers: Vec<_> = sent.map(|sent| ("traceparent", sent)).into_iter().collect();
        let path = order.path_to("confirm");
        let answer =
            app.post_with(As::Token(&order.access), &path, &headers, order.confirm()).await;
        assert_eq!(answer.status, 202, "no payment is refused for its trace: {sent:?}");
        let trace_id = context(&app.published().await.pop().unwrap()).trace_id();
        assert!(trace_id != TRACE && !traces.contains(&trace_id), "{sent:?}");
        traces.push(trace_id);
    }
}

#[tokio::test]
async fn a_row_whose_trace_cannot_be_read_is_done_without_one() {
    let app = TestApp::start().await;
    let order = app.order().await;
    let job = app.confirm(&order).await;
    app.sql("UPDATE jobs SET traceparent = 'rubbish'").await;
    app.store.advance_clock(GRACE_MS);
    let relayed = app.store.take_due_jobs(10).await.unwrap().pop().unwrap();
    assert_eq!((relayed.id, relayed.origin.trace), (job.clone(), None));
    let done = crate::toss::done(&order.order_id(), order.amount);
    app.work(&job, domain::answer::Answer::Payment(Box::new(done))).await;
    let seen = app.get(As::Token(&order.access), &order.path()).await;
    assert_eq!(seen.text("status"), "paid");
}
