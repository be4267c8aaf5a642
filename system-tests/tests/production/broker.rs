//! The broker goes away in every way that it can. The API does not need it; what was accepted meanwhile is paid when it is back.

use std::time::{Duration, Instant};

use crate::fleet::{Fleet, RECOVERY_MAX, Shape, on_a_fleet};
use crate::load::{Confirmed, PACE, ids, median};
use crate::rows::Rows;

/// Confirms before an outage, to compare with.
const BEFORE: usize = 10;
/// Confirms during an outage: at their pace, one of some seconds.
const DURING: usize = 40;
/// How much longer than before the confirm in the middle may take during an outage: the machine is busy with other things, too.
const SLOWER_MAX: Duration = Duration::from_millis(50);
/// No confirm may wait for the broker: its timeouts are seconds.
const ACCEPT_MAX: Duration = Duration::from_secs(2);
/// How long a job that was published is left to the queue before it is published again.
const GRACE: Duration = Duration::from_secs(10);

/// Lets confirms come while the broker is away, lets it come back, and measures until the first of them is paid.
async fn outlive(
    fleet: &Fleet,
    what: &str,
    take_away: impl FnOnce(&Fleet),
    bring_back: impl FnOnce(&Fleet),
) {
    let before = median(&fleet.pay(BEFORE).await);
    let checkouts = fleet.prepare(DURING).await;
    take_away(fleet);
    let confirmed = fleet.accept_all(&checkouts).await;
    insist_normal(before, &confirmed);
    assert_eq!(fleet.rows.paid(&ids(&checkouts)).await, 0, "the broker was not away");
    bring_back(fleet);
    let back = Instant::now();
    measure(&fleet.rows, what, &ids(&checkouts), back).await;
}

async fn measure(rows: &Rows, what: &str, orders: &[&str], back: Instant) {
    let first = rows.wait_for_paid(orders, 1, back).await;
    let all = rows.wait_for_paid(orders, orders.len(), back).await;
    println!("{what}: the first was paid {first:?} after its return, all {all:?}");
    assert!(first <= RECOVERY_MAX, "{what}: nothing was paid for {first:?}");
}

fn insist_normal(before: Duration, confirmed: &[Confirmed]) {
    let during = median(confirmed);
    let slowest = confirmed.iter().map(|one| one.took).max().unwrap();
    println!("accepted in {before:?} before, {during:?} during the outage, {slowest:?} at most");
    assert!(during <= before * 2 + SLOWER_MAX, "{during:?}, and {before:?} before");
    assert!(slowest <= ACCEPT_MAX, "{slowest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_refuses_connections_delays_payments_and_fails_none() {
    on_a_fleet(Shape::with_workers(2), async |fleet| {
        outlive(
            fleet,
            "a refusing broker",
            |it| it.to_broker.take_away(),
            |it| {
                it.to_broker.restore();
            },
        )
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_goes_silent_delays_payments_and_fails_none() {
    on_a_fleet(Shape::with_workers(2), async |fleet| {
        outlive(
            fleet,
            "a silent broker",
            |it| it.to_broker.silence(),
            |it| {
                it.to_broker.restore();
            },
        )
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_reads_nothing_from_publishers_delays_payments_and_fails_none() {
    on_a_fleet(Shape::with_workers(2), async |fleet| {
        outlive(
            fleet,
            "a broker without a disk",
            |it| it.to_broker.stop_reading_publishers(),
            |it| it.to_broker.restore(),
        )
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_to_the_broker_that_are_cut_again_and_again_fail_no_payment() {
    on_a_fleet(Shape::with_workers(2), async |fleet| {
        let before = median(&fleet.pay(BEFORE).await);
        let checkouts = fleet.prepare(DURING).await;
        let cutting = async {
            loop {
                tokio::time::sleep(Duration::from_millis(700)).await;
                fleet.to_broker.cut();
            }
        };
        let confirmed = tokio::select! {
            confirmed = fleet.accept_all(&checkouts) => confirmed,
            () = cutting => unreachable!(),
        };
        insist_normal(before, &confirmed);
        let quiet = Instant::now();
        let all = fleet.rows.wait_for_paid(&ids(&checkouts), DURING, quiet).await;
        println!("cut connections: all were paid {all:?} after the last cut");
        assert!(all <= GRACE + RECOVERY_MAX, "{all:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_deleted_is_declared_again_and_its_jobs_are_paid() {
    on_a_fleet(Shape::with_workers(2), async |fleet| {
        let checkouts = fleet.prepare(DURING).await;
        let deleting = async {
            tokio::time::sleep(PACE * 10).await;
            fleet.operator.delete("confirm").await;
            Instant::now()
        };
        let (_, deleted) = tokio::join!(fleet.accept_all(&checkouts), deleting);
        // By their pace these were accepted when there was no queue any more, or a new one.
        measure(&fleet.rows, "a deleted queue", &ids(&checkouts[15..25]), deleted).await;
        fleet.rows.wait_for_paid(&ids(&checkouts), DURING, deleted).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_whose_messages_were_purged_are_published_again_and_paid() {
    on_a_fleet(Shape::with_workers(0), async |fleet| {
        let checkouts = fleet.prepare(BEFORE).await;
        fleet.accept_all(&checkouts).await;
        let in_the_queue = async || {
            let depth = fleet.operator.depth("confirm").await;
            (depth.ready >= u32::try_from(BEFORE).unwrap()).then_some(())
        };
        fleet.rows.wait_for("message of every job", in_the_queue).await;
        fleet.operator.purge("confirm").await;
        let purged = Instant::now();
        fleet.start_worker(&[]);
        let all = fleet.rows.wait_for_paid(&ids(&checkouts), BEFORE, purged).await;
        println!("a purged queue: all were paid {all:?} later");
        assert!(all <= GRACE + RECOVERY_MAX, "{all:?}");
    })
    .await;
}
