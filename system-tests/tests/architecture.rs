//! The architecture as a test: who may depend on whom, and on which outside crates. ARCHITECTURE.md says why.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Every crate of ours and the crates of ours that it may depend on.
const MAY_DEPEND_ON: [(&str, &[&str]); 15] = [
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
];

/// Outside crates that belong to one layer, and who may use them in the product.
const BELONGS_TO: [(&str, &[&str]); 9] = [
    ("sea-orm", &["entities", "migrations", "store"]),
    ("sea-orm-migration", &["migrations", "store"]),
    ("reqwest", &["toss", "simulator", "app", "system-tests"]),
    ("axum", &["api", "staff-console", "shop", "simulator", "app", "system-tests"]),
    ("lapin", &["queue"]),
    ("backoff", &["worker"]),
    ("anyhow", &["app"]),
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
