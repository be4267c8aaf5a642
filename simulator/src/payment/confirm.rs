//! Confirm (Toss: 승인): the call that takes the money of an authenticated payment.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::amount::parse_amount;
use super::{Approval, Payment, Status};
use crate::banks;
use crate::clock::Moment;
use crate::codes;
use crate::limits::PAYMENT_KEY_CHARS_MAX;
use crate::method::Family;
use crate::refusal::Refusal;

/// A confirm's body after its shape was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfirmRequest {
    pub(crate) payment_key: String,
    pub(crate) order_id: String,
    pub(crate) amount: i64,
    /// BRANDPAY's confirm names its customer.
    customer_key: Option<String>,
}

/// Which of the confirms a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConfirmPath {
    Current,
    /// The payment key is in the path.
    ByKey,
    /// With a customer key.
    Brandpay,
}

impl ConfirmRequest {
    /// Reads a body, and `in_path` for [`ConfirmPath::ByKey`].
    ///
    /// # Errors
    /// 400 `INVALID_REQUEST`, naming the first missing or malformed field.
    pub(crate) fn parse(
        body: &Value,
        path: ConfirmPath,
        in_path: Option<&str>,
    ) -> Result<ConfirmRequest, Refusal> {
        let check = |field: &str, text: Option<&str>| match text {
            Some(text) if (1..=PAYMENT_KEY_CHARS_MAX).contains(&text.chars().count()) => {
                Ok(text.to_owned())
            }
            Some(_) | None => Err(Refusal::about(codes::INVALID_REQUEST, field)),
        };
        let text = |field: &str| check(field, body.get(field).and_then(Value::as_str));
        let payment_key = match path {
            ConfirmPath::ByKey => check("paymentKey", in_path)?,
            ConfirmPath::Current | ConfirmPath::Brandpay => text("paymentKey")?,
        };
        let is_brandpay = path == ConfirmPath::Brandpay;
        let customer_key = if is_brandpay { Some(text("customerKey")?) } else { None };
        let amount = body.get("amount").and_then(parse_amount).filter(|amount| *amount > 0);
        Ok(ConfirmRequest {
            payment_key,
            customer_key,
            order_id: text("orderId")?,
            amount: amount.ok_or_else(|| Refusal::about(codes::INVALID_REQUEST, "amount"))?,
        })
    }
}

/// What Toss answers when a confirm's amount or order differs from the authenticated payment. Which code it really
/// uses is not documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
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
        match (&self.brandpay_customer_key, &request.customer_key) {
            (Some(own), Some(named)) if own != named => {
                return Err(Refusal::new(codes::NOT_MATCHES_CUSTOMER_KEY));
            }
            (Some(_), Some(_)) | (None, None) => {}
            // The confirm of the other kind of payment.
            (Some(_), None) | (None, Some(_)) => {
                return Err(Refusal::about(codes::INVALID_REQUEST, "customerKey"));
            }
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
        if self.method.family() == Family::VirtualAccount {
            self.issue_account(banks::DEFAULT_CODE, now);
            return None;
        }
        self.status = Status::Done;
        let transaction_key = self.record(self.amount, now);
        self.approval = Some(Approval { transaction_key, at: Some(now) });
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
        let parse = |body: &Value| ConfirmRequest::parse(body, ConfirmPath::Current, None);
        let parsed = parse(&good).expect("a request");
        assert_eq!(parsed.amount, 15_000);
        for field in ["paymentKey", "orderId", "amount"] {
            for bad in [json!(null), json!(""), json!({}), json!(-1), json!("x".repeat(201))] {
                let mut body = good.clone();
                body[field] = bad.clone();
                let refusal = parse(&body).expect_err("a refusal");
                assert_eq!(refusal.code(), "INVALID_REQUEST", "{field} = {bad}");
            }
        }
        assert!(parse(&json!([])).is_err());
        let by_key = ConfirmRequest::parse(&good, ConfirmPath::ByKey, Some("tsim2"));
        assert_eq!(by_key.expect("a request").payment_key, "tsim2");
        assert!(ConfirmRequest::parse(&good, ConfirmPath::Brandpay, None).is_err());
    }
}
