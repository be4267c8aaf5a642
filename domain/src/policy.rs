//! The retry policy: what to send next, and what an answer means. Pure, exhaustive, the same for every process.
//!
//! Three rules carry it. *Unknown is not failure*: after a call whose outcome is unknown, a look-up comes before anything else.
//! *A key is retired only by an answer*: while no answer came, the same idempotency key is sent again, because Toss then answers with
//! the first result; an answered error would be repeated under its key, so a look-up has to prove the operation undone, and the next
//! call gets the next key generation. *Only proof ends a job*: positive evidence always, negative evidence only while nothing of ours
//! can still be under way.
//!
//! `plan_*` says what a claimed job does next, `decide_*` what the answer to it changes. How long a [`Pace`] takes is computed by the
//! worker from its [`Curve`].

mod cancel;
mod confirm;
mod entries;
mod history;
mod look_up;

pub use cancel::{decide_cancel, plan_cancel};
pub use confirm::{decide_confirm, plan_confirm};
pub use entries::CancelFacts;
pub use history::History;
pub use look_up::decide_look_up;

use history::Trace;

use crate::answer::{FailureClass, TossPayment, TossStatus};
use crate::attempt::{Operation, Verdict};
use crate::money::Won;
use crate::payment::{PaymentEvent, PaymentState};

/// What decisions know about the payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentFacts {
    /// The order, as Toss must name it.
    pub order_id: String,
    /// The payment key, as Toss must name it.
    pub payment_key: String,
    /// What the order costs.
    pub amount: Won,
    /// What Toss last told can still be cancelled; zero before the confirm.
    pub balance: Won,
    /// Our state.
    pub state: PaymentState,
    /// When the confirm was accepted.
    pub accepted_at_ms: i64,
    /// Until when a confirm may be sent.
    pub confirm_by_ms: i64,
}

impl PaymentFacts {
    /// Whether an answer is about this payment at all: the same key, order, amount and currency.
    #[must_use]
    pub fn is_described_by(&self, told: &TossPayment) -> bool {
        told.payment_key == self.payment_key
            && told.order_id == self.order_id
            && told.total == self.amount
            && told.currency == "KRW"
    }

    /// What it says about this payment that Toss shows a payment when it is asked for the order, of which the customer may have
    /// authenticated several.
    #[must_use]
    pub fn order_shown_by(&self, told: &TossPayment) -> OrderShown {
        if told.payment_key == self.payment_key {
            return OrderShown::AsAsked;
        }
        match told.status {
            TossStatus::Ready
            | TossStatus::InProgress
            | TossStatus::Aborted
            | TossStatus::Expired => OrderShown::Unpaid,
            TossStatus::Done
            | TossStatus::WaitingForDeposit
            | TossStatus::PartialCanceled
            | TossStatus::Canceled => {
                let other = PaymentFacts { payment_key: told.payment_key.clone(), ..self.clone() };
                if self.state.is_undecided() && other.is_described_by(told) {
                    OrderShown::PaidOtherwise
                } else {
                    OrderShown::AsAsked
                }
            }
            TossStatus::Unknown(_) => OrderShown::AsAsked,
        }
    }

    /// From when on "not approved" is proof.
    #[must_use]
    pub const fn proof_from_ms(&self) -> i64 {
        self.accepted_at_ms.saturating_add(crate::limits::CONFIRM_PROOF_MS)
    }
}

/// What Toss shows of an order, seen from the payment that is to be confirmed for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderShown {
    /// This payment, or something that nobody can make sense of: the answer counts as it is.
    AsAsked,
    /// Another payment that took the order's money, or opened an account for it: that one is the order's payment.
    PaidOtherwise,
    /// Another payment that took nothing.
    Unpaid,
}

/// The attempt whose answer is being decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurrentAttempt {
    /// What it did.
    pub operation: Operation,
    /// When it was recorded.
    pub started_at_ms: i64,
}

/// What a claimed job does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Send the confirm or cancel under the job's present key generation.
    Send,
    /// Ask Toss what happened.
    LookUp,
    /// Nothing is sent: the job ends or stops here.
    Conclude(Box<Decision>),
}

/// What an answer changes. Applied by `store` in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What the attempt is recorded to have said.
    pub verdict: Verdict,
    /// What is now known about the payment.
    pub event: Option<PaymentEvent>,
    /// The code behind a refusal or a stop: Toss's, or ours.
    pub code: Option<String>,
    /// The sentence behind it.
    pub message: Option<String>,
    /// What becomes of the cancellation, for cancel jobs.
    pub cancellation: Option<CancellationMove>,
    /// What becomes of the job.
    pub job: NextJob,
    /// Why a person should look at the payment.
    pub review: Option<ReviewReason>,
}

/// What becomes of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextJob {
    /// It is done.
    Succeed,
    /// It ended by a refusal.
    Decline,
    /// It ended unsent.
    Void,
    /// It stops for a person.
    Park(ReviewReason),
    /// It goes on later.
    Wait(Wait),
}

