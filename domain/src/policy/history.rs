//! What the attempts of a job say together: what was sent, under which key, whether it may still take effect, and what was proved.

use super::Pace;
use crate::answer::FailureClass;
use crate::attempt::{Operation, PastAttempt, Verdict};
use crate::limits::{CANCEL_SETTLE_MS, HISTORY_MAX, POSTS_MAX, UNFINISHED_CALL_MS};

/// The other attempts of a job, oldest first, and the key generation that it has reached.
///
/// A view of `HISTORY_MAX` attempts or more counts as one from which older ones may be missing: nothing is concluded from what it
/// does not show.
#[derive(Debug, Clone, Copy)]
pub struct History<'a> {
    /// Oldest first, without the current one.
    pub attempts: &'a [PastAttempt],
    /// The job's key generation, from 1.
    pub generation: u32,
    /// Until when calls that are not on record may still take effect: what was sent after a backup was made is unknown once it is
    /// restored. 0 for a record that is whole.
    pub unrecorded_until_ms: i64,
}

/// What an attempt that can move money says about whether it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trace {
    /// It certainly did nothing, and its key is as good as unused.
    Nothing,
    /// Nobody answered: it may have worked, and its key still finds out.
    NoAnswer,
    /// Toss is working on it under this key.
    InProgress,
    /// An answer came under this key and would come again: a look-up decides.
    Answered(FailureClass),
}

fn trace(attempt: &PastAttempt) -> Trace {
    match attempt.verdict {
        None => Trace::NoAnswer,
        Some(Verdict::Failed(class)) => match class {
            FailureClass::Unsent | FailureClass::Throttled => Trace::Nothing,
            FailureClass::Unanswered => Trace::NoAnswer,
            FailureClass::InProgress => Trace::InProgress,
            FailureClass::Ambiguous
            | FailureClass::Limited
            | FailureClass::BankClosed
            | FailureClass::Contradictory
            | FailureClass::Disputed
            | FailureClass::Refused
            | FailureClass::Absent
            | FailureClass::Broken => Trace::Answered(class),
        },
        // A call that moves money never gets these while its job lives on; if one did, only a look-up may follow it.
        Some(Verdict::Proven | Verdict::Undone | Verdict::Inconclusive) => {
            Trace::Answered(FailureClass::Contradictory)
        }
    }
}

/// From when on a call can do nothing any more that a look-up does not see: its answer, or the longest that one without an answer
/// may be under way.
fn quiet_from_ms(attempt: &PastAttempt) -> i64 {
    let longest_ms = attempt.started_at_ms.saturating_add(UNFINISHED_CALL_MS);
    match trace(attempt) {
        Trace::NoAnswer | Trace::InProgress => longest_ms,
        Trace::Nothing | Trace::Answered(_) => attempt.finished_at_ms.unwrap_or(longest_ms),
    }
}

