//! `seungin prune` and `seungin erase-customer`: what they say, what they change, and how they end.

use serde_json::{Value, json};

use crate::http;
use crate::process::{Ended, Place, Running};

/// An order that was never paid, by this customer.
fn order(running: &Running, email: &str, phone: &str) -> String {
    let customer = json!({ "name": "김하나", "email": email, "phone": phone });
    http::order_of(&running.api, &customer).0
}

fn close(running: &Running, place: &Place, id: &str) {
    let token = place.master_token();
    let url = format!("{}/v1/orders/{id}/close", running.api);
    assert_eq!(http::post(&url, Some(&token), &json!({})).0, 200);
}

fn seen_by_staff(running: &Running, place: &Place, id: &str) -> Value {
    let url = format!("{}/v1/orders/{id}", running.api);
    http::get(&url, Some(&place.master_token())).1
}

fn erase(place: &Place, more: &[&str]) -> Ended {
    place.run(&[&["erase-customer", "--reason", "asked by mail, ticket 12"], more].concat())
}

#[test]
fn a_customer_is_erased_from_finished_orders_and_the_rest_says_why_not() {
    let place = Place::new();
    let running = place.start();
    let finished = order(&running, "Hana@example.com", "010-1234-5678");
    let payable = order(&running, "hana@example.com", "010-0000-0000");
    let other = order(&running, "dul@example.com", "010-1234-5678");
    close(&running, &place, &finished);
    close(&running, &place, &other);

    let dry = erase(&place, &["--email", "hana@example.com", "--dry-run"]).expect(1);
    assert!(dry.stdout.contains(&format!("{finished}  would be erased")), "{}", dry.stdout);
    assert!(dry.stdout.contains(&format!("{payable}  not erased: the order may still be paid")));
    assert!(!dry.stdout.contains(&other));
    assert_eq!(seen_by_staff(&running, &place, &finished)["customer"]["name"], "김하나");

    // Nobody sits in front of it.
    let unasked = erase(&place, &["--order", &finished]).expect(1);
    assert!(unasked.stderr.contains("--yes") && unasked.stdout.is_empty(), "{}", unasked.stderr);
    assert_eq!(seen_by_staff(&running, &place, &finished)["customer"]["name"], "김하나");

    let master = place.run(&["staff", "list", "--json"]).expect(0).json();
    let master = master.as_array().unwrap().iter().find(|one| one["role"] == "master").unwrap();
    let by = master["staffId"].as_str().unwrap();
    let some = ["--email", "hana@example.com", "--yes", "--json", "--by", by];
    let some = erase(&place, &some).expect(1);
    let outcome = |id: &str| {
        let orders = some.json()["orders"].as_array().unwrap().clone();
        orders.into_iter().find(|one| one["orderId"] == id).unwrap()
    };
    assert_eq!(outcome(&finished)["outcome"], "erased");
    assert_eq!(outcome(&payable)["outcome"], "refused");
    assert!(outcome(&payable)["why"].as_str().unwrap().contains("can be closed"));
    assert!(some.stderr.contains("1 of 2 orders"), "{}", some.stderr);
    let erased = seen_by_staff(&running, &place, &finished);
    assert_eq!(erased["customer"]["email"], Value::Null);
    assert!(erased["personalDataErasedAt"].is_string(), "{erased}");
    assert_eq!(seen_by_staff(&running, &place, &other)["customer"]["name"], "김하나");

    close(&running, &place, &payable);
    erase(&place, &["--email", "hana@example.com", "--yes"]).expect(0);
    let none = erase(&place, &["--email", "hana@example.com", "--yes"]).expect(0);
    assert!(none.stdout.contains("no order"), "{}", none.stdout);
    let again = erase(&place, &["--order", &finished, "--yes"]).expect(0);
    assert!(again.stdout.contains("was erased before"), "{}", again.stdout);
    let by_phone = erase(&place, &["--phone", "+82 10-1234-5678", "--yes"]).expect(0);
    assert_eq!(by_phone.stdout, format!("{other}  erased\n"));

    let token = place.master_token();
    let audit = http::get(&format!("{}/v1/audit?subject={finished}", running.api), Some(&token)).1;
    let entry = &audit["data"][0];
    assert_eq!((&entry["action"], &entry["actor"]), (&json!("order.erase"), &json!(by)));
    assert_eq!(entry["reason"], "asked by mail, ticket 12");
    running.stop().expect(0);
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_erased() {
    let place = Place::new();
    let nobody = erase(&place, &["--order", "some-order"]).expect(69);
    assert!(nobody.stderr.contains("seungin migrate"), "{}", nobody.stderr);
    place.run(&["migrate"]).expect(0);
    for wrong in [
        &["erase-customer", "--reason", "x"][..],
        &["erase-customer", "--order", "some-order"],
        &["erase-customer", "--order", "짧음", "--reason", "x"],
        &["erase-customer", "--email", "nobody", "--reason", "x"],
        &["erase-customer", "--phone", "12", "--reason", "x"],
        &["erase-customer", "--order", "some-order", "--reason", " "],
        &["prune", "--max-rows", "0"],
    ] {
        place.run(wrong).expect(2);
    }
    let unknown = erase(&place, &["--order", "some-order", "--yes"]).expect(1);
    assert!(unknown.stdout.contains("the order is unknown"), "{}", unknown.stdout);
    let stranger = erase(&place, &["--order", "some-order", "--yes", "--by", "nobody"]).expect(1);
    assert!(stranger.stderr.contains("--by"), "{}", stranger.stderr);
    for naming in [
        ["--email", "hana@example.com", "--reason", "Hana@Example.com asked"],
        ["--phone", "010-1234-5678", "--reason", "call from 010 1234-5678"],
    ] {
        let named = place.run(&[&["erase-customer", "--yes"], &naming[..]].concat()).expect(1);
        assert!(named.stderr.contains("Name a ticket instead"), "{}", named.stderr);
    }
}

#[test]
fn a_young_database_has_nothing_to_delete_and_the_ages_are_held_to_what_was_promised() {
    let place = Place::new();
    place.run(&["prune"]).expect(69);
    place.run(&["migrate"]).expect(0);
    assert_eq!(place.run(&["prune"]).expect(0).stdout, "deleted: nothing\n");
    assert_eq!(place.run(&["prune", "--dry-run"]).expect(0).stdout, "would be deleted: nothing\n");
    let report = place.run(&["prune", "--json"]).expect(0).json();
    let rows = json!({
        "attempts": 0, "jobs": 0, "cancel_entries": 0, "idempotency_keys": 0, "webhooks": 0, "poison_messages": 0, "workers": 0,
        "web_sessions": 0, "sign_in_tries": 0, "bulk_items": 0, "bulk_runs": 0,
    });
    assert_eq!(report, json!({ "dryRun": false, "finished": true, "rows": rows }));

    let mut short = place.command(&["prune"]);
    short.env("SEUNGIN__RETENTION__IDEMPOTENCY_DAYS", "29");
    short.env("SEUNGIN__RETENTION__JOBS_DAYS", "14");
    let short = short.output().unwrap();
    assert_eq!(short.status.code(), Some(78));
    let problem = String::from_utf8(short.stderr).unwrap();
    assert!(problem.contains("retention.idempotency_days") && problem.contains("30"), "{problem}");
    assert!(problem.contains("retention.jobs_days"), "{problem}");
}
