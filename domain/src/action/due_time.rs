//! When staff may have a waiting job go on.

use super::JobFacts;
use crate::job::{ActionRefusal, JobKind, JobState};
use crate::limits::DUE_TIME_AHEAD_MS_MAX;

/// Why a job cannot be made due at the asked time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DueTimeRefusal {
    /// Its time cannot be changed at all now.
    #[error(transparent)]
    NotNow(ActionRefusal),
    /// In the past, or earlier than Toss allows.
    #[error("it cannot go on before {earliest_ms}")]
    TooEarly {
        /// The first possible time, in milliseconds.
        earliest_ms: i64,
    },
    /// Beyond what a job may be put off.
    #[error("it cannot be put off beyond {latest_ms}")]
    TooLate {
        /// The last possible time, in milliseconds.
        latest_ms: i64,
    },
}

/// Whether a job waits for a time that can be changed. A confirm whose window has passed is left to its look-ups.
pub(super) const fn check_waits(job: &JobFacts<'_>) -> Result<(), ActionRefusal> {
    match job.state {
        JobState::Waiting => match job.kind {
            JobKind::Confirm if job.now_ms >= job.window_ends_ms => Err(ActionRefusal::WindowOver),
            JobKind::Confirm | JobKind::Cancel | JobKind::LookUp => Ok(()),
        },
        JobState::Queued | JobState::Running => Err(ActionRefusal::UnderWay),
        JobState::Parked => Err(ActionRefusal::NotWaiting),
        JobState::Declined => Err(ActionRefusal::Declined),
        JobState::Succeeded | JobState::Void | JobState::Discarded => Err(ActionRefusal::Ended),
    }
}

/// Whether a waiting job may be made due at `due_at_ms`: not in the past, not within the distance that Toss asks for between calls of
/// one payment (`next_cancel_at_ms` is that between its cancels), not more than a day ahead, and for a confirm before its window ends.
///
/// # Errors
/// [`DueTimeRefusal`] says why not.
pub fn check_due_time(
    job: &JobFacts<'_>,
    next_cancel_at_ms: i64,
    due_at_ms: i64,
) -> Result<(), DueTimeRefusal> {
    check_waits(job).map_err(DueTimeRefusal::NotNow)?;
    let spacing_ms = match job.kind {
        JobKind::Cancel => next_cancel_at_ms,
        JobKind::Confirm | JobKind::LookUp => 0,
    };
    let asked_ms = job.history.asked_to_wait_until_ms().unwrap_or(0);
    let earliest_ms = job.now_ms.max(spacing_ms).max(asked_ms);
    let ahead_ms = job.now_ms.saturating_add(DUE_TIME_AHEAD_MS_MAX);
    let latest_ms = match job.kind {
        JobKind::Confirm => ahead_ms.min(job.window_ends_ms.saturating_sub(1)),
        JobKind::Cancel | JobKind::LookUp => ahead_ms,
    };
    if due_at_ms < earliest_ms {
        Err(DueTimeRefusal::TooEarly { earliest_ms })
    } else if due_at_ms > latest_ms {
        Err(DueTimeRefusal::TooLate { latest_ms })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::FailureClass;
    use crate::attempt::{Operation, PastAttempt, Verdict};
    use crate::policy::{History, Pace};

    const NOW: i64 = 1_000_000;

    fn facts(kind: JobKind, attempts: &[PastAttempt]) -> JobFacts<'_> {
        JobFacts {
            kind,
            state: JobState::Waiting,
            parked_for: None,
            cancellation: None,
            window_ends_ms: NOW + 600_000,
            now_ms: NOW,
            history: History::whole(attempts, 1),
        }
    }

    #[test]
    fn a_time_lies_between_now_and_a_day_and_for_a_confirm_within_its_window() {
        let day = NOW + DUE_TIME_AHEAD_MS_MAX;
        for (kind, latest_ms) in
            [(JobKind::Confirm, NOW + 599_999), (JobKind::Cancel, day), (JobKind::LookUp, day)]
        {
            let check = |due_ms| check_due_time(&facts(kind, &[]), 0, due_ms);
            assert_eq!(check(NOW - 1), Err(DueTimeRefusal::TooEarly { earliest_ms: NOW }));
            assert_eq!((check(NOW), check(latest_ms)), (Ok(()), Ok(())), "{kind:?}");
            assert_eq!(check(latest_ms + 1), Err(DueTimeRefusal::TooLate { latest_ms }));
        }
    }

    #[test]
    fn a_confirm_whose_window_has_passed_cannot_be_put_off() {
        let over = JobFacts { now_ms: NOW + 600_000, ..facts(JobKind::Confirm, &[]) };
        let refused = Err(DueTimeRefusal::NotNow(ActionRefusal::WindowOver));
        assert_eq!(check_due_time(&over, 0, NOW + 600_001), refused);
    }

    #[test]
    fn the_distance_that_toss_asks_for_is_kept() {
        let spaced = |due_ms| check_due_time(&facts(JobKind::Cancel, &[]), NOW + 500, due_ms);
        assert_eq!(spaced(NOW + 499), Err(DueTimeRefusal::TooEarly { earliest_ms: NOW + 500 }));
        assert_eq!(spaced(NOW + 500), Ok(()));
        for (class, pace) in
            [(FailureClass::Limited, Pace::Limited), (FailureClass::Throttled, Pace::Throttled)]
        {
            let limited = [PastAttempt {
                operation: Operation::Cancel,
                generation: 1,
                started_at_ms: NOW - 2,
                finished_at_ms: Some(NOW - 1),
                verdict: Some(Verdict::Failed(class)),
                code: None,
            }];
            let earliest_ms = NOW - 1 + pace.curve().first_ms;
            let check = |due_ms| check_due_time(&facts(JobKind::Cancel, &limited), 0, due_ms);
            assert_eq!(check(earliest_ms - 1), Err(DueTimeRefusal::TooEarly { earliest_ms }));
            assert_eq!(check(earliest_ms), Ok(()), "{class:?}");
        }
    }
}
