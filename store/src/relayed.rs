//! What the relay needs: jobs that are due, taken for publishing. One column, `due_at`, is the outbox, the retry timer and the rescue.

use domain::job::{JobKind, JobState};
use domain::limits::{GRACE_MS, GRACE_MS_MAX};
use entities::job;
use sea_orm::sea_query::{Expr, ExprTrait as _, LockBehavior, LockType};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::connection::Store;
use crate::error::StoreError;
use crate::origin::Origin;
use crate::rows;

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

/// The states in which a job becomes due: published and not claimed, scheduled, leased to a worker that is gone.
const DELIVERED: [JobState; 3] = [JobState::Queued, JobState::Waiting, JobState::Running];

impl Store {
    /// Takes jobs that are due, oldest first, and marks them queued for a grace that doubles with every publication. Callers at the
    /// same time get different jobs.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing was taken then.
    pub async fn take_due_jobs(&self, limit: u64) -> Result<Vec<PublishedJob>, StoreError> {
        let now_ms = self.now_ms().await?;
        // Nothing due is the usual case: no writer has to wait for that answer.
        if due(now_ms).one(&self.db).await?.is_none() {
            return Ok(Vec::new());
        }
        self.retried(|| self.take_due_jobs_once(limit)).await
    }

    async fn take_due_jobs_once(&self, limit: u64) -> Result<Vec<PublishedJob>, StoreError> {
        let write = self.begin_write().await?;
        let rows = due(write.now_ms)
            .order_by_asc(job::Column::DueAt)
            .limit(limit)
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .all(&write.tx)
            .await?;
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        job::Entity::update_many()
            .col_expr(job::Column::State, Expr::value(JobState::Queued.word()))
            .col_expr(job::Column::DueAt, grace_from(write.now_ms))
            .col_expr(job::Column::Publications, Expr::col(job::Column::Publications).add(1))
            .col_expr(job::Column::UpdatedAt, Expr::value(write.now_ms))
            .filter(job::Column::Id.is_in(ids))
            .exec(&write.tx)
            .await?;
        write.commit().await?;
        rows.iter().map(|row| Ok(PublishedJob::of(row, rows::job_kind(row)?))).collect()
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
        write.commit().await
    }

    /// When the next job is due, for tests that move the clock there instead of waiting.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    #[cfg(feature = "test-control")]
    pub async fn next_due_ms(&self) -> Result<Option<i64>, StoreError> {
        let next = due(i64::MAX).order_by_asc(job::Column::DueAt).one(&self.db).await?;
        Ok(next.map(|job| job.due_at))
    }
}

fn due(now_ms: i64) -> sea_orm::Select<job::Entity> {
    job::Entity::find()
        .filter(job::Column::State.is_in(DELIVERED.map(JobState::word)))
        .filter(job::Column::DueAt.lte(now_ms))
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
