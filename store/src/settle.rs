//! Settling: an attempt's answer and all that follows from it, in one transaction.
//!
//! The decision is made inside the transaction, on the rows as they are then. An answer that comes after its claim was over decides
//! nothing, but it is kept, and a look-up is asked for in the same transaction: an approval is never thrown away.

mod apply;
pub(crate) mod entries;
mod evidence;

pub(crate) use crate::scene::Scene;
pub(crate) use apply::apply;
pub(crate) use evidence::{TOSS, is_lost, record_foreign};

use std::borrow::Cow;

use domain::answer::{Answer, Failure, FailureClass, TossPayment};
use domain::attempt::{Operation, Verdict};
use domain::job::{JobKind, JobState};
use domain::policy::{
    CurrentAttempt, Decision, History, NextJob, OrderShown, Pacing, ReviewReason, decide_cancel,
    decide_confirm, decide_look_up,
};
use entities::{attempt, job};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, DbErr, EntityTrait as _, IntoActiveModel as _, QueryFilter as _};

use crate::call::Call;
use crate::claim::StartedAttempt;
use crate::connection::{Store, Write};
use crate::error::StoreError;
use crate::late_approval;
use crate::relayed::PublishedJob;
use crate::rows;
use crate::scene::{Locked, rounds};

/// The code of an attempt that was given back, because its worker stops.
pub const STOPPED_BEFORE_SENDING: &str = "STOPPED_BEFORE_SENDING";
/// The longest wait that an answer's `Retry-After` can ask for.
const RETRY_AFTER_MS_MAX: i64 = 600_000;

/// What a call brought, to be settled.
#[derive(Debug, Clone)]
pub struct AttemptResult {
    /// The attempt.
    pub attempt: StartedAttempt,
    /// What Toss said, or did not say.
    pub answer: Answer,
    /// The answer's HTTP status, if one came.
    pub http_status: Option<u16>,
    /// Toss's trace id, if one came.
    pub trace_id: Option<String>,
    /// The answer, redacted and bounded.
    pub body: Option<String>,
    /// How long Toss asks us to wait, in milliseconds.
    pub retry_after_ms: Option<i64>,
    /// How long the call took, in milliseconds.
    pub duration_ms: i64,
}

/// What became of a job by settling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The job.
    pub job_id: String,
    /// Whose payment it is about.
    pub order_id: String,
    /// What the answer said; `None` when it had been recorded before.
    pub verdict: Option<Verdict>,
    /// What follows; `None` when the claim was over and the answer was only kept.
    pub next: Option<NextJob>,
    /// The code behind it.
    pub code: Option<String>,
    /// For a job that waits: how long, in milliseconds.
    pub due_in_ms: Option<i64>,
}

impl Settled {
    /// The answer was kept and decided nothing.
    fn kept(attempt: &StartedAttempt) -> Settled {
        let (job_id, order_id) = (attempt.job_id.clone(), attempt.order_id.clone());
        Settled { job_id, order_id, verdict: None, next: None, code: None, due_in_ms: None }
    }
}

/// What a transaction of settlements leaves to do after its commit.
#[derive(Debug, Default)]
pub(crate) struct SettleContext {
    pub(crate) publish: Vec<PublishedJob>,
}

impl Store {
    /// Settles answers, in one transaction, and returns what became of each, in order, with the jobs that can be published at once.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing was recorded then. Call again with the same results until it succeeds: an answer of Toss is
    /// not to be lost.
    pub async fn settle_attempts(
        &self,
        results: &[AttemptResult],
        pacing: &dyn Pacing,
    ) -> Result<(Vec<Settled>, Vec<PublishedJob>), StoreError> {
        Box::pin(self.retried(|| self.settle_attempts_once(results, pacing))).await
    }

