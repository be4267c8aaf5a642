//! Cancel: giving money back, wholly or in part, with all of Toss's rules and arithmetic.
//!
//! Source: Toss, cancel of a payment; the order of the checks beyond what was measured is the simulator's own.

use serde_json::{Value, json};

use super::amount::optional_amount;
use super::{Cancel, Payment, RefundAccount, Status};
use crate::banks;
use crate::clock::Moment;
use crate::codes::{self, Code};
use crate::limits::{
    CANCEL_REASON_CHARS_MAX, CANCELS_MAX, REFUND_ACCOUNT_DIGITS_MAX, REFUND_HOLDER_CHARS_MAX,
    TRANSFER_CANCEL_MS, VIRTUAL_ACCOUNT_CANCEL_MS,
};
use crate::method::Family;
use crate::refusal::Refusal;

/// A cancel's body after its shape was checked.
#[derive(Debug, Clone)]
pub(crate) struct CancelRequest {
    pub(crate) reason: String,
    /// None: everything that is left.
    pub(crate) amount: Option<i64>,
    pub(crate) refundable: Option<i64>,
    pub(crate) tax_free: i64,
    pub(crate) currency: Option<String>,
    refund_account: Option<Value>,
}

impl CancelRequest {
    /// A cancel made without a request body, for instance by hand in the merchant console.
    pub(crate) fn by_hand(reason: &str, amount: Option<i64>) -> CancelRequest {
        CancelRequest {
            reason: reason.to_owned(),
            amount,
            refundable: None,
            tax_free: 0,
            currency: None,
            refund_account: None,
        }
    }

    /// Fills in an account, as the console does that has the buyer's on file.
    pub(crate) fn refund_to_known_account(&mut self) {
        self.refund_account =
            Some(json!({"bank": "92", "accountNumber": "1000000000", "holderName": "구매자"}));
    }

    /// # Errors
    /// 400 `INVALID_REQUEST`, naming the first missing or malformed field.
    pub(crate) fn parse(body: &Value) -> Result<CancelRequest, Refusal> {
        let bad = |field: &str| Refusal::about(codes::INVALID_REQUEST, field);
        let reason = body.get("cancelReason").and_then(Value::as_str).unwrap_or("");
        if !(1..=CANCEL_REASON_CHARS_MAX).contains(&reason.chars().count()) {
            return Err(bad("cancelReason"));
        }
        let amount = optional_amount(body, "cancelAmount")?;
        if amount.is_some_and(|amount| amount <= 0) {
            return Err(bad("cancelAmount"));
        }
        let tax_free = optional_amount(body, "taxFreeAmount")?.unwrap_or(0);
        if tax_free < 0 {
            return Err(bad("taxFreeAmount"));
        }
        let currency = match body.get("currency") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => return Err(bad("currency")),
        };
        Ok(CancelRequest {
            reason: reason.to_owned(),
            amount,
            refundable: optional_amount(body, "refundableAmount")?,
            tax_free,
            currency,
            refund_account: body.get("refundReceiveAccount").filter(|it| !it.is_null()).cloned(),
        })
    }
}

fn refuse(code: Code) -> Result<(), Refusal> {
    Err(Refusal::new(code))
}

/// A cancel that passed every check: what it will take.
#[derive(Debug)]
pub(crate) struct CheckedCancel {
    amount: i64,
    tax_free: i64,
    tax_exemption: i64,
    refund_to: Option<RefundAccount>,
    reason: String,
}

impl Payment {
    /// Checks a cancel without changing anything.
    ///
    /// # Errors
    /// The first rule of Toss that is broken.
    pub(crate) fn check_cancel(
        &self,
        request: &CancelRequest,
        now: Moment,
    ) -> Result<CheckedCancel, Refusal> {
        self.check_cancel_status()?;
        let balance = self.balance();
        if request.refundable.is_some_and(|refundable| refundable != balance) {
            return Err(Refusal::new(codes::NOT_MATCHES_REFUNDABLE_AMOUNT));
        }
        if request.currency.as_deref().is_some_and(|currency| currency != "KRW") {
            return Err(Refusal::new(codes::INVALID_CURRENCY));
        }
        let amount = request.amount.unwrap_or(balance);
        if amount > balance {
            return Err(Refusal::new(codes::NOT_CANCELABLE_AMOUNT));
        }
        self.check_cancel_period(now)?;
        if amount < balance {
            self.check_partial_cancel()?;
        }
        if self.cancels.len() >= CANCELS_MAX {
            return Err(Refusal::new(codes::EXCEED_CANCEL_LIMIT));
        }
        let (tax_free, tax_exemption) = self.untaxed_parts(amount, request.tax_free)?;
        let refund_to = self.refund_account_for(request)?;
        Ok(CheckedCancel {
            amount,
            tax_free,
            tax_exemption,
            refund_to,
            reason: request.reason.clone(),
        })
    }

