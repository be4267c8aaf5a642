//! Attempts: single calls to Toss, each recorded before it is made, and what they proved.

use crate::answer::FailureClass;

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Take the money.
    Confirm,
    /// Give money back.
    Cancel,
    /// Ask what happened. Moves nothing and may be repeated at will.
    LookUp,
}

impl Operation {
    /// The word for columns, logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Operation::Confirm => "confirm",
            Operation::Cancel => "cancel",
            Operation::LookUp => "look_up",
        }
    }

    /// Reads the word back; `None` for a word that we never wrote.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Operation> {
        [Operation::Confirm, Operation::Cancel, Operation::LookUp]
            .into_iter()
            .find(|known| known.word() == word)
    }

    /// Whether it can move money.
    #[must_use]
    pub const fn is_money(self) -> bool {
        match self {
            Operation::Confirm | Operation::Cancel => true,
            Operation::LookUp => false,
        }
    }
}

/// What a finished attempt turned out to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It proved the end of the job, good or bad.
    Proven,
    /// A look-up that showed that the operation has not been done.
    Undone,
    /// A look-up that was answered and proved nothing yet.
    Inconclusive,
    /// A failure of this class.
    Failed(FailureClass),
}

impl Verdict {
    /// The word for columns, logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Verdict::Proven => "proven",
            Verdict::Undone => "undone",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Failed(class) => class.word(),
        }
    }

    /// Reads the word back; `None` for a word that we never wrote.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Verdict> {
        match word {
            "proven" => Some(Verdict::Proven),
            "undone" => Some(Verdict::Undone),
            "inconclusive" => Some(Verdict::Inconclusive),
            other => FailureClass::from_word(other).map(Verdict::Failed),
        }
    }
}

/// An attempt of the past, as decisions see it. Instants are milliseconds of the database's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastAttempt {
    /// What it did.
    pub operation: Operation,
    /// Under which key generation of its job, from 1.
    pub generation: u32,
    /// When it was recorded, which is before anything was sent.
    pub started_at_ms: i64,
    /// When its answer was recorded; `None` while nobody has.
    pub finished_at_ms: Option<i64>,
    /// What it said; `None` while unfinished.
    pub verdict: Option<Verdict>,
    /// Toss's code, or ours.
    pub code: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_can_be_read_back() {
        let failures = FailureClass::ALL.into_iter().map(Verdict::Failed);
        for verdict in
            [Verdict::Proven, Verdict::Undone, Verdict::Inconclusive].into_iter().chain(failures)
        {
            assert_eq!(Verdict::from_word(verdict.word()), Some(verdict));
        }
        assert_eq!(Verdict::from_word("paid"), None);
    }
}
