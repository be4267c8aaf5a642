//! An order's timeline: everything that happened, in order, and to nobody else.

use domain::role::Scope;
use sea_orm::ConnectionTrait as _;
use store::orders::{Happening, LeftOut, Timeline};

use crate::fixture::{GIMBAP, MALA, Shop, confirm_of, order_id, owner, store_id};

async fn timeline(shop: &Shop, id: &str, scope: Scope) -> Option<Timeline> {
    shop.store.read_timeline(&order_id(id), &scope).await.unwrap()
}

async fn run(shop: &Shop, sql: &str) {
    shop.rows.execute_unprepared(sql).await.unwrap();
}

fn words(timeline: &Timeline) -> Vec<&'static str> {
    timeline.entries.iter().map(|entry| entry.what.word()).collect()
}

#[tokio::test]
async fn an_order_that_was_only_made_has_a_timeline_of_one_entry() {
    let shop = Shop::open().await;
    shop.order("order-1").await;
    let timeline = timeline(&shop, "order-1", Scope::Every).await.unwrap();
    assert_eq!(words(&timeline), ["order_made"]);
    assert_eq!(timeline.order.lines.len(), 1);
}

async fn eventful_order(shop: &Shop) {
    shop.order("order-1").await;
    shop.store.accept_confirm(&confirm_of("order-1")).await.unwrap();
    let job = "(SELECT id FROM jobs WHERE order_id = 'order-1')";
    let at = shop.store.now_ms().await.unwrap() + 1_000;
    run(
        shop,
        &format!(
            "INSERT INTO attempts (job_id, number, order_id, claim, operation, key_generation, idempotency_key, call, started_at, \
             is_stale, worker, merchant) VALUES ({job}, 1, 'order-1', 1, 'confirm', 1, 'key', \
             '{{\"operation\":\"confirm\",\"payment_key\":\"tgen_20261123203612AbCd1\",\"customer_key\":\"who\"}}', {at}, FALSE, 'w', 'default')"
        ),
    )
    .await;
    run(
        shop,
        &format!(
            "INSERT INTO webhooks (id, kind, order_id, has_payment, source, headers, body, state, deliveries, received_at, changed_at) \
             VALUES ('hook-1', 'payment', 'order-1', TRUE, '10.0.0.1', '{{}}', '{{}}', 'looked_up', 1, {}, 1)",
            at + 1
        ),
    )
    .await;
    run(
        shop,
        &format!(
            "INSERT INTO findings (id, kind, merchant, order_id, payment_key, detail, happened_at, state, first_seen_at, last_seen_at) \
             VALUES ('finding-1', 'amount_differs', 'default', 'order-1', 'key-of-order-1', 'differs', 1, 'open', {}, 1)",
            at + 2
        ),
    )
    .await;
    run(shop, &format!("UPDATE payments SET review_reason = 'gave_up', review_since = {}", at + 3))
        .await;
    run(
        shop,
        &format!(
            "UPDATE jobs SET state = 'parked', park_reason = 'gave_up', updated_at = {}",
            at + 3
        ),
    )
    .await;
    shop.store.advance_clock(60_000);
    shop.store
        .look_up_job(
            &domain::JobId::parse(job_id(shop).await).unwrap(),
            &owner(),
            Some("the customer asks"),
        )
        .await
        .unwrap();
    shop.store.close_finding("finding-1", &owner(), "explained").await.unwrap();
}

async fn job_id(shop: &Shop) -> String {
    let filter = store::JobFilter::all(Scope::Every);
    let page = shop.store.list_jobs(&filter, store::JobSort::Newest, None, 10).await.unwrap();
    page.rows.first().unwrap().id.clone()
}

#[tokio::test]
async fn everything_that_happened_is_told_in_order() {
    let shop = Shop::open().await;
    eventful_order(&shop).await;
    let told = timeline(&shop, "order-1", Scope::Every).await.unwrap();
    assert_eq!(
        words(&told),
        [
            "order_made",
            "confirm_accepted",
            "job_made",
            "called",
            "webhook_received",
            "found",
            "job_parked",
            "review_asked",
            "acted",
            "job_made",
            "acted",
            "finding_closed",
        ]
    );
    assert!(told.entries.is_sorted_by_key(|entry| entry.at_ms));
    assert!(told.left_out.is_empty());
    let call = told.entries.iter().find_map(|entry| {
        let Happening::Called { attempt, .. } = &entry.what else { return None };
        attempt.request.clone()
    });
    let call = call.unwrap();
    assert!(call.contains("…2AbCd1") && !call.contains("tgen") && !call.contains("who"), "{call}");
}

#[tokio::test]
async fn whoever_acts_for_one_store_sees_its_orders_and_what_concerns_it() {
    let shop = Shop::open().await;
    eventful_order(&shop).await;
    let of = |store| Scope::Stores(vec![store_id(store)]);
    assert!(timeline(&shop, "order-1", of(MALA)).await.is_none());
    assert!(timeline(&shop, "order-1", Scope::Stores(vec![])).await.is_none());
    assert!(timeline(&shop, "order-2", Scope::Every).await.is_none());
    let theirs = timeline(&shop, "order-1", of(GIMBAP)).await.unwrap();
    let acted = words(&theirs).into_iter().filter(|word| *word == "acted").count();
    assert_eq!(acted, 1, "closing a finding concerns no store");
}

#[tokio::test]
async fn too_much_of_something_is_left_out_and_counted() {
    let shop = Shop::open().await;
    shop.order("order-1").await;
    shop.store.accept_confirm(&confirm_of("order-1")).await.unwrap();
    for number in 0..103 {
        run(
            &shop,
            &format!(
                "INSERT INTO webhooks (id, kind, order_id, has_payment, source, headers, body, state, deliveries, received_at, changed_at) \
                 VALUES ('hook-{number:03}', 'payment', 'order-1', TRUE, 'x', '{{}}', '{{}}', 'looked_up', 1, {number}, 1)"
            ),
        )
        .await;
    }
    let told = timeline(&shop, "order-1", Scope::Every).await.unwrap();
    let [(what, count)] = told.left_out.as_slice() else { panic!("{:?}", told.left_out) };
    assert_eq!((*what, count.count, count.is_floor), (LeftOut::Webhooks, 3, false));
    let hooks = words(&told).into_iter().filter(|word| *word == "webhook_received").count();
    assert_eq!(hooks, 100);
}
