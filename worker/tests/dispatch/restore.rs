//! A backup is restored: what was done at Toss since, the database does not know.

use domain::JobId;
use domain::cancellation::CancellationState;
use domain::job::{ActionRefusal, JobKind, JobState};
use domain::limits::{self, RESTORE_SETTLE_MS};
use domain::reconcile::{FindingKind, Range};
use simulator::Method;
use std::time::Duration;
use store::audit::AuditFilter;
use store::findings::Finding;
use store::{ActError, JobRow, Recovery};

use crate::hands::Fault;
use crate::reconcile::{UNSERVED, findings, reconciler_as};
use crate::running::Running;
use crate::shop::{Paying, SECRET_KEY, Shop};

pub(crate) const HOUR_MS: i64 = 60 * 60_000;

impl Shop {
    pub(crate) async fn recover(&self) -> Recovery {
        let now_ms = self.store.now_ms().await.unwrap();
        self.store.recover(now_ms).await.unwrap()
    }

    /// Compares what was unknown, has it caught up with, and compares again.
    pub(crate) async fn reconcile_since(&self, from_ms: i64) {
        for _ in 0..2 {
            self.advance(15 * 60_000);
            let now_ms = self.store.now_ms().await.unwrap();
            let range = Range::settled(from_ms, now_ms, now_ms).unwrap();
            reconciler_as(self, SECRET_KEY, UNSERVED).run(range).await.unwrap();
            self.drain().await;
        }
    }

    /// Moves the clocks to the next job and does what is due, once.
    pub(crate) async fn work_once(&self) {
        let now_ms = self.store.now_ms().await.unwrap();
        if let Some(next_ms) = self.store.next_due_ms().await.unwrap() {
            self.advance((next_ms - now_ms).max(1));
        }
        let due = self.store.take_due_jobs(limits::RELAY_BATCH_MAX).await.unwrap();
        let ids: Vec<JobId> = due.into_iter().map(|job| JobId::parse(job.id).unwrap()).collect();
        self.dispatcher.dispatch(&ids).await.unwrap();
    }
}

/// What goes wrong at Toss with the first confirm and the first cancel of a story.
const WEATHERS: [Option<&str>; 6] = [
    None,
    // Done, and nobody hears of it.
    Some("cut_after"),
    // Not done, and nobody hears of it.
    Some("cut_before"),
    // Not done, and the next call takes the next key.
    Some("server_error_before"),
    // Done, and the answer that is kept under the key says otherwise.
    Some("server_error_after"),
    // An error in front of Toss, which does not remember the key.
    Some("unreadable_before"),
];

/// How many moments the stories have.
const MOMENTS: usize = 14;
/// What is given back, part by part.
const PARTS: [i64; 3] = [3_000, 2_000, 2_500];

/// Payments that are taken, and given back in parts, each in another weather.
struct Stories {
    payings: Vec<Paying>,
    /// How many parts were accepted.
    parts: usize,
}

impl Stories {
    async fn begin(shop: &Shop) -> Stories {
        let mut payings = Vec::new();
        for weather in WEATHERS {
            let paying = shop.authenticated(20).await;
            for operation in ["confirm", "cancel"] {
                if let Some(kind) = weather {
                    shop.goes_wrong(&paying, operation, &Fault::new(kind));
                }
            }
            payings.push(paying);
        }
        Stories { payings, parts: 0 }
    }

    /// What happens at a moment: something is accepted, or one round of work is done.
    async fn go_on(&mut self, shop: &Shop, moment: usize) {
        match moment {
            0 => {
                for paying in &self.payings {
                    shop.accept(paying).await;
                }
            }
            // By then the confirms are through, whatever went wrong.
            5 => shop.drain().await,
            6 | 8 | 9 => {
                let amount = PARTS[self.parts];
                self.parts += 1;
                for paying in &self.payings {
                    let key = format!("part {}", self.parts);
                    shop.cancel(paying, Some(amount), &key).await.unwrap();
                }
            }
            13 => shop.drain().await,
            _ => shop.work_once().await,
        }
    }
}

