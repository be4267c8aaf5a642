//! Telling cancels at Toss apart from ours, by the word of a person and within the domain's rules.

use domain::action::{
    Candidate, JobAction, MatchRefusal, NoneRefusal, check_job_action, check_match, check_none,
};
use domain::answer::TossCancel;
use domain::attempt::PastAttempt;
use domain::cancellation::CancellationState;
use domain::job::{ActionRefusal, JobKind, JobState};
use domain::{CancellationId, OrderId, Won, limits};
use entities::{cancellation, job, payment};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _,
};
use serde_json::json;

use super::{Actor, cleared_review, go_on, job_facts, wanted_look_up};
use crate::audit;
use crate::connection::{Conflict, Store, Write};
use crate::error::StoreError;
use crate::jobs::{JobRow, job_row};
use crate::refund_accounts;
use crate::relayed::PublishedJob;
use crate::rows;
use crate::settle::{Scene, entries, record_foreign};

/// What a cancellation whose outcome is open may be at Toss.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidates {
    /// What was seen here: a match that names another one is refused.
    pub payment_version: i64,
    /// How much ours gives back.
    pub amount: Won,
    /// Whether one of them may be said to be ours, or why not.
    pub matching: Result<(), ActionRefusal>,
    /// Whether it may be said that none is, or why not.
    pub none: Result<(), NoneRefusal>,
    /// What Toss showed that no cancellation of ours has, oldest first.
    pub entries: Vec<CancelCandidate>,
}

/// A cancel at Toss that may be ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelCandidate {
    /// Toss's key of it.
    pub transaction_key: String,
    /// How much went back.
    pub amount: Won,
    /// How much of it was free of tax.
    pub tax_free_amount: Won,
    /// The reason that it carries at Toss.
    pub reason: String,
    /// When, by Toss, in milliseconds UTC.
    pub cancelled_at_ms: Option<i64>,
    /// When an answer showed it, in milliseconds UTC.
    pub seen_at_ms: i64,
    /// Whether its amount is ours.
    pub fits: bool,
}

/// Which cancel at Toss is ours, in a person's word.
#[derive(Debug, Clone)]
pub struct MatchCancellation {
    /// Whose payment.
    pub order_id: OrderId,
    /// Ours.
    pub cancellation_id: CancellationId,
    /// Toss's key of it; `None`: none of those that Toss showed.
    pub transaction_key: Option<String>,
    /// The payment's version as they saw it.
    pub seen_version: i64,
    /// Who says so.
    pub actor: Actor,
    /// How they know.
    pub reason: String,
}

/// What a match left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// The cancellation's job now.
    pub job: JobRow,
    /// Publish it now, or the relay will: that job, or the look-up that follows a match.
    pub publish: Option<PublishedJob>,
}

/// Why cancels were not told apart. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum MatchError {
    /// There is no such cancellation, or its job was deleted long ago.
    #[error("the cancellation is unknown")]
    Unknown,
    /// The payment is not as it was looked at.
    #[error("the payment has changed")]
    Changed,
    /// The entry cannot be ours.
    #[error(transparent)]
    Refused(MatchRefusal),
    /// It cannot be said that none is.
    #[error(transparent)]
    NoneRefused(NoneRefusal),
    /// The database failed; repeating is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for MatchError {
    fn from(error: DbErr) -> MatchError {
        MatchError::Store(error.into())
    }
}

impl Conflict for MatchError {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            MatchError::Store(error) => Some(error),
            MatchError::Unknown
            | MatchError::Changed
            | MatchError::Refused(_)
            | MatchError::NoneRefused(_) => None,
        }
    }
}

impl Store {
    /// What a cancellation may be at Toss, as the last look-up showed it; `None` when there is no such cancellation with a job.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or a row cannot be read.
    pub async fn list_cancel_candidates(
        &self,
        order_id: &OrderId,
        cancellation_id: &CancellationId,
    ) -> Result<Option<Candidates>, StoreError> {
        self.bounded(self.read_cancel_candidates(order_id, cancellation_id)).await
    }

