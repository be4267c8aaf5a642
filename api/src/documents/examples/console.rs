//! What the operators' console shows, as examples.

use serde_json::{Value, json};

use super::{orders, staff};
use crate::views::job_sums::{JobCountView, JobCountsView, JobGroupView, JobGroupsView};
use crate::views::overview::{
    CountView, FailureCountView, LatencyView, MerchantHealthView, NeedsPersonView, OverviewView,
    ReasonView, TrafficPointView, TrafficView, WorkerView,
};
use crate::views::timeline::{TimelineEntryView, TimelineView};

const NOW: &str = "2026-11-23T11:40:00.000Z";

pub(super) fn counts() -> JobCountsView {
    let count = |state, count, more| JobCountView { state, count, more };
    let counts = vec![
        count("failed", 23, false),
        count("parked", 3, false),
        count("queued", 0, false),
        count("running", 4, false),
        count("waiting", 11, false),
        count("succeeded", 10_000, true),
        count("declined", 20, false),
        count("void", 0, false),
        count("discarded", 0, false),
        count("all", 10_000, true),
    ];
    JobCountsView { counts }
}

pub(super) fn groups() -> JobGroupsView {
    let group = JobGroupView {
        kind: "confirm",
        code: Some("UNAUTHORIZED_KEY".to_owned()),
        class: Some("broken"),
        count: 3,
        first_seen_at: "2026-11-23T11:37:41.530Z".to_owned(),
        last_seen_at: "2026-11-23T11:39:02.118Z".to_owned(),
    };
    JobGroupsView { groups: vec![group], more: false }
}

pub(super) fn table() -> Value {
    json!(
        "\"jobId\",\"kind\",\"state\"\r\n\"019ab1c3-1f2e-7c00-8d5f-6a7b8c9d0e1f\",\"confirm\",\"parked\"\r\n"
    )
}

fn count(count: u64) -> CountView {
    CountView { count, more: false }
}

fn traffic(from: &str, step_seconds: i64) -> TrafficView {
    let point = TrafficPointView { at: from.to_owned(), succeeded: 118, failed: 2, looked_up: 3 };
    TrafficView {
        from: from.to_owned(),
        step_seconds,
        succeeded: 118,
        failed: 2,
        looked_up: 3,
        success_per_hundred_thousand: Some(98_333),
        points: vec![point],
        failures: vec![FailureCountView {
            kind: "confirm",
            code: "REJECT_CARD_COMPANY".to_owned(),
            count: 2,
        }],
        more: false,
    }
}

pub(super) fn overview() -> OverviewView {
    let reason = |reason: &str, count| ReasonView { reason: reason.to_owned(), count, more: false };
    OverviewView {
        at: NOW.to_owned(),
        needs_person: NeedsPersonView {
            parked: vec![reason("setup", 3)],
            in_review: vec![reason("late_approval", 1)],
            findings: vec![],
        },
        oldest_waiting: None,
        in_flight: count(4),
        queued: count(0),
        scheduled: count(11),
        unpublished: count(0),
        hour: traffic("2026-11-23T10:41:00.000Z", 60),
        day: traffic("2026-11-22T12:00:00.000Z", 1_800),
        merchants: vec![MerchantHealthView {
            merchant: "default".to_owned(),
            breaker_open: false,
            breaker_code: None,
            pauses: vec![],
            latency: vec![LatencyView {
                operation: "confirm",
                calls: 500,
                p50_ms: 412,
                p95_ms: 1_180,
                p99_ms: 2_904,
                since: "2026-11-23T11:22:10.000Z".to_owned(),
            }],
        }],
        workers: vec![WorkerView {
            worker: "worker-1".to_owned(),
            host: "10.0.0.12".to_owned(),
            version: "0.1.0".to_owned(),
            kinds: "confirm,cancel,look_up".to_owned(),
            concurrency: 64,
            in_flight: 4,
            standing: "alive",
            started_at: "2026-11-23T01:00:00.000Z".to_owned(),
            seen_at: "2026-11-23T11:39:58.000Z".to_owned(),
        }],
    }
}

pub(super) fn timeline() -> TimelineView {
    let job = staff::job_detail();
    let entry = |at: &str, what| TimelineEntryView {
        at: at.to_owned(),
        what,
        ..TimelineEntryView::default()
    };
    let called = TimelineEntryView {
        job_id: Some(job.job.job_id.clone()),
        attempt: job.attempts.into_iter().next(),
        ..entry("2026-11-23T11:37:40.980Z", "called")
    };
    TimelineView {
        order: orders::for_staff(),
        payment_key: Some("…2AbCd1".to_owned()),
        jobs: vec![job.job],
        entries: vec![
            entry("2026-11-23T11:36:02.001Z", "order_made"),
            entry("2026-11-23T11:37:40.912Z", "confirm_accepted"),
            called,
        ],
        left_out: vec![],
    }
}
