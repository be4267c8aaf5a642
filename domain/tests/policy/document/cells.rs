//! The cells of the document that the policy computes: a decision and what it leads to, in an operator's words.

use std::fmt::Write as _;

use domain::answer::Answer;
use domain::attempt::{Operation, PastAttempt};
use domain::payment::{PaymentEvent, PaymentState};
use domain::policy::{
    CancellationMove, Decision, History, NextJob, Pace, Step, decide_cancel, decide_confirm,
    decide_look_up, plan_cancel, plan_confirm,
};

use crate::fixture::{MINUTE_MS, SECOND_MS, START_MS, now, payment};
use crate::script::cancel_facts;
use crate::situations::Past;

pub(super) fn duration(ms: i64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (MINUTE_MS, "min"), (SECOND_MS, "s")];
    let unit = units.into_iter().find(|(size, _)| ms >= *size && ms % size == 0);
    unit.map_or_else(|| format!("{ms} ms"), |(size, name)| format!("{} {name}", ms / size))
}

pub(super) fn delay(pace: Pace, repeats: u32) -> String {
    let curve = pace.curve();
    let growth = i64::from(curve.factor).saturating_pow(repeats);
    duration(curve.first_ms.saturating_mul(growth).min(curve.cap_ms))
}

/// What follows a decision, in an operator's words. `next` tells what the job does after a wait.
fn follow_up(decision: &Decision, next: impl Fn(&Decision) -> Step) -> String {
    let mut words = match decision.job {
        NextJob::Succeed => match decision.cancellation {
            Some(CancellationMove::Done { .. }) => "done: the money went back".to_owned(),
            Some(CancellationMove::Refused | CancellationMove::Unresolved) | None => {
                event(decision)
            }
        },
        NextJob::Decline => match decision.cancellation {
            Some(CancellationMove::Refused) => "refused: nothing went back".to_owned(),
            Some(CancellationMove::Done { .. } | CancellationMove::Unresolved) | None => {
                event(decision)
            }
        },
        NextJob::Void => "ends unsent".to_owned(),
        NextJob::Park(reason) => return format!("**parked**: `{}`", reason.word()),
        NextJob::Wait(wait) => {
            let what = match next(decision) {
                Step::Send if wait.has_new_key => "sent again under a **new key**",
                Step::Send => "sent again under the same key",
                Step::LookUp => "looked up",
                Step::Conclude(_) => "ends unsent",
            };
            match wait.not_before_ms {
                0 => format!("{what} after {}", delay(wait.pace, wait.repeats)),
                at_ms => format!("{what} at {}", duration((at_ms - START_MS) / 1_000 * 1_000)),
            }
        }
    };
    if let Some(reason) = decision.review {
        write!(words, "; a person is asked: `{}`", reason.word()).unwrap();
    }
    words
}

fn event(decision: &Decision) -> String {
    match decision.event {
        None | Some(PaymentEvent::OutcomeUnknown) => "nothing changes".to_owned(),
        Some(PaymentEvent::Approved) => "paid".to_owned(),
        Some(PaymentEvent::DepositAwaited) => "a deposit is awaited".to_owned(),
        Some(PaymentEvent::Declined) => "failed".to_owned(),
        Some(PaymentEvent::TimePassed) => "expired".to_owned(),
        Some(PaymentEvent::Cancelled { balance }) if balance.is_zero() => "cancelled".to_owned(),
        Some(PaymentEvent::Cancelled { .. }) => "partly cancelled".to_owned(),
    }
}

/// The history with one more attempt, as the next claim sees it.
fn continued(case: &Past, operation: Operation, at_ms: i64, decision: &Decision) -> Past {
    let mut attempts = case.attempts.clone();
    attempts.push(PastAttempt {
        operation,
        generation: case.generation,
        started_at_ms: at_ms,
        finished_at_ms: Some(at_ms),
        verdict: Some(decision.verdict),
        code: decision.code.clone(),
    });
    let has_new_key = matches!(decision.job, NextJob::Wait(wait) if wait.has_new_key);
    Past { attempts, generation: case.generation + u32::from(has_new_key), ..*case }
}

pub(super) fn confirm_words(
    case: &Past,
    operation: Operation,
    at_ms: i64,
    answer: &Answer,
) -> String {
    let facts = payment(PaymentState::ConfirmUnresolved);
    let current = now(operation, at_ms);
    let decision = decide_confirm(&case.history(), &facts, current, answer, at_ms);
    follow_up(&decision, |decision| {
        let next = continued(case, operation, at_ms, decision);
        plan_confirm(&next.history(), &facts, at_ms)
    })
}

pub(super) fn cancel_words(
    case: &Past,
    operation: Operation,
    at_ms: i64,
    answer: &Answer,
) -> String {
    let (facts, cancel) = (payment(PaymentState::Confirmed), cancel_facts());
    let current = now(operation, at_ms);
    let decision = decide_cancel(&case.history(), &facts, &cancel, current, answer, at_ms);
    follow_up(&decision, |decision| {
        let next = continued(case, operation, at_ms, decision);
        plan_cancel(&next.history(), &facts, &cancel, at_ms)
    })
}

pub(super) fn own_words(state: PaymentState, at_ms: i64, answer: &Answer) -> String {
    let none = History::whole(&[], 1);
    let current = now(Operation::LookUp, at_ms);
    let decision = decide_look_up(&none, &none, &payment(state), current, answer, at_ms);
    let changed = match decision.event {
        None | Some(PaymentEvent::OutcomeUnknown) => "–".to_owned(),
        Some(_) => event(&decision),
    };
    decision.review.map_or(changed.clone(), |reason| format!("{changed} `{}`", reason.word()))
}
