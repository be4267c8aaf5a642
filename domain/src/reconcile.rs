//! Reconciliation: our payments and cancellations against what Toss has on record.
//!
//! Toss's list of transactions only raises suspicions ([`agrees`]): it does not say in which order its records come, whether cancels
//! are negative, and what status a record has that was overtaken. What is a difference, and which, is decided by the payment itself as
//! a look-up shows it ([`differences`]). Nothing in here repairs anything.

mod range;

pub use range::{Range, RangeRefusal, daily_range, next_daily_ms};

use crate::answer::{TossPayment, TossStatus};
use crate::cancellation::CancellationState;
use crate::money::Won;
use crate::payment::PaymentState;

/// One record of Toss's list of transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TossTransaction {
    /// Its unique key.
    pub transaction_key: String,
    /// Whose record it is.
    pub payment_key: String,
    /// What the payment became by it.
    pub status: TossStatus,
    /// Its amount without a sign; `None` when it is no amount of won.
    pub amount: Option<Won>,
    /// When, in milliseconds.
    pub at_ms: Option<i64>,
}

/// A payment of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OurPayment {
    /// Whose money it is.
    pub order_id: String,
    /// Toss's name of it.
    pub payment_key: String,
    /// Where it stands.
    pub state: PaymentState,
    /// What was to be taken.
    pub amount: Won,
    /// What can still be cancelled.
    pub balance: Won,
    /// When the money was taken, by Toss.
    pub approved_at_ms: Option<i64>,
    /// Every cancellation of it.
    pub cancellations: Vec<OurCancel>,
}

/// A cancellation of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OurCancel {
    /// Ours.
    pub id: String,
    /// How much is given back.
    pub amount: Won,
    /// Where it stands.
    pub state: CancellationState,
    /// Toss's key of it.
    pub transaction_key: Option<String>,
    /// It was made in Toss's own console and became ours by a look-up.
    pub is_foreign: bool,
}

impl OurPayment {
    /// Whether the money was taken, by our records, whatever was given back of it.
    #[must_use]
    pub const fn is_charged(&self) -> bool {
        match self.state {
            PaymentState::Confirmed | PaymentState::PartiallyCancelled => true,
            // An account that was cancelled before its deposit took nothing.
            PaymentState::Cancelled => self.approved_at_ms.is_some(),
            PaymentState::Confirming
            | PaymentState::ConfirmUnresolved
            | PaymentState::WaitingForDeposit
            | PaymentState::Failed
            | PaymentState::Expired => false,
        }
    }

    fn cancel_of(&self, transaction_key: &str) -> Option<&OurCancel> {
        self.cancellations
            .iter()
            .find(|cancel| cancel.transaction_key.as_deref() == Some(transaction_key))
    }
}

/// What kind of difference a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FindingKind {
    /// Toss holds money for a payment that is none of ours.
    OrphanCharge,
    /// Toss took or gave back money for a payment of ours, and our records do not have it.
    MissingHere,
    /// Our records have a charge or a cancel that Toss does not know.
    MissingThere,
    /// Both have it, with different amounts.
    AmountDiffers,
    /// A cancel was made in Toss's own console and is a cancellation of ours by now.
    CancelledAtToss,
    /// A look-up could not tell whether there is a difference.
    Undecided,
}

impl FindingKind {
    /// Every kind.
    pub const ALL: [FindingKind; 6] = [
        FindingKind::OrphanCharge,
        FindingKind::MissingHere,
        FindingKind::MissingThere,
        FindingKind::AmountDiffers,
        FindingKind::CancelledAtToss,
        FindingKind::Undecided,
    ];