    async fn read_cancel_candidates(
        &self,
        order_id: &OrderId,
        cancellation_id: &CancellationId,
    ) -> Result<Option<Candidates>, StoreError> {
        let read = self.begin_read().await?;
        let Some(job) = job_of(&read.tx, order_id, cancellation_id).await? else { return Ok(None) };
        let payment = payment::Entity::find_by_id(order_id.as_str()).one(&read.tx).await?;
        let known = cancellation::Entity::find()
            .filter(cancellation::Column::OrderId.eq(order_id.as_str()))
            .all(&read.tx)
            .await?;
        let own = known.iter().find(|row| row.id == cancellation_id.as_str());
        let (Some(payment), Some(own)) = (payment, own) else { return Ok(None) };
        let past = crate::scene::history(&read.tx, &job).await?;
        let shown = entries::list(&read.tx, order_id.as_str(), &known).await?;
        let facts = job_facts(&job, payment.confirm_by, Some(own), &past, read.now_ms)?;
        read.end().await?;
        let amount = rows::won("cancellations", &own.id, "amount", own.amount)?;
        let seen: Vec<Candidate> = shown.iter().map(|(entry, _)| candidate(entry)).collect();
        Ok(Some(Candidates {
            payment_version: payment.version,
            amount,
            matching: check_job_action(JobAction::Match, &facts),
            none: check_none(&facts, cancellation_id.as_str(), &seen),
            entries: shown.into_iter().map(|entry| shown_candidate(entry, amount)).collect(),
        }))
    }

    /// Writes down which cancel at Toss is ours, or that none is. With an entry the cancellation is done; with none the entries are
    /// strangers', and its job goes on as for a cancel that Toss does not show. Audited.
    ///
    /// # Errors
    /// [`MatchError`] says why not. Of two callers at once, one gets a refusal.
    pub async fn match_cancellation(
        &self,
        wanted: &MatchCancellation,
    ) -> Result<Matched, MatchError> {
        self.retried(|| self.match_cancellation_once(wanted)).await
    }

    async fn match_cancellation_once(
        &self,
        wanted: &MatchCancellation,
    ) -> Result<Matched, MatchError> {
        let mut write = self.begin_write().await?;
        let job = job_of(&write.tx, &wanted.order_id, &wanted.cancellation_id).await?;
        let job = job.ok_or(MatchError::Unknown)?;
        let scene = Scene::load(&write, &job.id).await?.ok_or(MatchError::Unknown)?;
        let own = scene.cancellation.clone().ok_or(MatchError::Unknown)?;
        let past = scene.history(&write).await?;
        let known = scene.cancellations();
        let shown = entries::list(&write.tx, wanted.order_id.as_str(), &known).await?;
        let shown: Vec<TossCancel> = shown.into_iter().map(|(entry, _)| entry).collect();
        let found = decide(wanted, &scene, &own, (&past, write.now_ms), &shown)?;
        if scene.payment.version != wanted.seen_version {
            return Err(MatchError::Changed);
        }
        let done = match found {
            Some(entry) => settle_as(&mut write, scene, own, entry, wanted).await?,
            None => go_on_without(&mut write, scene, &shown, wanted).await?,
        };
        write.commit().await?;
        Ok(done)
    }
}

/// The entry that is ours, or that none is, if the rules allow it.
fn decide<'e>(
    wanted: &MatchCancellation,
    scene: &Scene,
    own: &cancellation::Model,
    (past, now_ms): (&[PastAttempt], i64),
    shown: &'e [TossCancel],
) -> Result<Option<&'e TossCancel>, MatchError> {
    let facts = job_facts(&scene.job, scene.payment.confirm_by, Some(own), past, now_ms)?;
    let seen: Vec<Candidate> = shown.iter().map(candidate).collect();
    let Some(key) = &wanted.transaction_key else {
        check_none(&facts, &own.id, &seen).map_err(MatchError::NoneRefused)?;
        return Ok(None);
    };
    let amount = rows::won("cancellations", &own.id, "amount", own.amount)?;
    let fitting = check_match(&facts, amount, &seen, key).map_err(MatchError::Refused)?;
    let found = shown.iter().find(|entry| entry.transaction_key == fitting.transaction_key);
    Ok(Some(found.ok_or(MatchError::Refused(MatchRefusal::UnknownEntry))?))
}

