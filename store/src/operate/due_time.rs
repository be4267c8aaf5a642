//! Having a waiting job go on at another time.

use domain::JobId;
use domain::action::{DueTimeRefusal, check_due_time};
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait as _, DbErr, IntoActiveModel as _};

use super::{Actor, job_facts};
use crate::audit;
use crate::connection::{Conflict, Store};
use crate::error::StoreError;
use crate::jobs::{JobRow, job_row};
use crate::settle::Scene;

/// Why a job's due time was not changed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeDueTimeError {
    /// There is no such job.
    #[error("the job is unknown")]
    Unknown,
    /// Somebody was quicker, or the job has gone on since it was looked at.
    #[error("the job is due at {due_at_ms} by now")]
    Changed {
        /// When it is due now, in milliseconds.
        due_at_ms: i64,
    },
    /// The rules do not allow it.
    #[error(transparent)]
    Refused(DueTimeRefusal),
    /// The database failed; repeating is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for ChangeDueTimeError {
    fn from(error: DbErr) -> ChangeDueTimeError {
        ChangeDueTimeError::Store(error.into())
    }
}

impl Conflict for ChangeDueTimeError {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            ChangeDueTimeError::Store(error) => Some(error),
            ChangeDueTimeError::Unknown
            | ChangeDueTimeError::Changed { .. }
            | ChangeDueTimeError::Refused(_) => None,
        }
    }
}

impl Store {
    /// Has a waiting job go on at `due_at_ms`. `seen_ms` is when it was due as the caller saw it: of two at once, one is told that it
    /// has changed. Audited with both times.
    ///
    /// # Errors
    /// [`ChangeDueTimeError`] says why not.
    pub async fn change_due_time(
        &self,
        id: &JobId,
        (seen_ms, due_at_ms): (i64, i64),
        actor: &Actor,
        reason: Option<&str>,
    ) -> Result<JobRow, ChangeDueTimeError> {
        self.retried(|| self.change_due_time_once(id, (seen_ms, due_at_ms), actor, reason)).await
    }

    async fn change_due_time_once(
        &self,
        id: &JobId,
        (seen_ms, due_at_ms): (i64, i64),
        actor: &Actor,
        reason: Option<&str>,
    ) -> Result<JobRow, ChangeDueTimeError> {
        let mut write = self.begin_write().await?;
        let scene = Scene::load(&write, id.as_str()).await?.ok_or(ChangeDueTimeError::Unknown)?;
        let past = scene.history(&write).await?;
        let (payment, now_ms) = (&scene.payment, write.now_ms);
        let cancellation = scene.cancellation.as_ref();
        let facts = job_facts(&scene.job, payment.confirm_by, cancellation, &past, now_ms)?;
        check_due_time(&facts, payment.next_cancel_at, due_at_ms)
            .map_err(ChangeDueTimeError::Refused)?;
        if scene.job.due_at != seen_ms {
            return Err(ChangeDueTimeError::Changed { due_at_ms: scene.job.due_at });
        }
        let detail = serde_json::json!({
            "kind": scene.job.kind, "orderId": scene.job.order_id, "before": seen_ms, "after": due_at_ms,
        });
        let store_id = Some(scene.job.store_id.as_str());
        audit::record(&write, actor, "job.due_time", id.as_str(), store_id, reason, Some(detail))
            .await?;
        let mut job = scene.job.into_active_model();
        job.due_at = Set(due_at_ms);
        job.runnable_since = Set(due_at_ms);
        job.updated_at = Set(now_ms);
        let job = job.update(&write.tx).await?;
        write.raise_order_version(&job.order_id);
        write.commit().await?;
        Ok(job_row(&job)?)
    }
}
