//! The architecture as a test: who may depend on whom, and on which outside crates. ARCHITECTURE.md says why.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;
use system_tests::sources::{product_sources, statements};

/// Every crate of ours and the crates of ours that it may depend on.
const MAY_DEPEND_ON: [(&str, &[&str]); 16] = [
    ("crash", &[]),
    ("domain", &[]),
    ("entities", &[]),
    ("migrations", &[]),
    ("queue", &["crash"]),
    ("simulator", &[]),
    ("staff-console", &["api", "domain", "queue", "store"]),
    ("shop", &[]),
    ("toss", &["crash", "domain"]),
    ("store", &["crash", "domain", "entities", "migrations"]),
    ("relay", &["crash", "domain", "queue", "store"]),
    ("api", &["crash", "domain", "queue", "relay", "store"]),
    ("worker", &["crash", "domain", "queue", "relay", "store", "toss"]),
    (
        "app",
        &[
            "api",
            "crash",
            "domain",
            "migrations",
            "queue",
            "relay",
            "shop",
            "simulator",
            "staff-console",
            "store",
            "toss",
            "worker",
        ],
    ),
    ("system-tests", &["api", "domain", "queue", "relay", "simulator", "store", "toss", "worker"]),
    ("bench", &["queue", "system-tests"]),
];

/// Outside crates that belong to one layer, and who may use them in the product.
const BELONGS_TO: [(&str, &[&str]); 11] = [
    ("sea-orm", &["entities", "migrations", "store", "bench"]),
    ("sea-orm-migration", &["migrations", "store"]),
    ("hyper-rustls", &["toss"]),
    ("reqwest", &["simulator", "app", "system-tests"]),
    ("axum", &["api", "staff-console", "shop", "simulator", "app", "system-tests", "bench"]),
    ("lapin", &["queue", "bench"]),
    ("tokio-postgres", &["bench"]),
    ("backoff", &["worker"]),
    ("anyhow", &["app", "bench"]),
    ("opentelemetry", &["app"]),
    ("tracing-opentelemetry", &["app"]),
];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 8] =
    ["common", "core", "utils", "helpers", "types", "shared", "manager", "service"];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--no-deps"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo's metadata is JSON")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Crate → the crates that its product code depends on.
fn product_dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let all = package["dependencies"].as_array().unwrap();
            let product = all.iter().filter(|dependency| dependency["kind"].is_null());
            (
                text(package, "name").to_owned(),
                product.map(|dependency| text(dependency, "name").to_owned()).collect(),
            )
        })
        .collect()
}

#[test]
fn crates_depend_only_on_those_below_them() {
    let found = product_dependencies();
    let allowed: BTreeMap<&str, &[&str]> = MAY_DEPEND_ON.into_iter().collect();
    let known: BTreeSet<&str> = allowed.keys().copied().collect();
    assert_eq!(
        found.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        known,
        "a new crate needs its place in this table and in ARCHITECTURE.md"
    );
    for (name, dependencies) in &found {
        let ours = dependencies.iter().map(String::as_str).filter(|one| known.contains(one));
        for dependency in ours {
            assert!(
                allowed[name.as_str()].contains(&dependency),
                "{name} must not depend on {dependency}"
            );
        }
    }
}

#[test]
fn outside_crates_stay_in_their_layer() {
    let found = product_dependencies();
    for (outside, users) in BELONGS_TO {
        for (name, dependencies) in &found {
            assert!(
                !dependencies.contains(outside) || users.contains(&name.as_str()),
                "{name} must not use {outside}: it belongs to {users:?}"
            );
        }
    }
}

#[test]
fn nothing_is_called_by_a_name_that_says_nothing() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let listed =
        Command::new("git").args(["ls-files"]).current_dir(root).output().expect("git runs");
    let files = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(files.contains("domain/src/lib.rs"), "git lists the project");
    for file in files.lines().filter(|file| file.ends_with(".rs")) {
        let has_empty_name =
            file.trim_end_matches(".rs").split('/').any(|part| EMPTY_NAMES.contains(&part));
        assert!(!has_empty_name, "{file} has a name that says nothing");
    }
}

/// The functions that compare what somebody shows with a secret, and how many there are in each file.
const COMPARES: [(&str, usize); 3] = [
    ("api/src/credential/token.rs", 1),
    ("domain/src/webhook.rs", 1),
    ("staff-console/src/session.rs", 1),
];
/// Types that hold secrets. None can be compared, and what shows them is written by hand.
const SECRETS: [(&str, &str); 4] = [
    ("api/src/settings.rs", "pub struct TokenKey"),
    ("store/src/seal.rs", "pub struct SealKey"),
    ("toss/src/key.rs", "pub struct SecretKey"),
    ("store/src/sign_in.rs", "pub struct KnownPassword"),
];