    /// The word for columns, metrics and lists.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            FindingKind::OrphanCharge => "orphan_charge",
            FindingKind::MissingHere => "missing_here",
            FindingKind::MissingThere => "missing_there",
            FindingKind::AmountDiffers => "amount_differs",
            FindingKind::CancelledAtToss => "cancelled_at_toss",
            FindingKind::Undecided => "undecided",
        }
    }

    /// Reads the word back; `None` for a word that we never wrote.
    #[must_use]
    pub fn from_word(word: &str) -> Option<FindingKind> {
        FindingKind::ALL.into_iter().find(|known| known.word() == word)
    }

    /// Whether a look-up in the usual way may bring our records up to what Toss has.
    #[must_use]
    pub const fn may_be_caught_up(self) -> bool {
        match self {
            FindingKind::MissingHere | FindingKind::MissingThere | FindingKind::AmountDiffers => {
                true
            }
            FindingKind::OrphanCharge | FindingKind::CancelledAtToss | FindingKind::Undecided => {
                false
            }
        }
    }
}

/// One difference between a payment of ours and the same at Toss.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What kind.
    pub kind: FindingKind,
    /// Toss's key of the cancel that it is about; `None` when it is about the charge or the balance.
    pub transaction_key: Option<String>,
    /// The amount in our records.
    pub here: Option<Won>,
    /// The amount at Toss.
    pub there: Option<Won>,
    /// The cancellation of ours that it is about.
    pub cancellation_id: Option<String>,
}

impl Difference {
    fn of_charge(kind: FindingKind, here: Option<Won>, there: Option<Won>) -> Difference {
        Difference { kind, transaction_key: None, here, there, cancellation_id: None }
    }

    fn of_cancel(
        kind: FindingKind,
        transaction_key: &str,
        ours: Option<&OurCancel>,
        there: Option<Won>,
    ) -> Difference {
        Difference {
            kind,
            transaction_key: Some(transaction_key.to_owned()),
            here: ours.map(|cancel| cancel.amount),
            there,
            cancellation_id: ours.map(|cancel| cancel.id.clone()),
        }
    }
}

/// Whether a record of Toss's list has its counterpart in our records. If not, a look-up has to tell what is so.
#[must_use]
pub fn agrees(ours: Option<&OurPayment>, seen: &TossTransaction) -> bool {
    match &seen.status {
        // No money moves.
        TossStatus::Ready | TossStatus::InProgress | TossStatus::Aborted | TossStatus::Expired => {
            true
        }
        // An account was issued, or its deposit was taken back after we heard of it.
        TossStatus::WaitingForDeposit => {
            ours.is_none_or(|ours| !ours.state.holds_money() || seen.at_ms <= ours.approved_at_ms)
        }
        TossStatus::Done => {
            ours.is_some_and(|ours| ours.is_charged() && seen.amount == Some(ours.amount))
        }
        TossStatus::Canceled | TossStatus::PartialCanceled => {
            ours.is_some_and(|ours| {
                let cancel = ours.cancel_of(&seen.transaction_key);
                let cancel = cancel.filter(|it| it.state == CancellationState::Done);
                cancel.is_some_and(|cancel| {
                    // An account that was cancelled before its deposit gave nothing back.
                    let gave_nothing = seen.amount == Some(Won::ZERO) && !ours.is_charged();
                    !cancel.is_foreign && (gave_nothing || seen.amount == Some(cancel.amount))
                })
            })
        }
        TossStatus::Unknown(_) => false,
    }
}

/// What is different between a payment of ours and the payment as Toss shows it (`None`: Toss knows no such payment).
///
/// No difference is what has evened out: money that Toss took and gave back again for a payment that is none of ours, or for one that
/// failed here.
#[must_use]
pub fn differences(ours: Option<&OurPayment>, told: Option<&TossPayment>) -> Vec<Difference> {
    match (ours, told) {
        (None, None) => Vec::new(),
        (None, Some(told)) => {
            let is_held = is_charged_there(told) && !told.balance.is_zero();
            let orphan = Difference::of_charge(FindingKind::OrphanCharge, None, Some(told.balance));
            is_held.then_some(orphan).into_iter().collect()
        }
        (Some(ours), None) => {
            let lost = Difference::of_charge(FindingKind::MissingThere, Some(ours.amount), None);
            ours.is_charged().then_some(lost).into_iter().collect()
        }
        (Some(ours), Some(told)) => between(ours, told),
    }
}

