//! What the relay needs: jobs that are due, taken for publishing. One column, `due_at`, is the outbox, the retry timer and the rescue.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering::SeqCst;

use domain::attempt::Operation;
use domain::job::{JobKind, JobState};
use domain::limits::{GRACE_MS, GRACE_MS_MAX};
use entities::{job, payment};
use sea_orm::sea_query::{Expr, ExprTrait as _, LockBehavior, LockType, Query};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::connection::{Store, Write};
use crate::error::StoreError;
use crate::holds::Holds;
use crate::origin::Origin;
use crate::sql::{is_one_of, word};

/// A job to hand to the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedJob {
    /// Its id.
    pub id: String,
    /// Its kind, which chooses the queue's lane.
    pub kind: JobKind,
    /// The request that made it.
    pub origin: Origin,
}

impl PublishedJob {
    pub(crate) fn of(row: &job::Model, kind: JobKind) -> PublishedJob {
        PublishedJob { id: row.id.clone(), kind, origin: Origin::of(row) }
    }
}

/// The states in which a job becomes due: published and not claimed, leased to a worker that is gone, scheduled. In the order that the index
/// `jobs_due` names them in: SQLite takes it for no other.
const DELIVERED: [JobState; 3] = [JobState::Queued, JobState::Running, JobState::Waiting];

/// How many jobs of a merchant whose breaker waits for a probe are published at a time: one of them is the probe.
const PROBING_MAX: u64 = 4;
/// How often jobs are looked for, and told of, that only a newer version can read.
const UNREADABLE_EVERY_MS: i64 = 60_000;

impl Store {
    /// Takes jobs that are due, oldest first, and marks them queued for a grace that doubles with every publication. Callers at the
    /// same time get different jobs.
    ///
    /// Left alone are jobs of kinds that this version does not know, and confirms and cancels that nothing can become of because their
    /// merchant's calls are held back: published again and again they would only fill the queue. They are due as soon as the hold ends, or
    /// the confirm's window.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing was taken then.
    pub async fn take_due_jobs(&self, limit: u64) -> Result<Vec<PublishedJob>, StoreError> {
        let now_ms = self.now_ms().await?;
        self.tell_of_unreadable_jobs(now_ms).await?;
        // Nothing due is the usual case: no writer has to wait for that answer.
        if due(now_ms).one(&self.db).await?.is_none() {
            return Ok(Vec::new());
        }
        let holds = match self.read_holds().await {
            // What a newer version stops is its gate's business: the others' jobs go on.
            Err(StoreError::UnreadableRow { .. }) => Holds::default(),
            read => read?,
        };
        let held = Held::of(&holds);
        if due_now(now_ms, &held).one(&self.db).await?.is_none() && held.probing.is_empty() {
            return Ok(Vec::new());
        }
        self.retried(|| self.take_due_jobs_once(limit, &held)).await
    }

    async fn take_due_jobs_once(
        &self,
        limit: u64,
        held: &Held,
    ) -> Result<Vec<PublishedJob>, StoreError> {
        let write = self.begin_write().await?;
        let mut rows = take(&write, due_now(write.now_ms, held), limit).await?;
        if !held.probing.is_empty() {
            let probing = due(write.now_ms).filter(held.probing.condition());
            rows.extend(take(&write, probing, PROBING_MAX).await?);
        }
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        job::Entity::update_many()
            .col_expr(job::Column::State, Expr::value(JobState::Queued.word()))
            .col_expr(job::Column::DueAt, grace_from(write.now_ms))
            .col_expr(job::Column::Publications, Expr::col(job::Column::Publications).add(1))
            .col_expr(job::Column::UpdatedAt, Expr::value(write.now_ms))
            .filter(is_one_of(&write.tx, job::Column::Id, ids))
            .exec(&write.tx)
            .await?;
        crash::point!("relay 1", "due jobs are marked", "the commit");
        write.commit().await?;
        crash::point!("relay 2", "due jobs are marked and that is committed", "their publication");
        // All of them are of a kind that is known.
        let published = rows.iter().filter_map(|row| {
            JobKind::from_word(&row.kind).map(|kind| PublishedJob::of(row, kind))
        });
        Ok(published.collect())
    }

