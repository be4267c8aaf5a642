//! The payment's state machine: how our record of one order's money may move.

use crate::money::Won;

/// Our state of a payment. Toss's own status is kept beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PaymentState {
    /// The confirm is accepted and on its way.
    Confirming,
    /// Whether the money was taken is not known.
    ConfirmUnresolved,
    /// A virtual account was issued and waits for the customer's money.
    WaitingForDeposit,
    /// The money was taken.
    Confirmed,
    /// A part was given back.
    PartiallyCancelled,
    /// All was given back, or the account was cancelled before its deposit.
    Cancelled,
    /// Declined: nothing was taken.
    Failed,
    /// The time to pay passed: nothing was taken.
    Expired,
}

/// Something that is now known about a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PaymentEvent {
    /// It is unknown whether the money was taken.
    OutcomeUnknown,
    /// The money was taken.
    Approved,
    /// An account was issued and the money is awaited (again, when a deposit was reversed).
    DepositAwaited,
    /// It was declined.
    Declined,
    /// Its time passed.
    TimePassed,
    /// Money was given back and this is what is left.
    Cancelled {
        /// What can still be cancelled.
        balance: Won,
    },
}

/// A move that the machine does not know; the caller keeps the state and asks a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a payment that is {from:?} cannot follow {event:?}")]
pub struct IllegalMove {
    /// Where the payment stands.
    pub from: PaymentState,
    /// What did not fit.
    pub event: PaymentEvent,
}

impl PaymentState {
    /// Every state, for tables and exhaustive tests.
    pub const ALL: [PaymentState; 8] = [
        PaymentState::Confirming,
        PaymentState::ConfirmUnresolved,
        PaymentState::WaitingForDeposit,
        PaymentState::Confirmed,
        PaymentState::PartiallyCancelled,
        PaymentState::Cancelled,
        PaymentState::Failed,
        PaymentState::Expired,
    ];

