//! Runs: in batches, cut off and gone on with, side by side, repeated, and without doing anything.

use entities::{audit, cancellation, idempotency_key, order, order_line, payment};
use sea_orm::{EntityTrait as _, PaginatorTrait as _};
use store::orders::CreateOrder;
use store::{PruneCounts, PruneMode, PrunedTable};

use super::answers::AGES;
use crate::fixture::{Shop, caller_key, gimbap_order, owner};

/// So many orders with keys that were declined, and one that was paid and given back: `count + 2` jobs and attempts, `count + 1` keys.
async fn fill(shop: &Shop, count: usize) {
    for number in 0..count {
        let key = caller_key(&format!("key {number}"), "body");
        let wanted = CreateOrder { idempotency: Some(key), ..gimbap_order() };
        shop.store.create_order(&wanted).await.unwrap();
        shop.declined(&format!("declined-{number}")).await;
    }
    shop.paid("given-back").await;
    shop.cancelled("given-back", 4_000, 0).await;
}

fn figures(counts: &PruneCounts) -> [u64; 11] {
    PrunedTable::ALL.map(|table| counts.of(table))
}

/// What is never deleted.
async fn kept(shop: &Shop) -> [u64; 5] {
    [
        order::Entity::find().count(&shop.rows).await.unwrap(),
        order_line::Entity::find().count(&shop.rows).await.unwrap(),
        payment::Entity::find().count(&shop.rows).await.unwrap(),
        cancellation::Entity::find().count(&shop.rows).await.unwrap(),
        audit::Entity::find().count(&shop.rows).await.unwrap(),
    ]
}

#[tokio::test]
async fn a_count_says_what_a_run_would_delete_and_changes_nothing() {
    let shop = Shop::open().await;
    fill(&shop, 5).await;
    shop.pass(200);
    let counted = shop.prune(PruneMode::Count, 2).await;
    assert_eq!(figures(&counted), [7, 7, 0, 6, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(counted.total(), 20);
    assert_eq!(shop.prune(PruneMode::Count, 2).await, counted);
    let before = kept(&shop).await;
    let deleted = shop.prune(PruneMode::Delete, 2).await;
    assert_eq!(deleted, counted);
    assert_eq!(kept(&shop).await, before, "orders, payments, cancellations and the audit stay");
    assert_eq!(shop.prune(PruneMode::Delete, 2).await.total(), 0, "the second run finds nothing");
    assert_eq!(shop.prune(PruneMode::Count, 2).await.total(), 0);
}

#[tokio::test]
async fn a_batch_deletes_no_more_than_it_may_and_the_next_run_goes_on_where_one_was_cut_off() {
    let shop = Shop::open().await;
    fill(&shop, 6).await;
    shop.pass(200);
    let mut deleted = [0; 11];
    for _ in 0..1_000 {
        // One batch of one attempt, and the run is dropped.
        let mut run = shop.store.prune(&AGES, PruneMode::Delete).await.unwrap();
        let batch = run.next_batch(1).await.unwrap().unwrap();
        assert!(batch.of(PrunedTable::Attempts) <= 1, "{batch:?}");
        let more = figures(&batch);
        deleted.iter_mut().zip(more).for_each(|(sum, rows)| *sum += rows);
        if batch.total() == 0 {
            break;
        }
    }
    // The jobs went when the last of their attempts had gone.
    assert_eq!(deleted, [8, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let rest = shop.prune(PruneMode::Delete, 1).await;
    assert_eq!(figures(&rest), [0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(idempotency_key::Entity::find().count(&shop.rows).await.unwrap(), 0);
}

#[tokio::test]
async fn more_payments_than_one_batch_looks_at_are_all_gone_through() {
    let shop = Shop::open().await;
    shop.declined("declined").await;
    shop.copy("declined", 204).await;
    shop.pass(200);
    let mut run = shop.store.prune(&AGES, PruneMode::Delete).await.unwrap();
    let mut jobs = Vec::new();
    while let Some(batch) = run.next_batch(500).await.unwrap() {
        jobs.push(batch.of(PrunedTable::Jobs));
    }
    assert_eq!(jobs.iter().sum::<u64>(), 205);
    assert_eq!(jobs.iter().max(), Some(&100));
    assert_eq!(shop.prune(PruneMode::Count, 500).await.total(), 0);
}

#[tokio::test]
async fn a_payment_that_has_to_stay_holds_up_nothing_behind_it() {
    let shop = Shop::open().await;
    // More than one batch of payments that are over and have a job that is not, older than all others.
    let job = shop.declined("looked-at").await;
    shop.store.look_up_job(&job, &owner(), None).await.unwrap();
    shop.copy("looked-at", 100).await;
    shop.declined("free-to-go").await;
    shop.pass(200);
    let deleted = shop.prune(PruneMode::Delete, 500).await;
    assert_eq!(deleted.of(PrunedTable::Jobs), 1);
    assert_eq!(shop.jobs_and_attempts("free-to-go").await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_at_once_delete_every_row_once() {
    let shop = Shop::open().await;
    fill(&shop, 30).await;
    shop.pass(200);
    let one = || async {
        let mut run = shop.store.prune(&AGES, PruneMode::Delete).await.unwrap();
        while run.next_batch(3).await.unwrap().is_some() {}
        figures(run.counts())
    };
    let (first, second) = tokio::join!(one(), one());
    // What one had locked when it gave up, the other may have passed by.
    let third = figures(&shop.prune(PruneMode::Delete, 3).await);
    let sum: Vec<u64> = (0..11).map(|table| first[table] + second[table] + third[table]).collect();
    assert_eq!(sum, [32, 32, 0, 31, 0, 0, 0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn a_batch_that_meets_another_write_is_done_again_as_a_whole() {
    let shop = Shop::open().await;
    fill(&shop, 3).await;
    shop.pass(200);
    shop.store.fail_commits(3);
    assert_eq!(
        figures(&shop.prune(PruneMode::Delete, 100).await),
        [5, 5, 0, 4, 0, 0, 0, 0, 0, 0, 0]
    );
}
