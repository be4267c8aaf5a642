//! What `--json` prints: one object, its names never change.

use std::time::Duration;

use serde_json::{Value, json};

use super::many::{Latencies, Totals};
use super::story::Outcome;

/// How many failures are listed.
const FAILURES_MAX: usize = 100;

/// One journey.
pub(super) fn of_one(outcome: &Outcome) -> Value {
    let cancels = outcome.cancels.iter().map(|cancel| {
        json!({"cancelId": cancel.cancel_id, "amount": cancel.amount, "ms": ms(cancel.took)})
    });
    let mut report = json!({
        "ok": outcome.failure.is_none(),
        "orderId": outcome.order_id,
        "amount": outcome.amount,
        "states": outcome.states,
        "cancels": cancels.collect::<Vec<_>>(),
        "acceptMs": outcome.accepting.map(ms),
        "confirmMs": outcome.confirming.map(ms),
        "ms": ms(outcome.took),
    });
    if let (Some(failure), Some(fields)) = (&outcome.failure, report.as_object_mut()) {
        fields.insert("failure".to_owned(), failure.as_str().into());
    }
    report
}

/// Many journeys.
pub(super) fn of_many(totals: &Totals) -> Value {
    let failed = totals.failures().count();
    let failures = totals.failures().take(FAILURES_MAX);
    let failures = failures.map(|(one, why)| json!({"orderId": one.order_id, "failure": why}));
    json!({
        "ok": failed == 0,
        "count": totals.outcomes.len(),
        "failed": failed,
        "paidAmount": totals.paid_amount(),
        "cancelledAmount": totals.cancelled_amount(),
        "latencies": {
            "acceptMs": percentiles(&totals.accepting()),
            "confirmMs": percentiles(&totals.confirming()),
            "cancelMs": percentiles(&totals.cancelling()),
        },
        "failures": failures.collect::<Vec<_>>(),
        "ms": ms(totals.took),
    })
}

fn percentiles(latencies: &Latencies) -> Value {
    json!({
        "p50": ms(latencies.percentile(50)),
        "p95": ms(latencies.percentile(95)),
        "p99": ms(latencies.percentile(99)),
    })
}

/// Whole milliseconds, at least 1 for what took any time at all.
fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX)
}
