//! The whole policy as tables: every class and status, after every typical history, at every telling time. A changed line is a
//! changed rule, to be reviewed as one.

use std::fmt::Write as _;

use domain::answer::{FailureClass, TossStatus};
use domain::attempt::{Operation, Verdict};
use domain::limits::{CANCEL_KEYS_MAX, CONFIRM_KEYS_MAX};
use domain::payment::PaymentState;
use domain::policy::{
    CancellationMove, Decision, History, NextJob, PaymentFacts, Step, decide_cancel,
    decide_confirm, decide_look_up, plan_cancel, plan_confirm,
};

use crate::fixture::{
    MINUTE_MS, SECOND_MS, START_MS, failure, now, past, payment, shown, unfinished,
};
use crate::script::cancel_facts;
use crate::situations::{Past, STATUSES, pasts_of_calls, pasts_of_look_ups, pictures};

/// A decision on one line.
fn words(decision: &Decision) -> String {
    let job = match decision.job {
        NextJob::Succeed => "succeeds".to_owned(),
        NextJob::Decline => "declined".to_owned(),
        NextJob::Void => "void".to_owned(),
        NextJob::Park(reason) => format!("parked {}", reason.word()),
        NextJob::Wait(wait) => {
            let key = if wait.has_new_key { " NEW KEY" } else { "" };
            let from = match wait.not_before_ms {
                0 => String::new(),
                at_ms => format!(" from +{}s", (at_ms - START_MS) / SECOND_MS),
            };
            format!("waits {:?}#{}{key}{from}", wait.pace, wait.repeats)
        }
    };
    let mut line = format!("{:<14} {job:<30}", decision.verdict.word());
    if let Some(event) = decision.event {
        write!(line, " payment {event:?}").unwrap();
    }
    match &decision.cancellation {
        None => {}
        Some(CancellationMove::Done { .. }) => line.push_str(" cancellation done"),
        Some(CancellationMove::Refused) => line.push_str(" cancellation refused"),
        Some(CancellationMove::Unresolved) => line.push_str(" cancellation unresolved"),
    }
    if let Some(review) = decision.review {
        write!(line, " review {}", review.word()).unwrap();
    }
    line.trim_end().to_owned()
}

fn step_words(step: &Step) -> String {
    match step {
        Step::Send => "send".to_owned(),
        Step::LookUp => "look up".to_owned(),
        Step::Conclude(decision) => format!("conclude: {}", words(decision)),
    }
}

