//! Random walks of one confirm through losses, errors, crashes, late effects and look-ups from the side.

use domain::attempt::Operation;
use domain::job::{JobKind, JobState, check_discard, check_retry};
use domain::limits::{CONFIRM_KEYS_MAX, CONFIRM_PROOF_MS, CONFIRM_WINDOW_MS, POSTS_MAX};
use domain::payment::PaymentState;
use domain::policy::{Decision, NextJob, PaymentFacts, Step, decide_confirm, plan_confirm};
use proptest::prelude::*;

use crate::book::{Book, SideLookUp};
use crate::fixture::{MINUTE_MS, START_MS, payment, won};
use crate::model::{Body, Request, Toss};
use crate::tape::{Tape, tapes};

/// More claims than any walk may need.
const CLAIMS_MAX: u32 = 600;

struct Walk<'a> {
    tape: Tape<'a>,
    toss: Toss,
    payment: PaymentFacts,
    book: Book,
    side: SideLookUp,
    backup: Option<(PaymentFacts, Book)>,
    restores: u32,
}

impl Walk<'_> {
    fn learn(&mut self, decision: &Decision) {
        if let Some(event) = decision.event
            && let Ok(next) = self.payment.state.after(event)
        {
            self.payment.state = next;
            if next == PaymentState::Confirmed {
                self.payment.balance = self.payment.amount;
            }
        }
        self.check_honesty();
    }

    fn check_honesty(&self) {
        let is_given_up =
            matches!(self.payment.state, PaymentState::Failed | PaymentState::Expired);
        assert!(
            !is_given_up || self.toss.charges == 0,
            "given up, and the money was taken: {:?}",
            self.book
        );
        let is_confirmed = self.payment.state == PaymentState::Confirmed;
        assert!(!is_confirmed || self.toss.charges == 1, "confirmed, and nothing was taken");
        assert!(self.toss.charges <= 1, "charged twice");
        let is_discardable = check_discard(JobState::Parked, &self.book.history()).is_ok();
        let is_hidden = self.toss.charges == 1 && self.payment.state.is_undecided();
        assert!(
            !(is_discardable && is_hidden),
            "could be discarded while the money is gone: {:?}",
            self.book
        );
    }

    fn settle_side(&mut self) {
        let history = self.book.history();
        let decision =
            self.side.perhaps_settle(&history, &self.payment, self.book.now_ms, &mut self.tape);
        if let Some(decision) = decision {
            self.learn(&decision);
        }
    }

    /// Perhaps a backup is made, or restored: then the lookout and the calls under way belong to processes that are gone.
    fn perhaps_restore(&mut self) {
        match &self.backup {
            None if self.tape.once_in(12) => {
                self.backup = Some((self.payment.clone(), self.book.clone()));
            }
            Some((payment, book)) if self.restores == 0 && self.tape.once_in(12) => {
                self.payment = payment.clone();
                self.book.restore(book);
                self.side = SideLookUp::default();
                self.toss.forget_bodies();
                self.restores += 1;
            }
            None | Some(_) => {}
        }
    }

    /// One claim: plan, attempt, call, decide, settle. Perhaps the worker dies in between.
    fn claim(&mut self) {
        self.perhaps_restore();
        self.toss.advance(self.book.now_ms);
        self.side.perhaps_start(&self.toss, self.book.now_ms, &mut self.tape);
        if self.book.is_crash_loop() {
            self.finish(&Decision::crash_loop(self.payment.state.is_undecided()), false);
            return;
        }
        let operation = match plan_confirm(&self.book.history(), &self.payment, self.book.now_ms) {
            Step::Send => Operation::Confirm,
            Step::LookUp => Operation::LookUp,
            Step::Conclude(decision) => return self.finish(&decision, false),
        };
        let current = self.book.start(operation);
        self.settle_side();
        if self.tape.once_in(16) {
            return self.book.crash();
        }
        let answer = if operation == Operation::Confirm {
            assert!(self.book.now_ms < self.payment.confirm_by_ms, "sent after its window");
            let key = format!("confirm:{}", self.book.generation);
            let request = Request { key, body: Body::Confirm };
            self.toss.call(&request, self.book.now_ms, &mut self.tape)
        } else {
            self.toss.look_up(&mut self.tape)
        };
        if self.tape.once_in(16) {
            return self.book.crash();
        }
        self.book.now_ms += self.tape.ms(MINUTE_MS);
        self.toss.advance(self.book.now_ms);
        let now_ms = self.book.now_ms;
        let decision =
            decide_confirm(&self.book.history_before(), &self.payment, current, &answer, now_ms);
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
        let now_ms = self.book.now_ms;
        let is_allowed =
            check_retry(JobKind::Confirm, JobState::Parked, self.payment.confirm_by_ms, now_ms)
                .is_ok();
        self.book.retry_if_parked(is_allowed, &mut self.tape);
    }
}

fn walk(bytes: &[u8]) {
    let mut tape = Tape::new(bytes);
    // The customer authenticated some time before the confirm was accepted.
    let window_ends_ms = START_MS + CONFIRM_WINDOW_MS - tape.ms(CONFIRM_WINDOW_MS);
    let mut walk = Walk {
        tape,
        toss: Toss::authenticated(window_ends_ms),
        payment: payment(PaymentState::Confirming),
        book: Book::new(START_MS),
        side: SideLookUp::default(),
        backup: None,
        restores: 0,
    };
    let mut trouble_until_ms = START_MS;
    let mut claims = 0;
    while walk.book.end.is_none() {
        claims += 1;
        assert!(claims < CLAIMS_MAX, "never ends: {:?}", walk.book);
        walk.claim();
        if !walk.tape.is_over() {
            trouble_until_ms = walk.book.now_ms;
        }
    }
    let ends_by_ms =
        trouble_until_ms.max(START_MS + CONFIRM_PROOF_MS).max(walk.book.unrecorded_until_ms)
            + 3 * MINUTE_MS;
    assert!(walk.book.now_ms <= ends_by_ms, "ended late: {:?}", walk.book);
    assert!(walk.toss.posts <= POSTS_MAX * (1 + walk.restores), "{} calls", walk.toss.posts);
    assert!(walk.toss.keys.len() <= usize::try_from(CONFIRM_KEYS_MAX).unwrap());
    // Whatever was still on its way arrives, and what we said must stay true.
    walk.toss.advance(walk.book.now_ms + 10 * MINUTE_MS);
    walk.check_honesty();
    let is_parked = matches!(walk.book.end, Some(NextJob::Park(_)));
    assert!(is_parked || !walk.payment.state.is_undecided(), "ended undecided: {:?}", walk.book);
    assert_eq!(walk.payment.amount, won(crate::fixture::AMOUNT));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_confirm_ends_honestly_whatever_is_lost_late_or_killed(
        bytes in tapes(300),
    ) {
        walk(&bytes);
    }
}

#[test]
fn without_trouble_one_call_takes_the_money() {
    walk(&[]);
}
