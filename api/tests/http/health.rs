//! Whether the process lives, takes requests, and what it says of what it uses.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use axum::http::{Method, Request, StatusCode};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};

use crate::app::{Answer, As, TestApp};

/// Lets so much time pass that an answer is looked for anew.
async fn a_moment() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_millis(501)).await;
    tokio::time::resume();
}

async fn verbose(app: &TestApp) -> Answer {
    app.get(As::Nobody, "/readyz?verbose").await
}

/// What is said of one thing: its status and why.
fn check(answer: &Answer, name: &str) -> (Value, Value) {
    let checks = answer.body["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["name"] == name);
    let found = found.unwrap_or_else(|| panic!("nothing about {name} in {}", answer.body));
    (found["status"].clone(), found["why"].clone())
}

#[tokio::test]
async fn a_stopping_process_lives_and_is_not_ready() {
    let app = TestApp::start().await;
    assert_eq!(app.get(As::Nobody, "/readyz").await.status, StatusCode::OK);
    app.context.shutdown.cancel();
    assert_eq!(app.get(As::Nobody, "/livez").await.status, StatusCode::OK);
    let ready = app.get(As::Nobody, "/readyz").await;
    assert_eq!((ready.status, ready.code()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"));
    assert_eq!(ready.header("retry-after"), "2");
    let told = verbose(&app).await;
    assert_eq!(told.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(told.header("retry-after"), "2");
    assert_eq!(check(&told, "process").0, "unavailable");
    assert_eq!(check(&told, "database").0, "ok", "as it was found last");
}

#[tokio::test]
async fn a_process_whose_schema_is_behind_is_not_ready_and_says_what_to_run_when_asked() {
    let app = TestApp::start().await;
    app.sql("DELETE FROM seaql_migrations").await;
    let ready = app.get(As::Nobody, "/readyz").await;
    assert_eq!(ready.code(), "unavailable");
    assert!(!String::from_utf8_lossy(&ready.bytes).contains("migration"), "the cause stays inside");
    let told = verbose(&app).await;
    assert_eq!(told.body["status"], "unavailable");
    assert_eq!(check(&told, "database"), (json!("ok"), Value::Null));
    let (status, why) = check(&told, "migrations");
    assert_eq!(status, "unavailable");
    assert!(why.as_str().unwrap().contains("seungin migrate"), "{why}");
}

#[tokio::test]
async fn without_its_database_it_is_not_ready_and_tells_nothing_of_the_inside() {
    let app = TestApp::start().await;
    app.store.clone().close().await.unwrap();
    assert_eq!(app.get(As::Nobody, "/readyz").await.code(), "unavailable");
    let told = verbose(&app).await;
    assert_eq!(told.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(check(&told, "database"), (json!("unavailable"), json!("it does not answer")));
    let checks = told.body["checks"].as_array().unwrap();
    assert!(checks.iter().all(|check| check["name"] != "migrations"), "nobody could look");
}

#[tokio::test]
async fn without_its_queue_it_takes_requests_and_says_so_when_asked() {
    let app = TestApp::start().await;
    let told = verbose(&app).await;
    assert_eq!((told.status, &told.body["status"]), (StatusCode::OK, &json!("ok")));
    assert_eq!(check(&told, "queue_publisher"), (json!("ok"), Value::Null));

    app.published.is_down.store(true, SeqCst);
    a_moment().await;
    let ready = app.get(As::Nobody, "/readyz").await;
    assert_eq!((ready.status, &ready.body), (StatusCode::OK, &json!({"status": "ok"})));
    let told = verbose(&app).await;
    assert_eq!((told.status, &told.body["status"]), (StatusCode::OK, &json!("degraded")));
    assert_eq!(check(&told, "queue_publisher"), (json!("degraded"), json!("not connected")));

    app.published.is_down.store(false, SeqCst);
    a_moment().await;
    assert_eq!(verbose(&app).await.body["status"], "ok");
}

#[tokio::test]
async fn many_who_ask_at_once_are_told_what_one_look_found() {
    let app = TestApp::start().await;
    assert_eq!(app.get(As::Nobody, "/readyz").await.status, StatusCode::OK);
    app.published.is_down.store(true, SeqCst);
    let told = verbose(&app).await;
    assert_eq!(told.body["status"], "ok", "it was looked at a moment ago");
    a_moment().await;
    assert_eq!(verbose(&app).await.body["status"], "degraded");
}

#[tokio::test]
async fn requests_are_measured_by_what_they_are_and_not_by_what_strangers_write() {
    let recorder = PrometheusBuilder::new().set_buckets(&[1.0]).unwrap().build_recorder();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let app = TestApp::start().await;
    let order = app.order().await;
    let wanted = app.get(As::Token(&order.access), &format!("/v1/orders/{}", order.id)).await;
    assert_eq!(wanted.status, StatusCode::OK);
    app.get(As::Nobody, "/v1/orders/stranger-1").await;
    app.get(As::Nobody, "/stranger-2?stranger-3").await;
    let invented = Method::from_bytes(b"STRANGER-4").unwrap();
    let request = Request::builder().method(invented).uri("/v1/stores");
    app.send(request.body(axum::body::Body::empty()).unwrap()).await;

    let text = recorder.handle().render();
    let counted = |method: &str, route: &str, status: &str| {
        let line = format!(
            "seungin_http_request_duration_seconds_count{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}} 1"
        );
        assert!(text.lines().any(|known| known == line), "no {line} in\n{text}");
    };
    counted("POST", "/v1/orders", "2xx");
    counted("GET", "/v1/orders/{orderId}", "2xx");
    counted("GET", "/v1/orders/{orderId}", "4xx");
    counted("GET", "none", "4xx");
    counted("other", "/v1/stores", "4xx");
    assert!(!text.to_lowercase().contains("stranger") && !text.contains(&order.id), "{text}");
    assert!(text.contains("\nseungin_http_requests_in_flight 0\n"), "{text}");
}
