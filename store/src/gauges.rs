//! Figures about work that is not finished, for metrics: how much there is, how old it is, what stands still, who works.
//!
//! Nothing in here looks at history: ended jobs are counted where they end. Every statement reads at most [`ROWS_MAX`] rows, by an
//! index that leaves ended rows out, so that a scrape costs the same after ten million orders. Not here: what a figure is called
//! outside.

use std::collections::HashMap;

use domain::job::{JobKind, JobState};
use domain::limits::WORKER_ALIVE_MS;
use domain::policy::ReviewReason;
use domain::reconcile::FindingKind;
use entities::{breaker, pause, worker};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DbBackend, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QueryResult, QuerySelect as _, Statement,
};

use crate::connection::{Read, Store};
use crate::error::StoreError;
use crate::holds::{OPEN, PAUSED};

/// How many rows one figure counts: a count stops there, and is a floor from then on. Whoever has a backlog of this size needs no
/// exact figure, and reading more of it would slow down what works it off.
pub const ROWS_MAX: u64 = 100_000;
/// How many merchants and workers are told apart. A deployment has a handful of either.
const LISTED_MAX: u64 = 1_000;

/// How long a worker that went silent is told of. Whoever looks after the process has been told by then.
pub const LOST_MS: i64 = 60 * 60_000;

/// The states of jobs that have not ended.
const LIVE: [JobState; 4] =
    [JobState::Queued, JobState::Running, JobState::Waiting, JobState::Parked];

/// What a reason or a kind is called that a newer version of this program wrote.
const UNKNOWN: &str = "unknown";

/// The figures at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gauges {
    /// Jobs that have not ended: every kind in every live state, also where there are none, and kinds of a newer version if there are any.
    pub jobs: Vec<JobCount>,
    /// How long the oldest job of each kind could have run by now without a worker having it, in milliseconds; 0 when none waits.
    pub oldest_waiting_ms: Vec<(JobKind, i64)>,
    /// Parked jobs by reason: every reason, also where there are none.
    pub parked: Vec<(&'static str, i64)>,
    /// Payments that a person should look at, by reason: every reason, also where there are none.
    pub in_review: Vec<(&'static str, i64)>,
    /// Every merchant's breaker that was ever used: its merchant, and whether it is open.
    pub breakers: Vec<(String, bool)>,
    /// Pauses that hold calls: the merchant and the scope.
    pub pauses: Vec<(String, String)>,
    /// Live workers that take jobs of each kind.
    pub workers: Vec<(JobKind, i64)>,
    /// Workers that went silent within [`LOST_MS`] without saying goodbye: killed, or cut off from the database.
    pub workers_lost: i64,
    /// Calls that all live workers together may make at once.
    pub workers_concurrency: i64,
    /// Jobs that all live workers together hold.
    pub workers_in_flight: i64,
    /// Messages that were set aside because nobody could read them.
    pub poison_messages: i64,
    /// Open findings of reconciliation by kind: every kind, also where there are none.
    pub findings: Vec<(FindingKind, i64)>,
    /// Up to when each merchant's records were compared with Toss's, in milliseconds UTC; those that never were are missing.
    pub reconciled_to_ms: Vec<(String, i64)>,
}

/// How many jobs of a kind are in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobCount {
    /// The word for what they are to do; `unknown` for whatever only a newer version knows.
    pub kind: &'static str,
    /// Where they stand.
    pub state: JobState,
    /// How many, at most [`ROWS_MAX`] of one state.
    pub count: i64,
}

/// The connections of one process to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolGauges {
    /// Open ones.
    pub open: u32,
    /// Those of them that nobody uses.
    pub idle: u32,
    /// How many may be open.
    pub max: u32,
}

impl Store {
    /// Reads the figures, all of the same instant.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it does not answer.
    pub async fn read_gauges(&self) -> Result<Gauges, StoreError> {
        self.bounded(self.read_gauges_now()).await
    }

    async fn read_gauges_now(&self) -> Result<Gauges, StoreError> {
        let read = self.begin_read().await?;
        let groups = read_job_groups(&read).await?;
        let workers = read_workers(&read).await?;
        let gauges = Gauges {
            jobs: job_counts(&groups),
            oldest_waiting_ms: oldest_waiting(&groups, read.now_ms),
            parked: parked(&groups),
            in_review: read_in_review(&read).await?,
            breakers: read_breakers(&read).await?,
            pauses: read_pauses(&read).await?,
            workers: workers.by_kind,
            workers_lost: workers.lost,
            workers_concurrency: workers.concurrency,
            workers_in_flight: workers.in_flight,
            poison_messages: read_poison_messages(&read).await?,
            findings: read_findings(&read).await?,
            reconciled_to_ms: read_reconciled(&read).await?,
        };
        read.end().await?;
        Ok(gauges)
    }