    async fn settle_attempts_once(
        &self,
        results: &[AttemptResult],
        pacing: &dyn Pacing,
    ) -> Result<(Vec<Settled>, Vec<PublishedJob>), StoreError> {
        let asked: Vec<&str> = results.iter().map(|one| one.attempt.job_id.as_str()).collect();
        let (mut write, rows) = self.begin_write_with(&Locked::statement(&self.db, &asked)).await?;
        let mut locked = Some(Locked::read(&rows)?);
        let mut context = SettleContext::default();
        let mut settled = Vec::with_capacity(results.len());
        let orders = results.iter().map(|result| result.attempt.order_id.as_str());
        for round in rounds(orders) {
            let batch: Vec<(usize, &AttemptResult)> = round
                .into_iter()
                .filter_map(|number| Some((number, results.get(number)?)))
                .collect();
            let wanted: Vec<&str> =
                batch.iter().map(|(_, result)| result.attempt.job_id.as_str()).collect();
            let locked = match locked.take() {
                Some(first) => first,
                // The payments as the rounds before have left them.
                None => Locked::again(&write, &wanted).await?,
            };
            let mut scenes = Scene::load_all(&write, locked, &wanted).await?;
            for (number, result) in batch {
                let scene = scenes.remove(&result.attempt.job_id);
                settled
                    .push((number, settle(&mut write, &mut context, scene, result, pacing).await?));
            }
        }
        crash::point!("settle 2", "all that follows from answers is decided", "the commit");
        write.commit().await?;
        crash::point!("settle 3", "answers are committed", "the publication of what follows");
        settled.sort_unstable_by_key(|(number, _)| *number);
        Ok((settled.into_iter().map(|(_, one)| one).collect(), context.publish))
    }

    /// Gives back attempts that were recorded and never made, because the worker stops: their jobs are due at once.
    ///
    /// # Errors
    /// [`StoreError::Database`]; their leases run out then.
    pub async fn release_unsent(&self, attempts: &[StartedAttempt]) -> Result<(), StoreError> {
        self.retried(|| self.release_unsent_once(attempts)).await
    }

    async fn release_unsent_once(&self, attempts: &[StartedAttempt]) -> Result<(), StoreError> {
        let write = self.begin_write().await?;
        for given in attempts {
            attempt::Entity::update_many()
                .col_expr(attempt::Column::FinishedAt, Expr::value(write.now_ms))
                .col_expr(attempt::Column::Verdict, Expr::value(FailureClass::Unsent.word()))
                .col_expr(attempt::Column::Code, Expr::value(STOPPED_BEFORE_SENDING))
                .filter(attempt::Column::JobId.eq(given.job_id()))
                .filter(attempt::Column::Number.eq(given.number()))
                .filter(attempt::Column::FinishedAt.is_null())
                .exec(&write.tx)
                .await?;
            job::Entity::update_many()
                .col_expr(job::Column::State, Expr::value(JobState::Queued.word()))
                .col_expr(job::Column::DueAt, Expr::value(write.now_ms))
                .col_expr(job::Column::UpdatedAt, Expr::value(write.now_ms))
                .filter(job::Column::Id.eq(given.job_id()))
                .filter(job::Column::Claims.eq(given.claim()))
                .filter(job::Column::State.eq(JobState::Running.word()))
                .exec(&write.tx)
                .await?;
        }
        write.commit().await
    }
}

async fn settle(
    write: &mut Write<'_>,
    context: &mut SettleContext,
    scene: Option<Scene>,
    result: &AttemptResult,
    pacing: &dyn Pacing,
) -> Result<Settled, StoreError> {
    let attempt = &result.attempt;
    let mut scene =
        scene.ok_or_else(|| DbErr::RecordNotFound(format!("job {}", attempt.job_id)))?;
    if is_settled(write, &scene, attempt).await? {
        // The commit before this one was made, and only its answer was lost.
        return Ok(Settled::kept(attempt));
    }
    let is_current =
        rows::job_state(&scene.job)? == JobState::Running && scene.job.claims == attempt.claim;
    if !is_current {
        let verdict = keep_stale(write, context, &scene, result).await?;
        return Ok(Settled { verdict: Some(verdict), ..Settled::kept(attempt) });
    }
    let is_overtaken = is_overtaken(write, &scene, result).await?;
    let result = &*take_order_shown(write, &mut scene, result, is_overtaken).await?;
    let decision =
        if is_overtaken { Decision::overtaken() } else { decide(write, &scene, result).await? };
    let brought = (decision.verdict, decision.code.clone(), decision.message.clone());
    record(write, &scene, result, brought, false).await?;
    let delay_ms = match decision.job {
        NextJob::Wait(wait) => {
            let asked_ms = result.retry_after_ms.unwrap_or(0).clamp(0, RETRY_AFTER_MS_MAX);
            Ord::max(pacing.delay_ms(wait.pace, wait.repeats), asked_ms)
        }
        NextJob::Succeed | NextJob::Decline | NextJob::Void | NextJob::Park(_) => 0,
    };
    let told = told(&result.answer, &scene)?;
    let is_older = match told {
        Some(payment) if attempt.operation.is_money() => {
            evidence::lacks_known_cancels(&scene, payment)
        }
        Some(_) | None => false,
    };
    // A call's answer that decided nothing about the payment describes it no better than what is known.
    let is_news = decision.event.is_some() || attempt.operation == Operation::LookUp;
    let told = told.filter(|_| is_news && !is_older && !is_overtaken);
    apply(write, &mut scene, &decision, told, delay_ms).await?;
    if decision.review == Some(ReviewReason::LateApproval) {
        context.publish.extend(late_approval::give_back(write, &scene).await?);
    }
    if is_older {
        let origin = attempt.origin();
        let job = crate::operate::wanted_look_up(write, &scene.payment, origin, 0).await?;
        context.publish.extend(job);
    }
    let due_in_ms = match decision.job {
        NextJob::Wait(wait) => {
            Some(Ord::max(delay_ms, wait.not_before_ms.saturating_sub(write.now_ms)))
        }
        NextJob::Succeed | NextJob::Decline | NextJob::Void | NextJob::Park(_) => None,
    };
    Ok(Settled {
        job_id: attempt.job_id.clone(),
        order_id: attempt.order_id.clone(),
        verdict: Some(decision.verdict),
        next: Some(decision.job),
        code: decision.code,
        due_in_ms,
    })
}

