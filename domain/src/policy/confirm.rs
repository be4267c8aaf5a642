//! Taking the money: what a confirm job does next, and what its answers mean.

use super::{
    CurrentAttempt, Decision, History, NextJob, Pace, PaymentFacts, ReviewReason, Step, Trace,
    look_up_failed, wait,
};
use crate::answer::{Answer, Failure, FailureClass, TossPayment, TossStatus};
use crate::attempt::{Operation, Verdict};
use crate::limits::CONFIRM_KEYS_MAX;
use crate::payment::{PaymentEvent, PaymentState};

/// Our code for a payment whose time passed.
const WINDOW_PASSED: &str = "CONFIRM_WINDOW_PASSED";

/// After how many "still processing" in a row the customer is told that we are checking.
const SLOW_AFTER: usize = 3;

/// What a claimed confirm job does next.
#[must_use]
pub fn plan_confirm(history: &History<'_>, payment: &PaymentFacts, now_ms: i64) -> Step {
    if let Some(job) = settled_as(payment.state) {
        return conclude(job);
    }
    if history.is_doubted() {
        return Step::LookUp;
    }
    let may_send = now_ms < payment.confirm_by_ms && !history.has_used_up_sends();
    match history.last_telling_send() {
        None if may_send => Step::Send,
        None if history.may_have_reached_toss() || now_ms < payment.confirm_by_ms => Step::LookUp,
        // Nothing ever left: nothing can have been taken, and nothing will be sent.
        None => Step::Conclude(Box::new(
            Decision::new(Verdict::Proven, NextJob::Void).event(PaymentEvent::TimePassed).because(
                WINDOW_PASSED,
                "the time to confirm had passed before anything could be sent",
            ),
        )),
        Some((_, Trace::InProgress)) if may_send => Step::Send,
        Some((last, Trace::NoAnswer))
            if may_send && history.is_shown_undone_since(last.started_at_ms) =>
        {
            Step::Send
        }
        Some((_, Trace::Nothing | Trace::NoAnswer | Trace::InProgress | Trace::Answered(_))) => {
            Step::LookUp
        }
    }
}

fn conclude(job: NextJob) -> Step {
    Step::Conclude(Box::new(Decision::new(Verdict::Proven, job)))
}

/// What the answer to a confirm job's attempt changes.
#[must_use]
pub fn decide_confirm(
    history: &History<'_>,
    payment: &PaymentFacts,
    current: CurrentAttempt,
    answer: &Answer,
    now_ms: i64,
) -> Decision {
    if let Some(job) = settled_as(payment.state) {
        return settled_meanwhile(payment, job, answer);
    }
    match (current.operation, answer) {
        (Operation::LookUp, Answer::Payment(told)) => {
            looked_up(history, payment, current, told, now_ms)
        }
        (Operation::LookUp, Answer::Failure(failure)) if failure.class == FailureClass::Absent => {
            not_done(history, payment, current, now_ms)
        }
        (Operation::LookUp, Answer::Failure(failure)) => {
            look_up_failed(failure, history, payment.accepted_at_ms, now_ms)
        }
        (Operation::Confirm | Operation::Cancel, Answer::Payment(told)) => answered(payment, told),
        (Operation::Confirm | Operation::Cancel, Answer::Failure(failure)) => {
            failed(history, failure)
        }
    }
}

/// How a confirm job ends whose payment is decided; `None` while it is not.
fn settled_as(state: PaymentState) -> Option<NextJob> {
    match state {
        PaymentState::Confirming | PaymentState::ConfirmUnresolved => None,
        PaymentState::WaitingForDeposit
        | PaymentState::Confirmed
        | PaymentState::PartiallyCancelled
        | PaymentState::Cancelled => Some(NextJob::Succeed),
        PaymentState::Failed | PaymentState::Expired => Some(NextJob::Decline),
    }
}

