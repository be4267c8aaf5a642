//! Reading the Payment object. It grows without notice, so only what decides about money must be readable; anything else that is
//! missing or malformed is left out. Not here: whether the payment is the one that was asked about, which `domain` checks.

use domain::Won;
use domain::answer::{Means, TossCancel, TossFailure, TossPayment, TossStatus, VirtualAccount};
use domain::text::is_receipt_address;
use serde_json::{Map, Value};

use crate::date::instant_ms;
use crate::redact::without_controls;

/// The longest text that is taken for a value: far above anything that Toss documents.
const TEXT_BYTES_MAX: usize = 2_048;

/// The longest masked card number. Source: Toss core API, `card.number`.
const MASKED_CHARS_MAX: usize = 20;

/// Why a JSON value is no payment. For the operator; the words are ours and hold nothing of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("the answer is not a JSON object")]
    NotAnObject,
    #[error("{0} is missing, empty, too long or no plain text")]
    Text(&'static str),
    #[error("{0} is missing or no whole, non-negative number of won")]
    Amount(&'static str),
    #[error("the list of cancels cannot be read")]
    Cancels,
}

/// Reads a payment.
///
/// Source: Toss core API, Payment object, version 2022-11-16; `transactionKey` is what newer copies call `lastTransactionKey`.
pub(crate) fn read_payment(json: &Value) -> Result<TossPayment, Unreadable> {
    let fields = json.as_object().ok_or(Unreadable::NotAnObject)?;
    let currency = match fields.get("currency") {
        None | Some(Value::Null) => "KRW".to_owned(),
        Some(Value::String(code)) => without_controls(code),
        // Not KRW, and said as it came: whoever compares it finds a mismatch.
        Some(other) => other.to_string(),
    };
    let cancels = read_cancels(fields.get("cancels"))?;
    // Toss tells what is left of it.
    let tax_free_amount = amount(fields, "taxFreeAmount").and_then(|left| {
        cancels.iter().try_fold(left, |sum, entry| sum.plus(entry.tax_free_amount))
    });
    Ok(TossPayment {
        payment_key: needed(fields, "paymentKey")?,
        order_id: needed(fields, "orderId")?,
        status: TossStatus::from_word(&needed(fields, "status")?),
        total: amount(fields, "totalAmount").ok_or(Unreadable::Amount("totalAmount"))?,
        balance: amount(fields, "balanceAmount").ok_or(Unreadable::Amount("balanceAmount"))?,
        currency,
        method: text(fields, "method"),
        approved_at_ms: date(fields, "approvedAt"),
        last_transaction_key: text(fields, "lastTransactionKey")
            .or_else(|| text(fields, "transactionKey")),
        secret: text(fields, "secret"),
        receipt_url: object(fields, "receipt")
            .and_then(|receipt| text(receipt, "url"))
            .filter(|url| is_receipt_address(url)),
        failure: object(fields, "failure").and_then(read_failure),
        cancels,
        virtual_account: object(fields, "virtualAccount").and_then(read_virtual_account),
        means: Means { tax_free_amount, ..read_means(fields) },
    })
}

fn read_failure(fields: &Map<String, Value>) -> Option<TossFailure> {
    let code = text(fields, "code")?;
    Some(TossFailure { code, message: text(fields, "message").unwrap_or_default() })
}

/// An entry that cannot be told from the others could be taken for one that is not ours, and money be given back twice: then nothing
/// of the answer counts.
fn read_cancels(cancels: Option<&Value>) -> Result<Vec<TossCancel>, Unreadable> {
    let entries = match cancels {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(entries)) => entries,
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
            return Err(Unreadable::Cancels);
        }
    };
    entries.iter().map(|entry| read_cancel(entry).ok_or(Unreadable::Cancels)).collect()
}

