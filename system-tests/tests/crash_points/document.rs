//! Every point is numbered, written down and tested, and every effect has one or says why not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use system_tests::binary;
use system_tests::crash::{Case, Point, VARIABLE, armed_binary, cases, points, unmarked_effects};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/crash-points.md");

/// The areas, with what they are.
const AREAS: [(&str, &str); 5] = [
    ("accept", "A confirm, a cancel or a webhook is taken, committed, and answered."),
    ("commit", "What every commit of a transaction has in common."),
    ("relay", "Due jobs, and those that were just made, go to the queue."),
    ("dispatch", "A delivered job is claimed, and its call is made."),
    ("settle", "An answer is written with what follows from it, and its message is acknowledged."),
];

/// Effects without a point behind them in their own function: file and function, how many, and why.
const UNMARKED: &[(&str, &str, usize, &str)] = &[
    (
        "api/src/accepting.rs",
        "accept",
        1,
        "accepted jobs are handed to whom publishes them: `accept 3` follows",
    ),
    (
        "queue/src/rabbit/intake.rs",
        "settle",
        2,
        "either the one or the other, all of them together: `settle 6` follows",
    ),
    (
        "store/src/audit.rs",
        "record",
        1,
        "its callers go on: `accept 7`, and `settle 2` for a late approval",
    ),
    (
        "store/src/claim.rs",
        "close_abandoned_attempts",
        1,
        "before a job is parked as a crash loop: `settle 2` follows in the same transaction",
    ),
    ("store/src/connection.rs", "end", 1, "the end of a transaction that read"),
    (
        "store/src/gate.rs",
        "take_free_slot",
        2,
        "the row of a rate and its next free slot, in the same transaction: `dispatch 2` follows",
    ),
    (
        "store/src/gate.rs",
        "take_probe",
        1,
        "`dispatch 2` follows, and between it and the slot of a rate is nothing but the same transaction",
    ),
    ("store/src/idempotency.rs", "reserve", 1, "`accept 4` follows"),
    (
        "store/src/operate/look_up.rs",
        "wanted_look_up",
        2,
        "either the one or the other: `accept 12` or `settle 2` follows",
    ),
    (
        "store/src/relayed.rs",
        "return_unpublished",
        1,
        "the last effect of a pass; the next one begins before `relay 1`",
    ),
    (
        "store/src/settle.rs",
        "release_unsent_once",
        3,
        "a worker that stops in good order gives back what it did not send, in one transaction: without it the lease ends, as after `dispatch 4`",
    ),
    (
        "store/src/settle/apply.rs",
        "end_cancel_job",
        1,
        "a cancel that another answer showed, in the same transaction before `settle 2`",
    ),
    (
        "store/src/settle/apply.rs",
        "end_confirm_that_was_settled",
        1,
        "the last statement of a decision: `settle 2` follows",
    ),
    ("store/src/settle/apply.rs", "wake_those_behind", 1, "`settle 2` follows"),
    (
        "store/src/settle/entries.rs",
        "forget",
        1,
        "cancels that nobody could tell apart, in the same transaction before `settle 2`",
    ),
    ("store/src/settle/entries.rs", "keep", 1, "the same"),
    (
        "store/src/settle/evidence.rs",
        "record_cancels",
        2,
        "cancels of ours that another answer showed, in the same transaction before `settle 2`",
    ),
    (
        "store/src/settle/evidence.rs",
        "take_other_payment",
        1,
        "a payment that was found under another key, in the same transaction before `settle -2`",
    ),
    (
        "store/src/settle/evidence.rs",
        "record_foreign",
        1,
        "a cancel made in Toss's console, in the same transaction before `settle 2`",
    ),
    (
        "store/src/webhooks.rs",
        "blank_body",
        1,
        "a webhook of an erased order, in the same transaction before `accept 11`",
    ),
    ("store/src/transaction.rs", "write", 2, "rows of one table: `commit 1` follows"),
    ("store/src/transaction.rs", "write", 1, "versions of orders: `commit 1` follows"),
    ("store/src/transaction.rs", "commit", 1, "its caller goes on: `commit 2`"),
    (
        "store/src/transaction.rs",
        "execute_unprepared",
        1,
        "a statement of whoever asks: their points follow",
    ),
    ("store/src/webhooks.rs", "keep", 1, "`accept 10` follows"),
    ("store/src/webhooks.rs", "make_room", 1, "`accept 13` follows"),
    (
        "store/src/webhooks/waiting.rs",
        "expire_webhooks",
        2,
        "webhooks of which nothing comes any more: without the commit another round gives them up",
    ),
    (
        "store/src/webhooks/waiting.rs",
        "replay_webhook_once",
        1,
        "staff have a webhook acted on once more: one transaction, and its job is published as after `accept 14`",
    ),
    (
        "worker/src/dispatch.rs",
        "call",
        1,
        "the steps one by one, for tests of other crates; no process has it",
    ),
    (
        "worker/src/floor.rs",
        "set_aside",
        1,
        "a message that names no job: without its acknowledgement it comes again",
    ),
    (
        "worker/src/floor.rs",
        "take",
        1,
        "the acknowledgement of a message whose job ended or is somebody else's: without it it comes again, to the same end",
    ),
    (
        "worker/src/settler.rs",
        "record",
        1,
        "jobs that follow are handed to whom publishes them: `settle 4` follows",
    ),
];

