//! The figures for metrics: complete, of work that is not finished, and of nothing else.

use domain::job::{JobKind, JobState};
use domain::limits::WORKER_ALIVE_MS;
use domain::policy::ReviewReason;
use domain::reconcile::Range;
use sea_orm::ConnectionTrait as _;
use store::{Gauges, LOST_MS};

use crate::fixture::{Shop, confirm_of};

/// Orders whose confirms are accepted: each has one job.
async fn confirm(shop: &Shop, ids: &[&str]) {
    for id in ids {
        shop.order(id).await;
        shop.store.accept_confirm(&confirm_of(id)).await.unwrap();
    }
}

async fn set_job(shop: &Shop, order_id: &str, change: &str) {
    let sql = format!("UPDATE jobs SET {change} WHERE order_id = '{order_id}'");
    assert_eq!(shop.rows.execute_unprepared(&sql).await.unwrap().rows_affected(), 1);
}

fn count(gauges: &Gauges, kind: JobKind, state: JobState) -> i64 {
    let found = gauges.jobs.iter().find(|group| group.kind == kind.word() && group.state == state);
    found.unwrap_or_else(|| panic!("no {kind:?} in {state:?}")).count
}

fn oldest_ms(gauges: &Gauges, kind: JobKind) -> i64 {
    gauges.oldest_waiting_ms.iter().find(|(known, _)| *known == kind).unwrap().1
}

