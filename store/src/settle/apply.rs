//! Applying a decision: the payment, the cancellation, the job, and whoever waited for it.

use domain::answer::TossPayment;
use domain::attempt::Verdict;
use domain::cancellation::CancellationState;
use domain::job::{JobKind, JobState};
use domain::limits;
use domain::payment::{PaymentEvent, PaymentState};
use domain::policy::{CancellationMove, Decision, NextJob, ReviewReason, Wait};
use entities::{cancellation, job, payment};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _,
};

use super::Scene;
use super::evidence;
use crate::claim::BEHIND;
use crate::connection::Write;
use crate::error::StoreError;
use crate::refund_accounts;
use crate::rows;

/// Writes what a decision changes. `delay_ms` counts for jobs that wait.
pub(crate) async fn apply(
    write: &mut Write<'_>,
    scene: &mut Scene,
    decision: &Decision,
    told: Option<&TossPayment>,
    delay_ms: i64,
) -> Result<(), StoreError> {
    apply_to_cancellation(write, scene, decision).await?;
    if let Some(told) = told {
        let is_unclear = decision.review == Some(ReviewReason::AmbiguousCancels);
        evidence::record_cancels(write, scene, told, is_unclear).await?;
    }
    apply_to_payment(write, scene, decision, told).await?;
    apply_to_job(write, scene, decision, delay_ms).await?;
    end_confirm_that_was_settled(write, scene).await?;
    write.raise_order_version(&scene.job.order_id);
    Ok(())
}

async fn apply_to_cancellation(
    write: &Write<'_>,
    scene: &mut Scene,
    decision: &Decision,
) -> Result<(), StoreError> {
    let change = match (&decision.cancellation, decision.job) {
        (Some(change), _) => change,
        // A person has to look at it: nobody is told any longer that it is under way.
        (None, NextJob::Park(_)) => &CancellationMove::Unresolved,
        (None, NextJob::Succeed | NextJob::Decline | NextJob::Void | NextJob::Wait(_)) => {
            return Ok(());
        }
    };
    let Some(row) = scene.cancellation.take() else { return Ok(()) };
    let mut row = row.into_active_model();
    match change {
        CancellationMove::Done { transaction_key, cancelled_at_ms } => {
            row.state = Set(CancellationState::Done.word().to_owned());
            row.transaction_key = Set(transaction_key.clone());
            row.cancelled_at = Set(Some(cancelled_at_ms.unwrap_or(write.now_ms)));
            row.failure_code = Set(None);
            row.failure_message = Set(None);
        }
        CancellationMove::Refused => {
            row.state = Set(CancellationState::Refused.word().to_owned());
            row.failure_code = Set(decision.code.clone());
            row.failure_message = Set(decision.message.clone());
        }
        CancellationMove::Unresolved => {
            row.state = Set(CancellationState::Unresolved.word().to_owned())
        }
    }
    row.updated_at = Set(write.now_ms);
    let row = write.tx.change(row)?;
    if !rows::cancellation_state(&row)?.is_open() {
        refund_accounts::forget(write, &row).await?;
    }
    scene.cancellation = Some(row);
    Ok(())
}

