//! The overview: what ended, minute by minute, counted once and read together with what was not counted yet.

use domain::job::{JobKind, JobState};
use domain::role::Scope;
use sea_orm::{ConnectionTrait as _, Statement};
use store::{Heartbeat, Overview};

use crate::fixture::{GIMBAP, MALA, Shop, confirm_of, store_id};

async fn overview(shop: &Shop) -> Overview {
    shop.store.read_overview(&Scope::Every).await.unwrap()
}

async fn job(shop: &Shop, id: &str, change: &str) {
    shop.order(id).await;
    shop.store.accept_confirm(&confirm_of(id)).await.unwrap();
    let sql = format!("UPDATE jobs SET {change} WHERE order_id = '{id}'");
    assert_eq!(shop.rows.execute_unprepared(&sql).await.unwrap().rows_affected(), 1);
}

async fn ended(shop: &Shop, id: &str, state: JobState, ago_ms: i64, code: Option<&str>) {
    let at = shop.store.now_ms().await.unwrap() - ago_ms;
    let code = code.map_or("NULL".to_owned(), |code| format!("'{code}'"));
    let word = state.word();
    job(shop, id, &format!("state = '{word}', ended_at = {at}, last_code = {code}")).await;
}

async fn counted_rows(shop: &Shop) -> i64 {
    let sql = "SELECT COUNT(*) AS counted FROM job_minutes WHERE kind <> ''";
    let backend = shop.rows.get_database_backend();
    let row = shop.rows.query_one_raw(Statement::from_string(backend, sql)).await.unwrap();
    row.unwrap().try_get("", "counted").unwrap()
}

async fn count_all(shop: &Shop) {
    for _ in 0..200 {
        if !shop.store.count_minutes().await.unwrap() {
            return;
        }
    }
    panic!("there is always more to count");
}

const MINUTE: i64 = 60_000;

#[tokio::test]
async fn an_empty_shop_has_an_overview_with_whole_series() {
    let shop = Shop::open().await;
    let overview = overview(&shop).await;
    assert_eq!((overview.hour.points.len(), overview.day.points.len()), (60, 48));
    assert_eq!(overview.hour.total.success_per_100_000(), None);
    assert!(overview.oldest_waiting.is_none() && overview.people.parked.is_empty());
    assert_eq!(overview.merchants.len(), 1, "every merchant that a store sells under");
}

#[tokio::test]
async fn what_ended_is_the_same_before_and_after_it_was_counted() {
    let shop = Shop::open().await;
    ended(&shop, "just-now", JobState::Succeeded, 0, None).await;
    ended(&shop, "before", JobState::Succeeded, 10 * MINUTE, None).await;
    ended(&shop, "declined", JobState::Declined, 20 * MINUTE, Some("REJECT_CARD_COMPANY")).await;
    ended(&shop, "hours-ago", JobState::Void, 300 * MINUTE, Some("CONFIRM_WINDOW_OVER")).await;
    ended(&shop, "days-ago", JobState::Succeeded, 3_000 * MINUTE, None).await;
    let before = overview(&shop).await;
    assert_eq!((before.hour.total.succeeded, before.hour.total.failed), (2, 1));
    assert_eq!((before.day.total.succeeded, before.day.total.failed), (2, 2));
    assert_eq!(before.hour.total.success_per_100_000(), Some(66_666));
    let failures: Vec<_> =
        before.day.failures.iter().map(|one| (one.kind, one.code.as_str(), one.count)).collect();
    assert_eq!(
        failures,
        [
            (JobKind::Confirm, "CONFIRM_WINDOW_OVER", 1),
            (JobKind::Confirm, "REJECT_CARD_COMPANY", 1)
        ]
    );
    count_all(&shop).await;
    assert_eq!(counted_rows(&shop).await, 6, "three, for their store and for all");
    let after = overview(&shop).await;
    assert_eq!(after.day.total.succeeded, before.day.total.succeeded);
    assert_eq!(after.day.failures, before.day.failures);
    // The jobs themselves may be gone by now.
    shop.rows.execute_unprepared("DELETE FROM jobs WHERE state <> 'succeeded'").await.unwrap();
    assert_eq!(overview(&shop).await.day.failures, before.day.failures);
}

