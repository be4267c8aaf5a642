//! Processes that die at a crash point while others live: see `docs/crash-points.md`, and `tests/crash_points` for those that take one process.

use std::time::{Duration, Instant};

use system_tests::crash::{Case, Recovery, Way, cases};
use tokio::task::block_in_place;

use crate::fleet::{Fleet, LEASE, RECOVERY_MAX, Shape, on_a_fleet};
use crate::load::Checkout;

/// How long a job that was published, or was about to be, is left alone before it is published again.
const GRACE: Duration = Duration::from_secs(10);
/// How old a death may be when the next worker is sent to its own: nobody else's job comes back to that one meanwhile.
const LATELY: Duration = Duration::from_secs(10);

fn of(way: Way) -> impl Iterator<Item = Case> {
    cases().into_iter().filter(move |case| case.way == way)
}

/// Who died, and when, and whose confirm it was.
struct Death {
    case: Case,
    checkout: Checkout,
    at: Instant,
}

impl Death {
    /// Waits until the order is paid; insists that it was in time, and took the calls that it should.
    async fn insist_recovered(&self, fleet: &Fleet, since: Instant) {
        let Death { case, checkout, .. } = self;
        let most = RECOVERY_MAX
            + match case.recovery {
                Recovery::Lease => LEASE,
                Recovery::Relay => GRACE,
                Recovery::Repeat
                | Recovery::Done
                | Recovery::Redelivery
                | Recovery::Sweeper
                | Recovery::Either => Duration::ZERO,
            };
        let order_id = checkout.order.id.as_str();
        let took = fleet.rows.wait_for_paid(&[order_id], 1, since).await;
        println!("died at {}, {}: paid {took:?} later", case.point, case.way.words());
        assert!(took <= most, "{case:?}: {took:?}");
        let attempts = fleet.rows.attempts_of(order_id).await;
        let operations: Vec<&str> = attempts.iter().map(|one| one.operation.as_str()).collect();
        assert_eq!(operations.join(" "), case.attempts, "{case:?}");
    }
}

/// An API dies on the way of a confirm; what its customer heard, if anything.
async fn kill_api(fleet: &mut Fleet, case: Case, before: impl Fn(&Fleet)) -> (Death, Option<u16>) {
    let trap = fleet.trap(case.point);
    fleet.start_api_over(&trap);
    fleet.wait_until_ready().await;
    let checkout = fleet.prepare(1).await.remove(0);
    before(fleet);
    trap.set(case.point);
    let last = fleet.apis.len() - 1;
    let answer = fleet.confirm(last, &checkout).await.status();
    let mut doomed = fleet.apis.remove(last);
    block_in_place(|| trap.insist_died(&mut doomed.process, case.point));
    (Death { case, checkout, at: Instant::now() }, answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_that_dies_before_or_after_its_commit_leaves_another_one_that_knows_what_it_accepted()
 {
    on_a_fleet(Shape { has_servers: true, apis: 1, workers: 1 }, async |fleet| {
        for case in of(Way::AtApi) {
            let (death, answer) = kill_api(fleet, case, |_| {}).await;
            if case.point.starts_with("accept") {
                assert_eq!(answer, None, "it died before it answered");
            }
            let again = fleet.confirm(0, &death.checkout).await;
            assert_eq!(again.status(), Some(202));
            death.insist_recovered(fleet, death.at).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_dies_after_it_published_leaves_a_duplicate_and_one_call() {
    on_a_fleet(Shape { has_servers: true, apis: 0, workers: 0 }, async |fleet| {
        for case in of(Way::AtRelay) {
            // Nobody takes the first message, so the relay publishes another one.
            let (death, answer) = kill_api(fleet, case, |_| {}).await;
            assert_eq!(answer, Some(202), "it died after the grace");
            // What the broker confirmed stands in its count a moment later.
            let is_there =
                async || (fleet.operator.depth("confirm").await.ready == 2).then_some(());
            fleet.rows.wait_for("two messages", is_there).await;
            let started = Instant::now();
            fleet.start_worker(&[]);
            death.insist_recovered(fleet, started).await;
            assert_eq!(fleet.rows.jobs().await.len(), 1);
            fleet.stop_worker(0);
        }
        for case in of(Way::WithoutBroker) {
            let (death, _) = kill_api(fleet, case, |fleet| fleet.to_broker.take_away()).await;
            fleet.to_broker.restore();
            let started = Instant::now();
            fleet.start_worker(&[]);
            death.insist_recovered(fleet, started).await;
        }
    })
    .await;
}

/// A worker dies on the way of a confirm.
async fn kill_worker(fleet: &mut Fleet, case: Case) -> Death {
    let trap = fleet.trap(case.point);
    fleet.start_worker_over(&trap);
    fleet.wait_until_ready().await;
    let checkout = fleet.prepare(1).await.remove(0);
    trap.set(case.point);
    assert_eq!(fleet.confirm(0, &checkout).await.status(), Some(202));
    let mut doomed = fleet.workers.remove(0);
    block_in_place(|| trap.insist_died(&mut doomed, case.point));
    Death { case, checkout, at: Instant::now() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_dies_with_a_job_in_its_hands_is_followed_when_its_lease_is_over() {
    on_a_fleet(Shape { has_servers: true, apis: 1, workers: 0 }, async |fleet| {
        let mut deaths: Vec<Death> = Vec::new();
        for case in of(Way::AtWorker).filter(|case| case.recovery == Recovery::Lease) {
            if deaths.iter().any(|death| death.at.elapsed() > LATELY) {
                follow(fleet, &mut deaths).await;
            }
            deaths.push(kill_worker(fleet, case).await);
        }
        follow(fleet, &mut deaths).await;
    })
    .await;
}

/// A worker that lives finishes what the dead ones had in their hands.
async fn follow(fleet: &mut Fleet, deaths: &mut Vec<Death>) {
    fleet.start_worker(&[]);
    for death in deaths.drain(..) {
        death.insist_recovered(fleet, death.at).await;
    }
    fleet.stop_worker(0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_dies_before_its_claim_or_after_its_commit_leaves_a_message_at_the_most() {
    on_a_fleet(Shape { has_servers: true, apis: 1, workers: 0 }, async |fleet| {
        // Each is over before the next: a message that comes again must not spring another trap, nor be in the hands of who dies there.
        for case in of(Way::AtWorker).filter(|case| case.recovery != Recovery::Lease) {
            let death = kill_worker(fleet, case).await;
            let started = Instant::now();
            fleet.start_worker(&[]);
            death.insist_recovered(fleet, started).await;
            let is_empty =
                async || (fleet.operator.depth("confirm").await.ready == 0).then_some(());
            fleet.rows.wait_for("empty queue", is_empty).await;
            // Where all was done before, nothing tells that it is there yet: it would not know how to stop in good order.
            let health = fleet.health_of(0);
            fleet.wait_for_ready(&health, 200).await;
            fleet.stop_worker(0);
        }
    })
    .await;
}
