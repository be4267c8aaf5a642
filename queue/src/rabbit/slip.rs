//! The queue's side of a delivery: what to tell the broker about it. It belongs to the channel that
//! the delivery came by; when that is gone, nobody listens, and the broker delivers again.

use std::fmt;

use tokio::sync::mpsc;

use crate::Receipt;

/// What to tell the broker about a delivery, by its tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settle {
    /// Done with.
    Ack(u64),
    /// To be delivered again, to anyone.
    Requeue(u64),
    /// Of no use: a dead letter.
    Reject(u64),
}

/// Settles one delivery, once. Dropped, it gives the message back.
pub(super) struct Slip {
    /// What happens when it is dropped now.
    settle: Settle,
    settles: mpsc::Sender<Settle>,
}

impl Slip {
    pub(super) fn new(tag: u64, settles: mpsc::Sender<Settle>) -> Slip {
        Slip { settle: Settle::Requeue(tag), settles }
    }

    /// Makes a dead letter of it.
    pub(super) fn reject(mut self) {
        self.settle = Settle::Reject(self.tag());
    }

    const fn tag(&self) -> u64 {
        match self.settle {
            Settle::Ack(tag) | Settle::Requeue(tag) | Settle::Reject(tag) => tag,
        }
    }
}

impl Receipt for Slip {
    fn ack(mut self: Box<Self>) {
        self.settle = Settle::Ack(self.tag());
    }
}

impl fmt::Debug for Slip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Slip").field(&self.tag()).finish()
    }
}

impl Drop for Slip {
    fn drop(&mut self) {
        // It has room for every delivery of the channel; it fails only when the channel is gone.
        let _gone = self.settles.try_send(self.settle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_settles_once_whatever_is_done_with_it() {
        let (settles, mut settled) = mpsc::channel(3);
        Box::new(Slip::new(1, settles.clone())).ack();
        drop(Slip::new(2, settles.clone()));
        Slip::new(3, settles).reject();
        let all: Vec<Settle> = std::iter::from_fn(|| settled.try_recv().ok()).collect();
        assert_eq!(all, [Settle::Ack(1), Settle::Requeue(2), Settle::Reject(3)]);
    }

    #[test]
    fn a_slip_of_a_lost_channel_does_nothing() {
        let (settles, settled) = mpsc::channel(1);
        let slip = Slip::new(1, settles);
        drop(settled);
        Box::new(slip).ack();
    }
}