#[tokio::test]
async fn a_minute_is_counted_once_however_many_count_and_only_when_nothing_can_be_added() {
    let shop = Shop::open().await;
    ended(&shop, "before", JobState::Succeeded, 10 * MINUTE, None).await;
    let counting = (0..4).map(|_| count_all(&shop));
    futures_util::future::join_all(counting).await;
    assert_eq!(counted_rows(&shop).await, 2);
    assert_eq!(overview(&shop).await.hour.total.succeeded, 1);
    ended(&shop, "just-now", JobState::Succeeded, 0, None).await;
    count_all(&shop).await;
    assert_eq!(counted_rows(&shop).await, 2, "its minute is not over");
    shop.store.advance_clock(2 * MINUTE);
    count_all(&shop).await;
    assert_eq!(counted_rows(&shop).await, 4);
    // What nobody looks at any more goes.
    shop.store.advance_clock(4 * 24 * 60 * MINUTE);
    for _ in 0..200 {
        count_all(&shop).await;
        shop.store.advance_clock(MINUTE);
    }
    assert_eq!(counted_rows(&shop).await, 0);
}

#[tokio::test]
async fn what_waits_is_told_by_whose_hands_it_is_in() {
    let shop = Shop::open().await;
    let now = shop.store.now_ms().await.unwrap();
    let later = now + 60_000;
    job(&shop, "published", &format!("due_at = {later}, runnable_since = {}", now - 9_000)).await;
    job(&shop, "unpublished", &format!("due_at = {now}, runnable_since = {}", now - 5_000)).await;
    job(&shop, "running", &format!("state = 'running', due_at = {later}, runnable_since = 1"))
        .await;
    job(
        &shop,
        "for-later",
        &format!("state = 'waiting', due_at = {later}, runnable_since = {later}"),
    )
    .await;
    job(&shop, "parked", "state = 'parked', park_reason = 'gave_up', runnable_since = 1").await;
    let overview = overview(&shop).await;
    let counts = [overview.queued, overview.unpublished, overview.in_flight, overview.scheduled];
    assert_eq!(counts.map(|one| one.count), [1, 1, 1, 1]);
    assert_eq!(overview.oldest_waiting.unwrap().order_id, "published");
    let parked: Vec<_> =
        overview.people.parked.iter().map(|(why, of)| (why.as_str(), of.count)).collect();
    assert_eq!(parked, [("gave_up", 1)]);
}

#[tokio::test]
async fn members_of_staff_see_the_figures_of_their_stores_and_no_workers() {
    let shop = Shop::open().await;
    ended(&shop, "before", JobState::Declined, 10 * MINUTE, Some("REJECT_CARD_COMPANY")).await;
    ended(&shop, "just-now", JobState::Succeeded, 0, None).await;
    job(&shop, "parked", "state = 'parked', park_reason = 'gave_up'").await;
    shop.rows
        .execute_unprepared(
            "UPDATE payments SET review_reason = 'gave_up', review_since = 1 WHERE order_id = 'parked'",
        )
        .await
        .unwrap();
    let heartbeat = Heartbeat {
        id: "worker-1".to_owned(),
        host: "here".to_owned(),
        version: "1".to_owned(),
        kinds: "confirm".to_owned(),
        concurrency: 1,
        in_flight: 0,
        is_stopping: false,
    };
    shop.store.beat(&heartbeat).await.unwrap();
    for is_counted in [false, true] {
        if is_counted {
            count_all(&shop).await;
        }
        let of = |store| Scope::Stores(vec![store_id(store)]);
        let theirs = shop.store.read_overview(&of(GIMBAP)).await.unwrap();
        assert_eq!((theirs.day.total.succeeded, theirs.day.total.failed), (1, 1));
        assert_eq!((theirs.people.parked.len(), theirs.people.in_review.len()), (1, 1));
        assert!(theirs.workers.is_empty() && theirs.merchants.is_empty());
        let others = shop.store.read_overview(&of(MALA)).await.unwrap();
        assert_eq!((others.day.total.succeeded, others.day.total.failed), (0, 0));
        assert!(others.people.parked.is_empty() && others.people.in_review.is_empty());
        assert!(others.oldest_waiting.is_none() && others.day.failures.is_empty());
    }
    assert_eq!(overview(&shop).await.workers.len(), 1);
}
