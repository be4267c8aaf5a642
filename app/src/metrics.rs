//! The metrics of a process: the recorder behind the `metrics` facade, and the text that a scrape gets.
//!
//! What is counted stands in the crate that counts it; here everything comes together. What is looked at only when somebody asks is
//! in `gauges`; the database is asked at most every few seconds. Not here: who serves the text.

mod gauges;

use std::time::Duration;

use anyhow::Context as _;
use api::Report;
use metrics::{Unit, describe_gauge, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use store::{Gauges, Store};
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::{alerts, telemetry};

const BUILD_INFO: &str = "seungin_build_info";

/// The content type of the text. Source: Prometheus, text-based exposition format.
pub(crate) const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How often samples are sorted into their buckets. Between two times they wait in memory.
const UPKEEP: Duration = Duration::from_secs(5);
/// How long the figures of the database are told again: several scrapers, or a curious one, cost no more than one.
const GAUGES_FRESH: Duration = Duration::from_secs(5);
/// How long reading them may take. Prometheus gives up on a scrape after ten seconds.
const GAUGES_PATIENCE: Duration = Duration::from_secs(3);

/// Upper bounds of our own requests, in seconds: an answer takes milliseconds, a long poll half a minute.
const REQUEST_BUCKETS: [f64; 12] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Upper bounds of calls to Toss, in seconds, up to the deadline of a call.
const CALL_BUCKETS: [f64; 12] = [0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0];
/// Upper bounds of everything else that is timed.
const OTHER_BUCKETS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

/// The recorder of this process.
#[derive(Debug)]
pub(crate) struct Metrics {
    handle: PrometheusHandle,
    /// Samples are sorted for as long as this lives.
    _upkeep: AbortOnDropHandle<()>,
}

impl Metrics {
    /// Installs the recorder. Call it once, in the runtime; what was counted before is lost.
    ///
    /// # Errors
    /// There is a recorder already.
    pub(crate) fn install() -> anyhow::Result<Metrics> {
        let handle = builder()?.install_recorder().context("the metrics recorder")?;
        describe();
        Ok(Metrics::of(handle))
    }

    fn of(handle: PrometheusHandle) -> Metrics {
        let upkeep = tokio::spawn({
            let handle = handle.clone();
            async move {
                loop {
                    tokio::time::sleep(UPKEEP).await;
                    handle.run_upkeep();
                }
            }
        });
        Metrics { handle, _upkeep: AbortOnDropHandle::new(upkeep) }
    }
}

fn builder() -> anyhow::Result<PrometheusBuilder> {
    let suffix = |suffix: &str| Matcher::Suffix(suffix.to_owned());
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(suffix("http_request_duration_seconds"), &REQUEST_BUCKETS)
        .and_then(|it| {
            it.set_buckets_for_metric(suffix("toss_call_duration_seconds"), &CALL_BUCKETS)
        })
        .and_then(|it| it.set_buckets(&OTHER_BUCKETS));
    builder.context("the metrics recorder")
}

/// Says what every metric means, and begins those that a dashboard wants to see from the start.
fn describe() {
    api::describe_metrics();
    worker::describe_metrics();
    queue::describe_metrics();
    alerts::describe_metrics();
    gauges::describe_metrics();
    telemetry::describe_metrics();
    describe_gauge!(BUILD_INFO, Unit::Count, "Always 1; `version` is the program's.");
    gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1);
}

/// What a scrape gets.
#[derive(Debug)]
pub(crate) struct Scrape {
    metrics: Metrics,
    store: Store,
    /// When the database was asked last, and what it told. Whoever asks it holds this, so that one asks for all.
    figures: Mutex<Option<(Instant, Option<Gauges>)>>,
}

impl Scrape {
    /// Metrics of this process and figures of this database.
    pub(crate) fn new(metrics: Metrics, store: Store) -> Scrape {
        Scrape { metrics, store, figures: Mutex::default() }
    }

    /// The text, of a process that is as `report` says. Without the database it has everything else.
    pub(crate) async fn text(&self, report: &Report) -> String {
        let figures = self.figures().await;
        let now = gauges::Now { report, pool: self.store.pool_gauges(), figures: figures.as_ref() };
        let mut text = self.metrics.handle.render();
        text.push_str(&gauges::render(&now));
        text
    }

    async fn figures(&self) -> Option<Gauges> {
        let mut last = self.figures.lock().await;
        if let Some((at, told)) = last.as_ref()
            && at.elapsed() < GAUGES_FRESH
        {
            return told.clone();
        }
        let told = match tokio::time::timeout(GAUGES_PATIENCE, self.store.read_gauges()).await {
            Ok(Ok(gauges)) => Some(gauges),
            Ok(Err(error)) => {
                tracing::warn!(error = error.with_causes(), "the figures could not be read");
                None
            }
            Err(_) => {
                tracing::warn!(patience = ?GAUGES_PATIENCE, "the figures took too long to read");
                None
            }
        };
        *last = Some((Instant::now(), told.clone()));
        told
    }
}

#[cfg(test)]
mod tests;