/// A look-up of its own has settled the payment while this call was under way: only an approval that it did not see is news.
fn settled_meanwhile(payment: &PaymentFacts, job: NextJob, answer: &Answer) -> Decision {
    let told = match answer {
        Answer::Payment(told) => told,
        Answer::Failure(failure) => {
            return Decision::new(Verdict::Failed(failure.class), job)
                .because(failure.code.clone(), failure.message.clone());
        }
    };
    if !payment.is_described_by(told) {
        return Decision::new(Verdict::Failed(FailureClass::Contradictory), job)
            .review(ReviewReason::AnswerMismatch)
            .because(
                "ANSWER_MISMATCH",
                "the answer is about another order, key, amount or currency",
            );
    }
    let is_given_up = job == NextJob::Decline;
    match told.status {
        TossStatus::Done if is_given_up => Decision::new(Verdict::Proven, NextJob::Succeed)
            .event(PaymentEvent::Approved)
            .review(ReviewReason::LateApproval),
        TossStatus::WaitingForDeposit if is_given_up => {
            Decision::new(Verdict::Inconclusive, job).review(ReviewReason::UnexpectedState)
        }
        TossStatus::Done
        | TossStatus::WaitingForDeposit
        | TossStatus::Ready
        | TossStatus::InProgress
        | TossStatus::Canceled
        | TossStatus::PartialCanceled
        | TossStatus::Aborted
        | TossStatus::Expired
        | TossStatus::Unknown(_) => Decision::new(Verdict::Inconclusive, job),
    }
}

/// The confirm brought a payment.
fn answered(payment: &PaymentFacts, told: &TossPayment) -> Decision {
    if !payment.is_described_by(told) {
        return mismatch();
    }
    match told.status {
        TossStatus::Done => {
            Decision::new(Verdict::Proven, NextJob::Succeed).event(PaymentEvent::Approved)
        }
        TossStatus::WaitingForDeposit => {
            Decision::new(Verdict::Proven, NextJob::Succeed).event(PaymentEvent::DepositAwaited)
        }
        TossStatus::Ready
        | TossStatus::InProgress
        | TossStatus::Canceled
        | TossStatus::PartialCanceled
        | TossStatus::Aborted
        | TossStatus::Expired
        | TossStatus::Unknown(_) => unknown(FailureClass::Contradictory, 0).because(
            "UNEXPECTED_STATUS",
            format!("the confirm was answered with status {}", told.status.word()),
        ),
    }
}

/// The confirm brought a failure.
fn failed(history: &History<'_>, failure: &Failure) -> Decision {
    let class = failure.class;
    let verdict = Verdict::Failed(class);
    let again =
        |pace| Decision::new(verdict, NextJob::Wait(wait(pace, history.failures_in_a_row(class))));
    // A refusal of a repeated request, under whatever key, tells about that request only: an earlier one may have been done.
    let is_first = !history.may_have_reached_toss();
    let decision = match class {
        FailureClass::Unsent => again(Pace::Unsent),
        FailureClass::Throttled => again(Pace::Throttled),
        FailureClass::InProgress if history.failures_in_a_row(class) >= SLOW_AFTER => {
            again(Pace::ConfirmInProgress).event(PaymentEvent::OutcomeUnknown)
        }
        FailureClass::InProgress => again(Pace::ConfirmInProgress),
        FailureClass::Unanswered => unknown(class, 0),
        FailureClass::Ambiguous => unknown(class, 2),
        FailureClass::Limited
        | FailureClass::BankClosed
        | FailureClass::Contradictory
        | FailureClass::Disputed => unknown(class, 0),
        FailureClass::Refused | FailureClass::Absent if is_first => refused(verdict, &failure.code),
        FailureClass::Refused | FailureClass::Absent => unknown(class, 0),
        FailureClass::Broken => {
            Decision::park(verdict, ReviewReason::Setup).event(PaymentEvent::OutcomeUnknown)
        }
    };
    decision.because(failure.code.clone(), failure.message.clone())
}

fn refused(verdict: Verdict, code: &str) -> Decision {
    // Toss says that the session is gone when the ten minutes have passed: that is time, not a decline.
    let event = if code == "NOT_FOUND_PAYMENT_SESSION" {
        PaymentEvent::TimePassed
    } else {
        PaymentEvent::Declined
    };
    Decision::new(verdict, NextJob::Decline).event(event)
}

fn unknown(class: FailureClass, repeats: usize) -> Decision {
    Decision::new(Verdict::Failed(class), NextJob::Wait(wait(Pace::LookUp, repeats)))
        .event(PaymentEvent::OutcomeUnknown)
}

fn mismatch() -> Decision {
    Decision::park(Verdict::Failed(FailureClass::Contradictory), ReviewReason::AnswerMismatch)
        .event(PaymentEvent::OutcomeUnknown)
        .because("ANSWER_MISMATCH", "the answer is about another order, key, amount or currency")
}

