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
pub(crate) const CODES: [&str; 15] = [
    "breaker_open",
    "database_full",
    "findings_open",
    "foreign_cancel",
    "illegal_move",
    "job_parked",
    "keys_missing",
    "merchant_paused",
    "panic",
    "payment_left_behind",
    "poison_message",
    "queue_refused",
    "reconciliation_stopped",
    "unreadable_row",
    "unrecordable_answer",
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
mod tests;
