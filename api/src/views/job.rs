//! Jobs and their attempts, as staff see them.

use domain::action::JobAction;
use serde::Serialize;
use store::{AttemptRow, JobDetail, JobRow};
use utoipa::ToSchema;

use super::instant;
use crate::problem::Problem;
use crate::words::Language;

/// One thing to be done about one payment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobView {
    /// Its id.
    pub(crate) job_id: String,
    /// confirm, cancel or look_up.
    pub(crate) kind: &'static str,
    /// queued, running, waiting, parked, succeeded, declined, void or discarded.
    pub(crate) state: &'static str,
    /// Whose payment.
    pub(crate) order_id: String,
    /// Of which store.
    pub(crate) store_id: String,
    /// At whose account.
    pub(crate) merchant: String,
    /// Won: what the confirm takes or the cancel gives back, and of a look-up the payment's.
    pub(crate) amount: i64,
    /// Which cancellation, for cancels.
    #[schema(required = true)]
    pub(crate) cancel_id: Option<String>,
    /// The last code that an attempt brought.
    #[schema(required = true)]
    pub(crate) code: Option<String>,
    /// The class of failure of the last answer.
    #[schema(required = true)]
    pub(crate) class: Option<&'static str>,
    /// The sentence with it.
    #[schema(required = true)]
    pub(crate) message: Option<String>,
    /// Why it waits for a person.
    #[schema(required = true)]
    pub(crate) park_reason: Option<String>,
    /// When it goes on by itself; null once it has ended or waits for a person.
    #[schema(required = true, format = DateTime)]
    pub(crate) due_at: Option<String>,
    /// Since when it could run.
    #[schema(format = DateTime)]
    pub(crate) runnable_since: String,
    /// How often a worker took it.
    pub(crate) claims: i64,
    /// Who took it last.
    #[schema(required = true)]
    pub(crate) worker: Option<String>,
    /// The request that made it.
    #[schema(required = true)]
    pub(crate) request_id: Option<String>,
    /// When it was made.
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub(crate) updated_at: String,
    /// When it ended.
    #[schema(required = true, format = DateTime)]
    pub(crate) ended_at: Option<String>,
}

/// A job with its attempts and what staff may do with it now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobDetailView {
    /// The job.
    #[serde(flatten)]
    pub(crate) job: JobView,
    /// Every call to Toss, oldest first.
    pub(crate) attempts: Vec<AttemptView>,
    /// Whether it may be retried.
    pub(crate) retry: ActionView,
    /// Whether it may be discarded.
    pub(crate) discard: ActionView,
    /// Every action on it, in the order in which they are offered.
    pub(crate) actions: Vec<NamedActionView>,
}

/// An action, and whether it is allowed now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NamedActionView {
    /// look_up, retry, discard, change_due_time or match.
    pub(crate) action: &'static str,
    /// Whether it is allowed.
    #[serde(flatten)]
    pub(crate) verdict: ActionView,
}

/// Whether an action is allowed now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActionView {
    /// Whether it is.
    pub(crate) allowed: bool,
    /// The problem code that it would meet.
    #[schema(required = true)]
    pub(crate) code: Option<&'static str>,
    /// Why not.
    #[schema(required = true)]
    pub(crate) reason: Option<&'static str>,
}

