//! What staff do with jobs: look up, retry, discard; in the files below, put off, tell cancels at Toss apart, and close reviews. Under the
//! domain's rules, compared and set, audited.

mod due_time;
mod look_up;
mod matching;
mod offers;
mod review;

pub use due_time::ChangeDueTimeError;
use look_up::the_look_up;
pub(crate) use look_up::wanted_look_up;
pub use matching::{CancelCandidate, Candidates, MatchCancellation, MatchError, Matched};
pub use offers::PaymentOffers;
pub(crate) use offers::{LeftToCancel, job_facts};
pub use review::CloseReviewError;

use domain::cancellation::CancellationState;
use domain::job::{ActionRefusal, JobKind, JobState, check_discard, check_retry};
use domain::payment::{PaymentEvent, PaymentState};
use domain::role::Role;
use domain::{JobId, OrderId, limits};
use entities::{job, order, payment};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, DbErr, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

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
    /// Somebody was quicker, or the job has gone on since it was looked at.
    #[error("the job has changed")]
    Changed,
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
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            ActError::Store(error) => Some(error),
            ActError::Unknown | ActError::Changed | ActError::Refused(_) => None,
        }
    }
}

/// Who acts, why, and in which bulk run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Why<'a> {
    pub(crate) actor: &'a Actor,
    pub(crate) reason: Option<&'a str>,
    pub(crate) run: Option<&'a str>,
    /// When the job last changed as they saw it, in milliseconds; `None`: they act on it however it is.
    pub(crate) seen_ms: Option<i64>,
}

impl<'a> Why<'a> {
    /// An action on its own.
    pub(crate) fn of(actor: &'a Actor, reason: Option<&'a str>) -> Why<'a> {
        Why { actor, reason, run: None, seen_ms: None }
    }

    /// The same on a job as it was seen.
    fn as_seen(self, seen_ms: Option<i64>) -> Why<'a> {
        Why { seen_ms, ..self }
    }

    /// Of two who saw the same, one acts and the other is told.
    fn check_seen(&self, job: &job::Model) -> Result<(), ActError> {
        match self.seen_ms {
            Some(seen_ms) if seen_ms != job.updated_at => Err(ActError::Changed),
            _ => Ok(()),
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
        let acted = look_up_within(&mut write, id, &Why::of(actor, reason)).await?;
        write.commit().await?;
        Ok(acted)
    }

    /// Has Toss asked where the payment of an order stands: as [`Store::look_up_job`], also when its jobs were deleted long ago.
    ///
    /// # Errors
    /// [`ActError`] says why not; [`ActError::Unknown`] when the order has no payment.
    pub async fn look_up_payment(
        &self,
        order_id: &OrderId,
        actor: &Actor,
        reason: Option<&str>,
    ) -> Result<ActedJob, ActError> {
        self.retried(|| self.look_up_payment_once(order_id, actor, reason)).await
    }

    async fn look_up_payment_once(
        &self,
        order_id: &OrderId,
        actor: &Actor,
        reason: Option<&str>,
    ) -> Result<ActedJob, ActError> {
        let mut write = self.begin_write().await?;
        let payment = locked_payment(&write, order_id.as_str()).await?.ok_or(ActError::Unknown)?;
        let publish = wanted_look_up(&mut write, &payment, &actor.origin, 0).await?;
        let job = the_look_up(&write, order_id.as_str()).await?;
        record(&write, &Why::of(actor, reason), "job.look_up", &job).await?;
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
        let why = Why::of(actor, reason);
        self.retried(|| self.retry_job_once(id, &why)).await
    }

    /// The same with a job that last changed at `seen_ms`, as the caller saw it.
    ///
    /// # Errors
    /// [`ActError`] says why not; [`ActError::Changed`] when it is another by now.
    pub async fn retry_seen_job(
        &self,
        id: &JobId,
        seen_ms: i64,
        actor: &Actor,
        reason: Option<&str>,
    ) -> Result<ActedJob, ActError> {
        let why = Why::of(actor, reason).as_seen(Some(seen_ms));
        self.retried(|| self.retry_job_once(id, &why)).await
    }

    async fn retry_job_once(&self, id: &JobId, why: &Why<'_>) -> Result<ActedJob, ActError> {
        let mut write = self.begin_write().await?;
        let acted = retry_within(&mut write, id, why).await?;
        write.commit().await?;
        Ok(acted)
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
        let why = Why::of(actor, Some(reason));
        self.retried(|| self.discard_job_once(id, &why)).await
    }

    /// The same with a job that last changed at `seen_ms`, as the caller saw it.
    ///
    /// # Errors
    /// [`ActError`] says why not; [`ActError::Changed`] when it is another by now.
    pub async fn discard_seen_job(
        &self,
        id: &JobId,
        seen_ms: i64,
        actor: &Actor,
        reason: &str,
    ) -> Result<ActedJob, ActError> {
        let why = Why::of(actor, Some(reason)).as_seen(Some(seen_ms));
        self.retried(|| self.discard_job_once(id, &why)).await
    }

    async fn discard_job_once(&self, id: &JobId, why: &Why<'_>) -> Result<ActedJob, ActError> {
        let mut write = self.begin_write().await?;
        let acted = discard_within(&mut write, id, why).await?;
        write.commit().await?;
        Ok(acted)
    }
}

