//! How everything stands, as staff see it.

use serde::Serialize;
use store::{
    BoundedCount, FailureCount, Latency, MerchantHealth, NeedsPerson, Overview, Traffic,
    TrafficPoint, WorkerRow,
};
use utoipa::ToSchema;

use super::instant;
use super::job::JobView;

/// How everything stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OverviewView {
    /// When it was read.
    #[schema(format = DateTime)]
    pub(crate) at: String,
    /// What needs a person.
    pub(crate) needs_person: NeedsPersonView,
    /// The unfinished job that could have run for the longest time and that nobody has.
    #[schema(required = true)]
    pub(crate) oldest_waiting: Option<JobView>,
    /// Jobs that a worker has.
    pub(crate) in_flight: CountView,
    /// Jobs that were handed to the queue and that nobody has yet.
    pub(crate) queued: CountView,
    /// Jobs that wait for their time.
    pub(crate) scheduled: CountView,
    /// Jobs that are due and that no queue has.
    pub(crate) unpublished: CountView,
    /// What ended within the last hour, by minutes.
    pub(crate) hour: TrafficView,
    /// What ended within the last day, by half hours.
    pub(crate) day: TrafficView,
    /// How the merchants' calls go; empty for those who do not act for every store.
    pub(crate) merchants: Vec<MerchantHealthView>,
    /// The workers that were heard of lately; empty for those who do not act for every store.
    pub(crate) workers: Vec<WorkerView>,
}

/// A count that stops.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CountView {
    /// How many, at most 10,000.
    pub(crate) count: u64,
    /// Whether there are more, or may be.
    pub(crate) more: bool,
}

/// What needs a person, by why.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NeedsPersonView {
    /// Parked jobs.
    pub(crate) parked: Vec<ReasonView>,
    /// Payments in review.
    pub(crate) in_review: Vec<ReasonView>,
    /// Open findings of reconciliation.
    pub(crate) findings: Vec<ReasonView>,
}

/// How many there are for one reason.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReasonView {
    /// A stable word.
    pub(crate) reason: String,
    /// How many, at most 10,000.
    pub(crate) count: u64,
    /// Whether there are more, or may be.
    pub(crate) more: bool,
}

/// What ended within a time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TrafficView {
    /// From when.
    #[schema(format = DateTime)]
    pub(crate) from: String,
    /// How long each point is.
    pub(crate) step_seconds: i64,
    /// Confirms and cancels that succeeded.
    pub(crate) succeeded: u64,
    /// Confirms and cancels that ended in any other way.
    pub(crate) failed: u64,
    /// Look-ups that ended.
    pub(crate) looked_up: u64,
    /// How many of a hundred thousand confirms and cancels succeeded; null when none ended.
    #[schema(required = true)]
    pub(crate) success_per_hundred_thousand: Option<u64>,
    /// The series, oldest first; the last one is still growing.
    pub(crate) points: Vec<TrafficPointView>,
    /// What did not succeed, the most frequent first.
    pub(crate) failures: Vec<FailureCountView>,
    /// Whether more ended than could be counted.
    pub(crate) more: bool,
}

/// What ended in a stretch of time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TrafficPointView {
    /// Its beginning.
    #[schema(format = DateTime)]
    pub(crate) at: String,
    /// Confirms and cancels that succeeded.
    pub(crate) succeeded: u64,
    /// Confirms and cancels that ended in any other way.
    pub(crate) failed: u64,
    /// Look-ups that ended.
    pub(crate) looked_up: u64,
}

/// How often jobs of a kind ended with a code.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FailureCountView {
    /// confirm, cancel or look_up.
    pub(crate) kind: &'static str,
    /// The last code; empty where there was none.
    pub(crate) code: String,
    /// How many.
    pub(crate) count: u64,
}

/// How a merchant's calls go.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MerchantHealthView {
    /// Its name.
    pub(crate) merchant: String,
    /// Whether confirms and cancels wait because Toss does not answer.
    pub(crate) breaker_open: bool,
    /// What the last failed call brought, while they do.
    #[schema(required = true)]
    pub(crate) breaker_code: Option<String>,
    /// What is paused.
    pub(crate) pauses: Vec<PauseView>,
    /// How long its newest calls took; an operation without calls is missing.
    pub(crate) latency: Vec<LatencyView>,
}

/// A pause.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PauseView {
    /// all, confirm, cancel or look_up.
    pub(crate) scope: String,
    /// A code, or a person's sentence.
    pub(crate) reason: String,
}