/// Files with effects that take no part in accepting, relaying, dispatching and settling, and why.
const ASIDE: &[(&[&str], &str)] = &[
    (
        &[
            "api/src/jobs.rs",
            "api/src/matches.rs",
            "staff-console/src/pages/job_actions.rs",
            "staff-console/src/pages/matching.rs",
            "staff-console/src/pages/order_actions.rs",
        ],
        "the last effect of what staff asked for: it is committed, and its job is published as after `accept 8`",
    ),
    (
        &[
            "app/src/command/doctor/toss.rs",
            "app/src/command/health.rs",
            "app/src/journey/http.rs",
            "app/src/journey/target.rs",
        ],
        "commands that ask a running product from outside",
    ),
    (
        &[
            "migrations/src/lib.rs",
            "migrations/src/m20261127_000011_console_reads.rs",
            "store/src/migrate.rs",
        ],
        "migrations, before anything else begins",
    ),
    (&["queue/src/lib.rs"], "hands an acknowledgement to the queue that it came from: `settle 5`"),
    (
        &["store/src/announce.rs"],
        "wakes those who poll at other processes, after `commit 2`; they are looked after besides",
    ),
    (&["store/src/back_up.rs"], "backups, and whether the database takes a row at all"),
    (
        &["store/src/bulk.rs", "store/src/bulk/perform.rs", "store/src/bulk/select.rs"],
        "staff's runs: an item and its outcome are one transaction, and another worker goes on with the next (`worker/tests/dispatch/bulk.rs`)",
    ),
    (
        &[
            "store/src/catalogue/import.rs",
            "store/src/catalogue/put.rs",
            "store/src/catalogue/put_product.rs",
        ],
        "the catalogue, a store or a product to a transaction",
    ),
    (&["store/src/chores.rs"], "whose turn it is to do what is done once a day"),
    (
        &["store/src/findings.rs", "store/src/reconcile.rs"],
        "what a comparison with Toss found, a window to a transaction; the next run repeats one that did not end",
    ),
    (
        &["store/src/holds/breakers.rs", "store/src/holds/pauses.rs", "store/src/holds/release.rs"],
        "what holds calls back. It decides when a job goes on, never whether: one that was put off is due by itself, released or not",
    ),
    (
        &["store/src/key_pairs.rs"],
        "an operator hands payments that rest over to another pair of keys; repeating goes on where it stopped",
    ),
    (&["store/src/open.rs"], "whether a connection is left in a transaction, before it is used"),
    (
        &[
            "store/src/operate.rs",
            "store/src/operate/due_time.rs",
            "store/src/operate/matching.rs",
            "store/src/operate/review.rs",
        ],
        "what staff decide about a job or a payment, with its audit one transaction",
    ),
    (
        &["store/src/orders/close.rs", "store/src/orders/create.rs", "store/src/orders/lapse.rs"],
        "orders before they are paid, one transaction each",
    ),
    (
        &["store/src/orders/erase.rs", "store/src/prune/aged.rs", "store/src/prune/payments.rs"],
        "what is erased or deleted because it was kept long enough, a bounded transaction at a time",
    ),
    (
        &["store/src/poison.rs", "worker/src/poison.rs"],
        "messages that name no job are set aside; without an acknowledgement they come again",
    ),
    (&["store/src/recover.rs"], "an operator's command after a restore, while nothing else runs"),
    (&["store/src/sign_in.rs", "store/src/staff.rs"], "who may sign in, one transaction each"),
    (
        &["store/src/sweep.rs"],
        "payments that time has left behind get a look-up, all in one transaction; another round does it otherwise",
    ),
    (
        &["store/src/traffic.rs", "store/src/workers.rs"],
        "figures and heartbeats, for people to look at",
    ),
    (&["store/src/scratch.rs", "store/src/test_control.rs"], "only tests have them"),
];

