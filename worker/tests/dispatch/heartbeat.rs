//! Who works: a worker is known from its start to its end, and one that was killed is told from one that lives.

use domain::limits::{HEARTBEAT_MS, WORKER_ALIVE_MS};

use crate::running::{Running, SOON, wait_for};
use crate::shop::Shop;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_is_known_while_it_works_and_forgotten_when_it_stops_in_good_order() {
    let shop = Shop::open().await;
    let running = Running::start(&shop, 7);
    let workers = async || shop.store.list_workers(10).await.unwrap();
    wait_for("its first heartbeat", SOON, async || workers().await.len() == 1).await;
    let worker = workers().await.remove(0);
    assert!(worker.is_alive);
    assert_eq!((worker.said.host.as_str(), worker.said.concurrency), ("test", 7));
    assert_eq!(worker.said.kinds, "confirm,cancel,look_up,bulk");
    running.stop().await.unwrap();
    assert_eq!(workers().await, []);
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_was_killed_counts_as_dead_after_three_missed_heartbeats() {
    let shop = Shop::open().await;
    let running = Running::start(&shop, 1);
    let workers = async || shop.store.list_workers(10).await.unwrap();
    wait_for("its first heartbeat", SOON, async || workers().await.len() == 1).await;
    running.worker.abort();
    let _killed = running.worker.await;
    shop.store.advance_clock(WORKER_ALIVE_MS - HEARTBEAT_MS);
    assert!(workers().await[0].is_alive);
    shop.store.advance_clock(HEARTBEAT_MS + 1);
    assert!(!workers().await[0].is_alive);
    running.stop.cancel();
    running.relay.await.unwrap();
    running.queue.close().await;
    shop.close().await;
}
