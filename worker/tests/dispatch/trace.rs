//! What an attempt carries to Toss of the request that it is made for, and the line that it leaves in the log.

use std::collections::BTreeMap;

use domain::TraceContext;
use domain::job::{JobKind, JobState};
use domain::limits::LEASE_MS;
use serde_json::{Value, json};
use store::{AcceptConfirm, Origin};

use crate::hands::Fault;
use crate::log::Log;
use crate::running::{Running, SOON, has_ended, reaches_toss, slow, wait_for};
use crate::shop::{Paying, SECRET_KEY, Shop, confirm_of};

const OF_REQUEST: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// `test_sk_dispatch:` as the header `Authorization` has it.
const AUTHORIZATION: &str = "dGVzdF9za19kaXNwYXRjaDo";

fn confirm_from(paying: &Paying, request_id: &str) -> AcceptConfirm {
    let trace = Some(TraceContext::parse(OF_REQUEST).unwrap());
    let origin = Origin { request_id: Some(request_id.to_owned()), trace };
    AcceptConfirm { origin, ..confirm_of(paying) }
}

impl Shop {
    /// What Toss got as trace context and request id, call by call.
    fn carried(&self, paying: &Paying) -> Vec<(TraceContext, Option<String>)> {
        let requests = self.ledger(paying).requests.into_iter();
        requests
            .map(|request| {
                let text = request.traceparent.expect("every call carries a trace");
                (TraceContext::parse(&text).unwrap(), request.request_id)
            })
            .collect()
    }
}

#[tokio::test]
async fn the_first_attempt_continues_the_requests_trace_and_later_ones_begin_their_own() {
    let log = Log::start();
    let shop = Shop::open().await;
    let running = Running::start(&shop, 4);
    let paying = shop.authenticated(23).await;
    shop.goes_wrong(&paying, "confirm", &Fault::new("cut_after"));
    let accepted = shop.store.accept_confirm(&confirm_from(&paying, "checkout-42")).await.unwrap();
    let job = domain::JobId::parse(accepted.job.unwrap().id).unwrap();
    running.publish(&shop, &job, JobKind::Confirm).await;
    wait_for("the look-up", SOON, async || has_ended(&shop, &job).await).await;
    running.stop().await.unwrap();

    let [(first, first_id), (second, second_id)] = shop.carried(&paying).try_into().unwrap();
    let of_request = TraceContext::parse(OF_REQUEST).unwrap();
    assert_eq!(first.trace_id(), of_request.trace_id());
    assert_ne!(first.span_id(), of_request.span_id());
    assert_ne!(second.trace_id(), of_request.trace_id());
    let request_id = Some("checkout-42".to_owned());
    assert_eq!((first_id, second_id), (request_id.clone(), request_id));

    // The log has the same ids, so that what a proxy saw can be found in it.
    let [one, two] = log.settled().try_into().unwrap();
    for (line, context) in [(&one, &first), (&two, &second)] {
        assert_eq!(line["span"]["trace_id"], context.trace_id());
        assert_eq!(line["span"]["span_id"], context.span_id());
        assert_eq!(line["span"]["request_id"], "checkout-42");
    }
    assert_eq!(one["span"]["parent_span_id"], of_request.span_id());
    assert_eq!(one["span"]["follows"], Value::Null);
    assert_eq!(two["span"]["parent_span_id"], Value::Null);
    assert_eq!(two["span"]["follows"], OF_REQUEST);
    shop.close().await;
}

#[tokio::test]
async fn an_id_of_a_request_that_a_firewall_could_dislike_stays_here() {
    let shop = Shop::open().await;
    for (request_id, is_sent) in [
        ("A-b_9.z", true),
        (&"x".repeat(128)[..], true),
        ("../../etc/passwd", false),
        ("<script>", false),
        ("hana@example.com", false),
        (&"x".repeat(129)[..], false),
    ] {
        let paying = shop.authenticated(23).await;
        shop.store.accept_confirm(&confirm_from(&paying, request_id)).await.unwrap();
        shop.drain().await;
        assert_eq!(shop.status(&paying).await, "paid");
        let [(_, sent)] = shop.carried(&paying).try_into().unwrap();
        assert_eq!(sent.as_deref(), is_sent.then_some(request_id));
    }
    shop.close().await;
}

