//! Ages, to the millisecond, and the tables that nothing but age keeps.

use entities::{idempotency_key, poison_message, worker};
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, IntoActiveModel as _, PaginatorTrait as _};
use store::orders::CreateOrder;
use store::{PruneAges, PruneMode, PrunedTable};

use super::answers::AGES;
use crate::fixture::{Shop, caller_key, gimbap_order};

/// Runs with the ages that `ages` makes of the milliseconds that have passed since an instant. The clock runs on, so a run counts
/// only if it began in the very millisecond that the ages were made for.
async fn run_at(
    shop: &Shop,
    instant_ms: i64,
    ages: impl Fn(i64) -> PruneAges,
) -> store::PruneCounts {
    for _ in 0..10_000 {
        let now_ms = shop.store.now_ms().await.unwrap();
        let mut run =
            shop.store.prune(&ages(now_ms - instant_ms), PruneMode::Delete).await.unwrap();
        if shop.store.now_ms().await.unwrap() == now_ms {
            while run.next_batch(100).await.unwrap().is_some() {}
            return run.counts().clone();
        }
    }
    panic!("no run began within one millisecond");
}

#[tokio::test]
async fn a_job_that_is_exactly_as_old_as_it_may_be_is_kept_and_one_millisecond_older_is_not() {
    let shop = Shop::open().await;
    let job = shop.declined("declined").await;
    let ended_at = shop.store.find_job(&job).await.unwrap().unwrap().ended_at.unwrap();
    shop.pass(90);
    let exactly = run_at(&shop, ended_at, |age| PruneAges { jobs_ms: age, ..AGES }).await;
    assert_eq!(exactly.of(PrunedTable::Jobs), 0);
    let older = run_at(&shop, ended_at, |age| PruneAges { jobs_ms: age - 1, ..AGES }).await;
    assert_eq!((older.of(PrunedTable::Jobs), older.of(PrunedTable::Attempts)), (1, 1));
}

#[tokio::test]
async fn a_callers_key_finds_its_order_for_as_long_as_it_is_kept() {
    let shop = Shop::open().await;
    let wanted = CreateOrder { idempotency: Some(caller_key("key", "body")), ..gimbap_order() };
    let made = shop.store.create_order(&wanted).await.unwrap();
    let at = made.order.order.created_at_ms;
    shop.pass(90);
    let exactly = run_at(&shop, at, |age| PruneAges { idempotency_ms: age, ..AGES }).await;
    assert_eq!(exactly.total(), 0);
    assert!(shop.store.create_order(&wanted).await.unwrap().is_replay);
    let older = run_at(&shop, at, |age| PruneAges { idempotency_ms: age - 1, ..AGES }).await;
    assert_eq!((older.of(PrunedTable::IdempotencyKeys), older.total()), (1, 1));
    assert!(!shop.store.create_order(&wanted).await.unwrap().is_replay);
}

#[tokio::test]
async fn messages_that_were_set_aside_and_workers_that_are_gone_go_by_their_own_ages() {
    let shop = Shop::open().await;
    let now_ms = shop.store.now_ms().await.unwrap();
    for (id, at) in [("older", now_ms - 1_000), ("exactly", now_ms), ("younger", now_ms + 1_000)] {
        let message = poison_message::Model {
            id: id.to_owned(),
            reason: "not_a_job".to_owned(),
            source: "seungin.confirm".to_owned(),
            body: "?".to_owned(),
            detail: None,
            received_at: at,
        };
        let message = message.into_active_model().reset_all();
        poison_message::Entity::insert(message).exec_without_returning(&shop.rows).await.unwrap();
        let seen = worker::Model {
            id: id.to_owned(),
            host: "host".to_owned(),
            version: "0".to_owned(),
            kinds: "confirm".to_owned(),
            concurrency: 1,
            in_flight: 0,
            started_at: at,
            seen_at: at,
            stopping_since: None,
        };
        let seen = seen.into_active_model().reset_all();
        worker::Entity::insert(seen).exec_without_returning(&shop.rows).await.unwrap();
    }
    shop.pass(7);
    let poison =
        run_at(&shop, now_ms, |age| PruneAges { poison_ms: age, workers_ms: i64::MAX, ..AGES });
    assert_eq!(poison.await.total(), 1);
    let workers = run_at(&shop, now_ms, |age| PruneAges { workers_ms: age, ..AGES });
    assert_eq!(workers.await.total(), 1);
    let left = poison_message::Entity::find_by_id("older").one(&shop.rows).await.unwrap();
    assert!(left.is_none());
    assert_eq!(poison_message::Entity::find().count(&shop.rows).await.unwrap(), 2);
    assert_eq!(worker::Entity::find().count(&shop.rows).await.unwrap(), 2);
    assert_eq!(idempotency_key::Entity::find().count(&shop.rows).await.unwrap(), 0);
}