async fn apply_to_payment(
    write: &Write<'_>,
    scene: &mut Scene,
    decision: &Decision,
    told: Option<&TossPayment>,
) -> Result<(), StoreError> {
    let state = rows::payment_state(&scene.payment)?;
    let mut review = decision.review;
    let next = match decision.event.map(|event| state.after(event)) {
        None => state,
        Some(Ok(next)) => next,
        Some(Err(illegal)) => {
            tracing::error!(order_id = %scene.payment.order_id, %illegal, alert = "illegal_move", "evidence does not fit");
            review = Some(ReviewReason::UnexpectedState);
            state
        }
    };
    let known = &scene.payment;
    let mut row = known.clone().into_active_model();
    row.state = Set(next.word().to_owned());
    if let Some(told) = told {
        evidence::copy_to_payment(&mut row, told, next, scene.is_erased);
    }
    match decision.event {
        Some(PaymentEvent::Declined | PaymentEvent::TimePassed) if next != state => {
            row.failure_code = Set(decision.code.clone());
            row.failure_message = Set(decision.message.clone());
            row.balance = Set(0);
        }
        Some(PaymentEvent::Approved | PaymentEvent::DepositAwaited) => {
            row.failure_code = Set(None);
            row.failure_message = Set(None);
        }
        Some(
            PaymentEvent::Declined
            | PaymentEvent::TimePassed
            | PaymentEvent::OutcomeUnknown
            | PaymentEvent::Cancelled { .. },
        )
        | None => {}
    }
    // A late approval is a question of its own, answered when the money is given back; a reversed deposit, when it comes again or is
    // given up.
    let asked = |reason: ReviewReason| known.review_reason.as_deref() == Some(reason.word());
    let is_open_question = asked(ReviewReason::LateApproval) && next != PaymentState::Cancelled
        || asked(ReviewReason::DepositReversed) && next == PaymentState::WaitingForDeposit;
    let lacked_keys = asked(ReviewReason::KeysMissing);
    match review {
        Some(reason) => {
            row.review_reason = Set(Some(reason.word().to_owned()));
            row.review_since = Set(Some(known.review_since.unwrap_or(write.now_ms)));
        }
        // Proof answers what the person was asked, and that it goes on at all that its keys were there.
        None if (decision.verdict == Verdict::Proven && !is_open_question) || lacked_keys => {
            row.review_reason = Set(None);
            row.review_since = Set(None);
        }
        None => {}
    }
    let is_ended = match decision.job {
        NextJob::Succeed | NextJob::Decline | NextJob::Void => true,
        NextJob::Park(_) | NextJob::Wait(_) => false,
    };
    if is_ended && known.money_job_id.as_deref() == Some(scene.job.id.as_str()) {
        row.money_job_id = Set(None);
        if scene.job.kind == JobKind::Cancel.word() {
            row.next_cancel_at = Set(write.now_ms.saturating_add(limits::CANCEL_SPACING_MS));
        }
    }
    // It has a job: this one.
    row.pruned_at = Set(None);
    row.version = Set(known.version.saturating_add(1));
    row.updated_at = Set(write.now_ms);
    scene.payment = write.tx.change(row)?;
    Ok(())
}

async fn apply_to_job(
    write: &Write<'_>,
    scene: &mut Scene,
    decision: &Decision,
    delay_ms: i64,
) -> Result<(), StoreError> {
    let known = &scene.job;
    let is_rerun = known.rerun_wanted;
    let mut row = known.clone().into_active_model();
    row.last_code = Set(decision.code.clone());
    row.last_class = Set(class_word(decision.verdict));
    row.last_message = Set(decision.message.clone());
    row.park_reason = Set(None);
    row.publications = Set(0);
    row.updated_at = Set(write.now_ms);
    let ended = match decision.job {
        NextJob::Succeed => Some(JobState::Succeeded),
        NextJob::Decline => Some(JobState::Declined),
        NextJob::Void => Some(JobState::Void),
        NextJob::Park(reason) => {
            tracing::error!(job_id = %known.id, order_id = %known.order_id, kind = known.kind, reason = reason.word(), code = decision.code.as_deref(),
                alert = "job_parked", "a job stopped and waits for a person");
            row.state = Set(JobState::Parked.word().to_owned());
            row.park_reason = Set(Some(reason.word().to_owned()));
            None
        }
        NextJob::Wait(wait) => {
            set_waiting(&mut row, known, wait, delay_ms, write.now_ms);
            None
        }
    };
    if let Some(state) = ended {
        if is_rerun && known.kind == JobKind::LookUp.word() {
            // Asked for again while it was under way: what changed since is not in its answer.
            let due_at = write.now_ms.saturating_add(limits::LOOK_UP_SPACING_MS);
            row.state = Set(JobState::Waiting.word().to_owned());
            row.rerun_wanted = Set(false);
            row.due_at = Set(due_at);
            row.runnable_since = Set(due_at);
        } else {
            row.state = Set(state.word().to_owned());
            row.ended_at = Set(Some(write.now_ms));
        }
    }
    scene.job = write.tx.change(row)?;
    let is_behind = |row: &job::Model| row.last_code.as_deref() == Some(BEHIND);
    if ended.is_some() && scene.siblings.iter().any(is_behind) {
        wake_those_behind(write, &scene.job.order_id, scene.payment.next_cancel_at).await?;
    }
    Ok(())
}

/// The class of failure that an answer told of, if it was one.
fn class_word(verdict: Verdict) -> Option<String> {
    match verdict {
        Verdict::Failed(class) => Some(class.word().to_owned()),
        Verdict::Proven | Verdict::Undone | Verdict::Inconclusive => None,
    }
}