    /// How the connections of this process are used. Asks nobody.
    #[must_use]
    pub fn pool_gauges(&self) -> PoolGauges {
        // The two pools have no type in common.
        let (open, idle, max) = if self.db.get_database_backend() == DbBackend::Postgres {
            let pool = self.db.get_postgres_connection_pool();
            (pool.size(), pool.num_idle(), pool.options().get_max_connections())
        } else {
            let pool = self.db.get_sqlite_connection_pool();
            (pool.size(), pool.num_idle(), pool.options().get_max_connections())
        };
        PoolGauges { open, idle: u32::try_from(idle).unwrap_or(u32::MAX), max }
    }
}

/// Jobs of one state and kind, and for parked ones of one reason.
struct JobGroup {
    /// `None`: of a newer version.
    kind: Option<JobKind>,
    state: JobState,
    park_reason: Option<String>,
    count: i64,
    /// Since when the oldest of them could run that nobody has.
    waiting_since_ms: Option<i64>,
}

async fn read_job_groups(read: &Read) -> Result<Vec<JobGroup>, StoreError> {
    let mut groups = Vec::new();
    for state in LIVE {
        // The oldest jobs come first, so that a backlog beyond the limit hides none of them. Words and numbers are our own.
        let rows = select(
            read,
            format!(
                "SELECT kind, park_reason, COUNT(*) AS counted, \
                 MIN(CASE WHEN {waits} THEN runnable_since END) AS waiting_since \
                 FROM (SELECT kind, park_reason, due_at, runnable_since FROM jobs \
                 WHERE state = '{state}' ORDER BY created_at, id LIMIT {ROWS_MAX}) AS oldest \
                 GROUP BY kind, park_reason",
                waits = waits(state, read.now_ms),
                state = state.word(),
            ),
        )
        .await?;
        for row in rows {
            let kind: String = row.try_get("", "kind")?;
            groups.push(JobGroup {
                kind: JobKind::from_word(&kind),
                state,
                park_reason: row.try_get("", "park_reason")?,
                count: row.try_get("", "counted")?,
                waiting_since_ms: row.try_get("", "waiting_since")?,
            });
        }
    }
    Ok(groups)
}

/// Which jobs of a state could run and are in nobody's hands.
fn waits(state: JobState, now_ms: i64) -> String {
    match state {
        // Published, or scheduled and the time has come. What is held back goes on waiting, whenever it is looked at again.
        JobState::Queued | JobState::Waiting => format!("runnable_since <= {now_ms}"),
        // Leased, and the worker is gone.
        JobState::Running => format!("due_at <= {now_ms}"),
        JobState::Parked
        | JobState::Succeeded
        | JobState::Declined
        | JobState::Void
        | JobState::Discarded => "FALSE".to_owned(),
    }
}

fn job_counts(groups: &[JobGroup]) -> Vec<JobCount> {
    let count = |kind, state| {
        let alike = groups.iter().filter(|group| group.kind == kind && group.state == state);
        alike.fold(0_i64, |sum, group| sum.saturating_add(group.count))
    };
    let of_kind = |kind: Option<JobKind>| {
        let word = kind.map_or(UNKNOWN, JobKind::word);
        LIVE.map(|state| JobCount { kind: word, state, count: count(kind, state) })
    };
    let mut counts: Vec<_> =
        JobKind::ALL.into_iter().flat_map(|kind| of_kind(Some(kind))).collect();
    counts.extend(of_kind(None).into_iter().filter(|unknown| unknown.count > 0));
    counts
}

fn oldest_waiting(groups: &[JobGroup], now_ms: i64) -> Vec<(JobKind, i64)> {
    let age_ms = |kind| {
        let alike = groups.iter().filter(|group| group.kind == Some(kind));
        let since_ms = alike.filter_map(|group| group.waiting_since_ms).min();
        since_ms.map_or(0, |since_ms| Ord::max(now_ms.saturating_sub(since_ms), 0))
    };
    JobKind::ALL.into_iter().map(|kind| (kind, age_ms(kind))).collect()
}

fn parked(groups: &[JobGroup]) -> Vec<(&'static str, i64)> {
    let parked = groups.iter().filter(|group| group.state == JobState::Parked);
    by_reason(parked.map(|group| (group.park_reason.as_deref(), group.count)))
}

async fn read_in_review(read: &Read) -> Result<Vec<(&'static str, i64)>, StoreError> {
    let rows = select(
        read,
        format!(
            "SELECT review_reason, COUNT(*) AS counted FROM (SELECT review_reason FROM payments \
             WHERE review_reason IS NOT NULL LIMIT {ROWS_MAX}) AS reviewed GROUP BY review_reason"
        ),
    )
    .await?;
    let mut counts: Vec<(String, i64)> = Vec::with_capacity(rows.len());
    for row in rows {
        counts.push((row.try_get("", "review_reason")?, row.try_get("", "counted")?));
    }
    Ok(by_reason(counts.iter().map(|(reason, count)| (Some(reason.as_str()), *count))))
}

