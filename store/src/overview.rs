//! The overview: what needs a person, what waits, how it goes, and who works, in one read.
//!
//! Every figure is read by an index and up to a limit. Members of staff see the figures of their stores; what belongs to no store (the
//! workers, the merchants' breakers, findings of no order of theirs) is for those who act for every store.

use domain::StoreId;
use domain::attempt::Operation;
use domain::job::JobState;
use domain::role::Scope;
use entities::{breaker, job, pause, worker};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, FromQueryResult as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::connection::{Read, Store};
use crate::error::StoreError;
use crate::gauges::LOST_MS;
use crate::holds::OPEN;
use crate::jobs::{JobRow, job_row};
use crate::page::{BoundedCount, COUNT_MAX};
use crate::sql::Sql;
use crate::traffic::{Traffic, hour_and_day, read_ended};
use crate::workers::{WorkerRow, worker_row};

/// How many merchants are told of. A deployment has a handful.
const MERCHANTS_MAX: u64 = 20;
/// How many workers are told of.
const WORKERS_MAX: u64 = 100;
/// How many calls of a merchant its latency is taken from: the newest ones.
pub const LATENCY_CALLS_MAX: u64 = 500;

/// How everything stands, at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overview {
    /// The database's clock, in milliseconds UTC.
    pub now_ms: i64,
    /// What needs a person.
    pub people: NeedsPerson,
    /// The unfinished job that could have run for the longest time and that nobody has; `None` when none waits.
    pub oldest_waiting: Option<JobRow>,
    /// Jobs that a worker has.
    pub in_flight: BoundedCount,
    /// Jobs that were handed to the queue and that nobody has yet, as far as the database knows.
    pub queued: BoundedCount,
    /// Jobs that wait for their time.
    pub scheduled: BoundedCount,
    /// Jobs that are due and that no queue has: what the relay publishes next.
    pub unpublished: BoundedCount,
    /// What ended within the last hour, by minutes.
    pub hour: Traffic,
    /// What ended within the last day, by half hours.
    pub day: Traffic,
    /// The merchants' calls; empty for those who do not act for every store.
    pub merchants: Vec<MerchantHealth>,
    /// The workers that were heard of lately; empty for those who do not act for every store.
    pub workers: Vec<WorkerRow>,
}

/// What needs a person, by why.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NeedsPerson {
    /// Parked jobs, by reason.
    pub parked: Vec<(String, BoundedCount)>,
    /// Payments in review, by reason.
    pub in_review: Vec<(String, BoundedCount)>,
    /// Open findings, by kind.
    pub findings: Vec<(String, BoundedCount)>,
}

/// How a merchant's calls go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerchantHealth {
    /// Its name.
    pub merchant: String,
    /// Whether its breaker is open, so that confirms and cancels wait.
    pub is_breaker_open: bool,
    /// What the last failed call brought, while the breaker is open.
    pub breaker_code: Option<String>,
    /// Its pauses: what they stop and why, also those that are only suspected.
    pub pauses: Vec<(String, String)>,
    /// How long its newest calls took, by operation; an operation without calls is missing.
    pub latency: Vec<Latency>,
}

/// How long calls took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    /// Of which operation.
    pub operation: Operation,
    /// How many calls that is taken from.
    pub calls: u64,
    /// Half of them took so long or less, in milliseconds.
    pub p50_ms: i64,
    /// 95 of a hundred.
    pub p95_ms: i64,
    /// 99 of a hundred.
    pub p99_ms: i64,
    /// When the oldest of them began, in milliseconds UTC.
    pub since_ms: i64,
}

impl Store {
    /// How everything stands for somebody who acts for these stores.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or a row cannot be read.
    pub async fn read_overview(&self, scope: &Scope) -> Result<Overview, StoreError> {
        self.bounded(self.read_overview_now(scope)).await
    }

    async fn read_overview_now(&self, scope: &Scope) -> Result<Overview, StoreError> {
        let read = self.begin_read().await?;
        let (ended, is_floor) = read_ended(&read, scope).await?;
        let (hour, day) = hour_and_day(&ended, is_floor, read.now_ms);
        let (merchants, workers) = match scope {
            Scope::Every => (read_merchants(&read).await?, read_workers(&read).await?),
            Scope::Stores(_) => (Vec::new(), Vec::new()),
        };
        let due = |comparison| format!("due_at {comparison} {}", read.now_ms);
        let overview = Overview {
            now_ms: read.now_ms,
            people: read_people(&read, scope).await?,
            oldest_waiting: read_oldest_waiting(&read, scope).await?,
            in_flight: count(&read, scope, &[JobState::Running], &due(">")).await?,
            queued: count(&read, scope, &[JobState::Queued], &due(">")).await?,
            scheduled: count(&read, scope, &[JobState::Waiting], &due(">")).await?,
            unpublished: count(
                &read,
                scope,
                &[JobState::Queued, JobState::Running, JobState::Waiting],
                &due("<="),
            )
            .await?,
            hour,
            day,
            merchants,
            workers,
        };
        read.end().await?;
        Ok(overview)
    }
}