/// Takes up what an answer to the question for an order shows of it: the payment that it was paid with, or that it was not paid.
async fn take_order_shown<'a>(
    write: &Write<'_>,
    scene: &mut Scene,
    result: &'a AttemptResult,
    is_overtaken: bool,
) -> Result<Cow<'a, AttemptResult>, StoreError> {
    match order_shown(scene, result)? {
        OrderShown::PaidOtherwise if !is_overtaken => {
            evidence::take_other_payment(write, scene, &result.answer).await?;
        }
        OrderShown::Unpaid => {
            return Ok(Cow::Owned(AttemptResult { answer: order_unpaid(), ..result.clone() }));
        }
        OrderShown::PaidOtherwise | OrderShown::AsAsked => {}
    }
    Ok(Cow::Borrowed(result))
}

/// What an answer to the question for an order shows of it.
fn order_shown(scene: &Scene, result: &AttemptResult) -> Result<OrderShown, StoreError> {
    Ok(match (result.attempt.call(), &result.answer) {
        (Call::LookUpOrder { .. }, Answer::Payment(told)) => {
            rows::payment_facts(&scene.payment)?.order_shown_by(told)
        }
        (
            Call::LookUpOrder { .. }
            | Call::LookUp { .. }
            | Call::Confirm { .. }
            | Call::Cancel { .. },
            _,
        ) => OrderShown::AsAsked,
    })
}

/// Nothing was taken for the order: as if there were no payment at all.
fn order_unpaid() -> Answer {
    Answer::Failure(Failure {
        class: FailureClass::Absent,
        code: "ORDER_UNPAID".to_owned(),
        message: "Toss shows another payment of the order, which took nothing".to_owned(),
    })
}

/// The payment in the answer, if it is about ours.
fn told<'a>(answer: &'a Answer, scene: &Scene) -> Result<Option<&'a TossPayment>, StoreError> {
    let facts = rows::payment_facts(&scene.payment)?;
    Ok(match answer {
        Answer::Payment(payment) if facts.is_described_by(payment) => Some(payment.as_ref()),
        Answer::Payment(_) | Answer::Failure(_) => None,
    })
}

/// Whether the attempt's result was recorded before.
async fn is_settled(
    write: &Write<'_>,
    scene: &Scene,
    given: &StartedAttempt,
) -> Result<bool, StoreError> {
    let recorded = scene.attempt(write, &given.job_id, given.number).await?;
    // What a worker's stop or a crash loop closed has no duration: no answer was recorded there.
    Ok(recorded.is_some_and(|row| row.duration_ms.is_some()))
}

/// Whether a look-up was under way while another answer about the payment was settled: it may have read what was true before.
async fn is_overtaken(
    write: &Write<'_>,
    scene: &Scene,
    result: &AttemptResult,
) -> Result<bool, StoreError> {
    let given = &result.attempt;
    let tells = match &result.answer {
        Answer::Payment(_) => true,
        Answer::Failure(failure) => failure.class == FailureClass::Absent,
    };
    if given.operation != Operation::LookUp || !tells {
        return Ok(false);
    }
    let telling = [Verdict::Proven, Verdict::Undone, Verdict::Inconclusive].map(Verdict::word);
    let own = (given.job_id.as_str(), given.number);
    scene.has_other_since(write, own, given.started_at_ms, &telling).await
}

