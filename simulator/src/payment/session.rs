//! Payment sessions before any money: opening one, the buyer's authentication, an abort in the window.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::receipts::CashReceiptWish;
use super::{Customer, Failure, Payment, Status, Window};
use crate::cash_receipts::KINDS;
use crate::clock::Moment;
use crate::codes::{self, Code};
use crate::ids;
use crate::limits::{
    AMOUNT_MAX, CUSTOMER_TEXT_CHARS_MAX, IDENTITY_DIGITS_MAX, METADATA_KEY_CHARS_MAX,
    METADATA_PAIRS_MAX, METADATA_VALUE_CHARS_MAX, ORDER_ID_CHARS_MAX, ORDER_ID_CHARS_MIN,
    ORDER_NAME_CHARS_MAX,
};
use crate::merchant::Merchant;
use crate::method::Method;
use crate::refusal::Refusal;

/// Source: Toss, whom a cash receipt is for that is for nobody in particular.
const ANONYMOUS: &str = "0100001234";

/// What a shop asks a payment for.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewPayment {
    /// 6–64 characters of `A–Z a–z 0–9 - _`.
    pub order_id: String,
    /// 1–100 characters.
    pub order_name: String,
    /// Won, greater than 0.
    pub amount: i64,
    /// Card if none is given.
    #[serde(default)]
    pub method: Option<Method>,
    /// An escrow payment: its partial cancels fail for ever.
    #[serde(default)]
    pub escrow: bool,
    /// The untaxed part of the amount, in won.
    #[serde(default)]
    pub tax_free_amount: i64,
    /// The part of the amount exempt from tax, in won.
    #[serde(default)]
    pub tax_exemption_amount: i64,
    /// At most 100 characters; shown as the owner of a virtual account.
    #[serde(default)]
    pub customer_name: Option<String>,
    /// At most 100 characters.
    #[serde(default)]
    pub customer_mobile_phone: Option<String>,
    /// How many hours a virtual account waits, 1–2160; 168 if neither this nor `due_date` is given.
    #[serde(default)]
    pub valid_hours: Option<i64>,
    /// Until when a virtual account waits, `2026-01-31T09:05:00` in Korea; instead of `valid_hours`.
    #[serde(default)]
    pub due_date: Option<String>,
    /// For a wallet: a card inside of it pays, instead of the wallet's own money.
    #[serde(default)]
    pub wallet_card: bool,
    /// The kind of cash receipt that is issued when a virtual account's deposit comes: `소득공제` or `지출증빙`.
    #[serde(default)]
    pub cash_receipt_type: Option<String>,
    /// For whom that is: at most 30 digits. Default: nobody in particular.
    #[serde(default)]
    pub cash_receipt_number: Option<String>,
    /// Makes it a payment of BRANDPAY by this customer, which has a confirm of its own.
    #[serde(default)]
    pub brandpay_customer_key: Option<String>,
    /// At most 5 pairs of text, echoed in the Payment object.
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
}

impl NewPayment {
    /// A card payment of that order, amount in won.
    pub fn new(order_id: &str, order_name: &str, amount: i64) -> NewPayment {
        NewPayment {
            order_id: order_id.to_owned(),
            order_name: order_name.to_owned(),
            amount,
            method: None,
            escrow: false,
            tax_free_amount: 0,
            tax_exemption_amount: 0,
            customer_name: None,
            customer_mobile_phone: None,
            valid_hours: None,
            due_date: None,
            wallet_card: false,
            cash_receipt_type: None,
            cash_receipt_number: None,
            brandpay_customer_key: None,
            metadata: None,
        }
    }

    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if self.amount <= 0 {
            return Err(Refusal::new(codes::BELOW_ZERO_AMOUNT));
        }
        refuse_unless(self.amount <= AMOUNT_MAX, codes::EXCEED_MAX_AMOUNT)?;
        refuse_unless(is_order_id(&self.order_id), codes::INVALID_ORDER_ID)?;
        let name_chars = self.order_name.chars().count();
        refuse_unless((1..=ORDER_NAME_CHARS_MAX).contains(&name_chars), codes::INVALID_ORDER_NAME)?;
        let untaxed = self.tax_free_amount.saturating_add(self.tax_exemption_amount);
        let are_taxes_sane =
            self.tax_free_amount >= 0 && self.tax_exemption_amount >= 0 && untaxed <= self.amount;
        if !are_taxes_sane {
            return Err(Refusal::about(codes::INVALID_REQUEST, "taxFreeAmount"));
        }
        for (field, text) in [
            ("customerName", &self.customer_name),
            ("customerMobilePhone", &self.customer_mobile_phone),
            ("brandpayCustomerKey", &self.brandpay_customer_key),
        ] {
            if text.as_ref().is_some_and(|text| text.chars().count() > CUSTOMER_TEXT_CHARS_MAX) {
                return Err(Refusal::about(codes::INVALID_REQUEST, field));
            }
        }
        let is_kind = |kind: &String| KINDS.contains(&kind.as_str());
        if !self.cash_receipt_type.as_ref().is_none_or(is_kind) {
            return Err(Refusal::about(codes::INVALID_REQUEST, "cashReceiptType"));
        }
        let is_number = |number: &String| {
            (1..=IDENTITY_DIGITS_MAX).contains(&number.len())
                && number.bytes().all(|byte| byte.is_ascii_digit())
        };
        let is_number_fine = self.cash_receipt_number.as_ref().is_none_or(is_number);
        refuse_unless(is_number_fine, codes::INVALID_REGISTRATION_NUMBER_TYPE)?;
        refuse_unless(self.metadata.as_ref().is_none_or(is_metadata), codes::INVALID_METADATA)
    }
}

