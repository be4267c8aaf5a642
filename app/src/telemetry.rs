//! Log lines, to stderr: pretty on a terminal and JSON otherwise. And the count of alerts among them.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt};

use crate::alerts;
use crate::config::{LogConfig, LogFormat};

/// A part of what listens to the process.
type Listener = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts logging. Call it once.
///
/// # Errors
/// Logging was started before.
pub(crate) fn start(log: &LogConfig, has_colour: bool) -> anyhow::Result<()> {
    let listeners = vec![lines(log, has_colour)?, alerts::layer().boxed()];
    tracing_subscriber::registry().with(listeners).try_init().context("start logging")
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
        // The innermost span alone: it has the id of the request or the attempt, and the list of all would repeat it.
        let json = lines.json().flatten_event(true).with_current_span(true).with_span_list(false);
        json.with_filter(filter).boxed()
    })
}
