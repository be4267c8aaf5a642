//! Whose cancels Toss shows: ours by the tag, those of our other cancellations, and strangers'.

use crate::answer::{TossCancel, TossPayment};
use crate::cancellation::{CancellationState, cancel_tag};
use crate::money::Won;

/// What decisions know about the cancellation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelFacts {
    /// Its id; our reasons at Toss end with a tag made of it.
    pub id: String,
    /// How much is to be given back.
    pub amount: Won,
    /// Where it stands.
    pub state: CancellationState,
    /// When it was accepted.
    pub requested_at_ms: i64,
    /// The tags of the payment's other cancellations.
    pub other_tags: Vec<String>,
    /// Toss's keys of the cancels that we know already.
    pub known_transaction_keys: Vec<String>,
    /// Whether a lost cancel of this amount turned up at Toss after this one was accepted, so that this one may be its repeat: see
    /// [`crate::cancellation::has_tag`].
    pub may_repeat_lost: bool,
}

/// Toss's cancels of a payment, seen from one cancellation of ours.
pub(super) struct Entries<'a> {
    /// Those that carry our tag.
    pub(super) mine: Vec<&'a TossCancel>,
    /// Those that no cancellation of ours explains.
    pub(super) foreign: Vec<&'a TossCancel>,
}

impl CancelFacts {
    /// Sorts what Toss shows, leaving out what is known to be another cancellation's.
    pub(super) fn entries<'a>(&self, told: &'a TossPayment) -> Entries<'a> {
        let tag = cancel_tag(&self.id);
        let new =
            |entry: &&TossCancel| !self.known_transaction_keys.contains(&entry.transaction_key);
        let mine =
            told.cancels.iter().filter(new).filter(|entry| entry.reason.ends_with(&tag)).collect();
        let foreign = told
            .cancels
            .iter()
            .filter(new)
            .filter(|entry| !entry.reason.ends_with(&tag))
            .filter(|entry| !self.other_tags.iter().any(|other| entry.reason.ends_with(other)))
            .collect();
        Entries { mine, foreign }
    }
}
