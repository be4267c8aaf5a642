//! How many jobs ended, minute by minute: what ratios, throughput and charts are made of.
//!
//! A minute that is over never changes, because ended jobs never move again. So it is counted once, afterwards, by whichever worker comes
//! first ([`Store::count_minutes`]), and settling pays for an entry of an index and nothing more. What was not counted yet is read from the
//! jobs themselves, through that index and up to a limit.

use std::collections::{BTreeMap, HashMap};

use domain::StoreId;
use domain::job::{JobKind, JobState};
use domain::role::Scope;
use entities::job_minute;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _,
};

use crate::connection::{Read, Store, Write};
use crate::error::StoreError;
use crate::sql::{Sql, quoted};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// How far back anybody looks.
const DAY_MS: i64 = 24 * HOUR_MS;
/// How long after a minute a transaction that began in it may still commit: longer than any may take.
const MINUTE_SETTLES_MS: i64 = 20_000;
/// How many minutes one transaction counts: after hours without a worker, some of them.
const MINUTES_OF_BATCH: i64 = 30;
/// How long counted minutes are kept: what anybody looks at, and a day for clocks and zones.
const KEPT_MS: i64 = 2 * DAY_MS;
/// How many ended jobs are read that were not counted yet. It is reached only while no worker counts.
pub(crate) const UNCOUNTED_READ_MAX: u64 = 50_000;
/// How many codes are told apart. Toss has some dozens.
const CODES_MAX: usize = 20;

/// What ended within a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traffic {
    /// From when, in milliseconds UTC.
    pub from_ms: i64,
    /// How long each point of the series is, in milliseconds.
    pub step_ms: i64,
    /// The series, oldest first and without gaps. The last point is still growing.
    pub points: Vec<TrafficPoint>,
    /// All of it together.
    pub total: TrafficPoint,
    /// What did not succeed, by kind and code, the most frequent first.
    pub failures: Vec<FailureCount>,
    /// Whether more ended than was counted: no worker counts, and there are too many to read them all.
    pub is_floor: bool,
}

/// How many jobs ended in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TrafficPoint {
    /// Its beginning, in milliseconds UTC.
    pub at_ms: i64,
    /// Confirms and cancels that succeeded.
    pub succeeded: u64,
    /// Confirms and cancels that ended in any other way.
    pub failed: u64,
    /// Look-ups that ended, however they did.
    pub looked_up: u64,
}

impl TrafficPoint {
    /// How many of a hundred thousand confirms and cancels succeeded; `None` when none ended.
    #[must_use]
    pub fn success_per_100_000(&self) -> Option<u64> {
        let ended = self.succeeded.saturating_add(self.failed);
        self.succeeded.saturating_mul(100_000).checked_div(ended)
    }

    fn add(&mut self, ended: &Ended) {
        let of = match (ended.kind, ended.state) {
            (JobKind::LookUp, _) => &mut self.looked_up,
            (JobKind::Confirm | JobKind::Cancel, JobState::Succeeded) => &mut self.succeeded,
            (
                JobKind::Confirm | JobKind::Cancel,
                JobState::Queued
                | JobState::Running
                | JobState::Waiting
                | JobState::Parked
                | JobState::Declined
                | JobState::Void
                | JobState::Discarded,
            ) => &mut self.failed,
        };
        *of = of.saturating_add(ended.jobs);
    }
}

/// How often jobs of a kind ended with a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureCount {
    /// What they were to do.
    pub kind: JobKind,
    /// The last code; empty where there was none.
    pub code: String,
    /// How many.
    pub count: u64,
}

/// Jobs that ended in one minute and are alike.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    minute: i64,
    kind: JobKind,
    state: JobState,
    code: String,
    jobs: u64,
}

impl Store {
    /// Counts the jobs that ended in minutes that are over, the oldest minutes first. Returns whether there is more to count at once.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing was counted then.
    pub async fn count_minutes(&self) -> Result<bool, StoreError> {
        self.retried(|| self.count_minutes_once()).await
    }

