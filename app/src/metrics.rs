//! The metrics of a process: the recorder behind the `metrics` facade, and the text that a scrape gets.
//!
//! What is counted stands in the crate that counts it; here everything comes together. Figures about the database's rows are read
//! when somebody asks, at most every few seconds (`gauges`). Not here: who serves the text.

mod gauges;

use std::time::Duration;

use anyhow::Context as _;
use api::{Report, Standing};
use metrics::{Unit, describe_gauge, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use store::Store;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::{alerts, telemetry};

const BUILD_INFO: &str = "seungin_build_info";
const CHECK_OK: &str = "seungin_check_ok";
const DATABASE_UP: &str = "seungin_database_up";
const POOL_OPEN: &str = "seungin_database_pool_open";
const POOL_IDLE: &str = "seungin_database_pool_idle";
const POOL_MAX: &str = "seungin_database_pool_max";

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
    describe_gauge!(
        CHECK_OK,
        Unit::Count,
        "1 while a `check` of readyz is passed, else 0; the check named process fails while a process stops."
    );
    describe_gauge!(
        DATABASE_UP,
        Unit::Count,
        "1 when the database told its figures at the last look, else 0: then those figures are missing."
    );
    describe_gauge!(POOL_OPEN, Unit::Count, "Open connections of this process to the database.");
    describe_gauge!(
        POOL_IDLE,
        Unit::Count,
        "Open connections of this process to the database that nobody uses."
    );
    describe_gauge!(
        POOL_MAX,
        Unit::Count,
        "How many connections to the database this process may open."
    );
    gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1);
}

/// What a scrape gets.
#[derive(Debug)]
pub(crate) struct Scrape {
    metrics: Metrics,
    store: Store,
    /// When the database was asked last, and its figures as text. Whoever asks it holds this, so that one asks for all.
    figures: Mutex<Option<(Instant, String)>>,
}

impl Scrape {
    /// Metrics of this process and figures of this database.
    pub(crate) fn new(metrics: Metrics, store: Store) -> Scrape {
        Scrape { metrics, store, figures: Mutex::default() }
    }

    /// The text, of a process that is as `report` says. Without the database it has everything else.
    pub(crate) async fn text(&self, report: &Report) -> String {
        let figures = self.figures().await;
        for check in &report.checks {
            gauge!(CHECK_OK, "check" => check.name).set(u32::from(check.status == Standing::Ok));
        }
        let pool = self.store.pool_gauges();
        gauge!(POOL_OPEN).set(pool.open);
        gauge!(POOL_IDLE).set(pool.idle);
        gauge!(POOL_MAX).set(pool.max);
        let mut text = self.metrics.handle.render();
        text.push_str(&figures);
        text
    }

    async fn figures(&self) -> String {
        let mut last = self.figures.lock().await;
        if let Some((at, text)) = last.as_ref()
            && at.elapsed() < GAUGES_FRESH
        {
            return text.clone();
        }
        let read = tokio::time::timeout(GAUGES_PATIENCE, self.store.read_gauges()).await;
        let text = match read {
            Ok(Ok(gauges)) => Some(gauges::render(&gauges)),
            Ok(Err(error)) => {
                tracing::warn!(error = error.with_causes(), "the figures could not be read");
                None
            }
            Err(_) => {
                tracing::warn!(patience = ?GAUGES_PATIENCE, "the figures took too long to read");
                None
            }
        };
        gauge!(DATABASE_UP).set(u32::from(text.is_some()));
        let text = text.unwrap_or_default();
        *last = Some((Instant::now(), text.clone()));
        text
    }
}

#[cfg(test)]
mod tests;
