//! The disk takes nothing more: customers are told so, what Toss answers is held, and all goes on by itself when there is room again.
//!
//! The kernel's limit on the size of a process's files stands in for a full disk: every write beyond it fails, of the database as of its
//! log of writes, and it can be lifted while the process runs.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use system_tests::insist_charged_once;

use crate::ALONE;
use crate::site::Site;

/// A write that the limit forbids is then an error, and no signal that ends the process.
const WRAPPER: [&str; 2] = ["env", "--ignore-signal=XFSZ"];
/// Below what the database's log of writes has from its start, so that nothing more goes into it; above what the process writes to its own log.
const FULL_BYTES: &str = "200000";
/// Confirms whose answers come while nothing can be written.
const UNDER_WAY: usize = 8;
const PATIENCE: Duration = Duration::from_secs(60);

/// How much the process may write into one file from now on.
fn limit_files(process: u32, bytes: &str) {
    let process = process.to_string();
    let limit = format!("--fsize={bytes}:");
    let set = Command::new("prlimit").args(["--pid", &process, &limit]).status();
    assert!(set.is_ok_and(|status| status.success()), "prlimit belongs to util-linux");
}

/// Orders until one is refused; gives the refusal.
async fn fill(site: &Site) -> system_tests::Answer {
    let began = Instant::now();
    loop {
        let answer = site.try_order().await.unwrap();
        if answer.status != 201 {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "the disk is never full");
    }
}

/// What `readyz?verbose` says of writes; `None` while they were never refused.
async fn writes(site: &Site) -> Option<String> {
    let told = site.places.client.get(&format!("{}/readyz?verbose", site.places.api)).await;
    assert_eq!(told.status, 200, "whoever only reads is served: {}", told.body);
    let checks = told.body["checks"].as_array().unwrap().clone();
    let own = checks.into_iter().find(|check| check["name"] == "database_writes")?;
    own["status"].as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_loses_nothing_and_when_there_is_room_all_goes_on_without_a_restart() {
    let _alone = ALONE.lock().await;
    let site = Site::start(&WRAPPER);
    let paid = site.paid(1).await.remove(0);
    let mut under_way = Vec::new();
    for radishes in 1..=UNDER_WAY {
        let checkout = site.checkout(radishes).await;
        site.places.script_confirm(&checkout.order, json!({"kind": "delay", "ms": 3_000})).await;
        under_way.push(checkout);
    }
    let waiting = site.checkout(UNDER_WAY + 1).await;
    for checkout in &under_way {
        site.confirm(checkout).await;
    }
    // All of them are recorded and on their way.
    let began = Instant::now();
    loop {
        let ledger = site.places.ledger().await;
        let arrived = ledger.iter().filter(|entry| entry["calls"]["confirm"] != 0).count();
        if arrived == UNDER_WAY + 1 {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{arrived} have arrived");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    limit_files(site.product.id(), FULL_BYTES);
    let refused = fill(&site).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert_eq!(refused.body["code"], "unavailable", "{}", refused.body);
    let confirm = site.places.confirm(&waiting.order, &waiting.payment_key).await;
    assert_eq!(confirm.status, 503, "{}", confirm.body);
    assert_eq!(site.wait_for(&paid, "paid").await["status"], "paid", "orders can be read");
    assert_eq!(writes(&site).await.as_deref(), Some("degraded"));
    // Toss has answered all of them by now, and nobody could write it down. Longer than a lease, so that nobody owns the jobs.
    tokio::time::sleep(Duration::from_secs(25)).await;
    let ledger = site.places.ledger().await;
    under_way.iter().for_each(|checkout| insist_charged_once(&ledger, &checkout.order));
    for checkout in &under_way {
        let seen = site.seen_by_staff(&checkout.order.id).await;
        assert_ne!(seen["status"], "paid", "the disk was not full: {seen}");
    }
    let said = site.product.said();
    assert!(said.contains("database_full") && said.contains("make room"), "{said}");

    limit_files(site.product.id(), "unlimited");
    for checkout in &under_way {
        site.wait_for(checkout, "paid").await;
    }
    site.confirm(&waiting).await;
    site.wait_for(&waiting, "paid").await;
    assert_eq!(site.try_order().await.unwrap().status, 201);
    assert_eq!(writes(&site).await.as_deref(), Some("ok"));
    let ledger = site.places.ledger().await;
    for checkout in under_way.iter().chain([&waiting, &paid]) {
        insist_charged_once(&ledger, &checkout.order);
        let entry = system_tests::entry_of(&ledger, &checkout.order);
        assert_eq!(entry["calls"]["confirm"], 1, "called twice: {entry}");
    }
    site.insist_sound("doctor");
    let said = site.product.said();
    assert!(!said.contains("panicked at"), "{said}");
}