#[tokio::test]
async fn a_backup_of_any_moment_is_recovered_with_one_charge_and_the_refunds_that_were_meant() {
    // On servers a database is dear: a few moments show that it is the same there.
    let step = if store::scratch::is_on_servers() { 4 } else { 1 };
    for moment in (0..MOMENTS).step_by(step) {
        let until =
            if moment.is_multiple_of(2) { MOMENTS } else { (moment + moment % 3).min(MOMENTS) };
        recover_at(moment, until).await;
    }
}

/// A backup is made at a moment, and restored at a later one.
async fn recover_at(moment: usize, until: usize) {
    let passed_ms = if moment.is_multiple_of(4) { 1_000 } else { HOUR_MS };
    let mut shop = Shop::open().await;
    let mut stories = Stories::begin(&shop).await;
    for earlier in 0..moment {
        stories.go_on(&shop, earlier).await;
    }
    let backup_ms = shop.store.now_ms().await.unwrap();
    let backup = shop.back_up().await;
    let known = stories.parts;
    for later in moment..until {
        stories.go_on(&shop, later).await;
    }
    shop.advance(passed_ms);
    shop.restore(backup).await;
    let sent: Vec<usize> = stories.payings.iter().map(|paying| shop.posts(paying).len()).collect();
    let recovered_ms = shop.store.now_ms().await.unwrap();
    shop.recover().await;
    shop.drain_for(RESTORE_SETTLE_MS - 1_000).await;
    let named = |number: usize| format!("{moment} {until} {:?}", WEATHERS[number]);
    for (number, paying) in stories.payings.iter().enumerate() {
        assert_eq!(shop.posts(paying).len(), sent[number], "sent too early: {}", named(number));
    }
    shop.drain().await;
    shop.reconcile_since(backup_ms).await;
    for (number, paying) in stories.payings.iter().enumerate() {
        check(&shop, paying, (known, stories.parts), &named(number)).await;
        check_order(&shop, paying, recovered_ms, &named(number)).await;
    }
    shop.close().await;
}

/// Nothing was done twice, what is known was done, and the books say what Toss says, or do not have the payment at all.
async fn check(shop: &Shop, paying: &Paying, (known, accepted): (usize, usize), at: &str) {
    let ledger = shop.ledger(paying);
    let detail = shop.detail(paying).await;
    assert!(ledger.charges <= 1, "{at}: charged {} times", ledger.charges);
    for part in PARTS {
        let times = ledger.refunds.iter().filter(|amount| **amount == part).count();
        assert!(times <= 1, "{at}: {part} given back {times} times");
    }
    let unmeant = ledger.refunds.iter().filter(|amount| !PARTS[..accepted].contains(amount));
    assert_eq!(unmeant.count(), 0, "{at}: {:?}", ledger.refunds);
    let findings = findings(shop, true).await;
    let of_it = |it: &&Finding| it.found.payment_key == paying.payment_key.as_str();
    let told: Vec<FindingKind> = findings.iter().filter(of_it).map(|it| it.found.kind).collect();
    let Some(payment) = detail.payment else {
        assert_eq!(known, 0, "{at}");
        let expected = vec![FindingKind::OrphanCharge; ledger.charges];
        assert_eq!(told, expected, "{at}: a charge without a row is a finding");
        return;
    };
    // A cancel whose row was lost is a cancellation by `toss`, and for a person to know of.
    let lost = ledger.refunds.iter().filter(|amount| !PARTS[..known].contains(amount));
    assert_eq!(told, vec![FindingKind::CancelledAtToss; lost.count()], "{at}: {findings:?}");
    assert_eq!(payment.review_reason, None, "{at}: {payment:?}");
    assert_eq!(payment.balance.get(), ledger.charged - ledger.cancelled, "{at}: {payment:?}");
    assert!(detail.cancellations.iter().all(|one| !one.state.is_open()), "{at}");
    let done = detail.cancellations.iter().filter(|one| one.state == CancellationState::Done);
    let done: i64 = done.map(|one| one.amount.get()).sum();
    assert_eq!(done, ledger.cancelled, "{at}: {:?}", detail.cancellations);
    for part in &PARTS[..known] {
        assert!(ledger.refunds.contains(part), "{at}: {part} was not given back");
    }
}

