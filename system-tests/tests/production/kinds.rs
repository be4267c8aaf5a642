//! Workers that take some kinds of jobs only, so that one kind can have processes of its own.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::fleet::{Shape, on_a_fleet};
use crate::load::ids;

const ORDERS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_for_one_kind_leave_the_others_alone_until_somebody_takes_them() {
    on_a_fleet(Shape::with_workers(0), async |fleet| {
        let token = fleet.add_master();
        fleet.start_worker(&["--kinds", "confirm"]);
        fleet.wait_until_ready().await;
        let checkouts = fleet.prepare(ORDERS).await;
        fleet.accept_all(&checkouts).await;
        fleet.rows.wait_for_paid(&ids(&checkouts), ORDERS, Instant::now()).await;
        for checkout in &checkouts {
            fleet.cancel(&token, checkout).await;
        }

        // The confirms' worker is idle, and nobody takes cancels.
        let more = fleet.prepare(1).await;
        fleet.accept_all(&more).await;
        fleet.rows.wait_for_paid(&ids(&more), 1, Instant::now()).await;
        let waiting = fleet.rows.unfinished().await;
        assert_eq!(waiting.len(), ORDERS);
        assert!(waiting.iter().all(|job| job.kind == "cancel"), "{waiting:?}");

        fleet.start_worker(&["--kinds", "cancel,look_up"]);
        fleet
            .rows
            .wait_for("end of the cancels", async || {
                fleet.rows.unfinished().await.is_empty().then_some(())
            })
            .await;
        let mut operations: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for attempt in fleet.rows.attempts().await {
            operations.entry(attempt.worker).or_default().push(attempt.operation);
        }
        let mut done: Vec<Vec<String>> = operations.into_values().collect();
        done.sort();
        let [cancels, confirms] = &done[..] else { panic!("not two workers: {done:?}") };
        assert_eq!(*cancels, vec!["cancel"; ORDERS]);
        assert_eq!(*confirms, vec!["confirm"; ORDERS + 1]);
    })
    .await;
}
