//! The broker goes away in every way that it can. The API does not need it; what was accepted meanwhile is paid when it is back.

use std::time::{Duration, Instant};

use system_tests::Proxy;

use crate::fleet::{Fleet, RECOVERY_MAX, Shape, on_a_fleet};
use crate::load::{Confirmed, PACE, ids, median};
use crate::rows::Rows;

/// Confirms before an outage, to compare with.
const BEFORE: usize = 10;
/// Confirms during an outage: at their pace, one of some seconds.
const DURING: usize = 40;
/// As long as the load lasts.
const LOAD: Duration = Duration::ZERO;
/// Longer than it takes everybody to give a silent connection up, and to find that new ones are silent, too.
const SILENCE: Duration = Duration::from_secs(18);
/// How much longer than before the confirm in the middle may take during an outage: the machine is busy with other things, too.
const SLOWER_MAX: Duration = Duration::from_millis(50);
/// No confirm may wait for the broker: its timeouts are seconds.
const ACCEPT_MAX: Duration = Duration::from_secs(2);
/// How long a job that was published is left to the queue before it is published again.
const GRACE: Duration = Duration::from_secs(10);

/// Lets confirms come while the broker is away, lets it come back, and measures until the first of them is paid. The outage lasts for as
/// long as they come, and `at_least` so long.
async fn outlive(fleet: &Fleet, what: &str, at_least: Duration, take_away: impl FnOnce(&Proxy)) {
    let before = median(&fleet.pay(BEFORE).await);
    let checkouts = fleet.prepare(DURING).await;
    take_away(&fleet.to_broker);
    let (confirmed, ()) = tokio::join!(fleet.accept_all(&checkouts), tokio::time::sleep(at_least));
    insist_normal(before, &confirmed);
    assert_eq!(fleet.rows.paid(&ids(&checkouts)).await, 0, "the broker was not away");
    fleet.to_broker.restore();
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
        outlive(fleet, "a refusing broker", LOAD, Proxy::take_away).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_goes_silent_delays_payments_and_fails_none() {
    on_a_fleet(Shape::with_workers(2), async |fleet| {
        outlive(fleet, "a silent broker", SILENCE, Proxy::silence).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_reads_nothing_from_publishers_delays_payments_and_fails_none() {
    on_a_fleet(Shape::with_workers(2), async |fleet| {
        outlive(fleet, "a broker without a disk", LOAD, Proxy::stop_reading_publishers).await;
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
            // By their pace these are accepted when there is no queue any more, or a new one.
            measure(&fleet.rows, "a deleted queue", &ids(&checkouts[12..16]), Instant::now()).await;
        };
        tokio::join!(fleet.accept_all(&checkouts), deleting);
        fleet.rows.wait_for_paid(&ids(&checkouts), DURING, Instant::now()).await;
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
