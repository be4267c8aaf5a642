//! What staff do with jobs: look up, retry, discard. Under the domain's rules, compared and set, audited.

use domain::cancellation::CancellationState;
use domain::job::{ActionRefusal, JobKind, JobState, check_discard, check_retry};
use domain::payment::{PaymentEvent, PaymentState};
use domain::policy::History;
use domain::role::Role;
use domain::{JobId, limits};
use entities::{job, payment};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, DbErr, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _,
};

use crate::accept_confirm::new_job;
use crate::audit;
use crate::connection::{Conflict, Store, Write};
use crate::error::StoreError;
use crate::jobs::{JobRow, job_row};
use crate::origin::Origin;
use crate::refund_accounts;
use crate::relayed::PublishedJob;
use crate::rows;
use crate::settle::Scene;

/// Who does something, for the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Staff id, or `system`.
    pub id: String,
    /// Their name, for people.
    pub name: String,
    /// Their role; `None` for the system itself.
    pub role: Option<Role>,
    /// The request in which they do it.
    pub origin: Origin,
}

impl Actor {
    /// The system acting by itself.
    #[must_use]
    pub fn system() -> Actor {
        let name = "system".to_owned();
        Actor { id: name.clone(), name, role: None, origin: Origin::default() }
    }

    /// The word for the audit's role column.
    #[must_use]
    pub fn role_word(&self) -> &'static str {
        self.role.map_or("system", Role::word)
    }
}

/// Why an action was not done. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// There is no such job.
    #[error("the job is unknown")]
    Unknown,
    /// The rules do not allow it now.
    #[error(transparent)]
    Refused(ActionRefusal),
    /// The database failed; repeating is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for ActError {
    fn from(error: DbErr) -> ActError {
        ActError::Store(error.into())
    }
}

impl Conflict for ActError {
    fn is_conflict(&self) -> bool {
        match self {
            ActError::Store(error) => error.is_conflict(),
            ActError::Unknown | ActError::Refused(_) => false,
        }
    }
}

/// What an action left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActedJob {
    /// The job now; for a look-up, the look-up's own job.
    pub job: JobRow,
    /// Publish it now, or the relay will.
    pub publish: Option<PublishedJob>,
}

impl Store {
    /// Has Toss asked where the job's payment stands. A look-up that is under way already is done once more after it.
    ///
    /// # Errors
    /// [`ActError`] says why not.
    pub async fn look_up_job(
        &self,
        id: &JobId,
        actor: &Actor,
        reason: Option<&str>,
    ) -> Result<ActedJob, ActError> {
        self.retried(|| self.look_up_job_once(id, actor, reason)).await
    }

    async fn look_up_job_once(
        &self,
        id: &JobId,
        actor: &Actor,
        reason: Option<&str>,
    ) -> Result<ActedJob, ActError> {
        let mut write = self.begin_write().await?;
        let scene = Scene::load(&write, id.as_str()).await?.ok_or(ActError::Unknown)?;
        let publish = wanted_look_up(&mut write, &scene.payment, &actor.origin, 0).await?;
        let job = live_look_up(&write, &scene.job.order_id).await?.ok_or_else(|| {
            DbErr::RecordNotFound("the look-up that was just asked for".to_owned())
        })?;
        record(&write, actor, "job.look_up", &scene.job, reason).await?;
        write.commit().await?;
        Ok(ActedJob { job: job_row(&job)?, publish })
    }

    /// Has a parked or waiting job go on now. What is sent is decided as always: an unknown outcome is looked up first.
    ///
    /// # Errors
    /// [`ActError`] says why not. Of two callers at once, one gets [`ActionRefusal::UnderWay`].
    pub async fn retry_job(
        &self,
        id: &JobId,
        actor: &Actor,
        reason: Option<&str>,
    ) -> Result<ActedJob, ActError> {
        self.retried(|| self.retry_job_once(id, actor, reason)).await
    }

