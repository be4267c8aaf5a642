//! Random walks of several cancellations, one after the other: money is conserved whatever is lost, late or killed.

use std::collections::BTreeMap;

use domain::Won;
use domain::answer::TossCancel;
use domain::attempt::Operation;
use domain::cancellation::{CancellationState, cancel_amount, cancel_tag, tagged_reason};
use domain::job::{JobKind, JobState, check_discard, check_retry};
use domain::limits::{CANCEL_KEYS_MAX, CANCEL_TRIES_MS, POSTS_MAX};
use domain::payment::{PaymentEvent, PaymentState};
use domain::policy::{
    CancelFacts, CancellationMove, Decision, NextJob, PaymentFacts, Step, decide_cancel,
    plan_cancel,
};
use proptest::prelude::*;

use crate::book::{Book, SideLookUp};
use crate::fixture::{AMOUNT, MINUTE_MS, START_MS, payment, won};
use crate::model::{Body, Request, Toss};
use crate::tape::{Tape, tapes};

/// More claims than any walk may need.
const CLAIMS_MAX: u32 = 1_000;

/// How a walk names its idempotency keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keys {
    /// By the job's generation, as the policy wants it.
    ByGeneration,
    /// By the attempt: the classic mistake.
    ByAttempt,
}

/// What follows when a walk's backup is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Restored {
    /// The record counts as one from which calls may be missing.
    Recovered,
    /// It is taken for whole: the classic mistake.
    TakenForWhole,
}

struct Walk<'a> {
    tape: Tape<'a>,
    toss: Toss,
    payment: PaymentFacts,
    cancel: CancelFacts,
    book: Book,
    side: SideLookUp,
    bodies: BTreeMap<String, Body>,
    keys: Keys,
    backup: Option<Backup>,
    restored: Restored,
    restores: u32,
}

/// What a backup holds of a walk, while its cancellation is under way.
struct Backup {
    payment: PaymentFacts,
    cancel: CancelFacts,
    book: Book,
    bodies: BTreeMap<String, Body>,
}