    /// The word for columns, logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            PaymentState::Confirming => "confirming",
            PaymentState::ConfirmUnresolved => "confirm_unresolved",
            PaymentState::WaitingForDeposit => "waiting_for_deposit",
            PaymentState::Confirmed => "confirmed",
            PaymentState::PartiallyCancelled => "partially_cancelled",
            PaymentState::Cancelled => "cancelled",
            PaymentState::Failed => "failed",
            PaymentState::Expired => "expired",
        }
    }

    /// Reads the word back; `None` for a word that we never wrote.
    #[must_use]
    pub fn from_word(word: &str) -> Option<PaymentState> {
        PaymentState::ALL.into_iter().find(|known| known.word() == word)
    }

    /// Whether the confirm's outcome is still to come.
    #[must_use]
    pub const fn is_undecided(self) -> bool {
        match self {
            PaymentState::Confirming | PaymentState::ConfirmUnresolved => true,
            PaymentState::WaitingForDeposit
            | PaymentState::Confirmed
            | PaymentState::PartiallyCancelled
            | PaymentState::Cancelled
            | PaymentState::Failed
            | PaymentState::Expired => false,
        }
    }

    /// Whether we hold money of the customer that could be given back.
    #[must_use]
    pub const fn holds_money(self) -> bool {
        match self {
            PaymentState::Confirmed | PaymentState::PartiallyCancelled => true,
            PaymentState::Confirming
            | PaymentState::ConfirmUnresolved
            | PaymentState::WaitingForDeposit
            | PaymentState::Cancelled
            | PaymentState::Failed
            | PaymentState::Expired => false,
        }
    }

    /// Whether it is over: no money of the customer is held, and none is expected.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            PaymentState::Cancelled | PaymentState::Failed | PaymentState::Expired => true,
            PaymentState::Confirming
            | PaymentState::ConfirmUnresolved
            | PaymentState::WaitingForDeposit
            | PaymentState::Confirmed
            | PaymentState::PartiallyCancelled => false,
        }
    }

    /// Where an event leads. Hearing the same thing twice changes nothing.
    ///
    /// # Errors
    /// [`IllegalMove`] when the event contradicts the state; nothing may be changed then.
    pub const fn after(self, event: PaymentEvent) -> Result<PaymentState, IllegalMove> {
        use PaymentState as S;
        let refused = Err(IllegalMove { from: self, event });
        match event {
            PaymentEvent::OutcomeUnknown => match self {
                S::Confirming | S::ConfirmUnresolved => Ok(S::ConfirmUnresolved),
                S::WaitingForDeposit
                | S::Confirmed
                | S::PartiallyCancelled
                | S::Cancelled
                | S::Failed
                | S::Expired => refused,
            },
            PaymentEvent::Approved => match self {
                // Failed and Expired: a late approval. Positive evidence always wins; what follows is the caller's decision.
                S::Confirming
                | S::ConfirmUnresolved
                | S::WaitingForDeposit
                | S::Confirmed
                | S::Failed
                | S::Expired => Ok(S::Confirmed),
                S::PartiallyCancelled | S::Cancelled => refused,
            },
            PaymentEvent::DepositAwaited => match self {
                S::Confirming
                | S::ConfirmUnresolved
                | S::WaitingForDeposit
                | S::Confirmed
                | S::PartiallyCancelled => Ok(S::WaitingForDeposit),
                S::Cancelled | S::Failed | S::Expired => refused,
            },
            PaymentEvent::Declined => match self {
                S::Confirming | S::ConfirmUnresolved | S::Failed => Ok(S::Failed),
                S::WaitingForDeposit
                | S::Confirmed
                | S::PartiallyCancelled
                | S::Cancelled
                | S::Expired => refused,
            },
            PaymentEvent::TimePassed => match self {
                S::Confirming | S::ConfirmUnresolved | S::WaitingForDeposit | S::Expired => {
                    Ok(S::Expired)
                }
                S::Confirmed | S::PartiallyCancelled | S::Cancelled | S::Failed => refused,
            },
            PaymentEvent::Cancelled { balance } => match self {
                // Undecided: what was given back had been taken, whoever cancelled it before we heard of the approval.
                S::Confirmed | S::PartiallyCancelled | S::Confirming | S::ConfirmUnresolved => {
                    Ok(if balance.is_zero() { S::Cancelled } else { S::PartiallyCancelled })
                }
                // A deposit, or a late approval, of which a part went back before we heard of it.
                S::WaitingForDeposit | S::Failed | S::Expired if !balance.is_zero() => {
                    Ok(S::PartiallyCancelled)
                }
                // Before the deposit an account is cancelled as a whole and no money moves.
                S::WaitingForDeposit if balance.is_zero() => Ok(S::Cancelled),
                S::Cancelled if balance.is_zero() => Ok(S::Cancelled),
                S::WaitingForDeposit | S::Cancelled | S::Failed | S::Expired => refused,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events() -> Vec<PaymentEvent> {
        let left = Won::new(100).unwrap();
        vec![
            PaymentEvent::OutcomeUnknown,
            PaymentEvent::Approved,
            PaymentEvent::DepositAwaited,
            PaymentEvent::Declined,
            PaymentEvent::TimePassed,
            PaymentEvent::Cancelled { balance: left },
            PaymentEvent::Cancelled { balance: Won::ZERO },
        ]
    }

    #[test]
    fn the_whole_table_is_as_reviewed() {
        let mut table = String::new();
        for state in PaymentState::ALL {
            for event in events() {
                let to = match state.after(event) {
                    Ok(next) if next == state => "stays".to_owned(),
                    Ok(next) => format!("{next:?}"),
                    Err(_) => "-".to_owned(),
                };
                table.push_str(&format!(
                    "{:<20} {:<36} {to}\n",
                    format!("{state:?}"),
                    format!("{event:?}")
                ));
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn no_path_leads_from_taken_money_to_failed_or_expired_except_through_a_reversed_deposit() {
        let mut reached = vec![PaymentState::Confirmed];
        let mut index = 0;
        while index < reached.len() {
            for event in events().into_iter().filter(|event| *event != PaymentEvent::DepositAwaited)
            {
                if let Ok(next) = reached[index].after(event)
                    && !reached.contains(&next)
                {
                    reached.push(next);
                }
            }
            index += 1;
        }
        assert!(!reached.contains(&PaymentState::Failed), "{reached:?}");
        assert!(!reached.contains(&PaymentState::Expired), "{reached:?}");
    }

    #[test]
    fn a_cancelled_payment_stays_cancelled_whatever_is_heard() {
        for event in events() {
            if let Ok(next) = PaymentState::Cancelled.after(event) {
                assert_eq!(next, PaymentState::Cancelled);
            }
        }
    }
}