    async fn count_minutes_once(&self) -> Result<bool, StoreError> {
        let write = self.begin_write().await?;
        let over_until = floor(write.now_ms.saturating_sub(MINUTE_SETTLES_MS), MINUTE_MS);
        let oldest = floor(write.now_ms.saturating_sub(DAY_MS), MINUTE_MS);
        let counted_to = counted_to(&write.tx).await?.unwrap_or(oldest);
        let from = Ord::max(counted_to, oldest);
        let to =
            Ord::min(over_until, from.saturating_add(MINUTES_OF_BATCH.saturating_mul(MINUTE_MS)));
        if to <= from {
            return Ok(false);
        }
        if mark(&write, to.saturating_sub(MINUTE_MS)).await? {
            count(&write, from, to).await?;
            forget(&write).await?;
        }
        write.commit().await?;
        Ok(to < over_until)
    }
}

/// Says that everything up to the end of a minute was counted. Whoever comes second waits here for the first, and has nothing to do.
async fn mark(write: &Write<'_>, minute: i64) -> Result<bool, StoreError> {
    let row = job_minute::ActiveModel {
        minute: sea_orm::ActiveValue::Set(minute),
        store_id: sea_orm::ActiveValue::Set(String::new()),
        kind: sea_orm::ActiveValue::Set(String::new()),
        state: sea_orm::ActiveValue::Set(String::new()),
        code: sea_orm::ActiveValue::Set(String::new()),
        jobs: sea_orm::ActiveValue::Set(0),
    };
    let inserted = job_minute::Entity::insert(row)
        .on_conflict_do_nothing()
        .exec_without_returning(&write.tx)
        .await?;
    Ok(crate::idempotency::is_inserted(&inserted))
}

async fn count(write: &Write<'_>, from: i64, to: i64) -> Result<(), StoreError> {
    for store in ["store_id", "''"] {
        let mut sql = Sql::new(write.tx.get_database_backend());
        let (from, to) = (sql.bind(from), sql.bind(to));
        let text = format!(
            "INSERT INTO job_minutes (minute, store_id, kind, state, code, jobs) \
             SELECT ended_at / {MINUTE_MS} * {MINUTE_MS}, {store}, kind, state, COALESCE(last_code, ''), COUNT(*) FROM jobs \
             WHERE ended_at >= {from} AND ended_at < {to} GROUP BY 1, 2, 3, 4, 5 ON CONFLICT DO NOTHING"
        );
        write.tx.execute_raw(sql.statement(text)).await?;
    }
    Ok(())
}

/// Deletes what nobody looks at any more: of each batch that is counted about as much as it added.
async fn forget(write: &Write<'_>) -> Result<(), StoreError> {
    let oldest: Option<i64> = job_minute::Entity::find()
        .select_only()
        .column_as(job_minute::Column::Minute.min(), "oldest")
        .into_tuple::<Option<i64>>()
        .one(&write.tx)
        .await?
        .flatten();
    let Some(oldest) = oldest else { return Ok(()) };
    let batch = MINUTES_OF_BATCH.saturating_mul(2).saturating_mul(MINUTE_MS);
    let to = Ord::min(write.now_ms.saturating_sub(KEPT_MS), oldest.saturating_add(batch));
    job_minute::Entity::delete_many()
        .filter(job_minute::Column::Minute.lt(to))
        .exec(&write.tx)
        .await?;
    Ok(())
}

/// Up to when everything was counted; `None` when nothing ever was.
async fn counted_to(connection: &impl sea_orm::ConnectionTrait) -> Result<Option<i64>, StoreError> {
    let last = job_minute::Entity::find()
        .select_only()
        .column_as(job_minute::Column::Minute.max(), "last")
        .into_tuple::<Option<i64>>()
        .one(connection)
        .await?
        .flatten();
    Ok(last.map(|last| last.saturating_add(MINUTE_MS)))
}

fn floor(ms: i64, step_ms: i64) -> i64 {
    ms.saturating_sub(ms.rem_euclid(step_ms))
}

