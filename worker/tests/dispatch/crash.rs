//! Workers that stop, pause and wake up late: one charge and one refund, whatever they did last.

use domain::JobId;
use domain::job::{JobKind, JobState};
use domain::limits;
use serde_json::json;

use crate::hands::{Fault, LONG_PAUSE_MS};
use crate::shop::{Paying, Shop};

/// After which step a worker stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// The attempt is recorded; nothing was sent.
    Claimed,
    /// Toss has done it; nothing of the answer is written.
    Called,
    /// All is written; the message was not acknowledged.
    Settled,
}

const STOPS: [Stop; 3] = [Stop::Claimed, Stop::Called, Stop::Settled];

/// What a worker may be stopped in.
#[derive(Debug, Clone, Copy)]
enum Work {
    Confirm,
    PartialCancel,
    WholeCancel,
}

const WORKS: [Work; 3] = [Work::Confirm, Work::PartialCancel, Work::WholeCancel];

/// A payment and the job that is about to be done on it.
async fn begin(shop: &Shop, work: Work) -> (Paying, JobId) {
    let amount = match work {
        Work::Confirm => {
            let paying = shop.authenticated(23).await;
            let job = shop.accept(&paying).await;
            return (paying, job);
        }
        Work::PartialCancel => Some(3_000),
        Work::WholeCancel => None,
    };
    let paying = shop.paid(23).await;
    let job = shop.cancel(&paying, amount, "key").await.unwrap().1;
    (paying, job)
}

/// Insists that the money was taken once, and given back once if it was to be, of whatever the books may have made something.
async fn insist_done_once(shop: &Shop, paying: &Paying, work: Work) {
    let refunds: &[i64] = match work {
        Work::Confirm => &[],
        Work::PartialCancel => &[3_000],
        Work::WholeCancel => &[23_000],
    };
    let ledger = shop.ledger(paying);
    assert_eq!((ledger.charges, ledger.charged), (1, 23_000), "{work:?}");
    assert_eq!(ledger.refunds, refunds, "{work:?}");
    shop.assert_money_is_conserved(paying).await;
}

async fn stop(shop: &Shop, job: &JobId, stop: Stop) {
    let attempt = shop.claim(&shop.dispatcher, job).await;
    if stop == Stop::Claimed {
        return;
    }
    let result = shop.dispatcher.call(attempt).await;
    if stop == Stop::Settled {
        shop.dispatcher.settle(result).await.unwrap();
    }
}

#[tokio::test]
async fn a_worker_that_stops_at_any_step_leaves_the_job_to_the_next_and_nothing_happens_twice() {
    let shop = Shop::open().await;
    for at in STOPS {
        for work in WORKS {
            let (paying, job) = begin(&shop, work).await;
            stop(&shop, &job, at).await;
            if at != Stop::Settled {
                let early =
                    shop.worker("worker-2").claim(std::slice::from_ref(&job)).await.unwrap();
                assert!(early.is_empty(), "{at:?}: the lease holds");
            }
            shop.advance(limits::LEASE_MS);
            let other = shop.worker("worker-2");
            other.dispatch(std::slice::from_ref(&job)).await.unwrap();
            shop.drain().await;
            assert_eq!(shop.job(&job).await.state, JobState::Succeeded, "{at:?}");
            insist_done_once(&shop, &paying, work).await;
        }
    }
    shop.close().await;
}

