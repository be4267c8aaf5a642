//! What is going on with payments, read for those who ask whether they are over.

use std::collections::{HashMap, HashSet};

use domain::cancellation::CancellationState;
use domain::retention::Activity;
use entities::{cancellation, job, payment};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QuerySelect as _,
};

use crate::error::StoreError;
use crate::rows;

/// A payment's activity, and when the last of its jobs ended.
#[derive(Debug)]
pub(crate) struct Observed {
    pub(crate) activity: Activity,
    pub(crate) last_ended_at: Option<i64>,
}

/// The jobs of one payment together.
#[derive(Debug, Default)]
struct Jobs {
    has_live: bool,
    last_ended_at: Option<i64>,
}

/// What is going on with each of these payments, in their order. Whoever decides by it holds their locks.
pub(crate) async fn observe(
    connection: &impl ConnectionTrait,
    payments: &[payment::Model],
) -> Result<Vec<Observed>, StoreError> {
    if payments.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = payments.iter().map(|row| row.order_id.as_str()).collect();
    let jobs = jobs_of(connection, &ids).await?;
    let cancelling = cancelling(connection, &ids).await?;
    let observed = payments.iter().map(|row| {
        let none = Jobs::default();
        let jobs = jobs.get(&row.order_id).unwrap_or(&none);
        let activity = Activity {
            state: rows::payment_state(row)?,
            paid_at_ms: row.approved_at.unwrap_or(row.accepted_at),
            is_in_review: row.review_reason.is_some(),
            has_open_cancellation: cancelling.contains(&row.order_id),
            has_live_job: jobs.has_live || row.money_job_id.is_some(),
        };
        Ok(Observed { activity, last_ended_at: jobs.last_ended_at })
    });
    observed.collect()
}

async fn jobs_of(
    connection: &impl ConnectionTrait,
    ids: &[&str],
) -> Result<HashMap<String, Jobs>, StoreError> {
    let found = job::Entity::find()
        .filter(job::Column::OrderId.is_in(ids.iter().copied()))
        .all(connection)
        .await?;
    let mut jobs: HashMap<String, Jobs> = HashMap::new();
    for row in found {
        let is_live = rows::job_state(&row)?.is_live();
        let known = jobs.entry(row.order_id).or_default();
        known.has_live |= is_live;
        known.last_ended_at = known.last_ended_at.max(row.ended_at);
    }
    Ok(jobs)
}

async fn cancelling(
    connection: &impl ConnectionTrait,
    ids: &[&str],
) -> Result<HashSet<String>, StoreError> {
    let open = CancellationState::ALL.into_iter().filter(|state| state.is_open());
    let found: Vec<String> = cancellation::Entity::find()
        .select_only()
        .column(cancellation::Column::OrderId)
        .filter(cancellation::Column::OrderId.is_in(ids.iter().copied()))
        .filter(cancellation::Column::State.is_in(open.map(CancellationState::word)))
        .into_tuple()
        .all(connection)
        .await?;
    Ok(found.into_iter().collect())
}
