//! What a scrape gets, and that `docs/metrics.md` lists it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use api::Standing;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString};
use store::{ROWS_MAX, StoreOptions};
use tempfile::TempDir;

use super::*;

/// Keeps what is described: kind and meaning by name.
#[derive(Debug, Default)]
struct Described(std::sync::Mutex<BTreeMap<String, (&'static str, String)>>);

impl Described {
    fn note(&self, name: &KeyName, kind: &'static str, unit: Option<Unit>, meaning: &str) {
        assert!(unit.is_some(), "{} has no unit", name.as_str());
        let is_new =
            self.0.lock().unwrap().insert(name.as_str().to_owned(), (kind, meaning.to_owned()));
        assert!(is_new.is_none(), "{} is described twice", name.as_str());
    }
}

impl Recorder for Described {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, meaning: SharedString) {
        self.note(&key, "counter", unit, &meaning);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, meaning: SharedString) {
        self.note(&key, "gauge", unit, &meaning);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, meaning: SharedString) {
        self.note(&key, "histogram", unit, &meaning);
    }

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

fn described() -> BTreeMap<String, (&'static str, String)> {
    let described = Described::default();
    metrics::with_local_recorder(&described, describe);
    described.0.into_inner().unwrap()
}

/// The names of labels that a meaning promises: those in backticks.
fn promised_labels(meaning: &str) -> BTreeSet<&str> {
    meaning.split('`').skip(1).step_by(2).collect()
}

const HEAD: &str = "\
<!-- Made from the code by a test: UPDATE_DOCS=1 cargo test -p app -->
# Metrics

`/metrics` of each process, in Prometheus's text format, where `health.listen` or `--health-listen` says. Outside of production the API
serves it too, at its own address. Words in `backticks` within a meaning are labels. None of them holds an id, an address or anything
that a stranger chose, so the number of series is bounded by the configuration.

Figures about the database's rows are the same from every process: take the maximum over the instances, never the sum. They are
missing while the database does not answer, and `seungin_database_up` is 0 then. Counters begin anew with each process.
What to do when one of them looks wrong: [runbook.md](runbook.md). Rules: [alerts.yml](../deploy/prometheus/alerts.yml).

| name | kind | meaning |
|---|---|---|
";

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a switch for whoever runs the tests, not configuration"
)]
fn the_list_of_metrics_is_up_to_date() {
    let mut made = HEAD.to_owned();
    for (name, (kind, meaning)) in described() {
        assert!(!meaning.contains('|') && meaning.ends_with('.'), "{name}: {meaning}");
        writeln!(made, "| `{name}` | {kind} | {meaning} |").unwrap();
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == made,
        "docs/metrics.md is not what the code says: UPDATE_DOCS=1 cargo test -p app"
    );
}

#[test]
fn names_follow_the_conventions_of_prometheus() {
    for (name, (kind, _)) in described() {
        assert!(name.starts_with("seungin_"), "{name}");
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
        assert!(kind != "histogram" || name.ends_with("_seconds"), "{name} has no base unit");
        assert!(!name.contains("_ms") && !name.ends_with("_count"), "{name}");
    }
    let limit = ROWS_MAX.to_string();
    let spoken = described()["seungin_jobs"].1.replace(',', "");
    assert!(spoken.contains(&limit), "the limit of a count is told as it is");
}

/// Samples of one metric: labels and value.
type Samples = Vec<(BTreeMap<String, String>, f64)>;

/// Reads the text as Prometheus does, strictly: samples by name, with their labels and values.
fn parse(text: &str) -> BTreeMap<String, Samples> {
    let (mut samples, mut kinds) = (BTreeMap::<String, Vec<_>>::new(), BTreeMap::new());
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            if words.next() == Some("TYPE") {
                let name = words.next().unwrap().to_owned();
                let known = kinds.insert(name, words.next().unwrap().to_owned());
                assert_eq!(known, None, "a family stands in two places: {line}");
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
            None => (series, ""),
        };
        let labels = labels.split(',').filter(|pair| !pair.is_empty()).map(|pair| {
            let (label, value) = pair.split_once('=').unwrap();
            (
                label.to_owned(),
                value.strip_prefix('"').unwrap().strip_suffix('"').unwrap().to_owned(),
            )
        });
        let family = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|part| name.strip_suffix(part).filter(|family| kinds.contains_key(*family)))
            .unwrap_or(name);
        assert!(kinds.contains_key(family), "{line} has no TYPE");
        samples
            .entry(family.to_owned())
            .or_default()
            .push((labels.collect(), value.parse().unwrap()));
    }
    samples
}

