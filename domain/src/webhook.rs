//! What a webhook says, in our own types. It is unsigned: a hint to look up, never evidence.
//!
//! The crate `toss` makes these from the wire format; nothing else knows that format.

use subtle::ConstantTimeEq as _;

use crate::answer::TossStatus;

/// What a webhook is about.
///
/// Source: Toss webhooks, `PAYMENT_STATUS_CHANGED` and the deposit callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Webhook {
    /// A payment has another status.
    Payment(PaymentNews),
    /// Money came into a virtual account, went back, or its payment was cancelled.
    Deposit(DepositNews),
    /// An event that says nothing of a payment of ours, by its name.
    Other(String),
    /// No event at all.
    Unreadable,
}

/// A payment's new status, as the sender claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentNews {
    /// The order.
    pub order_id: String,
    /// Toss's name of the payment.
    pub payment_key: String,
    /// Its status.
    pub status: TossStatus,
    /// The latest approval's or cancel's.
    pub transaction_key: Option<String>,
}

/// A virtual account's new status, as the sender claims.
#[derive(Clone, PartialEq, Eq)]
pub struct DepositNews {
    /// The order.
    pub order_id: String,
    /// What only Toss and we know of this payment.
    pub secret: String,
    /// Its status.
    pub status: TossStatus,
    /// Of the deposit or cancel.
    pub transaction_key: Option<String>,
}

/// A webhook's body, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadBody {
    /// What it says.
    pub webhook: Webhook,
    /// The body as it may be kept: as it came, without the account that a refund goes to. It can be read again, and says the same.
    pub kept: String,
}

impl std::fmt::Debug for DepositNews {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DepositNews")
            .field("order_id", &self.order_id)
            .field("status", &self.status)
            .field("transaction_key", &self.transaction_key)
            .finish_non_exhaustive()
    }
}

impl Webhook {
    /// The order that it names.
    #[must_use]
    pub fn order_id(&self) -> Option<&str> {
        match self {
            Webhook::Payment(news) => Some(&news.order_id),
            Webhook::Deposit(news) => Some(&news.order_id),
            Webhook::Other(_) | Webhook::Unreadable => None,
        }
    }

    /// The status that it claims.
    #[must_use]
    pub fn status(&self) -> Option<&TossStatus> {
        match self {
            Webhook::Payment(news) => Some(&news.status),
            Webhook::Deposit(news) => Some(&news.status),
            Webhook::Other(_) | Webhook::Unreadable => None,
        }
    }

    /// The transaction that it claims.
    #[must_use]
    pub fn transaction_key(&self) -> Option<&str> {
        match self {
            Webhook::Payment(news) => news.transaction_key.as_deref(),
            Webhook::Deposit(news) => news.transaction_key.as_deref(),
            Webhook::Other(_) | Webhook::Unreadable => None,
        }
    }

    /// The word for its kind, in columns, logs and metrics: never the sender's own word.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Webhook::Payment(_) => "payment",
            Webhook::Deposit(_) => "deposit",
            Webhook::Other(_) => "other",
            Webhook::Unreadable => "unreadable",
        }
    }
}

/// Where a stored webhook stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WebhookState {
    /// A look-up of the payment was asked for.
    LookedUp,
    /// It names a payment that there is not, and may be early: it is tried again for a day.
    Waiting,
    /// It is nothing that we act on.
    Ignored,
    /// What it says cannot come from Toss.
    Refused,
    /// It waited for a day.
    Expired,
}

impl WebhookState {
    /// Every state.
    pub const ALL: [WebhookState; 5] = [
        WebhookState::LookedUp,
        WebhookState::Waiting,
        WebhookState::Ignored,
        WebhookState::Refused,
        WebhookState::Expired,
    ];

    /// The word for columns and the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            WebhookState::LookedUp => "looked_up",
            WebhookState::Waiting => "waiting",
            WebhookState::Ignored => "ignored",
            WebhookState::Refused => "refused",
            WebhookState::Expired => "expired",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<WebhookState> {
        WebhookState::ALL.into_iter().find(|known| known.word() == word)
    }
}

/// What is known of the payment that a webhook names.
#[derive(Debug, Clone, Copy)]
pub struct KnownPayment<'a> {
    /// Toss's name of it.
    pub payment_key: &'a str,
    /// What its deposit webhooks must carry, once Toss has told.
    pub secret: Option<&'a str>,
}

