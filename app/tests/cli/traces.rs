//! A payment's way through the whole product, as the log, the simulator and a collector of traces tell it.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{Span, status::StatusCode};
use reqwest::Method;
use serde_json::{Value, json};

use crate::collector::{Collector, hex, text_of};
use crate::http;
use crate::process::{PATIENCE, Place, Running};

const DOCUMENT: &str = include_str!("../../../docs/logs.md");
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const OF_CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

/// A payment that was made.
struct Paid {
    payment_key: String,
    token: String,
}

/// Webhooks and their look-ups have traces of their own.
const SILENT: (&str, &str) = ("SEUNGIN__SIMULATOR__WEBHOOKS", "false");

/// Pays an order whose confirm loses its answer, so that it takes two attempts.
fn pay(running: &Running) -> Paid {
    let simulator = running.simulator.as_deref().unwrap();
    let (order_id, token) = http::order(&running.api);
    let fault = json!({"orderId": order_id, "operation": "confirm", "kind": "cut_after"});
    assert_eq!(http::post(&format!("{simulator}/_sim/faults"), None, &fault).0, 200);
    let payment_key = http::authenticate(simulator, &order_id);
    let body = json!({"paymentKey": payment_key, "amount": 22_000});
    let headers = [("x-request-id", "checkout-42"), ("traceparent", OF_CALLER)];
    let order = format!("{}/v1/orders/{order_id}", running.api);
    let url = format!("{order}/confirm");
    let (status, answer) = http::send_with(Method::POST, &url, Some(&token), &headers, Some(&body));
    assert_eq!(status, 202, "{answer}");
    let began = Instant::now();
    while http::get(&format!("{order}?wait=20"), Some(&token)).1["status"] != "paid" {
        assert!(began.elapsed() < PATIENCE, "the payment did not come to an end");
    }
    Paid { payment_key, token }
}