/// How long calls took.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LatencyView {
    /// confirm, cancel or look_up.
    pub(crate) operation: &'static str,
    /// How many calls it is taken from: the newest ones.
    pub(crate) calls: u64,
    /// Half of them took so long or less.
    pub(crate) p50_ms: i64,
    /// 95 of a hundred.
    pub(crate) p95_ms: i64,
    /// 99 of a hundred.
    pub(crate) p99_ms: i64,
    /// When the oldest of them began.
    #[schema(format = DateTime)]
    pub(crate) since: String,
}

/// A worker, as it last said of itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorkerView {
    /// Unique among all workers ever started.
    pub(crate) worker: String,
    /// The machine or container.
    pub(crate) host: String,
    /// Of the program.
    pub(crate) version: String,
    /// The kinds of jobs that it takes, with commas between.
    pub(crate) kinds: String,
    /// Calls at once, at the most.
    pub(crate) concurrency: i32,
    /// Jobs that it holds.
    pub(crate) in_flight: i32,
    /// alive, stopping or lost.
    pub(crate) standing: &'static str,
    /// When it was started.
    #[schema(format = DateTime)]
    pub(crate) started_at: String,
    /// Its last heartbeat.
    #[schema(format = DateTime)]
    pub(crate) seen_at: String,
}

impl OverviewView {
    /// How everything stands.
    pub(crate) fn new(overview: Overview) -> OverviewView {
        OverviewView {
            at: instant(overview.now_ms),
            needs_person: NeedsPersonView::new(overview.people),
            oldest_waiting: overview.oldest_waiting.as_ref().map(JobView::new),
            in_flight: CountView::new(overview.in_flight),
            queued: CountView::new(overview.queued),
            scheduled: CountView::new(overview.scheduled),
            unpublished: CountView::new(overview.unpublished),
            hour: TrafficView::new(overview.hour),
            day: TrafficView::new(overview.day),
            merchants: overview.merchants.into_iter().map(MerchantHealthView::new).collect(),
            workers: overview.workers.into_iter().map(WorkerView::new).collect(),
        }
    }
}

impl CountView {
    /// A count.
    pub(crate) fn new(count: BoundedCount) -> CountView {
        CountView { count: count.count, more: count.is_floor }
    }
}

impl NeedsPersonView {
    fn new(people: NeedsPerson) -> NeedsPersonView {
        let reasons = |counts: Vec<(String, BoundedCount)>| {
            counts.into_iter().map(|(reason, of)| ReasonView {
                reason,
                count: of.count,
                more: of.is_floor,
            })
        };
        NeedsPersonView {
            parked: reasons(people.parked).collect(),
            in_review: reasons(people.in_review).collect(),
            findings: reasons(people.findings).collect(),
        }
    }
}

impl TrafficView {
    fn new(traffic: Traffic) -> TrafficView {
        let point = |point: TrafficPoint| TrafficPointView {
            at: instant(point.at_ms),
            succeeded: point.succeeded,
            failed: point.failed,
            looked_up: point.looked_up,
        };
        let failure = |failure: FailureCount| FailureCountView {
            kind: failure.kind.word(),
            code: failure.code,
            count: failure.count,
        };
        TrafficView {
            from: instant(traffic.from_ms),
            step_seconds: traffic.step_ms.checked_div(1_000).unwrap_or(0),
            succeeded: traffic.total.succeeded,
            failed: traffic.total.failed,
            looked_up: traffic.total.looked_up,
            success_per_hundred_thousand: traffic.total.success_per_100_000(),
            points: traffic.points.into_iter().map(point).collect(),
            failures: traffic.failures.into_iter().map(failure).collect(),
            more: traffic.is_floor,
        }
    }
}

impl MerchantHealthView {
    fn new(health: MerchantHealth) -> MerchantHealthView {
        let pause = |(scope, reason)| PauseView { scope, reason };
        let latency = |latency: Latency| LatencyView {
            operation: latency.operation.word(),
            calls: latency.calls,
            p50_ms: latency.p50_ms,
            p95_ms: latency.p95_ms,
            p99_ms: latency.p99_ms,
            since: instant(latency.since_ms),
        };
        MerchantHealthView {
            merchant: health.merchant,
            breaker_open: health.is_breaker_open,
            breaker_code: health.breaker_code,
            pauses: health.pauses.into_iter().map(pause).collect(),
            latency: health.latency.into_iter().map(latency).collect(),
        }
    }
}

impl WorkerView {
    /// A worker.
    pub(crate) fn new(row: WorkerRow) -> WorkerView {
        let standing = row.standing().word();
        WorkerView {
            worker: row.said.id,
            host: row.said.host,
            version: row.said.version,
            kinds: row.said.kinds,
            concurrency: row.said.concurrency,
            in_flight: row.said.in_flight,
            standing,
            started_at: instant(row.started_at_ms),
            seen_at: instant(row.seen_at_ms),
        }
    }
}
