//! `docs/retry-policy.md`, made from the policy itself: what is written there is what runs.

mod cells;
mod words;

use std::fmt::Write as _;

use domain::answer::{FailureClass, TossStatus};
use domain::attempt::Operation;
use domain::limits;
use domain::payment::PaymentState;
use domain::policy::{Pace, ReviewReason};

use crate::fixture::{MINUTE_MS, SECOND_MS, START_MS, failure, shown};
use crate::situations::{Past, STATUSES, pasts_of_calls, pasts_of_look_ups, pictures};
use cells::{cancel_words, confirm_words, delay, duration, own_words};
use words::{class_meaning, pace_use, picture_words, review_words, status_words};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/retry-policy.md");
const HEAD: &str = include_str!("document/head.md");

#[test]
fn the_document_of_the_policy_says_what_the_policy_does() {
    let document = document();
    #[expect(
        clippy::disallowed_methods,
        reason = "a switch for whoever changes the policy, read by no product"
    )]
    let is_update = std::env::var_os("UPDATE_DOCS").is_some();
    if is_update {
        std::fs::write(FILE, &document).unwrap();
    }
    let written = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(
        written == document,
        "docs/retry-policy.md is not what the policy says: run `UPDATE_DOCS=1 cargo test -p domain` and review it"
    );
}

fn document() -> String {
    let mut text = HEAD.to_owned();
    classes(&mut text);
    after_calls(&mut text);
    after_failed_look_ups(&mut text);
    confirm_look_ups(&mut text);
    cancel_look_ups(&mut text);
    own_look_ups(&mut text);
    paces(&mut text);
    numbers(&mut text);
    reviews(&mut text);
    text
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").unwrap();
}

/// A heading, a paragraph, and the head of a table.
fn section(text: &mut String, title: &str, words: &str, columns: &[&str]) {
    line(text, &format!("\n{title}\n"));
    wrapped(text, words);
    line(text, "");
    row(text, columns);
    line(text, &format!("|{}", "---|".repeat(columns.len())));
}

/// A paragraph in lines of a readable length.
fn wrapped(text: &mut String, words: &str) {
    let mut current = String::new();
    for word in words.split_whitespace() {
        if !current.is_empty() && current.chars().count() + word.chars().count() >= 130 {
            line(text, &std::mem::take(&mut current));
        }
        if !current.is_empty() {
            current.push(' ');
        }
        current.push_str(word);
    }
    line(text, &current);
}

fn row(text: &mut String, cells: &[&str]) {
    line(text, &format!("| {} |", cells.join(" | ")));
}

fn classes(text: &mut String) {
    section(
        text,
        "## What a call can bring",
        "Every answer that is not a readable payment has one of these classes. Which code of Toss has which class is in \
         [toss-codes.md](toss-codes.md).",
        &["class", "what happened", "what it uses up"],
    );
    for class in FailureClass::ALL {
        let (meaning, used) = class_meaning(class);
        row(text, &[&format!("`{}`", class.word()), meaning, used]);
    }
}

fn after_calls(text: &mut String) {
    let columns = ["what came back", "first call", "an earlier call may have worked"];
    section(
        text,
        "## After a confirm",
        "A readable payment that is this one (same key, order, amount, currency) ends the job: `DONE` is paid, \
         `WAITING_FOR_DEPOSIT` awaits a deposit, any other status is looked up. Another payment is parked. Else:",
        &columns,
    );
    let cases = pasts_of_calls(Operation::Confirm);
    let at_ms = START_MS + 2 * MINUTE_MS;
    for class in FailureClass::ALL {
        let cell = |case: &Past| confirm_words(case, Operation::Confirm, at_ms, &failure(class));
        row(text, &[&format!("`{}`", class.word()), &cell(&cases[0]), &cell(&cases[1])]);
    }
    section(
        text,
        "## After a cancel",
        "A readable payment that shows our cancel ends the job. One that does not show it is looked up. Else:",
        &columns,
    );
    let cases = pasts_of_calls(Operation::Cancel);
    for class in FailureClass::ALL {
        let cell = |case: &Past| cancel_words(case, Operation::Cancel, at_ms, &failure(class));
        row(text, &[&format!("`{}`", class.word()), &cell(&cases[0]), &cell(&cases[1])]);
    }
}

