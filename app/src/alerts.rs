//! Alerts as a metric: whatever is logged with an `alert` is counted by its code.
//!
//! An alert is a stable code, an ERROR line that carries it, this counter, and a paragraph of `docs/runbook.md`. The line alone raises
//! it, wherever it is written; this file does the counting. It does not depend on which lines are shown.

use metrics::{Unit, counter, describe_counter};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Every code there is. A test compares them with the source and with the runbook.
pub(crate) const CODES: [&str; 9] = [
    "breaker_open",
    "foreign_cancel",
    "illegal_move",
    "job_parked",
    "merchant_paused",
    "panic",
    "poison_message",
    "queue_refused",
    "unreadable_row",
];

const ALERTS: &str = "seungin_alerts_total";
/// The field that makes a line an alert.
const FIELD: &str = "alert";

/// Says what the counter means, and begins every code at zero, so that the first alert is seen as a rise.
pub(crate) fn describe_metrics() {
    describe_counter!(ALERTS, Unit::Count, "Alerts that were raised, by `code`: see runbook.md.");
    for code in CODES {
        counter!(ALERTS, "code" => code).increment(0);
    }
}

/// Counts them.
pub(crate) fn layer<S>() -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let is_alert = |metadata: &Metadata<'_>| {
        *metadata.level() == Level::ERROR && metadata.fields().field(FIELD).is_some()
    };
    CountAlerts.with_filter(filter_fn(is_alert).with_max_level_hint(LevelFilter::ERROR))
}

struct CountAlerts;

impl<S: Subscriber> Layer<S> for CountAlerts {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut found = Code(None);
        event.record(&mut found);
        if let Some(code) = found.0 {
            counter!(ALERTS, "code" => code).increment(1);
        }
    }
}

/// The code of a line, if it is one of ours.
struct Code(Option<&'static str>);

impl Visit for Code {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == FIELD {
            self.0 = CODES.into_iter().find(|code| *code == value);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

#[cfg(test)]
mod tests {
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

    /// Every Rust file of the product, without its tests.
    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
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
        let mut raised = Vec::new();
        for file in files.iter().filter(|file| !file.ends_with("app/src/alerts.rs")) {
            let text = std::fs::read_to_string(file).unwrap();
            let mut rest = text.as_str();
            while let Some(at) = rest.find("alert = \"") {
                let (before, after) = rest.split_at(at);
                let macro_name = before.rsplit("tracing::").next().unwrap();
                assert!(macro_name.starts_with("error!("), "{}: {macro_name}", file.display());
                let code = after["alert = \"".len()..].split('"').next().unwrap();
                raised.push(code.to_owned());
                rest = &after["alert = \"".len()..];
            }
        }
        raised.sort();
        raised.dedup();
        assert_eq!(raised, CODES, "alerts::CODES is in the order of the alphabet");
    }
}
