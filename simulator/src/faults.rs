//! Scripted faults: what shall go wrong with the next calls of one order, of one payment, or of everybody.
//!
//! Faults of one target and operation form a queue: each matching request takes the one in front, in the order in which
//! they were scripted. This file keeps the queues; what a fault does to a request is in `http/pipeline.rs`.

pub(crate) mod changes;
mod request;

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use self::changes::FaultChange;
pub use self::request::FaultRequest;
use self::request::Target;
use crate::codes;
use crate::limits::FAULTS_MAX;
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