fn after_failed_look_ups(text: &mut String) {
    section(
        text,
        "## After a look-up that brought no payment",
        &format!(
            "Looking changes nothing at Toss, so it is simply done again. After {} without an answer a person is asked \
             (`look_up_unanswered`), and the looking goes on. `absent` is an answer: see below.",
            duration(limits::ESCALATE_AFTER_MS)
        ),
        &["what came back", "what follows"],
    );
    let lost = &pasts_of_look_ups(Operation::Confirm, limits::CONFIRM_KEYS_MAX)[1];
    for class in FailureClass::ALL.into_iter().filter(|class| *class != FailureClass::Absent) {
        let words = confirm_words(lost, Operation::LookUp, START_MS + SECOND_MS, &failure(class));
        row(text, &[&format!("`{}`", class.word()), &words]);
    }
}

fn confirm_look_ups(text: &mut String) {
    section(
        text,
        "## What a look-up of a confirm shows",
        "Here the last call got no answer, two minutes ago.",
        &["Toss shows", "what follows"],
    );
    let cases = pasts_of_look_ups(Operation::Confirm, limits::CONFIRM_KEYS_MAX);
    let lost = &cases[1];
    for status in STATUSES {
        let answer = shown(TossStatus::from_word(status));
        let words = confirm_words(lost, Operation::LookUp, START_MS + 2 * MINUTE_MS, &answer);
        row(text, &[&status_words(status), &words]);
    }
    section(
        text,
        "### Nothing was taken yet",
        &format!(
            "`READY`, `IN_PROGRESS` and `absent` say that the money was not taken *yet*. What follows depends on what was \
             sent before and on the time since the confirm was accepted. While a call that nobody answered may still \
             arrive ({}), only looking goes on unless the same key is the right one.",
            duration(limits::UNFINISHED_CALL_MS)
        ),
        &["behind it", "after 5 s", "after 2 min", "after 12 min", "after 16 min"],
    );
    for case in &cases {
        let cells: Vec<String> = [5, 120, 720, 960]
            .map(|at_s| {
                let at_ms = START_MS + at_s * SECOND_MS;
                confirm_words(case, Operation::LookUp, at_ms, &shown(TossStatus::InProgress))
            })
            .into();
        row(text, &[case.name, &cells[0], &cells[1], &cells[2], &cells[3]]);
    }
}

fn cancel_look_ups(text: &mut String) {
    section(
        text,
        "## What a look-up of a cancel shows",
        "Our cancel reasons end with a tag, so that our cancels are told from those of Toss's console. Here the last call \
         was answered with an error, three minutes ago.",
        &["Toss shows", "what follows"],
    );
    let cases = pasts_of_look_ups(Operation::Cancel, limits::CANCEL_KEYS_MAX);
    for (picture, answer) in pictures() {
        let at_ms = START_MS + 3 * MINUTE_MS;
        let words = cancel_words(&cases[3], Operation::LookUp, at_ms, &answer);
        let picture = if STATUSES.contains(&picture) {
            format!("{}, no cancel of ours", status_words(picture))
        } else {
            picture_words(picture).to_owned()
        };
        row(text, &[&picture, &words]);
    }
    section(
        text,
        "### Nothing was given back yet",
        &format!(
            "A new key could give the money back twice, so it needs a look-up that began at least {} after the answered \
             error and {} after the start of a call that nobody answered.",
            duration(limits::CANCEL_SETTLE_MS),
            duration(limits::UNFINISHED_CALL_MS)
        ),
        &["behind it", "after 5 s", "after 3 min", "after 25 h"],
    );
    for case in &cases {
        let cells: Vec<String> = [5, 180, 90_000]
            .map(|at_s| {
                let at_ms = START_MS + at_s * SECOND_MS;
                cancel_words(case, Operation::LookUp, at_ms, &shown(TossStatus::Done))
            })
            .into();
        row(text, &[case.name, &cells[0], &cells[1], &cells[2]]);
    }
}

