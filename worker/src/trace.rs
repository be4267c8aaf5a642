//! An attempt in logs and traces: its span, its place in a trace, and the one line that it leaves in the log.
//!
//! The first attempt of a job continues the trace of the request that made the job: it usually follows within milliseconds. Every
//! later one begins a trace of its own that points to the request's, because a trace that goes on for hours is given up by the tools
//! that collect it, and an attempt tomorrow says nothing about how long the request took.

use domain::TraceContext;
use domain::answer::{Answer, FailureClass};
use domain::attempt::Verdict;
use domain::policy::NextJob;
use store::{AttemptResult, RandomIds, STOPPED_BEFORE_SENDING, Settled, StartedAttempt};
use tracing::field::Empty;
use tracing::{Span, error_span, record_all};

/// The word for an answer that is on record and decided nothing.
const KEPT: &str = "kept";

/// Where an attempt stands.
#[derive(Debug, Clone)]
pub struct AttemptTrace {
    /// Everything that is logged on behalf of the attempt is logged in it. It ends when the attempt is settled.
    pub(crate) span: Span,
    /// The span's place in its trace, as it is sent to Toss.
    pub(crate) context: TraceContext,
}

impl AttemptTrace {
    /// Gives a recorded attempt its place.
    #[must_use]
    pub fn begin(attempt: &StartedAttempt) -> AttemptTrace {
        let of_request = attempt.origin().trace;
        let (parent, follows) =
            if attempt.number() == 1 { (of_request, None) } else { (None, of_request) };
        let context = parent
            .map_or_else(|| TraceContext::begin(&RandomIds), |parent| parent.child(&RandomIds));
        // Of the highest level, so that a filter that shows warnings shows their attempts too.
        let span = error_span!(
            "attempt",
            request_id = attempt.origin().request_id.as_deref(),
            trace_id = context.trace_id(),
            span_id = context.span_id(),
            parent_span_id = parent.map(|parent| parent.span_id()),
            follows = follows.map(display),
            job_id = attempt.job_id(),
            order_id = attempt.order_id(),
            kind = attempt.kind().word(),
            attempt = attempt.number(),
            operation = attempt.operation().word(),
            // Known when it ends. For traces; in the log they stand in the line.
            verdict = Empty,
            code = Empty,
            http_status = Empty,
            next = Empty,
            otel.status_code = Empty,
        );
        AttemptTrace { span, context }
    }

    /// The one line of an attempt whose answer is settled. Neither keys nor bodies nor Toss's sentences are in it.
    pub(crate) fn log_settled(&self, result: &AttemptResult, settled: &Settled) {
        let answered = match &result.answer {
            Answer::Payment(payment) => payment.status.word(),
            Answer::Failure(failure) => failure.code.as_str(),
        };
        let verdict = settled.verdict.map(Verdict::word);
        let code = settled.code.as_deref().unwrap_or(answered);
        let next = next_word(settled);
        macro_rules! log_at {
            ($level:ident) => {
                tracing::$level!(
                    parent: &self.span,
                    verdict,
                    code,
                    http_status = result.http_status,
                    duration_ms = result.duration_ms,
                    toss_trace_id = result.trace_id.as_deref(),
                    next,
                    park_reason = settled.next.and_then(park_reason),
                    due_in_ms = settled.due_in_ms,
                    "settled"
                )
            };
        }
        if next == KEPT {
            log_at!(warn);
        } else {
            log_at!(info);
        }
        let has_failed = matches!(settled.verdict, Some(Verdict::Failed(_)));
        // At once: with each step all fields of the span are written anew.
        record_all!(
            self.span,
            verdict,
            code,
            http_status = result.http_status,
            next,
            otel.status_code = has_failed.then_some("ERROR"),
        );
    }

    /// The one line of an attempt that was recorded and given back, because the worker stops.
    pub(crate) fn log_given_back(&self) {
        let (verdict, code) = (FailureClass::Unsent.word(), STOPPED_BEFORE_SENDING);
        tracing::info!(parent: &self.span, verdict, code, next = "queued", "settled");
        record_all!(self.span, verdict, code, next = "queued");
    }
}

/// The word for what follows an attempt.
pub(crate) fn next_word(settled: &Settled) -> &'static str {
    match (settled.next, settled.verdict) {
        (Some(next), _) => next.word(),
        // It came after its claim was over.
        (None, Some(_)) => KEPT,
        // The commit before was made, and only its answer was lost.
        (None, None) => "recorded",
    }
}

fn park_reason(next: NextJob) -> Option<&'static str> {
    match next {
        NextJob::Park(reason) => Some(reason.word()),
        NextJob::Succeed | NextJob::Decline | NextJob::Void | NextJob::Wait(_) => None,
    }
}