fn of(sums: &[(&'static str, i64)], reason: &str) -> i64 {
    sums.iter().find(|(known, _)| *known == reason).unwrap().1
}

#[tokio::test]
async fn an_empty_shop_has_every_figure_and_all_are_zero() {
    let shop = Shop::open().await;
    let gauges = shop.store.read_gauges().await.unwrap();
    assert_eq!(gauges.jobs.len(), 3 * 4, "every kind in every live state");
    assert!(gauges.jobs.iter().all(|group| group.state.is_live() && group.count == 0));
    assert!(gauges.oldest_waiting_ms.iter().all(|(_, age_ms)| *age_ms == 0));
    let reasons = ReviewReason::ALL.len();
    assert_eq!((gauges.parked.len(), gauges.in_review.len()), (reasons, reasons));
    assert!(gauges.parked.iter().chain(&gauges.in_review).all(|(_, count)| *count == 0));
    assert_eq!(gauges.workers, JobKind::ALL.map(|kind| (kind, 0)));
    assert!(gauges.breakers.is_empty() && gauges.pauses.is_empty());
    assert_eq!(gauges.poison_messages, 0);
    assert!(gauges.findings.iter().all(|(_, count)| *count == 0));
    assert!(gauges.reconciled_to_ms.is_empty());
}

#[tokio::test]
async fn a_merchant_is_compared_up_to_the_latest_end_of_any_run_that_compared_something() {
    let shop = Shop::open_empty().await;
    let run = async |merchant: &str, to_ms: i64, compared_to_ms: i64| {
        let range = Range { from_ms: 1_000, to_ms };
        let mut run = shop.store.begin_reconciliation(merchant, range).await.unwrap();
        run.compared_to_ms = compared_to_ms;
        shop.store.stop_reconciliation(&run, "TOO_MANY_REQUESTS").await.unwrap();
    };
    run("first", 9_000, 9_000).await;
    run("first", 5_000, 5_000).await;
    run("second", 8_000, 3_000).await;
    run("third", 8_000, 1_000).await;
    let gauges = shop.store.read_gauges().await.unwrap();
    assert_eq!(
        gauges.reconciled_to_ms,
        [("first".to_owned(), 9_000), ("second".to_owned(), 3_000)],
        "what was begun and compared nothing says nothing"
    );
}

#[tokio::test]
async fn live_jobs_are_counted_by_kind_and_state_and_ended_ones_are_not() {
    let shop = Shop::open().await;
    confirm(&shop, &["queued-1", "queued-2", "running-1", "waiting-1", "parked-1", "ended-1"])
        .await;
    set_job(&shop, "running-1", "state = 'running'").await;
    set_job(&shop, "waiting-1", "state = 'waiting'").await;
    set_job(&shop, "parked-1", "state = 'parked', park_reason = 'gave_up'").await;
    set_job(&shop, "ended-1", "state = 'succeeded', ended_at = 1").await;
    let gauges = shop.store.read_gauges().await.unwrap();
    let counts = [JobState::Queued, JobState::Running, JobState::Waiting, JobState::Parked]
        .map(|state| count(&gauges, JobKind::Confirm, state));
    assert_eq!(counts, [2, 1, 1, 1]);
    assert_eq!(gauges.jobs.iter().map(|group| group.count).sum::<i64>(), 5);
    assert_eq!((of(&gauges.parked, "gave_up"), of(&gauges.parked, "setup")), (1, 0));
}

#[tokio::test]
async fn jobs_of_a_kind_that_only_a_newer_version_knows_are_counted_as_unknown() {
    let shop = Shop::open().await;
    confirm(&shop, &["known-1", "newer-1", "newer-2"]).await;
    shop.allow_kinds_of_tomorrow().await;
    set_job(&shop, "newer-1", "kind = 'of_tomorrow'").await;
    set_job(&shop, "newer-2", "kind = 'of_the_day_after', state = 'running'").await;
    let gauges = shop.store.read_gauges().await.unwrap();
    assert_eq!(count(&gauges, JobKind::Confirm, JobState::Queued), 1);
    let unknown: Vec<_> = gauges.jobs.iter().filter(|group| group.kind == "unknown").collect();
    assert_eq!(
        unknown.iter().map(|group| (group.state, group.count)).collect::<Vec<_>>(),
        [(JobState::Queued, 1), (JobState::Running, 1)]
    );
}

#[tokio::test]
async fn the_oldest_waiting_job_is_one_that_could_run_and_that_nobody_has() {
    let shop = Shop::open().await;
    confirm(&shop, &["queued-1", "running-1", "waiting-1", "parked-1"]).await;
    let now_ms = shop.store.now_ms().await.unwrap();
    let in_a_minute = now_ms + 60_000;
    let since = |age_ms: i64| format!("runnable_since = {}", now_ms - age_ms);
    let set = async |id: &str, state: &str, due_at: i64, age_ms: i64| {
        let change = format!("state = '{state}', due_at = {due_at}, {}", since(age_ms));
        set_job(&shop, id, &change).await;
    };
    let oldest_s = async || {
        let gauges = shop.store.read_gauges().await.unwrap();
        assert_eq!(oldest_ms(&gauges, JobKind::Cancel), 0);
        oldest_ms(&gauges, JobKind::Confirm) / 1_000
    };
    // Its grace says when it is published again, not since when it waits.
    set("queued-1", "queued", in_a_minute, 10_000).await;
    // A worker has it, it is too early for it, a person has it.
    set("running-1", "running", in_a_minute, 100_000).await;
    set("waiting-1", "waiting", in_a_minute, -60_000).await;
    set("parked-1", "parked", 0, 300_000).await;
    assert_eq!(oldest_s().await, 10);
    set("running-1", "running", now_ms, 100_000).await;
    assert_eq!(oldest_s().await, 100, "its worker is gone");
    set("waiting-1", "waiting", in_a_minute, 200_000).await;
    assert_eq!(oldest_s().await, 200, "it is held back, and waits all the same");
}

#[tokio::test]
async fn payments_in_review_are_counted_by_reason_also_those_of_a_newer_version() {
    let shop = Shop::open().await;
    confirm(&shop, &["order-1", "order-2", "order-3", "order-4"]).await;
    for (id, reason) in [("order-1", "absent"), ("order-2", "absent"), ("order-3", "of_tomorrow")] {
        let sql = format!(
            "UPDATE payments SET review_reason = '{reason}', review_since = 1 WHERE order_id = '{id}'"
        );
        shop.rows.execute_unprepared(&sql).await.unwrap();
    }
    let gauges = shop.store.read_gauges().await.unwrap();
    assert_eq!((of(&gauges.in_review, "absent"), of(&gauges.in_review, "unknown")), (2, 1));
    assert_eq!(gauges.in_review.iter().map(|(_, count)| count).sum::<i64>(), 3);
}

#[tokio::test]
async fn workers_count_while_they_are_seen_and_for_the_kinds_that_they_take() {
    let shop = Shop::open().await;
    let now_ms = shop.store.now_ms().await.unwrap();
    let gone_ms = now_ms - WORKER_ALIVE_MS - 1_000;
    for (id, kinds, in_flight, seen_at, stopping) in [
        ("a", "confirm,cancel,look_up,bulk", 3, now_ms, "NULL"),
        ("b", "confirm", 4, now_ms, "NULL"),
        ("stopping", "confirm", 5, now_ms, "1"),
        ("gone", "confirm", 100, gone_ms, "NULL"),
        ("long gone", "confirm", 100, now_ms - LOST_MS - 1_000, "NULL"),
    ] {
        let sql = format!(
            "INSERT INTO workers VALUES ('{id}', 'host', '0', '{kinds}', 64, {in_flight}, 0, {seen_at}, {stopping})"
        );
        shop.rows.execute_unprepared(&sql).await.unwrap();
    }
    let gauges = shop.store.read_gauges().await.unwrap();
    assert_eq!(gauges.workers, [(JobKind::Confirm, 2), (JobKind::Cancel, 1), (JobKind::LookUp, 1)]);
    assert_eq!((gauges.workers_concurrency, gauges.workers_in_flight), (128, 12));
    assert_eq!(gauges.workers_lost, 1, "the one that went silent lately");
}

#[tokio::test]
async fn breakers_pauses_and_poison_messages_are_seen() {
    let shop = Shop::open().await;
    for sql in [
        "INSERT INTO breakers VALUES ('a', 'open', 1, 0, NULL, NULL, NULL, 0)",
        "INSERT INTO breakers VALUES ('b', 'closed', 0, 0, NULL, NULL, NULL, 0)",
        "INSERT INTO pauses VALUES ('a', 'all', 'paused', 'by hand', NULL, 'system', 0)",
        "INSERT INTO pauses VALUES ('b', 'confirm', 'suspected', 'UNAUTHORIZED_KEY', NULL, 'system', 0)",
        "INSERT INTO poison_messages VALUES ('1', 'garbage', 'confirm', '?', NULL, 0)",
    ] {
        shop.rows.execute_unprepared(sql).await.unwrap();
    }
    let gauges = shop.store.read_gauges().await.unwrap();
    assert_eq!(gauges.breakers, [("a".to_owned(), true), ("b".to_owned(), false)]);
    assert_eq!(gauges.pauses, [("a".to_owned(), "all".to_owned())], "a suspicion holds nothing");
    assert_eq!(gauges.poison_messages, 1);
}

#[tokio::test]
async fn the_pool_tells_how_its_connections_are_used_and_a_closed_database_is_an_error() {
    let shop = Shop::open().await;
    let pool = shop.store.pool_gauges();
    assert_eq!(pool.max, 8);
    assert!((1..=8).contains(&pool.open) && pool.idle <= pool.open, "{pool:?}");
    let store = shop.store.clone();
    shop.store.clone().close().await.unwrap();
    assert!(store.read_gauges().await.is_err());
    assert_eq!(store.pool_gauges().open, 0);
}
