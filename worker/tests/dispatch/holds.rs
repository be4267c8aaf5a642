//! What holds calls back: the circuit breaker, pauses, rates. What is held uses up no attempt, and nobody is held for ever.

use std::collections::HashMap;
use std::num::NonZeroU32;

use domain::breaker::{FAILURES_TO_OPEN, OPEN_MS};
use domain::job::{JobKind, JobState};
use domain::{JobId, limits};
use store::{Actor, Claimed, Claimer, PauseScope, StartedAttempt};

use crate::hands::Fault;
use crate::running::{Running, SOON, has_ended, wait_for};
use crate::shop::{Paying, Shop};

const MERCHANT: &str = "default";

/// Payments whose confirms are accepted.
async fn accepted(shop: &Shop, count: u32) -> Vec<(Paying, JobId)> {
    let mut all = Vec::new();
    for number in 0..count {
        let paying = shop.authenticated(number % 90 + 1).await;
        let job = shop.accept(&paying).await;
        all.push((paying, job));
    }
    all
}

/// Claims as a worker does, and tells what may be called.
async fn claim(shop: &Shop, claimer: &Claimer, jobs: &[JobId]) -> Vec<Option<StartedAttempt>> {
    let holds = shop.store.read_holds().await.unwrap();
    let claimer = Claimer { holds, ..claimer.clone() };
    let claimed = shop.store.claim_jobs(jobs, &claimer).await.unwrap();
    claimed
        .into_iter()
        .map(|one| match one {
            Claimed::Attempt(attempt) => Some(*attempt),
            Claimed::Concluded | Claimed::NotNow | Claimed::Unknown => None,
        })
        .collect()
}

