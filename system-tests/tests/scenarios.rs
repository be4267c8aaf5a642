//! `docs/scenarios.md`, `docs/security.md`, `docs/reliability.md` and `docs/hostile-input.md` as tests: whatever they name is there and
//! runs, and nothing is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The last number of the table.
const LAST: u32 = 58;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Number of the scenario → the cell with the tests that it names.
fn scenarios() -> BTreeMap<u32, String> {
    let text = std::fs::read_to_string(root().join("docs/scenarios.md")).unwrap();
    let rows = text.lines().filter_map(|line| {
        let cells = cells(line);
        let [number, wrong, outcome, tests] = cells[..] else { return None };
        let number: u32 = number.parse().ok()?;
        assert!(!wrong.is_empty() && !outcome.is_empty(), "{line}");
        Some((number, tests.to_owned()))
    });
    let rows: Vec<(u32, String)> = rows.collect();
    let count = rows.len();
    let scenarios: BTreeMap<_, _> = rows.into_iter().collect();
    assert_eq!(scenarios.len(), count, "a number stands there twice");
    scenarios
}

/// What is wrong with the tests that a cell names: none, one twice, or one that is not there or does not run.
fn problems_of(what: &str, cell: &str) -> Vec<String> {
    let tests: Vec<&str> = cell.split('`').filter(|part| part.contains("::")).collect();
    let mut problems = Vec::new();
    let has_script = cell.split('`').any(is_step_of_the_suite);
    if tests.is_empty() && !has_script {
        problems.push(format!("{what} names no test"));
    }
    if tests.iter().collect::<BTreeSet<_>>().len() != tests.len() {
        problems.push(format!("{what} names a test twice"));
    }
    for test in tests {
        let (path, name) = test.split_once("::").expect("a path and a name");
        problems.extend(has_test(path, name).err().map(|problem| format!("{what}: {problem}")));
    }
    problems
}

/// Whether the suite runs this script, and fails with it.
fn is_step_of_the_suite(script: &str) -> bool {
    let suite = std::fs::read_to_string(root().join("scripts/test")).unwrap();
    let runs_it = |line: &str| {
        line.starts_with("step ") && line.rsplit_once(' ').is_some_and(|(_, last)| last == script)
    };
    script.starts_with("scripts/") && root().join(script).is_file() && suite.lines().any(runs_it)
}

/// The cells of a row of a table.
fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

/// Whether a file has a test of this name that runs.
fn has_test(path: &str, name: &str) -> Result<(), String> {
    let source = std::fs::read_to_string(root().join(path))
        .map_err(|error| format!("{path} cannot be read: {error}"))?;
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    // The contract of queues is one function per promise, of which a macro makes a test for each queue.
    if source.contains("on_every_queue!(") && lines.contains(&format!("{name},").as_str()) {
        return Ok(());
    }
    let ends = [format!("fn {name}()"), format!("fn {name}(")];
    let at = lines
        .iter()
        .position(|line| ends.iter().any(|end| line.contains(end.as_str())))
        .ok_or_else(|| format!("{path} has no function {name}"))?;
    let attributes: Vec<&str> = lines[..at]
        .iter()
        .rev()
        .take_while(|line| !line.is_empty() && !line.ends_with('}') && !line.ends_with(';'))
        .copied()
        .collect();
    let is_test = attributes
        .iter()
        .any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"));
    if !is_test {
        return Err(format!("{path}::{name} is no test"));
    }
    if attributes.iter().any(|line| line.starts_with("#[ignore")) {
        return Err(format!("{path}::{name} is not run"));
    }
    Ok(())
}

