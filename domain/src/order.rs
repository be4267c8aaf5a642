//! The order's state machine.

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OrderState {
    /// May be paid until its `pay_by`.
    Open,
    /// A payment exists; its state tells the rest. Final for the order: a payment that fails is not tried again.
    Paying,
    /// Closed by the customer or staff before any payment existed.
    Closed,
    /// Nobody paid in time.
    Lapsed,
}

/// Why an order cannot take a payment any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotPayable {
    /// It has a payment already.
    #[error("the order has a payment already")]
    HasPayment,
    /// It was closed.
    #[error("the order was closed")]
    Closed,
    /// Its time passed.
    #[error("the time to pay the order has passed")]
    Lapsed,
}

impl OrderState {
    /// Every state, for tables and exhaustive tests.
    pub const ALL: [OrderState; 4] =
        [OrderState::Open, OrderState::Paying, OrderState::Closed, OrderState::Lapsed];

    /// The word for columns, logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            OrderState::Open => "open",
            OrderState::Paying => "paying",
            OrderState::Closed => "closed",
            OrderState::Lapsed => "lapsed",
        }
    }

    /// Reads the word back; `None` for a word that we never wrote.
    #[must_use]
    pub fn from_word(word: &str) -> Option<OrderState> {
        OrderState::ALL.into_iter().find(|known| known.word() == word)
    }

    /// Whether a payment may be created for it at `now_ms`.
    ///
    /// # Errors
    /// [`NotPayable`] with the reason; tell the customer to start over.
    pub const fn check_payable(self, pay_by_ms: i64, now_ms: i64) -> Result<(), NotPayable> {
        match self {
            OrderState::Open if now_ms < pay_by_ms => Ok(()),
            OrderState::Open | OrderState::Lapsed => Err(NotPayable::Lapsed),
            OrderState::Paying => Err(NotPayable::HasPayment),
            OrderState::Closed => Err(NotPayable::Closed),
        }
    }
}

/// What becomes of money that Toss took after its order had been given up as failed or expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LateApproval {
    /// It is given back: the customer was told to order again.
    #[default]
    Cancel,
    /// It is kept, and a person decides, unless the customer has ordered again: then it is given back.
    Keep,
}

impl LateApproval {
    /// Reads the word of the configuration.
    #[must_use]
    pub fn from_word(word: &str) -> Option<LateApproval> {
        match word {
            "cancel" => Some(LateApproval::Cancel),
            "keep" => Some(LateApproval::Keep),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_open_order_in_its_time_is_payable() {
        assert_eq!(OrderState::Open.check_payable(100, 99), Ok(()));
        assert_eq!(OrderState::Open.check_payable(100, 100), Err(NotPayable::Lapsed));
        assert_eq!(OrderState::Lapsed.check_payable(100, 0), Err(NotPayable::Lapsed));
        assert_eq!(OrderState::Paying.check_payable(100, 0), Err(NotPayable::HasPayment));
        assert_eq!(OrderState::Closed.check_payable(100, 0), Err(NotPayable::Closed));
    }
}