    /// Raises an alert when jobs are due that this version cannot read; the versions that can will do them.
    async fn tell_of_unreadable_jobs(&self, now_ms: i64) -> Result<(), StoreError> {
        let told_at = self.unreadable_told_at.load(SeqCst);
        if now_ms.saturating_sub(told_at) < UNREADABLE_EVERY_MS {
            return Ok(());
        }
        self.unreadable_told_at.store(now_ms, SeqCst);
        let unknown = live_due(now_ms)
            .filter(job::Column::Kind.is_not_in(JobKind::ALL.map(JobKind::word)))
            .one(&self.db)
            .await?;
        if let Some(row) = unknown {
            tracing::error!(
                job_id = row.id,
                kind = row.kind,
                alert = "unreadable_row",
                "jobs are due of a kind that this version does not know: they are left to those that do"
            );
        }
        Ok(())
    }

    /// Gives back jobs that the queue did not take: they are due at once, and their grace does not grow by it.
    ///
    /// # Errors
    /// [`StoreError::Database`]; their grace brings them back then.
    pub async fn return_unpublished(&self, ids: &[String]) -> Result<(), StoreError> {
        let write = self.begin_write().await?;
        // One that its maker published itself was not counted.
        let counted = job::Column::Publications.gt(0);
        let publications =
            Expr::case(counted, Expr::col(job::Column::Publications).sub(1)).finally(0);
        job::Entity::update_many()
            .col_expr(job::Column::DueAt, Expr::value(write.now_ms))
            .col_expr(job::Column::Publications, publications.into())
            .filter(job::Column::Id.is_in(ids))
            .filter(job::Column::State.eq(JobState::Queued.word()))
            .exec(&write.tx)
            .await?;
        crash::point!("relay 4", "jobs that the queue refused are due again", "the commit");
        write.commit().await
    }

    /// When the next job is due, for tests that move the clock there instead of waiting.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    #[cfg(feature = "test-control")]
    pub async fn next_due_ms(&self) -> Result<Option<i64>, StoreError> {
        let holds = self.read_holds().await?;
        let held = Held::of(&holds);
        let mut next_ms: Option<i64> = None;
        for job in due(i64::MAX).all(&self.db).await? {
            let mut at_ms = Some(job.due_at);
            if held.stopped.has(&job) {
                let window_ends = payment::Entity::find_by_id(&job.order_id)
                    .one(&self.db)
                    .await?
                    .filter(|_| job.kind == JobKind::Confirm.word())
                    .map(|payment| payment.confirm_by);
                let probe = holds.breakers.iter().find(|it| it.merchant == job.merchant);
                let probe_at = probe.filter(|it| !it.has_probe).map(|it| it.probe_at_ms);
                let ends_at = window_ends.into_iter().chain(probe_at).min();
                at_ms = ends_at.map(|at| Ord::max(at, job.due_at));
            }
            next_ms = next_ms.into_iter().chain(at_ms).min();
        }
        Ok(next_ms)
    }
}

/// Confirms and cancels of which nothing can become just now.
#[derive(Debug)]
struct Held {
    /// All of them.
    stopped: Untried,
    /// Those of them of which one may try whether Toss answers.
    probing: Untried,
}

impl Held {
    fn of(holds: &Holds) -> Held {
        let open = holds.breakers.iter().map(|breaker| &breaker.merchant);
        let paused = holds.pauses.iter().map(|pause| &pause.merchant);
        let merchants: BTreeSet<&String> = open.chain(paused).collect();
        let of = |is_it: &dyn Fn(&str, Operation) -> bool| {
            let with = |operation| {
                let such = merchants.iter().filter(|merchant| is_it(merchant, operation));
                such.map(|merchant| (*merchant).clone()).collect()
            };
            Untried { confirms: with(Operation::Confirm), cancels: with(Operation::Cancel) }
        };
        Held {
            stopped: of(&|merchant, operation| {
                holds.is_open(merchant) || holds.find_pause(merchant, operation).is_some()
            }),
            probing: of(&|merchant, operation| {
                holds.is_open(merchant) && !holds.is_held(merchant, operation)
            }),
        }
    }
}

