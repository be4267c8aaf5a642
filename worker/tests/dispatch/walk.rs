//! Random walks: customers, staff, Toss, the clock and dying workers take turns in any order, and both ledgers agree in the end.
//!
//! Each walk is repeated by its seed. What the policy alone promises is walked through, far more often, in `domain`'s own tests.

use domain::JobId;
use domain::job::{JobKind, JobState};
use domain::limits;
use serde_json::json;
use store::{AcceptCancelError, AttemptResult, StartedAttempt};

use crate::hands::Fault;
use crate::shop::{Paying, Shop};

const PAYMENTS: usize = 20;
const STEPS: usize = 160;

/// Numbers that look random and depend on the seed alone.
struct Luck(u64);

impl Luck {
    fn below(&mut self, bound: usize) -> usize {
        // Knuth's multiplier; the high bits are the good ones.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

fn faults() -> Vec<Fault> {
    vec![
        Fault::new("cut_before"),
        Fault::new("cut_after"),
        Fault::new("server_error_before"),
        Fault::new("server_error_after"),
        Fault::new("in_progress"),
        Fault::new("throttle"),
        Fault::new("unreadable"),
        Fault::new("unreadable_before").with("status", json!(502)),
        Fault::new("wrong_payment"),
        Fault::new("unknown_values"),
        Fault::new("unauthorized"),
        Fault::code("PROVIDER_ERROR"),
        Fault::code_after("PROVIDER_ERROR"),
        Fault::code("FORBIDDEN_CONSECUTIVE_REQUEST"),
        Fault::code_after("ALREADY_PROCESSED_PAYMENT"),
        Fault::code_after("ALREADY_CANCELED_PAYMENT"),
        Fault::code("INVALID_REQUEST"),
        Fault::code_after("INVALID_REQUEST"),
        Fault::code("A_CODE_OF_NEXT_YEAR").with("status", json!(400)),
    ]
}

/// A walk under way, with what workers hold who are slow.
struct Walk {
    shop: Shop,
    luck: Luck,
    payments: Vec<Paying>,
    paused: Vec<StartedAttempt>,
    unwritten: Vec<AttemptResult>,
}

impl Walk {
    async fn begin(seed: u64) -> Walk {
        let shop = Shop::open().await;
        let mut payments = Vec::new();
        for number in 0..PAYMENTS {
            payments.push(shop.authenticated(u32::try_from(number % 9 + 2).unwrap()).await);
        }
        Walk { shop, luck: Luck(seed), payments, paused: Vec::new(), unwritten: Vec::new() }
    }

    async fn step(&mut self) {
        let paying = self.luck.pick(&self.payments).clone();
        match self.luck.below(16) {
            0..3 => drop(self.shop.store.accept_confirm(&crate::shop::confirm_of(&paying)).await),
            3..5 => self.go_wrong(&paying),
            5..7 => self.cancel(&paying).await,
            7 => self.operate(&paying).await,
            8 => self.cancel_in_the_console(&paying),
            9 => self.shop.advance(i64::try_from(self.luck.below(120_000)).unwrap()),
            10 => self.wake_somebody_up().await,
            _ => self.work().await,
        }
    }

    fn go_wrong(&mut self, paying: &Paying) {
        let operation = *self.luck.pick(&["confirm", "cancel", "look_up"]);
        let fault = self.luck.pick(&faults()).clone();
        self.shop.goes_wrong(paying, operation, &fault.times(1));
    }

    async fn cancel(&mut self, paying: &Paying) {
        let amount = [None, Some(1_000), Some(2_000)][self.luck.below(3)];
        let key = format!("key-{}", self.luck.below(4));
        let asked = self.shop.cancel(paying, amount, &key).await;
        // What the rules refuse is refused.
        assert!(!matches!(asked, Err(AcceptCancelError::Store(_))), "{asked:?}");
    }

    fn cancel_in_the_console(&mut self, paying: &Paying) {
        let amount = [None, Some(1_000)][self.luck.below(2)];
        // Toss refuses it where there is nothing to cancel.
        drop(self.shop.toss.cancel_by_hand(paying.payment_key.as_str(), amount, "콘솔"));
    }

    /// Staff do something with one of the payment's jobs, if they may.
    async fn operate(&mut self, paying: &Paying) {
        let mut jobs = self.shop.jobs(JobKind::Confirm).await;
        jobs.extend(self.shop.jobs(JobKind::Cancel).await);
        let of_payment: Vec<_> =
            jobs.into_iter().filter(|job| job.order_id == paying.order_id.as_str()).collect();
        if of_payment.is_empty() {
            return;
        }
        let job = JobId::parse(self.luck.pick(&of_payment).id.clone()).unwrap();
        match self.luck.below(4) {
            0 => drop(self.shop.retry(&job).await),
            1 => drop(self.shop.discard(&job).await),
            _ => drop(self.shop.look_up(&job).await),
        }
    }

    /// A worker takes what is due, and may die or fall asleep at any step.
    async fn work(&mut self) {
        self.shop.advance(limits::GRACE_MS / 2);
        let worker = self.shop.worker(&format!("worker-{}", self.luck.below(3)));
        let due = self.shop.store.take_due_jobs(4).await.unwrap();
        let ids: Vec<JobId> = due.into_iter().map(|job| JobId::parse(job.id).unwrap()).collect();
        for attempt in worker.claim(&ids).await.unwrap() {
            match self.luck.below(12) {
                0 => drop(attempt),
                1 => self.paused.push(attempt),
                2 => drop(worker.call(attempt).await),
                3 => self.unwritten.push(worker.call(attempt).await),
                4 => self.shop.store.release_unsent(&[attempt]).await.unwrap(),
                _ => {
                    let result = worker.call(attempt).await;
                    worker.settle(result.clone()).await.unwrap();
                    if self.luck.below(8) == 0 {
                        worker.settle(result).await.unwrap();
                    }
                }
            }
        }
    }

    async fn wake_somebody_up(&mut self) {
        if !self.paused.is_empty() {
            let attempt = self.paused.swap_remove(self.luck.below(self.paused.len()));
            let result = self.shop.dispatcher.call(attempt).await;
            self.unwritten.push(result);
        }
        if !self.unwritten.is_empty() {
            let result = self.unwritten.swap_remove(self.luck.below(self.unwritten.len()));
            self.shop.dispatcher.settle(result).await.unwrap();
        }
    }

    /// Toss is well again, everybody wakes up, staff retry what stopped and look at every payment.
    async fn calm_down(&mut self) {
        self.shop.toss.clear_faults();
        while !self.paused.is_empty() || !self.unwritten.is_empty() {
            self.wake_somebody_up().await;
        }
        // Twice, because what was retried may show what else is to be done.
        for _ in 0..2 {
            self.shop.drain_for(2 * 60 * 60_000).await;
            let confirms = self.shop.jobs(JobKind::Confirm).await;
            for job in confirms {
                self.shop.look_up(&JobId::parse(job.id).unwrap()).await;
            }
            self.shop.drain_for(2 * 60 * 60_000).await;
            let mut parked = self.shop.jobs(JobKind::Confirm).await;
            parked.extend(self.shop.jobs(JobKind::Cancel).await);
            for job in parked.into_iter().filter(|job| job.state == JobState::Parked) {
                drop(self.shop.retry(&JobId::parse(job.id).unwrap()).await);
            }
        }
        self.shop.drain_for(2 * 60 * 60_000).await;
    }

    async fn assert_both_ledgers_agree(&self, seed: u64) {
        for paying in &self.payments {
            let ledger = self.shop.ledger(paying);
            let what = format!("seed {seed}: {} {:?}", paying.order_id, ledger);
            assert!(ledger.charges <= 1 && ledger.cancelled <= ledger.charged, "{what}");
            match self.shop.detail(paying).await.payment {
                // Cancelled in the console before we knew that it was paid: a person is shown it, and nothing is booked until they decide.
                Some(payment)
                    if !payment.state.holds_money() && ledger.cancelled < ledger.charged =>
                {
                    assert_eq!(
                        payment.review_reason.as_deref(),
                        Some("unexpected_state"),
                        "{what}"
                    );
                    assert_eq!(payment.toss_status.as_deref(), Some("PARTIAL_CANCELED"), "{what}");
                }
                Some(payment) if payment.state.is_undecided() => {
                    assert_eq!(
                        payment.review_reason.as_deref(),
                        Some("unexpected_state"),
                        "{what}"
                    );
                }
                Some(_) => self.shop.assert_money_is_conserved(paying).await,
                None => assert_eq!(ledger.charges, 0, "{what}"),
            }
        }
    }
}

async fn walk(seed: u64) {
    let mut walk = Walk::begin(seed).await;
    for _ in 0..STEPS {
        walk.step().await;
    }
    walk.calm_down().await;
    walk.assert_both_ledgers_agree(seed).await;
    walk.shop.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_in_whatever_order_both_ledgers_agree_in_the_end() {
    let mut walks = tokio::task::JoinSet::new();
    for seed in [1, 2, 3, 4] {
        walks.spawn(walk(seed));
    }
    walks.join_all().await;
}

#[test]
fn the_walks_differ_by_their_seed_and_not_by_the_hour() {
    let steps = |seed| {
        let mut luck = Luck(seed);
        (0..32).map(|_| luck.below(16)).collect::<Vec<_>>()
    };
    assert_eq!(steps(1), steps(1));
    assert_ne!(steps(1), steps(2));
}
