//! The daily deletion as running workers do it: one of them, when it is due, and never what is needed.

use std::num::NonZeroUsize;

use domain::job::JobKind;
use domain::retention::DAY_MS;
use queue::{ConsumerEnded, Lane, MemoryQueue};
use store::{Chore, ChoreTurn, PruneAges};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use worker::WorkerContext;

use crate::hands::Fault;
use crate::running::{SOON, context, wait_for};
use crate::shop::Shop;

const AGES: PruneAges = PruneAges {
    jobs_ms: 90 * DAY_MS,
    idempotency_ms: 90 * DAY_MS,
    poison_ms: 90 * DAY_MS,
    workers_ms: 7 * DAY_MS,
};

/// Workers that may prune, until they are stopped.
struct Workers {
    stop: CancellationToken,
    running: Vec<JoinHandle<Result<(), ConsumerEnded>>>,
}

impl Workers {
    fn start(shop: &Shop, count: usize) -> Workers {
        let stop = CancellationToken::new();
        let queue = MemoryQueue::new(NonZeroUsize::new(10).unwrap());
        let run = |number: usize| {
            let consumer = Box::new(queue.consumer(&Lane::ALL));
            let name = format!("worker-{number}");
            let retention = Some(AGES);
            let context = WorkerContext { name, retention, ..context(shop, &queue, consumer, 1) };
            tokio::spawn(worker::run(context, stop.clone()))
        };
        let running = (0..count).map(run).collect();
        Workers { stop, running }
    }

    async fn stop(self) {
        self.stop.cancel();
        for worker in self.running {
            worker.await.unwrap().unwrap();
        }
    }
}

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
    let workers = Workers::start(&shop, 3);
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
    workers.stop().await;
    shop.close().await;
}
