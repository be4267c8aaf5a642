//! How long what is kept that is deleted in the end.

use domain::limits::{CALLER_KEY_DAYS_MIN, JOB_DAYS_MIN, KEPT_DAYS_MAX, WEBHOOK_DAYS_MIN};
use domain::retention::DAY_MS;
use store::PruneAges;

use super::read::Reader;

pub(super) fn parse_retention(reader: &mut Reader<'_>) -> Option<PruneAges> {
    let mut age_ms = |name: &str, days_min: u32| {
        let days = reader.number(name, days_min, KEPT_DAYS_MAX)?;
        i64::from(days).checked_mul(DAY_MS)
    };
    let jobs_ms = age_ms("retention.jobs_days", JOB_DAYS_MIN);
    let idempotency_ms = age_ms("retention.idempotency_days", CALLER_KEY_DAYS_MIN);
    let webhooks_ms = age_ms("retention.webhooks_days", WEBHOOK_DAYS_MIN);
    let poison_ms = age_ms("retention.poison_days", 1);
    let workers_ms = age_ms("retention.workers_days", 1);
    let sessions_ms = age_ms("retention.sessions_days", 1);
    Some(PruneAges {
        jobs_ms: jobs_ms?,
        idempotency_ms: idempotency_ms?,
        webhooks_ms: webhooks_ms?,
        poison_ms: poison_ms?,
        workers_ms: workers_ms?,
        sessions_ms: sessions_ms?,
    })
}