/// What follows from a webhook, and why: a code for people.
///
/// Nothing in it is believed. It is refused when it contradicts what only Toss and we know, and else Toss is asked.
#[must_use]
pub fn judge(
    webhook: &Webhook,
    known: Option<KnownPayment<'_>>,
) -> (WebhookState, Option<&'static str>) {
    match (webhook, known) {
        (Webhook::Other(_), _) => (WebhookState::Ignored, Some("OTHER_EVENT")),
        (Webhook::Unreadable, _) => (WebhookState::Ignored, Some("UNREADABLE")),
        (Webhook::Payment(news), Some(known)) if news.payment_key != known.payment_key => {
            // Another window of the same order, which was given up; money that it should have taken is found by reconciliation.
            (WebhookState::Ignored, Some("OTHER_PAYMENT"))
        }
        (Webhook::Deposit(news), Some(known))
            if known.secret.is_some_and(|secret| !is_same_secret(secret, &news.secret)) =>
        {
            (WebhookState::Refused, Some("WRONG_SECRET"))
        }
        (Webhook::Payment(_) | Webhook::Deposit(_), Some(_)) => (WebhookState::LookedUp, None),
        (Webhook::Payment(PaymentNews { status, .. }), None) => match status {
            // The usual end of a window that nobody paid in.
            TossStatus::Ready
            | TossStatus::InProgress
            | TossStatus::Aborted
            | TossStatus::Expired => (WebhookState::Ignored, Some("NEVER_CONFIRMED")),
            TossStatus::WaitingForDeposit
            | TossStatus::Done
            | TossStatus::Canceled
            | TossStatus::PartialCanceled
            | TossStatus::Unknown(_) => (WebhookState::Waiting, Some("NO_PAYMENT")),
        },
        (Webhook::Deposit(_), None) => (WebhookState::Waiting, Some("NO_PAYMENT")),
    }
}

/// Compares without telling by its time where the difference is.
fn is_same_secret(known: &str, given: &str) -> bool {
    known.as_bytes().ct_eq(given.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payment(payment_key: &str, status: &str) -> Webhook {
        Webhook::Payment(PaymentNews {
            order_id: "order-1".to_owned(),
            payment_key: payment_key.to_owned(),
            status: TossStatus::from_word(status),
            transaction_key: None,
        })
    }

    fn deposit(secret: &str) -> Webhook {
        Webhook::Deposit(DepositNews {
            order_id: "order-1".to_owned(),
            secret: secret.to_owned(),
            status: TossStatus::Done,
            transaction_key: None,
        })
    }

    const KNOWN: KnownPayment<'_> = KnownPayment { payment_key: "pk", secret: Some("ps_1") };

    #[test]
    fn what_contradicts_what_only_toss_and_we_know_is_refused_and_everything_else_is_looked_up() {
        let unknown_secret = KnownPayment { secret: None, ..KNOWN };
        for (webhook, known, state) in [
            (payment("pk", "DONE"), Some(KNOWN), WebhookState::LookedUp),
            (payment("pk", "NEW_WORD"), Some(KNOWN), WebhookState::LookedUp),
            (payment("other", "DONE"), Some(KNOWN), WebhookState::Ignored),
            (payment("pk", "DONE"), None, WebhookState::Waiting),
            (payment("pk", "NEW_WORD"), None, WebhookState::Waiting),
            (payment("pk", "EXPIRED"), None, WebhookState::Ignored),
            (deposit("ps_1"), Some(KNOWN), WebhookState::LookedUp),
            (deposit("ps_2"), Some(KNOWN), WebhookState::Refused),
            (deposit("ps_1x"), Some(KNOWN), WebhookState::Refused),
            (deposit(""), Some(KNOWN), WebhookState::Refused),
            (deposit("ps_2"), Some(unknown_secret), WebhookState::LookedUp),
            (deposit("ps_1"), None, WebhookState::Waiting),
            (Webhook::Other("BILLING_DELETED".to_owned()), None, WebhookState::Ignored),
            (Webhook::Unreadable, None, WebhookState::Ignored),
        ] {
            assert_eq!(judge(&webhook, known).0, state, "{webhook:?} {known:?}");
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert!(!format!("{:?}", deposit("ps_1")).contains("ps_1"));
    }
}
