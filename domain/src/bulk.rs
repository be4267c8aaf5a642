//! Bulk runs: one action on many jobs, each under the same rules as if it were done alone.

use crate::action::JobAction;

/// What a run does with each of its jobs. Closed: what needs a person's look at each one is not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BulkAction {
    /// Have Toss asked where each payment stands.
    LookUp,
    /// Have each go on now.
    Retry,
    /// Give each up for good.
    Discard,
}

impl BulkAction {
    /// Every action.
    pub const ALL: [BulkAction; 3] = [BulkAction::LookUp, BulkAction::Retry, BulkAction::Discard];

    /// The word for columns, requests and the audit.
    #[must_use]
    pub const fn word(self) -> &'static str {
        self.of_one().word()
    }

    /// Reads the word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<BulkAction> {
        BulkAction::ALL.into_iter().find(|known| known.word() == word)
    }

    /// The same on one job.
    #[must_use]
    pub const fn of_one(self) -> JobAction {
        match self {
            BulkAction::LookUp => JobAction::LookUp,
            BulkAction::Retry => JobAction::Retry,
            BulkAction::Discard => JobAction::Discard,
        }
    }
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BulkState {
    /// Items are left to do.
    Running,
    /// Every item was tried.
    Done,
    /// A person stopped it; what was left was skipped.
    Stopped,
}

impl BulkState {
    /// Every state.
    pub const ALL: [BulkState; 3] = [BulkState::Running, BulkState::Done, BulkState::Stopped];

    /// The word for columns and answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            BulkState::Running => "running",
            BulkState::Done => "done",
            BulkState::Stopped => "stopped",
        }
    }

    /// Reads the word back; `None` for a word that we never wrote.
    #[must_use]
    pub fn from_word(word: &str) -> Option<BulkState> {
        BulkState::ALL.into_iter().find(|known| known.word() == word)
    }
}

/// What became of one job of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ItemState {
    /// Its turn is still to come.
    Pending,
    /// It was done.
    Done,
    /// The rules did not allow it.
    Refused,
    /// It could not be tried, because something is broken.
    Failed,
    /// The run was stopped before its turn.
    Skipped,
}

impl ItemState {
    /// Every state.
    pub const ALL: [ItemState; 5] = [
        ItemState::Pending,
        ItemState::Done,
        ItemState::Refused,
        ItemState::Failed,
        ItemState::Skipped,
    ];

    /// The word for columns, answers and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            ItemState::Pending => "pending",
            ItemState::Done => "done",
            ItemState::Refused => "refused",
            ItemState::Failed => "failed",
            ItemState::Skipped => "skipped",
        }
    }

    /// Reads the word back; `None` for a word that we never wrote.
    #[must_use]
    pub fn from_word(word: &str) -> Option<ItemState> {
        ItemState::ALL.into_iter().find(|known| known.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_can_be_read_back() {
        for action in BulkAction::ALL {
            assert_eq!(BulkAction::from_word(action.word()), Some(action));
        }
        for state in BulkState::ALL {
            assert_eq!(BulkState::from_word(state.word()), Some(state));
        }
        for state in ItemState::ALL {
            assert_eq!(ItemState::from_word(state.word()), Some(state));
        }
    }
}