impl<'a> History<'a> {
    /// A record that is whole: nothing was sent but what is in it.
    #[must_use]
    pub const fn whole(attempts: &'a [PastAttempt], generation: u32) -> History<'a> {
        History { attempts, generation, unrecorded_until_ms: 0 }
    }

    /// Whether calls that are not on record may have done what the job is for: no look-up has shown yet that they did not, beginning when
    /// none of them could take effect any more. Nothing is sent while that is so.
    pub(super) fn is_doubted(&self) -> bool {
        self.unrecorded_until_ms > 0 && !self.is_shown_undone_since(self.unrecorded_until_ms)
    }

    /// Whether a call that is not on record may take effect after this instant.
    pub(super) const fn may_be_unrecorded_after(&self, at_ms: i64) -> bool {
        self.unrecorded_until_ms > at_ms
    }

    fn sends(&self) -> impl DoubleEndedIterator<Item = &'a PastAttempt> + use<'a> {
        self.attempts.iter().filter(|attempt| attempt.operation.is_money())
    }

    pub(super) fn sends_now(&self) -> impl Iterator<Item = &'a PastAttempt> + use<'a> {
        let generation = self.generation;
        self.sends().filter(move |attempt| attempt.generation == generation)
    }

    /// Whether every call that the budget allows was made, under all keys. What was never sent, was refused before any work, or was
    /// told to wait for the first call with its key, uses none of it: only time ends that.
    pub(super) fn has_used_up_sends(&self) -> bool {
        let uses_budget = |attempt: &&PastAttempt| match trace(attempt) {
            Trace::Nothing | Trace::InProgress => false,
            Trace::NoAnswer | Trace::Answered(_) => true,
        };
        let used = self.sends().filter(uses_budget).count();
        u32::try_from(used).unwrap_or(u32::MAX) >= POSTS_MAX
    }

    /// How many of the last calls that can move money failed in this way, whatever was looked up in between.
    pub(super) fn sends_failed_in_a_row(&self, class: FailureClass) -> usize {
        let failed = Some(Verdict::Failed(class));
        self.sends().rev().take_while(|attempt| attempt.verdict == failed).count()
    }

    /// Whether older attempts may be missing from this view, so that what it does not show may still have happened.
    fn may_be_cut(&self) -> bool {
        u64::try_from(self.attempts.len()).unwrap_or(u64::MAX) >= HISTORY_MAX
    }

    /// The last call under the present key that says anything, and what it says.
    pub(super) fn last_telling_send(&self) -> Option<(&'a PastAttempt, Trace)> {
        let telling = self.sends_now().map(|attempt| (attempt, trace(attempt)));
        telling.filter(|(_, trace)| *trace != Trace::Nothing).last()
    }

    /// Whether any call, under any key, may have reached Toss.
    pub(super) fn may_have_reached_toss(&self) -> bool {
        self.may_be_cut()
            || self.unrecorded_until_ms > 0
            || self.sends().any(|attempt| trace(attempt) != Trace::Nothing)
    }

    /// Whether a look-up that began after this attempt showed that nothing had been done.
    pub(super) fn is_shown_undone_since(&self, since_ms: i64) -> bool {
        self.attempts.iter().any(|attempt| {
            attempt.operation == Operation::LookUp
                && attempt.verdict == Some(Verdict::Undone)
                && attempt.started_at_ms >= since_ms
        })
    }

    /// Whether a call that nobody finished may still be on its way at this instant.
    pub(super) fn is_send_under_way(&self, at_ms: i64) -> bool {
        self.may_be_unrecorded_after(at_ms)
            || self
                .sends()
                .any(|attempt| attempt.verdict.is_none() && quiet_from_ms(attempt) > at_ms)
    }

    /// Whether a call that nobody answered may still take effect after this instant: giving up on an answer stops nothing that has
    /// left. While that is so, no other key may be used and no refusal of another call is final.
    pub(super) fn may_take_effect_after(&self, at_ms: i64) -> bool {
        self.may_be_unrecorded_after(at_ms)
            || self
                .sends()
                .any(|attempt| trace(attempt) == Trace::NoAnswer && quiet_from_ms(attempt) > at_ms)
    }

    /// How many attempts at the end of the history match, for delays that grow.
    fn trailing(&self, matches: impl Fn(&PastAttempt) -> bool) -> usize {
        self.attempts.iter().rev().take_while(|attempt| matches(attempt)).count()
    }

    /// How many attempts at the end of the history were never finished: claims that died.
    #[must_use]
    pub fn unfinished_in_a_row(&self) -> usize {
        self.trailing(|attempt| attempt.verdict.is_none())
    }

    pub(super) fn look_ups_in_a_row(&self) -> usize {
        self.trailing(|attempt| attempt.operation == Operation::LookUp)
    }

    pub(super) fn failures_in_a_row(&self, class: FailureClass) -> usize {
        self.trailing(|attempt| attempt.verdict == Some(Verdict::Failed(class)))
    }

    /// Whether money may have moved without our knowing: some call may have worked and no look-up after it showed otherwise.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        let is_in_view_unknown = self.sends().any(|attempt| {
            let may_have_worked = match trace(attempt) {
                Trace::Nothing => false,
                Trace::NoAnswer | Trace::InProgress => true,
                Trace::Answered(class) => match class {
                    FailureClass::Ambiguous
                    | FailureClass::Contradictory
                    | FailureClass::Disputed => true,
                    FailureClass::Unsent
                    | FailureClass::Unanswered
                    | FailureClass::InProgress
                    | FailureClass::Throttled
                    | FailureClass::Limited
                    | FailureClass::BankClosed
                    | FailureClass::Refused
                    | FailureClass::Absent
                    | FailureClass::Broken => false,
                },
            };
            may_have_worked && !self.is_shown_undone_since(quiet_from_ms(attempt))
        });
        // What was cut away is older than the first attempt in view.
        let is_cut_unknown = self.may_be_cut()
            && self.attempts.first().is_some_and(|first| {
                !self.is_shown_undone_since(first.started_at_ms.saturating_add(UNFINISHED_CALL_MS))
            });
        is_in_view_unknown || is_cut_unknown || self.is_doubted()
    }

    /// Until when Toss asked to be left alone, in milliseconds, if the last attempt was refused for coming too soon.
    #[must_use]
    pub fn asked_to_wait_until_ms(&self) -> Option<i64> {
        let last = self.attempts.last()?;
        let pace = match last.verdict? {
            Verdict::Failed(FailureClass::Throttled) => Pace::Throttled,
            Verdict::Failed(FailureClass::Limited) => Pace::Limited,
            Verdict::Failed(
                FailureClass::Unsent
                | FailureClass::Unanswered
                | FailureClass::InProgress
                | FailureClass::Ambiguous
                | FailureClass::BankClosed
                | FailureClass::Contradictory
                | FailureClass::Disputed
                | FailureClass::Refused
                | FailureClass::Absent
                | FailureClass::Broken,
            )
            | Verdict::Proven
            | Verdict::Undone
            | Verdict::Inconclusive => return None,
        };
        Some(last.finished_at_ms?.saturating_add(pace.curve().first_ms))
    }

    /// Whether an answered look-up began when no call before it could take effect any more: what it showed is all that there is.
    #[must_use]
    pub fn is_seen_settled(&self) -> bool {
        let settled_at_ms = |attempt: &PastAttempt| {
            let ended_ms = attempt.finished_at_ms.unwrap_or(attempt.started_at_ms);
            Ord::max(quiet_from_ms(attempt), ended_ms.saturating_add(CANCEL_SETTLE_MS))
        };
        let telling = self.sends().filter(|attempt| trace(attempt) != Trace::Nothing);
        let from_ms = telling.map(settled_at_ms).max().unwrap_or(0).max(self.unrecorded_until_ms);
        let is_answered = |verdict: Option<Verdict>| match verdict {
            Some(Verdict::Proven | Verdict::Undone | Verdict::Inconclusive) => true,
            Some(Verdict::Failed(_)) | None => false,
        };
        !self.may_be_cut()
            && self.attempts.iter().any(|attempt| {
                attempt.operation == Operation::LookUp
                    && is_answered(attempt.verdict)
                    && attempt.started_at_ms >= from_ms
            })
    }
}
