//! What is looked at when somebody asks: the process's checks and connections, and the database's figures. It is rendered from a
//! recorder of its own, which is forgotten afterwards: what is not there any more (a pause that was lifted, the figures of a database
//! that does not answer) leaves no old value behind.
//!
//! Every process that is scraped tells the same figures: take the maximum over the instances, never the sum.

use std::time::Duration;

use api::{Report, Standing};
use metrics::{Unit, describe_gauge, gauge};
use metrics_exporter_prometheus::PrometheusBuilder;
use store::{Gauges, PoolGauges};

const CHECK_OK: &str = "seungin_check_ok";
const DATABASE_UP: &str = "seungin_database_up";
const POOL_OPEN: &str = "seungin_database_pool_open";
const POOL_IDLE: &str = "seungin_database_pool_idle";
const POOL_MAX: &str = "seungin_database_pool_max";
const JOBS: &str = "seungin_jobs";
const OLDEST_WAITING: &str = "seungin_jobs_oldest_waiting_seconds";
const PARKED: &str = "seungin_jobs_parked";
const IN_REVIEW: &str = "seungin_payments_in_review";
const BREAKER_OPEN: &str = "seungin_breaker_open";
const PAUSED: &str = "seungin_calls_paused";
const WORKERS: &str = "seungin_workers_live";
const WORKERS_LOST: &str = "seungin_workers_lost";
const WORKERS_CONCURRENCY: &str = "seungin_workers_concurrency";
const WORKERS_IN_FLIGHT: &str = "seungin_workers_in_flight";
const POISON_MESSAGES: &str = "seungin_poison_messages";
const FINDINGS_OPEN: &str = "seungin_findings_open";
const RECONCILED_TO: &str = "seungin_reconciled_to_timestamp_seconds";

/// How it is now.
#[derive(Debug)]
pub(super) struct Now<'a> {
    pub(super) report: &'a Report,
    pub(super) pool: PoolGauges,
    /// `None` when the database does not tell them.
    pub(super) figures: Option<&'a Gauges>,
}

/// Says what they mean.
pub(super) fn describe_metrics() {
    describe_process();
    describe_figures();
}

fn describe_process() {
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
}

fn describe_figures() {
    describe_gauge!(
        JOBS,
        Unit::Count,
        "Jobs that have not ended, by `kind` and `state`; unknown is a kind of a newer version. A state of more than 100,000 counts as that many."
    );
    describe_gauge!(
        OLDEST_WAITING,
        Unit::Seconds,
        "For how long the oldest job could have run without a worker having it, by `kind`. Publishing it again does not make it younger."
    );
    describe_gauge!(PARKED, Unit::Count, "Jobs that wait for a person, by `reason`.");
    describe_gauge!(IN_REVIEW, Unit::Count, "Payments that a person should look at, by `reason`.");
    describe_gauge!(
        BREAKER_OPEN,
        Unit::Count,
        "1 while the circuit breaker of a `merchant` is open: no confirm or cancel is begun."
    );
    describe_gauge!(
        PAUSED,
        Unit::Count,
        "1 while calls of a `merchant` are paused, by `scope`; missing otherwise."
    );
    describe_gauge!(
        WORKERS,
        Unit::Count,
        "Workers seen within 15 seconds that take jobs of this `kind`."
    );
    describe_gauge!(
        WORKERS_LOST,
        Unit::Count,
        "Workers that went silent within the last hour without saying goodbye: killed, or cut off from the database."
    );
    describe_gauge!(
        WORKERS_CONCURRENCY,
        Unit::Count,
        "Calls that the live workers together may make at once."
    );
    describe_gauge!(
        WORKERS_IN_FLIGHT,
        Unit::Count,
        "Jobs that the live workers together held at their last heartbeat."
    );
    describe_gauge!(
        POISON_MESSAGES,
        Unit::Count,
        "Messages that were set aside because nobody could read them."
    );
    describe_gauge!(
        FINDINGS_OPEN,
        Unit::Count,
        "Differences between our records and Toss's that wait for a person, by `kind`."
    );
    describe_gauge!(
        RECONCILED_TO,
        Unit::Seconds,
        "Up to when a `merchant`'s records were compared with Toss's, as a Unix time; missing for one that never was."
    );
}

/// All of it as text.
pub(super) fn render(now: &Now<'_>) -> String {
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || {
        describe_metrics();
        set(now);
    });
    recorder.handle().render()
}

fn set(now: &Now<'_>) {
    for check in &now.report.checks {
        gauge!(CHECK_OK, "check" => check.name).set(u32::from(check.status == Standing::Ok));
    }
    gauge!(DATABASE_UP).set(u32::from(now.figures.is_some()));
    gauge!(POOL_OPEN).set(now.pool.open);
    gauge!(POOL_IDLE).set(now.pool.idle);
    gauge!(POOL_MAX).set(now.pool.max);
    if let Some(figures) = now.figures {
        set_figures(figures);
    }
}

fn set_figures(gauges: &Gauges) {
    for group in &gauges.jobs {
        gauge!(JOBS, "kind" => group.kind, "state" => group.state.word()).set(number(group.count));
    }
    for (kind, age_ms) in &gauges.oldest_waiting_ms {
        let age = Duration::from_millis(u64::try_from(*age_ms).unwrap_or(0));
        gauge!(OLDEST_WAITING, "kind" => kind.word()).set(age);
    }
    for (reason, count) in &gauges.parked {
        gauge!(PARKED, "reason" => *reason).set(number(*count));
    }
    for (reason, count) in &gauges.in_review {
        gauge!(IN_REVIEW, "reason" => *reason).set(number(*count));
    }
    for (merchant, is_open) in &gauges.breakers {
        gauge!(BREAKER_OPEN, "merchant" => merchant.clone()).set(u32::from(*is_open));
    }
    for (merchant, scope) in &gauges.pauses {
        gauge!(PAUSED, "merchant" => merchant.clone(), "scope" => scope.clone()).set(1);
    }
    for (kind, count) in &gauges.workers {
        gauge!(WORKERS, "kind" => kind.word()).set(number(*count));
    }
    gauge!(WORKERS_LOST).set(number(gauges.workers_lost));
    gauge!(WORKERS_CONCURRENCY).set(number(gauges.workers_concurrency));
    gauge!(WORKERS_IN_FLIGHT).set(number(gauges.workers_in_flight));
    for (kind, count) in &gauges.findings {
        gauge!(FINDINGS_OPEN, "kind" => kind.word()).set(number(*count));
    }
    for (merchant, to_ms) in &gauges.reconciled_to_ms {
        let to = Duration::from_millis(u64::try_from(*to_ms).unwrap_or(0));
        gauge!(RECONCILED_TO, "merchant" => merchant.clone()).set(to);
    }
    gauge!(POISON_MESSAGES).set(number(gauges.poison_messages));
}

/// A count as gauges take it; none of them comes near the end of the range.
fn number(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(if count < 0 { 0 } else { u32::MAX })
}
