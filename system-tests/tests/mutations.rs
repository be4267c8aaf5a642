//! The mutations that `scripts/mutations` tries, without trying them: each still fits the sources and is explained.

use std::collections::{BTreeMap, BTreeSet};
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
    // The name, and after it the tests that should notice.
    let rows = document.lines().filter(|line| line.starts_with("| `"));
    let mut listed: BTreeMap<String, Vec<&str>> = rows
        .map(|row| {
            let mut quoted = row.split('`').skip(1).step_by(2);
            (quoted.next().unwrap_or_default().to_owned(), quoted.collect())
        })
        .collect();
    let names: BTreeSet<String> = listed.keys().cloned().collect();
    assert_eq!(names, patches(), "docs/mutations.md and system-tests/mutations differ");
    for name in patches() {
        let patch = format!("system-tests/mutations/{name}.patch");
        let text = std::fs::read_to_string(root().join(&patch)).unwrap();
        let head = text.lines().next().unwrap_or_default();
        let tests = head.strip_prefix("Tests: ").or(head.strip_prefix("Tests on servers: "));
        let named: Vec<&str> = tests.expect("the first line names the tests").split(' ').collect();
        let from = named.iter().position(|word| *word == "--").expect("tests after --");
        let told = listed.remove(&name).unwrap_or_default();
        assert_eq!(told, named[from + 1..], "{name}: docs/mutations.md names other tests");
        let sources = sources_of(named[1]);
        for test in &named[from + 1..] {
            assert!(sources.contains(&format!("fn {test}(")), "{name}: no test {test}");
        }
        let check = Command::new("git")
            .args(["apply", "--check", &patch])
            .current_dir(root())
            // Without a repository of its own the tree is none of a repository around it, which would pass over the patch.
            .env("GIT_CEILING_DIRECTORIES", root().parent().unwrap())
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
