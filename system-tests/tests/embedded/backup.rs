//! docs/backup.md, step by step: SQLite's database is copied under load, lost, restored and recovered; and it outlives kill after kill.

use std::time::Duration;

use serde_json::{Value, json};
use system_tests::{entry_of, insist_charged_once, send};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::ALONE;
use crate::site::{Checkout, Site, command};

/// Confirms that are under way while the backup is made.
const UNDER_WAY: usize = 8;
/// How often the product is killed.
const KILLS: u64 = 4;
/// Confirms that are asked for in front of each kill.
const BEFORE_A_KILL: usize = 6;

/// The time so many hours ago.
fn hours_ago(hours: i64) -> String {
    (OffsetDateTime::now_utc() - time::Duration::hours(hours)).format(&Rfc3339).unwrap()
}

/// Confirms that Toss takes its time for.
async fn confirm_slowly(site: &Site) -> Vec<Checkout> {
    let mut under_way = Vec::new();
    for radishes in 1..=UNDER_WAY {
        let checkout = site.checkout(radishes).await;
        site.places.script_confirm(&checkout.order, json!({"kind": "delay", "ms": 2_000})).await;
        under_way.push(checkout);
    }
    for checkout in &under_way {
        site.confirm(checkout).await;
    }
    under_way
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_made_under_load_is_restored_and_recovered_and_nobody_pays_or_is_refunded_twice() {
    let _alone = ALONE.lock().await;
    let site = Site::start(&[]);
    // What happens now is an hour ago for Toss, so that reconciliation takes it for settled.
    let clock = format!("{}/_sim/clock", site.simulator());
    let request = site.places.client.request(reqwest::Method::POST, &clock);
    assert_eq!(send(request.json(&json!({"now": hours_ago(1)}))).await.status, 200);

    let paid = site.paid(2).await;
    assert_eq!(site.cancel(&paid[0], 3_000).await.status, 202);
    site.wait_for(&paid[0], "partially_cancelled").await;
    let under_way = confirm_slowly(&site).await;
    let file = site.home.data().with_file_name("backup.db");
    let file_name = file.to_str().unwrap().to_owned();
    let made = site.command("backup", &["backup", &file_name]);
    assert_eq!(made.code, 0, "{}", made.said);
    let again = site.command("backup-again", &["backup", &file_name]);
    assert_eq!(again.code, 2, "a backup is never written over: {}", again.said);
    for checkout in &under_way {
        let status = site.seen_by_staff(&checkout.order.id).await["status"].clone();
        assert_eq!(status, "confirming", "the backup was made too late");
    }

    // Life goes on, until the disk is lost.
    for checkout in &under_way {
        site.wait_for(checkout, "paid").await;
    }
    assert_eq!(site.cancel(&paid[1], 4_000).await.status, 202);
    site.wait_for(&paid[1], "partially_cancelled").await;
    let lost = site.paid(2).await;
    let simulator = site.simulator();
    let recover = ["recover", "--since", &hours_ago(0), "--json", "--beside-running"];
    // The heartbeat in the backup is seconds old, and its worker was killed.
    let recover = recover.map(str::to_owned);
    let recover: Vec<&str> = recover.iter().map(String::as_str).collect();
    let site = site.kill_and_start(|home| {
        for name in ["seungin.db", "seungin.db-wal", "seungin.db-shm"] {
            std::fs::remove_file(home.data().join(name)).ok();
        }
        std::fs::copy(&file, home.data().join("seungin.db")).unwrap();
        let dry = [&recover[..], &["--dry-run"]].concat();
        for (name, arguments) in [("recover-dry", &dry), ("recover", &recover.clone())] {
            let done = command(home, name, arguments, &simulator);
            assert_eq!(done.code, 0, "{}", done.said);
            let told: Value = serde_json::from_str(&done.said).expect("JSON");
            assert_eq!(told["confirms"], UNDER_WAY, "{told}");
            assert_eq!(told["dryRun"], name == "recover-dry");
            let next = told["next"][0].as_str().unwrap();
            assert!(next.starts_with("seungin reconcile --from "), "{next}");
        }
    });

    for checkout in &under_way {
        site.wait_for(checkout, "paid").await;
    }
    let reconcile = ["reconcile", "--from", &hours_ago(2)].map(str::to_owned);
    let reconcile: Vec<&str> = reconcile.iter().map(String::as_str).collect();
    let compared = site.command("reconcile", &reconcile);
    assert_eq!(compared.code, 1, "{}", compared.said);
    let count = |kind: &str| compared.said.matches(kind).count();
    assert_eq!(count("orphan_charge"), lost.len(), "{}", compared.said);
    assert_eq!(count("cancelled_at_toss"), 1, "{}", compared.said);
    let seen = site.seen_by_staff(&paid[1].order.id).await;
    assert_eq!(seen["status"], "partially_cancelled", "{seen}");
    let ledger = site.places.ledger().await;
    for checkout in paid.iter().chain(&under_way).chain(&lost) {
        insist_charged_once(&ledger, &checkout.order);
        assert_eq!(entry_of(&ledger, &checkout.order)["calls"]["confirm"], 1);
    }
    for (checkout, amount) in paid.iter().zip([3_000, 4_000]) {
        assert_eq!(entry_of(&ledger, &checkout.order)["refunds"], json!([amount]));
    }
    // What was sold since is not known here, and says so.
    let url = format!("{}/v1/orders/{}", site.places.api, lost[0].order.id);
    let unknown = site.places.client.request(reqwest::Method::GET, &url);
    let unknown = send(unknown.bearer_auth(&lost[0].order.token)).await;
    assert_eq!((unknown.status, &unknown.body["code"]), (404, &json!("order_unknown")));
    site.insist_sound("doctor");
}

/// Confirms and orders all at once; gives the checkouts and the orders that were answered with 2xx before the kill.
async fn load(site: &Site, checkouts: Vec<Checkout>) -> (Vec<Checkout>, Vec<String>) {
    let confirms = checkouts.into_iter().map(async |checkout| {
        let answer = site.places.try_confirm(&checkout.order, &checkout.payment_key).await;
        answer.is_ok_and(|answer| answer.status == 202).then_some(checkout)
    });
    let orders = (0..BEFORE_A_KILL).map(async |_| {
        let answer = site.try_order().await.ok().filter(|answer| answer.status == 201)?;
        answer.body["orderId"].as_str().map(str::to_owned)
    });
    let (confirmed, ordered) = tokio::join!(
        futures_util::future::join_all(confirms),
        futures_util::future::join_all(orders)
    );
    (confirmed.into_iter().flatten().collect(), ordered.into_iter().flatten().collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_answered_outlives_kill_after_kill_and_the_file_stays_sound() {
    let _alone = ALONE.lock().await;
    let mut site = Site::start(&[]);
    let (mut confirmed, mut ordered) = (Vec::new(), Vec::new());
    for kill in 1..=KILLS {
        let mut checkouts = Vec::new();
        for radishes in 1..=BEFORE_A_KILL {
            let checkout = site.checkout(radishes).await;
            let fault = json!({"kind": "delay", "ms": 100 * radishes});
            site.places.script_confirm(&checkout.order, fault).await;
            checkouts.push(checkout);
        }
        // Killed from a thread, so that the load meets it wherever it is. The seed is the number of the kill.
        let id = site.product.id().to_string();
        let pause = Duration::from_millis(30 + kill * 7_919 % 400);
        let killer = std::thread::spawn(move || {
            std::thread::sleep(pause);
            std::process::Command::new("kill").args(["-KILL", "--", &id]).status().unwrap()
        });
        let (these, those) = load(&site, checkouts).await;
        assert!(killer.join().unwrap().success());
        confirmed.extend(these);
        ordered.extend(those);
        site = site.kill_and_start(|_| {});
        site.insist_sound(&format!("doctor-{kill}"));
    }
    assert!(!confirmed.is_empty() && !ordered.is_empty(), "every kill was too early");
    for order_id in &ordered {
        let seen = site.seen_by_staff(order_id).await;
        assert_eq!(seen["orderId"], order_id.as_str(), "answered and lost: {seen}");
    }
    for checkout in &confirmed {
        site.wait_for(checkout, "paid").await;
    }
    let ledger = site.places.ledger().await;
    confirmed.iter().for_each(|checkout| insist_charged_once(&ledger, &checkout.order));
    let twice = ledger.iter().filter(|entry| entry["charges"].as_i64() > Some(1));
    assert_eq!(twice.count(), 0);
}
