//! What happens to every request.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::Network;
use axum::http::{Method, StatusCode};
use serde_json::json;
use tower::ServiceExt as _;

use crate::app::{As, TestApp, endless_order, gimbap_order, request};

#[tokio::test]
async fn every_answer_carries_its_request_id_and_headers_that_protect_browsers() {
    let app = TestApp::start().await;
    for path in ["/v1/stores", "/livez", "/nowhere", "/openapi.json"] {
        let answer = app.get_with(As::Nobody, path, &[("x-request-id", "mine-1")]).await;
        assert_eq!(answer.header("x-request-id"), "mine-1", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(
            answer.header("content-security-policy"),
            "default-src 'none'; frame-ancestors 'none'",
            "{path}"
        );
        assert_eq!(answer.header("strict-transport-security"), "max-age=31536000", "{path}");
    }
    let made = app.get_with(As::Nobody, "/nowhere", &[("x-request-id", "not visible")]).await;
    assert_eq!(made.text("requestId").len(), 36);
    assert_eq!(made.header("x-request-id"), made.text("requestId"));
}

#[tokio::test]
async fn who_is_slow_to_send_a_body_takes_no_place_of_those_who_are_not() {
    let app = TestApp::start_with(|settings| settings.limits.requests_in_flight_max = 1).await;
    let slow = {
        let router = app.router.clone();
        tokio::spawn(async move { router.oneshot(endless_order()).await })
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!slow.is_finished());
    let order = app.post(As::Nobody, "/v1/orders", gimbap_order()).await;
    assert_eq!(order.status, StatusCode::CREATED, "{}", order.body);
    slow.abort();
}

#[tokio::test]
async fn problems_speak_the_language_that_is_asked_for() {
    let app = TestApp::start().await;
    let korean = app.get(As::Nobody, "/nowhere").await;
    assert_eq!(korean.text("title"), "없는 주소");
    let english =
        app.get_with(As::Nobody, "/nowhere", &[("accept-language", "en-GB, ko;q=0.2")]).await;
    assert_eq!((english.text("title"), english.code()), ("No such address", "not_found"));
    assert_eq!(english.header("content-language"), "en");
}

#[tokio::test]
async fn only_listed_origins_may_call_from_a_browser() {
    let app = TestApp::start_with(|settings| {
        settings.cors_origins = vec!["https://front.example".to_owned()]
    })
    .await;
    let ask = async |origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "idempotency-key,authorization,traceparent"),
        ];
        app.send(request(Method::OPTIONS, As::Nobody, "/v1/orders", &headers, None)).await
    };
    let listed = ask("https://front.example").await;
    assert_eq!(listed.header("access-control-allow-origin"), "https://front.example");
    for name in ["idempotency-key", "x-request-id", "traceparent"] {
        assert!(listed.header("access-control-allow-headers").contains(name), "{name}");
    }
    assert_eq!(ask("https://evil.example").await.header("access-control-allow-origin"), "");
    let answer = app.get_with(As::Nobody, "/nowhere", &[("origin", "https://front.example")]).await;
    let exposed = answer.header("access-control-expose-headers");
    for name in ["location", "retry-after", "etag", "x-request-id", "idempotent-replayed", "link"] {
        assert!(exposed.contains(name), "{name} of {exposed}");
    }
    let closed = TestApp::start().await;
    let answer =
        closed.get_with(As::Nobody, "/v1/stores", &[("origin", "https://front.example")]).await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn strangers_share_no_rate_with_trusted_callers_behind_a_proxy() {
    let app = TestApp::start_with(|settings| {
        settings.limits.public_rate = api::Rate::new(1, 1);
        settings.trusted_proxies = vec!["0.0.0.0".parse::<Network>().unwrap()];
        settings.trusted_callers = vec!["192.0.2.7".parse::<Network>().unwrap()];
    })
    .await;
    let order = async |from: &str| {
        app.post_with(As::Nobody, "/v1/orders", &[("x-forwarded-for", from)], gimbap_order())
            .await
            .status
    };
    assert_eq!(order("198.51.100.1").await, StatusCode::CREATED);
    assert_eq!(order("198.51.100.1").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(order("198.51.100.2").await, StatusCode::CREATED);
    for _ in 0..5 {
        assert_eq!(order("192.0.2.7").await, StatusCode::CREATED);
    }
}

#[tokio::test]
async fn nobody_is_trusted_for_coming_through_a_proxy_that_is_not() {
    let app = TestApp::start_with(|settings| {
        settings.limits.public_rate = api::Rate::new(1, 1);
        settings.trusted_callers = vec!["0.0.0.0".parse::<Network>().unwrap()];
    })
    .await;
    for header in ["x-forwarded-for", "forwarded", "x-real-ip"] {
        let headers = [(header, "0.0.0.0")];
        let order = app.post_with(As::Nobody, "/v1/orders", &headers, gimbap_order()).await;
        let is_first = header == "x-forwarded-for";
        let expected = if is_first { StatusCode::CREATED } else { StatusCode::TOO_MANY_REQUESTS };
        assert_eq!(order.status, expected, "{header}");
    }
    for _ in 0..3 {
        let direct = app.post(As::Nobody, "/v1/orders", gimbap_order()).await;
        assert_eq!(direct.status, StatusCode::CREATED);
    }
}

#[tokio::test]
async fn one_order_and_one_member_of_staff_have_a_rate_of_their_own() {
    let app = TestApp::start_with(|settings| {
        settings.limits.order_rate = api::Rate::new(1, 1);
        settings.limits.staff_rate = api::Rate::new(1, 1);
    })
    .await;
    let (one, two) = (app.order().await, app.order().await);
    let close = async |order: &crate::app::Ordered| {
        app.post(As::Token(&order.access), &order.path_to("close"), json!({})).await.status
    };
    assert_eq!(close(&one).await, StatusCode::OK);
    assert_eq!(close(&one).await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(close(&two).await, StatusCode::OK);
    let put = json!({ "name": "x", "price": 1, "available": true });
    assert_eq!(
        app.put(As::Manager, "/v1/stores/gimbap/products/a", put.clone()).await.status,
        StatusCode::CREATED
    );
    let second = app.put(As::Manager, "/v1/stores/gimbap/products/b", put.clone()).await;
    assert_eq!(second.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        app.put(As::Master, "/v1/stores/gimbap/products/b", put).await.status,
        StatusCode::CREATED
    );
}

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_tells_of_every_request_and_nothing_secret() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(move || writer.clone());
    // For all threads: what the other tests log is held to the same.
    tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
    let app = TestApp::start().await;
    let order = app.order().await;
    let back = format!(
        "/checkout/success?token={}&orderId={}&paymentKey=key-of-{}&amount=4000",
        order.checkout, order.id, order.id
    );
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let traceparent = format!("00-{trace}-00f067aa0ba902b7-01");
    let headers = [("x-request-id", "journey-1"), ("traceparent", traceparent.as_str())];
    app.get_with(As::Nobody, &back, &headers).await;
    app.get(As::Nobody, &format!("{}?ticket={}", order.path(), order.ticket)).await;
    app.get(As::Owner, "/v1/audit").await;
    app.sql("UPDATE order_lines SET options = 'rubbish'").await;
    app.get(As::Token(&order.access), &order.path()).await;
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let answered: Vec<&str> = text.lines().filter(|line| line.contains("answered")).collect();
    let line = answered.iter().find(|line| line.contains("journey-1")).unwrap();
    assert!(line.contains("route=\"/checkout/success\"") && line.contains("status=303"), "{line}");
    assert!(line.contains(&format!("trace_id=\"{trace}\"")), "{line}");
    // A request of another test may have begun before anybody listened: it has no span at all.
    let mut in_span = answered.iter().filter(|line| line.contains("request_id="));
    assert!(in_span.all(|line| line.contains("trace_id=")), "{text}");
    assert!(answered.iter().any(|line| line.contains("problem=\"forbidden\"")), "{text}");
    let level = |route: &str, status: &str| {
        let is_it = |line: &&&str| line.contains(route) && line.contains(status);
        answered.iter().find(is_it).unwrap().split_whitespace().nth(1).unwrap()
    };
    let order_route = "route=\"/v1/orders/{orderId}\"";
    assert_eq!(level(order_route, "status=200"), "DEBUG", "polls must not flood the log");
    assert_eq!(level(order_route, "status=500"), "WARN");
    assert_eq!(level("route=\"/v1/orders\"", "status=201"), "INFO");
    assert_eq!(level("route=\"/v1/audit\"", "status=403"), "INFO");
    assert_eq!(line.matches("journey-1").count(), 1, "the id once: {line}");
    assert!(text.contains("unreadable options"), "the cause of a fault is for the log");
    let secrets = [
        &order.access,
        &order.checkout,
        &order.ticket,
        "sst_owner",
        "key-of-",
        "김하나",
        "hana@example.com",
        "01012345678",
        "테헤란로",
    ];
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test]
async fn a_trusted_caller_may_act_for_many_at_the_rate_of_its_own() {
    let app = TestApp::start_with(|settings| {
        settings.limits.order_rate = api::Rate::new(1, 1);
        settings.limits.staff_rate = api::Rate::new(1, 1);
        settings.trusted_callers = vec!["0.0.0.0".parse::<Network>().unwrap()];
    })
    .await;
    let order = app.order().await;
    let put = json!({ "name": "x", "price": 1, "available": true });
    for _ in 0..3 {
        let closed = app.post(As::Token(&order.access), &order.path_to("close"), json!({})).await;
        assert_eq!(closed.status, StatusCode::OK);
        let changed = app.put(As::Manager, "/v1/stores/gimbap/products/gimbap", put.clone()).await;
        assert_eq!(changed.status, StatusCode::OK);
    }
}