/// What ended within the last day, and whether that is all of it.
pub(crate) async fn read_ended(
    read: &Read,
    scope: &Scope,
) -> Result<(Vec<Ended>, bool), StoreError> {
    let from = floor(read.now_ms.saturating_sub(DAY_MS), MINUTE_MS);
    let counted_to = counted_to(&read.tx).await?.map_or(from, |to| Ord::max(to, from));
    let mut ended = Vec::new();
    let mut sql = Sql::new(read.tx.get_database_backend());
    let of = match scope {
        Scope::Every => "store_id = ''".to_owned(),
        Scope::Stores(stores) => {
            format!("store_id IN ({})", sql.bind_all(stores.iter().map(StoreId::as_str)))
        }
    };
    let (since, until) = (sql.bind(from), sql.bind(counted_to));
    let kinds = quoted(JobKind::ALL.map(JobKind::word));
    let text = format!(
        "SELECT minute, kind, state, code, CAST(SUM(jobs) AS BIGINT) AS jobs FROM job_minutes WHERE minute >= {since} \
         AND minute < {until} AND kind IN ({kinds}) AND {of} GROUP BY minute, kind, state, code"
    );
    for row in read.tx.query_all_raw(sql.statement(text)).await? {
        ended.extend(read_row(&row)?);
    }
    let mut sql = Sql::new(read.tx.get_database_backend());
    let since = sql.bind(counted_to);
    let of = match scope {
        Scope::Every => "TRUE".to_owned(),
        Scope::Stores(stores) => {
            format!("store_id IN ({})", sql.bind_all(stores.iter().map(StoreId::as_str)))
        }
    };
    let text = format!(
        "SELECT ended_at / {MINUTE_MS} * {MINUTE_MS} AS minute, kind, state, COALESCE(last_code, '') AS code, COUNT(*) AS jobs \
         FROM (SELECT ended_at, kind, state, last_code FROM jobs WHERE ended_at >= {since} AND {of} ORDER BY ended_at DESC \
         LIMIT {UNCOUNTED_READ_MAX}) AS uncounted GROUP BY 1, 2, 3, 4"
    );
    let mut uncounted = 0_u64;
    for row in read.tx.query_all_raw(sql.statement(text)).await? {
        let row = read_row(&row)?;
        uncounted = uncounted.saturating_add(row.as_ref().map_or(0, |row| row.jobs));
        ended.extend(row);
    }
    Ok((ended, uncounted >= UNCOUNTED_READ_MAX))
}

/// `None` for what only a newer version knows.
fn read_row(row: &sea_orm::QueryResult) -> Result<Option<Ended>, StoreError> {
    let (kind, state): (String, String) = (row.try_get("", "kind")?, row.try_get("", "state")?);
    let jobs: i64 = row.try_get("", "jobs")?;
    let (Some(kind), Some(state)) = (JobKind::from_word(&kind), JobState::from_word(&state)) else {
        return Ok(None);
    };
    let jobs = u64::try_from(jobs).unwrap_or(0);
    Ok(Some(Ended {
        minute: row.try_get("", "minute")?,
        kind,
        state,
        code: row.try_get("", "code")?,
        jobs,
    }))
}

/// The last hour by minutes, and the last day by half hours.
pub(crate) fn hour_and_day(ended: &[Ended], is_floor: bool, now_ms: i64) -> (Traffic, Traffic) {
    let of = |span_ms, step_ms| traffic(ended, is_floor, (span_ms, step_ms), now_ms);
    (of(HOUR_MS, MINUTE_MS), of(DAY_MS, HOUR_MS / 2))
}

fn traffic(
    ended: &[Ended],
    is_floor: bool,
    (span_ms, step_ms): (i64, i64),
    now_ms: i64,
) -> Traffic {
    let to_ms = floor(now_ms, step_ms).saturating_add(step_ms);
    let from_ms = to_ms.saturating_sub(span_ms);
    let mut points: BTreeMap<i64, TrafficPoint> = BTreeMap::new();
    let mut at_ms = from_ms;
    while at_ms < to_ms {
        points.insert(at_ms, TrafficPoint { at_ms, ..TrafficPoint::default() });
        at_ms = at_ms.saturating_add(step_ms);
    }
    let mut total = TrafficPoint { at_ms: from_ms, ..TrafficPoint::default() };
    let mut failures: HashMap<(JobKind, &str), u64> = HashMap::new();
    for one in ended {
        let Some(point) = points.get_mut(&floor(one.minute, step_ms)) else { continue };
        point.add(one);
        total.add(one);
        if one.state != JobState::Succeeded {
            let count = failures.entry((one.kind, one.code.as_str())).or_default();
            *count = count.saturating_add(one.jobs);
        }
    }
    let failures = failures.into_iter().map(|((kind, code), count)| FailureCount {
        kind,
        code: code.to_owned(),
        count,
    });
    let mut failures: Vec<_> = failures.collect();
    failures
        .sort_by(|a, b| (b.count, a.kind.word(), &a.code).cmp(&(a.count, b.kind.word(), &b.code)));
    failures.truncate(CODES_MAX);
    let points = points.into_values().collect();
    Traffic { from_ms, step_ms, points, total, failures, is_floor }
}
