//! Jobs: one thing to be done about one payment, the states they go through, and what staff may do with them.

use crate::policy::History;

/// What a job is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// Take the money of a payment.
    Confirm,
    /// Give money of a payment back, as one cancellation says.
    Cancel,
    /// Ask Toss where a payment stands and apply what it proves.
    LookUp,
}

impl JobKind {
    /// Every kind.
    pub const ALL: [JobKind; 3] = [JobKind::Confirm, JobKind::Cancel, JobKind::LookUp];

    /// The word for columns, logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            JobKind::Confirm => "confirm",
            JobKind::Cancel => "cancel",
            JobKind::LookUp => "look_up",
        }
    }

    /// Reads the word back; `None` for a word that we never wrote.
    #[must_use]
    pub fn from_word(word: &str) -> Option<JobKind> {
        JobKind::ALL.into_iter().find(|known| known.word() == word)
    }

    /// Whether it moves money, so that only one such job per payment may be under way.
    #[must_use]
    pub const fn is_money(self) -> bool {
        match self {
            JobKind::Confirm | JobKind::Cancel => true,
            JobKind::LookUp => false,
        }
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Published, or about to be.
    Queued,
    /// Claimed by a worker until its lease is over.
    Running,
    /// Scheduled: a retry or a look-up at its due time.
    Waiting,
    /// Stopped; a person must decide.
    Parked,
    /// Done.
    Succeeded,
    /// Ended by a refusal.
    Declined,
    /// Ended unsent, because its time had passed.
    Void,
    /// Ended by a person.
    Discarded,
}

impl JobState {
    /// Every state.
    pub const ALL: [JobState; 8] = [
        JobState::Queued,
        JobState::Running,
        JobState::Waiting,
        JobState::Parked,
        JobState::Succeeded,
        JobState::Declined,
        JobState::Void,
        JobState::Discarded,
    ];

    /// The word for columns, logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            JobState::Queued => "queued",
            JobState::Running => "running",
            JobState::Waiting => "waiting",
            JobState::Parked => "parked",
            JobState::Succeeded => "succeeded",
            JobState::Declined => "declined",
            JobState::Void => "void",
            JobState::Discarded => "discarded",
        }
    }

    /// Reads the word back; `None` for a word that we never wrote.
    #[must_use]
    pub fn from_word(word: &str) -> Option<JobState> {
        JobState::ALL.into_iter().find(|known| known.word() == word)
    }

    /// Whether it has not ended. Parked jobs are live.
    #[must_use]
    pub const fn is_live(self) -> bool {
        match self {
            JobState::Queued | JobState::Running | JobState::Waiting | JobState::Parked => true,
            JobState::Succeeded | JobState::Declined | JobState::Void | JobState::Discarded => {
                false
            }
        }
    }

    /// Whether the machine knows this move.
    #[must_use]
    pub const fn may_become(self, next: JobState) -> bool {
        use JobState as S;
        match self {
            // By a worker's claim, a look-up that settled it, a window that closed, claims that never finished.
            S::Queued => match next {
                S::Running | S::Succeeded | S::Declined | S::Void | S::Waiting | S::Parked => true,
                S::Queued | S::Discarded => false,
            },
            // By its settlement, a graceful stop before the send, or the end of its lease.
            S::Running => match next {
                S::Queued | S::Waiting | S::Parked | S::Succeeded | S::Declined | S::Void => true,
                S::Running | S::Discarded => false,
            },
            S::Waiting => match next {
                S::Queued | S::Running | S::Succeeded | S::Declined | S::Void | S::Parked => true,
                S::Waiting | S::Discarded => false,
            },
            // By a look-up, or a person.
            S::Parked => match next {
                S::Queued | S::Succeeded | S::Declined | S::Void | S::Discarded => true,
                S::Running | S::Waiting | S::Parked => false,
            },
            S::Succeeded | S::Declined | S::Void | S::Discarded => false,
        }
    }
}

/// Why an action of staff on a job is not allowed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ActionRefusal {
    /// It has ended.
    #[error("the job has ended")]
    Ended,
    /// It was declined; the customer starts over with a new order.
    #[error("a declined payment is final: the customer starts over with a new order")]
    Declined,
    /// A worker has it right now, or will in a moment.
    #[error("the job is under way: wait for its result")]
    UnderWay,
    /// A look-up asks again by being requested, not retried.
    #[error("a look-up is requested, not retried")]
    LookUpOnly,
    /// The confirm window has passed.
    #[error("the time to confirm has passed: only a look-up can tell what happened")]
    WindowOver,
    /// Only parked jobs can be discarded.
    #[error("only a parked job can be discarded")]
    NotParked,
    /// Whether money moved is not known.
    #[error("whether money moved is not known: look the payment up first")]
    OutcomeUnknown,
    /// Only a waiting job has a time that can be changed.
    #[error("only a waiting job has a due time to change")]
    NotWaiting,
    /// It is no cancel, or it did not stop because cancels at Toss cannot be told apart.
    #[error("there is no cancel at Toss to tell apart")]
    NothingToMatch,
    /// The payment is not in review.
    #[error("the payment is not in review")]
    NotInReview,
    /// A job of the payment is parked.
    #[error("a job of the payment is parked: retry or discard it first")]
    JobFirst,
    /// Nothing that a person says can answer it.
    #[error("only a look-up can end this review")]
    EndsByProof,
}

