//! Asking for look-ups: at most one of a payment is live, however many ask for it.

use domain::job::{JobKind, JobState};
use domain::limits;
use entities::{job, payment};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, DbErr, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _,
};

use crate::accept_confirm::new_job;
use crate::connection::Write;
use crate::error::StoreError;
use crate::origin::Origin;
use crate::relayed::PublishedJob;
use crate::rows;

/// The look-up that was just asked for.
pub(super) async fn the_look_up(
    write: &Write<'_>,
    order_id: &str,
) -> Result<job::Model, StoreError> {
    let found = live_look_up(write, order_id).await?;
    let missing = || DbErr::RecordNotFound("the look-up that was just asked for".to_owned());
    Ok(found.ok_or_else(missing)?)
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