/// Confirms and cancels of these merchants that were never begun: the next step of any other may be a look-up.
#[derive(Debug)]
struct Untried {
    confirms: Vec<String>,
    cancels: Vec<String>,
}

impl Untried {
    fn is_empty(&self) -> bool {
        self.confirms.is_empty() && self.cancels.is_empty()
    }

    fn condition(&self) -> Expr {
        let of = |kind: JobKind, merchants: &[String]| {
            job::Column::Kind.eq(kind.word()).and(job::Column::Merchant.is_in(merchants))
        };
        let confirms = of(JobKind::Confirm, &self.confirms);
        job::Column::Claims.eq(0).and(confirms.or(of(JobKind::Cancel, &self.cancels)))
    }

    #[cfg(feature = "test-control")]
    fn has(&self, job: &job::Model) -> bool {
        let has = |kind: JobKind, merchants: &[String]| {
            job.kind == kind.word() && merchants.contains(&job.merchant)
        };
        job.claims == 0
            && (has(JobKind::Confirm, &self.confirms) || has(JobKind::Cancel, &self.cancels))
    }
}

/// Takes some of them, which nobody else has.
async fn take(
    write: &Write<'_>,
    jobs: sea_orm::Select<job::Entity>,
    limit: u64,
) -> Result<Vec<job::Model>, StoreError> {
    Ok(jobs
        .order_by_asc(job::Column::DueAt)
        .limit(limit)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .all(&write.tx)
        .await?)
}

/// Jobs that are due, of every version.
fn live_due(now_ms: i64) -> sea_orm::Select<job::Entity> {
    job::Entity::find()
        .filter(
            Expr::col((job::Entity, job::Column::State))
                .is_in(DELIVERED.map(JobState::word).map(word)),
        )
        .filter(job::Column::DueAt.lte(now_ms))
}

/// Those that this version can read.
fn due(now_ms: i64) -> sea_orm::Select<job::Entity> {
    live_due(now_ms).filter(job::Column::Kind.is_in(JobKind::ALL.map(JobKind::word)))
}

/// Those of which something can become.
fn due_now(now_ms: i64, held: &Held) -> sea_orm::Select<job::Entity> {
    if held.stopped.is_empty() {
        return due(now_ms);
    }
    let window_is_over = Expr::exists(
        Query::select()
            .expr(Expr::value(1))
            .from(payment::Entity)
            .and_where(
                Expr::col((payment::Entity, payment::Column::OrderId))
                    .equals((job::Entity, job::Column::OrderId)),
            )
            .and_where(payment::Column::ConfirmBy.lte(now_ms))
            .to_owned(),
    );
    let is_over = job::Column::Kind.eq(JobKind::Confirm.word()).and(window_is_over);
    due(now_ms).filter(held.stopped.condition().not().or(is_over))
}

/// `now + GRACE × 2^publications`, at the most `GRACE_MS_MAX`.
fn grace_from(now_ms: i64) -> Expr {
    let mut grace = Expr::value(now_ms.saturating_add(GRACE_MS_MAX));
    let mut doubled: Vec<i64> = Vec::new();
    let mut step_ms = GRACE_MS;
    while step_ms < GRACE_MS_MAX {
        doubled.push(step_ms);
        step_ms = step_ms.saturating_mul(2);
    }
    for (publications, step_ms) in doubled.iter().enumerate().rev() {
        let count = i32::try_from(publications).unwrap_or(i32::MAX);
        grace = Expr::case(
            job::Column::Publications.eq(count),
            Expr::value(now_ms.saturating_add(*step_ms)),
        )
        .finally(grace)
        .into();
    }
    grace
}