impl NextJob {
    /// The word for logs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            NextJob::Succeed => "succeeded",
            NextJob::Decline => "declined",
            NextJob::Void => "void",
            NextJob::Park(_) => "parked",
            NextJob::Wait(_) => "waiting",
        }
    }
}

/// When a job goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// Along which curve.
    pub pace: Pace,
    /// How often that has happened in a row: 0 for the first.
    pub repeats: u32,
    /// Not before this instant, whatever the curve says.
    pub not_before_ms: i64,
    /// Whether the next call gets the next key generation: a look-up has just proved the last one undone.
    pub has_new_key: bool,
}

/// What becomes of a cancellation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancellationMove {
    /// The money was given back.
    Done {
        /// Toss's key of it; `None` only for an account that was cancelled before its deposit.
        transaction_key: Option<String>,
        /// When, by Toss.
        cancelled_at_ms: Option<i64>,
    },
    /// Nothing was given back, and nothing will be.
    Refused,
    /// Whether it was is unknown.
    Unresolved,
}

/// Why a person should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReviewReason {
    /// Our key, contract or request was refused.
    Setup,
    /// Toss answered with another order or amount.
    AnswerMismatch,
    /// Toss shows a state that nothing of ours explains.
    UnexpectedState,
    /// Cancels at Toss cannot be told apart.
    AmbiguousCancels,
    /// Every key generation was used up and nothing was done.
    KeysUsedUp,
    /// It was tried for as long as makes sense.
    GaveUp,
    /// Look-ups have stayed unanswered for an hour.
    LookUpUnanswered,
    /// Three claims in a row never finished.
    CrashLoop,
    /// Toss does not know the payment.
    Absent,
    /// The money was taken after the order had been given up.
    LateApproval,
    /// A deposit went back after the order had been paid with it.
    DepositReversed,
    /// It is past its time, and a look-up did not help.
    LeftBehind,
    /// The keys that the payment is pinned to are not configured.
    KeysMissing,
}

impl ReviewReason {
    /// Every reason, for tables and the runbook.
    pub const ALL: [ReviewReason; 13] = [
        ReviewReason::Setup,
        ReviewReason::AnswerMismatch,
        ReviewReason::UnexpectedState,
        ReviewReason::AmbiguousCancels,
        ReviewReason::KeysUsedUp,
        ReviewReason::GaveUp,
        ReviewReason::LookUpUnanswered,
        ReviewReason::CrashLoop,
        ReviewReason::Absent,
        ReviewReason::LateApproval,
        ReviewReason::DepositReversed,
        ReviewReason::LeftBehind,
        ReviewReason::KeysMissing,
    ];

    /// The word for columns, logs and answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            ReviewReason::Setup => "setup",
            ReviewReason::AnswerMismatch => "answer_mismatch",
            ReviewReason::UnexpectedState => "unexpected_state",
            ReviewReason::AmbiguousCancels => "ambiguous_cancels",
            ReviewReason::KeysUsedUp => "keys_used_up",
            ReviewReason::GaveUp => "gave_up",
            ReviewReason::LookUpUnanswered => "look_up_unanswered",
            ReviewReason::CrashLoop => "crash_loop",
            ReviewReason::Absent => "absent",
            ReviewReason::LateApproval => "late_approval",
            ReviewReason::DepositReversed => "deposit_reversed",
            ReviewReason::LeftBehind => "left_behind",
            ReviewReason::KeysMissing => "keys_missing",
        }
    }

    /// Reads the word back; `None` for a word that we never wrote.
    #[must_use]
    pub fn from_word(word: &str) -> Option<ReviewReason> {
        ReviewReason::ALL.into_iter().find(|known| known.word() == word)
    }
}

/// A family of delays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pace {
    /// At once.
    Now,
    /// After a call that could not even be sent.
    Unsent,
    /// Between calls of a confirm under one key, and before a confirm under a new key.
    ConfirmResend,
    /// While Toss still works on a confirm: a customer waits, and asking costs nothing.
    ConfirmInProgress,
    /// Between calls of a cancel under one key, and before a cancel under a new key.
    CancelResend,
    /// Before a look-up.
    LookUp,
    /// After too many requests.
    Throttled,
    /// After the limiter for consecutive requests of one payment.
    Limited,
    /// Until a bank opens.
    BankHours,
}

/// How a pace grows: `first_ms * factor^repeats`, at most `cap_ms`, and jitter on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Curve {
    /// The first delay.
    pub first_ms: i64,
    /// The growth per repeat.
    pub factor: u32,
    /// The longest delay.
    pub cap_ms: i64,
}

impl Pace {
    /// Every pace.
    pub const ALL: [Pace; 9] = [
        Pace::Now,
        Pace::Unsent,
        Pace::ConfirmResend,
        Pace::ConfirmInProgress,
        Pace::CancelResend,
        Pace::LookUp,
        Pace::Throttled,
        Pace::Limited,
        Pace::BankHours,
    ];

