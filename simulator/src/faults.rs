//! Scripted faults: what shall go wrong with the next calls of one order, of one payment, or of everybody.
//!
//! Faults of one target and operation form a queue: each matching request takes the one in front, in the order in which
//! they were scripted. This file keeps the queues; what a fault does to a request is in `http/pipeline.rs`.

pub(crate) mod changes;

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use self::changes::FaultChange;
use crate::codes;
use crate::limits::{
    FAULT_DELAY_MS_MAX, FAULT_TIMES_MAX, FAULTS_MAX, ORDER_ID_CHARS_MAX, PAYMENT_KEY_CHARS_MAX,
};
use crate::refusal::Refusal;

/// Which calls a fault is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Every call that takes money: the confirms, a payment by card number, the issue of a virtual account.
    Confirm,
    /// Cancel.
    Cancel,
    /// Both look-ups, by payment key and by order.
    LookUp,
    /// The feeds: transactions, settlements, cash receipts.
    List,
    /// Issue or cancel of a cash receipt.
    CashReceipt,
    /// Whichever comes first.
    Any,
}

/// What goes wrong. "Done" means that the work was carried out: the money was taken, given back, or looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The institution declines a confirm with `code`: the payment is ABORTED.
    Decline,
    /// Answers `code` (and `status`, if given) and leaves the payment alone; with `after_charge`, after the work is done.
    AnswerCode,
    /// Waits `ms` before the work. The work goes on if the caller hangs up meanwhile.
    Delay,
    /// Does the work at once and answers `ms` later.
    DelayAfter,
    /// HTTP 500 (`code`, `status`), nothing done.
    ServerErrorBefore,
    /// HTTP 500 (`code`, `status`), done.
    ServerErrorAfter,
    /// Closes the connection without an answer, nothing done.
    CutBefore,
    /// Closes the connection without an answer, done.
    CutAfter,
    /// 409 `IDEMPOTENT_REQUEST_PROCESSING`, nothing done.
    InProgress,
    /// An HTML page (`status`, default 200) instead of the answer, done.
    Unreadable,
    /// An HTML page (`status`, default 200), nothing done.
    UnreadableBefore,
    /// 429, with `Retry-After` if `retry_after_seconds` is given; nothing done.
    Throttle,
    /// Done, but the answer shows another order's payment.
    WrongPayment,
    /// Done, the answer has unknown fields and values; `merge` is laid over it.
    UnknownValues,
    /// 401 `UNAUTHORIZED_KEY`, nothing done.
    Unauthorized,
}

/// Where on a request's way a fault sits, from the outside in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    /// Answers in front of the idempotency store, which never hears of the request.
    Front,
    /// Changes how an answer travels, a replayed one as well.
    Delivery,
    /// Takes the place of the work or changes its result; a replayed answer leaves it in the queue.
    Work,
}

impl FaultKind {
    pub(crate) fn layer(self) -> Layer {
        match self {
            FaultKind::CutBefore
            | FaultKind::InProgress
            | FaultKind::UnreadableBefore
            | FaultKind::Throttle
            | FaultKind::Unauthorized => Layer::Front,
            FaultKind::Delay
            | FaultKind::DelayAfter
            | FaultKind::CutAfter
            | FaultKind::Unreadable => Layer::Delivery,
            FaultKind::Decline
            | FaultKind::AnswerCode
            | FaultKind::ServerErrorBefore
            | FaultKind::ServerErrorAfter
            | FaultKind::WrongPayment
            | FaultKind::UnknownValues => Layer::Work,
        }
    }
}

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

    fn check(&self) -> Result<Target, Refusal> {
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

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Target {
    Payment(String),
    Order(String),
    Everywhere,
}

/// A fault in its queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WaitingFault {
    /// Scripting order over all queues.
    pub sequence: u64,
    /// How many requests it still hits.
    pub remaining: u32,
    /// What was asked for.
    #[serde(flatten)]
    pub request: FaultRequest,
}

#[derive(Debug, Default)]
pub(crate) struct Faults {
    queues: HashMap<Target, VecDeque<WaitingFault>>,
    count: usize,
    next_sequence: u64,
    /// What happened since [`Faults::take_changes`].
    changes: Vec<FaultChange>,
}

impl Faults {
    /// # Errors
    /// 400 naming the field that is wrong, 429 if too many faults wait already.
    pub(crate) fn add(&mut self, request: FaultRequest) -> Result<WaitingFault, Refusal> {
        let target = request.check()?;
        if self.count >= FAULTS_MAX {
            return Err(Refusal::about(codes::TOO_MANY_REQUESTS, "faults"));
        }
        let remaining = request.times.unwrap_or(1);
        let fault = WaitingFault { sequence: self.next_sequence, remaining, request };
        self.next_sequence = self.next_sequence.saturating_add(1);
        self.count = self.count.saturating_add(1);
        self.queues.entry(target).or_default().push_back(fault.clone());
        self.changes.push(FaultChange::Added(fault.clone()));
        Ok(fault)
    }

    /// All waiting faults in the order in which they were scripted.
    pub(crate) fn waiting(&self) -> Vec<WaitingFault> {
        let mut all: Vec<WaitingFault> = self.queues.values().flatten().cloned().collect();
        all.sort_by_key(|fault| fault.sequence);
        all
    }

    /// Forgets all faults; returns how many there were.
    pub(crate) fn clear(&mut self) -> usize {
        let count = self.count;
        self.forget_all();
        self.changes.push(FaultChange::Cleared);
        count
    }

    /// Forgets one fault.
    ///
    /// # Errors
    /// 404 if it does not wait any more.
    pub(crate) fn remove(&mut self, sequence: u64) -> Result<(), Refusal> {
        if !self.queues.values().flatten().any(|fault| fault.sequence == sequence) {
            return Err(Refusal::about(codes::NOT_FOUND, "fault"));
        }
        self.set_remaining(sequence, 0);
        self.changes.push(FaultChange::Hit { sequence, remaining: 0 });
        Ok(())
    }

    /// Takes the fault that is next for such a request, unless `is_kept` says to leave it where it is.
    pub(crate) fn take(
        &mut self,
        payment_key: Option<&str>,
        order_id: Option<&str>,
        operation: Operation,
        is_kept: impl Fn(&FaultRequest) -> bool,
    ) -> Option<FaultRequest> {
        let targets = [
            payment_key.map(|key| Target::Payment(key.to_owned())),
            order_id.map(|id| Target::Order(id.to_owned())),
            Some(Target::Everywhere),
        ];
        let is_for = |fault: &WaitingFault| {
            fault.request.operation == operation || fault.request.operation == Operation::Any
        };
        let first_of = |target: Target| {
            let queue = self.queues.get(&target)?;
            let (at, fault) = queue.iter().enumerate().find(|(_, fault)| is_for(fault))?;
            Some((fault.sequence, target, at))
        };
        let (_, target, at) =
            targets.into_iter().flatten().filter_map(first_of).min_by_key(|(first, ..)| *first)?;
        let queue = self.queues.get_mut(&target)?;
        let fault = queue.get_mut(at)?;
        if is_kept(&fault.request) {
            return None;
        }
        let request = fault.request.clone();
        fault.remaining = fault.remaining.saturating_sub(1);
        self.changes
            .push(FaultChange::Hit { sequence: fault.sequence, remaining: fault.remaining });
        if fault.remaining == 0 {
            queue.remove(at);
            self.count = self.count.saturating_sub(1);
            if queue.is_empty() {
                self.queues.remove(&target);
            }
        }
        Some(request)
    }
}

#[cfg(test)]
mod tests;
