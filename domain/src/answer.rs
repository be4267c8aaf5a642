//! What Toss tells us, in our own types: a payment as it stands there, or a failure with its class.
//!
//! The crate `toss` makes these from the wire format; nothing else knows that format.

use crate::money::Won;

/// Toss's status of a payment.
///
/// Source: Toss core API, Payment object, `status`. New values may appear at any time and are kept as they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TossStatus {
    /// The payment window was opened.
    Ready,
    /// The customer authenticated; the confirm is awaited.
    InProgress,
    /// A virtual account was issued; the money is awaited.
    WaitingForDeposit,
    /// The money was taken.
    Done,
    /// Cancelled in one go, or an account cancelled before its deposit.
    Canceled,
    /// At least one partial cancel; the balance may be zero.
    PartialCanceled,
    /// The confirm was declined.
    Aborted,
    /// The 30-minute window or the 10-minute confirm limit passed.
    Expired,
    /// A value that we do not know.
    Unknown(String),
}

impl TossStatus {
    /// Reads Toss's word.
    #[must_use]
    pub fn from_word(word: &str) -> TossStatus {
        match word {
            "READY" => TossStatus::Ready,
            "IN_PROGRESS" => TossStatus::InProgress,
            "WAITING_FOR_DEPOSIT" => TossStatus::WaitingForDeposit,
            "DONE" => TossStatus::Done,
            "CANCELED" => TossStatus::Canceled,
            "PARTIAL_CANCELED" => TossStatus::PartialCanceled,
            "ABORTED" => TossStatus::Aborted,
            "EXPIRED" => TossStatus::Expired,
            other => TossStatus::Unknown(other.to_owned()),
        }
    }

    /// Toss's word.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            TossStatus::Ready => "READY",
            TossStatus::InProgress => "IN_PROGRESS",
            TossStatus::WaitingForDeposit => "WAITING_FOR_DEPOSIT",
            TossStatus::Done => "DONE",
            TossStatus::Canceled => "CANCELED",
            TossStatus::PartialCanceled => "PARTIAL_CANCELED",
            TossStatus::Aborted => "ABORTED",
            TossStatus::Expired => "EXPIRED",
            TossStatus::Unknown(word) => word,
        }
    }
}

/// One payment as Toss shows it. Instants are milliseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TossPayment {
    /// Toss's name of the payment.
    pub payment_key: String,
    /// The order that it is bound to.
    pub order_id: String,
    /// Where it stands.
    pub status: TossStatus,
    /// What was to be paid.
    pub total: Won,
    /// What can still be cancelled.
    pub balance: Won,
    /// ISO code of the currency.
    pub currency: String,
    /// Display name of the method, when one was chosen.
    pub method: Option<String>,
    /// When the money was taken.
    pub approved_at_ms: Option<i64>,
    /// The approval's or the latest cancel's transaction key.
    pub last_transaction_key: Option<String>,
    /// What a deposit webhook of this payment must carry.
    pub secret: Option<String>,
    /// Where the customer sees Toss's receipt.
    pub receipt_url: Option<String>,
    /// Why it was declined or expired.
    pub failure: Option<TossFailure>,
    /// Every cancel of it, in no promised order.
    pub cancels: Vec<TossCancel>,
    /// The account to pay into, for virtual accounts.
    pub virtual_account: Option<VirtualAccount>,
    /// How it was paid.
    pub means: Means,
}

/// How a payment was paid, as far as Toss tells and somebody wants to see it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Means {
    /// Display name of the wallet.
    pub easy_pay_provider: Option<String>,
    /// Toss's code of the card's issuer.
    pub card_issuer: Option<String>,
    /// Masked by Toss.
    pub card_number: Option<String>,
    /// 0 for a payment in one sum.
    pub card_installment_months: Option<u32>,
    /// Toss's code of the bank that a transfer came from.
    pub transfer_bank: Option<String>,
    /// Whether a part of it can be given back; `None` until Toss tells.
    pub is_partial_cancelable: Option<bool>,
    /// What of the whole payment is free of tax, given back or not; `None` until Toss tells.
    pub tax_free_amount: Option<Won>,
}

