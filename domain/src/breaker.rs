//! The circuit breaker of a merchant: when calls that move money are not started, because Toss does not answer them.
//!
//! Workers count failed calls in a row; enough of them open the breaker for everybody. From then on one call at a time tries, and an answer
//! of any kind closes it. Look-ups are not held back: they move nothing, have pauses of their own, and tell what became of the calls
//! before. Not here: where it is kept.

use crate::answer::FailureClass;

/// How many confirms and cancels in a row have to fail, in one process, for the breaker to open.
pub const FAILURES_TO_OPEN: u32 = 10;
/// How long an open breaker waits before one call may try, in milliseconds.
pub const OPEN_MS: i64 = 15_000;

/// What a call that moves money says about Toss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It answers, if only to refuse.
    Answers,
    /// It does not answer, or with errors of its own.
    Fails,
}

impl FailureClass {
    /// What a failed confirm or cancel says about Toss itself.
    #[must_use]
    pub const fn sign(self) -> Sign {
        match self {
            FailureClass::Unsent | FailureClass::Unanswered | FailureClass::Ambiguous => {
                Sign::Fails
            }
            FailureClass::InProgress
            | FailureClass::Throttled
            | FailureClass::Limited
            | FailureClass::BankClosed
            | FailureClass::Contradictory
            | FailureClass::Disputed
            | FailureClass::Refused
            | FailureClass::Absent
            | FailureClass::Broken => Sign::Answers,
        }
    }
}

/// Failed calls in a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FailureRun {
    length: u32,
}

impl FailureRun {
    /// Takes a call into account; `true` when the breaker is to be opened, and then the counting begins anew.
    pub const fn note(&mut self, sign: Sign) -> bool {
        match sign {
            Sign::Answers => self.length = 0,
            Sign::Fails => self.length = self.length.saturating_add(1),
        }
        let is_enough = self.length >= FAILURES_TO_OPEN;
        if is_enough {
            self.length = 0;
        }
        is_enough
    }
}

/// How long a job that is held back waits before it is looked at again, in milliseconds: half of what it has waited, between 15 seconds
/// and 5 minutes, so that a long queue behind a long stop costs little.
#[must_use]
pub fn hold_ms(waited_ms: i64) -> i64 {
    waited_ms.checked_div(2).unwrap_or(0).clamp(HOLD_MS_MIN, HOLD_MS_MAX)
}

/// The shortest hold: as long as a breaker stays open.
pub const HOLD_MS_MIN: i64 = OPEN_MS;
/// The longest hold: what a customer's page may be late by in telling that the time to pay is over.
pub const HOLD_MS_MAX: i64 = 5 * 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_silence_and_errors_of_its_own_speak_against_toss() {
        let failing: Vec<&str> = FailureClass::ALL
            .into_iter()
            .filter(|class| class.sign() == Sign::Fails)
            .map(FailureClass::word)
            .collect();
        assert_eq!(failing, ["unsent", "unanswered", "ambiguous"]);
    }

    #[test]
    fn ten_failures_in_a_row_open_it_and_any_answer_between_them_starts_the_count_again() {
        let mut run = FailureRun::default();
        assert!(!(1..FAILURES_TO_OPEN).any(|_| run.note(Sign::Fails)));
        assert!(!run.note(Sign::Answers));
        assert!(!(1..FAILURES_TO_OPEN).any(|_| run.note(Sign::Fails)));
        assert!(run.note(Sign::Fails));
        assert!(!run.note(Sign::Fails), "the next run is a new one");
    }

    #[test]
    fn the_longer_a_job_is_held_the_less_often_it_is_looked_at() {
        assert_eq!([0, 20_000, 60_000, 3_600_000].map(hold_ms), [15_000, 15_000, 30_000, 300_000]);
    }
}
