//! A job as the random walks keep it: its attempts, its key generation, and when it goes on. What the database does in earnest.

use domain::answer::{Answer, FailureClass};
use domain::attempt::{Operation, PastAttempt, Verdict};
use domain::limits::{LEASE_MS, RESTORE_SETTLE_MS, UNFINISHED_CLAIMS_MAX};
use domain::policy::{CurrentAttempt, Decision, History, NextJob, Wait, decide_look_up};

use crate::fixture::SECOND_MS;
use crate::model::Toss;
use crate::tape::Tape;

/// A job and the clock.
#[derive(Debug, Clone)]
pub(crate) struct Book {
    pub(crate) now_ms: i64,
    pub(crate) attempts: Vec<PastAttempt>,
    pub(crate) generation: u32,
    /// See [`History::unrecorded_until_ms`].
    pub(crate) unrecorded_until_ms: i64,
    /// How the job ended or where it stopped; `None` while it goes on.
    pub(crate) end: Option<NextJob>,
}

impl Book {
    pub(crate) fn new(now_ms: i64) -> Book {
        Book { now_ms, attempts: Vec::new(), generation: 1, unrecorded_until_ms: 0, end: None }
    }

    pub(crate) fn history(&self) -> History<'_> {
        self.view(&self.attempts)
    }

    /// The history without the attempt that is being decided on, which is the last one.
    pub(crate) fn history_before(&self) -> History<'_> {
        let before = self.attempts.len().saturating_sub(1);
        self.view(&self.attempts[..before])
    }

    fn view<'a>(&self, attempts: &'a [PastAttempt]) -> History<'a> {
        let (generation, unrecorded_until_ms) = (self.generation, self.unrecorded_until_ms);
        History { attempts, generation, unrecorded_until_ms }
    }

    /// A backup is restored and recovered: everything since is forgotten but the time.
    pub(crate) fn restore(&mut self, backup: &Book) {
        let now_ms = self.now_ms;
        let unrecorded_until_ms = now_ms + RESTORE_SETTLE_MS;
        *self = Book { now_ms, unrecorded_until_ms, ..backup.clone() };
    }

    pub(crate) fn is_crash_loop(&self) -> bool {
        self.history().unfinished_in_a_row() >= UNFINISHED_CLAIMS_MAX
    }

    /// A call that nobody answered is looked up before any other call is sent, and so is one that nobody may know of.
    fn check_looked_up(&self) {
        let is_undone_since = |since_ms: i64| {
            self.attempts.iter().any(|attempt| {
                attempt.verdict == Some(Verdict::Undone) && attempt.started_at_ms >= since_ms
            })
        };
        assert!(
            self.unrecorded_until_ms == 0 || is_undone_since(self.unrecorded_until_ms),
            "what is not on record was not looked up: {self:?}"
        );
        let last_send = self.attempts.iter().rposition(|attempt| attempt.operation.is_money());
        let is_unanswered = |verdict| match verdict {
            None => true,
            Some(verdict) => verdict == Verdict::Failed(FailureClass::Unanswered),
        };
        let Some(last_send) =
            last_send.filter(|index| is_unanswered(self.attempts[*index].verdict))
        else {
            return;
        };
        let since = &self.attempts[last_send + 1..];
        let is_looked_up = since.iter().any(|attempt| attempt.verdict == Some(Verdict::Undone));
        assert!(is_looked_up, "a lost answer was not looked up: {self:?}");
    }

    /// Records an attempt before anything is sent.
    pub(crate) fn start(&mut self, operation: Operation) -> CurrentAttempt {
        if operation.is_money() {
            self.check_looked_up();
        }
        self.attempts.push(PastAttempt {
            operation,
            generation: self.generation,
            started_at_ms: self.now_ms,
            finished_at_ms: None,
            verdict: None,
            code: None,
        });
        CurrentAttempt { operation, started_at_ms: self.now_ms }
    }

    /// The worker dies: its lease ends, and the job goes on.
    pub(crate) fn crash(&mut self) {
        self.now_ms += LEASE_MS;
    }

    /// Records what an attempt said. `delay_of` turns a wait into milliseconds.
    pub(crate) fn settle(&mut self, decision: &Decision, tape: &mut Tape<'_>) {
        if let Some(last) = self.attempts.last_mut() {
            last.finished_at_ms = Some(self.now_ms);
            last.verdict = Some(decision.verdict);
            last.code.clone_from(&decision.code);
        }
        self.follow(decision.job, tape);
    }

    /// Takes the job to where a decision sends it.
    pub(crate) fn follow(&mut self, next: NextJob, tape: &mut Tape<'_>) {
        match next {
            NextJob::Wait(wait) => {
                self.now_ms = (self.now_ms + delay_ms(&wait, tape)).max(wait.not_before_ms);
                self.generation += u32::from(wait.has_new_key);
            }
            NextJob::Succeed | NextJob::Decline | NextJob::Void | NextJob::Park(_) => {
                self.end = Some(next)
            }
        }
    }

    /// Staff may have a parked job tried again.
    pub(crate) fn retry_if_parked(&mut self, is_allowed: bool, tape: &mut Tape<'_>) {
        if matches!(self.end, Some(NextJob::Park(_))) && is_allowed && tape.once_in(2) {
            self.end = None;
            self.now_ms += tape.ms(120 * SECOND_MS);
        }
    }
}

/// The delay of a wait by its curve, with jitter both ways.
pub(crate) fn delay_ms(wait: &Wait, tape: &mut Tape<'_>) -> i64 {
    let curve = wait.pace.curve();
    let growth = i64::from(curve.factor).saturating_pow(wait.repeats);
    let delay_ms = curve.first_ms.saturating_mul(growth).min(curve.cap_ms);
    delay_ms - delay_ms / 4 + tape.ms(delay_ms / 2)
}

/// Look-ups that somebody else asked for: they run beside the job and may settle late.
#[derive(Debug, Default)]
pub(crate) struct SideLookUp {
    pending: Option<(CurrentAttempt, Answer)>,
}

impl SideLookUp {
    /// Perhaps asks Toss now.
    pub(crate) fn perhaps_start(&mut self, toss: &Toss, now_ms: i64, tape: &mut Tape<'_>) {
        if self.pending.is_none() && tape.once_in(6) {
            let current = CurrentAttempt { operation: Operation::LookUp, started_at_ms: now_ms };
            self.pending = Some((current, toss.look_up(tape)));
        }
    }

    /// Perhaps settles what was asked earlier.
    pub(crate) fn perhaps_settle(
        &mut self,
        confirm: &History<'_>,
        payment: &domain::policy::PaymentFacts,
        now_ms: i64,
        tape: &mut Tape<'_>,
    ) -> Option<Decision> {
        if self.pending.is_none() || tape.once_in(2) {
            return None;
        }
        let (current, answer) = self.pending.take()?;
        let own = History::whole(&[], 1);
        Some(decide_look_up(&own, confirm, payment, current, &answer, now_ms))
    }
}
