//! `seungin reconcile` and `seungin findings`: what they say, and how they end.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http;
use crate::process::{PATIENCE, Place, Running};

/// `test_sk_seungin_simulator:`, which the product itself calls the bundled simulator with.
const KEY: [(&str, &str); 1] = [("authorization", "Basic dGVzdF9za19zZXVuZ2luX3NpbXVsYXRvcjo=")];

/// Toss takes money that nobody here knows of.
fn charge_an_orphan(simulator: &str, order_id: &str) {
    let payment_key = http::authenticate(simulator, order_id);
    let body = json!({"paymentKey": payment_key, "orderId": order_id, "amount": 22_000});
    let url = format!("{simulator}/v1/payments/confirm");
    let key = [KEY[0], ("idempotency-key", "an-orphan")];
    let (status, payment) = http::send_with(reqwest::Method::POST, &url, None, &key, Some(&body));
    assert_eq!(status, 200, "{payment}");
}

/// An order that was paid by its customer; gives its id.
fn pay(running: &Running) -> String {
    let simulator = running.simulator.as_deref().unwrap();
    let (id, token) = http::order(&running.api);
    let body = json!({"paymentKey": http::authenticate(simulator, &id), "amount": 22_000});
    let url = format!("{}/v1/orders/{id}", running.api);
    assert_eq!(http::post(&format!("{url}/confirm"), Some(&token), &body).0, 202);
    let until = Instant::now() + PATIENCE;
    while http::get(&url, Some(&token)).1["status"] != "paid" {
        assert!(Instant::now() < until, "{:?}", http::get(&url, Some(&token)));
        std::thread::sleep(Duration::from_millis(20));
    }
    id
}

/// The first of January, with which other ends of a range do not fit.
const SINCE: [&str; 3] = ["reconcile", "--from", "2026-01-01"];

fn an_hour_ago() -> String {
    let ago = time::OffsetDateTime::now_utc() - time::Duration::hours(1);
    ago.format(&time::format_description::well_known::Rfc3339).unwrap()
}

/// Moves the simulator's clock.
fn set_clock(simulator: &str, now: &str) {
    let (status, clock) =
        http::post(&format!("{simulator}/_sim/clock"), None, &json!({ "now": now }));
    assert_eq!(status, 200, "{clock}");
}

