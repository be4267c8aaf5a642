//! Commits that fail: done again where that is safe, told where it is not, and never half-written.

use domain::job::{JobKind, JobState};
use domain::limits;

use crate::shop::{Paying, Shop, confirm_of};

/// More failures than any write is tried.
const TOO_MANY: u32 = 100;

async fn assert_untouched(shop: &Shop, paying: &Paying) {
    assert_eq!(shop.status(paying).await, "awaiting_payment");
    assert!(shop.jobs(JobKind::Confirm).await.is_empty());
}

#[tokio::test]
async fn a_conflict_of_two_writes_is_done_again_and_toss_is_asked_once() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    shop.store.fail_commits(3);
    let job = shop.accept(&paying).await;
    shop.store.fail_commits(3);
    let attempt = shop.claim(&shop.dispatcher, &job).await;
    assert_eq!(attempt.number(), 1);
    let result = shop.dispatcher.call(attempt).await;
    shop.store.fail_commits(3);
    shop.dispatcher.settle(result).await.unwrap();
    assert_eq!(shop.status(&paying).await, "paid");
    assert_eq!(shop.attempts(&job).await.len(), 1);
    shop.store.fail_commits(3);
    let (_, cancel) = shop.cancel(&paying, None, "key").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.jobs(JobKind::Cancel).await.len(), 1);
    shop.assert_ended(&paying, &cancel, JobState::Succeeded, 2).await;
    shop.close().await;
}

#[tokio::test]
async fn a_request_whose_commit_never_succeeds_is_an_error_and_leaves_nothing_behind() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    shop.store.fail_commits(TOO_MANY);
    assert!(shop.store.accept_confirm(&confirm_of(&paying)).await.is_err());
    shop.store.fail_commits(0);
    assert_untouched(&shop, &paying).await;
    let job = shop.accept(&paying).await;
    shop.drain().await;
    shop.store.fail_commits(TOO_MANY);
    assert!(shop.cancel(&paying, None, "key").await.is_err());
    shop.store.fail_commits(0);
    assert!(shop.jobs(JobKind::Cancel).await.is_empty());
    // The key that was refused with an error may be used again.
    shop.cancel(&paying, None, "key").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.job(&job).await.state, JobState::Succeeded);
    assert_eq!(shop.status(&paying).await, "cancelled");
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_claim_that_cannot_be_committed_sends_nothing() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    let job = shop.accept(&paying).await;
    shop.store.fail_commits(TOO_MANY);
    assert!(shop.dispatcher.dispatch(std::slice::from_ref(&job)).await.is_err());
    shop.store.fail_commits(0);
    let row = shop.job(&job).await;
    assert_eq!((row.state, row.claims), (JobState::Queued, 0));
    assert!(shop.attempts(&job).await.is_empty());
    assert!(shop.ledger(&paying).requests.is_empty());
    shop.drain().await;
    shop.assert_ended(&paying, &job, JobState::Succeeded, 1).await;
    shop.close().await;
}

#[tokio::test]
async fn an_approval_whose_commit_fails_every_time_is_found_by_a_look_up_and_recorded_once() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    let job = shop.accept(&paying).await;
    let result = shop.claim_and_call(&shop.dispatcher, &job).await;
    for _ in 0..5 {
        shop.store.fail_commits(TOO_MANY);
        assert!(shop.dispatcher.settle(result.clone()).await.is_err());
        shop.store.fail_commits(0);
        assert_eq!(shop.status(&paying).await, "confirming", "nothing half-written");
        assert_eq!(shop.attempts(&job).await[0].finished_at, None);
    }
    // The worker goes away with it.
    shop.advance(limits::LEASE_MS);
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid");
    let operations: Vec<_> =
        shop.attempts(&job).await.into_iter().map(|one| one.operation).collect();
    assert_eq!(operations, ["confirm", "look_up"]);
    shop.assert_ended(&paying, &job, JobState::Succeeded, 1).await;
    shop.close().await;
}

#[tokio::test]
async fn a_refund_whose_commit_fails_every_time_is_found_by_a_look_up_and_recorded_once() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    let (id, job) = shop.cancel(&paying, Some(3_000), "key").await.unwrap();
    let result = shop.claim_and_call(&shop.dispatcher, &job).await;
    shop.store.fail_commits(TOO_MANY);
    assert!(shop.dispatcher.settle(result).await.is_err());
    shop.store.fail_commits(0);
    assert!(shop.cancellation(&paying, &id).await.is_open());
    shop.advance(limits::LEASE_MS);
    shop.drain().await;
    assert_eq!(shop.detail(&paying).await.cancellations.len(), 1);
    assert_eq!(shop.ledger(&paying).refunds, [3_000]);
    shop.assert_ended(&paying, &job, JobState::Succeeded, 2).await;
    shop.close().await;
}

#[tokio::test]
async fn a_relay_whose_commit_fails_takes_nothing() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    let job = shop.accept(&paying).await;
    shop.advance(limits::GRACE_MS);
    shop.store.fail_commits(TOO_MANY);
    assert!(shop.store.take_due_jobs(limits::RELAY_BATCH_MAX).await.is_err());
    shop.store.fail_commits(0);
    assert_eq!(shop.store.take_due_jobs(limits::RELAY_BATCH_MAX).await.unwrap().len(), 1);
    shop.drain().await;
    shop.assert_ended(&paying, &job, JobState::Succeeded, 1).await;
    shop.close().await;
}