#[tokio::test]
async fn a_worker_that_wakes_up_late_with_an_answer_moves_nothing_and_its_answer_is_kept() {
    let shop = Shop::open().await;
    for work in WORKS {
        let (paying, job) = begin(&shop, work).await;
        let late = shop.claim_and_call(&shop.dispatcher, &job).await;
        shop.advance(limits::LEASE_MS);
        shop.worker("worker-2").dispatch(std::slice::from_ref(&job)).await.unwrap();
        shop.drain().await;
        let (row, detail) = (shop.job(&job).await, shop.detail(&paying).await);
        assert_eq!(row.state, JobState::Succeeded);

        let settled = shop.dispatcher.settle(late).await.unwrap();
        assert_eq!(settled.next, None);
        let kept = shop.attempts(&job).await.remove(0);
        assert!(kept.is_stale);
        assert_eq!((kept.worker.as_str(), kept.verdict.as_deref()), ("worker-1", Some("proven")));
        assert!(kept.answer.is_some() && kept.trace_id.is_some());
        assert_eq!(shop.job(&job).await, row);
        let now = shop.detail(&paying).await;
        assert_eq!((now.payment, now.cancellations), (detail.payment, detail.cancellations));
        // And somebody looks what it was about. The newest job is first.
        let look_up = shop.jobs(JobKind::LookUp).await.remove(0);
        assert_eq!(
            (look_up.order_id.as_str(), look_up.state),
            (paying.order_id.as_str(), JobState::Queued)
        );
        shop.drain().await;
        assert_eq!(shop.review(&paying).await, None);
        assert_eq!(shop.posts(&paying).len(), if row.kind == JobKind::Confirm { 1 } else { 2 });
        insist_done_once(&shop, &paying, work).await;
    }
    shop.close().await;
}

#[tokio::test]
async fn a_worker_that_wakes_up_while_the_next_one_is_at_it_does_not_settle_for_it() {
    let shop = Shop::open().await;
    for work in WORKS {
        let (paying, job) = begin(&shop, work).await;
        let late = shop.claim_and_call(&shop.dispatcher, &job).await;
        shop.advance(limits::LEASE_MS);
        let other = shop.worker("worker-2");
        let second = shop.claim(&other, &job).await;
        assert_eq!(shop.dispatcher.settle(late).await.unwrap().next, None);
        assert_eq!(shop.job(&job).await.state, JobState::Running);
        let result = other.call(second).await;
        assert!(other.settle(result).await.unwrap().next.is_some());
        shop.drain().await;
        assert_eq!(shop.job(&job).await.state, JobState::Succeeded);
        insist_done_once(&shop, &paying, work).await;
    }
    shop.close().await;
}

#[tokio::test]
async fn a_worker_that_pauses_before_the_send_sends_nothing_that_another_has_not_sent() {
    let shop = Shop::open().await;
    for pause_ms in [limits::LEASE_MS, LONG_PAUSE_MS, 3_600_000] {
        for work in WORKS {
            let (paying, job) = begin(&shop, work).await;
            let paused = shop.claim(&shop.dispatcher, &job).await;
            shop.advance(pause_ms);
            shop.worker("worker-2").dispatch(std::slice::from_ref(&job)).await.unwrap();
            shop.drain().await;
            let calls = shop.posts(&paying).len();
            // It wakes up, and its call really goes out.
            let late = shop.dispatcher.call(paused).await;
            assert_eq!(shop.posts(&paying).len(), calls + 1);
            shop.dispatcher.settle(late).await.unwrap();
            shop.drain().await;
            if matches!(work, Work::Confirm) && pause_ms >= limits::CONFIRM_WINDOW_MS {
                assert_eq!(shop.ledger(&paying).charges, 0, "its window was over for both");
                assert_eq!(shop.status(&paying).await, "expired");
            } else {
                insist_done_once(&shop, &paying, work).await;
            }
        }
    }
    shop.close().await;
}

#[tokio::test]
async fn a_cancel_paused_before_its_first_key_and_done_under_the_second_is_given_back_once() {
    let shop = Shop::open().await;
    for amount in [Some(3_000), None] {
        let paying = shop.paid(23).await;
        let (_, job) = shop.cancel(&paying, amount, "key").await.unwrap();
        let paused = shop.claim(&shop.dispatcher, &job).await;
        // Somebody else goes on: the same key, answered with an error in front of Toss's memory, then a look-up, then a new key.
        shop.goes_wrong(
            &paying,
            "cancel",
            &Fault::new("unreadable_before").with("status", json!(502)),
        );
        shop.advance(limits::LEASE_MS);
        shop.drain().await;
        assert_eq!(shop.job(&job).await.key_generation, 2);
        let refunds = shop.ledger(&paying).refunds;
        assert_eq!(refunds.len(), 1);
        let sent = shop.attempts(&job).await;
        let second_key = sent.iter().find(|one| one.key_generation == 2).unwrap();
        let waited_ms = second_key.started_at - sent[0].started_at;
        assert!(
            waited_ms >= limits::UNFINISHED_CALL_MS,
            "{waited_ms}: the first could still arrive"
        );

        let late = shop.dispatcher.call(paused).await;
        shop.dispatcher.settle(late).await.unwrap();
        shop.drain().await;
        assert_eq!(shop.ledger(&paying).refunds, refunds);
        shop.assert_money_is_conserved(&paying).await;
    }
    shop.close().await;
}

