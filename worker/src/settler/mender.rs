//! Answers that could not be written: tried until they are, or until the time to finish is over. An answer of Toss is not to be lost.
//!
//! A database that is away takes all of them when it is back. One that is there and refuses an answer will refuse it for ever, so after a few
//! tries that answer counts as none, and the policy looks up what became of the call.

use std::collections::VecDeque;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use domain::answer::{Answer, Failure, FailureClass};
use store::{AttemptResult, StoreError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{BATCH_MAX, Finished, Writer};

/// The pause before the first try.
const PAUSE_MS: u64 = 50;
/// The longest pause between two tries.
const PAUSE_MS_MAX: u64 = 2_000;
/// How often the database may refuse an answer before it counts as none.
const REFUSALS_MAX: u32 = 3;
/// Our code for an answer that the database does not take.
const UNRECORDABLE: &str = "UNRECORDABLE_ANSWER";

/// An answer that is not written.
struct Unwritten {
    finished: Finished,
    refusals: u32,
}

/// What became of one try.
enum Tried {
    /// It is written, or nothing more can be done.
    Done,
    /// The database does not take it: the others are not concerned.
    Refused(Unwritten),
    /// The database may be away.
    Failed(Unwritten),
}

/// Writes what comes until all senders are gone and all of it is written, or until `give_up`.
pub(super) async fn mend(
    writer: Arc<Writer>,
    mut coming: mpsc::Receiver<Finished>,
    give_up: CancellationToken,
) {
    let mut kept = VecDeque::new();
    let mut pause_ms = PAUSE_MS;
    loop {
        let take = |kept: &mut VecDeque<Unwritten>, finished: Finished| {
            let attempt = &finished.result.attempt;
            writer.leases.keep_unwritten(attempt.job_id(), attempt.claim());
            kept.push_back(Unwritten { finished, refusals: 0 });
        };
        if kept.is_empty() {
            let Some(one) = coming.recv().await else { return };
            take(&mut kept, one);
            pause_ms = PAUSE_MS;
        }
        tokio::select! {
            () = give_up.cancelled() => return,
            Some(one) = coming.recv() => {
                take(&mut kept, one);
                pause_ms = PAUSE_MS;
                continue;
            }
            () = tokio::time::sleep(Duration::from_millis(pause_ms)) => {}
        }
        pause_ms = pause_ms.saturating_mul(2).min(PAUSE_MS_MAX);
        kept = try_all(&writer, kept, &give_up).await;
    }
}

/// One round: together, and one by one when that fails. What is left comes back, in the order of the next round.
async fn try_all(
    writer: &Writer,
    mut kept: VecDeque<Unwritten>,
    give_up: &CancellationToken,
) -> VecDeque<Unwritten> {
    if kept.len() > 1 {
        let together = kept.iter().take(BATCH_MAX).map(|one| &one.finished);
        let (results, traces): (Vec<_>, Vec<_>) =
            together.map(|one| (one.result.clone(), one.trace.clone())).unzip();
        if writer.record(&results, &traces).await.is_ok() {
            let held = kept.drain(..results.len()).map(|one| one.finished.held);
            results.iter().zip(held).for_each(|(result, held)| writer.let_go(result, held));
            writer.follow_up.note(results);
            return kept;
        }
    }
    let mut left = VecDeque::new();
    while let Some(one) = kept.pop_front() {
        if give_up.is_cancelled() {
            break;
        }
        match try_one(writer, one).await {
            Tried::Done => {}
            Tried::Refused(one) => left.push_back(one),
            Tried::Failed(one) => {
                // If it is this one's own trouble after all, the next round begins with another.
                left.push_back(one);
                break;
            }
        }
    }
    kept.append(&mut left);
    kept
}

async fn try_one(writer: &Writer, mut one: Unwritten) -> Tried {
    let (result, trace) = (&one.finished.result, &one.finished.trace);
    let tried = writer.record(slice::from_ref(result), slice::from_ref(trace)).await;
    let Err(error) = tried else {
        writer.let_go(result, one.finished.held);
        writer.follow_up.note(vec![one.finished.result]);
        return Tried::Done;
    };
    if matches!(error, StoreError::UnreadableRow { .. } | StoreError::Schema(_)) {
        tracing::error!(
            parent: &trace.span,
            alert = "unreadable_row",
            error = error.with_causes(),
            "an answer cannot be settled: its job stays unfinished"
        );
        writer.let_go(result, one.finished.held);
        return Tried::Done;
    }
    tracing::error!(
        parent: &trace.span,
        error = error.with_causes(),
        "an answer was not settled, trying again"
    );
    if !error.is_refused() {
        return Tried::Failed(one);
    }
    one.refusals = one.refusals.saturating_add(1);
    if one.refusals < REFUSALS_MAX {
        return Tried::Refused(one);
    }
    settle_as_none(writer, one).await
}

/// Records that there is no answer, with nothing of Toss in it. When even that is refused, the lease runs out, and whoever claims the job then
/// finds a call that nobody finished.
async fn settle_as_none(writer: &Writer, one: Unwritten) -> Tried {
    let (result, trace) = (&one.finished.result, &one.finished.trace);
    tracing::error!(
        parent: &trace.span,
        alert = "unrecordable_answer",
        http_status = result.http_status,
        "the database refuses an answer of Toss: it counts as none, and the payment is looked up"
    );
    let none = no_answer(result);
    match writer.record(slice::from_ref(&none), slice::from_ref(trace)).await {
        // Toss did answer, whatever it was.
        Ok(()) => writer.follow_up.note(vec![result.clone()]),
        Err(error) if error.is_refused() => {
            tracing::error!(
                parent: &trace.span,
                error = error.with_causes(),
                "that there is no answer is refused too: the lease runs out"
            );
        }
        Err(_) => return Tried::Failed(one),
    }
    writer.let_go(&one.finished.result, one.finished.held);
    Tried::Done
}

fn no_answer(result: &AttemptResult) -> AttemptResult {
    AttemptResult {
        attempt: result.attempt.clone(),
        answer: Answer::Failure(Failure {
            class: FailureClass::Unanswered,
            code: UNRECORDABLE.to_owned(),
            message: "the database does not take what Toss answered".to_owned(),
        }),
        http_status: None,
        trace_id: None,
        body: None,
        retry_after_ms: None,
        duration_ms: result.duration_ms,
    }
}
