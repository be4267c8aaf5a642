//! What staff do with jobs: retried, looked up and given up under the rules, once, and on the record.

use domain::JobId;
use domain::action::JobAction;
use domain::cancellation::CancellationState;
use domain::job::{ActionRefusal, JobKind, JobState};
use domain::limits;
use store::audit::AuditFilter;
use store::{ActError, ActedJob};

use crate::hands::{Fault, LONG_PAUSE_MS};
use crate::shop::{Paying, Shop, staff};

fn refusal(acted: Result<ActedJob, ActError>) -> ActionRefusal {
    match acted {
        Err(ActError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

/// What the audit says was done to a job, oldest first.
async fn audited(shop: &Shop, job: &JobId) -> Vec<String> {
    let filter = AuditFilter { subject: Some(job.as_str().to_owned()), ..AuditFilter::default() };
    let mut page = shop.store.list_audit(&filter, None, limits::PAGE_ROWS_MAX).await.unwrap().rows;
    page.reverse();
    assert!(page.iter().all(|entry| entry.actor == staff().id && entry.reason.is_some()));
    page.into_iter().map(|entry| entry.action).collect()
}

/// A confirm that stopped because the key was not accepted.
async fn parked(shop: &Shop) -> (Paying, JobId) {
    let paying = shop.authenticated(23).await;
    shop.goes_wrong(&paying, "confirm", &Fault::new("unauthorized"));
    let job = shop.accept(&paying).await;
    shop.drain().await;
    assert_eq!(shop.job(&job).await.park_reason.as_deref(), Some("setup"));
    (paying, job)
}

/// What staff are told that they may do is what they then may do.
async fn assert_told_as_done(shop: &Shop, job: &JobId) {
    let told = shop.store.find_job_detail(job).await.unwrap().unwrap();
    if let Err(why) = told.check(JobAction::Retry) {
        assert_eq!(refusal(shop.retry(job).await), why);
    }
    match told.check(JobAction::Discard) {
        Err(why) => assert_eq!(refusal(shop.discard(job).await), why),
        Ok(()) => drop(shop.discard(job).await.unwrap()),
    }
}

#[tokio::test]
async fn a_confirm_that_was_parked_for_a_wrong_key_is_looked_up_and_then_sent_under_a_new_one() {
    let shop = Shop::open().await;
    let (paying, job) = parked(&shop).await;
    assert_eq!(shop.status(&paying).await, "checking");
    shop.retry(&job).await.unwrap();
    shop.drain().await;
    let attempts = shop.attempts(&job).await;
    let story: Vec<_> =
        attempts.iter().map(|one| (one.operation.as_str(), one.key_generation)).collect();
    assert_eq!(story, [("confirm", 1), ("look_up", 1), ("confirm", 2)]);
    assert_eq!(shop.status(&paying).await, "paid");
    assert_eq!(audited(&shop, &job).await, ["job.retry"]);
    shop.assert_ended(&paying, &job, JobState::Succeeded, 2).await;
    shop.close().await;
}

#[tokio::test]
async fn a_parked_confirm_that_turns_out_paid_ends_and_nobody_is_offered_a_retry_of_it() {
    let shop = Shop::open().await;
    let (paying, job) = parked(&shop).await;
    assert_eq!(shop.rival_confirm(&paying).await, 200);
    let look_up = shop.look_up(&job).await;
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid");
    assert_eq!(shop.job(&job).await.state, JobState::Succeeded);
    let told = shop.store.find_job_detail(&job).await.unwrap().unwrap();
    assert_eq!(told.check(JobAction::Retry), Err(ActionRefusal::Ended));
    assert_eq!(told.check(JobAction::Discard), Err(ActionRefusal::Ended));
    assert_eq!(refusal(shop.retry(&job).await), ActionRefusal::Ended);
    assert_eq!(shop.review(&paying).await, None);
    assert_eq!(audited(&shop, &job).await, ["job.look_up"], "what was refused was not done");
    assert!(!shop.job(&look_up).await.state.is_live());
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_customer_of_a_parked_payment_is_told_that_it_is_checked_and_to_ask_slowly() {
    let shop = Shop::open().await;
    let (paying, job) = parked(&shop).await;
    let view = shop.detail(&paying).await.view();
    assert_eq!((view.status.word(), view.ask_again_s), ("checking", Some(30)));
    shop.advance(24 * 60 * 60_000);
    let view = shop.detail(&paying).await.view();
    assert_eq!(
        (view.status.word(), view.ask_again_s),
        ("checking", Some(30)),
        "not \"processing\""
    );
    assert_eq!(refusal(shop.retry(&job).await), ActionRefusal::WindowOver);
    // A look-up tells that nothing was taken, and the time to take it is over.
    shop.look_up(&job).await;
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "expired");
    assert_eq!(shop.job(&job).await.state, JobState::Declined);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_payment_whose_outcome_is_unknown_cannot_be_given_up_until_a_look_up_proves_it_undone() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    let job = shop.accept(&paying).await;
    // Three workers die with it.
    for _ in 0..limits::UNFINISHED_CLAIMS_MAX {
        shop.claim(&shop.dispatcher, &job).await;
        shop.advance(limits::LEASE_MS);
    }
    shop.drain_for(1_000).await;
    assert_eq!(shop.job(&job).await.state, JobState::Parked);
    assert_eq!(refusal(shop.discard(&job).await), ActionRefusal::OutcomeUnknown);
    assert_told_as_done(&shop, &job).await;
    shop.advance(LONG_PAUSE_MS);
    shop.look_up(&job).await;
    shop.drain().await;
    assert_eq!(shop.job(&job).await.state, JobState::Parked);
    assert_told_as_done(&shop, &job).await;
    assert_eq!(shop.job(&job).await.state, JobState::Discarded);
    assert_eq!(shop.status(&paying).await, "failed");
    assert_eq!(audited(&shop, &job).await, ["job.look_up", "job.discard"]);
    shop.drain().await;
    assert!(shop.posts(&paying).is_empty());
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_discarded_cancel_gives_nothing_back_and_frees_its_amount_and_its_turn() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    shop.goes_wrong(&paying, "cancel", &Fault::new("unauthorized"));
    let (id, job) = shop.cancel(&paying, None, "key-1").await.unwrap();
    shop.drain().await;
    assert!(shop.cancel(&paying, Some(1_000), "key-2").await.is_err(), "all of it is reserved");
    shop.discard(&job).await.unwrap();
    assert_eq!(shop.cancellation(&paying, &id).await, CancellationState::Refused);
    shop.cancel(&paying, Some(1_000), "key-2").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.ledger(&paying).refunds, [1_000]);
    assert_eq!(shop.review(&paying).await, None);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn what_runs_has_ended_or_was_declined_is_refused_with_its_reason() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    let job = shop.accept(&paying).await;
    assert_eq!(refusal(shop.retry(&job).await), ActionRefusal::UnderWay);
    assert_eq!(refusal(shop.discard(&job).await), ActionRefusal::NotParked);
    let attempt = shop.claim(&shop.dispatcher, &job).await;
    assert_eq!(refusal(shop.retry(&job).await), ActionRefusal::UnderWay);
    assert_eq!(refusal(shop.discard(&job).await), ActionRefusal::NotParked);
    let result = shop.dispatcher.call(attempt).await;
    shop.dispatcher.settle(result).await.unwrap();
    assert_eq!(refusal(shop.retry(&job).await), ActionRefusal::Ended);
    assert_eq!(refusal(shop.discard(&job).await), ActionRefusal::Ended);
    let look_up = shop.look_up(&job).await;
    shop.advance(limits::GRACE_MS);
    shop.goes_wrong(&paying, "look_up", &Fault::new("cut_before"));
    shop.step(&look_up).await;
    assert_eq!(refusal(shop.retry(&look_up).await), ActionRefusal::LookUpOnly);
    let declined = shop.authenticated(5).await;
    shop.goes_wrong(&declined, "confirm", &Fault::code("REJECT_CARD_COMPANY"));
    let job = shop.accept(&declined).await;
    shop.drain().await;
    assert_eq!(refusal(shop.retry(&job).await), ActionRefusal::Declined);
    assert_eq!(refusal(shop.discard(&job).await), ActionRefusal::Declined);
    let unknown = JobId::parse("01a20a52-4849-71ed-b832-b4e362aa47da").unwrap();
    assert!(matches!(shop.retry(&unknown).await, Err(ActError::Unknown)));
    assert!(audited(&shop, &job).await.is_empty());
    shop.close().await;
}

#[tokio::test]
async fn of_two_operators_at_once_one_has_an_effect_and_the_other_is_told() {
    let shop = Shop::open().await;
    let (paying, job) = parked(&shop).await;
    let (one, two) = tokio::join!(shop.retry(&job), shop.retry(&job));
    let refused = if one.is_ok() { two } else { one };
    assert_eq!(refusal(refused), ActionRefusal::UnderWay);
    assert_eq!(audited(&shop, &job).await, ["job.retry"]);
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid");
    shop.assert_ended(&paying, &job, JobState::Succeeded, 2).await;

    let (paying, job) = parked(&shop).await;
    let (retried, discarded) = tokio::join!(shop.retry(&job), shop.discard(&job));
    assert!(retried.is_ok() != discarded.is_ok(), "{retried:?} {discarded:?}");
    shop.drain().await;
    let expected = if retried.is_ok() { "paid" } else { "failed" };
    assert_eq!(shop.status(&paying).await, expected);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn two_look_ups_asked_for_at_once_are_one_job() {
    let shop = Shop::open().await;
    let (paying, job) = parked(&shop).await;
    let (one, two) = tokio::join!(shop.look_up(&job), shop.look_up(&job));
    assert_eq!(one, two);
    assert_eq!(shop.jobs(JobKind::LookUp).await.len(), 1);
    shop.drain().await;
    assert_eq!(shop.ledger(&paying).calls.look_up, 1);
    assert_eq!(audited(&shop, &job).await, ["job.look_up", "job.look_up"], "each on the record");
    shop.close().await;
}

#[tokio::test]
async fn a_cancel_that_waits_behind_a_parked_one_is_not_let_through_by_a_retry() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    // The first may have gone through; not even the look-ups say.
    shop.goes_wrong(&paying, "cancel", &Fault::new("cut_after"));
    shop.goes_wrong(&paying, "look_up", &Fault::new("unauthorized"));
    let (_, first) = shop.cancel(&paying, Some(3_000), "key-1").await.unwrap();
    let (_, second) = shop.cancel(&paying, Some(3_000), "key-2").await.unwrap();
    shop.drain_for(60_000).await;
    assert_eq!(shop.job(&first).await.state, JobState::Parked);
    assert_eq!(shop.job(&second).await.last_code.as_deref(), Some("BEHIND_ANOTHER"));
    shop.retry(&first).await.unwrap();
    // The second is delivered before the first: its turn has not come.
    shop.advance(30_000);
    assert!(shop.dispatcher.claim(std::slice::from_ref(&second)).await.unwrap().is_empty());
    assert_eq!(shop.posts(&paying).len(), 2);
    shop.drain().await;
    assert_eq!(shop.ledger(&paying).refunds, [3_000, 3_000]);
    assert_eq!(shop.job(&second).await.state, JobState::Succeeded);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_look_up_job_that_stopped_is_asked_for_again_and_goes_on() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    let confirm = JobId::parse(shop.jobs(JobKind::Confirm).await.remove(0).id).unwrap();
    shop.goes_wrong(&paying, "look_up", &Fault::new("unauthorized"));
    let look_up = shop.look_up(&confirm).await;
    shop.drain().await;
    assert_eq!(shop.job(&look_up).await.park_reason.as_deref(), Some("setup"));
    assert_eq!(shop.review(&paying).await.as_deref(), Some("setup"));
    assert_eq!(shop.look_up(&confirm).await, look_up);
    shop.drain().await;
    assert_eq!(shop.job(&look_up).await.state, JobState::Succeeded);
    assert_eq!(shop.review(&paying).await, None);
    shop.close().await;
}