#[tokio::test]
async fn a_confirm_paused_before_its_first_key_and_done_under_the_second_is_taken_once() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    let job = shop.accept(&paying).await;
    let paused = shop.claim(&shop.dispatcher, &job).await;
    shop.goes_wrong(
        &paying,
        "confirm",
        &Fault::new("unreadable_before").with("status", json!(502)),
    );
    shop.advance(limits::LEASE_MS);
    shop.drain().await;
    assert_eq!(shop.job(&job).await.key_generation, 2);
    let late = shop.dispatcher.call(paused).await;
    shop.dispatcher.settle(late).await.unwrap();
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid");
    assert_eq!(shop.review(&paying).await, None);
    assert_eq!(shop.ledger(&paying).charges, 1);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn the_lease_that_ends_while_a_refund_runs_leads_to_no_second_refund() {
    let shop = Shop::open().await;
    let paying = shop.paid(23).await;
    shop.goes_wrong(&paying, "cancel", &Fault::new("delay").with("ms", json!(300)));
    let (_, job) = shop.cancel(&paying, Some(3_000), "key").await.unwrap();
    let attempt = shop.claim(&shop.dispatcher, &job).await;
    let slow = tokio::spawn({
        let dispatcher = shop.dispatcher.clone();
        async move { dispatcher.call(attempt).await }
    });
    // It has arrived at Toss, is worked on there, and its lease ends.
    while shop.ledger(&paying).calls.cancel == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    shop.advance(limits::LEASE_MS);
    let other = shop.worker("worker-2");
    for _ in 0..4 {
        other.dispatch(std::slice::from_ref(&job)).await.unwrap();
        shop.advance_to(&job).await;
    }
    let late = slow.await.unwrap();
    shop.dispatcher.settle(late).await.unwrap();
    shop.drain().await;
    assert_eq!(shop.ledger(&paying).refunds, [3_000]);
    assert_eq!(shop.job(&job).await.state, JobState::Succeeded);
    assert_eq!(shop.keys(&paying).len(), 2);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn every_step_done_twice_is_done_once() {
    let shop = Shop::open().await;
    for work in WORKS {
        let (paying, job) = begin(&shop, work).await;
        let ids = [job.clone(), job.clone()];
        let mut claimed = shop.dispatcher.claim(&ids).await.unwrap();
        assert_eq!(claimed.len(), 1);
        assert!(shop.dispatcher.claim(&ids).await.unwrap().is_empty());
        let attempt = claimed.remove(0);
        let (first, again) =
            (shop.dispatcher.call(attempt.clone()).await, shop.dispatcher.call(attempt).await);
        shop.dispatcher.settle(first.clone()).await.unwrap();
        let (row, detail) = (shop.job(&job).await, shop.detail(&paying).await);
        let attempts = shop.attempts(&job).await;
        let asked = shop.jobs(JobKind::LookUp).await.len();
        // A commit whose answer was lost is done again: the same result once more, and then the second call's.
        for result in [first, again] {
            assert_eq!(shop.dispatcher.settle(result).await.unwrap().next, None);
        }
        assert_eq!(shop.job(&job).await, row);
        assert_eq!(shop.attempts(&job).await, attempts, "what was recorded first stays");
        assert_eq!(shop.jobs(JobKind::LookUp).await.len(), asked, "nothing is unknown about it");
        let now = shop.detail(&paying).await;
        assert_eq!((now.payment, now.cancellations), (detail.payment, detail.cancellations));
        shop.drain().await;
        insist_done_once(&shop, &paying, work).await;
    }
    shop.close().await;
}

#[tokio::test]
async fn a_look_up_that_proved_something_still_proves_it_when_it_is_settled_twice() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    shop.goes_wrong(&paying, "confirm", &Fault::new("cut_before"));
    let job = shop.accept(&paying).await;
    shop.step(&job).await;
    shop.advance_to(&job).await;
    let looked_up = shop.claim_and_call(&shop.dispatcher, &job).await;
    shop.dispatcher.settle(looked_up.clone()).await.unwrap();
    shop.dispatcher.settle(looked_up).await.unwrap();
    assert_eq!(shop.attempts(&job).await[1].verdict.as_deref(), Some("undone"));
    shop.drain().await;
    assert_eq!(shop.ledger(&paying).calls.look_up, 1, "one look-up was enough");
    shop.assert_ended(&paying, &job, JobState::Succeeded, 2).await;
    shop.close().await;
}