/// What the simulator got as `traceparent`, call by call.
fn carried(running: &Running, paid: &Paid) -> Vec<String> {
    let url = format!("{}/_sim/ledger", running.simulator.as_deref().unwrap());
    let (_, ledger) = http::get(&url, None);
    let payments = ledger["payments"].as_array().unwrap();
    let entry = payments.iter().find(|it| it["paymentKey"] == paid.payment_key.as_str()).unwrap();
    let requests = entry["requests"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    requests
        .map(|request| {
            assert_eq!(request["requestId"], "checkout-42");
            text(&request["traceparent"])
        })
        .collect()
}

/// Trace and span of a `traceparent`.
fn ids(traceparent: &str) -> (&str, &str) {
    let mut parts = traceparent.split('-').skip(1);
    (parts.next().unwrap(), parts.next().unwrap())
}

fn lines(log: &str) -> Vec<Value> {
    log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn one_line_per_request_and_attempt_leads_from_the_caller_to_toss() {
    let place = Place::new();
    let running = place.start_as(&["--log", "info"], &[SILENT]);
    let paid = pay(&running);
    let carried = carried(&running, &paid);
    let log = running.stop().expect(0).stderr;
    // All there is to know is asked for by the request's id, as the documentation says.
    let mine: Vec<Value> = lines(&log)
        .into_iter()
        .filter(|line| line["span"]["request_id"] == "checkout-42")
        .collect();
    let told: Vec<&Value> = mine.iter().map(|line| &line["message"]).collect();
    assert_eq!(told, ["answered", "settled", "settled"], "{log}");
    let [request, first, second] = &mine[..] else { unreachable!() };
    assert_eq!((&request["status"], &request["span"]["trace_id"]), (&json!(202), &json!(TRACE)));
    assert_eq!(request["span"]["parent_span_id"], ids(OF_CALLER).1);
    assert_eq!(first["span"]["trace_id"], TRACE);
    assert_eq!(first["span"]["parent_span_id"], request["span"]["span_id"]);
    assert_eq!((&first["verdict"], &first["next"]), (&json!("unanswered"), &json!("waiting")));
    assert_eq!((&second["code"], &second["next"]), (&json!("DONE"), &json!("succeeded")));
    let (origin_trace, origin_span) = ids(second["span"]["follows"].as_str().unwrap());
    assert_eq!(
        (&json!(origin_trace), &json!(origin_span)),
        (&json!(TRACE), &request["span"]["span_id"])
    );
    for (line, traceparent) in [first, second].into_iter().zip(&carried) {
        let (trace, span) = ids(traceparent);
        assert_eq!(
            (&line["span"]["trace_id"], &line["span"]["span_id"]),
            (&json!(trace), &json!(span))
        );
    }
    for secret in [&paid.payment_key, &paid.token, "손님", "01012345678", "test_sk_"] {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
    for name in mine.iter().flat_map(fields) {
        assert!(DOCUMENT.contains(&format!("`{name}`")), "docs/logs.md does not explain {name}");
    }
}

/// The names of what stands in a line and its span, without what every line has.
fn fields(line: &Value) -> impl Iterator<Item = &str> {
    let of_every_line = ["timestamp", "level", "message", "target", "span", "name"];
    let objects = [line, &line["span"]].into_iter().map(|object| object.as_object().unwrap());
    let names = objects.flat_map(|object| object.keys().map(String::as_str));
    names.filter(move |name| !of_every_line.contains(name))
}

#[test]
fn a_collector_gets_the_spans_under_the_ids_that_are_logged_and_sent() {
    let collector = Collector::start();
    let place = Place::new();
    // The variables that other programs know.
    let running = place.start_with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url),
        ("OTEL_SERVICE_NAME", "shop-payments"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=collectors-own"),
        SILENT,
    ]);
    let paid = pay(&running);
    let carried = carried(&running, &paid);
    // What waits for company is sent at the end.
    running.stop().expect(0);
    let spans = collector.spans();
    let named = |name: &str| -> &Span {
        let found: Vec<&Span> = spans.iter().filter(|span| span.name == name).collect();
        assert_eq!(found.len(), 1, "{name} of {spans:?}");
        found[0]
    };
    let request = named("POST /v1/orders/{orderId}/confirm");
    let (first, second) = (named("toss confirm"), named("toss look_up"));
    assert_eq!(hex(&request.trace_id), TRACE);
    assert_eq!(hex(&request.parent_span_id), ids(OF_CALLER).1);
    assert_eq!((&first.trace_id, &first.parent_span_id), (&request.trace_id, &request.span_id));
    assert_ne!(second.trace_id, request.trace_id, "a later attempt has a trace of its own");
    let [link] = &second.links[..] else { panic!("no link: {second:?}") };
    assert_eq!((&link.trace_id, &link.span_id), (&request.trace_id, &request.span_id));
    for (span, traceparent) in [first, second].into_iter().zip(&carried) {
        assert_eq!((hex(&span.trace_id).as_str(), hex(&span.span_id).as_str()), ids(traceparent));
    }
    for span in [request, first, second] {
        assert_eq!(text_of(&span.attributes, "request_id").as_deref(), Some("checkout-42"));
        assert!(span.end_time_unix_nano > span.start_time_unix_nano, "{span:?}");
    }
    assert_eq!((request.kind(), first.kind()), (SpanKind::Server, SpanKind::Client));
    let code = |span: &Span| span.status.clone().unwrap_or_default().code();
    assert_eq!((code(first), code(second)), (StatusCode::Error, StatusCode::Unset));
    assert_eq!(text_of(&first.attributes, "verdict").as_deref(), Some("unanswered"));
    assert_eq!(collector.resource("service.name"), "shop-payments");
    for line in ["content-type: application/x-protobuf", "x-api-key: collectors-own"] {
        assert!(collector.was_always_sent(line), "{line}");
    }

    assert!(spans.iter().all(|span| !span.name.starts_with("GET")), "reads stay here: {spans:?}");
    let bytes = collector.bytes();
    for secret in [&paid.payment_key, &paid.token, "손님", "01012345678", "test_sk_"] {
        let is_in = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!is_in, "{secret} was exported");
    }
}

#[test]
fn a_collector_that_is_away_or_silent_costs_no_payment_and_is_told_of_once() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let away = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let silent = Collector::start_silent();
    for endpoint in [&away, &silent.url] {
        let place = Place::new();
        let running = place.start_with(&[("SEUNGIN__TELEMETRY__OTLP_ENDPOINT", endpoint), SILENT]);
        for _ in 0..3 {
            pay(&running);
        }
        let began = Instant::now();
        let log = running.stop().expect(0).stderr;
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
        let said: Vec<Value> = lines(&log)
            .into_iter()
            .filter(|line| line["target"].as_str().unwrap().contains("otlp"))
            .collect();
        let last = said.last().unwrap();
        assert_eq!(last["message"], "spans of traces were lost", "{log}");
        // An order, a confirm and two attempts of each payment.
        assert_eq!(last["lost"], 12, "{log}");
        let begins = "spans of traces are lost; nothing else depends on them";
        let begun = said.iter().filter(|line| line["message"] == begins).count();
        assert!(said.len() == begun + 1 && begun <= 1, "{log}");
    }
}

#[test]
fn the_share_of_traces_that_are_exported_can_be_nothing() {
    let collector = Collector::start();
    let place = Place::new();
    let running = place.start_with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url),
        ("SEUNGIN__TELEMETRY__SAMPLE_PERMILLE", "0"),
    ]);
    pay(&running);
    running.stop().expect(0);
    assert_eq!(collector.spans(), []);
}