    async fn retry_job_once(
        &self,
        id: &JobId,
        actor: &Actor,
        reason: Option<&str>,
    ) -> Result<ActedJob, ActError> {
        let mut write = self.begin_write().await?;
        let scene = Scene::load(&write, id.as_str()).await?.ok_or(ActError::Unknown)?;
        let kind = rows::job_kind(&scene.job)?;
        check_retry(kind, rows::job_state(&scene.job)?, scene.payment.confirm_by, write.now_ms)
            .map_err(ActError::Refused)?;
        record(&write, actor, "job.retry", &scene.job, reason).await?;
        // It keeps the payment's money operation: what it did may be unknown, and nothing else may be sent before that is cleared up.
        let payment = cleared_review(&write, &scene);
        payment.update(&write.tx).await?;
        let mut job = scene.job.into_active_model();
        job.state = Set(JobState::Queued.word().to_owned());
        job.park_reason = Set(None);
        job.publications = Set(0);
        job.due_at = Set(write.now_ms.saturating_add(limits::GRACE_MS));
        job.runnable_since = Set(write.now_ms);
        job.updated_at = Set(write.now_ms);
        let job = job.update(&write.tx).await?;
        write.raise_order_version(&job.order_id);
        write.commit().await?;
        let publish = Some(PublishedJob::of(&job, kind));
        Ok(ActedJob { job: job_row(&job)?, publish })
    }

    /// Gives a parked job up for good: its confirm or cancel is proved not done, and will not be.
    ///
    /// # Errors
    /// [`ActError`] says why not.
    pub async fn discard_job(
        &self,
        id: &JobId,
        actor: &Actor,
        reason: &str,
    ) -> Result<ActedJob, ActError> {
        self.retried(|| self.discard_job_once(id, actor, reason)).await
    }

    async fn discard_job_once(
        &self,
        id: &JobId,
        actor: &Actor,
        reason: &str,
    ) -> Result<ActedJob, ActError> {
        let mut write = self.begin_write().await?;
        let mut scene = Scene::load(&write, id.as_str()).await?.ok_or(ActError::Unknown)?;
        let past = scene.history(&write).await?;
        let generation =
            rows::count("jobs", &scene.job.id, "key_generation", scene.job.key_generation)?;
        let history = History { attempts: &past, generation };
        check_discard(rows::job_state(&scene.job)?, &history).map_err(ActError::Refused)?;
        record(&write, actor, "job.discard", &scene.job, Some(reason)).await?;
        let is_confirm = rows::job_kind(&scene.job)? == JobKind::Confirm;
        let failed = if is_confirm {
            rows::payment_state(&scene.payment)?.after(PaymentEvent::Declined).ok()
        } else {
            None
        };
        give_up_payment(&write, &scene, failed).await?;
        if let Some(cancel) = scene.cancellation.take() {
            let mut cancel = cancel.into_active_model();
            cancel.state = Set(CancellationState::Refused.word().to_owned());
            cancel.failure_code = Set(Some(DISCARDED.to_owned()));
            cancel.failure_message = Set(Some(reason.to_owned()));
            cancel.updated_at = Set(write.now_ms);
            let cancel = cancel.update(&write.tx).await?;
            refund_accounts::forget(&write, &cancel).await?;
        }
        let mut job = scene.job.into_active_model();
        job.state = Set(JobState::Discarded.word().to_owned());
        job.ended_at = Set(Some(write.now_ms));
        job.updated_at = Set(write.now_ms);
        let job = job.update(&write.tx).await?;
        write.raise_order_version(&job.order_id);
        write.commit().await?;
        Ok(ActedJob { job: job_row(&job)?, publish: None })
    }
}

/// The code of what a person gave up.
const DISCARDED: &str = "DISCARDED";

