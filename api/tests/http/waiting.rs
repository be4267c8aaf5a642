//! Polling: versions, and waiting for the next one.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::json;

use crate::app::{As, TestApp};

#[tokio::test]
async fn an_unchanged_order_is_not_sent_again() {
    let app = TestApp::start().await;
    let order = app.order().await;
    let first = app.get(As::Token(&order.access), &order.path()).await;
    let tag = first.header("etag").to_owned();
    assert_eq!(first.header("retry-after"), "5");
    for known in [tag.as_str(), tag.trim_start_matches("W/"), "*", &format!("\"v0\", {tag}")] {
        let same = app
            .get_with(As::Token(&order.access), &order.path(), &[("if-none-match", known)])
            .await;
        assert_eq!(same.status, StatusCode::NOT_MODIFIED, "{known}");
        assert_eq!(same.header("etag"), tag);
        assert!(same.bytes.is_empty());
    }
    let english = [("if-none-match", tag.as_str()), ("accept-language", "en")];
    let other = app.get_with(As::Token(&order.access), &order.path(), &english).await;
    assert_eq!(other.status, StatusCode::OK, "another language is another text");
    app.confirm(&order).await;
    let changed =
        app.get_with(As::Token(&order.access), &order.path(), &[("if-none-match", &tag)]).await;
    assert_eq!((changed.status, changed.text("status")), (StatusCode::OK, "confirming"));
}

#[tokio::test]
async fn a_waiting_poll_is_answered_by_the_commit_that_changes_the_order() {
    let app = TestApp::start().await;
    let order = app.order().await;
    let started = Instant::now();
    let (path, patient) = (order.path(), [("prefer", "wait=20")]);
    let (seen, ()) = tokio::join!(app.get_with(As::Token(&order.access), &path, &patient), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        app.confirm(&order).await;
    });
    assert_eq!(seen.text("status"), "confirming");
    assert_eq!(seen.header("preference-applied"), "wait=20");
    assert!(started.elapsed() < Duration::from_secs(5), "woken, not timed out");
}

#[tokio::test]
async fn a_poll_that_waits_in_vain_says_that_nothing_changed() {
    let app = TestApp::start().await;
    let order = app.order().await;
    let tag = app.get(As::Token(&order.access), &order.path()).await.header("etag").to_owned();
    let started = Instant::now();
    let path = format!("{}?wait=1", order.path());
    let same = app.get_with(As::Token(&order.access), &path, &[("if-none-match", &tag)]).await;
    assert_eq!(same.status, StatusCode::NOT_MODIFIED);
    let without = app.get(As::Token(&order.access), &path).await;
    assert_eq!((without.status, without.header("etag")), (StatusCode::OK, tag.as_str()));
    assert!(started.elapsed() >= Duration::from_secs(2));
    let old = app.get_with(As::Token(&order.access), &path, &[("if-none-match", "\"v0\"")]).await;
    assert_eq!(old.status, StatusCode::OK);
    assert!(started.elapsed() < Duration::from_millis(2_900), "an old version is answered at once");
}

#[tokio::test]
async fn nobody_waits_for_an_order_about_which_nothing_more_comes() {
    let app = TestApp::start().await;
    let order = app.paid_order().await;
    let started = Instant::now();
    let view = app.get(As::Token(&order.access), &format!("{}?wait=20", order.path())).await;
    assert_eq!(view.body["keepPolling"], false);
    assert_eq!(view.header("retry-after"), "");
    assert_eq!(view.header("preference-applied"), "");
    let known = [("if-none-match", view.header("etag")), ("prefer", "wait=20")];
    let same = app.get_with(As::Token(&order.access), &order.path(), &known).await;
    assert_eq!(same.status, StatusCode::NOT_MODIFIED);
    assert_eq!(same.header("preference-applied"), "");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn time_alone_changes_the_word_and_the_version_tag() {
    let app = TestApp::start_with(|settings| settings.pay_by_ms = 600).await;
    let order = app.order().await;
    let first = app.get(As::Token(&order.access), &order.path()).await;
    assert_eq!(first.text("status"), "awaiting_payment");
    let known = [("if-none-match", first.header("etag"))];
    let started = Instant::now();
    let lapsed =
        app.get_with(As::Token(&order.access), &format!("{}?wait=20", order.path()), &known).await;
    assert_eq!((lapsed.status, lapsed.text("status")), (StatusCode::OK, "expired"));
    assert_eq!(lapsed.body["version"], first.body["version"]);
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "noticed when it happens, not at the next look"
    );
}

