//! The daily reconciliation as running workers do it: one of them, when it is due, and what is said of it.

use std::time::Duration;

use domain::reconcile::next_daily_ms;
use domain::retention::DAY_MS;
use serde_json::Value;
use simulator::{FaultKind, FaultRequest, Operation};
use store::findings::FindingFilter;
use store::{Actor, Chore, ChoreTurn, PauseScope};
use worker::DailyReconciliation;

use crate::log::Log;
use crate::reconcile::tempo;
use crate::running::{Running, SOON, identity, wait_for};
use crate::shop::Shop;

/// Ten past four in the morning.
const MINUTE_OF_DAY: u32 = 4 * 60 + 10;
const HALF_AN_HOUR_MS: i64 = 30 * 60_000;

/// In how many milliseconds the chore is due; `None` when it is.
async fn due_in_ms(shop: &Shop) -> Option<i64> {
    match shop.store.take_chore(Chore::Reconciliation, 1, 1).await.unwrap() {
        ChoreTurn::NotYet { due_in_ms } => Some(due_in_ms),
        ChoreTurn::Ours(_) => None,
    }
}

/// A shop of which Toss had a charge yesterday that is none of ours, and the chore is due.
async fn shop_with_an_orphan() -> Shop {
    let shop = Shop::open().await;
    shop.paid(23).await;
    let orphan = shop.authenticated(9).await;
    assert_eq!(shop.rival_confirm(&orphan).await, 200);
    assert!(due_in_ms(&shop).await.is_some(), "the chore is known, and due a moment later");
    // It is of a day that is over, whatever time it is.
    shop.advance(DAY_MS + 20 * 60_000);
    shop
}

fn start(shop: &Shop, number: usize) -> Running {
    Running::start_with(shop, 1, |context| {
        context.identity = identity(&format!("worker-{number}"));
        context.reconciliation = Some(DailyReconciliation {
            minute_of_day: MINUTE_OF_DAY,
            tempo: tempo(Duration::ZERO),
        });
    })
}

/// Until the chore is due at this time of day, within a minute.
async fn put_off_to(shop: &Shop, at_ms: i64) {
    wait_for("the chore to be put off", SOON, async || {
        let now_ms = shop.store.now_ms().await.unwrap();
        let due_ms = due_in_ms(shop).await.map(|due_in_ms| now_ms + due_in_ms);
        let off_ms = due_ms.map(|due_ms| (due_ms - at_ms + 60_000).rem_euclid(DAY_MS));
        off_ms.is_some_and(|off_ms| off_ms < 120_000)
    })
    .await;
}

/// The alerts of this code.
fn alerts(log: &Log, code: &str) -> Vec<Value> {
    let lines = log.text();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["alert"] == code && line["level"] == "ERROR").collect()
}

async fn open_findings(shop: &Shop) -> usize {
    let filter = FindingFilter { is_open: Some(true), ..FindingFilter::default() };
    shop.store.list_findings(&filter, None, 10).await.unwrap().rows.len()
}

#[tokio::test]
async fn of_several_workers_one_compares_the_last_days_and_tells_of_what_is_new() {
    let log = Log::start();
    let shop = shop_with_an_orphan().await;
    let workers: Vec<Running> = (0..3).map(|number| start(&shop, number)).collect();
    wait_for("the finding", SOON, async || open_findings(&shop).await == 1).await;
    let now_ms = shop.store.now_ms().await.unwrap();
    put_off_to(&shop, next_daily_ms(now_ms, MINUTE_OF_DAY)).await;
    let told = alerts(&log, "findings_open");
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((&told[0]["merchant"], &told[0]["opened"]), (&"default".into(), &1.into()));
    for worker in workers {
        worker.stop().await.unwrap();
    }
    shop.close().await;
}

#[tokio::test]
async fn a_run_that_cannot_go_on_tells_so_and_is_tried_again_in_half_an_hour() {
    let log = Log::start();
    let shop = shop_with_an_orphan().await;
    let fault = FaultRequest::everywhere(Operation::List, FaultKind::Unauthorized);
    shop.toss.add_fault(fault).unwrap();
    let running = start(&shop, 0);
    put_off_to(&shop, shop.store.now_ms().await.unwrap() + HALF_AN_HOUR_MS).await;
    let told = alerts(&log, "reconciliation_stopped");
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["code"], "UNAUTHORIZED_KEY");
    assert_eq!(open_findings(&shop).await, 0);
    running.stop().await.unwrap();
    shop.advance(HALF_AN_HOUR_MS);
    let running = start(&shop, 1);
    wait_for("the finding", SOON, async || open_findings(&shop).await == 1).await;
    running.stop().await.unwrap();
    shop.close().await;
}

#[tokio::test]
async fn while_look_ups_are_paused_toss_is_not_asked() {
    let _log = Log::start();
    let shop = shop_with_an_orphan().await;
    shop.store.pause_merchant("default", PauseScope::All, &Actor::system(), "audit").await.unwrap();
    let running = start(&shop, 0);
    put_off_to(&shop, shop.store.now_ms().await.unwrap() + HALF_AN_HOUR_MS).await;
    assert_eq!(open_findings(&shop).await, 0);
    running.stop().await.unwrap();
    shop.close().await;
}