/// What a walk has proved wrong.
#[derive(Debug, PartialEq, Eq)]
struct Unsound(&'static str);

impl<'a> Walk<'a> {
    fn new(bytes: &'a [u8], keys: Keys, restored: Restored) -> Walk<'a> {
        let mut tape = Tape::new(bytes);
        let has_lock = keys == Keys::ByGeneration && !tape.once_in(2);
        Walk {
            tape,
            toss: Toss::charged(has_lock),
            payment: payment(PaymentState::Confirmed),
            cancel: cancellation(0, Won::ZERO, START_MS),
            book: Book::new(START_MS),
            side: SideLookUp::default(),
            bodies: BTreeMap::new(),
            keys,
            backup: None,
            restored,
            restores: 0,
        }
    }

    /// Perhaps a backup is made, or restored: then the look-ups and calls under way belong to processes that are gone.
    fn perhaps_restore(&mut self) {
        match &self.backup {
            None if self.tape.once_in(6) => {
                self.backup = Some(Backup {
                    payment: self.payment.clone(),
                    cancel: self.cancel.clone(),
                    book: self.book.clone(),
                    bodies: self.bodies.clone(),
                });
            }
            Some(backup) if self.restores == 0 && self.tape.once_in(6) => {
                self.payment = backup.payment.clone();
                self.cancel = backup.cancel.clone();
                self.bodies = backup.bodies.clone();
                self.book.restore(&backup.book);
                if self.restored == Restored::TakenForWhole {
                    self.book.unrecorded_until_ms = 0;
                }
                self.side = SideLookUp::default();
                self.toss.forget_bodies();
                self.restores += 1;
            }
            None | Some(_) => {}
        }
    }

    fn entries(&self, cancel: &CancelFacts) -> Vec<&TossCancel> {
        let tag = cancel_tag(&cancel.id);
        self.toss.cancels.iter().filter(|entry| entry.reason.ends_with(&tag)).collect()
    }

    fn learn(&mut self, decision: &Decision) {
        if let Some(event) = decision.event
            && let Ok(next) = self.payment.state.after(event)
        {
            self.payment.state = next;
            if let PaymentEvent::Cancelled { balance } = event {
                self.payment.balance = balance;
            }
        }
        match &decision.cancellation {
            None => {}
            Some(CancellationMove::Done { .. }) => self.cancel.state = CancellationState::Done,
            Some(CancellationMove::Refused) => self.cancel.state = CancellationState::Refused,
            Some(CancellationMove::Unresolved) => {
                self.cancel.state = CancellationState::Unresolved;
            }
        }
    }

    fn check_honesty(&self) -> Result<(), Unsound> {
        let entries = self.entries(&self.cancel);
        if entries.len() > 1 {
            return Err(Unsound("given back twice"));
        }
        let is_given_back = !entries.is_empty();
        match self.cancel.state {
            CancellationState::Done => assert!(is_given_back, "done, and nothing was given back"),
            CancellationState::Refused if is_given_back => {
                return Err(Unsound("refused, and the money was given back"));
            }
            CancellationState::Refused => {}
            CancellationState::Requested if self.restores == 0 => {
                assert!(!is_given_back, "given back without a call");
            }
            CancellationState::Requested
            | CancellationState::Sending
            | CancellationState::Unresolved => {
                let is_discardable = check_discard(JobState::Parked, &self.book.history()).is_ok();
                if is_discardable && is_given_back {
                    return Err(Unsound("discardable, and the money was given back"));
                }
            }
        }
        Ok(())
    }

    fn settle_side(&mut self) {
        // The confirm is long over.
        let confirm = domain::policy::History::whole(&[], 1);
        let now_ms = self.book.now_ms;
        let decision = self.side.perhaps_settle(&confirm, &self.payment, now_ms, &mut self.tape);
        if let Some(decision) = decision {
            self.learn(&decision);
        }
    }

    fn request(&mut self) -> Request {
        let number = match self.keys {
            Keys::ByGeneration => usize::try_from(self.book.generation).unwrap(),
            Keys::ByAttempt => self.book.attempts.len(),
        };
        let key = format!("{}:{number}", self.cancel.id);
        let body = self.bodies.entry(key.clone()).or_insert_with(|| Body::Cancel {
            amount: self.cancel.amount.get(),
            refundable: self.payment.balance.get(),
            reason: tagged_reason("no longer wanted", &self.cancel.id),
        });
        Request { key, body: body.clone() }
    }

    /// One claim, as for a confirm.
    fn claim(&mut self) {
        self.perhaps_restore();
        self.toss.advance(self.book.now_ms);
        if self.tape.once_in(32) {
            let amount = i64::from(self.tape.pick(4)) * 1_000;
            self.toss.cancel_in_console(amount, self.book.now_ms);
        }
        self.side.perhaps_start(&self.toss, self.book.now_ms, &mut self.tape);
        if self.book.is_crash_loop() {
            return self.finish(&Decision::crash_loop(false), false);
        }
        let now_ms = self.book.now_ms;
        let step = plan_cancel(&self.book.history(), &self.payment, &self.cancel, now_ms);
        let operation = match step {
            Step::Send => Operation::Cancel,
            Step::LookUp => Operation::LookUp,
            Step::Conclude(decision) => return self.finish(&decision, false),
        };
        let current = self.book.start(operation);
        self.settle_side();
        if operation == Operation::Cancel && self.cancel.state == CancellationState::Requested {
            self.cancel.state = CancellationState::Sending;
        }
        if self.tape.once_in(16) {
            return self.book.crash();
        }
        let answer = if operation == Operation::Cancel {
            let request = self.request();
            self.toss.call(&request, self.book.now_ms, &mut self.tape)
        } else {
            self.toss.look_up(&mut self.tape)
        };
        if self.tape.once_in(16) {
            return self.book.crash();
        }
        self.book.now_ms += self.tape.ms(MINUTE_MS);
        self.toss.advance(self.book.now_ms);
        let history = self.book.history_before();
        let now_ms = self.book.now_ms;
        let decision =
            decide_cancel(&history, &self.payment, &self.cancel, current, &answer, now_ms);
        self.finish(&decision, true);
        self.settle_side();
    }

    fn finish(&mut self, decision: &Decision, is_attempt: bool) {
        if is_attempt {
            self.book.settle(decision, &mut self.tape);
        } else {
            self.book.follow(decision.job, &mut self.tape);
        }
        self.learn(decision);
        let is_allowed = check_retry(JobKind::Cancel, JobState::Parked, 0, self.book.now_ms);
        self.book.retry_if_parked(is_allowed.is_ok(), &mut self.tape);
    }

    /// Takes one cancellation to its end. `Ok(false)` when it was parked.
    fn run(&mut self) -> Result<bool, Unsound> {
        let requested_at_ms = self.book.now_ms;
        let (posts, keys) = (self.toss.posts, self.toss.keys.len());
        let mut trouble_until_ms = requested_at_ms;
        let mut claims = 0;
        while self.book.end.is_none() {
            claims += 1;
            assert!(claims < CLAIMS_MAX, "never ends: {:?}", self.book);
            self.claim();
            self.check_honesty()?;
            if !self.tape.is_over() {
                trouble_until_ms = self.book.now_ms;
            }
        }
        let ends_by_ms = trouble_until_ms.max(requested_at_ms + CANCEL_TRIES_MS) + 15 * MINUTE_MS;
        assert!(self.book.now_ms <= ends_by_ms, "ended late: {:?}", self.book);
        assert!(self.toss.posts - posts <= POSTS_MAX, "{} calls", self.toss.posts - posts);
        if self.keys == Keys::ByGeneration {
            let keys_max = usize::try_from(CANCEL_KEYS_MAX).unwrap();
            assert!(self.toss.keys.len() - keys <= keys_max, "too many keys: {:?}", self.book);
        }
        Ok(!matches!(self.book.end, Some(NextJob::Park(_))))
    }

    /// Starts the next cancellation, if any can be accepted.
    fn accept(&mut self, number: u8, asked: Option<i64>) -> bool {
        let facts = &self.payment;
        let amount = cancel_amount(facts.state, facts.balance, Won::ZERO, None, asked.map(won));
        let Ok(amount) = amount else { return false };
        let mut cancel = cancellation(number, amount, self.book.now_ms);
        cancel.other_tags = (0..number).map(|other| cancel_tag(&cancel_id(other))).collect();
        cancel.known_transaction_keys =
            self.toss.cancels.iter().map(|entry| entry.transaction_key.clone()).collect();
        self.cancel = cancel;
        self.book = Book::new(self.book.now_ms);
        // What was sold before is not forgotten here: what becomes of that, the journeys of `worker` show.
        self.backup = None;
        true
    }
}

fn cancel_id(number: u8) -> String {
    format!("cancellation-{number:024}")
}

fn cancellation(number: u8, amount: Won, requested_at_ms: i64) -> CancelFacts {
    CancelFacts {
        id: cancel_id(number),
        amount,
        state: CancellationState::Requested,
        requested_at_ms,
        other_tags: vec![],
        known_transaction_keys: vec![],
        may_repeat_lost: false,
    }
}

fn walk(bytes: &[u8], keys: Keys, restored: Restored) -> Result<i64, Unsound> {
    let mut walk = Walk::new(bytes, keys, restored);
    let mut given_back = 0;
    for number in 0..4 {
        // At the end everything that is left.
        let asked = (number < 3).then(|| 1_000 + 1_000 * i64::from(walk.tape.pick(4)));
        if !walk.accept(number, asked) {
            continue;
        }
        let has_ended = walk.run()?;
        walk.book.now_ms += walk.tape.ms(5 * MINUTE_MS);
        let mut later = walk.book.now_ms;
        if !has_ended || walk.tape.once_in(4) {
            later += 10 * MINUTE_MS;
        }
        walk.book.now_ms = later;
        walk.toss.advance(later);
        walk.check_honesty()?;
        if !has_ended {
            break;
        }
        if walk.cancel.state == CancellationState::Done {
            given_back += walk.cancel.amount.get();
        }
        assert!(!walk.cancel.state.is_open(), "ended open: {:?}", walk.book);
    }
    walk.toss.advance(walk.book.now_ms + 10 * MINUTE_MS);
    walk.check_honesty()?;
    let console: i64 = walk
        .toss
        .cancels
        .iter()
        .filter(|entry| entry.reason == "console")
        .map(|entry| entry.amount.get())
        .sum();
    let is_open = walk.cancel.state.is_open();
    let in_flight: i64 = if is_open {
        walk.entries(&walk.cancel).iter().map(|entry| entry.amount.get()).sum()
    } else {
        0
    };
    let left = AMOUNT - given_back - in_flight - console;
    if left == walk.toss.balance() {
        Ok(given_back)
    } else {
        Err(Unsound("money was made or lost"))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cancels_give_back_once_what_they_say_whatever_is_lost_late_or_killed(
        bytes in tapes(400),
    ) {
        let walked = walk(&bytes, Keys::ByGeneration, Restored::Recovered);
        prop_assert!(walked.is_ok(), "{walked:?}");
    }
}

#[test]
fn without_trouble_four_cancels_give_everything_back() {
    assert_eq!(walk(&[], Keys::ByGeneration, Restored::Recovered), Ok(AMOUNT));
}

/// Whether any of some thousand tapes is found unsound: the model must notice what it is there to notice.
fn is_noticed(keys: Keys, restored: Restored) -> bool {
    let mut state = 1u32;
    let mut tape = || {
        let mut byte = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [_, _, luck, byte] = state.to_le_bytes();
            if luck < 128 { 0 } else { byte }
        };
        (0..100).map(|_| byte()).collect::<Vec<u8>>()
    };
    (0..3_000).any(|_| walk(&tape(), keys, restored).is_err())
}

#[test]
fn a_key_for_every_attempt_gives_back_twice() {
    assert!(is_noticed(Keys::ByAttempt, Restored::Recovered), "no walk noticed");
}

#[test]
fn a_restored_record_that_is_taken_for_whole_tells_untruths() {
    assert!(is_noticed(Keys::ByGeneration, Restored::TakenForWhole), "no walk noticed");
    assert!(!is_noticed(Keys::ByGeneration, Restored::Recovered));
}
