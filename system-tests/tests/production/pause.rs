//! A worker stands still for longer than its lease, in the middle of a call, and goes on as if nothing had happened.

use std::time::{Duration, Instant};

use serde_json::json;
use system_tests::Signal;

use crate::fleet::{LEASE, RECOVERY_MAX, Shape, on_a_fleet};

/// How long the simulator works on the call, while its worker stands still already.
const CALL_MS: u64 = 2_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_worker_brings_after_its_lease_moves_no_state_is_kept_and_is_looked_up() {
    on_a_fleet(Shape::with_workers(1), async |fleet| {
        let checkouts = fleet.prepare_with(1, &json!({"kind": "delay", "ms": CALL_MS})).await;
        let checkout = &checkouts[0];
        let order_id = checkout.order.id.as_str();
        assert_eq!(fleet.confirm(0, checkout).await.status(), Some(202));
        fleet.wait_for_call(checkout).await;
        fleet.workers[0].signal(Signal::Stop);
        let stopped = Instant::now();
        fleet.start_worker(&[]);
        let took = fleet.rows.wait_for_paid(&[order_id], 1, stopped).await;
        println!("a paused worker: another one had it paid {took:?} later");
        assert!(took >= LEASE - Duration::from_secs(1), "its lease was not respected: {took:?}");
        assert!(took <= LEASE + RECOVERY_MAX, "{took:?}");
        let paid = fleet.rows.payments().await.remove(order_id).unwrap();

        fleet.workers[0].signal(Signal::Continue);
        let stale = fleet
            .rows
            .wait_for("late answer", async || {
                fleet.rows.attempts_of(order_id).await.into_iter().find(|one| one.is_stale)
            })
            .await;
        assert_eq!((stale.number, stale.http_status), (1, Some(200)), "{stale:?}");
        assert!(stale.answer.is_some(), "what the simulator answered is kept");
        fleet
            .rows
            .wait_for("look-up of it", async || {
                let jobs = fleet.rows.jobs().await;
                jobs.into_iter().find(|job| job.kind == "look_up" && job.state == "succeeded")
            })
            .await;
        let after = fleet.rows.payments().await.remove(order_id).unwrap();
        assert_eq!(after.state, paid.state);
        assert_eq!((after.balance, after.approved_at), (paid.balance, paid.approved_at));
    })
    .await;
}
