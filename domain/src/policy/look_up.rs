//! Look-ups of their own, asked for by staff or a webhook: they apply what Toss proves and never send anything else.

use super::{
    CurrentAttempt, Decision, History, NextJob, Pace, PaymentFacts, ReviewReason, look_up_failed,
    wait,
};
use crate::answer::{Answer, FailureClass, TossPayment, TossStatus};
use crate::attempt::Verdict;
use crate::limits::{DEPOSIT_TAIL_MS, ESCALATE_AFTER_MS};
use crate::payment::{PaymentEvent, PaymentState};

/// What the answer to a look-up job's attempt changes.
///
/// `own` are the look-up job's attempts, `confirm` those of the payment's confirm job: while one of its calls may still be under way,
/// nothing is proved undone.
#[must_use]
pub fn decide_look_up(
    own: &History<'_>,
    confirm: &History<'_>,
    payment: &PaymentFacts,
    current: CurrentAttempt,
    answer: &Answer,
    now_ms: i64,
) -> Decision {
    let first_ms = own.attempts.first().map_or(current.started_at_ms, |first| first.started_at_ms);
    match answer {
        Answer::Payment(told) if payment.is_described_by(told) => {
            looked_up(confirm, payment, current, told)
        }
        Answer::Payment(told) => {
            let is_given_up = now_ms.saturating_sub(first_ms) >= ESCALATE_AFTER_MS;
            let again = NextJob::Wait(wait(Pace::LookUp, own.look_ups_in_a_row()));
            let next = if is_given_up { NextJob::Succeed } else { again };
            mismatch(confirm, payment, current, told, next)
        }
        Answer::Failure(failure) if failure.class == FailureClass::Absent => {
            absent(confirm, payment, current)
        }
        Answer::Failure(failure) => look_up_failed(failure, own, first_ms, now_ms),
    }
}

/// Toss answers with something else than our payment. A person is told at once, and it is asked again, because an answer that went astray
/// must not hide what happened. Nothing of it is believed but this: when no confirm of ours can have any effect any more, and what stands under
/// our own key holds no money, then none was taken under it.
fn mismatch(
    confirm: &History<'_>,
    payment: &PaymentFacts,
    current: CurrentAttempt,
    told: &TossPayment,
    next: NextJob,
) -> Decision {
    let decision = Decision::new(Verdict::Inconclusive, next)
        .review(ReviewReason::AnswerMismatch)
        .because("ANSWER_MISMATCH", "the answer is about another order, key, amount or currency");
    let at_ms = current.started_at_ms;
    let is_over = at_ms >= payment.proof_from_ms()
        && !confirm.is_send_under_way(at_ms)
        && !confirm.may_take_effect_after(at_ms);
    if !payment.state.is_undecided() {
        decision
    } else if is_over && told.payment_key == payment.payment_key && holds_no_money(told) {
        Decision { verdict: Verdict::Proven, job: NextJob::Succeed, ..decision }
            .event(PaymentEvent::TimePassed)
    } else {
        decision.event(PaymentEvent::OutcomeUnknown)
    }
}

/// Whether Toss shows that nothing is taken of a payment whose time to be confirmed is over.
fn holds_no_money(told: &TossPayment) -> bool {
    match told.status {
        TossStatus::Canceled => told.balance.is_zero(),
        TossStatus::Ready | TossStatus::InProgress | TossStatus::Aborted | TossStatus::Expired => {
            true
        }
        TossStatus::Done
        | TossStatus::PartialCanceled
        | TossStatus::WaitingForDeposit
        | TossStatus::Unknown(_) => false,
    }
}

fn nothing_new() -> Decision {
    Decision::new(Verdict::Inconclusive, NextJob::Succeed)
}