/// Whatever was sent since the recovery for a job of before it came after an answered look-up.
async fn check_order(shop: &Shop, paying: &Paying, recovered_ms: i64, at: &str) {
    for kind in [JobKind::Confirm, JobKind::Cancel] {
        let jobs = shop.jobs(kind).await;
        let of_it = |job: &JobRow| job.order_id == paying.order_id.as_str();
        for job in jobs.into_iter().filter(|job| of_it(job) && job.created_at <= recovered_ms) {
            let attempts = shop.attempts(&JobId::parse(job.id).unwrap()).await;
            let since = attempts.iter().filter(|one| one.started_at >= recovered_ms);
            let first = since.map(|one| one.operation.as_str()).next();
            assert!(matches!(first, None | Some("look_up")), "{at}: {first:?}");
        }
    }
}

/// A payment that was accepted before the backup and confirmed after it, and whose window is over by the time of the restore.
async fn confirmed_since(shop: &mut Shop) -> Paying {
    let paying = shop.authenticated(23).await;
    shop.accept(&paying).await;
    let backup = shop.back_up().await;
    shop.drain().await;
    assert_eq!(shop.ledger(&paying).charges, 1);
    shop.advance(HOUR_MS);
    shop.restore(backup).await;
    paying
}

#[tokio::test]
async fn a_restored_confirm_is_told_to_have_expired_although_it_was_paid_unless_it_is_recovered() {
    let mut shop = Shop::open().await;
    let paying = confirmed_since(&mut shop).await;
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "expired", "what recovery is there for");
    shop.close().await;

    let mut shop = Shop::open().await;
    let paying = confirmed_since(&mut shop).await;
    shop.recover().await;
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid");
    assert_eq!(shop.ledger(&paying).calls.confirm, 1);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_parked_cancel_that_was_done_since_cannot_be_given_up_and_ends_by_a_look_up() {
    let mut shop = Shop::open().await;
    let paying = shop.paid(20).await;
    shop.goes_wrong(&paying, "cancel", &Fault::new("unauthorized"));
    let (cancellation, job) = shop.cancel(&paying, Some(5_000), "part").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.job(&job).await.state, JobState::Parked);
    let backup = shop.back_up().await;
    // The key is put right, and staff retry.
    shop.retry(&job).await.unwrap();
    shop.drain().await;
    assert_eq!(shop.ledger(&paying).refunds, [5_000]);
    shop.restore(backup).await;
    let recovery = shop.recover().await;
    assert_eq!((recovery.confirms, recovery.cancels, recovery.parked), (0, 1, 1));
    let refused = shop.discard(&job).await.unwrap_err();
    assert!(matches!(refused, ActError::Refused(ActionRefusal::OutcomeUnknown)), "{refused}");
    shop.drain().await;
    assert_eq!(shop.job(&job).await.state, JobState::Succeeded);
    assert_eq!(shop.cancellation(&paying, &cancellation).await, CancellationState::Done);
    assert_eq!(shop.ledger(&paying).calls.cancel, 2);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_parked_cancel_that_was_not_done_is_looked_up_before_a_retry_sends_it() {
    let mut shop = Shop::open().await;
    let paying = shop.paid(20).await;
    shop.goes_wrong(&paying, "cancel", &Fault::new("unauthorized"));
    let (_, job) = shop.cancel(&paying, Some(5_000), "part").await.unwrap();
    shop.drain().await;
    let backup = shop.back_up().await;
    shop.restore(backup).await;
    shop.recover().await;
    shop.drain().await;
    shop.retry(&job).await.unwrap();
    shop.drain().await;
    let calls: Vec<String> = shop
        .attempts(&job)
        .await
        .into_iter()
        .map(|one| one.operation.as_str().to_owned())
        .collect();
    assert_eq!(calls, ["cancel", "look_up", "look_up", "cancel"]);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_cancel_whose_row_was_lost_is_not_given_back_again_by_whoever_repeats_it() {
    let mut shop = Shop::open().await;
    let paying = shop.paid(20).await;
    let backup = shop.back_up().await;
    shop.cancel(&paying, Some(15_000), "part").await.unwrap();
    shop.drain().await;
    shop.restore(backup).await;
    shop.recover().await;
    // Staff see the whole payment, and do again what they did, before anybody has compared the books.
    let (_, job) = shop.cancel(&paying, Some(15_000), "part again").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.ledger(&paying).refunds, [15_000]);
    // Whether what Toss shows is what was meant, a person says.
    let row = shop.job(&job).await;
    assert_eq!(row.park_reason.as_deref(), Some("ambiguous_cancels"), "{row:?}");
    shop.close().await;
}

