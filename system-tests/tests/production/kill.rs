//! Processes are killed from outside at every step of a job's way, also where no line of ours stands (`crash_points` has those). Each is held open
//! first:
//!
//! | killed … | held open by |
//! |---|---|
//! | before the answer to a confirm, before and after its commit | nothing: many are under way at once |
//! | before the publication | no broker |
//! | after the publication | no worker |
//! | before the call | a silent network to the simulator |
//! | during the call, before and after the charge | a simulator that takes its time |
//! | after the call, before the commit | no database |
//! | after the commit, before the acknowledgement | a silent broker; see `redelivery` |

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use crate::fleet::{Fleet, LEASE, RECOVERY_MAX, Shape, on_a_fleet};
use crate::load::{Checkout, ids};

/// How long the simulator holds a call open: long enough to be killed meanwhile, and done when the lease is over.
const HELD_MS: u64 = 6_000;
/// How long a job that was published, or was about to be, is left alone before it is published again.
const GRACE: Duration = Duration::from_secs(10);
/// Confirms that are under way at an API when it is killed.
const AT_ONCE: usize = 300;
/// It is killed when so many of them are accepted: then others are at every step.
const ACCEPTED: usize = 20;
/// Confirms while workers are killed one after the other.
const UNDER_FIRE: usize = 60;
const KILLS: usize = 4;
/// Orders that are given back meanwhile.
const CANCELS: usize = 8;
const BETWEEN_KILLS: Duration = Duration::from_millis(1_500);

/// One order with a fault at the simulator.
async fn one(fleet: &Fleet, fault: serde_json::Value) -> Checkout {
    fleet.prepare_with(1, &fault).await.remove(0)
}

async fn accept(fleet: &Fleet, checkout: &Checkout) {
    assert_eq!(fleet.confirm(0, checkout).await.status(), Some(202));
}

