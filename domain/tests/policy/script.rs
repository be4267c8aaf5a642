//! Jobs played by hand: a test says what each call brings, and the policy says what follows.

use domain::answer::{Answer, TossCancel, TossPayment, TossStatus};
use domain::attempt::Operation;
use domain::cancellation::{CancellationState, tagged_reason};
use domain::payment::PaymentState;
use domain::policy::{
    CancelFacts, Decision, NextJob, PaymentFacts, Step, decide_cancel, decide_confirm, plan_cancel,
    plan_confirm,
};

use crate::book::Book;
use crate::fixture::{AMOUNT, START_MS, payment, told, won};
use crate::tape::Tape;

/// A job in a test's hands.
pub(crate) trait Script {
    /// What the job does next.
    fn plan(&self) -> Step;
    /// The operation of its money calls.
    const MONEY: Operation;
    /// Decides on the attempt that was started last.
    fn decide(&mut self, operation: Operation, started_at_ms: i64, answer: &Answer) -> Decision;
    fn book(&mut self) -> &mut Book;

    /// The money call is made now and brings this; the job goes to where that leads.
    fn sends(&mut self, answer: Answer) -> Decision {
        assert_eq!(self.plan(), Step::Send);
        self.call(Self::MONEY, answer)
    }

    /// A look-up is made now and brings this.
    fn looks_up(&mut self, answer: Answer) -> Decision {
        assert_eq!(self.plan(), Step::LookUp);
        self.call(Operation::LookUp, answer)
    }

    /// The money call is made now and its worker dies.
    fn sends_and_dies(&mut self) {
        assert_eq!(self.plan(), Step::Send);
        self.book().start(Self::MONEY);
        self.book().crash();
    }

    fn call(&mut self, operation: Operation, answer: Answer) -> Decision {
        let current = self.book().start(operation);
        self.book().now_ms += 100;
        let decision = self.decide(operation, current.started_at_ms, &answer);
        self.book().settle(&decision, &mut Tape::new(&[]));
        decision
    }

    /// How long the job has been going on.
    fn passed_ms(&mut self) -> i64 {
        self.book().now_ms - START_MS
    }
}

/// A confirm job.
#[derive(Debug)]
pub(crate) struct ConfirmScript {
    pub(crate) payment: PaymentFacts,
    pub(crate) book: Book,
}

impl ConfirmScript {
    pub(crate) fn new() -> ConfirmScript {
        ConfirmScript { payment: payment(PaymentState::Confirming), book: Book::new(START_MS) }
    }
}

impl Script for ConfirmScript {
    const MONEY: Operation = Operation::Confirm;

    fn plan(&self) -> Step {
        plan_confirm(&self.book.history(), &self.payment, self.book.now_ms)
    }

    fn decide(&mut self, operation: Operation, started_at_ms: i64, answer: &Answer) -> Decision {
        let history = self.book.history_before();
        let current = crate::fixture::now(operation, started_at_ms);
        let decision = decide_confirm(&history, &self.payment, current, answer, self.book.now_ms);
        if let Some(event) = decision.event {
            self.payment.state = self.payment.state.after(event).unwrap();
        }
        decision
    }

    fn book(&mut self) -> &mut Book {
        &mut self.book
    }
}

/// What Toss shows before a confirm.
pub(crate) const READY_TO_CONFIRM: TossStatus = TossStatus::InProgress;

/// Whether the next call gets the next key.
pub(crate) fn has_new_key(job: NextJob) -> bool {
    matches!(job, NextJob::Wait(wait) if wait.has_new_key)
}

/// The id of the cancellation of the tests.
pub(crate) const CANCEL_ID: &str = "0193a5c2-0000-7000-8000-0123456789ab";
/// How much it gives back.
pub(crate) const CANCEL_AMOUNT: i64 = 4_000;

/// A cancel job over a part of the payment.
#[derive(Debug)]
pub(crate) struct CancelScript {
    pub(crate) payment: PaymentFacts,
    pub(crate) cancel: CancelFacts,
    pub(crate) book: Book,
}

impl CancelScript {
    pub(crate) fn new() -> CancelScript {
        CancelScript {
            payment: payment(PaymentState::Confirmed),
            cancel: cancel_facts(),
            book: Book::new(START_MS),
        }
    }
}

impl Script for CancelScript {
    const MONEY: Operation = Operation::Cancel;

    fn plan(&self) -> Step {
        plan_cancel(&self.book.history(), &self.payment, &self.cancel, self.book.now_ms)
    }

    fn decide(&mut self, operation: Operation, started_at_ms: i64, answer: &Answer) -> Decision {
        let history = self.book.history_before();
        let current = crate::fixture::now(operation, started_at_ms);
        let now_ms = self.book.now_ms;
        let decision =
            decide_cancel(&history, &self.payment, &self.cancel, current, answer, now_ms);
        if let Some(event) = decision.event {
            self.payment.state = self.payment.state.after(event).unwrap();
        }
        decision
    }

    fn book(&mut self) -> &mut Book {
        &mut self.book
    }
}

pub(crate) fn cancel_facts() -> CancelFacts {
    CancelFacts {
        id: CANCEL_ID.to_owned(),
        amount: won(CANCEL_AMOUNT),
        state: CancellationState::Requested,
        requested_at_ms: START_MS,
        other_tags: vec![],
        known_transaction_keys: vec![],
        may_repeat_lost: false,
    }
}

/// An entry of this cancellation, as Toss shows it.
pub(crate) fn our_entry(key: &str) -> TossCancel {
    TossCancel {
        transaction_key: key.to_owned(),
        amount: won(CANCEL_AMOUNT),
        tax_free_amount: domain::Won::ZERO,
        reason: tagged_reason("no longer wanted", CANCEL_ID),
        cancelled_at_ms: Some(START_MS),
        is_done: true,
    }
}

/// An entry that somebody made in Toss's own console.
pub(crate) fn console_entry(key: &str, amount: i64) -> TossCancel {
    TossCancel { amount: won(amount), reason: "console".to_owned(), ..our_entry(key) }
}

/// The payment with these cancels.
pub(crate) fn with_cancels(cancels: Vec<TossCancel>) -> TossPayment {
    let given_back: i64 = cancels.iter().map(|entry| entry.amount.get()).sum();
    TossPayment {
        balance: won(AMOUNT - given_back),
        last_transaction_key: cancels.last().map(|entry| entry.transaction_key.clone()),
        cancels,
        ..told(TossStatus::PartialCanceled)
    }
}

pub(crate) fn shown_with(cancels: Vec<TossCancel>) -> Answer {
    Answer::Payment(Box::new(with_cancels(cancels)))
}