#[tokio::test]
async fn a_payment_whose_row_was_lost_is_not_charged_again_when_its_customer_comes_back() {
    let mut shop = Shop::open().await;
    let paying = shop.authenticated(20).await;
    let backup = shop.back_up().await;
    let lost = shop.accept(&paying).await;
    shop.drain().await;
    shop.restore(backup).await;
    shop.recover().await;
    // A message of the lost job is still in the broker.
    shop.dispatcher.dispatch(std::slice::from_ref(&lost)).await.unwrap();
    shop.accept(&paying).await;
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid");
    assert_eq!(shop.ledger(&paying).charges, 1);
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn accounts_that_were_paid_into_or_ran_out_since_are_looked_up() {
    let mut shop = Shop::open().await;
    let account = Some(Method::VirtualAccount);
    let paid = shop.authenticated_by(7, account, false).await;
    let closed = shop.authenticated_by(8, account, false).await;
    for paying in [&paid, &closed] {
        shop.accept(paying).await;
    }
    shop.drain().await;
    let backup = shop.back_up().await;
    shop.toss.deposit(paid.payment_key.as_str()).unwrap();
    shop.toss.cancel_by_hand(closed.payment_key.as_str(), None, "고객 전화").unwrap();
    shop.restore(backup).await;
    let recovery = shop.recover().await;
    assert_eq!((recovery.confirms, recovery.cancels, recovery.look_ups), (0, 0, 2));
    shop.drain_for(60_000).await;
    assert_eq!((shop.status(&paid).await, shop.status(&closed).await), ("paid", "cancelled"));
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recovery_beside_a_running_worker_and_once_more_does_no_harm_and_is_in_the_audit() {
    let mut shop = Shop::open().await;
    let mut payings = Vec::new();
    for _ in 0..20 {
        let paying = shop.authenticated(20).await;
        shop.accept(&paying).await;
        payings.push(paying);
    }
    let backup = shop.back_up().await;
    shop.drain().await;
    shop.restore(backup).await;
    let planned = shop.store.plan_recovery(0).await.unwrap();
    assert_eq!((planned.confirms, planned.look_ups, planned.unknown_from_ms), (20, 20, 0));
    let running = Running::start(&shop, 4);
    for _ in 0..3 {
        shop.recover().await;
    }
    shop.advance(RESTORE_SETTLE_MS);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    for paying in &payings {
        while shop.status(paying).await != "paid" {
            assert!(tokio::time::Instant::now() < deadline, "{:?}", shop.detail(paying).await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        shop.assert_money_is_conserved(paying).await;
    }
    let filter =
        AuditFilter { action: Some("database.recover".to_owned()), ..AuditFilter::default() };
    let entries = shop.store.list_audit(&filter, None, 10).await.unwrap().rows;
    assert_eq!(entries.len(), 3);
    assert!(entries.iter().all(|entry| entry.actor == "system" && entry.subject == "database"));
    running.stop().await.unwrap();
    shop.drain().await;
    shop.close().await;
}