/// That a row is of one of these stores.
fn of_scope(sql: &mut Sql, scope: &Scope) -> String {
    match scope {
        Scope::Every => "TRUE".to_owned(),
        Scope::Stores(stores) => {
            format!("store_id IN ({})", sql.bind_all(stores.iter().map(StoreId::as_str)))
        }
    }
}

async fn count(
    read: &Read,
    scope: &Scope,
    states: &[JobState],
    and: &str,
) -> Result<BoundedCount, StoreError> {
    let mut sql = Sql::new(read.tx.get_database_backend());
    let scope = of_scope(&mut sql, scope);
    let states = crate::sql::quoted(states.iter().map(|state| state.word()));
    let text = format!(
        "SELECT COUNT(*) AS counted FROM (SELECT 1 FROM jobs WHERE state IN ({states}) AND {scope} AND {and} LIMIT {}) AS part",
        COUNT_MAX.saturating_add(1)
    );
    let row = read.tx.query_one_raw(sql.statement(text)).await?;
    let counted = row.map_or(Ok(0), |row| row.try_get("", "counted"))?;
    Ok(BoundedCount::of(counted, false))
}

async fn read_people(read: &Read, scope: &Scope) -> Result<NeedsPerson, StoreError> {
    let in_review = match scope {
        Scope::Every => "payments WHERE review_reason IS NOT NULL".to_owned(),
        Scope::Stores(_) => "payments WHERE review_reason IS NOT NULL AND {scope}".to_owned(),
    };
    let findings = match scope {
        Scope::Every => "findings WHERE state = 'open'",
        Scope::Stores(_) => {
            "findings WHERE state = 'open' AND order_id IN (SELECT id FROM orders WHERE orders.id = findings.order_id AND {scope})"
        }
    };
    Ok(NeedsPerson {
        parked: by_reason(read, scope, "park_reason", "jobs WHERE state = 'parked' AND {scope}")
            .await?,
        in_review: by_reason(read, scope, "review_reason", &in_review).await?,
        findings: by_reason(read, scope, "kind", findings).await?,
    })
}

/// How many rows there are for each reason, the most frequent first.
async fn by_reason(
    read: &Read,
    scope: &Scope,
    reason: &str,
    from: &str,
) -> Result<Vec<(String, BoundedCount)>, StoreError> {
    let mut sql = Sql::new(read.tx.get_database_backend());
    let scope = of_scope(&mut sql, scope);
    let from = from.replace("{scope}", &scope);
    let rows_max = COUNT_MAX.saturating_add(1);
    let text = format!(
        "SELECT COALESCE(reason, '') AS reason, COUNT(*) AS counted FROM (SELECT {reason} AS reason FROM {from} LIMIT {rows_max}) AS part \
         GROUP BY 1 ORDER BY counted DESC, reason"
    );
    let mut counts: Vec<(String, i64)> = Vec::new();
    for row in read.tx.query_all_raw(sql.statement(text)).await? {
        counts.push((row.try_get("", "reason")?, row.try_get("", "counted")?));
    }
    let all = counts.iter().fold(0_i64, |sum, (_, count)| sum.saturating_add(*count));
    // The rows that were not counted may have any of the reasons.
    let is_cut = BoundedCount::of(all, false).is_floor;
    let counts = counts.into_iter();
    Ok(counts.map(|(reason, count)| (reason, BoundedCount::of(count, is_cut))).collect())
}

/// The one of the jobs that wait for the longest time which is in nobody's hands.
async fn read_oldest_waiting(read: &Read, scope: &Scope) -> Result<Option<JobRow>, StoreError> {
    let mut sql = Sql::new(read.tx.get_database_backend());
    let (scope, now) = (of_scope(&mut sql, scope), read.now_ms);
    // Parked ones wait for a person, and are told of as such.
    let text = format!(
        "SELECT * FROM jobs WHERE state IN ('queued', 'running', 'waiting') AND runnable_since <= {now} \
         AND (state <> 'running' OR due_at <= {now}) AND {scope} ORDER BY runnable_since, id LIMIT 1"
    );
    let row = read.tx.query_one_raw(sql.statement(text)).await?;
    let row = row.map(|row| job::Model::from_query_result(&row, "")).transpose()?;
    row.as_ref().map(job_row).transpose()
}