#[test]
fn every_scenario_has_tests_that_are_there_and_run() {
    let scenarios = scenarios();
    let numbers: Vec<u32> = scenarios.keys().copied().collect();
    assert_eq!(numbers, (1..=LAST).collect::<Vec<_>>());
    let problems: Vec<String> = scenarios
        .iter()
        .flat_map(|(number, tests)| problems_of(&format!("scenario {number}"), tests))
        .collect();
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn every_invariant_is_checked_by_tests_that_are_there_and_run() {
    let text = std::fs::read_to_string(root().join("docs/scenarios.md")).unwrap();
    let (_, invariants) = text.split_once("## What is checked when").expect("the last table");
    let mut numbers = Vec::new();
    for line in invariants.lines() {
        let cells = cells(line);
        let [number, _, tests] = cells[..] else { continue };
        let Ok(number) = number.parse::<u32>() else { continue };
        numbers.push(number);
        assert_eq!(problems_of(&format!("invariant {number}"), tests), [""; 0]);
    }
    assert_eq!(numbers, (1..=6).collect::<Vec<_>>());
}

/// What the threats are about, each at least once.
const THREATS: [&str; 20] = [
    "foreign tokens",
    "expired tokens",
    "guessed tokens",
    "timing",
    "session fixation",
    "CSRF",
    "clickjacking",
    "stored XSS",
    "CSV injection",
    "open redirect",
    "host header",
    "log injection",
    "secrets in logs",
    "secrets in `config print`",
    "SSRF through configuration",
    "forged webhooks",
    "rate limits",
    "dependencies",
    "systemd",
    "container",
];

#[test]
fn every_threat_has_a_defence_and_tests_that_are_there_and_run() {
    let text = std::fs::read_to_string(root().join("docs/security.md")).unwrap();
    let (_, threats) = text.split_once("## Threats, defences, tests").expect("the last table");
    let mut problems = Vec::new();
    for line in threats.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let cells = cells(line);
        let [threat, defence, tests] = cells[..] else { panic!("{line}") };
        if threat.is_empty() || defence.is_empty() {
            problems.push(format!("{threat}: {defence}"));
        }
        problems.extend(problems_of(threat, tests));
    }
    let missing = THREATS.iter().filter(|word| !threats.contains(&format!("**{word}**")));
    problems.extend(missing.map(|word| format!("nothing is about {word}")));
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn whatever_can_fail_around_the_queue_has_tests_that_are_there_and_run() {
    let text = std::fs::read_to_string(root().join("docs/reliability.md")).unwrap();
    let (_, rows) = text.split_once("## What can fail around the queue").expect("the table");
    let mut numbers = Vec::new();
    for line in rows.lines() {
        let cells = cells(line);
        let [number, _, _, tests] = cells[..] else { continue };
        let Ok(number) = number.parse::<u32>() else { continue };
        numbers.push(number);
        assert_eq!(problems_of(&format!("failure {number}"), tests), [""; 0]);
    }
    assert_eq!(numbers, (1..=35).collect::<Vec<_>>());
}

#[test]
fn every_hostile_input_has_tests_that_are_there_and_run() {
    let text = std::fs::read_to_string(root().join("docs/hostile-input.md")).unwrap();
    let mut inputs = 0;
    for line in text.lines().filter(|line| line.starts_with('|') && !line.contains("---")) {
        let cells = cells(line);
        let [input, _, tests] = cells[..] else { panic!("{line}") };
        if input == "input" {
            continue;
        }
        inputs += 1;
        assert_eq!(problems_of(input, tests), [""; 0]);
    }
    assert!(inputs > 15, "{inputs}");
}

#[test]
fn what_is_no_test_or_is_not_run_is_told_apart() {
    let this = "system-tests/tests/scenarios.rs";
    assert_eq!(has_test(this, "what_is_no_test_or_is_not_run_is_told_apart"), Ok(()));
    assert!(has_test(this, "has_test").unwrap_err().contains("is no test"));
    assert!(has_test(this, "nothing_of_the_kind").unwrap_err().contains("no function"));
    let contract = "queue/tests/queues/contract.rs";
    assert_eq!(has_test(contract, "receive_waits_for_the_first_message"), Ok(()));
    assert!(has_test(contract, "publish_all").unwrap_err().contains("is no test"));
    assert!(has_test("nowhere.rs", "x").unwrap_err().contains("cannot be read"));
    assert!(is_step_of_the_suite("scripts/deny"));
    assert!(!is_step_of_the_suite("scripts/scaling"), "run by hand");
    assert_eq!(problems_of("it", "`scripts/scaling`"), ["it names no test"]);
}