fn refuse_unless(is_fine: bool, code: Code) -> Result<(), Refusal> {
    if is_fine { Ok(()) } else { Err(Refusal::new(code)) }
}

fn is_order_id(text: &str) -> bool {
    (ORDER_ID_CHARS_MIN..=ORDER_ID_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn is_metadata(pairs: &Map<String, Value>) -> bool {
    let is_pair = |(key, value): (&String, &Value)| {
        key.chars().count() <= METADATA_KEY_CHARS_MAX
            && !key.contains(['[', ']'])
            && value.as_str().is_some_and(|text| text.chars().count() <= METADATA_VALUE_CHARS_MAX)
    };
    pairs.len() <= METADATA_PAIRS_MAX && pairs.iter().all(is_pair)
}

impl Payment {
    /// An open session (READY) for a checked request.
    pub(crate) fn open(
        merchant: Merchant,
        new: NewPayment,
        window: Option<Window>,
        now: Moment,
    ) -> Payment {
        Payment {
            payment_key: ids::payment_key(now),
            merchant,
            order_id: new.order_id,
            order_name: new.order_name,
            amount: new.amount,
            tax_free: new.tax_free_amount,
            tax_exemption: new.tax_exemption_amount,
            escrow: new.escrow,
            method: new.method.unwrap_or(Method::Card),
            status: Status::Ready,
            requested_at: now,
            authenticated_at: None,
            approval: None,
            cancels: Vec::new(),
            account: None,
            due: None,
            wallet_card: new.wallet_card,
            cash_receipt: new.cash_receipt_type.map(|kind| CashReceiptWish {
                kind,
                identity: new.cash_receipt_number.unwrap_or_else(|| ANONYMOUS.to_owned()),
                receipt_key: ids::receipt_key(),
                issue_number: ids::issue_number(),
            }),
            brandpay_customer_key: new.brandpay_customer_key,
            records: Vec::new(),
            failure: None,
            secret: ids::webhook_secret(),
            customer: Customer { name: new.customer_name, mobile_phone: new.customer_mobile_phone },
            window,
            metadata: new.metadata,
        }
    }

    /// The buyer authenticated: READY → IN_PROGRESS. The 10 minutes for the confirm start now.
    pub(crate) fn authenticate(&mut self, method: Method, now: Moment) {
        if self.status == Status::Ready {
            self.method = method;
            self.status = Status::InProgress;
            self.authenticated_at = Some(now);
        }
    }

    /// The approval failed for good: → ABORTED with the reason.
    pub(crate) fn abort(&mut self, refusal: &Refusal) {
        use crate::refusal::Language::{English, Korean};
        self.status = Status::Aborted;
        self.failure = Some(Failure {
            code: refusal.code().to_owned(),
            korean: refusal.message(Korean).to_owned(),
            english: refusal.message(English).to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(change: impl FnOnce(&mut NewPayment)) -> Option<String> {
        let mut new = NewPayment::new("order-000001", "마라탕", 15_000);
        change(&mut new);
        new.check().err().map(|refusal| refusal.code().to_owned())
    }

    #[test]
    fn a_session_is_opened_only_for_sane_values() {
        assert_eq!(code_of(|_| ()), None);
        let expect = |code: &str| Some(code.to_owned());
        assert_eq!(code_of(|new| new.amount = 0), expect("BELOW_ZERO_AMOUNT"));
        assert_eq!(code_of(|new| new.amount = i64::MAX), expect("EXCEED_MAX_AMOUNT"));
        assert_eq!(code_of(|new| new.order_id = "short".into()), expect("INVALID_ORDER_ID"));
        assert_eq!(
            code_of(|new| new.order_id = "주문번호주문번호".into()),
            expect("INVALID_ORDER_ID")
        );
        assert_eq!(code_of(|new| new.order_name = String::new()), expect("INVALID_ORDER_NAME"));
        assert_eq!(code_of(|new| new.order_name = "가".repeat(101)), expect("INVALID_ORDER_NAME"));
        assert_eq!(code_of(|new| new.tax_free_amount = 15_001), expect("INVALID_REQUEST"));
        assert_eq!(code_of(|new| new.tax_free_amount = -1), expect("INVALID_REQUEST"));
        let six: Map<String, Value> = (0..6).map(|n| (n.to_string(), "x".into())).collect();
        assert_eq!(code_of(|new| new.metadata = Some(six)), expect("INVALID_METADATA"));
    }
}