/// Sums by reason: every known one in its order, and what is not known at the end if there is any.
fn by_reason<'a>(
    counts: impl Iterator<Item = (Option<&'a str>, i64)> + Clone,
) -> Vec<(&'static str, i64)> {
    let known = |word: Option<&str>| {
        ReviewReason::ALL.into_iter().map(ReviewReason::word).find(|known| word == Some(*known))
    };
    let sum = |reason: Option<&'static str>| {
        let alike = counts.clone().filter(|(word, _)| known(*word) == reason);
        alike.fold(0_i64, |sum, (_, count)| sum.saturating_add(count))
    };
    let mut sums: Vec<_> =
        ReviewReason::ALL.map(|reason| (reason.word(), sum(Some(reason.word())))).into();
    let unknown = sum(None);
    if unknown > 0 {
        sums.push((UNKNOWN, unknown));
    }
    sums
}

async fn read_breakers(read: &Read) -> Result<Vec<(String, bool)>, StoreError> {
    let rows = breaker::Entity::find()
        .order_by_asc(breaker::Column::Merchant)
        .limit(LISTED_MAX)
        .all(&read.tx)
        .await?;
    Ok(rows.into_iter().map(|row| (row.merchant, row.state == OPEN)).collect())
}

async fn read_pauses(read: &Read) -> Result<Vec<(String, String)>, StoreError> {
    let rows = pause::Entity::find()
        .filter(pause::Column::State.eq(PAUSED))
        .order_by_asc(pause::Column::Merchant)
        .limit(LISTED_MAX)
        .all(&read.tx)
        .await?;
    Ok(rows.into_iter().map(|row| (row.merchant, row.scope)).collect())
}

/// What workers say of themselves.
struct Workers {
    by_kind: Vec<(JobKind, i64)>,
    lost: i64,
    concurrency: i64,
    in_flight: i64,
}

async fn read_workers(read: &Read) -> Result<Workers, StoreError> {
    let known = worker::Entity::find()
        .filter(worker::Column::SeenAt.gte(read.now_ms.saturating_sub(LOST_MS)))
        .order_by_desc(worker::Column::SeenAt)
        .limit(LISTED_MAX)
        .all(&read.tx)
        .await?;
    let alive_from = read.now_ms.saturating_sub(WORKER_ALIVE_MS);
    let (live, lost): (Vec<_>, Vec<_>) =
        known.into_iter().partition(|row| row.seen_at >= alive_from);
    // One that is stopping finishes what it holds and takes nothing new.
    let taking = || live.iter().filter(|row| row.stopping_since.is_none());
    let by_kind = |kind: JobKind| {
        let alike = taking().filter(|row| row.kinds.split(',').any(|word| word == kind.word()));
        (kind, count(alike))
    };
    let sum = |numbers: &mut dyn Iterator<Item = i32>| {
        numbers.fold(0_i64, |sum, number| sum.saturating_add(i64::from(number)))
    };
    Ok(Workers {
        by_kind: JobKind::ALL.into_iter().map(by_kind).collect(),
        lost: count(lost.iter()),
        concurrency: sum(&mut taking().map(|row| row.concurrency)),
        in_flight: sum(&mut live.iter().map(|row| row.in_flight)),
    })
}

fn count(rows: impl Iterator) -> i64 {
    i64::try_from(rows.count()).unwrap_or(i64::MAX)
}

async fn read_poison_messages(read: &Read) -> Result<i64, StoreError> {
    let sql = format!(
        "SELECT COUNT(*) AS counted FROM (SELECT id FROM poison_messages LIMIT {ROWS_MAX}) AS aside"
    );
    let rows = select(read, sql).await?;
    rows.first().map_or(Ok(0), |row| Ok(row.try_get("", "counted")?))
}

async fn read_findings(read: &Read) -> Result<Vec<(FindingKind, i64)>, StoreError> {
    let sql = format!(
        "SELECT kind, COUNT(*) AS counted FROM (SELECT kind FROM findings WHERE state = 'open' LIMIT {ROWS_MAX}) AS still \
         GROUP BY kind"
    );
    let mut counts: HashMap<String, i64> = HashMap::new();
    for row in select(read, sql).await? {
        counts.insert(row.try_get("", "kind")?, row.try_get("", "counted")?);
    }
    let count = |kind: FindingKind| (kind, counts.get(kind.word()).copied().unwrap_or(0));
    Ok(FindingKind::ALL.into_iter().map(count).collect())
}

async fn read_reconciled(read: &Read) -> Result<Vec<(String, i64)>, StoreError> {
    let sql = format!(
        "SELECT merchant, MAX(compared_to) AS compared_to FROM (SELECT merchant, range_from, compared_to FROM reconciliations \
         LIMIT {ROWS_MAX}) AS runs WHERE compared_to > range_from GROUP BY merchant ORDER BY merchant LIMIT {LISTED_MAX}"
    );
    let mut reconciled = Vec::new();
    for row in select(read, sql).await? {
        reconciled.push((row.try_get("", "merchant")?, row.try_get("", "compared_to")?));
    }
    Ok(reconciled)
}

async fn select(read: &Read, sql: String) -> Result<Vec<QueryResult>, StoreError> {
    let statement = Statement::from_string(read.tx.get_database_backend(), sql);
    Ok(read.tx.query_all_raw(statement).await?)
}
