//! Claims on PostgreSQL, and what others do to the same rows between what a claim reads without locks and what it writes.

use domain::JobId;
use domain::attempt::Operation;
use sea_orm::{ConnectionTrait as _, TransactionOptions, TransactionTrait as _};
use store::{Claimed, Claimer};

use crate::fixture::{Shop, confirm_of};

/// What a claim makes of the confirms of these orders when somebody does this to the first of them after the claim has read.
async fn claimed_while(change: &str, orders: &[&str]) -> Vec<&'static str> {
    let shop = Shop::open_on_postgres().await;
    let mut jobs = Vec::new();
    for id in orders {
        shop.order(id).await;
        let accepted = shop.store.accept_confirm(&confirm_of(id)).await.unwrap();
        jobs.push(JobId::parse(accepted.job.unwrap().id).unwrap());
    }
    let changing = shop.rows.begin_with_options(TransactionOptions::default()).await.unwrap();
    let (order, job) = (orders[0], jobs[0].as_str());
    // Everybody takes it first who changes something about a payment.
    let lock = format!("SELECT 1 FROM orders WHERE id = '{order}' FOR UPDATE");
    changing.execute_unprepared(&lock).await.unwrap();
    let change = change.replace("ORDER", order).replace("JOB", job);
    changing.execute_unprepared(&change).await.unwrap();
    let store = shop.store.clone();
    let asked = jobs.clone();
    let claiming =
        tokio::spawn(async move { store.claim_jobs(&asked, &Claimer::unlimited("w")).await });
    shop.who_waits().await;
    assert!(!claiming.is_finished(), "what it read may not be so any more");
    changing.commit().await.unwrap();
    let claimed = claiming.await.unwrap().unwrap();
    claimed.iter().map(word).collect()
}

fn word(claimed: &Claimed) -> &'static str {
    match claimed {
        Claimed::Attempt(attempt) if attempt.operation() == Operation::Confirm => "confirm",
        Claimed::Attempt(_) => "look-up",
        Claimed::Concluded => "concluded",
        Claimed::NotNow => "not now",
        Claimed::Unknown => "unknown",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_claimed_by_what_was_so_before_somebody_changed_it() {
    for (change, becomes) in [
        ("UPDATE jobs SET state = 'discarded', ended_at = 1 WHERE id = 'JOB'", "not now"),
        (
            "UPDATE payments SET state = 'confirmed', balance = amount WHERE order_id = 'ORDER'",
            "concluded",
        ),
        ("SELECT 1", "confirm"),
    ] {
        assert_eq!(claimed_while(change, &["our-order"]).await, [becomes], "{change}");
        let together = ["our-order", "other-order", "third-order"];
        let claimed = claimed_while(change, &together).await;
        assert_eq!(claimed, [becomes, "confirm", "confirm"], "{change}");
    }
}

#[tokio::test]
async fn new_jobs_and_others_are_claimed_together_and_each_is_given_its_own() {
    let shop = Shop::open_on_postgres().await;
    let mut jobs = Vec::new();
    for id in ["first-order", "second-order", "third-order"] {
        shop.order(id).await;
        let accepted = shop.store.accept_confirm(&confirm_of(id)).await.unwrap();
        jobs.push(JobId::parse(accepted.job.unwrap().id).unwrap());
    }
    let claimer = |room| Claimer {
        room: [("default".to_owned(), room)].into_iter().collect(),
        ..Claimer::unlimited("w")
    };
    let begun = shop.store.claim_jobs(&jobs[1..2], &claimer(9)).await.unwrap();
    assert_eq!(word(&begun[0]), "confirm");
    // Its worker is never heard of again.
    shop.store.advance_clock(domain::limits::LEASE_MS);
    let unknown = JobId::parse("01980000-0000-7000-9000-000000000000".to_owned()).unwrap();
    let asked = [&jobs[0], &unknown, &jobs[1], &jobs[2]].map(Clone::clone);
    let claimed = shop.store.claim_jobs(&asked, &claimer(3)).await.unwrap();
    let said: Vec<&str> = claimed.iter().map(word).collect();
    assert_eq!(said, ["confirm", "unknown", "look-up", "confirm"]);
    for (claimed, id) in claimed.iter().zip(&asked) {
        let Claimed::Attempt(attempt) = claimed else { continue };
        assert_eq!(attempt.job_id(), id.as_str());
    }
}

#[tokio::test]
async fn a_merchants_room_is_one_for_new_jobs_and_others() {
    let shop = Shop::open_on_postgres().await;
    let mut jobs = Vec::new();
    for id in ["first-order", "second-order"] {
        shop.order(id).await;
        let accepted = shop.store.accept_confirm(&confirm_of(id)).await.unwrap();
        jobs.push(JobId::parse(accepted.job.unwrap().id).unwrap());
    }
    let claimer = Claimer {
        room: [("default".to_owned(), 1)].into_iter().collect(),
        ..Claimer::unlimited("w")
    };
    shop.store.claim_jobs(&jobs[..1], &claimer).await.unwrap();
    shop.store.advance_clock(domain::limits::LEASE_MS);
    let claimed = shop.store.claim_jobs(&jobs, &claimer).await.unwrap();
    assert_eq!(claimed.iter().map(word).collect::<Vec<_>>(), ["not now", "confirm"]);
}