async fn record(
    write: &Write<'_>,
    actor: &Actor,
    action: &str,
    job: &job::Model,
    reason: Option<&str>,
) -> Result<(), StoreError> {
    let detail = serde_json::json!({
        "kind": job.kind, "orderId": job.order_id, "state": job.state, "code": job.last_code, "parkReason": job.park_reason,
    });
    audit::record(write, actor, action, &job.id, Some(&job.store_id), reason, Some(detail)).await
}

/// The person has acted on what they were asked.
fn cleared_review(write: &Write<'_>, scene: &Scene) -> payment::ActiveModel {
    let mut payment = scene.payment.clone().into_active_model();
    if scene.payment.review_reason == scene.job.park_reason {
        payment.review_reason = Set(None);
        payment.review_since = Set(None);
    }
    payment.version = Set(scene.payment.version.saturating_add(1));
    payment.updated_at = Set(write.now_ms);
    payment
}

/// What a discarded job leaves of its payment: its money operation is free, and with `failed` the payment is given up.
async fn give_up_payment(
    write: &Write<'_>,
    scene: &Scene,
    failed: Option<PaymentState>,
) -> Result<(), StoreError> {
    let mut payment = cleared_review(write, scene);
    if let Some(state) = failed {
        payment.state = Set(state.word().to_owned());
        payment.failure_code = Set(Some(DISCARDED.to_owned()));
    }
    if scene.payment.money_job_id.as_deref() == Some(scene.job.id.as_str()) {
        payment.money_job_id = Set(None);
    }
    payment.update(&write.tx).await?;
    Ok(())
}

async fn live_look_up(write: &Write<'_>, order_id: &str) -> Result<Option<job::Model>, StoreError> {
    let live = JobState::ALL.into_iter().filter(|state| state.is_live()).map(JobState::word);
    Ok(job::Entity::find()
        .filter(job::Column::OrderId.eq(order_id))
        .filter(job::Column::Kind.eq(JobKind::LookUp.word()))
        .filter(job::Column::State.is_in(live))
        .one(&write.tx)
        .await?)
}

/// Asks for a look-up of a payment, not before an instant: a new job, the waiting one, or the running one once more. Returns what to
/// publish now.
pub(crate) async fn wanted_look_up(
    write: &mut Write<'_>,
    payment: &payment::Model,
    origin: &Origin,
    not_before_ms: i64,
) -> Result<Option<PublishedJob>, StoreError> {
    let is_now = not_before_ms <= write.now_ms;
    let (state, due_at) = if is_now {
        (JobState::Queued, write.now_ms.saturating_add(limits::GRACE_MS))
    } else {
        (JobState::Waiting, not_before_ms)
    };
    let Some(known) = live_look_up(write, &payment.order_id).await? else {
        let mut job = new_job(write, JobKind::LookUp, payment, None, origin);
        job.state = state.word().to_owned();
        job.due_at = due_at;
        let published = PublishedJob::of(&job, JobKind::LookUp);
        job.into_active_model().reset_all().insert(&write.tx).await?;
        return Ok(is_now.then_some(published));
    };
    let published = PublishedJob::of(&known, JobKind::LookUp);
    let known_state = rows::job_state(&known)?;
    let known_due_at = known.due_at;
    let mut job = known.into_active_model();
    job.updated_at = Set(write.now_ms);
    match known_state {
        // Its answer may be older than what is to be seen.
        JobState::Running => job.rerun_wanted = Set(true),
        // It is on its way; whoever asks again and again must not put it off.
        JobState::Queued => return Ok(None),
        JobState::Waiting
        | JobState::Parked
        | JobState::Succeeded
        | JobState::Declined
        | JobState::Void
        | JobState::Discarded => {
            let is_put_off = !is_now && known_state == JobState::Waiting;
            job.state = Set(state.word().to_owned());
            job.park_reason = Set(None);
            job.due_at = Set(if is_put_off { due_at.min(known_due_at) } else { due_at });
        }
    }
    job.update(&write.tx).await?;
    Ok((is_now && known_state != JobState::Running).then_some(published))
}
