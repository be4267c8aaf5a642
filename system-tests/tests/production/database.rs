//! The database goes away in every way that it can. Customers are told so or wait, and nothing that was accepted is lost.

use std::cell::Cell;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::fleet::{Fleet, LEASE, RECOVERY_MAX, Shape, on_a_fleet};
use crate::load::{Checkout, Confirmed, ids};

/// Confirms that are under way at the worker when the outage begins.
const UNDER_WAY: usize = 20;
/// Longer than it takes to accept all of them.
const CALL_MS: u64 = 3_000;
/// Confirms during an outage.
const DURING: usize = 40;
/// How long a refusing database refuses: longer than anybody waits for a connection, so that some are told and others are late.
const REFUSAL: Duration = Duration::from_secs(6);
/// How long a silent database is silent: longer than any transaction waits.
const SILENCE: Duration = Duration::from_secs(18);
/// The longest that a customer waits for an answer: what a transaction may take, and a margin.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// Orders whose calls are under way for so long that an outage begins meanwhile.
async fn prepare_under_way(fleet: &Fleet) -> Vec<Checkout> {
    fleet.prepare_with(UNDER_WAY, &json!({"kind": "delay", "ms": CALL_MS})).await
}

/// Insists that every customer was told something clear: accepted, or a problem that says to come again.
fn insist_clear(confirmed: &[Confirmed]) {
    for one in confirmed {
        let answer = one.answer.as_ref().expect("the API gave no answer");
        match answer.status {
            202 => {}
            503 => assert!(
                ["unavailable", "overloaded", "timed_out"]
                    .map(Some)
                    .contains(&answer.body["code"].as_str()),
                "{}",
                answer.body
            ),
            _ => panic!("{one:?}"),
        }
        assert!(one.took <= ANSWER_MAX, "{one:?}");
    }
    let refused = confirmed.iter().filter(|one| one.status() == Some(503)).count();
    println!("{} were accepted, {refused} were told to come again", confirmed.len() - refused);
}

/// Has those come again that were told so.
async fn come_again(fleet: &Fleet, checkouts: &[Checkout], confirmed: &[Confirmed]) {
    for (checkout, first) in checkouts.iter().zip(confirmed) {
        if first.status() != Some(202) {
            let again = fleet.confirm(0, checkout).await;
            assert_eq!(again.status(), Some(202), "{again:?}");
        }
    }
}

/// Brings the database back, and waits for the first of these to be paid that was not before, and then for all.
async fn bring_back(fleet: &Fleet, what: &str, under_way: &[Checkout]) {
    let orders = ids(under_way);
    let already = usize::try_from(fleet.rows.paid(&orders).await).unwrap();
    assert!(already < orders.len(), "{what}: nothing was under way");
    fleet.to_database.restore();
    let back = Instant::now();
    let first = fleet.rows.wait_for_paid(&orders, already + 1, back).await;
    let all = fleet.rows.wait_for_paid(&orders, orders.len(), back).await;
    println!("{what}: the first was paid {first:?} after its return, all {all:?}");
    assert!(first <= RECOVERY_MAX, "{what}: nothing was paid for {first:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_to_the_database_that_are_ended_under_load_lose_nothing() {
    on_a_fleet(Shape::with_workers(2), async |fleet| {
        let checkouts = fleet.prepare(DURING).await;
        let cut = Cell::new(0);
        let cutting = async {
            loop {
                tokio::time::sleep(Duration::from_millis(600)).await;
                cut.set(cut.get() + fleet.rows.cut_connections().await);
            }
        };
        let confirmed = tokio::select! {
            confirmed = fleet.confirm_all(&checkouts) => confirmed,
            () = cutting => unreachable!(),
        };
        let quiet = Instant::now();
        insist_clear(&confirmed);
        come_again(fleet, &checkouts, &confirmed).await;
        let all = fleet.rows.wait_for_paid(&ids(&checkouts), DURING, quiet).await;
        println!("{} ended connections: all were paid {all:?} after the last cut", cut.get());
        assert!(cut.get() >= DURING / 2, "hardly anybody was connected");
        // A claim whose commit was made and not heard of is nobody's until its lease is over.
        assert!(all <= LEASE + RECOVERY_MAX, "{all:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_refuses_connections_for_seconds_loses_nothing() {
    on_a_fleet(Shape::with_workers(2), async |fleet| {
        let under_way = prepare_under_way(fleet).await;
        let checkouts = fleet.prepare(DURING).await;
        fleet.accept_all(&under_way).await;
        fleet.to_database.take_away();
        let outage = async {
            tokio::time::sleep(REFUSAL).await;
            bring_back(fleet, "a refusing database", &under_way).await;
        };
        let (confirmed, ()) = tokio::join!(fleet.confirm_all(&checkouts), outage);
        insist_clear(&confirmed);
        come_again(fleet, &checkouts, &confirmed).await;
        fleet.rows.wait_for_paid(&ids(&checkouts), DURING, Instant::now()).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_silent_for_longer_than_any_statement_loses_nothing() {
    on_a_fleet(Shape::with_workers(2), async |fleet| {
        let under_way = prepare_under_way(fleet).await;
        let checkouts = fleet.prepare(DURING / 2).await;
        fleet.accept_all(&under_way).await;
        fleet.to_database.silence();
        let outage = async {
            tokio::time::sleep(SILENCE).await;
            bring_back(fleet, "a silent database", &under_way).await;
        };
        let (confirmed, ()) = tokio::join!(fleet.confirm_all(&checkouts), outage);
        insist_clear(&confirmed);
        come_again(fleet, &checkouts, &confirmed).await;
        fleet.rows.wait_for_paid(&ids(&checkouts), checkouts.len(), Instant::now()).await;
    })
    .await;
}