fn looked_up(
    confirm: &History<'_>,
    payment: &PaymentFacts,
    current: CurrentAttempt,
    told: &TossPayment,
) -> Decision {
    let proven = |event| Decision::new(Verdict::Proven, NextJob::Succeed).event(event);
    let failure = |decision: Decision| match &told.failure {
        Some(failure) => decision.because(failure.code.clone(), failure.message.clone()),
        None => decision.because(told.status.word(), ""),
    };
    let is_under_way = confirm.is_send_under_way(current.started_at_ms);
    match told.status {
        TossStatus::Done => match payment.state {
            PaymentState::Failed | PaymentState::Expired => {
                proven(PaymentEvent::Approved).review(ReviewReason::LateApproval)
            }
            PaymentState::Confirming
            | PaymentState::ConfirmUnresolved
            | PaymentState::WaitingForDeposit
            | PaymentState::Confirmed => proven(PaymentEvent::Approved),
            PaymentState::PartiallyCancelled | PaymentState::Cancelled => {
                nothing_new().review(ReviewReason::UnexpectedState)
            }
        },
        TossStatus::WaitingForDeposit => deposit_awaited(payment, current, told),
        TossStatus::Aborted if payment.state.is_undecided() && !is_under_way => {
            failure(proven(PaymentEvent::Declined))
        }
        TossStatus::Expired if payment.state.is_undecided() && !is_under_way => {
            failure(proven(PaymentEvent::TimePassed))
        }
        TossStatus::Aborted | TossStatus::Expired => match payment.state {
            PaymentState::Confirming
            | PaymentState::ConfirmUnresolved
            | PaymentState::Failed
            | PaymentState::Expired => nothing_new(),
            PaymentState::WaitingForDeposit
            | PaymentState::Confirmed
            | PaymentState::PartiallyCancelled
            | PaymentState::Cancelled => nothing_new().review(ReviewReason::UnexpectedState),
        },
        // Money that was given back stays so: a higher balance than ours was read before our last news.
        TossStatus::Canceled | TossStatus::PartialCanceled
            if payment.state == PaymentState::PartiallyCancelled
                && told.balance > payment.balance =>
        {
            nothing_new()
        }
        TossStatus::Canceled | TossStatus::PartialCanceled => {
            let event = PaymentEvent::Cancelled { balance: told.balance };
            match (payment.state.after(event), payment.state) {
                // Taken, and given back by somebody at Toss's console before we had heard of it.
                (Ok(_), PaymentState::Confirming | PaymentState::ConfirmUnresolved) => {
                    proven(event).review(ReviewReason::UnexpectedState)
                }
                (Ok(PaymentState::PartiallyCancelled), PaymentState::WaitingForDeposit) => {
                    proven(event).review(ReviewReason::UnexpectedState)
                }
                (Ok(_), PaymentState::Failed | PaymentState::Expired) => {
                    proven(event).review(ReviewReason::LateApproval)
                }
                (
                    Ok(_),
                    PaymentState::WaitingForDeposit
                    | PaymentState::Confirmed
                    | PaymentState::PartiallyCancelled
                    | PaymentState::Cancelled,
                ) => proven(event),
                (Err(_), _) => nothing_new().review(ReviewReason::UnexpectedState),
            }
        }
        TossStatus::Ready | TossStatus::InProgress => absent(confirm, payment, current),
        TossStatus::Unknown(_) => nothing_new().review(ReviewReason::UnexpectedState),
    }
}

/// Toss waits for the customer's money: as before, again because a deposit went back, or in vain.
fn deposit_awaited(
    payment: &PaymentFacts,
    current: CurrentAttempt,
    told: &TossPayment,
) -> Decision {
    let proven = |event| Decision::new(Verdict::Proven, NextJob::Succeed).event(event);
    match payment.state {
        PaymentState::WaitingForDeposit if is_deposit_over(told, current.started_at_ms) => {
            proven(PaymentEvent::TimePassed)
                .because("DEPOSIT_DUE_PASSED", "the time to pay into the account passed")
        }
        PaymentState::Confirming
        | PaymentState::ConfirmUnresolved
        | PaymentState::WaitingForDeposit => proven(PaymentEvent::DepositAwaited),
        // What was sold for it may be on its way.
        PaymentState::Confirmed | PaymentState::PartiallyCancelled => {
            proven(PaymentEvent::DepositAwaited).review(ReviewReason::DepositReversed)
        }
        // Toss's word for an account that ran out, for as long as anybody asks.
        PaymentState::Expired if is_deposit_over(told, current.started_at_ms) => nothing_new(),
        PaymentState::Cancelled | PaymentState::Failed | PaymentState::Expired => {
            nothing_new().review(ReviewReason::UnexpectedState)
        }
    }
}

/// Whether nobody can pay into the account any more. Toss sends nothing when its time passes, and some accounts stay open in its words.
fn is_deposit_over(told: &TossPayment, now_ms: i64) -> bool {
    told.virtual_account.as_ref().is_some_and(|account| {
        account.is_expired
            || account
                .due_at_ms
                .is_some_and(|due_ms| now_ms >= due_ms.saturating_add(DEPOSIT_TAIL_MS))
    })
}

/// Toss shows no approval.
fn absent(confirm: &History<'_>, payment: &PaymentFacts, current: CurrentAttempt) -> Decision {
    match payment.state {
        PaymentState::Confirming | PaymentState::ConfirmUnresolved => {
            let is_under_way = confirm.is_send_under_way(current.started_at_ms);
            if is_under_way {
                nothing_new()
            } else if current.started_at_ms >= payment.proof_from_ms() {
                Decision::new(Verdict::Proven, NextJob::Succeed)
                    .event(PaymentEvent::TimePassed)
                    .because(
                        "CONFIRM_WINDOW_PASSED",
                        "the time to confirm passed and Toss shows no approval",
                    )
            } else {
                Decision::new(Verdict::Undone, NextJob::Succeed)
            }
        }
        PaymentState::Failed | PaymentState::Expired => nothing_new(),
        PaymentState::WaitingForDeposit
        | PaymentState::Confirmed
        | PaymentState::PartiallyCancelled
        | PaymentState::Cancelled => nothing_new().review(ReviewReason::Absent),
    }
}