const HEAD: &str = "\
# Crash points

<!-- Made from the sources and the tests: UPDATE_DOCS=1 cargo test -p system-tests --test crash_points -->

A process may die between any two effects: between two statements, before and after a commit, a message, a call of Toss, an
acknowledgement. Each such place in accepting, relaying, dispatching and settling is a line `crash::point!` in the sources, with a number. It is
nothing in the product; the tests build a binary in which a process dies at the point that a file names, by `abort`, so that nothing is
finished or flushed. For every row below that happens to a real process, and the binary of every day goes on with its data. Then every job
has its end, no later than a lease (20 s) and five seconds after the start; the simulator has taken the money once, and given it back
once if that was asked for; our books say the same; whatever was answered with success is so, and who asks again gets the same
payment or cancel.

Two statements of one transaction have nothing between them that could be seen afterwards: a death leaves nothing of either. Points stand
between them all the same, because that is what is shown here.

A new point needs a row in `system-tests/src/crash/cases.rs`, and a new effect a point behind it or a line in the last table: the suite
fails without. How processes are killed that stand still in the middle of a call, at no line of ours, is in
`system-tests/tests/production/kill.rs`.
";

const UNMARKED_HEAD: &str = "
## Effects without a point of their own

A scan finds every statement that writes, every commit, message, call and acknowledgement in all sources of the product. Those of
accepting, relaying, dispatching and settling that no point follows in their own function are these, and no others.

| where | effects | why |
|---|---|---|
";

const ASIDE_HEAD: &str = "
## Files that take no part

These have effects, and none in accepting, relaying, dispatching or settling. A file that is in none of the two tables has a point behind
each of its effects.

| files | why |
|---|---|
";

#[test]
fn the_points_of_each_area_are_numbered_without_a_gap_and_none_twice() {
    let mut by_area: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for point in points() {
        by_area.entry(point.area).or_default().push(point.number);
    }
    let known: BTreeSet<&str> = AREAS.iter().map(|(area, _)| *area).collect();
    assert_eq!(by_area.keys().map(String::as_str).collect::<BTreeSet<_>>(), known);
    for (area, numbers) in by_area {
        let last = u32::try_from(numbers.len()).unwrap();
        assert_eq!(numbers, (1..=last).collect::<Vec<_>>(), "the numbers of {area}");
    }
}

#[test]
fn a_process_dies_at_every_point_in_a_test_and_at_no_other() {
    let points: BTreeSet<String> = points().iter().map(Point::id).collect();
    let tested: BTreeSet<String> = cases().iter().map(|case| case.point.to_owned()).collect();
    let untested: Vec<&String> = points.difference(&tested).collect();
    assert!(untested.is_empty(), "no test lets a process die at {untested:?}: see `cases.rs`");
    let gone: Vec<&String> = tested.difference(&points).collect();
    assert!(gone.is_empty(), "there is no point {gone:?} any more");
}

