//! The architecture as a test: who may depend on whom, and on which outside crates. ARCHITECTURE.md says why.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

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
const BELONGS_TO: [(&str, &[&str]); 10] = [
    ("sea-orm", &["entities", "migrations", "store"]),
    ("sea-orm-migration", &["migrations", "store"]),
    ("reqwest", &["toss", "simulator", "app", "system-tests"]),
    ("axum", &["api", "staff-console", "shop", "simulator", "app", "system-tests"]),
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

fn metadata(more: &[&str]) -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(more)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo's metadata is JSON")
}

/// The platform that this machine builds for; the crates of others need not be there.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = said.lines().find_map(|line| line.strip_prefix("host: "));
    line.expect("rustc names its host").to_owned()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Crate → the crates that its product code depends on.
fn product_dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata(&["--no-deps"]);
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

/// The sources of the product, without the tests that stand in them.
fn product_sources() -> Vec<(String, String)> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let outside = ["system-tests", "bench"];
    let crates = MAY_DEPEND_ON.iter().map(|(name, _)| *name).filter(|name| !outside.contains(name));
    let mut left: Vec<_> = crates.map(|name| root.join(name).join("src")).collect();
    let mut sources = Vec::new();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
            sources.push((path.strip_prefix(&root).unwrap().display().to_string(), text));
        }
    }
    assert!(sources.len() > 200, "{}", sources.len());
    sources
}

#[test]
fn secrets_are_compared_in_constant_time_and_nowhere_else() {
    let mut found = BTreeMap::new();
    let mut problems = Vec::new();
    // A name with one of these at its end is a secret, or as good as one.
    let names =
        ["token", "secret", "proof", "password", "mac", "expected_code", "secret_key", "token_key"];
    let is_secret = |word: &str| {
        let last = word.rsplit('.').find(|part| !part.ends_with("()")).unwrap_or_default();
        names.iter().any(|name| last == *name || last.ends_with(&format!("_{name}")))
    };
    for (path, text) in product_sources() {
        let compares = text.matches(".ct_eq(").count();
        if compares > 0 {
            found.insert(path.clone(), compares);
        }
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for operator in [" == ", " != "] {
                let Some((left, right)) = line.split_once(operator) else { continue };
                let left = left.rsplit([' ', '(', '&', '*', '!']).next().unwrap_or_default();
                let right = right.trim_start_matches(['&', '*', '(']);
                let right = right.split([' ', ')', ';', ',', '{']).next().unwrap_or_default();
                // Somebody who types their new password twice compares it with nobody's.
                let is_their_own = path == "app/src/command/staff.rs" && right == "password";
                if (is_secret(left) || is_secret(right)) && !is_their_own {
                    problems.push(format!("{path}: {}", line.trim()));
                }
            }
        }
    }
    assert!(problems.is_empty(), "compare these by subtle's ct_eq: {problems:#?}");
    let wanted: BTreeMap<String, usize> =
        COMPARES.iter().map(|(path, count)| ((*path).to_owned(), *count)).collect();
    assert_eq!(found, wanted, "say in this file what is compared in constant time");
}

#[test]
fn what_holds_a_secret_shows_nothing_by_itself() {
    let sources: BTreeMap<String, String> = product_sources().into_iter().collect();
    for (path, declared) in SECRETS {
        let (before, _) =
            sources[path].split_once(declared).unwrap_or_else(|| panic!("{declared} in {path}"));
        let derived = before.lines().rev().take_while(|line| line.starts_with(['#', '/']));
        let derived = derived.filter(|line| line.starts_with("#[derive")).collect::<String>();
        for shown in ["Debug", "Serialize", "Display"] {
            assert!(!derived.contains(shown), "{declared} derives {shown}");
        }
    }
}

#[test]
fn every_dependency_has_a_licence_and_a_name_that_deny_toml_allows() {
    let deny =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../deny.toml")).unwrap();
    let deny: toml::Value = toml::from_str(&deny).unwrap();
    let allowed: BTreeSet<&str> = deny["licenses"]["allow"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(toml::Value::as_str)
        .collect();
    let banned: BTreeSet<&str> = deny["bans"]["deny"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    // `name@version`, as far as the version counts, with what is allowed there beyond the rest.
    let exceptions: Vec<(&str, Vec<&str>)> = deny["licenses"]["exceptions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let licences = one["allow"].as_array().unwrap().iter();
            (one["crate"].as_str().unwrap(), licences.filter_map(toml::Value::as_str).collect())
        })
        .collect();
    let metadata = metadata(&["--filter-platform", &host()]);
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "the whole graph is looked at");
    for package in packages {
        let name = text(package, "name");
        assert!(!banned.contains(name), "{name} is banned by deny.toml");
        // An expression is fine when one of its alternatives is made of allowed licences only.
        let licence = text(package, "license").replace('/', " OR ").replace(['(', ')'], "");
        let own = format!("{name}@{}", text(package, "version"));
        let exceptional: BTreeSet<&str> = exceptions
            .iter()
            .filter(|(exception, _)| own.starts_with(&format!("{exception}.")))
            .flat_map(|(_, licences)| licences.iter().copied())
            .collect();
        let is_fine = |one: &str| allowed.contains(one) || exceptional.contains(one);
        let is_allowed = licence
            .split(" OR ")
            .any(|alternative| alternative.split(" AND ").all(|one| is_fine(one.trim())));
        assert!(is_allowed, "{name} has the licence {licence:?}, which deny.toml does not allow");
    }
}