/// One thing works and one does not.
fn report() -> Report {
    let check = |name, status| api::Check { name, status, why: None, for_seconds: 1 };
    let checks = [("database", Standing::Ok), ("queue_publisher", Standing::Degraded)];
    let checks = checks.map(|(name, status)| check(name, status)).into();
    Report { status: Standing::Degraded, checks }
}

/// A scrape of a process that has just begun, on an empty database.
async fn scraped(change: impl AsyncFnOnce(&Store)) -> (String, Scrape, TempDir) {
    let recorder = builder().unwrap().build_recorder();
    metrics::with_local_recorder(&recorder, describe);
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/scraped.db?mode=rwc", folder.path().display());
    let store = Store::open(&StoreOptions::new(url)).await.unwrap();
    store.migrate().await.unwrap();
    change(&store).await;
    let scrape = Scrape::new(Metrics::of(recorder.handle()), store);
    let text = scrape.text(&report()).await;
    (text, scrape, folder)
}

#[tokio::test]
async fn every_sample_is_described_and_has_no_other_labels_than_promised() {
    let (text, _scrape, _folder) = scraped(async |store| {
        let range = domain::reconcile::Range { from_ms: 1_000, to_ms: 90_000 };
        let mut run = store.begin_reconciliation("default", range).await.unwrap();
        run.compared_to_ms = range.to_ms;
        store.end_reconciliation(&mut run).await.unwrap();
    })
    .await;
    let described = described();
    let samples = parse(&text);
    for (name, samples) in &samples {
        let (_, meaning) = described.get(name).unwrap_or_else(|| panic!("{name} is not described"));
        let promised = promised_labels(meaning);
        for (labels, _) in samples {
            let labels = labels.keys().map(String::as_str).filter(|label| *label != "le");
            assert!(labels.collect::<BTreeSet<_>>().is_subset(&promised), "{name}: {meaning}");
        }
    }
    let value = |name: &str| samples[name][0].1;
    assert!(value("seungin_database_up") > 0.5 && value("seungin_build_info") > 0.5);
    assert_eq!(samples["seungin_jobs"].len(), 3 * 4);
    assert_eq!(samples["seungin_alerts_total"].len(), alerts::CODES.len());
    assert!(value("seungin_database_pool_max") > 0.5);
    let compared_to = &samples["seungin_reconciled_to_timestamp_seconds"];
    assert_eq!(compared_to, &[([("merchant".to_owned(), "default".to_owned())].into(), 90.0)]);
    let checks: BTreeMap<&str, f64> = samples["seungin_check_ok"]
        .iter()
        .map(|(labels, value)| (labels["check"].as_str(), *value))
        .collect();
    assert_eq!(checks, BTreeMap::from([("database", 1.0), ("queue_publisher", 0.0)]));
}

#[tokio::test]
async fn without_the_database_a_scrape_has_everything_else_and_says_so() {
    let (text, _scrape, _folder) =
        scraped(async |store| store.clone().close().await.unwrap()).await;
    let samples = parse(&text);
    assert_eq!(samples["seungin_database_up"], [(BTreeMap::new(), 0.0)]);
    assert!(!samples.contains_key("seungin_jobs"), "an old figure would be a lie");
    assert!(samples.contains_key("seungin_check_ok"));
    assert!(samples.contains_key("seungin_alerts_total"));
}

#[tokio::test]
async fn the_database_is_asked_once_for_scrapes_that_follow_each_other() {
    let (first, scrape, _folder) = scraped(async |_| {}).await;
    assert!(first.contains("\nseungin_poison_messages 0\n"), "{first}");
    scrape.store.clone().close().await.unwrap();
    assert!(scrape.text(&report()).await.contains("\nseungin_poison_messages 0\n"), "told again");
    let mut last = scrape.figures.lock().await;
    let (at, told) = last.take().unwrap();
    *last = Some((at - GAUGES_FRESH, told));
    drop(last);
    assert!(!scrape.text(&report()).await.contains("seungin_poison_messages"), "asked anew");
}