/// Times since the acceptance, in seconds, with their names.
type Times = [(&'static str, i64)];

const CONFIRM_TIMES: [(&str, i64); 4] =
    [("+5s", 5), ("+2min", 120), ("+12min", 720), ("+16min", 960)];
const CANCEL_TIMES: [(&str, i64); 3] = [("+5s", 5), ("+3min", 180), ("+25h", 90_000)];

/// Times at which the histories of calls are over.
const CONFIRM_CALL_TIMES: [(&str, i64); 3] = [("+2min", 120), ("+12min", 720), ("+16min", 960)];
const CANCEL_CALL_TIMES: [(&str, i64); 2] = [("+3min", 180), ("+25h", 90_000)];

/// One line for all times that say the same, else one for each run of them.
fn rows(table: &mut String, title: &str, times: &Times, line_at: impl Fn(i64) -> String) {
    let lines: Vec<(&str, String)> =
        times.iter().map(|(name, at_s)| (*name, line_at(START_MS + at_s * SECOND_MS))).collect();
    for group in lines.chunk_by(|(_, left), (_, right)| left == right) {
        let (first, line) = &group[0];
        let (last, _) = &group[group.len() - 1];
        let when = match group.len() {
            n if n == times.len() => "always".to_owned(),
            1 => (*first).to_owned(),
            _ => format!("{first}..{last}"),
        };
        writeln!(table, "{title:<42} {when:<14} {line}").unwrap();
    }
}

fn undecided() -> PaymentFacts {
    payment(PaymentState::ConfirmUnresolved)
}

fn charged() -> PaymentFacts {
    payment(PaymentState::Confirmed)
}

#[test]
fn what_a_claimed_confirm_does_next_is_as_reviewed() {
    let mut table = String::new();
    let step_at =
        |case: &Past, at_ms| step_words(&plan_confirm(&case.history(), &undecided(), at_ms));
    for case in pasts_of_calls(Operation::Confirm) {
        rows(&mut table, case.name, &CONFIRM_CALL_TIMES, |at_ms| step_at(&case, at_ms));
    }
    for case in pasts_of_look_ups(Operation::Confirm, CONFIRM_KEYS_MAX) {
        rows(&mut table, case.name, &CONFIRM_TIMES, |at_ms| step_at(&case, at_ms));
    }
    insta::assert_snapshot!(table);
}

#[test]
fn what_a_claimed_cancel_does_next_is_as_reviewed() {
    let mut table = String::new();
    let step_at = |case: &Past, at_ms| {
        step_words(&plan_cancel(&case.history(), &charged(), &cancel_facts(), at_ms))
    };
    for case in pasts_of_calls(Operation::Cancel) {
        rows(&mut table, case.name, &CANCEL_CALL_TIMES, |at_ms| step_at(&case, at_ms));
    }
    for case in pasts_of_look_ups(Operation::Cancel, CANCEL_KEYS_MAX) {
        rows(&mut table, case.name, &CANCEL_TIMES, |at_ms| step_at(&case, at_ms));
    }
    insta::assert_snapshot!(table);
}

#[test]
fn what_follows_every_failure_of_a_confirm_is_as_reviewed() {
    let mut table = String::new();
    for case in pasts_of_calls(Operation::Confirm) {
        for class in FailureClass::ALL {
            rows(
                &mut table,
                &format!("{}: {}", case.name, class.word()),
                &CONFIRM_CALL_TIMES,
                |at_ms| {
                    let current = now(Operation::Confirm, at_ms);
                    words(&decide_confirm(
                        &case.history(),
                        &undecided(),
                        current,
                        &failure(class),
                        at_ms,
                    ))
                },
            );
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn what_follows_every_failure_of_a_cancel_is_as_reviewed() {
    let mut table = String::new();
    for case in pasts_of_calls(Operation::Cancel) {
        for class in FailureClass::ALL {
            rows(
                &mut table,
                &format!("{}: {}", case.name, class.word()),
                &CANCEL_CALL_TIMES,
                |at_ms| {
                    let current = now(Operation::Cancel, at_ms);
                    let answer = failure(class);
                    words(&decide_cancel(
                        &case.history(),
                        &charged(),
                        &cancel_facts(),
                        current,
                        &answer,
                        at_ms,
                    ))
                },
            );
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn what_follows_every_status_that_a_confirm_is_answered_with_is_as_reviewed() {
    let mut table = String::new();
    for word in STATUSES {
        rows(&mut table, word, &CONFIRM_TIMES, |at_ms| {
            let history = History::whole(&[], 1);
            let answer = shown(TossStatus::from_word(word));
            let current = now(Operation::Confirm, at_ms);
            words(&decide_confirm(&history, &undecided(), current, &answer, at_ms))
        });
    }
    insta::assert_snapshot!(table);
}

#[test]
fn what_follows_every_look_up_of_a_confirm_is_as_reviewed() {
    let mut table = String::new();
    for case in pasts_of_look_ups(Operation::Confirm, CONFIRM_KEYS_MAX) {
        let statuses = STATUSES.map(|word| (word, shown(TossStatus::from_word(word))));
        let absent = ("404", failure(FailureClass::Absent));
        for (word, answer) in statuses.into_iter().chain([absent]) {
            rows(&mut table, &format!("{}: {word}", case.name), &CONFIRM_TIMES, |at_ms| {
                let current = now(Operation::LookUp, at_ms);
                words(&decide_confirm(&case.history(), &undecided(), current, &answer, at_ms))
            });
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn what_follows_every_look_up_of_a_cancel_is_as_reviewed() {
    let mut table = String::new();
    for case in pasts_of_look_ups(Operation::Cancel, CANCEL_KEYS_MAX) {
        for (word, answer) in pictures() {
            rows(&mut table, &format!("{}: {word}", case.name), &CANCEL_TIMES, |at_ms| {
                let current = now(Operation::LookUp, at_ms);
                words(&decide_cancel(
                    &case.history(),
                    &charged(),
                    &cancel_facts(),
                    current,
                    &answer,
                    at_ms,
                ))
            });
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn what_follows_every_failed_look_up_is_as_reviewed() {
    const TIMES: [(&str, i64); 2] = [("+5s", 5), ("+61min", 3_660)];
    let mut table = String::new();
    let own = [past(Operation::LookUp, 1, START_MS, Verdict::Failed(FailureClass::Unanswered))];
    let own = History::whole(&own, 1);
    for class in FailureClass::ALL {
        let answer = failure(class);
        rows(&mut table, &format!("of a confirm: {}", class.word()), &TIMES, |at_ms| {
            words(&decide_confirm(
                &own,
                &undecided(),
                now(Operation::LookUp, at_ms),
                &answer,
                at_ms,
            ))
        });
        rows(&mut table, &format!("of a cancel: {}", class.word()), &TIMES, |at_ms| {
            let current = now(Operation::LookUp, at_ms);
            words(&decide_cancel(&own, &charged(), &cancel_facts(), current, &answer, at_ms))
        });
        rows(&mut table, &format!("of its own: {}", class.word()), &TIMES, |at_ms| {
            let confirm = History::whole(&[], 1);
            let current = now(Operation::LookUp, at_ms);
            words(&decide_look_up(&own, &confirm, &undecided(), current, &answer, at_ms))
        });
    }
    insta::assert_snapshot!(table);
}

#[test]
fn what_a_look_up_of_its_own_changes_is_as_reviewed() {
    let mut table = String::new();
    let quiet = [];
    let under_way = [unfinished(Operation::Confirm, 1, START_MS + 15 * MINUTE_MS)];
    let own = History::whole(&[], 1);
    for state in PaymentState::ALL {
        let undecided = state.is_undecided().then_some(("under way", under_way.as_slice()));
        for (name, confirm) in [("quiet", quiet.as_slice())].into_iter().chain(undecided) {
            let confirm = History::whole(confirm, 1);
            let statuses = STATUSES.map(|word| (word, shown(TossStatus::from_word(word))));
            let absent = ("404", failure(FailureClass::Absent));
            for (word, answer) in statuses.into_iter().chain([absent]) {
                rows(&mut table, &format!("{state:?}, {name}: {word}"), &CONFIRM_TIMES, |at_ms| {
                    let current = now(Operation::LookUp, at_ms);
                    words(&decide_look_up(&own, &confirm, &payment(state), current, &answer, at_ms))
                });
            }
        }
    }
    insta::assert_snapshot!(table);
}