#[tokio::test]
async fn every_attempt_leaves_one_line_and_no_line_tells_a_secret() {
    let log = Log::start();
    let shop = Shop::open().await;
    let running = Running::start(&shop, 4);
    let mut checkouts = Vec::new();
    for fault in [
        None,
        Some(Fault::code("REJECT_CARD_COMPANY")),
        Some(Fault::new("cut_after")),
        Some(Fault::new("unauthorized")),
        Some(Fault::new("unreadable")),
    ] {
        let paying = shop.authenticated(23).await;
        if let Some(fault) = &fault {
            shop.goes_wrong(&paying, "confirm", fault);
        }
        let job = shop.accept(&paying).await;
        running.publish(&shop, &job, JobKind::Confirm).await;
        wait_for("the checkout", SOON, async || {
            has_ended(&shop, &job).await || shop.job(&job).await.state == JobState::Parked
        })
        .await;
        checkouts.push((paying, job));
    }
    let (_, cancel) = shop.cancel(&checkouts[0].0, Some(3_000), "one").await.unwrap();
    running.publish(&shop, &cancel, JobKind::Cancel).await;
    wait_for("the cancel", SOON, async || has_ended(&shop, &cancel).await).await;
    running.stop().await.unwrap();

    let mut lines: BTreeMap<(String, i64), Vec<Value>> = BTreeMap::new();
    for line in log.settled() {
        let span = &line["span"];
        let id = (span["job_id"].as_str().unwrap().to_owned(), span["attempt"].as_i64().unwrap());
        lines.entry(id).or_default().push(line);
    }
    let mut expected = 0;
    for job in checkouts.iter().map(|(_, job)| job).chain([&cancel]) {
        for attempt in shop.attempts(job).await {
            let id = (job.as_str().to_owned(), i64::from(attempt.number));
            let [line] = lines.remove(&id).expect("a line").try_into().expect("one line");
            assert_eq!(line["level"], "INFO");
            assert_eq!(line["verdict"], json!(attempt.verdict), "{line}");
            assert_eq!(line["http_status"], json!(attempt.http_status), "{line}");
            assert_eq!(line["duration_ms"], json!(attempt.duration_ms), "{line}");
            assert_eq!(line["span"]["operation"], json!(attempt.operation), "{line}");
            assert!(line["code"].is_string() && line["next"].is_string(), "{line}");
            expected += 1;
        }
    }
    assert_eq!(expected, 8);
    assert!(lines.is_empty(), "{lines:?}");
    let text = log.text();
    let keys = checkouts.iter().map(|(paying, _)| paying.payment_key.as_str());
    for secret in keys.chain([SECRET_KEY, AUTHORIZATION, "김토스", "01012345678", "서울시 마포구"])
    {
        assert!(!text.contains(secret), "{secret} is in the log: {text}");
    }
    shop.close().await;
}

#[tokio::test]
async fn an_answer_that_came_too_late_has_a_line_that_warns() {
    let log = Log::start();
    let shop = Shop::open().await;
    let running = Running::start(&shop, 4);
    let (paying, job) = slow(&shop, &running, 1_000).await;
    reaches_toss(&shop, &paying).await;
    // As if the worker had slept: another one takes the job over, and finds it under way or done.
    shop.store.advance_clock(LEASE_MS);
    shop.step(&job).await;
    wait_for("the late answer", SOON, async || {
        log.settled().iter().any(|line| line["next"] == "kept")
    })
    .await;
    let late = log.settled().into_iter().find(|line| line["next"] == "kept").unwrap();
    assert_eq!((&late["level"], &late["verdict"]), (&json!("WARN"), &json!("proven")), "{late}");
    assert_eq!(late["span"]["attempt"], 1);
    wait_for("the end", SOON, async || has_ended(&shop, &job).await).await;
    running.stop().await.unwrap();
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid");
    shop.close().await;
}
