//! One payment as the simulator keeps it: the record, its states and its arithmetic.
//!
//! What Toss shows of it is made in `payment/view.rs`; what a confirm and a cancel do to it is in `payment/confirm.rs`
//! and `payment/cancel.rs`. What really moved is counted apart, in `ledger.rs`.

pub(crate) mod account;
pub(crate) mod amount;
pub(crate) mod cancel;
pub(crate) mod confirm;
pub(crate) mod console;
pub(crate) mod direct;
pub(crate) mod receipts;
pub(crate) mod session;
pub(crate) mod view;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use self::account::{Due, RefundOutcome};
use self::receipts::CashReceiptWish;
use crate::banks;
use crate::clock::Moment;
use crate::codes;
use crate::ids;
use crate::limits::{CONFIRM_MS, WINDOW_MS};
use crate::merchant::Merchant;
use crate::method::{Family, Method};
use crate::refusal::Language;

/// Source: Toss, payment status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// The window is open; the buyer has not authenticated.
    Ready,
    /// Authenticated; a confirm must follow.
    InProgress,
    /// A virtual account was issued; no money yet.
    WaitingForDeposit,
    /// Approved or deposited.
    Done,
    /// Cancelled at once, or before the deposit.
    Canceled,
    /// Cancelled in part at least once, perhaps down to nothing.
    PartialCanceled,
    /// The approval failed.
    Aborted,
    /// The window's or the confirm's time ran out.
    Expired,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) korean: String,
    pub(crate) english: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Cancel {
    pub(crate) amount: i64,
    pub(crate) tax_free: i64,
    pub(crate) tax_exemption: i64,
    pub(crate) reason: String,
    pub(crate) refundable_after: i64,
    pub(crate) at: Moment,
    pub(crate) transaction_key: String,
}

/// An issued virtual account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) number: String,
    #[serde(default = "default_bank")]
    pub(crate) bank_code: String,
    pub(crate) due_at: Moment,
    pub(crate) depositor: Option<String>,
    pub(crate) refund_to: Option<RefundAccount>,
    /// How the refund ended, if somebody decided it; else it goes well in the end.
    #[serde(default)]
    pub(crate) refund_outcome: Option<RefundOutcome>,
}

fn default_bank() -> String {
    banks::DEFAULT_CODE.to_owned()
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RefundAccount {
    pub(crate) bank_code: String,
    pub(crate) account_number: String,
    pub(crate) holder_name: String,
}

/// What a confirm leaves behind: the payment exists at the institution from then on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Approval {
    pub(crate) transaction_key: String,
    /// None while a virtual account waits for its deposit.
    pub(crate) at: Option<Moment>,
}

/// An entry of the transactions feed: a payment became something else, and perhaps money moved.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) transaction_key: String,
    /// What it became.
    pub(crate) status: Status,
    pub(crate) at: Moment,
    /// Won that moved; 0 while a deposit is awaited.
    pub(crate) amount: i64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Customer {
    pub(crate) name: Option<String>,
    pub(crate) mobile_phone: Option<String>,
}

/// The payment window that a payment was opened with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Window {
    pub(crate) id: String,
    pub(crate) success_url: String,
    pub(crate) fail_url: String,
    pub(crate) language: Option<Language>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Payment {
    pub(crate) payment_key: String,
    pub(crate) merchant: Merchant,
    pub(crate) order_id: String,
    pub(crate) order_name: String,
    pub(crate) amount: i64,
    pub(crate) tax_free: i64,
    pub(crate) tax_exemption: i64,
    pub(crate) escrow: bool,
    /// The method asked for at the start; what the buyer took replaces it at the authentication.
    pub(crate) method: Method,
    pub(crate) status: Status,
    pub(crate) requested_at: Moment,
    pub(crate) authenticated_at: Option<Moment>,
    pub(crate) approval: Option<Approval>,
    pub(crate) cancels: Vec<Cancel>,
    pub(crate) account: Option<Account>,
    /// How long a virtual account will wait; none for as long as usual.
    #[serde(default)]
    pub(crate) due: Option<Due>,
    /// Whether a card pays inside of a wallet.
    #[serde(default)]
    pub(crate) wallet_card: bool,
    /// The cash receipt that is issued with the deposit.
    #[serde(default)]
    pub(crate) cash_receipt: Option<CashReceiptWish>,
    /// Whose BRANDPAY it is.
    #[serde(default)]
    pub(crate) brandpay_customer_key: Option<String>,
    #[serde(default)]
    pub(crate) records: Vec<Record>,
    pub(crate) failure: Option<Failure>,
    pub(crate) secret: String,
    pub(crate) customer: Customer,
    pub(crate) window: Option<Window>,
    pub(crate) metadata: Option<Map<String, Value>>,
}

impl Payment {
    /// What can still be cancelled, in won.
    pub(crate) fn balance(&self) -> i64 {
        self.cancels.iter().fold(self.amount, |left, cancel| left.saturating_sub(cancel.amount))
    }

    pub(crate) fn tax_free_left(&self) -> i64 {
        self.cancels.iter().fold(self.tax_free, |left, cancel| left.saturating_sub(cancel.tax_free))
    }

    pub(crate) fn tax_exemption_left(&self) -> i64 {
        let take = |left: i64, cancel: &Cancel| left.saturating_sub(cancel.tax_exemption);
        self.cancels.iter().fold(self.tax_exemption, take)
    }

    /// Whether money can be given back in part. Source: Toss, not for cards with a tax exemption amount.
    pub(crate) fn is_partial_cancelable(&self) -> bool {
        !(self.method.family() == Family::Card && self.tax_exemption > 0)
    }

    /// Whether nothing more will happen to it unless somebody cancels it.
    pub(crate) fn is_finished(&self) -> bool {
        match self.status {
            Status::Ready | Status::InProgress | Status::WaitingForDeposit => false,
            Status::Done
            | Status::Canceled
            | Status::PartialCanceled
            | Status::Aborted
            | Status::Expired => true,
        }
    }

    /// Whether its time has run out at `now` though its status does not say so yet.
    ///
    /// Source: Toss, 30 minutes for the window, 10 minutes from the authentication to the confirm.
    pub(crate) fn has_run_out(&self, now: Moment) -> bool {
        match self.status {
            Status::Ready => now.ms_since(self.requested_at) >= WINDOW_MS,
            Status::InProgress => {
                let since = self.authenticated_at.unwrap_or(self.requested_at);
                now.ms_since(since) >= CONFIRM_MS
            }
            Status::WaitingForDeposit
            | Status::Done
            | Status::Canceled
            | Status::PartialCanceled
            | Status::Aborted
            | Status::Expired => false,
        }
    }

    /// Whether money came for it.
    pub(crate) fn is_deposited(&self) -> bool {
        self.approval.as_ref().is_some_and(|approval| approval.at.is_some())
    }

    /// Notes in the feed what the payment has become; the entry's transaction key.
    pub(crate) fn record(&mut self, amount: i64, at: Moment) -> String {
        let transaction_key = ids::transaction_key();
        let entry =
            Record { transaction_key: transaction_key.clone(), status: self.status, at, amount };
        self.records.push(entry);
        transaction_key
    }

    pub(crate) fn expire(&mut self) {
        let code = codes::EXPIRED_PAYMENT;
        self.status = Status::Expired;
        self.failure = Some(Failure {
            code: code.name.to_owned(),
            korean: code.korean.to_owned(),
            english: code.english.to_owned(),
        });
    }
}