fn own_look_ups(text: &mut String) {
    section(
        text,
        "## Look-ups that staff or a webhook asked for",
        &format!(
            "They apply what Toss proves and never send anything else. A reason such as `absent` asks a person; – changes nothing. \
             An answer about another payment asks a person at once, and is asked for again for {}. \
             For an undecided payment the table shows the first \
             {}; from then on `READY`, `IN_PROGRESS` and `absent` prove that it expired, unless a call may still be under way.",
            duration(limits::ESCALATE_AFTER_MS),
            duration(limits::CONFIRM_PROOF_MS)
        ),
        &[
            "Toss shows",
            "undecided",
            "waits for a deposit",
            "paid",
            "partly cancelled",
            "cancelled",
            "failed or expired",
        ],
    );
    let states = [
        PaymentState::Confirming,
        PaymentState::WaitingForDeposit,
        PaymentState::Confirmed,
        PaymentState::PartiallyCancelled,
        PaymentState::Cancelled,
        PaymentState::Expired,
    ];
    let statuses =
        STATUSES.map(|status| (status_words(status), shown(TossStatus::from_word(status))));
    let absent = ("`absent`".to_owned(), failure(FailureClass::Absent));
    for (status, answer) in statuses.into_iter().chain([absent]) {
        let cells: Vec<String> = states
            .iter()
            .map(|state| own_words(*state, START_MS + 2 * MINUTE_MS, &answer))
            .collect();
        line(text, &format!("| {status} | {} |", cells.join(" | ")));
    }
}

fn paces(text: &mut String) {
    section(
        text,
        "## How fast",
        "Delays grow with every repeat up to the longest one; some jitter is added.",
        &["pace", "when", "the first delays", "longest"],
    );
    for pace in Pace::ALL.into_iter().filter(|pace| *pace != Pace::Now) {
        let first: Vec<String> = (0..5).map(|repeats| delay(pace, repeats)).collect();
        let longest = duration(pace.curve().cap_ms);
        row(text, &[&format!("{pace:?}"), pace_use(pace), &first.join(", "), &longest]);
    }
}

fn numbers(text: &mut String) {
    section(
        text,
        "## Times and limits",
        "They are rules and not settings; the reasons stand beside them in `domain/src/limits.rs`.",
        &["what", "value"],
    );
    let times = [
        ("one call to Toss may take", limits::CALL_DEADLINE_MS),
        ("connecting may take", limits::CONNECT_TIMEOUT_MS),
        ("a worker's lease", limits::LEASE_MS),
        ("a call that nobody answered may still take effect for", limits::UNFINISHED_CALL_MS),
        ("a confirm may be sent for, since its acceptance", limits::CONFIRM_WINDOW_MS),
        ("\"not approved\" is proof after", limits::CONFIRM_PROOF_MS),
        ("a cancel is tried for", limits::CANCEL_TRIES_MS),
        (
            "a new key for a cancel needs a look-up this long after an answered error",
            limits::CANCEL_SETTLE_MS,
        ),
        ("two cancels of one payment are apart by at least", limits::CANCEL_SPACING_MS),
        ("a person is asked about unanswered look-ups after", limits::ESCALATE_AFTER_MS),
    ];
    for (what, ms) in times {
        row(text, &[what, &duration(ms)]);
    }
    let counts = [
        (
            "calls of one job under all its keys (not counted: `unsent`, `throttled`)",
            limits::POSTS_MAX,
        ),
        ("keys of one confirm", limits::CONFIRM_KEYS_MAX),
        ("keys of one cancel", limits::CANCEL_KEYS_MAX),
        (
            "claims in a row that may die before a job is parked",
            u32::try_from(limits::UNFINISHED_CLAIMS_MAX).unwrap(),
        ),
    ];
    for (what, count) in counts {
        row(text, &[what, &count.to_string()]);
    }
}

fn reviews(text: &mut String) {
    section(
        text,
        "## When a person is asked",
        "A parked job waits; a payment under review keeps its state, so that a paid order stays paid. While it is unknown \
         whether money moved, a job cannot be discarded.",
        &["reason", "what it means", "what to do"],
    );
    for reason in ReviewReason::ALL {
        let (meaning, action) = review_words(reason);
        row(text, &[&format!("`{}`", reason.word()), meaning, action]);
    }
}
