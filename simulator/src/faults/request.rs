//! A fault as it is asked for, and what may not be asked for.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{FaultKind, Operation};
use crate::codes;
use crate::limits::{
    FAULT_DELAY_MS_MAX, FAULT_TIMES_MAX, ORDER_ID_CHARS_MAX, PAYMENT_KEY_CHARS_MAX,
};
use crate::refusal::Refusal;

/// One fault to be scripted. Orders and payments are named across all merchants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRequest {
    /// The order it is for; this, `payment_key` or `everywhere`.
    #[serde(rename = "orderId", default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// The payment it is for.
    #[serde(rename = "paymentKey", default, skip_serializing_if = "Option::is_none")]
    pub payment_key: Option<String>,
    /// For the calls of every order and every payment, and for those that name none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub everywhere: bool,
    /// Which calls.
    pub operation: Operation,
    /// What goes wrong.
    pub kind: FaultKind,
    /// How many requests it hits, default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// Error code to answer. A name that Toss does not have is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// HTTP status, 200–599; for codes 400–599.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Milliseconds, at most ten minutes. With other kinds than the delays: waits so long first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// For `answer_code`: do the work first.
    #[serde(default, alias = "afterCharge", skip_serializing_if = "std::ops::Not::not")]
    pub after_charge: bool,
    /// For `throttle`: the `Retry-After` header.
    #[serde(default, alias = "retryAfterSeconds", skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
    /// For `unknown_values`: fields laid over the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge: Option<Map<String, Value>>,
}

impl FaultRequest {
    fn new(operation: Operation, kind: FaultKind) -> FaultRequest {
        FaultRequest {
            order_id: None,
            payment_key: None,
            everywhere: false,
            operation,
            kind,
            times: None,
            code: None,
            status: None,
            ms: None,
            after_charge: false,
            retry_after_seconds: None,
            merge: None,
        }
    }

    /// A fault that hits the next such call of the order once.
    pub fn for_order(order_id: &str, operation: Operation, kind: FaultKind) -> FaultRequest {
        FaultRequest { order_id: Some(order_id.to_owned()), ..FaultRequest::new(operation, kind) }
    }

    /// A fault that hits the next such call of the payment once.
    pub fn for_payment(payment_key: &str, operation: Operation, kind: FaultKind) -> FaultRequest {
        FaultRequest {
            payment_key: Some(payment_key.to_owned()),
            ..FaultRequest::new(operation, kind)
        }
    }

    /// A fault that hits the next such call once, whoever makes it.
    pub fn everywhere(operation: Operation, kind: FaultKind) -> FaultRequest {
        FaultRequest { everywhere: true, ..FaultRequest::new(operation, kind) }
    }

    /// The same with an error code.
    #[must_use]
    pub fn with_code(self, code: &str) -> FaultRequest {
        FaultRequest { code: Some(code.to_owned()), ..self }
    }

    /// The same with a delay in milliseconds.
    #[must_use]
    pub fn with_ms(self, ms: u64) -> FaultRequest {
        FaultRequest { ms: Some(ms), ..self }
    }

    /// The same for so many requests in a row.
    #[must_use]
    pub fn times(self, times: u32) -> FaultRequest {
        FaultRequest { times: Some(times), ..self }
    }

    pub(super) fn check(&self) -> Result<Target, Refusal> {
        let target = match (&self.payment_key, &self.order_id, self.everywhere) {
            (Some(key), None, false) if is_name(key, PAYMENT_KEY_CHARS_MAX) => {
                Target::Payment(key.clone())
            }
            (None, Some(id), false) if is_name(id, ORDER_ID_CHARS_MAX) => Target::Order(id.clone()),
            (None, None, true) => Target::Everywhere,
            _ => {
                let fields = "orderId, paymentKey or everywhere";
                return Err(Refusal::about(codes::INVALID_REQUEST, fields));
            }
        };
        self.check_everywhere()?;
        Ok(target)
    }

    /// Checks everything but whose calls it is for.
    ///
    /// # Errors
    /// 400 naming the field that is wrong.
    pub(crate) fn check_everywhere(&self) -> Result<(), Refusal> {
        let bad = |what: &str| Err(Refusal::about(codes::INVALID_REQUEST, what));
        if self.times.is_some_and(|times| !(1..=FAULT_TIMES_MAX).contains(&times)) {
            return bad("times");
        }
        if self.ms.is_some_and(|ms| ms > FAULT_DELAY_MS_MAX) {
            return bad("ms");
        }
        let takes_code = match self.kind {
            FaultKind::Decline if self.operation != Operation::Confirm => {
                return bad("decline needs operation confirm");
            }
            FaultKind::Decline | FaultKind::AnswerCode => {
                if self.code.is_none() {
                    return bad("code");
                }
                true
            }
            FaultKind::ServerErrorBefore | FaultKind::ServerErrorAfter => true,
            FaultKind::Delay | FaultKind::DelayAfter if self.ms.is_none() => return bad("ms"),
            FaultKind::Delay
            | FaultKind::DelayAfter
            | FaultKind::CutBefore
            | FaultKind::CutAfter
            | FaultKind::InProgress
            | FaultKind::Unreadable
            | FaultKind::UnreadableBefore
            | FaultKind::Throttle
            | FaultKind::WrongPayment
            | FaultKind::UnknownValues
            | FaultKind::Unauthorized => false,
        };
        if self.code.as_ref().is_some_and(|code| !takes_code || !is_name(code, 100)) {
            return bad("code");
        }
        self.check_extras(takes_code)
    }

    fn check_extras(&self, takes_code: bool) -> Result<(), Refusal> {
        let is_page = matches!(self.kind, FaultKind::Unreadable | FaultKind::UnreadableBefore);
        let statuses = if is_page { 200..=599 } else { 400..=599 };
        let is_status_fine =
            self.status.is_none_or(|status| (takes_code || is_page) && statuses.contains(&status));
        let is_after_fine = !self.after_charge || self.kind == FaultKind::AnswerCode;
        let is_retry_fine = self.retry_after_seconds.is_none() || self.kind == FaultKind::Throttle;
        let is_merge_fine = self.merge.is_none() || self.kind == FaultKind::UnknownValues;
        for (is_fine, field) in [
            (is_status_fine, "status"),
            (is_after_fine, "after_charge"),
            (is_retry_fine, "retry_after_seconds"),
            (is_merge_fine, "merge"),
        ] {
            if !is_fine {
                return Err(Refusal::about(codes::INVALID_REQUEST, field));
            }
        }
        Ok(())
    }

    /// How long to wait before anything else, in milliseconds.
    pub(crate) fn delay_before_ms(&self) -> u64 {
        if self.kind == FaultKind::DelayAfter { 0 } else { self.ms.unwrap_or(0) }
    }

    /// How long to wait between the work and the answer, in milliseconds.
    pub(crate) fn delay_after_ms(&self) -> u64 {
        if self.kind == FaultKind::DelayAfter { self.ms.unwrap_or(0) } else { 0 }
    }
}

fn is_name(text: &str, chars_max: usize) -> bool {
    (1..=chars_max).contains(&text.chars().count())
}

/// Whose calls a fault is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Target {
    Payment(String),
    Order(String),
    Everywhere,
}