#[tokio::test]
async fn five_deliveries_at_once_to_five_workers_make_one_call() {
    let shop = Shop::open().await;
    for work in WORKS {
        let (paying, job) = begin(&shop, work).await;
        let before = shop.posts(&paying).len();
        let mut working = tokio::task::JoinSet::new();
        for number in 1..=5 {
            let (worker, job) = (shop.worker(&format!("worker-{number}")), job.clone());
            working.spawn(async move { worker.dispatch(&[job]).await.unwrap().len() });
        }
        assert_eq!(working.join_all().await.into_iter().sum::<usize>(), 1);
        assert_eq!(shop.posts(&paying).len(), before + 1);
        assert_eq!(shop.attempts(&job).await.len(), 1);
        shop.drain().await;
        insist_done_once(&shop, &paying, work).await;
    }
    shop.close().await;
}

#[tokio::test]
async fn a_job_that_keeps_killing_its_workers_is_parked_and_can_be_retried() {
    let shop = Shop::open().await;
    for work in WORKS {
        let (paying, job) = begin(&shop, work).await;
        for claim in 0..limits::UNFINISHED_CLAIMS_MAX {
            // The first claim dies after its call, the others before theirs.
            stop(&shop, &job, if claim == 0 { Stop::Called } else { Stop::Claimed }).await;
            shop.advance(limits::LEASE_MS);
        }
        assert!(shop.dispatcher.claim(std::slice::from_ref(&job)).await.unwrap().is_empty());
        let parked = shop.job(&job).await;
        assert_eq!(parked.state, JobState::Parked);
        assert_eq!(parked.park_reason.as_deref(), Some("crash_loop"));
        assert_eq!(shop.review(&paying).await.as_deref(), Some("crash_loop"));
        assert!(shop.discard(&job).await.is_err(), "whether money moved is not known");
        shop.retry(&job).await.unwrap();
        let retried = shop.claim(&shop.dispatcher, &job).await;
        assert_eq!(retried.operation(), domain::attempt::Operation::LookUp);
        let result = shop.dispatcher.call(retried).await;
        shop.dispatcher.settle(result).await.unwrap();
        shop.drain().await;
        assert_eq!(shop.job(&job).await.state, JobState::Succeeded);
        assert_eq!(shop.review(&paying).await, None);
        insist_done_once(&shop, &paying, work).await;
    }
    shop.close().await;
}

#[tokio::test]
async fn an_attempt_that_is_given_back_unsent_leaves_no_doubt_behind() {
    let shop = Shop::open().await;
    for work in WORKS {
        let (paying, job) = begin(&shop, work).await;
        let attempt = shop.claim(&shop.dispatcher, &job).await;
        shop.store.release_unsent(&[attempt]).await.unwrap();
        let row = shop.job(&job).await;
        assert_eq!(row.state, JobState::Queued);
        assert!(row.due_at <= shop.store.now_ms().await.unwrap(), "due at once");
        assert_eq!(shop.attempts(&job).await[0].verdict.as_deref(), Some("unsent"));
        let looked_up = shop.ledger(&paying).calls.look_up;
        shop.drain().await;
        assert_eq!(shop.ledger(&paying).calls.look_up, looked_up, "there was nothing to find out");
        assert_eq!(shop.job(&job).await.key_generation, 1);
        assert_eq!(shop.job(&job).await.state, JobState::Succeeded);
        insist_done_once(&shop, &paying, work).await;
    }
    shop.close().await;
}