#[test]
fn secrets_are_compared_in_constant_time_and_nowhere_else() {
    let mut found = BTreeMap::new();
    let mut problems = Vec::new();
    for (path, text) in product_sources() {
        let compares = text.matches(".ct_eq(").count();
        if compares > 0 {
            found.insert(path.clone(), compares);
        }
        // Somebody who types their new password twice compares it with nobody's.
        let is_their_own =
            |one: &str| path == "app/src/command/staff.rs" && one.ends_with("!= password");
        for statement in statements(&text) {
            let plain = plain_compares(&statement).into_iter().filter(|one| !is_their_own(one));
            problems.extend(plain.map(|one| format!("{path}: {one}")));
        }
    }
    assert!(problems.is_empty(), "compare these by subtle's ct_eq: {problems:#?}");
    let wanted: BTreeMap<String, usize> =
        COMPARES.iter().map(|(path, count)| ((*path).to_owned(), *count)).collect();
    assert_eq!(found, wanted, "say in this file what is compared in constant time");
}

/// The comparisons of a statement that stop at the first byte that differs, and of which one side is called like a secret.
fn plain_compares(statement: &str) -> Vec<String> {
    let mut compares = Vec::new();
    for operator in [" == ", " != ", ".eq(", ".ne("] {
        for (at, _) in statement.match_indices(operator) {
            let left = operand_before(&statement[..at]);
            let right = operand_after(&statement[at + operator.len()..]);
            // A column is compared in the database: that is a look-up by hash.
            let is_in_sql = left.contains("Column::") || right.contains("Column::");
            if !is_in_sql && (is_secret(left) || is_secret(right)) {
                compares.push(format!("{left}{operator}{right}"));
            }
        }
    }
    compares
}

/// Whether what is compared is a secret by its name, or as good as one, whatever is done to it before. What is said about a secret, such as
/// its length, is none.
fn is_secret(operand: &str) -> bool {
    const NAMES: [&str; 8] =
        ["token", "secret", "proof", "password", "mac", "expected_code", "secret_key", "token_key"];
    const SAID_OF_IT: [&str; 2] = [".len()", ".is_live()"];
    if SAID_OF_IT.iter().any(|said| operand.ends_with(said)) {
        return false;
    }
    let mut words = operand.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.any(|word| NAMES.iter().any(|name| word == *name || word.ends_with(&format!("_{name}"))))
}

/// The operand at the end of a text: back to what its brackets are not about.
fn operand_before(text: &str) -> &str {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices().rev() {
        match c {
            ')' | ']' => depth += 1,
            '(' | '[' if depth > 0 => depth -= 1,
            '(' | '[' | '{' | '}' | ' ' | ',' | ';' | '|' if depth == 0 => {
                return &text[at + c.len_utf8()..];
            }
            _ => {}
        }
    }
    text
}

/// The operand at the beginning of a text.
fn operand_after(text: &str) -> &str {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' if depth > 0 => depth -= 1,
            ')' | ']' | '{' | '}' | ' ' | ',' | ';' if depth == 0 => return &text[..at],
            _ => {}
        }
    }
    text
}

#[test]
fn a_plain_compare_of_a_secret_is_seen_however_it_is_written() {
    for written in [
        "if sent == self.secret {",
        "if sent\n    .trim()\n    .as_bytes()\n    == state\n        .token\n        .expose()\n{",
        "let is_known = hex(&mac) != sent;",
        "let is_known = hex(\n    &mac,\n)\n    != sent;",
        "known.iter().any(|one| one.secret_key == sent)",
        "let right = sent.eq(\n    &expected_code,\n);",
        "a == b && sent == proof",
    ] {
        let seen: Vec<String> =
            statements(written).iter().flat_map(|one| plain_compares(one)).collect();
        assert_eq!(seen.len(), 1, "{written}: {seen:?}");
    }
    for harmless in
        ["token.len() == 3", "column == order::Column::Secret", "tokens == 3", "secret.ct_eq(sent)"]
    {
        assert_eq!(plain_compares(harmless), [""; 0]);
    }
}

#[test]
fn what_holds_a_secret_shows_nothing_by_itself() {
    let sources: BTreeMap<String, String> = product_sources().into_iter().collect();
    for (path, declared) in SECRETS {
        let (before, _) =
            sources[path].split_once(declared).unwrap_or_else(|| panic!("{declared} in {path}"));
        // Everything that stands at the declaration, on however many lines, but what is said of it.
        let head = before.rsplit("\n\n").next().unwrap_or_default();
        let head: String = head.lines().filter(|line| !line.starts_with("//")).collect();
        for derived in ["Debug", "Serialize", "Display", "PartialEq"] {
            assert!(!head.contains(derived), "{declared} derives {derived}");
        }
    }
}
