//! Plain values that the tests of the policy start from.

use domain::Won;
use domain::answer::{Answer, Failure, FailureClass, TossPayment, TossStatus};
use domain::attempt::{Operation, PastAttempt, Verdict};
use domain::limits::CONFIRM_WINDOW_MS;
use domain::payment::PaymentState;
use domain::policy::{CurrentAttempt, PaymentFacts};

/// When the confirm was accepted, on a clock that starts here.
pub(crate) const START_MS: i64 = 1_000_000;
pub(crate) const SECOND_MS: i64 = 1_000;
pub(crate) const MINUTE_MS: i64 = 60_000;
/// What the payment of the tests costs.
pub(crate) const AMOUNT: i64 = 10_000;

pub(crate) fn won(amount: i64) -> Won {
    Won::new(amount).unwrap()
}

/// The payment of the tests: accepted at [`START_MS`], undecided or fully there.
pub(crate) fn payment(state: PaymentState) -> PaymentFacts {
    PaymentFacts {
        order_id: "order-1".to_owned(),
        payment_key: "pay-1".to_owned(),
        amount: won(AMOUNT),
        balance: if state.holds_money() { won(AMOUNT) } else { Won::ZERO },
        state,
        accepted_at_ms: START_MS,
        confirm_by_ms: START_MS + CONFIRM_WINDOW_MS,
    }
}

/// What Toss shows of it.
pub(crate) fn told(status: TossStatus) -> TossPayment {
    TossPayment {
        payment_key: "pay-1".to_owned(),
        order_id: "order-1".to_owned(),
        balance: if status == TossStatus::Canceled { Won::ZERO } else { won(AMOUNT) },
        status,
        total: won(AMOUNT),
        currency: "KRW".to_owned(),
        method: None,
        approved_at_ms: None,
        last_transaction_key: None,
        secret: None,
        receipt_url: None,
        failure: None,
        cancels: vec![],
        virtual_account: None,
        means: domain::answer::Means::default(),
    }
}

pub(crate) fn shown(status: TossStatus) -> Answer {
    Answer::Payment(Box::new(told(status)))
}

pub(crate) fn failure(class: FailureClass) -> Answer {
    let code = class.word().to_uppercase();
    Answer::Failure(Failure { class, code, message: "words".to_owned() })
}

/// A finished attempt that took 100 ms.
pub(crate) fn past(
    operation: Operation,
    generation: u32,
    at_ms: i64,
    verdict: Verdict,
) -> PastAttempt {
    let code = match verdict {
        Verdict::Failed(class) => Some(class.word().to_uppercase()),
        Verdict::Proven | Verdict::Undone | Verdict::Inconclusive => None,
    };
    PastAttempt {
        operation,
        generation,
        started_at_ms: at_ms,
        finished_at_ms: Some(at_ms + 100),
        verdict: Some(verdict),
        code,
    }
}

/// An attempt that nobody finished.
pub(crate) fn unfinished(operation: Operation, generation: u32, at_ms: i64) -> PastAttempt {
    PastAttempt {
        operation,
        generation,
        started_at_ms: at_ms,
        finished_at_ms: None,
        verdict: None,
        code: None,
    }
}

pub(crate) fn now(operation: Operation, at_ms: i64) -> CurrentAttempt {
    CurrentAttempt { operation, started_at_ms: at_ms }
}
