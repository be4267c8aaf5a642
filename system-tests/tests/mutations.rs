//! The mutations that `scripts/mutations` tries, without trying them: each still fits the sources and is explained.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// The names of the patches.
fn patches() -> BTreeSet<String> {
    let folder = std::fs::read_dir(root().join("system-tests/mutations")).unwrap();
    let names = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.map(|name| name.strip_suffix(".patch").expect("only patches").to_owned()).collect()
}

#[test]
fn every_mutation_is_listed_and_still_fits_the_sources() {
    let document = std::fs::read_to_string(root().join("docs/mutations.md")).unwrap();
    let rows = document.lines().filter(|line| line.starts_with("| `"));
    let listed: BTreeSet<String> =
        rows.filter_map(|row| row.split('`').nth(1).map(str::to_owned)).collect();
    assert_eq!(listed, patches(), "docs/mutations.md and system-tests/mutations differ");
    for name in patches() {
        let patch = format!("system-tests/mutations/{name}.patch");
        let text = std::fs::read_to_string(root().join(&patch)).unwrap();
        let head = text.lines().next().unwrap_or_default();
        let tests = head.strip_prefix("Tests: ").or(head.strip_prefix("Tests on servers: "));
        let named: Vec<&str> = tests.expect("the first line names the tests").split(' ').collect();
        let from = named.iter().position(|word| *word == "--").expect("tests after --");
        let sources = sources_of(named[1]);
        for test in &named[from + 1..] {
            assert!(sources.contains(&format!("fn {test}(")), "{name}: no test {test}");
        }
        let check = Command::new("git")
            .args(["apply", "--check", &patch])
            .current_dir(root())
            .output()
            .expect("git runs");
        let said = String::from_utf8_lossy(&check.stderr);
        assert!(check.status.success(), "{patch} does not fit the sources any more: {said}");
    }
}

/// All tests of a crate, as text.
fn sources_of(crate_name: &str) -> String {
    let mut folders =
        vec![root().join(crate_name).join("tests"), root().join(crate_name).join("src")];
    let mut text = String::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                text.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    text
}
