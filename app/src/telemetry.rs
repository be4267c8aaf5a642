//! Log lines: to stderr, pretty on a terminal and JSON otherwise.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};

/// Starts logging. Call it once.
///
/// # Errors
/// Logging was started before.
pub(crate) fn start(log: &LogConfig, has_colour: bool) -> anyhow::Result<()> {
    let filter = EnvFilter::builder().parse(&log.filter).context("the log filter")?;
    let is_pretty = match log.format {
        LogFormat::Auto => std::io::stderr().is_terminal(),
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if is_pretty {
        lines.with_ansi(has_colour && std::io::stderr().is_terminal()).with_target(false).try_init()
    } else {
        // The innermost span alone: it has the id of the request or the attempt, and the list of all would repeat it.
        lines.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
    };
    started.map_err(|error| anyhow::anyhow!(error)).context("start logging")
}