fn between(ours: &OurPayment, told: &TossPayment) -> Vec<Difference> {
    let mut found: Vec<Difference> = of_charge(ours, told).into_iter().collect();
    if !ours.is_charged() {
        // Its cancels are part of a charge that we do not have, or close an account that we hold open.
        if ours.state == PaymentState::WaitingForDeposit && !is_charged_there(told) {
            found.extend(missing_here(ours, told));
        }
        return found;
    }
    for entry in told.cancels.iter().filter(|entry| entry.is_done && !entry.amount.is_zero()) {
        let key = entry.transaction_key.as_str();
        let cancel = ours.cancel_of(key).filter(|it| it.state == CancellationState::Done);
        let kind = match cancel {
            None => Some(FindingKind::MissingHere),
            Some(cancel) if cancel.amount != entry.amount => Some(FindingKind::AmountDiffers),
            Some(cancel) if cancel.is_foreign => Some(FindingKind::CancelledAtToss),
            Some(_) => None,
        };
        found.extend(kind.map(|kind| Difference::of_cancel(kind, key, cancel, Some(entry.amount))));
    }
    let is_shown =
        |key: &String| told.cancels.iter().any(|it| it.is_done && it.transaction_key == *key);
    for cancel in ours.cancellations.iter().filter(|it| it.state == CancellationState::Done) {
        let key = cancel.transaction_key.as_ref().filter(|key| !is_shown(key));
        found.extend(
            key.map(|key| {
                Difference::of_cancel(FindingKind::MissingThere, key, Some(cancel), None)
            }),
        );
    }
    let is_explained = found.iter().any(|it| it.kind != FindingKind::CancelledAtToss);
    if !is_explained && told.balance != ours.balance {
        let (here, there) = (Some(ours.balance), Some(told.balance));
        found.push(Difference::of_charge(FindingKind::AmountDiffers, here, there));
    }
    found
}

/// The cancels at Toss that our records do not have.
fn missing_here(ours: &OurPayment, told: &TossPayment) -> Vec<Difference> {
    let is_ours = |key: &str| {
        ours.cancel_of(key).is_some_and(|cancel| cancel.state == CancellationState::Done)
    };
    let entries = told.cancels.iter().filter(|entry| entry.is_done && !entry.amount.is_zero());
    let unknown = entries.filter(|entry| !is_ours(&entry.transaction_key));
    let missing = unknown.map(|entry| {
        let kind = FindingKind::MissingHere;
        Difference::of_cancel(kind, &entry.transaction_key, None, Some(entry.amount))
    });
    missing.collect()
}

fn of_charge(ours: &OurPayment, told: &TossPayment) -> Option<Difference> {
    match (ours.is_charged(), is_charged_there(told)) {
        (true, true) => {
            let is_same = told.total == ours.amount && told.currency == CURRENCY;
            let (here, there) = (Some(ours.amount), Some(told.total));
            (!is_same).then(|| Difference::of_charge(FindingKind::AmountDiffers, here, there))
        }
        (true, false) => ours
            .state
            .holds_money()
            .then(|| Difference::of_charge(FindingKind::MissingThere, Some(ours.amount), None)),
        (false, true) => (!told.balance.is_zero())
            .then(|| Difference::of_charge(FindingKind::MissingHere, None, Some(told.balance))),
        (false, false) => None,
    }
}

/// The only currency of our records.
const CURRENCY: &str = "KRW";

/// Whether Toss took the money, whatever was given back of it.
fn is_charged_there(told: &TossPayment) -> bool {
    match &told.status {
        TossStatus::Done | TossStatus::PartialCanceled => true,
        // An account that was cancelled before its deposit was never approved.
        TossStatus::Canceled | TossStatus::Unknown(_) => told.approved_at_ms.is_some(),
        TossStatus::Ready
        | TossStatus::InProgress
        | TossStatus::WaitingForDeposit
        | TossStatus::Aborted
        | TossStatus::Expired => false,
    }
}

#[cfg(test)]
mod tests;