/// Why Toss declined or expired a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TossFailure {
    /// Toss's code.
    pub code: String,
    /// Toss's sentence. It may change without notice; never branch on it.
    pub message: String,
}

/// One cancel of a payment as Toss shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TossCancel {
    /// Its unique key.
    pub transaction_key: String,
    /// How much was given back.
    pub amount: Won,
    /// How much of it was free of tax.
    pub tax_free_amount: Won,
    /// The reason that was sent with it; ours ends with our tag.
    pub reason: String,
    /// When, in milliseconds.
    pub cancelled_at_ms: Option<i64>,
    /// False only for the asynchronous cancels of some overseas methods that are still running or failed.
    pub is_done: bool,
}

/// The account that a customer pays into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualAccount {
    /// Toss's code of the bank.
    pub bank_code: String,
    /// The number to pay into.
    pub account_number: String,
    /// The customer's name at the account.
    pub customer_name: Option<String>,
    /// Until when it takes the money, in milliseconds.
    pub due_at_ms: Option<i64>,
    /// Whether Toss calls it closed: its time passed.
    pub is_expired: bool,
    /// Toss's word for how far a refund to the customer's bank is.
    pub refund_status: Option<String>,
}

/// What went wrong with a call, by what it says about the operation behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FailureClass {
    /// Nothing was sent: refused connection, name not found, TLS. Uses no budget.
    Unsent,
    /// Bytes left and no answer came. Whether it was done is unknown.
    Unanswered,
    /// Toss is still working on the first request with this key (409). Uses no budget.
    InProgress,
    /// Too many requests (429): refused before work. Uses no budget.
    Throttled,
    /// An answered transient error, which the same key would repeat: it may have been done.
    Ambiguous,
    /// Toss's limiter for consecutive requests of one payment: not done, and not soon.
    Limited,
    /// The bank is closed at this hour: not done, try in the hours.
    BankClosed,
    /// The answer contradicts what we know, cannot be read, or has an unknown code: look up.
    Contradictory,
    /// Refused, but perhaps because it had been done before: final only after a look-up.
    Disputed,
    /// Refused. Final for a first request.
    Refused,
    /// A look-up found no such payment (404).
    Absent,
    /// Our key, contract or request is wrong: repeating cannot help, a person must act.
    Broken,
}

impl FailureClass {
    /// Every class, for tables and exhaustive tests.
    pub const ALL: [FailureClass; 12] = [
        FailureClass::Unsent,
        FailureClass::Unanswered,
        FailureClass::InProgress,
        FailureClass::Throttled,
        FailureClass::Ambiguous,
        FailureClass::Limited,
        FailureClass::BankClosed,
        FailureClass::Contradictory,
        FailureClass::Disputed,
        FailureClass::Refused,
        FailureClass::Absent,
        FailureClass::Broken,
    ];

    /// The word for columns, logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            FailureClass::Unsent => "unsent",
            FailureClass::Unanswered => "unanswered",
            FailureClass::InProgress => "in_progress",
            FailureClass::Throttled => "throttled",
            FailureClass::Ambiguous => "ambiguous",
            FailureClass::Limited => "limited",
            FailureClass::BankClosed => "bank_closed",
            FailureClass::Contradictory => "contradictory",
            FailureClass::Disputed => "disputed",
            FailureClass::Refused => "refused",
            FailureClass::Absent => "absent",
            FailureClass::Broken => "broken",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<FailureClass> {
        FailureClass::ALL.into_iter().find(|known| known.word() == word)
    }
}

/// A call that brought no readable payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What it says about the operation.
    pub class: FailureClass,
    /// Toss's code, or one of ours in the same form where Toss gave none (`NO_ANSWER`, `UNREADABLE_ANSWER`, …).
    pub code: String,
    /// Toss's sentence, or ours.
    pub message: String,
}

/// What a call to Toss brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A readable payment.
    Payment(Box<TossPayment>),
    /// Anything else.
    Failure(Failure),
}
