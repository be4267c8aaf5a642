//! Confirm (Toss: 승인): the call that takes the money of an authenticated payment.

use serde_json::Value;

use super::amount::parse_amount;
use super::{Account, Approval, Payment, Status};
use crate::clock::Moment;
use crate::codes;
use crate::ids;
use crate::limits::{DEPOSIT_MS, PAYMENT_KEY_CHARS_MAX};
use crate::method::Family;
use crate::refusal::Refusal;

/// A confirm's body after its shape was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfirmRequest {
    pub(crate) payment_key: String,
    pub(crate) order_id: String,
    pub(crate) amount: i64,
}

impl ConfirmRequest {
    /// # Errors
    /// 400 `INVALID_REQUEST`, naming the first missing or malformed field.
    pub(crate) fn parse(body: &Value) -> Result<ConfirmRequest, Refusal> {
        let text = |field: &str| match body.get(field).and_then(Value::as_str) {
            Some(text) if (1..=PAYMENT_KEY_CHARS_MAX).contains(&text.chars().count()) => {
                Ok(text.to_owned())
            }
            Some(_) | None => Err(Refusal::about(codes::INVALID_REQUEST, field)),
        };
        let amount = body.get("amount").and_then(parse_amount).filter(|amount| *amount > 0);
        Ok(ConfirmRequest {
            payment_key: text("paymentKey")?,
            order_id: text("orderId")?,
            amount: amount.ok_or_else(|| Refusal::about(codes::INVALID_REQUEST, "amount"))?,
        })
    }
}

/// What Toss answers when a confirm's amount or order differs from the authenticated payment. Which code it really
/// uses is not documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MismatchCode {
    /// 400 `INVALID_REQUEST`.
    #[default]
    InvalidRequest,
    /// 403 `FORBIDDEN_REQUEST`.
    ForbiddenRequest,
}

impl Payment {
    /// Checks a confirm without changing anything.
    ///
    /// # Errors
    /// By status: a session that is not authenticated or has run out 404 `NOT_FOUND_PAYMENT_SESSION`, anything later
    /// 400 `ALREADY_PROCESSED_PAYMENT` (also after a failed confirm); then the mismatch code. In all of these the
    /// payment stays as it is.
    pub(crate) fn check_confirm(
        &self,
        request: &ConfirmRequest,
        mismatch: MismatchCode,
    ) -> Result<(), Refusal> {
        match self.status {
            Status::InProgress => {}
            Status::Ready | Status::Expired => {
                return Err(Refusal::new(codes::NOT_FOUND_PAYMENT_SESSION));
            }
            Status::WaitingForDeposit
            | Status::Done
            | Status::Canceled
            | Status::PartialCanceled
            | Status::Aborted => return Err(Refusal::new(codes::ALREADY_PROCESSED_PAYMENT)),
        }
        if request.order_id == self.order_id && request.amount == self.amount {
            return Ok(());
        }
        Err(match mismatch {
            MismatchCode::InvalidRequest => {
                Refusal::about(codes::INVALID_REQUEST, "orderId, amount")
            }
            MismatchCode::ForbiddenRequest => {
                Refusal::about(codes::FORBIDDEN_REQUEST, "orderId, amount")
            }
        })
    }

    /// The institution's own decision on a checked confirm: a refusal aborts the payment.
    pub(crate) fn institution_refusal(&self) -> Option<Refusal> {
        (self.amount < self.method.amount_min()).then(|| Refusal::new(codes::BELOW_MINIMUM_AMOUNT))
    }

    /// Approves a checked confirm: DONE, or WAITING_FOR_DEPOSIT for a virtual account. Returns what was charged, in won.
    pub(crate) fn approve(&mut self, now: Moment) -> Option<i64> {
        let is_account = self.method.family() == Family::VirtualAccount;
        let transaction_key = ids::transaction_key();
        self.approval = Some(Approval { transaction_key, at: (!is_account).then_some(now) });
        if is_account {
            self.status = Status::WaitingForDeposit;
            self.account = Some(Account {
                number: ids::account_number(),
                due_at: now.plus_ms(DEPOSIT_MS),
                depositor: None,
                refund_to: None,
            });
            return None;
        }
        self.status = Status::Done;
        Some(self.amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_confirm_needs_its_three_fields_and_takes_digits_as_amount() {
        let good = json!({"paymentKey": "tsim1", "orderId": "order-1", "amount": "15000"});
        let parsed = ConfirmRequest::parse(&good).expect("a request");
        assert_eq!(parsed.amount, 15_000);
        for field in ["paymentKey", "orderId", "amount"] {
            for bad in [json!(null), json!(""), json!({}), json!(-1), json!("x".repeat(201))] {
                let mut body = good.clone();
                body[field] = bad.clone();
                let refusal = ConfirmRequest::parse(&body).expect_err("a refusal");
                assert_eq!(refusal.code(), "INVALID_REQUEST", "{field} = {bad}");
            }
        }
        assert!(ConfirmRequest::parse(&json!([])).is_err());
    }
}
