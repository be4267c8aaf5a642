//! What can happen to one call of a random walk.

/// What happens to one call on its way and at Toss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Luck {
    /// Done and answered.
    Fine,
    /// The connection could not be made.
    Unsent,
    /// The request was lost.
    RequestLost,
    /// It was done; the answer was lost.
    AnswerLost,
    /// Nobody answered; it reaches Toss later.
    ArrivesLate,
    /// Nobody answered; Toss works on it for a while and then does it.
    Slow,
    /// Answered 429 before any work.
    Throttled,
    /// Refused for our key, before the idempotency store.
    Unauthorized,
    /// An error of Toss, kept under the key; nothing was done.
    ErrorBefore,
    /// An error of Toss, kept under the key; it was done.
    ErrorAfter,
    /// An error of Toss, kept under the key; a cancel is done a little later.
    ErrorThenDone,
    /// An error of a gateway that the idempotency store never saw.
    GatewayBefore,
    /// It was done and its answer is kept, but a gateway answered an error.
    GatewayAfter,
    /// Declined for good: the payment is aborted.
    Declined,
    /// Refused, and the payment stays as it is.
    RefusedOnly,
    /// It was done; the answer cannot be read.
    Unreadable,
}

impl Luck {
    /// What a walk draws from.
    pub(crate) const ALL: [Luck; 24] = [
        Luck::Fine,
        Luck::Unsent,
        Luck::RequestLost,
        Luck::AnswerLost,
        Luck::ArrivesLate,
        Luck::Slow,
        Luck::Throttled,
        Luck::Unauthorized,
        Luck::ErrorBefore,
        Luck::ErrorAfter,
        Luck::ErrorThenDone,
        Luck::GatewayBefore,
        Luck::GatewayAfter,
        Luck::Declined,
        Luck::RefusedOnly,
        Luck::Unreadable,
        // What leads into the deep states comes twice.
        Luck::ArrivesLate,
        Luck::Slow,
        Luck::ErrorBefore,
        Luck::GatewayBefore,
        Luck::RequestLost,
        Luck::RefusedOnly,
        Luck::AnswerLost,
        Luck::Fine,
    ];
}
