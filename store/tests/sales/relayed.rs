//! What is handed to the queue: what is due and can be done, and nothing that would only lie there.

use domain::JobId;
use domain::attempt::Operation;
use domain::breaker::OPEN_MS;
use domain::limits::{CONFIRM_WINDOW_MS, GRACE_MS_MAX, LEASE_MS, RELAY_BATCH_MAX};
use sea_orm::ConnectionTrait as _;
use store::{Actor, Claimer, PauseScope};

use crate::fixture::{Shop, confirm_of};

const MERCHANT: &str = "default";

/// An order whose confirm is accepted, by the id of its job.
async fn confirmed(shop: &Shop, id: &str) -> String {
    shop.order(id).await;
    shop.store.accept_confirm(&confirm_of(id)).await.unwrap().job.unwrap().id
}

/// The jobs that the relay would publish now.
async fn taken(shop: &Shop) -> Vec<String> {
    let taken = shop.store.take_due_jobs(RELAY_BATCH_MAX).await.unwrap();
    let mut ids: Vec<String> = taken.into_iter().map(|job| job.id).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn a_job_that_only_a_newer_version_can_read_is_left_to_it_and_the_others_are_published() {
    let shop = Shop::open().await;
    let (newer, known) = (confirmed(&shop, "newer-1").await, confirmed(&shop, "known-1").await);
    shop.allow_kinds_of_tomorrow().await;
    let sql = format!("UPDATE jobs SET kind = 'of_tomorrow' WHERE id = '{newer}'");
    shop.rows.execute_unprepared(&sql).await.unwrap();
    shop.store.advance_clock(GRACE_MS_MAX);
    assert_eq!(taken(&shop).await, [known.as_str()]);
    let sql = format!("UPDATE jobs SET kind = 'confirm' WHERE id = '{newer}'");
    shop.rows.execute_unprepared(&sql).await.unwrap();
    assert_eq!(taken(&shop).await, [newer], "nobody had touched it");
}

#[tokio::test]
async fn what_a_pause_holds_is_not_published_again_and_again_and_comes_when_it_ends() {
    let shop = Shop::open().await;
    let (untried, begun) = (confirmed(&shop, "untried-1").await, confirmed(&shop, "begun-1").await);
    let begun_id = JobId::parse(begun.clone()).unwrap();
    shop.store.claim_jobs(&[begun_id], &Claimer::unlimited("worker")).await.unwrap();
    let (scope, actor) = (PauseScope::Only(Operation::Confirm), Actor::system());
    shop.store.pause_merchant(MERCHANT, scope, &actor, "closing time").await.unwrap();
    shop.store.advance_clock(GRACE_MS_MAX.max(LEASE_MS));
    assert_eq!(taken(&shop).await, [begun.as_str()], "its next step is a look-up");
    assert!(taken(&shop).await.is_empty());
    assert!(shop.store.resume_merchant(MERCHANT, scope, &actor, "open").await.unwrap());
    assert_eq!(taken(&shop).await, [untried.as_str()]);
    shop.store.pause_merchant(MERCHANT, scope, &actor, "closing time").await.unwrap();
    shop.store.advance_clock(CONFIRM_WINDOW_MS);
    let mut both = [untried, begun];
    both.sort();
    assert_eq!(taken(&shop).await, both, "a window ends even in a pause");
}

#[tokio::test]
async fn of_what_an_open_breaker_holds_a_few_are_published_when_one_may_try() {
    let shop = Shop::open().await;
    for number in 0..10 {
        confirmed(&shop, &format!("order-{number}")).await;
    }
    shop.store.advance_clock(GRACE_MS_MAX);
    shop.store.open_breaker(MERCHANT, "TIMEOUT").await.unwrap();
    assert!(taken(&shop).await.is_empty());
    shop.store.advance_clock(OPEN_MS);
    assert_eq!(taken(&shop).await.len(), 4);
    shop.store.advance_clock(1);
    assert_eq!(taken(&shop).await.len(), 4, "and others after them, because those may be lost");
}
