//! The daily deletion as running workers do it: one of them, when it is due, and never what is needed.

use domain::job::JobKind;
use domain::retention::DAY_MS;
use store::{Chore, ChoreTurn, PruneAges};

use crate::hands::Fault;
use crate::running::{Running, SOON, identity, wait_for};
use crate::shop::Shop;

const AGES: PruneAges = PruneAges {
    jobs_ms: 90 * DAY_MS,
    idempotency_ms: 90 * DAY_MS,
    webhooks_ms: 90 * DAY_MS,
    poison_ms: 90 * DAY_MS,
    workers_ms: 7 * DAY_MS,
    sessions_ms: 7 * DAY_MS,
};

/// In how many milliseconds the chore is due; `None` when it is.
async fn due_in_ms(shop: &Shop) -> Option<i64> {
    match shop.store.take_chore(Chore::Retention, 1, 1).await.unwrap() {
        ChoreTurn::NotYet { due_in_ms } => Some(due_in_ms),
        ChoreTurn::Ours(_) => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_workers_one_deletes_what_is_old_and_the_next_time_is_a_day_later() {
    let shop = Shop::open().await;
    let declined = shop.authenticated(23).await;
    shop.goes_wrong(&declined, "confirm", &Fault::code("REJECT_CARD_COMPANY"));
    let old = shop.accept(&declined).await;
    shop.drain().await;
    let paid = shop.paid(23).await;
    // The chore is known, and due a moment later.
    assert!(due_in_ms(&shop).await.is_some());
    shop.advance(90 * DAY_MS);
    let start = |number: usize| {
        Running::start_with(&shop, 1, |context| {
            context.identity = identity(&format!("worker-{number}"));
            context.retention = Some(AGES);
        })
    };
    let workers: Vec<Running> = (0..3).map(start).collect();
    wait_for("the old job to go", SOON, async || {
        shop.store.find_job(&old).await.unwrap().is_none()
    })
    .await;
    wait_for("the chore to be put off", SOON, async || {
        due_in_ms(&shop).await.is_some_and(|due_ms| due_ms > 23 * 60 * 60_000)
    })
    .await;
    assert_eq!(shop.status(&declined).await, "failed");
    let confirms = shop.jobs(JobKind::Confirm).await;
    let left: Vec<_> = confirms.iter().map(|job| job.order_id.as_str()).collect();
    assert_eq!(left, [paid.order_id.as_str()], "money is held: its attempts stay");
    for worker in workers {
        worker.stop().await.unwrap();
    }
    shop.close().await;
}
