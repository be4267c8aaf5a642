//! Log lines, to stderr: pretty on a terminal and JSON otherwise. The count of alerts among them. And traces, to a collector if one is
//! configured.

#[cfg(feature = "otlp")]
mod otlp;

use std::io::IsTerminal as _;

use anyhow::Context as _;
use metrics::{Unit, counter, describe_counter};
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt};

use crate::alerts;
use crate::config::{LogConfig, LogFormat, TracesConfig};

/// Counts the spans that no collector took.
const SPANS_LOST: &str = "seungin_trace_spans_lost_total";

/// A part of what listens to the process.
type Listener = Box<dyn Layer<Registry> + Send + Sync>;

/// What was started. Call [`Telemetry::finish`] when nothing is left to tell.
#[derive(Debug)]
pub(crate) struct Telemetry {
    #[cfg(feature = "otlp")]
    export: Option<otlp::Export>,
}

/// Says what is counted here, and begins it.
pub(crate) fn describe_metrics() {
    describe_counter!(
        SPANS_LOST,
        Unit::Count,
        "Spans of traces that were not exported, because the collector is away, too slow, or refuses them."
    );
    counter!(SPANS_LOST).increment(0);
}

/// Starts logging, and exporting if `traces` are given. Call it once, outside of the runtime.
///
/// # Errors
/// Logging was started before, or no exporter can be made of the configuration.
pub(crate) fn start(
    log: &LogConfig,
    traces: Option<&TracesConfig>,
    has_colour: bool,
) -> anyhow::Result<Telemetry> {
    let mut listeners = vec![lines(log, has_colour)?, alerts::layer().boxed()];
    let telemetry = export(traces, &mut listeners)?;
    tracing_subscriber::registry().with(listeners).try_init().context("start logging")?;
    Ok(telemetry)
}

fn lines(log: &LogConfig, has_colour: bool) -> anyhow::Result<Listener> {
    let filter = EnvFilter::builder().parse(&log.filter).context("the log filter")?;
    let is_pretty = match log.format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    let lines = fmt::layer().with_writer(std::io::stderr);
    Ok(if is_pretty {
        let has_colour = has_colour && std::io::stderr().is_terminal();
        lines.with_ansi(has_colour).with_target(false).with_filter(filter).boxed()
    } else {
        // The innermost span alone: it has the ids of the request or the attempt, and the list of all would repeat them.
        let json = lines.json().flatten_event(true).with_current_span(true).with_span_list(false);
        json.with_filter(filter).boxed()
    })
}

#[cfg(feature = "otlp")]
fn export(
    traces: Option<&TracesConfig>,
    listeners: &mut Vec<Listener>,
) -> anyhow::Result<Telemetry> {
    let Some(traces) = traces else { return Ok(Telemetry { export: None }) };
    let (export, listener) = otlp::start(traces).context("traces cannot be exported")?;
    listeners.push(listener);
    Ok(Telemetry { export: Some(export) })
}

#[cfg(not(feature = "otlp"))]
fn export(
    traces: Option<&TracesConfig>,
    _listeners: &mut Vec<Listener>,
) -> anyhow::Result<Telemetry> {
    anyhow::ensure!(
        traces.is_none(),
        "telemetry.otlp_endpoint is set, and this program was built without the feature `otlp`"
    );
    Ok(Telemetry {})
}

impl Telemetry {
    /// Sends what is left to the collector, for a bounded time. Call it outside of the runtime.
    pub(crate) fn finish(self) {
        #[cfg(feature = "otlp")]
        if let Some(export) = self.export {
            export.finish();
        }
    }
}
