//! The product's sources as text, for the tests that read them: without the tests that stand in them.

use std::path::{Path, PathBuf};

/// What marks an item that only tests have.
const ONLY_IN_TESTS: &str = "#[cfg(test)]";

/// Every source of the product, by its path from the root, without what is marked as a test's: items, and whole files.
///
/// # Panics
/// The sources cannot be read, or a mark of tests stands at what is not written as `cargo fmt` writes it.
#[must_use]
pub fn product_sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let crates = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path());
    let mut left: Vec<PathBuf> = crates
        .filter(|path| !path.ends_with("system-tests") && !path.ends_with("bench"))
        .map(|path| path.join("src"))
        .filter(|path| path.is_dir())
        .collect();
    let (mut sources, mut of_tests) = (Vec::new(), Vec::new());
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let (product, modules) = without_tests(&text);
            let is_root = path.ends_with("lib.rs") || path.ends_with("main.rs");
            let folder = if is_root { path.with_file_name("") } else { path.with_extension("") };
            of_tests.extend(modules.iter().map(|module| folder.join(format!("{module}.rs"))));
            sources.push((path, product));
        }
    }
    for file in &of_tests {
        assert!(sources.iter().any(|(path, _)| path == file), "{} is not there", file.display());
    }
    sources.retain(|(path, _)| !of_tests.contains(path));
    assert!(sources.len() > 200, "{}", sources.len());
    sources.sort();
    let name = |path: &Path| path.strip_prefix(&root).unwrap().display().to_string();
    sources.iter().map(|(path, text)| (name(path), text.clone())).collect()
}

/// A source without the items that only tests have: what stands behind them is the product's again. And which modules in files of their own
/// those items are.
fn without_tests(text: &str) -> (String, Vec<String>) {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let (mut product, mut modules) = (String::new(), Vec::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() != ONLY_IN_TESTS {
            product.push_str(line);
            product.push('\n');
            continue;
        }
        let depth = indent(line);
        // More attributes and comments of the item, then the item: one line, or as many as there are until a bracket ends it where it began.
        let mut item = lines.by_ref().skip_while(|line| line.trim_start().starts_with(['#', '/']));
        let first = item.next().expect("an item behind its attribute");
        let module = first.trim().strip_prefix("mod ").and_then(|it| it.strip_suffix(';'));
        modules.extend(module.map(str::to_owned));
        if !first.ends_with([';', '}', ',']) {
            let end = item.find(|line| indent(line) == depth && line.trim_start().starts_with('}'));
            assert!(end.is_some(), "an item of tests that does not end: {first}");
        }
    }
    (product, modules)
}

/// The code of a source, a statement to a line whatever lines it is written on: without comments, and with one space wherever there was
/// room between two words.
#[must_use]
pub fn statements(text: &str) -> Vec<String> {
    let mut statements = vec![String::new()];
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
        let Some(statement) = statements.last_mut() else { continue };
        // A chain of methods goes on without a space, as it would on one line.
        if !line.starts_with(['.', '?', ')']) && !statement.ends_with(['(', '.']) {
            statement.push(' ');
        }
        statement.push_str(line);
        if line.ends_with([';', '{', '}']) {
            statements.push(String::new());
        }
    }
    statements.iter().map(|statement| statement.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::{statements, without_tests};

    #[test]
    fn only_what_is_marked_as_a_test_is_left_out() {
        let text = "\
#[cfg(test)]
use crate::one;
#[cfg(test)]
pub(crate) use put::{
    Two, Three,
};
struct Product {
    #[cfg(test)]
    seen: usize,
    kept: usize,
}
impl Product {
    /// Of tests.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn of(
        seen: usize,
    ) -> Product {
        if seen == 0 {
            panic!();
        }
    }

    fn kept(&self) {}
}
#[cfg(test)]
mod tests;
fn also_kept() {}
#[cfg(test)]
mod more {
    fn inner() {}
}
";
        let product = "\
struct Product {
    kept: usize,
}
impl Product {
    /// Of tests.

    fn kept(&self) {}
}
fn also_kept() {}
";
        assert_eq!(without_tests(text), (product.to_owned(), vec!["tests".to_owned()]));
    }

    #[test]
    fn a_statement_is_one_line_whatever_it_is_written_on() {
        let text = "\
fn f() {
    // not this
    let a = one
        .two(
            three,
        )
        == four;
    b()
}
";
        let lines = statements(text);
        assert_eq!(lines, ["fn f() {", "let a = one.two(three,) == four;", "b() }", ""]);
    }
}
