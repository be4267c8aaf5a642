//! What is counted, and that nothing is raised that nobody could read about.

mod runbook;

use std::path::{Path, PathBuf};

use metrics_exporter_prometheus::PrometheusBuilder;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;

#[test]
fn lines_with_a_known_code_are_counted_whether_or_not_they_are_shown() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let shown = tracing_subscriber::fmt::layer()
        .with_writer(std::io::sink)
        .with_filter(EnvFilter::new("off"));
    let subscriber = tracing_subscriber::registry().with(shown).with(layer());
    metrics::with_local_recorder(&recorder, || {
        describe_metrics();
        tracing::subscriber::with_default(subscriber, || {
            tracing::error!(alert = "job_parked", "one");
            tracing::error!(alert = "job_parked", order_id = "order-1", "two");
            tracing::error!(alert = "of_somebody_else", "not ours");
            tracing::error!("no alert");
        });
    });
    let text = recorder.handle().render();
    assert!(text.contains("seungin_alerts_total{code=\"job_parked\"} 2\n"), "{text}");
    assert!(text.contains("seungin_alerts_total{code=\"panic\"} 0\n"), "{text}");
    assert!(!text.contains("of_somebody_else") && !text.contains("order-1"), "{text}");
}

/// Every Rust file of a folder, without its tests.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_test = path.file_stem().is_some_and(|name| name == "tests");
        if path.is_dir() && !is_test {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test {
            found.push(path);
        }
    }
}

/// The codes that a text raises. Each stands in an `error!` and as a word of its own, so that it can be searched for.
fn raised(text: &str) -> Vec<String> {
    let field = format!("{FIELD} = ");
    let begins_word = |at: &usize| {
        let before = &text[..*at];
        !before.ends_with(|c: char| c.is_alphanumeric() || c == '_') && !before.ends_with("let ")
    };
    let places = text.match_indices(&field).map(|(at, _)| at).filter(begins_word);
    places
        .map(|at| {
            let (before, after) = text.split_at(at);
            let macro_name = before.rsplit("tracing::").next().unwrap();
            assert!(macro_name.starts_with("error!("), "an alert is an error: {macro_name}");
            let code =
                after[field.len()..].strip_prefix('"').and_then(|code| code.split('"').next());
            code.unwrap_or_else(|| panic!("no word: {after}")).to_owned()
        })
        .collect()
}

#[test]
fn the_list_has_every_code_of_the_source_and_each_is_raised_by_an_error() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for one in std::fs::read_dir(&root).unwrap() {
        let source = one.unwrap().path().join("src");
        if source.is_dir() {
            sources(&source, &mut files);
        }
    }
    assert!(files.len() > 100, "the whole product is looked at");
    let texts = files.iter().map(|file| std::fs::read_to_string(file).unwrap());
    let mut codes: Vec<String> = texts.flat_map(|text| raised(&text)).collect();
    codes.sort();
    codes.dedup();
    assert_eq!(codes, CODES, "alerts::CODES is in the order of the alphabet");
}