#[tokio::test]
async fn a_change_by_another_process_is_noticed_at_the_next_look() {
    let app = TestApp::start().await;
    let order = app.order().await;
    let started = Instant::now();
    let path = format!("{}?wait=20", order.path());
    let (seen, ()) = tokio::join!(app.get(As::Token(&order.access), &path), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        app.sql(&format!(
            "UPDATE orders SET state = 'closed', version = version + 1 WHERE id = '{}'",
            order.id
        ))
        .await;
    });
    assert_eq!(seen.text("status"), "closed");
    assert!(started.elapsed() < Duration::from_secs(6));
}

#[tokio::test]
async fn when_too_many_wait_the_next_is_answered_at_once() {
    let app = TestApp::start_with(|settings| settings.limits.waiting_polls_max = 0).await;
    let order = app.order().await;
    let started = Instant::now();
    let view = app.get(As::Token(&order.access), &format!("{}?wait=20", order.path())).await;
    assert_eq!(view.status, StatusCode::OK);
    assert_eq!(view.header("preference-applied"), "");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn one_orders_polls_leave_room_for_those_of_others() {
    let app = TestApp::start_with(|settings| settings.limits.waiting_per_order_max = 2).await;
    let (one, two) = (app.order().await, app.order().await);
    let path = format!("{}?wait=20", one.path());
    let poll = || app.get(As::Token(&one.access), &path);
    let mut polls: FuturesUnordered<_> = [poll(), poll(), poll()].into_iter().collect();
    // Nothing changes: whoever is answered before the others does not wait.
    let third = polls.next().await.unwrap();
    assert_eq!((third.status, third.text("status")), (StatusCode::OK, "awaiting_payment"));
    assert_eq!((third.header("preference-applied"), third.header("retry-after")), ("", "5"));
    let other = app.get(As::Token(&two.access), &format!("{}?wait=1", two.path())).await;
    assert_eq!(other.header("preference-applied"), "wait=1");
    app.confirm(&one).await;
    while let Some(waited) = polls.next().await {
        assert_eq!(waited.text("status"), "confirming");
        assert_eq!(waited.header("preference-applied"), "wait=20");
    }
    let again = app.get(As::Token(&one.access), &format!("{}?wait=1", one.path())).await;
    assert_eq!(again.header("preference-applied"), "wait=1", "the places are free again");
}

#[tokio::test]
async fn those_who_wait_take_no_place_from_those_who_pay() {
    let app = TestApp::start_with(|settings| settings.limits.requests_in_flight_max = 1).await;
    let order = app.order().await;
    let path = format!("{}?wait=20", order.path());
    let (seen, ()) = tokio::join!(app.get(As::Token(&order.access), &path), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        app.confirm(&order).await;
    });
    assert_eq!(seen.text("status"), "confirming");
}

#[tokio::test]
async fn waiting_ends_when_the_process_stops() {
    let app = TestApp::start().await;
    let order = app.order().await;
    let started = Instant::now();
    let path = format!("{}?wait=20", order.path());
    let (seen, ()) = tokio::join!(app.get(As::Token(&order.access), &path), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        app.context.shutdown.cancel();
    });
    assert_eq!(seen.status, StatusCode::OK);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn waiting_longer_than_a_request_may_take_is_not_cut_off() {
    let app = TestApp::start_with(|settings| {
        settings.limits.request_timeout = Duration::from_millis(500);
    })
    .await;
    let order = app.order().await;
    let view = app.get(As::Token(&order.access), &format!("{}?wait=1", order.path())).await;
    assert_eq!(view.status, StatusCode::OK, "{}", view.body);
    let bad = app.get(As::Token(&order.access), &format!("{}?wait=soon", order.path())).await;
    assert_eq!(bad.body["errors"][0]["parameter"], json!("wait"));
}
