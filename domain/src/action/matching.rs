//! Telling cancels at Toss apart: which entry is ours, or that none is. A person knows what no record shows; what they say still has to fit.

use super::JobFacts;
use crate::cancellation::{CancellationState, cancel_tag};
use crate::job::{ActionRefusal, JobKind, JobState};
use crate::money::Won;
use crate::policy::{History, ReviewReason};

/// A cancel that Toss showed and that no cancellation of ours has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Toss's key of it.
    pub transaction_key: String,
    /// How much went back.
    pub amount: Won,
    /// The reason that it carries at Toss.
    pub reason: String,
}

/// Why an entry at Toss cannot be a cancellation's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MatchRefusal {
    /// There is nothing to tell apart now.
    #[error(transparent)]
    NotNow(ActionRefusal),
    /// The last look-up showed no such entry, or it is another cancellation's.
    #[error("Toss shows no such cancel that is nobody's")]
    UnknownEntry,
    /// It gave another amount back.
    #[error("the cancel at Toss is about {there} won, ours about {here}")]
    AmountDiffers {
        /// Ours.
        here: Won,
        /// Toss's.
        there: Won,
    },
}

/// Why it cannot be said that no entry is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoneRefusal {
    /// There is nothing to tell apart now.
    #[error(transparent)]
    NotNow(ActionRefusal),
    /// A call of ours may still take effect, or nobody has looked since the last one could.
    #[error("a look-up is needed that begins when no call of ours can take effect any more")]
    NotSettled,
    /// An entry carries our own tag.
    #[error("a cancel at Toss carries this cancellation's tag")]
    CarriesOurTag,
}

/// Whether a job is a cancel that stopped because cancels at Toss cannot be told apart.
pub(super) const fn check_matchable(job: &JobFacts<'_>) -> Result<(), ActionRefusal> {
    match job.state {
        JobState::Parked => match (job.kind, job.parked_for, job.cancellation) {
            (
                JobKind::Cancel,
                Some(ReviewReason::AmbiguousCancels),
                Some(CancellationState::Unresolved),
            ) => Ok(()),
            _ => Err(ActionRefusal::NothingToMatch),
        },
        JobState::Queued | JobState::Running => Err(ActionRefusal::UnderWay),
        JobState::Waiting => Err(ActionRefusal::NothingToMatch),
        JobState::Declined => Err(ActionRefusal::Declined),
        JobState::Succeeded | JobState::Void | JobState::Discarded => Err(ActionRefusal::Ended),
    }
}

/// Finds the entry that a person says is this cancellation's: one that Toss showed, that is nobody's, and that fits in its amount.
///
/// # Errors
/// [`MatchRefusal`] says why not.
pub fn check_match<'c>(
    job: &JobFacts<'_>,
    amount: Won,
    candidates: &'c [Candidate],
    transaction_key: &str,
) -> Result<&'c Candidate, MatchRefusal> {
    check_matchable(job).map_err(MatchRefusal::NotNow)?;
    let entry = candidates.iter().find(|entry| entry.transaction_key == transaction_key);
    let entry = entry.ok_or(MatchRefusal::UnknownEntry)?;
    if entry.amount == amount {
        Ok(entry)
    } else {
        Err(MatchRefusal::AmountDiffers { here: amount, there: entry.amount })
    }
}

/// Whether a person may say that none of the entries is this cancellation's: only when all that our calls could do is in sight. The job
/// then goes on as the policy decides for an operation that Toss does not show.
///
/// # Errors
/// [`NoneRefusal`] says why not.
pub fn check_none(
    job: &JobFacts<'_>,
    cancellation_id: &str,
    candidates: &[Candidate],
) -> Result<(), NoneRefusal> {
    check_matchable(job).map_err(NoneRefusal::NotNow)?;
    let tag = cancel_tag(cancellation_id);
    if candidates.iter().any(|entry| entry.reason.ends_with(&tag)) {
        return Err(NoneRefusal::CarriesOurTag);
    }
    let history: &History<'_> = &job.history;
    if history.is_seen_settled() { Ok(()) } else { Err(NoneRefusal::NotSettled) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::FailureClass;
    use crate::attempt::{Operation, PastAttempt, Verdict};
    use crate::limits::UNFINISHED_CALL_MS;

    const ID: &str = "0193a5c2-0000-7000-8000-0123456789ab";

    fn won(amount: i64) -> Won {
        Won::new(amount).unwrap()
    }

    fn past(operation: Operation, started_at_ms: i64, verdict: Verdict) -> PastAttempt {
        let finished_at_ms = Some(started_at_ms + 10);
        let verdict = Some(verdict);
        PastAttempt { operation, generation: 1, started_at_ms, finished_at_ms, verdict, code: None }
    }

    fn ambiguous(attempts: &[PastAttempt]) -> JobFacts<'_> {
        JobFacts {
            kind: JobKind::Cancel,
            state: JobState::Parked,
            parked_for: Some(ReviewReason::AmbiguousCancels),
            cancellation: Some(CancellationState::Unresolved),
            window_ends_ms: 0,
            now_ms: 1_000_000,
            history: History::whole(attempts, 1),
        }
    }

    fn entry(key: &str, amount: i64, reason: &str) -> Candidate {
        Candidate {
            transaction_key: key.to_owned(),
            amount: won(amount),
            reason: reason.to_owned(),
        }
    }

    #[test]
    fn an_entry_must_be_shown_by_toss_and_of_the_same_amount() {
        let shown = [entry("t-1", 3_000, ""), entry("t-2", 2_000, "")];
        let job = ambiguous(&[]);
        assert_eq!(check_match(&job, won(3_000), &shown, "t-1"), Ok(&shown[0]));
        assert_eq!(
            check_match(&job, won(3_000), &shown, "t-2"),
            Err(MatchRefusal::AmountDiffers { here: won(3_000), there: won(2_000) })
        );
        assert_eq!(check_match(&job, won(3_000), &shown, "t-3"), Err(MatchRefusal::UnknownEntry));
        let parked_for_else = JobFacts { parked_for: Some(ReviewReason::GaveUp), ..job };
        assert_eq!(
            check_match(&parked_for_else, won(3_000), &shown, "t-1"),
            Err(MatchRefusal::NotNow(ActionRefusal::NothingToMatch))
        );
    }

    #[test]
    fn none_is_ours_only_when_somebody_looked_after_our_call_could_do_nothing_any_more() {
        let send = past(Operation::Cancel, 1_000, Verdict::Failed(FailureClass::Unanswered));
        let look = |at_ms| past(Operation::LookUp, at_ms, Verdict::Inconclusive);
        let quiet_ms = 1_000 + UNFINISHED_CALL_MS;
        let early = [send.clone(), look(quiet_ms - 1)];
        let shown = [entry("t-1", 3_000, "")];
        assert_eq!(check_none(&ambiguous(&early), ID, &shown), Err(NoneRefusal::NotSettled));
        let late = [send.clone(), look(quiet_ms)];
        assert_eq!(check_none(&ambiguous(&late), ID, &shown), Ok(()));
        let unanswered =
            [send, past(Operation::LookUp, quiet_ms, Verdict::Failed(FailureClass::Unanswered))];
        assert_eq!(check_none(&ambiguous(&unanswered), ID, &shown), Err(NoneRefusal::NotSettled));
        let tagged = [entry("t-1", 3_000, "words [0123456789ab]")];
        assert_eq!(check_none(&ambiguous(&late), ID, &tagged), Err(NoneRefusal::CarriesOurTag));
    }
}