fn read_cancel(entry: &Value) -> Option<TossCancel> {
    let fields = entry.as_object()?;
    Some(TossCancel {
        transaction_key: needed(fields, "transactionKey").ok()?,
        amount: amount(fields, "cancelAmount")?,
        tax_free_amount: amount(fields, "taxFreeAmount").unwrap_or(Won::ZERO),
        reason: text(fields, "cancelReason").unwrap_or_default(),
        cancelled_at_ms: date(fields, "canceledAt"),
        is_done: match fields.get("cancelStatus") {
            None | Some(Value::Null) => true,
            Some(status) => status.as_str() == Some("DONE"),
        },
    })
}

/// Easy pay by a card fills both objects.
fn read_means(fields: &Map<String, Value>) -> Means {
    let easy_pay = object(fields, "easyPay");
    let card = object(fields, "card");
    let months = card.and_then(|card| card.get("installmentPlanMonths")?.as_u64());
    Means {
        easy_pay_provider: easy_pay.and_then(|it| text(it, "provider")),
        card_issuer: card.and_then(|card| text(card, "issuerCode")),
        card_number: card.and_then(|card| text(card, "number")).filter(|number| is_masked(number)),
        card_installment_months: months.and_then(|months| u32::try_from(months).ok()),
        transfer_bank: object(fields, "transfer").and_then(|it| text(it, "bankCode")),
        is_partial_cancelable: fields.get("isPartialCancelable").and_then(Value::as_bool),
        tax_free_amount: None,
    }
}

/// Whether this is not a whole card number: Toss masks them, and nobody relies on it.
fn is_masked(number: &str) -> bool {
    number.len() <= MASKED_CHARS_MAX && number.contains('*')
}

fn read_virtual_account(fields: &Map<String, Value>) -> Option<VirtualAccount> {
    Some(VirtualAccount {
        bank_code: text(fields, "bankCode")?,
        account_number: text(fields, "accountNumber")?,
        customer_name: text(fields, "customerName"),
        due_at_ms: date(fields, "dueDate"),
        is_expired: fields.get("expired").and_then(Value::as_bool).unwrap_or(false),
        refund_status: text(fields, "refundStatus"),
    })
}

/// A text by which things are told apart: one with control characters in it is not mended, because it could then be another's.
pub(crate) fn needed(
    fields: &Map<String, Value>,
    name: &'static str,
) -> Result<String, Unreadable> {
    let is_plain = |value: &&str| is_sized(value) && !value.contains(char::is_control);
    let value = fields.get(name).and_then(Value::as_str).filter(is_plain);
    value.map(str::to_owned).ok_or(Unreadable::Text(name))
}

pub(crate) fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    let value = fields.get(name)?.as_str()?;
    is_sized(value).then(|| without_controls(value))
}

fn is_sized(text: &str) -> bool {
    (1..=TEXT_BYTES_MAX).contains(&text.len())
}

pub(crate) fn object<'a>(
    fields: &'a Map<String, Value>,
    name: &str,
) -> Option<&'a Map<String, Value>> {
    fields.get(name)?.as_object()
}

pub(crate) fn date(fields: &Map<String, Value>, name: &str) -> Option<i64> {
    instant_ms(fields.get(name)?.as_str()?)
}

/// A JSON number of won. `15000.0` is 15000; a fraction, a negative number or a text is none. Works on the digits: money never
/// becomes a floating-point number.
fn amount(fields: &Map<String, Value>, name: &str) -> Option<Won> {
    won(&number(fields, name)?)
}

/// The same without its sign, for records that may have one.
pub(crate) fn amount_unsigned(fields: &Map<String, Value>, name: &str) -> Option<Won> {
    won(number(fields, name)?.trim_start_matches('-'))
}

fn number(fields: &Map<String, Value>, name: &str) -> Option<String> {
    let Value::Number(number) = fields.get(name)? else { return None };
    Some(number.to_string())
}

fn won(digits: &str) -> Option<Won> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if fraction.bytes().any(|digit| digit != b'0') {
        return None;
    }
    Won::new(whole.parse().ok()?).ok()
}

#[cfg(test)]
mod tests;