async fn decide(
    write: &Write<'_>,
    scene: &Scene,
    result: &AttemptResult,
) -> Result<Decision, StoreError> {
    let attempt = &result.attempt;
    let current =
        CurrentAttempt { operation: attempt.operation, started_at_ms: attempt.started_at_ms };
    let facts = rows::payment_facts(&scene.payment)?;
    let now_ms = write.now_ms;
    let others = |past: Vec<domain::attempt::PastAttempt>| -> Vec<_> {
        // The current attempt is the one recorded last: all later ones belong to later claims, and then it would be stale.
        let mut past = past;
        if let Some(own) = past.iter().rposition(|one| {
            one.verdict.is_none()
                && one.started_at_ms == current.started_at_ms
                && one.operation == current.operation
        }) {
            past.remove(own);
        }
        past
    };
    let past = others(scene.history(write).await?);
    let history = rows::history(&scene.job, &past)?;
    Ok(match (attempt.kind, &scene.cancellation) {
        (JobKind::Confirm, _) => decide_confirm(&history, &facts, current, &result.answer, now_ms),
        (JobKind::Cancel, Some(cancel)) => {
            let cancel = scene.cancel_facts(cancel)?;
            decide_cancel(&history, &facts, &cancel, current, &result.answer, now_ms)
        }
        (JobKind::LookUp, _) | (JobKind::Cancel, None) => {
            let confirms = others(scene.confirm_history(write).await?);
            let unrecorded_until_ms = scene.confirm_unrecorded_until_ms();
            let confirm = History { unrecorded_until_ms, ..History::whole(&confirms, 1) };
            decide_look_up(&history, &confirm, &facts, current, &result.answer, now_ms)
        }
    })
}

/// What is kept of the answer's body: nothing once the order's customer was erased.
fn kept_body<'a>(scene: &Scene, result: &'a AttemptResult) -> Option<&'a str> {
    result.body.as_deref().filter(|_| !scene.is_erased)
}

async fn record(
    write: &Write<'_>,
    scene: &Scene,
    result: &AttemptResult,
    (verdict, code, message): (Verdict, Option<String>, Option<String>),
    is_stale: bool,
) -> Result<(), StoreError> {
    let given = &result.attempt;
    let row = scene.attempt(write, &given.job_id, given.number).await?.ok_or_else(|| {
        DbErr::RecordNotFound(format!("attempt {} of job {}", given.number, given.job_id))
    })?;
    let mut row = row.into_active_model();
    row.finished_at = Set(Some(write.now_ms));
    row.duration_ms = Set(Some(result.duration_ms));
    row.http_status = Set(result.http_status.map(i32::from));
    row.code = Set(code);
    row.message = Set(message);
    row.verdict = Set(Some(verdict.word().to_owned()));
    row.trace_id = Set(result.trace_id.clone());
    row.answer = Set(kept_body(scene, result).map(str::to_owned));
    row.is_stale = Set(is_stale);
    write.tx.change(row)?;
    Ok(())
}

/// Keeps an answer whose claim was over, and has somebody look. Returns what it said.
async fn keep_stale(
    write: &mut Write<'_>,
    context: &mut SettleContext,
    scene: &Scene,
    result: &AttemptResult,
) -> Result<Verdict, StoreError> {
    let (verdict, code, message) = match (&result.answer, result.attempt.operation) {
        (Answer::Failure(failure), _) => (
            Verdict::Failed(failure.class),
            Some(failure.code.clone()),
            Some(failure.message.clone()),
        ),
        (Answer::Payment(_), Operation::LookUp) => (Verdict::Inconclusive, None, None),
        (Answer::Payment(_), Operation::Confirm | Operation::Cancel) => {
            (Verdict::Proven, None, None)
        }
    };
    record(write, scene, result, (verdict, code, message), true).await?;
    if result.attempt.operation.is_money() {
        let job = crate::operate::wanted_look_up(write, &scene.payment, result.attempt.origin(), 0)
            .await?;
        context.publish.extend(job);
    }
    Ok(verdict)
}