/// See [`Store::look_up_job`]; counts when the transaction commits.
pub(crate) async fn look_up_within(
    write: &mut Write<'_>,
    id: &JobId,
    why: &Why<'_>,
) -> Result<ActedJob, ActError> {
    let scene = Scene::load(write, id.as_str()).await?.ok_or(ActError::Unknown)?;
    let publish = wanted_look_up(write, &scene.payment, &why.actor.origin, 0).await?;
    let job = the_look_up(write, &scene.job.order_id).await?;
    record(write, why, "job.look_up", &scene.job).await?;
    Ok(ActedJob { job: job_row(&job)?, publish })
}

/// See [`Store::retry_job`]; counts when the transaction commits. Nothing is written when it is refused.
pub(crate) async fn retry_within(
    write: &mut Write<'_>,
    id: &JobId,
    why: &Why<'_>,
) -> Result<ActedJob, ActError> {
    let scene = Scene::load(write, id.as_str()).await?.ok_or(ActError::Unknown)?;
    why.check_seen(&scene.job)?;
    let kind = rows::job_kind(&scene.job)?;
    check_retry(kind, rows::job_state(&scene.job)?, scene.payment.confirm_by, write.now_ms)
        .map_err(ActError::Refused)?;
    record(write, why, "job.retry", &scene.job).await?;
    let job = go_on(write, scene).await?;
    let publish = Some(PublishedJob::of(&job, kind));
    Ok(ActedJob { job: job_row(&job)?, publish })
}

/// Has a stopped or waiting job go on at once. It keeps the payment's money operation: what it did may be unknown, and nothing else may be
/// sent before that is cleared up.
async fn go_on(write: &mut Write<'_>, scene: Scene) -> Result<job::Model, StoreError> {
    let payment = cleared_review(write, &scene);
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
    Ok(job)
}

/// See [`Store::discard_job`]; counts when the transaction commits. Nothing is written when it is refused.
pub(crate) async fn discard_within(
    write: &mut Write<'_>,
    id: &JobId,
    why: &Why<'_>,
) -> Result<ActedJob, ActError> {
    let mut scene = Scene::load(write, id.as_str()).await?.ok_or(ActError::Unknown)?;
    why.check_seen(&scene.job)?;
    let past = scene.history(write).await?;
    let history = rows::history(&scene.job, &past)?;
    check_discard(rows::job_state(&scene.job)?, &history).map_err(ActError::Refused)?;
    record(write, why, "job.discard", &scene.job).await?;
    let is_confirm = rows::job_kind(&scene.job)? == JobKind::Confirm;
    let failed = if is_confirm {
        rows::payment_state(&scene.payment)?.after(PaymentEvent::Declined).ok()
    } else {
        None
    };
    give_up_payment(write, &scene, failed).await?;
    if let Some(cancel) = scene.cancellation.take() {
        let mut cancel = cancel.into_active_model();
        cancel.state = Set(CancellationState::Refused.word().to_owned());
        cancel.failure_code = Set(Some(DISCARDED.to_owned()));
        cancel.failure_message = Set(why.reason.map(str::to_owned));
        cancel.updated_at = Set(write.now_ms);
        let cancel = cancel.update(&write.tx).await?;
        refund_accounts::forget(write, &cancel).await?;
    }
    let mut job = scene.job.into_active_model();
    job.state = Set(JobState::Discarded.word().to_owned());
    job.ended_at = Set(Some(write.now_ms));
    job.updated_at = Set(write.now_ms);
    let job = job.update(&write.tx).await?;
    write.raise_order_version(&job.order_id);
    Ok(ActedJob { job: job_row(&job)?, publish: None })
}

/// The payment of an order, under the locks that every write of it takes first.
async fn locked_payment(
    write: &Write<'_>,
    order_id: &str,
) -> Result<Option<payment::Model>, StoreError> {
    let order = order::Entity::find_by_id(order_id).lock_exclusive().one(&write.tx).await?;
    if order.is_none() {
        return Ok(None);
    }
    Ok(payment::Entity::find_by_id(order_id).lock_exclusive().one(&write.tx).await?)
}

/// The payments of these orders, under the locks that every write of them takes first.
pub(crate) async fn locked_payments(
    write: &Write<'_>,
    order_ids: &[&str],
) -> Result<Vec<payment::Model>, StoreError> {
    order::Entity::find()
        .select_only()
        .column(order::Column::Id)
        .filter(order::Column::Id.is_in(order_ids.iter().copied()))
        .order_by_asc(order::Column::Id)
        .lock_exclusive()
        .into_tuple::<String>()
        .all(&write.tx)
        .await?;
    let payments = payment::Entity::find()
        .filter(payment::Column::OrderId.is_in(order_ids.iter().copied()))
        .order_by_asc(payment::Column::OrderId)
        .lock_exclusive();
    Ok(payments.all(&write.tx).await?)
}

/// The code of what a person gave up.
const DISCARDED: &str = "DISCARDED";

async fn record(
    write: &Write<'_>,
    why: &Why<'_>,
    action: &str,
    job: &job::Model,
) -> Result<(), StoreError> {
    let mut detail = serde_json::json!({
        "kind": job.kind, "orderId": job.order_id, "state": job.state, "code": job.last_code, "parkReason": job.park_reason,
    });
    if let (Some(run), Some(detail)) = (why.run, detail.as_object_mut()) {
        detail.insert("bulkRunId".to_owned(), run.into());
    }
    let store_id = Some(job.store_id.as_str());
    audit::record(write, why.actor, action, &job.id, store_id, why.reason, Some(detail)).await
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