fn set_waiting(
    row: &mut job::ActiveModel,
    known: &job::Model,
    wait: Wait,
    delay_ms: i64,
    now_ms: i64,
) {
    let due_at = Ord::max(now_ms.saturating_add(delay_ms), wait.not_before_ms);
    row.state = Set(JobState::Waiting.word().to_owned());
    row.due_at = Set(due_at);
    row.runnable_since = Set(due_at);
    if wait.has_new_key {
        row.key_generation = Set(known.key_generation.saturating_add(1));
    }
}

/// Money jobs that waited for this one's end go on as soon as they may.
async fn wake_those_behind(
    write: &Write<'_>,
    order_id: &str,
    not_before_ms: i64,
) -> Result<(), StoreError> {
    let due_at = Ord::max(not_before_ms, write.now_ms);
    job::Entity::update_many()
        .col_expr(job::Column::DueAt, Expr::value(due_at))
        .col_expr(job::Column::RunnableSince, Expr::value(due_at))
        .filter(job::Column::OrderId.eq(order_id))
        .filter(job::Column::State.eq(JobState::Waiting.word()))
        .filter(job::Column::LastCode.eq(BEHIND))
        .exec(&write.tx)
        .await?;
    Ok(())
}

/// A look-up may have settled what the payment's confirm job was for: then that job ends too, unless a worker has it just now and
/// will find out by itself.
async fn end_confirm_that_was_settled(
    write: &Write<'_>,
    scene: &mut Scene,
) -> Result<(), StoreError> {
    let state = rows::payment_state(&scene.payment)?;
    let is_confirm = |row: &job::Model| row.kind == JobKind::Confirm.word();
    if state.is_undecided() || is_confirm(&scene.job) || !scene.siblings.iter().any(is_confirm) {
        return Ok(());
    }
    let end = match state {
        PaymentState::Failed | PaymentState::Expired => JobState::Declined,
        PaymentState::Confirming
        | PaymentState::ConfirmUnresolved
        | PaymentState::WaitingForDeposit
        | PaymentState::Confirmed
        | PaymentState::PartiallyCancelled
        | PaymentState::Cancelled => JobState::Succeeded,
    };
    let idle = [JobState::Queued, JobState::Waiting, JobState::Parked].map(JobState::word);
    let ended = job::Entity::update_many()
        .col_expr(job::Column::State, Expr::value(end.word()))
        .col_expr(job::Column::ParkReason, Expr::value(Option::<String>::None))
        .col_expr(job::Column::EndedAt, Expr::value(write.now_ms))
        .col_expr(job::Column::UpdatedAt, Expr::value(write.now_ms))
        .filter(job::Column::OrderId.eq(&scene.job.order_id))
        .filter(job::Column::Kind.eq(JobKind::Confirm.word()))
        .filter(job::Column::State.is_in(idle))
        .exec_with_returning(&write.tx)
        .await?;
    crash::point!("settle 11", "a confirm that a look-up settled has ended", "the payment's turn");
    let is_holder =
        ended.iter().any(|job| scene.payment.money_job_id.as_deref() == Some(job.id.as_str()));
    if is_holder {
        let mut row: payment::ActiveModel = scene.payment.clone().into_active_model();
        row.money_job_id = Set(None);
        scene.payment = row.update(&write.tx).await?;
    }
    Ok(())
}

/// A cancellation that Toss shows as done ends its job too, unless a worker has it just now.
pub(super) async fn end_cancel_job(
    write: &Write<'_>,
    row: &cancellation::Model,
) -> Result<Option<String>, StoreError> {
    let idle = [JobState::Queued, JobState::Waiting, JobState::Parked].map(JobState::word);
    let ended = job::Entity::update_many()
        .col_expr(job::Column::State, Expr::value(JobState::Succeeded.word()))
        .col_expr(job::Column::ParkReason, Expr::value(Option::<String>::None))
        .col_expr(job::Column::EndedAt, Expr::value(write.now_ms))
        .col_expr(job::Column::UpdatedAt, Expr::value(write.now_ms))
        .filter(job::Column::CancellationId.eq(&row.id))
        .filter(job::Column::State.is_in(idle))
        .exec_with_returning(&write.tx)
        .await?;
    Ok(ended.into_iter().next().map(|job| job.id))
}