/// Waits until the order is paid, and insists that it was in time.
async fn insist_paid(
    fleet: &Fleet,
    step: &str,
    checkout: &Checkout,
    since: Instant,
    most: Duration,
) {
    let took = fleet.rows.wait_for_paid(&[&checkout.order.id], 1, since).await;
    println!("killed {step}: paid {took:?} later");
    assert!(took <= most, "killed {step}: {took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_that_is_killed_before_or_after_it_published_has_accepted_for_good() {
    on_a_fleet(Shape::with_workers(0), async |fleet| {
        // Before: there is no broker, and then there is no API that remembers.
        let unpublished = one(fleet, json!(null)).await;
        fleet.to_broker.take_away();
        accept(fleet, &unpublished).await;
        fleet.apis.remove(0).process.kill();
        fleet.start_api();
        fleet.wait_until_ready().await;
        fleet.to_broker.restore();
        let back = Instant::now();
        fleet.start_worker(&[]);
        insist_paid(fleet, "before the publication", &unpublished, back, GRACE + RECOVERY_MAX)
            .await;
        fleet.stop_worker(0);

        // After: the message is at the broker, and nobody has taken it.
        let published = one(fleet, json!(null)).await;
        accept(fleet, &published).await;
        fleet
            .rows
            .wait_for("message", async || {
                (fleet.operator.depth("confirm").await.ready == 1).then_some(())
            })
            .await;
        fleet.apis.remove(0).process.kill();
        fleet.start_worker(&[]);
        let started = Instant::now();
        insist_paid(fleet, "after the publication", &published, started, RECOVERY_MAX).await;
        assert_eq!(fleet.rows.attempts_of(&published.order.id).await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customers_whose_api_is_killed_before_it_answers_ask_another_one_and_pay_once() {
    on_a_fleet(Shape::with_workers(1), async |fleet| {
        let checkouts = fleet.prepare(AT_ONCE).await;
        let doomed = fleet.apis.remove(0);
        let places = system_tests::Places { api: doomed.url.clone(), ..fleet.places(0) };
        let confirms = checkouts.iter().map(|it| places.try_confirm(&it.order, &it.payment_key));
        let killing = async {
            let are_accepted =
                async || (fleet.rows.payments().await.len() >= ACCEPTED).then_some(());
            fleet.rows.wait_for("accepted confirms", are_accepted).await;
            doomed.process.kill();
        };
        let (answers, ()) = tokio::join!(join_all(confirms), killing);
        let answered = answers.iter().filter(|answer| answer.is_ok()).count();
        println!("an API was killed: {answered} of {AT_ONCE} had their answer");
        assert!(answered < AT_ONCE, "it was killed too late");
        for checkout in &checkouts {
            accept(fleet, checkout).await;
        }
        let orders = ids(&checkouts);
        fleet.rows.wait_for_paid(&orders, AT_ONCE, Instant::now()).await;
        assert_eq!(fleet.rows.payments().await.len(), AT_ONCE);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_killed_at_any_step_of_a_call_charges_once_and_another_one_finishes() {
    on_a_fleet(Shape::with_workers(1), async |fleet| {
        let uncharged = one(fleet, json!({"kind": "delay", "ms": HELD_MS})).await;
        let charged = one(fleet, json!({"kind": "delay_after", "ms": HELD_MS})).await;
        let (unsent, answered) = (
            one(fleet, json!(null)).await,
            one(fleet, json!({"kind": "delay", "ms": 1_000})).await,
        );

        // Under way, before and after the charge; and one that is claimed, whose call never arrives.
        for checkout in [&uncharged, &charged] {
            accept(fleet, checkout).await;
            fleet.wait_for_call(checkout).await;
        }
        fleet.to_simulator.silence();
        accept(fleet, &unsent).await;
        let id = &unsent.order.id;
        fleet
            .rows
            .wait_for("claim", async || {
                (!fleet.rows.attempts_of(id).await.is_empty()).then_some(())
            })
            .await;
        fleet.start_worker(&[]);
        fleet.workers.remove(0).kill();
        let killed = Instant::now();
        fleet.to_simulator.cut();
        fleet.to_simulator.restore();
        assert_eq!(fleet.ledger_entry(id).await["calls"]["confirm"], 0);

        // Answered, and not written down: there is no database.
        accept(fleet, &answered).await;
        fleet.wait_for_call(&answered).await;
        fleet.to_database.take_away();
        fleet.workers[0].wait_for("answer that cannot be settled", |worker| {
            worker.said().contains("was not settled").then_some(())
        });
        fleet.workers.remove(0).kill();
        let killed_later = Instant::now();
        fleet.to_database.restore();
        fleet.start_worker(&[]);

        let most = LEASE + RECOVERY_MAX;
        insist_paid(fleet, "before the call", &unsent, killed, most).await;
        insist_paid(fleet, "during the call, before the charge", &uncharged, killed, most).await;
        insist_paid(fleet, "during the call, after the charge", &charged, killed, most).await;
        insist_paid(fleet, "after the call, before the commit", &answered, killed_later, most)
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_that_are_killed_one_after_the_other_under_load_charge_nothing_twice() {
    on_a_fleet(Shape::with_workers(3), async |fleet| {
        let given_back = fleet.prepare(CANCELS).await;
        fleet.accept_all(&given_back).await;
        fleet.rows.wait_for_paid(&ids(&given_back), CANCELS, Instant::now()).await;
        let master = fleet.add_master();
        let checkouts = fleet.prepare_with(UNDER_FIRE, &json!({"kind": "delay", "ms": 400})).await;
        let accepting = tokio::spawn(crate::load::confirm_at(fleet.places(0), checkouts.clone()));
        for checkout in &given_back[..KILLS] {
            fleet.cancel(&master, checkout).await;
            tokio::time::sleep(BETWEEN_KILLS).await;
            fleet.workers.remove(0).kill();
            fleet.start_worker(&[]);
        }
        for checkout in &given_back[KILLS..] {
            fleet.cancel(&master, checkout).await;
        }
        let killed = Instant::now();
        assert_eq!(accepting.await.unwrap(), vec![202; UNDER_FIRE]);
        let all = fleet.rows.wait_for_paid(&ids(&checkouts), UNDER_FIRE, killed).await;
        println!("{KILLS} kills under load: all were paid {all:?} after the last");
        assert!(all <= LEASE + RECOVERY_MAX, "{all:?}");
        let cancelled = async || {
            let payments = fleet.rows.payments().await;
            let given_back = payments.values().filter(|payment| payment.state == "cancelled");
            (given_back.count() == CANCELS).then_some(())
        };
        fleet.rows.wait_for("end of all cancels", cancelled).await;
        let unfinished =
            fleet.rows.attempts().await.iter().filter(|one| one.finished_at.is_none()).count();
        assert!(unfinished > 0, "no call was under way at a kill");
    })
    .await;
}