/// One call to Toss.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AttemptView {
    /// From 1.
    pub(crate) number: i32,
    /// confirm, cancel or look_up.
    pub(crate) operation: String,
    /// When it was recorded, before anything was sent.
    #[schema(format = DateTime)]
    pub(crate) started_at: String,
    /// When its answer was recorded.
    #[schema(required = true, format = DateTime)]
    pub(crate) finished_at: Option<String>,
    /// How long the call took.
    #[schema(required = true)]
    pub(crate) duration_ms: Option<i64>,
    /// Of Toss's answer.
    #[schema(required = true)]
    pub(crate) http_status: Option<i32>,
    /// Toss's code, or ours.
    #[schema(required = true)]
    pub(crate) code: Option<String>,
    /// Toss's sentence, or ours.
    #[schema(required = true)]
    pub(crate) message: Option<String>,
    /// What it proved, or the class of its failure.
    #[schema(required = true)]
    pub(crate) verdict: Option<String>,
    /// For Toss's support.
    #[schema(required = true)]
    pub(crate) trace_id: Option<String>,
    /// Our idempotency key toward Toss.
    #[schema(required = true)]
    pub(crate) idempotency_key: Option<String>,
    /// Which key it was, from 1.
    pub(crate) key_generation: i32,
    /// What was sent, without what belongs to the customer and with the payment's key masked.
    #[schema(required = true, value_type = Option<Object>)]
    pub(crate) request: Option<serde_json::Value>,
    /// What came back, redacted.
    #[schema(required = true)]
    pub(crate) answer: Option<String>,
    /// Whether the answer came too late to count by itself.
    pub(crate) stale: bool,
    /// Who made it.
    pub(crate) worker: String,
}

impl JobView {
    /// A job.
    pub(crate) fn new(job: &JobRow) -> JobView {
        let goes_on = job.state.is_live() && job.park_reason.is_none();
        JobView {
            job_id: job.id.clone(),
            kind: job.kind.word(),
            state: job.state.word(),
            order_id: job.order_id.clone(),
            store_id: job.store_id.clone(),
            merchant: job.merchant.clone(),
            amount: job.amount.get(),
            cancel_id: job.cancellation_id.clone(),
            class: job.last_class.map(|class| class.word()),
            runnable_since: instant(job.runnable_since),
            code: job.last_code.clone(),
            message: job.last_message.clone(),
            park_reason: job.park_reason.clone(),
            due_at: goes_on.then(|| instant(job.due_at)),
            claims: job.claims,
            worker: job.worker.clone(),
            request_id: job.request_id.clone(),
            created_at: instant(job.created_at),
            updated_at: instant(job.updated_at),
            ended_at: job.ended_at.map(instant),
        }
    }
}

impl JobDetailView {
    /// A job with all that belongs to it.
    pub(crate) fn new(detail: &JobDetail, language: Language) -> JobDetailView {
        JobDetailView {
            job: JobView::new(&detail.job),
            attempts: detail.attempts.iter().map(AttemptView::new).collect(),
            retry: ActionView::new(detail.check(JobAction::Retry), language),
            discard: ActionView::new(detail.check(JobAction::Discard), language),
            actions: detail
                .actions
                .iter()
                .map(|(action, verdict)| NamedActionView {
                    action: action.word(),
                    verdict: ActionView::new(*verdict, language),
                })
                .collect(),
        }
    }
}

impl ActionView {
    /// Allowed, or the problem that it would meet.
    pub(crate) fn new<E: Into<Problem>>(verdict: Result<(), E>, language: Language) -> ActionView {
        let code = verdict.err().map(|refusal| refusal.into().code());
        ActionView {
            allowed: code.is_none(),
            code: code.map(|code| code.word()),
            reason: code.map(|code| code.info().detail.in_language(language)),
        }
    }
}

impl AttemptView {
    /// A call.
    pub(crate) fn new(attempt: &AttemptRow) -> AttemptView {
        AttemptView {
            number: attempt.number,
            operation: attempt.operation.clone(),
            started_at: instant(attempt.started_at),
            finished_at: attempt.finished_at.map(instant),
            duration_ms: attempt.duration_ms,
            http_status: attempt.http_status,
            code: attempt.code.clone(),
            message: attempt.message.clone(),
            verdict: attempt.verdict.clone(),
            trace_id: attempt.trace_id.clone(),
            idempotency_key: attempt.idempotency_key.clone(),
            key_generation: attempt.key_generation,
            request: attempt.request.as_deref().and_then(|text| serde_json::from_str(text).ok()),
            answer: attempt.answer.clone(),
            stale: attempt.is_stale,
            worker: attempt.worker.clone(),
        }
    }
}