    /// How it grows.
    #[must_use]
    pub const fn curve(self) -> Curve {
        let (first_ms, factor, cap_ms) = match self {
            Pace::Now => (0, 1, 0),
            Pace::Unsent => (500, 2, 30_000),
            Pace::ConfirmResend => (1_000, 3, 30_000),
            Pace::ConfirmInProgress => (1_000, 2, 20_000),
            Pace::CancelResend => (1_000, 5, 600_000),
            Pace::LookUp => (1_000, 2, 60_000),
            Pace::Throttled => (2_000, 2, 60_000),
            Pace::Limited => (60_000, 2, 600_000),
            Pace::BankHours => (600_000, 2, 3_600_000),
        };
        Curve { first_ms, factor, cap_ms }
    }
}

/// Turns a pace into a delay. Implemented by the worker; a test may make every delay zero.
pub trait Pacing: Send + Sync + std::fmt::Debug {
    /// The delay in milliseconds, jitter included: never negative, bounded by the curve's cap and its jitter.
    fn delay_ms(&self, pace: Pace, repeats: u32) -> i64;
}

impl Decision {
    fn new(verdict: Verdict, job: NextJob) -> Decision {
        Decision {
            verdict,
            event: None,
            code: None,
            message: None,
            cancellation: None,
            job,
            review: None,
        }
    }

    fn event(mut self, event: PaymentEvent) -> Decision {
        self.event = Some(event);
        self
    }

    fn because(mut self, code: impl Into<String>, message: impl Into<String>) -> Decision {
        self.code = Some(code.into());
        self.message = Some(message.into());
        self
    }

    fn cancellation(mut self, change: CancellationMove) -> Decision {
        self.cancellation = Some(change);
        self
    }

    fn review(mut self, reason: ReviewReason) -> Decision {
        self.review = Some(reason);
        self
    }

    fn park(verdict: Verdict, reason: ReviewReason) -> Decision {
        Decision::new(verdict, NextJob::Park(reason)).review(reason)
    }

    /// A job that keeps killing its workers stops for a person. What it did is unknown and stays so.
    #[must_use]
    pub fn crash_loop(is_payment_undecided: bool) -> Decision {
        let decision = Decision::park(Verdict::Inconclusive, ReviewReason::CrashLoop)
            .because("CRASH_LOOP", "three claims in a row never finished");
        if is_payment_undecided { decision.event(PaymentEvent::OutcomeUnknown) } else { decision }
    }

    /// A refund whose account was sealed under a key that this process does not have. Nothing was sent.
    #[must_use]
    pub fn unreadable_refund_account() -> Decision {
        Decision::park(Verdict::Inconclusive, ReviewReason::Setup).because(
            "REFUND_ACCOUNT_UNREADABLE",
            "the account to refund to was sealed under another security.token_key",
        )
    }

    /// A look-up during which another call's answer was settled: what it read may be older than what is known, so it proves nothing and
    /// is made again.
    #[must_use]
    pub fn overtaken() -> Decision {
        Decision::new(Verdict::Inconclusive, NextJob::Wait(wait(Pace::LookUp, 0)))
            .because("OVERTAKEN", "another answer was settled while this look-up was under way")
    }
}

fn wait(pace: Pace, repeats: usize) -> Wait {
    Wait {
        pace,
        repeats: u32::try_from(repeats).unwrap_or(u32::MAX),
        not_before_ms: 0,
        has_new_key: false,
    }
}

/// A look-up that brought no payment: asked again, and a person is told when that goes on for an hour.
fn look_up_failed(
    failure: &crate::answer::Failure,
    history: &History<'_>,
    since_ms: i64,
    now_ms: i64,
) -> Decision {
    let verdict = Verdict::Failed(failure.class);
    let pace = match failure.class {
        FailureClass::Unsent => Pace::Unsent,
        FailureClass::Throttled => Pace::Throttled,
        FailureClass::Limited => Pace::Limited,
        FailureClass::Unanswered
        | FailureClass::InProgress
        | FailureClass::Ambiguous
        | FailureClass::BankClosed
        | FailureClass::Contradictory
        | FailureClass::Disputed
        | FailureClass::Absent => Pace::LookUp,
        FailureClass::Refused | FailureClass::Broken => {
            return Decision::park(verdict, ReviewReason::Setup)
                .because(failure.code.clone(), failure.message.clone());
        }
    };
    let repeats = history.look_ups_in_a_row();
    let decision = Decision::new(verdict, NextJob::Wait(wait(pace, repeats)))
        .because(failure.code.clone(), failure.message.clone());
    if now_ms.saturating_sub(since_ms) >= crate::limits::ESCALATE_AFTER_MS {
        decision.review(ReviewReason::LookUpUnanswered)
    } else {
        decision
    }
}
