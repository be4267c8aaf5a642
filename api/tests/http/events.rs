//! Event streams.

use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use domain::answer::Answer as Told;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::app::{As, Ordered, TestApp, request};
use crate::toss::done;

/// The events of a whole stream: name, id, data.
fn events(text: &str) -> Vec<(String, String, Value)> {
    let blocks = text.split("\n\n").filter(|block| block.contains("event:"));
    let field = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().trim().to_owned()
    };
    blocks
        .map(|block| {
            let data = serde_json::from_str(&field(block, "data:")).unwrap_or_default();
            (field(block, "event:"), field(block, "id:"), data)
        })
        .collect()
}

#[tokio::test]
async fn a_stream_tells_every_change_and_ends_when_nothing_more_comes() {
    let app = TestApp::start().await;
    let order = app.order().await;
    let path = format!("{}?ticket={}", order.path_to("events"), order.ticket);
    let (stream, ()) = tokio::join!(app.get(As::Nobody, &path), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let job = app.confirm(&order).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        app.work(&job, Told::Payment(Box::new(done(&order.order_id(), order.amount)))).await;
    });
    assert_eq!(stream.status, StatusCode::OK);
    assert_eq!(stream.header("content-type"), "text/event-stream");
    assert_eq!(stream.header("x-accel-buffering"), "no");
    assert_eq!(stream.header("cache-control"), "no-cache");
    let events = events(std::str::from_utf8(&stream.bytes).unwrap());
    let words: Vec<_> = events
        .iter()
        .map(|(name, _, data)| (name.as_str(), data["status"].as_str().unwrap_or("")))
        .collect();
    assert_eq!(words.first(), Some(&("order", "awaiting_payment")));
    assert!(words.contains(&("order", "confirming")), "{words:?}");
    assert_eq!(words.get(words.len() - 2), Some(&("order", "paid")));
    assert_eq!(words.last(), Some(&("end", "")));
    let ids: Vec<i64> = events.iter().filter_map(|(_, id, _)| id.parse().ok()).collect();
    assert!(ids.is_sorted(), "{ids:?}");
    assert!(events[0].2["ticket"].as_str().unwrap().starts_with("otk_"));
}

/// The names of the events of a stream that this client reconnects to, until the process stops.
async fn reconnect(app: &TestApp, order: &Ordered, last_event_id: &str) -> Vec<String> {
    let (path, known) = (order.path_to("events"), [("last-event-id", last_event_id)]);
    let (stream, ()) = tokio::join!(app.get_with(As::Token(&order.access), &path, &known), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        app.context.shutdown.cancel();
    });
    events(std::str::from_utf8(&stream.bytes).unwrap()).into_iter().map(|(name, ..)| name).collect()
}

#[tokio::test]
async fn who_reconnects_is_not_told_what_they_know() {
    let app = TestApp::start().await;
    let order = app.order().await;
    assert_eq!(reconnect(&app, &order, "1").await, Vec::<String>::new());
}

#[tokio::test]
async fn who_reconnects_is_told_what_they_missed() {
    let app = TestApp::start().await;
    let order = app.order().await;
    assert_eq!(reconnect(&app, &order, "0").await, ["order"]);
}

#[tokio::test]
async fn who_reconnects_after_the_time_to_pay_is_told_so() {
    let app = TestApp::start().await;
    let order = app.order().await;
    app.store.advance_clock(46 * 60_000);
    assert_eq!(reconnect(&app, &order, "1").await, ["order", "end"]);
}

#[tokio::test]
async fn streams_end_when_the_process_stops() {
    let app = TestApp::start().await;
    let order = app.order().await;
    let started = Instant::now();
    let path = order.path_to("events");
    let (stream, ()) = tokio::join!(app.get(As::Token(&order.access), &path), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        app.context.shutdown.cancel();
    });
    let names: Vec<_> = events(std::str::from_utf8(&stream.bytes).unwrap())
        .into_iter()
        .map(|(name, ..)| name)
        .collect();
    assert_eq!(names, ["order"]);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn streams_are_bounded_and_give_their_place_back() {
    let app = TestApp::start_with(|settings| settings.limits.event_streams_max = 1).await;
    let order = app.order().await;
    let open = || {
        app.router.clone().oneshot(request(
            Method::GET,
            As::Token(&order.access),
            &path(&order.id),
            &[],
            None,
        ))
    };
    let first = open().await.unwrap();
    assert_eq!(first.status(), StatusCode::OK);
    let second = app.get(As::Token(&order.access), &path(&order.id)).await;
    assert_eq!((second.status, second.code()), (StatusCode::SERVICE_UNAVAILABLE, "overloaded"));
    assert_eq!(second.header("retry-after"), "1");
    drop(first);
    assert_eq!(open().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn one_orders_streams_leave_room_for_those_of_others() {
    let app = TestApp::start_with(|settings| settings.limits.waiting_per_order_max = 2).await;
    let (one, two) = (app.order().await, app.order().await);
    let open = |order: &Ordered| {
        let asked = request(Method::GET, As::Token(&order.access), &path(&order.id), &[], None);
        app.router.clone().oneshot(asked)
    };
    let first = open(&one).await.unwrap();
    let second = open(&one).await.unwrap();
    assert_eq!((first.status(), second.status()), (StatusCode::OK, StatusCode::OK));
    let third = app.get(As::Token(&one.access), &path(&one.id)).await;
    assert_eq!((third.status, third.code()), (StatusCode::TOO_MANY_REQUESTS, "too_many_requests"));
    assert_eq!(third.header("retry-after"), "5");
    assert_eq!(open(&two).await.unwrap().status(), StatusCode::OK);
    drop(first);
    assert_eq!(open(&one).await.unwrap().status(), StatusCode::OK);
}

fn path(order: &str) -> String {
    format!("/v1/orders/{order}/events")
}