/// The money went back by this entry: the cancellation and its job have their end. What else Toss shows, a look-up sorts out.
async fn settle_as(
    write: &mut Write<'_>,
    scene: Scene,
    own: cancellation::Model,
    entry: &TossCancel,
    wanted: &MatchCancellation,
) -> Result<Matched, StoreError> {
    record(write, "cancel.match", &scene.job, wanted, json!(entry.transaction_key)).await?;
    let mut row = own.into_active_model();
    row.state = Set(CancellationState::Done.word().to_owned());
    row.transaction_key = Set(Some(entry.transaction_key.clone()));
    row.cancelled_at = Set(Some(entry.cancelled_at_ms.unwrap_or(write.now_ms)));
    row.failure_code = Set(None);
    row.failure_message = Set(None);
    row.updated_at = Set(write.now_ms);
    let row = row.update(&write.tx).await?;
    refund_accounts::forget(write, &row).await?;
    entries::forget(write, &row.order_id).await?;
    let mut payment = cleared_review(write, &scene);
    if scene.payment.money_job_id.as_deref() == Some(scene.job.id.as_str()) {
        payment.money_job_id = Set(None);
        payment.next_cancel_at = Set(write.now_ms.saturating_add(limits::CANCEL_SPACING_MS));
    }
    let payment = payment.update(&write.tx).await?;
    let mut job = scene.job.into_active_model();
    job.state = Set(JobState::Succeeded.word().to_owned());
    job.park_reason = Set(None);
    job.ended_at = Set(Some(write.now_ms));
    job.updated_at = Set(write.now_ms);
    let job = job.update(&write.tx).await?;
    let look_up = wanted_look_up(write, &payment, &wanted.actor.origin, 0).await?;
    write.raise_order_version(&job.order_id);
    Ok(Matched { job: job_row(&job)?, publish: look_up })
}

/// What Toss shows are strangers' cancels: ours is still owed, and its job looks again before it does anything.
async fn go_on_without(
    write: &mut Write<'_>,
    scene: Scene,
    shown: &[TossCancel],
    wanted: &MatchCancellation,
) -> Result<Matched, StoreError> {
    let keys: Vec<&str> = shown.iter().map(|entry| entry.transaction_key.as_str()).collect();
    record(write, "cancel.match_none", &scene.job, wanted, json!(keys)).await?;
    for entry in shown {
        record_foreign(write, wanted.order_id.as_str(), entry).await?;
    }
    entries::forget(write, wanted.order_id.as_str()).await?;
    let job = go_on(write, scene).await?;
    let publish = Some(PublishedJob::of(&job, JobKind::Cancel));
    Ok(Matched { job: job_row(&job)?, publish })
}

async fn record(
    write: &Write<'_>,
    action: &str,
    job: &job::Model,
    wanted: &MatchCancellation,
    entries: serde_json::Value,
) -> Result<(), StoreError> {
    let detail = json!({
        "cancelId": wanted.cancellation_id.as_str(), "jobId": job.id, "transactionKey": entries,
    });
    let (order_id, store_id) = (wanted.order_id.as_str(), Some(job.store_id.as_str()));
    let (actor, reason) = (&wanted.actor, Some(wanted.reason.as_str()));
    audit::record(write, actor, action, order_id, store_id, reason, Some(detail)).await
}

/// The job of a cancellation, if it is the order's.
async fn job_of(
    connection: &impl ConnectionTrait,
    order_id: &OrderId,
    cancellation_id: &CancellationId,
) -> Result<Option<job::Model>, StoreError> {
    Ok(job::Entity::find()
        .filter(job::Column::OrderId.eq(order_id.as_str()))
        .filter(job::Column::CancellationId.eq(cancellation_id.as_str()))
        .one(connection)
        .await?)
}

fn candidate(entry: &TossCancel) -> Candidate {
    Candidate {
        transaction_key: entry.transaction_key.clone(),
        amount: entry.amount,
        reason: entry.reason.clone(),
    }
}

fn shown_candidate((entry, seen_at_ms): (TossCancel, i64), amount: Won) -> CancelCandidate {
    CancelCandidate {
        fits: entry.amount == amount,
        transaction_key: entry.transaction_key,
        amount: entry.amount,
        tax_free_amount: entry.tax_free_amount,
        reason: entry.reason,
        cancelled_at_ms: entry.cancelled_at_ms,
        seen_at_ms,
    }
}
