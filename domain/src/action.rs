//! What staff may do now: every action on a job and on a payment, and the named reason why one is not allowed. Pages and the API show
//! these, and the store asks them again under its locks: a button that was enabled a second ago proves nothing.

mod due_time;
mod matching;
mod review;

pub use due_time::{DueTimeRefusal, check_due_time};
pub use matching::{Candidate, MatchRefusal, NoneRefusal, check_match, check_none};
pub use review::{ReviewFacts, check_close_review};

use crate::cancellation::CancellationState;
use crate::job::{ActionRefusal, JobKind, JobState, check_discard, check_retry};
use crate::policy::{History, ReviewReason};

/// What staff do with a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobAction {
    /// Have Toss asked where its payment stands.
    LookUp,
    /// Have it go on now.
    Retry,
    /// Give it up for good.
    Discard,
    /// Say when it goes on.
    ChangeDueTime,
    /// Say which cancel at Toss is its own, or that none is.
    Match,
}

impl JobAction {
    /// Every action, in the order in which they are offered: on an unknown outcome looking comes first.
    pub const ALL: [JobAction; 5] = [
        JobAction::LookUp,
        JobAction::Retry,
        JobAction::Discard,
        JobAction::ChangeDueTime,
        JobAction::Match,
    ];

    /// The word for answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            JobAction::LookUp => "look_up",
            JobAction::Retry => "retry",
            JobAction::Discard => "discard",
            JobAction::ChangeDueTime => "change_due_time",
            JobAction::Match => "match",
        }
    }
}

/// What the rules look at in a job.
#[derive(Debug, Clone, Copy)]
pub struct JobFacts<'a> {
    /// What it is to do.
    pub kind: JobKind,
    /// Where it stands.
    pub state: JobState,
    /// Why it stopped, if it did.
    pub parked_for: Option<ReviewReason>,
    /// Where its cancellation stands, for cancels.
    pub cancellation: Option<CancellationState>,
    /// Until when a confirm of its payment may be sent, in milliseconds.
    pub window_ends_ms: i64,
    /// The database's clock, in milliseconds.
    pub now_ms: i64,
    /// Its attempts.
    pub history: History<'a>,
}

/// Whether an action on a job is allowed now. Looking up always is: it moves nothing.
///
/// # Errors
/// [`ActionRefusal`] says why not.
pub fn check_job_action(action: JobAction, job: &JobFacts<'_>) -> Result<(), ActionRefusal> {
    match action {
        JobAction::LookUp => Ok(()),
        JobAction::Retry => check_retry(job.kind, job.state, job.window_ends_ms, job.now_ms),
        JobAction::Discard => check_discard(job.state, &job.history),
        JobAction::ChangeDueTime => due_time::check_waits(job),
        JobAction::Match => matching::check_matchable(job),
    }
}

/// Every action on a job, and why not.
pub fn job_actions(job: &JobFacts<'_>) -> [(JobAction, Result<(), ActionRefusal>); 5] {
    JobAction::ALL.map(|action| (action, check_job_action(action, job)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::FailureClass;
    use crate::attempt::{Operation, PastAttempt, Verdict};

    fn word(verdict: Result<(), ActionRefusal>) -> String {
        verdict.map_or_else(|refusal| format!("{refusal:?}"), |()| "yes".to_owned())
    }

    fn attempt(verdict: Verdict) -> PastAttempt {
        PastAttempt {
            operation: Operation::Confirm,
            generation: 1,
            started_at_ms: 0,
            finished_at_ms: Some(1),
            verdict: Some(verdict),
            code: None,
        }
    }

    #[test]
    fn the_whole_table_is_as_reviewed() {
        let mut table = String::new();
        let known = [attempt(Verdict::Failed(FailureClass::Refused))];
        let unknown = [attempt(Verdict::Failed(FailureClass::Unanswered))];
        table.push_str(&format!("{:<8} {:<10} {:<16} ", "kind", "state", "and"));
        for action in JobAction::ALL {
            table.push_str(&format!(" {:<15}", action.word()));
        }
        for kind in JobKind::ALL {
            for state in JobState::ALL {
                for (what, attempts, now_ms, parked_for) in [
                    ("open, known", &known, 9, ReviewReason::Setup),
                    ("open, unknown", &unknown, 9, ReviewReason::Setup),
                    ("over, unknown", &unknown, 10, ReviewReason::Setup),
                    ("ambiguous", &unknown, 10, ReviewReason::AmbiguousCancels),
                ] {
                    let facts = JobFacts {
                        kind,
                        state,
                        parked_for: (state == JobState::Parked).then_some(parked_for),
                        cancellation: (kind == JobKind::Cancel)
                            .then_some(CancellationState::Unresolved),
                        window_ends_ms: 10,
                        now_ms,
                        history: History::whole(attempts, 1),
                    };
                    let told = job_actions(&facts).map(|(_, verdict)| word(verdict));
                    table.push_str(&format!(
                        "\n{:<8} {:<10} {what:<16} ",
                        kind.word(),
                        state.word()
                    ));
                    for one in told {
                        table.push_str(&format!(" {one:<15}"));
                    }
                }
            }
        }
        let lines: Vec<&str> = table.lines().map(str::trim_end).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
