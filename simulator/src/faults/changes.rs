//! What happens to the queues of faults, in a form that can be stored and carried out again.

use serde::{Deserialize, Serialize};

use super::{Faults, WaitingFault};
use crate::refusal::Refusal;

/// What happened to the queues.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FaultChange {
    Added(WaitingFault),
    /// A request took it; with nothing remaining it is gone.
    Hit {
        sequence: u64,
        remaining: u32,
    },
    Cleared,
}

impl Faults {
    pub(crate) fn from_waiting(waiting: Vec<WaitingFault>) -> Result<Faults, Refusal> {
        let mut faults = Faults::default();
        waiting.into_iter().try_for_each(|fault| faults.put_back(fault))?;
        Ok(faults)
    }

    /// What happened since the last call, oldest first.
    pub(crate) fn take_changes(&mut self) -> Vec<FaultChange> {
        std::mem::take(&mut self.changes)
    }

    /// Carries a stored change out again. Not a change itself.
    ///
    /// # Errors
    /// It adds a fault that makes no sense.
    pub(crate) fn redo(&mut self, change: FaultChange) -> Result<(), Refusal> {
        match change {
            FaultChange::Added(fault) => self.put_back(fault)?,
            FaultChange::Hit { sequence, remaining } => self.set_remaining(sequence, remaining),
            FaultChange::Cleared => self.forget_all(),
        }
        Ok(())
    }

    /// Puts a stored fault behind those that are there.
    fn put_back(&mut self, fault: WaitingFault) -> Result<(), Refusal> {
        let target = fault.request.check()?;
        self.next_sequence = self.next_sequence.max(fault.sequence.saturating_add(1));
        self.count = self.count.saturating_add(1);
        self.queues.entry(target).or_default().push_back(fault);
        Ok(())
    }

    pub(super) fn set_remaining(&mut self, sequence: u64, remaining: u32) {
        for queue in self.queues.values_mut() {
            let Some(at) = queue.iter().position(|fault| fault.sequence == sequence) else {
                continue;
            };
            if remaining == 0 {
                queue.remove(at);
                self.count = self.count.saturating_sub(1);
            } else if let Some(fault) = queue.get_mut(at) {
                fault.remaining = remaining;
            }
        }
        self.queues.retain(|_, queue| !queue.is_empty());
    }

    pub(super) fn forget_all(&mut self) {
        self.queues.clear();
        self.count = 0;
    }
}
