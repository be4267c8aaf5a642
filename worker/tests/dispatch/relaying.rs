//! What the relay takes, when, and how often.

use std::collections::BTreeSet;

use domain::job::JobState;
use domain::limits;

use crate::shop::Shop;

const MOST: u64 = limits::RELAY_BATCH_MAX;

#[tokio::test]
async fn a_job_that_nobody_claims_is_published_again_after_a_grace_that_doubles_up_to_two_minutes()
{
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    let job = shop.accept(&paying).await;
    let mut graces_s = Vec::new();
    for _ in 0..8 {
        let now_ms = shop.store.now_ms().await.unwrap();
        let due_ms = shop.job(&job).await.due_at;
        // Rounded, because the clock goes on while the test does.
        graces_s.push((due_ms - now_ms + 500) / 1_000);
        shop.advance(due_ms - now_ms - 300);
        assert!(shop.store.take_due_jobs(MOST).await.unwrap().is_empty(), "too early");
        shop.advance(300);
        assert_eq!(shop.store.take_due_jobs(MOST).await.unwrap().len(), 1);
    }
    assert_eq!(graces_s, [10, 10, 20, 40, 80, 120, 120, 120]);
    let row = shop.job(&job).await;
    assert_eq!(row.runnable_since, row.created_at, "it has been waiting since it was made");
    shop.dispatcher.dispatch(std::slice::from_ref(&job)).await.unwrap();
    shop.drain().await;
    shop.close().await;
}

#[tokio::test]
async fn two_relays_at_once_take_different_jobs_and_together_all_of_them() {
    let shop = Shop::open().await;
    let mut accepted = BTreeSet::new();
    for _ in 0..30 {
        let paying = shop.authenticated(1).await;
        accepted.insert(shop.accept(&paying).await.as_str().to_owned());
    }
    shop.advance(limits::GRACE_MS);
    let mut relays = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let store = shop.store.clone();
        relays.spawn(async move { store.take_due_jobs(5).await.unwrap() });
    }
    let taken: Vec<String> =
        relays.join_all().await.into_iter().flatten().map(|job| job.id).collect();
    assert_eq!(taken.len(), 30);
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>(), accepted);
    shop.drain().await;
    shop.close().await;
}

#[tokio::test]
async fn what_the_queue_did_not_take_is_due_at_once_and_its_grace_has_not_grown() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    let job = shop.accept(&paying).await;
    shop.advance(limits::GRACE_MS);
    for _ in 0..5 {
        let taken = shop.store.take_due_jobs(MOST).await.unwrap();
        assert_eq!(taken.len(), 1);
        assert!(shop.store.take_due_jobs(MOST).await.unwrap().is_empty());
        let ids: Vec<String> = taken.into_iter().map(|job| job.id).collect();
        shop.store.return_unpublished(&ids).await.unwrap();
    }
    let now_ms = shop.store.now_ms().await.unwrap();
    shop.store.take_due_jobs(MOST).await.unwrap();
    let grace_ms = shop.job(&job).await.due_at - now_ms;
    assert!((limits::GRACE_MS..limits::GRACE_MS + 2_000).contains(&grace_ms), "{grace_ms}");
    shop.drain().await;
    shop.close().await;
}

#[tokio::test]
async fn what_its_maker_could_not_publish_is_due_at_once() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    let job = shop.accept(&paying).await;
    assert!(shop.store.take_due_jobs(MOST).await.unwrap().is_empty(), "its maker publishes it");
    shop.store.return_unpublished(&[job.as_str().to_owned()]).await.unwrap();
    let taken = shop.store.take_due_jobs(MOST).await.unwrap();
    assert_eq!(taken.len(), 1);
    let grace_ms = shop.job(&job).await.due_at - shop.store.now_ms().await.unwrap();
    assert!((limits::GRACE_MS - 2_000..=limits::GRACE_MS).contains(&grace_ms), "{grace_ms}");
    shop.drain().await;
    shop.close().await;
}

#[tokio::test]
async fn what_was_claimed_meanwhile_is_not_taken_back_by_a_queue_that_refused_it() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    let job = shop.accept(&paying).await;
    shop.advance(limits::GRACE_MS);
    let taken = shop.store.take_due_jobs(MOST).await.unwrap();
    // The message went through after all, and a worker has the job.
    let attempt = shop.claim(&shop.dispatcher, &job).await;
    let leased = shop.job(&job).await;
    let ids: Vec<String> = taken.into_iter().map(|job| job.id).collect();
    shop.store.return_unpublished(&ids).await.unwrap();
    assert_eq!(shop.job(&job).await.due_at, leased.due_at);
    let result = shop.dispatcher.call(attempt).await;
    shop.dispatcher.settle(result).await.unwrap();
    shop.assert_ended(&paying, &job, JobState::Succeeded, 1).await;
    shop.close().await;
}

#[tokio::test]
async fn what_runs_waits_or_is_parked_is_taken_only_when_it_is_due() {
    let shop = Shop::open().await;
    let (running, waiting, parked) =
        (shop.authenticated(1).await, shop.authenticated(2).await, shop.authenticated(3).await);
    shop.fault(&waiting, "confirm", "cut_after", serde_json::json!({}));
    shop.fault(&parked, "confirm", "unauthorized", serde_json::json!({}));
    let jobs =
        [shop.accept(&running).await, shop.accept(&waiting).await, shop.accept(&parked).await];
    shop.claim(&shop.dispatcher, &jobs[0]).await;
    shop.step(&jobs[1]).await;
    shop.step(&jobs[2]).await;
    assert!(shop.store.take_due_jobs(MOST).await.unwrap().is_empty());
    shop.advance(limits::LEASE_MS);
    let taken: BTreeSet<String> =
        shop.store.take_due_jobs(MOST).await.unwrap().into_iter().map(|job| job.id).collect();
    let expected: BTreeSet<String> = jobs[..2].iter().map(|job| job.as_str().to_owned()).collect();
    assert_eq!(taken, expected, "the lease that is over and the wait, not what is parked");
    shop.drain().await;
    shop.close().await;
}