async fn read_workers(read: &Read) -> Result<Vec<WorkerRow>, StoreError> {
    let rows = worker::Entity::find()
        .filter(worker::Column::SeenAt.gte(read.now_ms.saturating_sub(LOST_MS)))
        .order_by_desc(worker::Column::SeenAt)
        .limit(WORKERS_MAX)
        .all(&read.tx)
        .await?;
    Ok(rows.into_iter().map(|row| worker_row(row, read.now_ms)).collect())
}

async fn read_merchants(read: &Read) -> Result<Vec<MerchantHealth>, StoreError> {
    let sql = Sql::new(read.tx.get_database_backend());
    let text =
        format!("SELECT DISTINCT merchant FROM stores ORDER BY merchant LIMIT {MERCHANTS_MAX}");
    let mut merchants: Vec<String> = Vec::new();
    for row in read.tx.query_all_raw(sql.statement(text)).await? {
        merchants.push(row.try_get("", "merchant")?);
    }
    let breakers = breaker::Entity::find().limit(MERCHANTS_MAX).all(&read.tx).await?;
    let pauses = pause::Entity::find().limit(MERCHANTS_MAX).all(&read.tx).await?;
    let mut latency = read_latency(read, &merchants).await?;
    let health = merchants.into_iter().map(|merchant| {
        let breaker = breakers.iter().find(|row| row.merchant == merchant && row.state == OPEN);
        let of_it = pauses.iter().filter(|row| row.merchant == merchant);
        MerchantHealth {
            is_breaker_open: breaker.is_some(),
            breaker_code: breaker.and_then(|row| row.last_code.clone()),
            pauses: of_it.map(|row| (row.scope.clone(), row.reason.clone())).collect(),
            latency: latency.remove(&merchant).unwrap_or_default(),
            merchant,
        }
    });
    Ok(health.collect())
}

/// Merchant → how long its newest calls took.
async fn read_latency(
    read: &Read,
    merchants: &[String],
) -> Result<std::collections::HashMap<String, Vec<Latency>>, StoreError> {
    let mut latency = std::collections::HashMap::new();
    for merchant in merchants {
        let mut sql = Sql::new(read.tx.get_database_backend());
        let of = sql.bind(merchant.as_str());
        let text = format!(
            "SELECT operation, started_at, duration_ms FROM (SELECT operation, started_at, duration_ms FROM attempts \
             WHERE merchant = {of} ORDER BY started_at DESC LIMIT {LATENCY_CALLS_MAX}) AS newest WHERE duration_ms IS NOT NULL"
        );
        let mut calls: Vec<(Operation, i64, i64)> = Vec::new();
        for row in read.tx.query_all_raw(sql.statement(text)).await? {
            let operation: String = row.try_get("", "operation")?;
            if let Some(operation) = Operation::from_word(&operation) {
                let (at, took) = (row.try_get("", "started_at")?, row.try_get("", "duration_ms")?);
                calls.push((operation, at, took));
            }
        }
        let all = [Operation::Confirm, Operation::Cancel, Operation::LookUp];
        let by_operation = all.into_iter().filter_map(|operation| latency_of(&calls, operation));
        latency.insert(merchant.clone(), by_operation.collect());
    }
    Ok(latency)
}

fn latency_of(calls: &[(Operation, i64, i64)], operation: Operation) -> Option<Latency> {
    let alike = calls.iter().filter(|(of, _, _)| *of == operation);
    let since_ms = alike.clone().map(|(_, at, _)| *at).min()?;
    let mut took: Vec<i64> = alike.map(|(_, _, took)| *took).collect();
    took.sort_unstable();
    let percentile = |percent: usize| {
        // The least of them that so many of a hundred do not exceed.
        let rank = took.len().saturating_mul(percent).div_ceil(100).max(1);
        took.get(rank.saturating_sub(1)).copied()
    };
    Some(Latency {
        operation,
        calls: u64::try_from(took.len()).unwrap_or(u64::MAX),
        p50_ms: percentile(50)?,
        p95_ms: percentile(95)?,
        p99_ms: percentile(99)?,
        since_ms,
    })
}
