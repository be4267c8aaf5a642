//! Payments that a shop's server makes by itself, without a window: a card by its number, a virtual account.

use serde_json::Value;

use super::amount::{optional_amount, parse_amount};
use super::session::NewPayment;
use crate::banks;
use crate::codes::{self, Code};
use crate::method::Method;
use crate::refusal::Refusal;

/// Source: Toss, what a shop says for no cash receipt.
const NO_CASH_RECEIPT: &str = "미발행";
/// Source: Toss, instalments from this amount, in won, over 2 to 12 months.
const INSTALMENT_AMOUNT_MIN: i64 = 50_000;
const INSTALMENT_MONTHS_MAX: i64 = 12;

fn bad(field: &str) -> Refusal {
    Refusal::about(codes::INVALID_REQUEST, field)
}

fn text<'a>(body: &'a Value, field: &str) -> Option<&'a str> {
    body.get(field).and_then(Value::as_str)
}

fn is_digits(text: &str, count: std::ops::RangeInclusive<usize>) -> bool {
    count.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn refuse_unless(is_fine: bool, code: Code) -> Result<(), Refusal> {
    if is_fine { Ok(()) } else { Err(Refusal::new(code)) }
}

/// What all such requests have. The values are checked when the payment is opened.
fn common(body: &Value, method: Method) -> Result<NewPayment, Refusal> {
    let amount = body.get("amount").and_then(parse_amount);
    let order_id = text(body, "orderId").ok_or_else(|| bad("orderId"))?;
    let order_name = text(body, "orderName").ok_or_else(|| bad("orderName"))?;
    Ok(NewPayment {
        method: Some(method),
        tax_free_amount: optional_amount(body, "taxFreeAmount")?.unwrap_or(0),
        customer_name: text(body, "customerName").map(str::to_owned),
        customer_mobile_phone: text(body, "customerMobilePhone").map(str::to_owned),
        ..NewPayment::new(order_id, order_name, amount.ok_or_else(|| bad("amount"))?)
    })
}

/// A card payment by its number. Source: Toss, key-in payment.
#[derive(Debug)]
pub(crate) struct KeyInRequest(pub(crate) NewPayment);

impl KeyInRequest {
    /// # Errors
    /// 400 for what is missing or malformed. The card's data are not kept.
    pub(crate) fn parse(body: &Value) -> Result<KeyInRequest, Refusal> {
        let new = common(body, Method::Card)?;
        let digits = |field: &str| text(body, field).unwrap_or("");
        refuse_unless(is_digits(digits("cardNumber"), 14..=16), codes::INVALID_CARD_NUMBER)?;
        let month = digits("cardExpirationMonth");
        let is_month = is_digits(month, 2..=2) && ("01"..="12").contains(&month);
        let is_expiration = is_month && is_digits(digits("cardExpirationYear"), 2..=2);
        refuse_unless(is_expiration, codes::INVALID_CARD_EXPIRATION)?;
        if !matches!(digits("customerIdentityNumber").len(), 6 | 10) {
            return Err(bad("customerIdentityNumber"));
        }
        let months = optional_amount(body, "cardInstallmentPlan")?.unwrap_or(0);
        let is_plan = months == 0 || (2..=INSTALMENT_MONTHS_MAX).contains(&months);
        refuse_unless(is_plan, codes::INVALID_CARD_INSTALLMENT_PLAN)?;
        let is_enough = months == 0 || new.amount >= INSTALMENT_AMOUNT_MIN;
        let too_little = codes::NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT;
        refuse_unless(is_enough, too_little)?;
        Ok(KeyInRequest(new))
    }
}

/// A virtual account without a window. Source: Toss, issue of a virtual account.
#[derive(Debug)]
pub(crate) struct AccountRequest {
    pub(crate) new: NewPayment,
    pub(crate) bank_code: &'static str,
}

impl AccountRequest {
    /// # Errors
    /// 400 for what is missing or malformed.
    pub(crate) fn parse(body: &Value) -> Result<AccountRequest, Refusal> {
        let new = common(body, Method::VirtualAccount)?;
        if new.customer_name.as_deref().is_none_or(str::is_empty) {
            return Err(bad("customerName"));
        }
        let bank_code = text(body, "bank").and_then(banks::code_of);
        let bank_code = bank_code.ok_or(Refusal::new(codes::INVALID_BANK))?;
        let receipt = body.get("cashReceipt").filter(|it| !it.is_null());
        let kind = receipt.map(|receipt| text(receipt, "type").unwrap_or(""));
        let number = receipt.and_then(|receipt| text(receipt, "registrationNumber"));
        let new = NewPayment {
            escrow: body.get("useEscrow").and_then(Value::as_bool).unwrap_or(false),
            valid_hours: optional_amount(body, "validHours")?,
            due_date: text(body, "dueDate").map(str::to_owned),
            cash_receipt_type: kind.filter(|kind| *kind != NO_CASH_RECEIPT).map(str::to_owned),
            cash_receipt_number: number.filter(|it| !it.is_empty()).map(str::to_owned),
            ..new
        };
        Ok(AccountRequest { new, bank_code })
    }
}