impl ActionRefusal {
    /// Every reason, for tables.
    pub const ALL: [ActionRefusal; 12] = [
        ActionRefusal::Ended,
        ActionRefusal::Declined,
        ActionRefusal::UnderWay,
        ActionRefusal::LookUpOnly,
        ActionRefusal::WindowOver,
        ActionRefusal::NotParked,
        ActionRefusal::OutcomeUnknown,
        ActionRefusal::NotWaiting,
        ActionRefusal::NothingToMatch,
        ActionRefusal::NotInReview,
        ActionRefusal::JobFirst,
        ActionRefusal::EndsByProof,
    ];

    /// The word for answers and columns.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            ActionRefusal::Ended => "job_ended",
            ActionRefusal::Declined => "job_declined",
            ActionRefusal::UnderWay => "job_under_way",
            ActionRefusal::LookUpOnly => "job_look_up_only",
            ActionRefusal::WindowOver => "job_window_over",
            ActionRefusal::NotParked => "job_not_parked",
            ActionRefusal::OutcomeUnknown => "job_outcome_unknown",
            ActionRefusal::NotWaiting => "job_not_waiting",
            ActionRefusal::NothingToMatch => "match_nothing",
            ActionRefusal::NotInReview => "review_none",
            ActionRefusal::JobFirst => "review_job_first",
            ActionRefusal::EndsByProof => "review_ends_by_proof",
        }
    }
}

/// Whether staff may have a job tried again now. What is sent then is decided as always: an unknown outcome is looked up first.
///
/// `window_ends_ms` is the end of the confirm window and counts for confirms only.
///
/// # Errors
/// [`ActionRefusal`] says why not.
pub const fn check_retry(
    kind: JobKind,
    state: JobState,
    window_ends_ms: i64,
    now_ms: i64,
) -> Result<(), ActionRefusal> {
    match state {
        JobState::Parked | JobState::Waiting => match kind {
            JobKind::Confirm if now_ms >= window_ends_ms => Err(ActionRefusal::WindowOver),
            JobKind::Confirm | JobKind::Cancel => Ok(()),
            JobKind::LookUp => Err(ActionRefusal::LookUpOnly),
        },
        JobState::Queued | JobState::Running => Err(ActionRefusal::UnderWay),
        JobState::Declined => Err(ActionRefusal::Declined),
        JobState::Succeeded | JobState::Void | JobState::Discarded => Err(ActionRefusal::Ended),
    }
}

/// Whether staff may give a job up: parked ones only, and never while its outcome is unknown.
///
/// # Errors
/// [`ActionRefusal`] says why not.
pub fn check_discard(state: JobState, history: &History<'_>) -> Result<(), ActionRefusal> {
    match state {
        JobState::Parked if history.is_outcome_unknown() => Err(ActionRefusal::OutcomeUnknown),
        JobState::Parked => Ok(()),
        JobState::Queued | JobState::Running | JobState::Waiting => Err(ActionRefusal::NotParked),
        JobState::Declined => Err(ActionRefusal::Declined),
        JobState::Succeeded | JobState::Void | JobState::Discarded => Err(ActionRefusal::Ended),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table_is_as_reviewed() {
        let mut table = String::new();
        for from in JobState::ALL {
            let to: Vec<_> = JobState::ALL
                .into_iter()
                .filter(|next| from.may_become(*next))
                .map(JobState::word)
                .collect();
            table.push_str(&format!("{:<10} -> {}\n", from.word(), to.join(" | ")));
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn ended_jobs_never_move_again() {
        for from in JobState::ALL.into_iter().filter(|state| !state.is_live()) {
            assert!(JobState::ALL.into_iter().all(|next| !from.may_become(next)));
        }
    }

    #[test]
    fn a_declined_confirm_is_never_retried() {
        assert_eq!(
            check_retry(JobKind::Confirm, JobState::Declined, 10, 0),
            Err(ActionRefusal::Declined)
        );
    }

    #[test]
    fn a_confirm_is_retried_only_while_its_window_is_open() {
        assert_eq!(check_retry(JobKind::Confirm, JobState::Parked, 10, 9), Ok(()));
        assert_eq!(
            check_retry(JobKind::Confirm, JobState::Parked, 10, 10),
            Err(ActionRefusal::WindowOver)
        );
        assert_eq!(check_retry(JobKind::Cancel, JobState::Parked, 10, 10), Ok(()));
    }
}