/// A look-up brought a payment.
fn looked_up(
    history: &History<'_>,
    payment: &PaymentFacts,
    current: CurrentAttempt,
    told: &TossPayment,
    now_ms: i64,
) -> Decision {
    if !payment.is_described_by(told) {
        return mismatch();
    }
    let failure = |fallback: &str| {
        told.failure.as_ref().map_or_else(
            || (fallback.to_owned(), String::new()),
            |failure| (failure.code.clone(), failure.message.clone()),
        )
    };
    match told.status {
        TossStatus::Done => {
            Decision::new(Verdict::Proven, NextJob::Succeed).event(PaymentEvent::Approved)
        }
        TossStatus::WaitingForDeposit => {
            Decision::new(Verdict::Proven, NextJob::Succeed).event(PaymentEvent::DepositAwaited)
        }
        TossStatus::Aborted | TossStatus::Expired
            if history.is_send_under_way(current.started_at_ms) =>
        {
            later(history, 0)
        }
        TossStatus::Aborted => {
            let (code, message) = failure("ABORTED");
            Decision::new(Verdict::Proven, NextJob::Decline)
                .event(PaymentEvent::Declined)
                .because(code, message)
        }
        TossStatus::Expired => {
            let (code, message) = failure("EXPIRED");
            Decision::new(Verdict::Proven, NextJob::Decline)
                .event(PaymentEvent::TimePassed)
                .because(code, message)
        }
        TossStatus::Ready | TossStatus::InProgress => not_done(history, payment, current, now_ms),
        // It was taken before it was given back, by somebody at Toss's console before we had heard of it.
        TossStatus::Canceled | TossStatus::PartialCanceled => {
            Decision::new(Verdict::Proven, NextJob::Succeed)
                .event(PaymentEvent::Cancelled { balance: told.balance })
                .review(ReviewReason::UnexpectedState)
                .because("UNEXPECTED_STATUS", format!("Toss shows status {}", told.status.word()))
        }
        TossStatus::Unknown(_) => {
            Decision::park(Verdict::Inconclusive, ReviewReason::UnexpectedState)
                .event(PaymentEvent::OutcomeUnknown)
                .because("UNEXPECTED_STATUS", format!("Toss shows status {}", told.status.word()))
        }
    }
}

fn later(history: &History<'_>, not_before_ms: i64) -> Decision {
    let next = wait(Pace::LookUp, history.look_ups_in_a_row());
    Decision::new(Verdict::Inconclusive, NextJob::Wait(super::Wait { not_before_ms, ..next }))
        .event(PaymentEvent::OutcomeUnknown)
}

/// A look-up shows that the money has not been taken (yet).
fn not_done(
    history: &History<'_>,
    payment: &PaymentFacts,
    current: CurrentAttempt,
    now_ms: i64,
) -> Decision {
    let is_under_way = history.may_take_effect_after(current.started_at_ms);
    if now_ms >= payment.confirm_by_ms {
        return if is_under_way || current.started_at_ms < payment.proof_from_ms() {
            later(history, 0)
        } else {
            Decision::new(Verdict::Proven, NextJob::Decline)
                .event(PaymentEvent::TimePassed)
                .because(WINDOW_PASSED, "the time to confirm passed and Toss shows no approval")
        };
    }
    if history.may_be_unrecorded_after(current.started_at_ms) {
        return later(history, history.unrecorded_until_ms);
    }
    let sends = history.sends_now().count();
    let resend = |has_new_key| {
        let next = wait(Pace::ConfirmResend, sends.saturating_sub(1));
        Decision::new(Verdict::Undone, NextJob::Wait(super::Wait { has_new_key, ..next }))
    };
    match history.last_telling_send() {
        // Nothing was sent under this key yet, or its answer never came: the same key is the right one.
        None | Some((_, Trace::Nothing | Trace::NoAnswer | Trace::InProgress))
            if !history.has_used_up_sends() =>
        {
            resend(false)
        }
        Some((_, Trace::Answered(_))) if is_under_way => later(history, 0),
        Some((
            last,
            Trace::Answered(FailureClass::Refused | FailureClass::Absent | FailureClass::Disputed),
        )) => {
            let code = last.code.clone().unwrap_or_default();
            refused(Verdict::Proven, &code)
                .because(code, "refused, and a look-up shows that nothing was taken")
        }
        Some((_, Trace::Answered(_)))
            if history.generation < CONFIRM_KEYS_MAX && !history.has_used_up_sends() =>
        {
            let keys_before = usize::try_from(history.generation).unwrap_or(usize::MAX);
            let next = wait(Pace::ConfirmResend, keys_before.saturating_sub(1));
            Decision::new(Verdict::Undone, NextJob::Wait(super::Wait { has_new_key: true, ..next }))
        }
        // Every key and call is used up: only looking is left until the window has passed.
        None | Some(_) => later(history, 0),
    }
}