#[test]
fn a_charge_of_nobody_is_told_with_exit_1_until_somebody_has_dealt_with_it() {
    let place = Place::new();
    let running = place.start_with(&[("SEUNGIN__RECONCILE__ENABLED", "false")]);
    let simulator = running.simulator.clone().unwrap();
    let since = an_hour_ago();
    set_clock(&simulator, &since);
    let clean = place.run(&["reconcile", "--from", &since]).expect(0);
    assert!(clean.stdout.ends_with("no findings\n"), "{}", clean.stdout);
    assert!(clean.stderr.contains("compared is what happened until"), "{}", clean.stderr);

    charge_an_orphan(&simulator, "order-of-nobody");
    // What is paid now is younger than what is compared.
    let paid = pay(&running);
    let found = place.run(&["reconcile", "--from", &since]).expect(1);
    assert!(found.stdout.contains("orphan_charge"), "{}", found.stdout);
    assert!(found.stdout.contains("order-of-nobody  here - there 22000"), "{}", found.stdout);
    assert!(found.stderr.contains("docs/reconciliation.md"), "{}", found.stderr);
    let report = place.run(&["reconcile", "--from", &since, "--json"]).expect(1).json();
    assert_eq!((&report["opened"], &report["unreadable"]), (&json!(0), &json!(0)));
    let finding = &report["findings"][0];
    assert_eq!((&finding["kind"], &finding["closed"]), (&json!("orphan_charge"), &Value::Null));
    assert_eq!((&finding["amountHere"], &finding["amountThere"]), (&Value::Null, &json!(22_000)));

    let listed = place.run(&["findings", "list"]).expect(0);
    assert_eq!(listed.stdout.lines().count(), 1, "{}", listed.stdout);
    let id = finding["findingId"].as_str().unwrap();
    let closed = place.run(&["findings", "close", id, "--reason", "ticket 12"]).expect(0);
    assert!(closed.stderr.contains("closed by operator: ticket 12"), "{}", closed.stderr);
    let twice = place.run(&["findings", "close", id, "--reason", "again"]).expect(1);
    assert!(twice.stderr.contains("closed already"), "{}", twice.stderr);
    assert_eq!(place.run(&["findings", "list"]).expect(0).stdout, "no findings\n");
    let kind = ["findings", "list", "--all", "--json", "--kind", "orphan_charge"];
    let all = place.run(&kind).expect(0).json();
    assert_eq!(all[0]["closed"]["reason"], "ticket 12");
    place.run(&["reconcile", "--from", &since]).expect(0);
    assert!(!all.to_string().contains(&paid));
    running.stop().expect(0);
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_compared() {
    let place = Place::new();
    place.run(&SINCE).expect(69);
    place.run(&["migrate"]).expect(0);
    for wrong in [
        &["reconcile"][..],
        &["reconcile", "--from", "yesterday"],
        &["reconcile", "--from", "2026-01-01T00:00:00"],
        &["findings", "list", "--kind", "of_tomorrow"],
        &["findings", "close", "some-id"],
        &["findings", "close", "some-id", "--reason", " "],
        &["webhooks", "list", "--state", "of_tomorrow"],
        &["webhooks", "replay", "some-id", "--reason", " "],
    ] {
        place.run(wrong).expect(2);
    }
    for (more, why) in [
        (&["--to", "2026-01-01"][..], "must end after it begins"),
        (&["--to", "2026-02-02"], "31 days"),
        (&["--to", "2999-01-01"], "future"),
        (&["--to", "2026-01-02", "--merchant", "nobody"], "no merchant"),
    ] {
        // Never 1, which says that something differs.
        let refused = place.run(&[&SINCE, more].concat()).expect(2);
        assert!(refused.stderr.contains(why) && refused.stdout.is_empty(), "{}", refused.stderr);
    }
    let unknown = place.run(&["findings", "close", "some-id", "--reason", "x"]).expect(1);
    assert!(unknown.stderr.contains("unknown"), "{}", unknown.stderr);
    let retired = place.run(&["merchant", "retire-keys", "--pair", "7"]).expect(1);
    assert!(retired.stderr.contains("there is no pair 7"), "{}", retired.stderr);
    for (key, value) in [("ENABLED", "perhaps"), ("AT", "4 o'clock")] {
        let mut wrong = place.command(&["findings", "list"]);
        wrong.env(format!("SEUNGIN__RECONCILE__{key}"), value);
        assert_eq!(wrong.output().unwrap().status.code(), Some(78), "{key}");
    }
}

#[test]
fn a_key_that_toss_does_not_accept_stops_the_run_and_the_same_command_goes_on() {
    let place = Place::new();
    let running = place.start_with(&[("SEUNGIN__RECONCILE__ENABLED", "false")]);
    let simulator = running.simulator.clone().unwrap();
    let fault = json!({"everywhere": true, "operation": "list", "kind": "unauthorized"});
    assert_eq!(http::post(&format!("{simulator}/_sim/faults"), None, &fault).0, 200);
    let since = an_hour_ago();
    let stopped = place.run(&["reconcile", "--from", &since]).expect(1);
    let (_, rest) = stopped.stderr.split_once("the same command with ").expect("how to go on");
    let (same, _) = rest.split_once(" goes on where it was").expect("how to go on");
    assert!(stopped.stderr.contains("UNAUTHORIZED_KEY"), "{}", stopped.stderr);
    assert!(stopped.stdout.is_empty(), "{}", stopped.stdout);
    // The end of the first range was "now", which is another one by now.
    std::thread::sleep(Duration::from_millis(1_100));
    let again: Vec<&str> = ["reconcile", "--json"].into_iter().chain(same.split(' ')).collect();
    let report = place.run(&again).expect(0).json();
    let compared = format!(
        "--from {} --to {}",
        report["from"].as_str().unwrap(),
        report["to"].as_str().unwrap()
    );
    assert_eq!(compared, same, "the run of the same range is gone on with");
    running.stop().expect(0);
}