async fn assert_is_held(shop: &Shop, job: &JobId, code: &str) {
    let row = shop.job(job).await;
    assert_eq!((row.state, row.last_code.as_deref()), (JobState::Waiting, Some(code)));
    assert!(shop.attempts(job).await.is_empty(), "an attempt was used up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_toss_is_silent_confirms_wait_without_attempts_and_go_on_when_it_answers() {
    let shop = Shop::open().await;
    let running = Running::start(&shop, 2);
    let silent = accepted(&shop, FAILURES_TO_OPEN).await;
    for (paying, job) in &silent {
        shop.goes_wrong(paying, "confirm", &Fault::new("cut_before"));
        running.publish(&shop, job, JobKind::Confirm).await;
    }
    let is_open = async || shop.store.read_holds().await.unwrap().is_open(MERCHANT);
    wait_for("the breaker", SOON, is_open).await;
    let waiting = accepted(&shop, 5).await;
    for (_, job) in &waiting {
        running.publish(&shop, job, JobKind::Confirm).await;
    }
    // A few are let through to the gate every second, and the gate holds them.
    let is_held = async || shop.job(&waiting[0].1).await.state == JobState::Waiting;
    wait_for("the gate", SOON, is_held).await;
    for (paying, job) in &waiting {
        assert_eq!(shop.ledger(paying).calls.confirm, 0, "called while the breaker was open");
        assert!(shop.attempts(job).await.is_empty());
    }
    shop.advance(2 * OPEN_MS);
    for (paying, job) in &waiting {
        wait_for("the payment", SOON, async || has_ended(&shop, job).await).await;
        shop.assert_ended(paying, job, JobState::Succeeded, 1).await;
    }
    assert!(!shop.store.read_holds().await.unwrap().is_open(MERCHANT));
    running.stop().await.unwrap();
    shop.drain().await;
    for (paying, _) in &silent {
        shop.assert_money_is_conserved(paying).await;
    }
    shop.close().await;
}

#[tokio::test]
async fn one_call_at_a_time_tries_whether_toss_answers_again() {
    let shop = Shop::open().await;
    let jobs: Vec<JobId> = accepted(&shop, 4).await.into_iter().map(|(_, job)| job).collect();
    let (one, another) = (Claimer::unlimited("one"), Claimer::unlimited("another"));
    shop.store.open_breaker(MERCHANT, "TIMEOUT").await.unwrap();
    assert!(claim(&shop, &one, &jobs[..1]).await[0].is_none(), "too early");
    assert_is_held(&shop, &jobs[0], "BREAKER_OPEN").await;
    shop.advance(OPEN_MS + 1);
    let tried = claim(&shop, &one, &jobs[1..]).await;
    let probes: Vec<bool> = tried.iter().flatten().map(StartedAttempt::is_probe).collect();
    assert_eq!(probes, [true], "of many at once exactly one");
    let left: Vec<JobId> = jobs[1..]
        .iter()
        .filter(|job| tried.iter().flatten().all(|probe| probe.job_id() != job.as_str()))
        .cloned()
        .collect();
    shop.advance(limits::LEASE_MS - 1_000);
    assert!(claim(&shop, &another, &left[..1]).await[0].is_none(), "the probe is under way");
    // Its worker is gone, and its lease is over: the next one tries.
    shop.advance(60_000);
    let next = claim(&shop, &another, &left[..1]).await.remove(0).unwrap();
    assert!(next.is_probe());
    // It fails: the breaker stays open for as long again.
    shop.store.end_probe(MERCHANT, next.job_id(), Some("TIMEOUT")).await.unwrap();
    let holds = shop.store.read_holds().await.unwrap();
    assert_eq!((holds.breakers[0].openings, holds.breakers[0].has_probe), (2, false));
    assert!(claim(&shop, &one, &left[1..]).await[0].is_none());
    shop.advance(5 * 60_000);
    let last = claim(&shop, &one, &left[1..]).await.remove(0).unwrap();
    shop.store.end_probe(MERCHANT, last.job_id(), None).await.unwrap();
    assert_eq!(shop.store.read_holds().await.unwrap().breakers, []);
    shop.drain().await;
    shop.close().await;
}

#[tokio::test]
async fn what_an_open_breaker_held_is_due_when_it_closes() {
    let shop = Shop::open().await;
    let held = accepted(&shop, 3).await;
    let jobs: Vec<JobId> = held.iter().map(|(_, job)| job.clone()).collect();
    shop.store.open_breaker(MERCHANT, "TIMEOUT").await.unwrap();
    claim(&shop, &Claimer::unlimited("one"), &jobs).await;
    shop.advance(OPEN_MS + 1);
    let (probing, probe) = accepted(&shop, 1).await.remove(0);
    let attempt = claim(&shop, &Claimer::unlimited("one"), &[probe]).await.remove(0).unwrap();
    assert!(attempt.is_probe());
    let result = shop.dispatcher.call(attempt.clone()).await;
    shop.dispatcher.settle(result).await.unwrap();
    shop.store.end_probe(MERCHANT, attempt.job_id(), None).await.unwrap();
    for job in &jobs {
        assert!(shop.job(job).await.due_at <= shop.store.now_ms().await.unwrap());
    }
    shop.drain().await;
    for (paying, _) in held.iter().chain([&(probing, jobs[0].clone())]) {
        assert_eq!(shop.status(paying).await, "paid");
    }
    shop.close().await;
}

#[tokio::test]
async fn look_ups_go_on_while_the_breaker_is_open() {
    let shop = Shop::open().await;
    let paying = shop.paid(5).await;
    let (_, confirm) = (&paying, shop.jobs(JobKind::Confirm).await.remove(0).id);
    shop.store.open_breaker(MERCHANT, "TIMEOUT").await.unwrap();
    let look_up = shop.look_up(&JobId::parse(confirm.as_str().to_owned()).unwrap()).await;
    assert!(
        claim(&shop, &Claimer::unlimited("one"), std::slice::from_ref(&look_up)).await[0].is_some()
    );
    shop.advance(limits::LEASE_MS + 1);
    shop.drain().await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_not_accepted_twice_stops_the_merchant_until_somebody_resumes_it() {
    let shop = Shop::open().await;
    let running = Running::start(&shop, 1);
    let refused = accepted(&shop, 2).await;
    let pauses = async || shop.store.read_holds().await.unwrap().pauses;
    for (number, (paying, job)) in refused.iter().enumerate() {
        shop.goes_wrong(paying, "confirm", &Fault::new("unauthorized"));
        running.publish(&shop, job, JobKind::Confirm).await;
        let is_parked = async || shop.job(job).await.state == JobState::Parked;
        wait_for("the refusal", SOON, is_parked).await;
        let is_noted = async || pauses().await.first().map(|it| it.is_in_force) == Some(number > 0);
        wait_for("the suspicion", SOON, is_noted).await;
    }
    let (paying, job) = accepted(&shop, 1).await.remove(0);
    running.publish(&shop, &job, JobKind::Confirm).await;
    let is_held = async || shop.job(&job).await.state == JobState::Waiting;
    wait_for("the gate", SOON, is_held).await;
    assert_is_held(&shop, &job, "MERCHANT_PAUSED").await;
    let actor = Actor::system();
    let resumed = shop.store.resume_merchant(MERCHANT, PauseScope::All, &actor, "new key").await;
    assert!(resumed.unwrap());
    wait_for("the payment", SOON, async || has_ended(&shop, &job).await).await;
    assert_eq!(shop.status(&paying).await, "paid");
    running.stop().await.unwrap();
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_payment_with_trouble_of_its_own_does_not_stop_the_merchant() {
    let shop = Shop::open().await;
    let running = Running::start(&shop, 1);
    let orders = accepted(&shop, 3).await;
    let pauses = async || shop.store.read_holds().await.unwrap().pauses;
    for (number, (paying, job)) in orders.iter().enumerate() {
        let is_refused = number != 1;
        if is_refused {
            shop.goes_wrong(paying, "confirm", &Fault::new("unauthorized"));
        }
        running.publish(&shop, job, JobKind::Confirm).await;
        let is_done =
            async || !matches!(shop.job(job).await.state, JobState::Queued | JobState::Running);
        wait_for("the answer", SOON, is_done).await;
        let is_noted = async || pauses().await.len() == usize::from(is_refused);
        wait_for("the suspicion", SOON, is_noted).await;
    }
    assert!(!pauses().await[0].is_in_force, "there was an answer between the two");
    running.stop().await.unwrap();
    shop.close().await;
}

#[tokio::test]
async fn a_pause_stops_what_it_names_and_a_confirm_in_it_still_ends_with_its_window() {
    let shop = Shop::open().await;
    let paid = shop.paid(10).await;
    let actor = Actor::system();
    let confirms = PauseScope::Only(domain::attempt::Operation::Confirm);
    shop.store.pause_merchant(MERCHANT, confirms, &actor, "closing time").await.unwrap();
    let (paying, job) = accepted(&shop, 1).await.remove(0);
    assert!(
        claim(&shop, &Claimer::unlimited("one"), std::slice::from_ref(&job)).await[0].is_none()
    );
    assert_is_held(&shop, &job, "MERCHANT_PAUSED").await;
    shop.cancel(&paid, Some(1_000), "key").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.status(&paid).await, "partially_cancelled");
    assert_eq!(shop.status(&paying).await, "expired", "the customer is told in time");
    assert!(shop.ledger(&paying).requests.is_empty());
    let resumed = shop.store.resume_merchant(MERCHANT, confirms, &actor, "open").await.unwrap();
    assert!(resumed);
    assert!(!shop.store.resume_merchant(MERCHANT, confirms, &actor, "open").await.unwrap());
    shop.close().await;
}

#[tokio::test]
async fn a_rate_holds_over_all_workers_and_each_operation_has_its_own() {
    let shop = Shop::open().await;
    let jobs: Vec<JobId> = accepted(&shop, 4).await.into_iter().map(|(_, job)| job).collect();
    let limited = |worker: &str| Claimer {
        calls_per_minute: NonZeroU32::new(60),
        ..Claimer::unlimited(worker)
    };
    let (one, another) = (limited("one"), limited("another"));
    let now_ms = shop.store.now_ms().await.unwrap();
    let (first, second) =
        (claim(&shop, &one, &jobs[..2]).await, claim(&shop, &another, &jobs[2..]).await);
    let begun: Vec<StartedAttempt> = first.into_iter().chain(second).flatten().collect();
    assert_eq!(begun.len(), 1, "one call a second");
    let mut due: Vec<i64> = Vec::new();
    for job in jobs.iter().filter(|job| job.as_str() != begun[0].job_id()) {
        assert_is_held(&shop, job, "RATE_LIMITED").await;
        due.push(shop.job(job).await.due_at);
    }
    due.sort_unstable();
    assert!(due.windows(2).all(|pair| pair[1] - pair[0] == 1_000), "a second apart: {due:?}");
    assert!(due[0] - now_ms >= 1_000);
    // Those that waited have their turns, and are not sent to the end of the line again.
    for at in due {
        let now_ms = shop.store.now_ms().await.unwrap();
        shop.advance((at - now_ms).max(0) + 1);
        let ids: Vec<JobId> = jobs.clone();
        let went = claim(&shop, &one, &ids).await.into_iter().flatten().count();
        assert_eq!(went, 1);
    }
    shop.advance(limits::LEASE_MS + 1);
    let look_up = shop.look_up(&jobs[0]).await;
    assert!(claim(&shop, &one, &[look_up]).await[0].is_some(), "look-ups have a rate of their own");
    shop.advance(limits::LEASE_MS + 1);
    shop.drain().await;
    shop.close().await;
}

/// A worker with so many calls a minute.
fn limited(per_minute: u32) -> Claimer {
    let calls_per_minute = NonZeroU32::new(per_minute);
    Claimer { calls_per_minute, ..Claimer::unlimited("one") }
}

#[tokio::test]
async fn jobs_that_wait_for_a_rate_and_never_call_leave_its_calls_to_others() {
    let shop = Shop::open().await;
    let jobs: Vec<JobId> = accepted(&shop, 30).await.into_iter().map(|(_, job)| job).collect();
    let now_ms = shop.store.now_ms().await.unwrap();
    let begun = claim(&shop, &limited(2), &jobs).await;
    assert_eq!(begun.iter().flatten().count(), 1);
    for job in
        jobs.iter().filter(|job| begun.iter().flatten().all(|it| it.job_id() != job.as_str()))
    {
        assert_is_held(&shop, job, "RATE_LIMITED").await;
        let due_in_ms = shop.job(job).await.due_at - now_ms;
        assert!((30_000..60_000).contains(&due_in_ms), "neither at once nor for long: {due_in_ms}");
    }
    // Their windows end, and with them what they waited for.
    shop.advance(limits::CONFIRM_WINDOW_MS + 1);
    shop.drain().await;
    let (paying, job) = accepted(&shop, 1).await.remove(0);
    assert!(claim(&shop, &limited(2), &[job]).await[0].is_some(), "nothing is under way");
    shop.advance(limits::LEASE_MS + 1);
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid");
    shop.close().await;
}

#[tokio::test]
async fn of_those_who_wait_for_a_rate_the_oldest_goes_first() {
    let shop = Shop::open().await;
    let jobs: Vec<JobId> = accepted(&shop, 3).await.into_iter().map(|(_, job)| job).collect();
    let claim = async |job: &JobId| {
        claim(&shop, &limited(60), std::slice::from_ref(job)).await.remove(0).is_some()
    };
    assert!(claim(&jobs[0]).await);
    for job in &jobs[1..] {
        assert!(!claim(job).await);
    }
    shop.advance_to(&jobs[1]).await;
    let newest = accepted(&shop, 1).await.remove(0).1;
    assert!(!claim(&newest).await, "the turn is somebody else's, who is about to come");
    assert!(claim(&jobs[1]).await);
    shop.advance_to(&jobs[2]).await;
    assert!(claim(&jobs[2]).await);
    shop.advance_to(&newest).await;
    assert!(claim(&newest).await);
    shop.advance(limits::LEASE_MS + 1);
    shop.drain().await;
    shop.close().await;
}

#[tokio::test]
async fn a_merchant_gets_no_more_calls_at_once_than_it_may() {
    let shop = Shop::open().await;
    let jobs: Vec<JobId> = accepted(&shop, 3).await.into_iter().map(|(_, job)| job).collect();
    let room = HashMap::from([(MERCHANT.to_owned(), 2)]);
    let claimer = Claimer { room, ..Claimer::unlimited("one") };
    let begun = claim(&shop, &claimer, &jobs).await;
    assert_eq!(begun.iter().flatten().count(), 2);
    let left = jobs.iter().zip(&begun).find(|(_, begun)| begun.is_none()).unwrap().0;
    assert_is_held(&shop, left, "MERCHANT_BUSY").await;
    shop.advance(limits::LEASE_MS + 1);
    shop.drain().await;
    shop.close().await;
}