    fn check_cancel_status(&self) -> Result<(), Refusal> {
        match self.status {
            Status::Done | Status::WaitingForDeposit => Ok(()),
            // Measured at Toss: cancelled in parts, it is the amount that cannot be cancelled any more.
            Status::PartialCanceled if self.balance() <= 0 => refuse(codes::NOT_CANCELABLE_AMOUNT),
            Status::PartialCanceled => Ok(()),
            Status::Canceled => refuse(codes::ALREADY_CANCELED_PAYMENT),
            Status::Ready | Status::InProgress | Status::Aborted | Status::Expired => {
                refuse(codes::NOT_CANCELABLE_PAYMENT)
            }
        }
    }

    fn check_partial_cancel(&self) -> Result<(), Refusal> {
        if self.status == Status::WaitingForDeposit {
            return refuse(codes::NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT);
        }
        if self.escrow {
            return refuse(codes::FAILED_PARTIAL_REFUND);
        }
        if !self.is_partial_cancelable() {
            return refuse(codes::NOT_ALLOWED_PARTIAL_REFUND);
        }
        Ok(())
    }

    /// Source: Toss, 180 days for transfers, usually 365 for virtual accounts, the calendar month for mobile phones.
    fn check_cancel_period(&self, now: Moment) -> Result<(), Refusal> {
        let Some(approved_at) = self.approval.as_ref().and_then(|approval| approval.at) else {
            return Ok(());
        };
        let age_ms = now.ms_since(approved_at);
        let is_over = match self.method.family() {
            Family::Transfer => age_ms > TRANSFER_CANCEL_MS,
            Family::VirtualAccount => age_ms > VIRTUAL_ACCOUNT_CANCEL_MS,
            Family::MobilePhone => now.kst_month() != approved_at.kst_month(),
            Family::Card | Family::EasyPay | Family::GiftCertificate => false,
        };
        if is_over { refuse(codes::EXCEED_MAX_REFUND_DUE) } else { Ok(()) }
    }

    /// How much of the cancel is untaxed. The taxed part is used up first, and a cancel of the rest takes all.
    fn untaxed_parts(&self, amount: i64, asked: i64) -> Result<(i64, i64), Refusal> {
        let balance = self.balance();
        let (free, exempt) = (self.tax_free_left(), self.tax_exemption_left());
        if amount == balance {
            return Ok((free, exempt));
        }
        if asked > free || asked > amount {
            return Err(Refusal::about(codes::INVALID_REQUEST, "taxFreeAmount"));
        }
        let taxed = balance.saturating_sub(free).saturating_sub(exempt);
        let beyond_taxed = amount.saturating_sub(taxed).max(0);
        let from_free = asked.max(beyond_taxed.min(free));
        Ok((from_free, beyond_taxed.saturating_sub(from_free).clamp(0, exempt)))
    }

    /// The account to refund to: required for a virtual account after its deposit, else not looked at.
    fn refund_account_for(
        &self,
        request: &CancelRequest,
    ) -> Result<Option<RefundAccount>, Refusal> {
        let is_needed = self.method.family() == Family::VirtualAccount
            && self.status != Status::WaitingForDeposit;
        if !is_needed {
            return Ok(None);
        }
        let info_wrong =
            || Refusal::about(codes::INVALID_REFUND_ACCOUNT_INFO, "refundReceiveAccount");
        let account = request.refund_account.as_ref().ok_or_else(info_wrong)?;
        let text = |field: &str| account.get(field).and_then(Value::as_str).unwrap_or("");
        let (bank, number, holder) = (text("bank"), text("accountNumber"), text("holderName"));
        let bank_code = banks::code_of(bank).ok_or(Refusal::new(codes::INVALID_BANK))?;
        let is_number = (1..=REFUND_ACCOUNT_DIGITS_MAX).contains(&number.len())
            && number.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number {
            return Err(Refusal::new(codes::INVALID_REFUND_ACCOUNT_NUMBER));
        }
        if !(1..=REFUND_HOLDER_CHARS_MAX).contains(&holder.chars().count()) {
            return Err(info_wrong());
        }
        Ok(Some(RefundAccount {
            bank_code: bank_code.to_owned(),
            account_number: number.to_owned(),
            holder_name: holder.to_owned(),
        }))
    }

    /// Carries out a checked cancel. Returns what was given back, in won; None if no money had come yet.
    pub(crate) fn cancel(&mut self, checked: CheckedCancel, now: Moment) -> Option<i64> {
        let is_before_deposit = self.status == Status::WaitingForDeposit;
        let left = self.balance().saturating_sub(checked.amount);
        // Cancelled in parts it stays PARTIAL_CANCELED, also with nothing left. Source: measured at Toss.
        self.status = match (left == 0, self.cancels.is_empty()) {
            (true, true) => Status::Canceled,
            (true, false) | (false, _) => Status::PartialCanceled,
        };
        let moved = if is_before_deposit { 0 } else { checked.amount };
        let transaction_key = self.record(moved, now);
        self.cancels.push(Cancel {
            amount: checked.amount,
            tax_free: checked.tax_free,
            tax_exemption: checked.tax_exemption,
            reason: checked.reason,
            refundable_after: left,
            at: now,
            transaction_key,
        });
        if let (Some(account), Some(refund_to)) = (self.account.as_mut(), checked.refund_to) {
            account.refund_to = Some(refund_to);
        }
        (!is_before_deposit).then_some(checked.amount)
    }
}