#[test]
fn every_effect_is_followed_by_a_point_or_says_why_not() {
    let aside: BTreeSet<&str> = ASIDE.iter().flat_map(|(files, _)| *files).copied().collect();
    let (apart, ours): (Vec<_>, Vec<_>) =
        unmarked_effects().into_iter().partition(|it| aside.contains(it.file.as_str()));
    let with_effects: BTreeSet<&str> = apart.iter().map(|it| it.file.as_str()).collect();
    let idle: Vec<_> = aside.difference(&with_effects).collect();
    assert!(idle.is_empty(), "said to take no part, and without an effect: {idle:?}");
    let with_points: BTreeSet<String> = points().into_iter().map(|point| point.file).collect();
    let both: Vec<_> = aside.iter().filter(|file| with_points.contains(**file)).collect();
    assert!(both.is_empty(), "said to take no part, and with points: {both:?}");
    let found: BTreeSet<(String, String, usize)> =
        ours.into_iter().map(|it| (it.file, it.function, it.count)).collect();
    let explained: BTreeSet<(String, String, usize)> = UNMARKED
        .iter()
        .map(|(file, function, count, _)| (file.to_string(), function.to_string(), *count))
        .collect();
    let new: Vec<_> = found.difference(&explained).collect();
    assert!(new.is_empty(), "effects without a point behind them, and without a reason: {new:?}");
    let gone: Vec<_> = explained.difference(&found).collect();
    assert!(gone.is_empty(), "explained, and not there any more: {gone:?}");
}

#[test]
fn the_document_is_up_to_date() {
    let made = document();
    if is_update() {
        std::fs::write(DOCUMENT, &made).unwrap();
    }
    let committed = std::fs::read_to_string(DOCUMENT).unwrap_or_default();
    assert!(
        committed == made,
        "docs/crash-points.md is old: UPDATE_DOCS=1 cargo test -p system-tests --test crash_points"
    );
}

#[expect(clippy::disallowed_methods, reason = "a switch for whoever runs the tests")]
fn is_update() -> bool {
    std::env::var_os("UPDATE_DOCS").is_some()
}

#[test]
fn the_product_has_no_crash_point() {
    assert!(has(armed_binary(), VARIABLE), "the name is not where it has to be");
    assert!(!has(binary(), VARIABLE), "what everybody builds dies at crash points");
}

/// Whether these bytes are in a file.
fn has(file: &Path, text: &str) -> bool {
    let bytes = std::fs::read(file).unwrap();
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn document() -> String {
    let (points, cases) = (points(), cases());
    let mut text = HEAD.to_owned();
    for (area, words) in AREAS {
        let head =
            "| no. | has happened | comes next | where | reached by | what brings it to its end |";
        write!(text, "\n## {area}\n\n{words}\n\n{head}\n|---|---|---|---|---|---|\n").unwrap();
        for point in points.iter().filter(|point| point.area == area) {
            let own = cases.iter().filter(|case| case.point == point.id());
            for (number, case) in own.enumerate() {
                row(&mut text, point, case, number == 0);
            }
        }
    }
    text.push_str(UNMARKED_HEAD);
    for (file, function, count, why) in UNMARKED {
        writeln!(text, "| `{file}`, `{function}` | {count} | {why} |").unwrap();
    }
    text.push_str(ASIDE_HEAD);
    for (files, why) in ASIDE {
        let files: Vec<String> = files.iter().map(|file| format!("`{file}`")).collect();
        writeln!(text, "| {} | {why} |", files.join(", ")).unwrap();
    }
    text
}

fn row(text: &mut String, point: &Point, case: &Case, is_first: bool) {
    let Point { number, done, next, file, function, .. } = point;
    let place = if is_first {
        format!("| {number} | {done} | {next} | `{file}`, `{function}` ")
    } else {
        "| | | | ".to_owned()
    };
    let calls = match case.attempts {
        "" => String::new(),
        attempts => format!("; calls: {}", attempts.replace('_', "-").replace(' ', ", ")),
    };
    writeln!(text, "{place}| {} | {}{calls} |", case.way.words(), case.recovery.words()).unwrap();
}
