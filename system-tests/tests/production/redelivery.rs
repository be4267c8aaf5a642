//! The connection to the broker is lost between the work and its acknowledgement: the message comes again, and nothing happens twice.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::fleet::{Fleet, Shape, on_a_fleet};
use crate::load::Checkout;
use crate::messages::Depth;

/// How often the queue is looked into, for a message that is not acknowledged.
const TRIES: usize = 5;
const BETWEEN_TRIES: Duration = Duration::from_millis(500);
const NOTHING: Depth = Depth { ready: 0, consumers: 0 };

/// Has a job done while the broker hears nothing any more; then the broker gets its message back.
async fn settle_without_acknowledgement(fleet: &Fleet) -> Checkout {
    let mut checkouts = fleet.prepare_with(1, &json!({"kind": "delay", "ms": 1_000})).await;
    let checkout = checkouts.remove(0);
    assert_eq!(fleet.confirm(0, &checkout).await.status(), Some(202));
    fleet.wait_for_call(&checkout).await;
    fleet.to_broker.silence();
    fleet.rows.wait_for_paid(&[&checkout.order.id], 1, Instant::now()).await;
    checkout
}

/// Waits until the lane is like this.
async fn wait_for(fleet: &Fleet, what: &str, depth: Depth) {
    let is_so = async || (fleet.operator.depth("confirm").await == depth).then_some(());
    fleet.rows.wait_for(what, is_so).await;
}

/// Insists that the message is gone for good: also when nobody is there who may hold it.
async fn insist_acknowledged(fleet: &Fleet) {
    for _ in 0..TRIES {
        fleet.to_broker.restore();
        fleet
            .rows
            .wait_for("taken message", async || {
                let depth = fleet.operator.depth("confirm").await;
                (depth.ready == 0 && depth.consumers > 0).then_some(())
            })
            .await;
        // It was taken a moment ago at the earliest, and may not be acknowledged yet.
        tokio::time::sleep(BETWEEN_TRIES).await;
        fleet.to_broker.take_away();
        let nobody_is_there = async || {
            let depth = fleet.operator.depth("confirm").await;
            (depth.consumers == 0).then_some(depth)
        };
        if fleet.rows.wait_for("end of consumers", nobody_is_there).await == NOTHING {
            fleet.to_broker.restore();
            return;
        }
    }
    panic!("the message comes back again and again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_whose_acknowledgement_was_lost_is_delivered_again_and_done_once() {
    on_a_fleet(Shape::with_workers(1), async |fleet| {
        let checkout = settle_without_acknowledgement(fleet).await;
        fleet.to_broker.take_away();
        wait_for(fleet, "message that came back", Depth { ready: 1, consumers: 0 }).await;
        fleet.to_broker.restore();
        insist_acknowledged(fleet).await;
        assert_eq!(fleet.rows.attempts_of(&checkout.order.id).await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_whose_worker_was_killed_before_its_acknowledgement_is_done_once() {
    on_a_fleet(Shape::with_workers(1), async |fleet| {
        let checkout = settle_without_acknowledgement(fleet).await;
        fleet.workers.remove(0).kill();
        fleet.to_broker.take_away();
        wait_for(fleet, "message that came back", Depth { ready: 1, consumers: 0 }).await;
        fleet.to_broker.restore();
        fleet.start_worker(&[]);
        insist_acknowledged(fleet).await;
        assert_eq!(fleet.rows.attempts_of(&checkout.order.id).await.len(), 1);
    })
    .await;
}
