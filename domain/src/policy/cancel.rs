//! Giving money back: what a cancel job does next, and what its answers mean.

use super::{
    CancelFacts, CancellationMove, CurrentAttempt, Decision, History, NextJob, Pace, PaymentFacts,
    ReviewReason, Step, Trace, Wait, look_up_failed, wait,
};
use crate::answer::{Answer, Failure, FailureClass, TossCancel, TossPayment, TossStatus};
use crate::attempt::{Operation, Verdict};
use crate::cancellation::CancellationState;
use crate::limits::{CANCEL_KEYS_MAX, CANCEL_SETTLE_MS, CANCEL_TRIES_MS};
use crate::money::Won;
use crate::payment::{PaymentEvent, PaymentState};

/// What a claimed cancel job does next.
#[must_use]
pub fn plan_cancel(
    history: &History<'_>,
    payment: &PaymentFacts,
    cancel: &CancelFacts,
    now_ms: i64,
) -> Step {
    match cancel.state {
        CancellationState::Requested
        | CancellationState::Sending
        | CancellationState::Unresolved => {}
        CancellationState::Done => {
            return conclude(Decision::new(Verdict::Proven, NextJob::Succeed));
        }
        CancellationState::Refused => {
            return conclude(Decision::new(Verdict::Proven, NextJob::Decline));
        }
    }
    if history.is_doubted() {
        return Step::LookUp;
    }
    let may_send = may_send_more(history, cancel, now_ms);
    match history.last_telling_send() {
        None => plan_first_send(history, payment, cancel, may_send),
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

/// Nothing that tells was sent under the present key.
fn plan_first_send(
    history: &History<'_>,
    payment: &PaymentFacts,
    cancel: &CancelFacts,
    may_send: bool,
) -> Step {
    let is_cancellable = match payment.state {
        PaymentState::Confirmed
        | PaymentState::PartiallyCancelled
        | PaymentState::WaitingForDeposit => true,
        PaymentState::Confirming
        | PaymentState::ConfirmUnresolved
        | PaymentState::Cancelled
        | PaymentState::Failed
        | PaymentState::Expired => false,
    };
    if is_cancellable && cancel.amount <= payment.balance && may_send {
        if cancel.may_repeat_lost { conclude(may_repeat_lost(history)) } else { Step::Send }
    } else if history.may_have_reached_toss() {
        // What is missing may be what a call under an earlier key gave back.
        Step::LookUp
    } else if !is_cancellable {
        conclude(refused("NOTHING_LEFT", "nothing is left at Toss to give back"))
    } else if cancel.amount > payment.balance {
        // Somebody cancelled in Toss's own console meanwhile: never more than what Toss has left.
        conclude(exceeds_balance())
    } else {
        conclude(
            Decision::park(Verdict::Inconclusive, ReviewReason::GaveUp)
                .because("GAVE_UP", "Toss could not be reached for a day; nothing was sent"),
        )
    }
}

/// Who asked for it could not know that the money had gone back: they ask again if they mean another cancel.
fn may_repeat_lost(history: &History<'_>) -> Decision {
    let decision = if history.may_have_reached_toss() {
        Decision::park(Verdict::Inconclusive, ReviewReason::AmbiguousCancels)
    } else {
        Decision::new(Verdict::Proven, NextJob::Decline).cancellation(CancellationMove::Refused)
    };
    decision.because(
        "MAY_REPEAT_LOST_CANCEL",
        "a cancel of this amount, whose record was lost with a database, turned up at Toss",
    )
}

fn conclude(decision: Decision) -> Step {
    Step::Conclude(Box::new(decision))
}

fn refused(code: &str, message: &str) -> Decision {
    Decision::new(Verdict::Proven, NextJob::Decline)
        .cancellation(CancellationMove::Refused)
        .because(code, message)
}

fn may_send_more(history: &History<'_>, cancel: &CancelFacts, now_ms: i64) -> bool {
    !history.has_used_up_sends() && now_ms.saturating_sub(cancel.requested_at_ms) < CANCEL_TRIES_MS
}

/// What the answer to a cancel job's attempt changes.
#[must_use]
pub fn decide_cancel(
    history: &History<'_>,
    payment: &PaymentFacts,
    cancel: &CancelFacts,
    current: CurrentAttempt,
    answer: &Answer,
    now_ms: i64,
) -> Decision {
    if cancel.state == CancellationState::Done {
        // Somebody else's look-up has found it meanwhile; no answer can undo that.
        return Decision::new(Verdict::Proven, NextJob::Succeed);
    }
    match (current.operation, answer) {
        (Operation::LookUp, Answer::Payment(told)) => {
            looked_up(history, payment, cancel, current, told, now_ms)
        }
        (Operation::LookUp, Answer::Failure(failure)) if failure.class == FailureClass::Absent => {
            Decision::park(Verdict::Failed(FailureClass::Absent), ReviewReason::Absent)
                .because(failure.code.clone(), failure.message.clone())
        }
        (Operation::LookUp, Answer::Failure(failure)) => {
            look_up_failed(failure, history, cancel.requested_at_ms, now_ms)
        }
        (Operation::Confirm | Operation::Cancel, Answer::Payment(told)) => {
            answered(payment, cancel, told)
        }
        (Operation::Confirm | Operation::Cancel, Answer::Failure(failure)) => {
            failed(history, failure)
        }
    }
}

fn done(entry: &TossCancel, balance: Won) -> Decision {
    Decision::new(Verdict::Proven, NextJob::Succeed)
        .event(PaymentEvent::Cancelled { balance })
        .cancellation(CancellationMove::Done {
            transaction_key: Some(entry.transaction_key.clone()),
            cancelled_at_ms: entry.cancelled_at_ms,
        })
}

fn is_cancelled_before_deposit(payment: &PaymentFacts, told: &TossPayment) -> bool {
    payment.state == PaymentState::WaitingForDeposit && told.status == TossStatus::Canceled
}

fn cancelled_before_deposit() -> Decision {
    Decision::new(Verdict::Proven, NextJob::Succeed)
        .event(PaymentEvent::Cancelled { balance: Won::ZERO })
        .cancellation(CancellationMove::Done { transaction_key: None, cancelled_at_ms: None })
}

/// The cancel brought a payment: our entry must be in it.
fn answered(payment: &PaymentFacts, cancel: &CancelFacts, told: &TossPayment) -> Decision {
    if !payment.is_described_by(told) {
        return mismatch();
    }
    let entries = cancel.entries(told);
    let newest = entries.foreign.iter().copied().find(|entry| {
        Some(&entry.transaction_key) == told.last_transaction_key.as_ref()
            && entry.amount == cancel.amount
    });
    match (entries.mine.as_slice(), newest) {
        ([entry], _) if entry.amount == cancel.amount && entry.is_done => done(entry, told.balance),
        ([], Some(entry)) if entry.is_done => done(entry, told.balance),
        ([], None) if is_cancelled_before_deposit(payment, told) => cancelled_before_deposit(),
        _ => unknown(FailureClass::Contradictory, Pace::LookUp, 0)
            .because("CANCEL_NOT_SHOWN", "the answer does not show the cancel that was asked for"),
    }
}

/// The cancel brought a failure.
fn failed(history: &History<'_>, failure: &Failure) -> Decision {
    let class = failure.class;
    let verdict = Verdict::Failed(class);
    let again =
        |pace| Decision::new(verdict, NextJob::Wait(wait(pace, history.failures_in_a_row(class))));
    // As for a confirm: a refusal says nothing about an earlier call, under whatever key.
    let is_first = !history.may_have_reached_toss();
    let decision = match class {
        FailureClass::Unsent => again(Pace::Unsent),
        FailureClass::Throttled => again(Pace::Throttled),
        FailureClass::InProgress => again(Pace::CancelResend),
        FailureClass::Unanswered | FailureClass::Contradictory | FailureClass::Disputed => {
            unknown(class, Pace::LookUp, 0)
        }
        FailureClass::Ambiguous => unknown(class, Pace::LookUp, 2),
        FailureClass::Limited => {
            unknown(class, Pace::Limited, history.sends_failed_in_a_row(class))
        }
        FailureClass::BankClosed => {
            unknown(class, Pace::BankHours, history.sends_failed_in_a_row(class))
        }
        FailureClass::Refused | FailureClass::Absent if is_first => {
            Decision::new(verdict, NextJob::Decline).cancellation(CancellationMove::Refused)
        }
        FailureClass::Refused | FailureClass::Absent => unknown(class, Pace::LookUp, 0),
        FailureClass::Broken => Decision::park(verdict, ReviewReason::Setup),
    };
    decision.because(failure.code.clone(), failure.message.clone())
}

fn unknown(class: FailureClass, pace: Pace, repeats: usize) -> Decision {
    Decision::new(Verdict::Failed(class), NextJob::Wait(wait(pace, repeats)))
        .cancellation(CancellationMove::Unresolved)
}

fn mismatch() -> Decision {
    Decision::park(Verdict::Failed(FailureClass::Contradictory), ReviewReason::AnswerMismatch)
        .cancellation(CancellationMove::Unresolved)
        .because("ANSWER_MISMATCH", "the answer is about another order, key, amount or currency")
}

/// A look-up brought a payment: is our entry in it?
fn looked_up(
    history: &History<'_>,
    payment: &PaymentFacts,
    cancel: &CancelFacts,
    current: CurrentAttempt,
    told: &TossPayment,
    now_ms: i64,
) -> Decision {
    if !payment.is_described_by(told) {
        return mismatch();
    }
    let entries = cancel.entries(told);
    match entries.mine.as_slice() {
        [entry] if entry.amount == cancel.amount && entry.is_done => {
            return done(entry, told.balance);
        }
        [] => {}
        _ => {
            return ambiguous(
                "several cancels, or one of another amount, carry this cancellation's tag",
            );
        }
    }
    if is_cancelled_before_deposit(payment, told) {
        return cancelled_before_deposit();
    }
    let decision = match told.status {
        TossStatus::Done
        | TossStatus::PartialCanceled
        | TossStatus::Canceled
        | TossStatus::WaitingForDeposit => {
            // A stranger's cancel of just our amount may be ours with its reason lost: a person tells them apart.
            let is_confusable = entries.foreign.iter().any(|entry| entry.amount == cancel.amount);
            if is_confusable && history.may_have_reached_toss() {
                ambiguous("a cancel of this amount without our tag appeared at Toss")
            } else {
                not_done(history, cancel, current, told, now_ms)
            }
        }
        TossStatus::Ready
        | TossStatus::InProgress
        | TossStatus::Aborted
        | TossStatus::Expired
        | TossStatus::Unknown(_) => {
            Decision::park(Verdict::Inconclusive, ReviewReason::UnexpectedState)
                .because("UNEXPECTED_STATUS", format!("Toss shows status {}", told.status.word()))
        }
    };
    match told.status {
        TossStatus::PartialCanceled | TossStatus::Canceled => {
            decision.event(PaymentEvent::Cancelled { balance: told.balance })
        }
        TossStatus::Done
        | TossStatus::WaitingForDeposit
        | TossStatus::Ready
        | TossStatus::InProgress
        | TossStatus::Aborted
        | TossStatus::Expired
        | TossStatus::Unknown(_) => decision,
    }
}

fn ambiguous(message: &str) -> Decision {
    Decision::park(Verdict::Inconclusive, ReviewReason::AmbiguousCancels)
        .cancellation(CancellationMove::Unresolved)
        .because("AMBIGUOUS_CANCELS", message)
}

fn later(history: &History<'_>, not_before_ms: i64) -> Decision {
    let next = wait(Pace::LookUp, history.look_ups_in_a_row());
    Decision::new(Verdict::Inconclusive, NextJob::Wait(Wait { not_before_ms, ..next }))
        .cancellation(CancellationMove::Unresolved)
}

/// A look-up shows no cancel of ours (yet).
fn not_done(
    history: &History<'_>,
    cancel: &CancelFacts,
    current: CurrentAttempt,
    told: &TossPayment,
    now_ms: i64,
) -> Decision {
    if history.may_be_unrecorded_after(current.started_at_ms) {
        return later(history, history.unrecorded_until_ms);
    }
    let last = history.last_telling_send();
    let is_under_way = history.may_take_effect_after(current.started_at_ms);
    // Under a new key Toss would give the money back a second time if an earlier call were still to take effect: wait until it can't.
    let settled_at_ms = last.map_or(0, |(last, _)| {
        last.finished_at_ms.unwrap_or(last.started_at_ms).saturating_add(CANCEL_SETTLE_MS)
    });
    let is_settled = current.started_at_ms >= settled_at_ms && !is_under_way;
    let code = last.and_then(|(last, _)| last.code.clone()).unwrap_or_default();
    let may_send = may_send_more(history, cancel, now_ms);
    let class = match last.map(|(_, trace)| trace) {
        None if cancel.amount > told.balance => return exceeds_balance(),
        None | Some(Trace::Nothing | Trace::NoAnswer | Trace::InProgress) if !may_send => {
            return gave_up(
                if is_under_way { Verdict::Inconclusive } else { Verdict::Undone },
                code,
            );
        }
        // Nothing was sent under this key yet.
        None => {
            let next = wait(Pace::LookUp, history.look_ups_in_a_row());
            return Decision::new(Verdict::Undone, NextJob::Wait(next));
        }
        // No answer came: the same key is the right one, and sends nothing twice.
        Some(Trace::Nothing | Trace::NoAnswer | Trace::InProgress) => {
            let next = wait(Pace::CancelResend, history.sends_now().count().saturating_sub(1));
            return Decision::new(Verdict::Undone, NextJob::Wait(next));
        }
        Some(Trace::Answered(class)) => class,
    };
    let is_broken = class == FailureClass::Broken && !is_under_way;
    if is_refusal(class) && !is_under_way {
        refused(&code, "refused, and a look-up shows that nothing was given back")
    } else if !is_settled && !is_broken {
        later(history, settled_at_ms)
    } else if cancel.amount > told.balance {
        exceeds_balance()
    } else if !may_send {
        gave_up(Verdict::Undone, code)
    } else if is_broken {
        new_key(0)
    } else if history.generation < CANCEL_KEYS_MAX {
        new_key(usize::try_from(history.generation).unwrap_or(usize::MAX).saturating_sub(1))
    } else {
        Decision::park(Verdict::Undone, ReviewReason::KeysUsedUp)
            .because(code, "every try was answered with an error, and nothing was given back")
    }
}

/// Whether an answer refuses the cancel itself, so that another try would be refused as well.
fn is_refusal(class: FailureClass) -> bool {
    match class {
        FailureClass::Refused | FailureClass::Absent | FailureClass::Disputed => true,
        FailureClass::Unsent
        | FailureClass::Unanswered
        | FailureClass::InProgress
        | FailureClass::Throttled
        | FailureClass::Ambiguous
        | FailureClass::Limited
        | FailureClass::BankClosed
        | FailureClass::Contradictory
        | FailureClass::Broken => false,
    }
}

fn gave_up(verdict: Verdict, code: String) -> Decision {
    let code = if code.is_empty() { "GAVE_UP".to_owned() } else { code };
    Decision::park(verdict, ReviewReason::GaveUp).because(code, "tried for as long as makes sense")
}

fn exceeds_balance() -> Decision {
    refused("EXCEEDS_BALANCE", "less is left at Toss than was to be given back")
}

fn new_key(repeats: usize) -> Decision {
    let next = wait(Pace::CancelResend, repeats);
    Decision::new(Verdict::Undone, NextJob::Wait(Wait { has_new_key: true, ..next }))
}
