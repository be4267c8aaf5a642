//! The ground truth: what was really charged and given back per payment, and how often each call arrived.
//!
//! Kept apart from the Payment object on purpose. If a charge were taken twice, the object would not show it; this does.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Moment;
use crate::limits::{LEDGER_BODY_BYTES_MAX, LEDGER_REQUESTS_MAX};

/// How often each call arrived, whatever became of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// `POST /v1/payments/confirm`.
    pub confirm: u64,
    /// `GET /v1/payments/{paymentKey}`.
    pub look_up: u64,
    /// `GET /v1/payments/orders/{orderId}`.
    pub look_up_by_order: u64,
    /// `POST /v1/payments/{paymentKey}/cancel`.
    pub cancel: u64,
}

/// One request that arrived for a payment. The newest 64 are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedRequest {
    /// When it was answered, on the simulator's clock, `+09:00`.
    pub at: String,
    /// HTTP method.
    pub method: String,
    /// Path as sent.
    pub path: String,
    /// The caller's idempotency key.
    pub idempotency_key: Option<String>,
    /// The body as JSON; as text if it was none; cut off after 2,048 bytes.
    pub body: Value,
    /// HTTP status; None if the connection was closed without an answer.
    pub status: Option<u16>,
    /// Whether the answer came out of the idempotency store.
    pub replayed: bool,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) charges: Vec<i64>,
    pub(crate) refunds: Vec<i64>,
    pub(crate) calls: Calls,
    pub(crate) requests: VecDeque<RecordedRequest>,
}

/// A payment's truth, as `/_sim/ledger` shows it. Amounts in won.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerEntry {
    /// Toss's name of the payment.
    pub payment_key: String,
    /// The order it is for.
    pub order_id: String,
    /// The merchant.
    pub m_id: String,
    /// The Payment object's status, for comparison.
    pub status: crate::Status,
    /// Sum of everything that was charged.
    pub charged: i64,
    /// Sum of everything that was given back.
    pub cancelled: i64,
    /// How many times money was taken. More than 1 is a double charge.
    pub charges: usize,
    /// Every amount that was given back, oldest first.
    pub refunds: Vec<i64>,
    /// How often each call arrived.
    pub calls: Calls,
    /// The newest requests, oldest first.
    pub requests: Vec<RecordedRequest>,
}

impl Account {
    pub(crate) fn charged(&self) -> i64 {
        self.charges.iter().fold(0, |sum, amount| sum.saturating_add(*amount))
    }

    pub(crate) fn cancelled(&self) -> i64 {
        self.refunds.iter().fold(0, |sum, amount| sum.saturating_add(*amount))
    }
}

/// Every payment's account, by payment key.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    accounts: HashMap<String, Arc<Account>>,
}

impl Ledger {
    pub(crate) fn from_parts(accounts: HashMap<String, Arc<Account>>) -> Ledger {
        Ledger { accounts }
    }

    pub(crate) fn parts(&self) -> &HashMap<String, Arc<Account>> {
        &self.accounts
    }

    pub(crate) fn account(&self, payment_key: &str) -> Option<&Account> {
        self.accounts.get(payment_key).map(Arc::as_ref)
    }

    pub(crate) fn account_mut(&mut self, payment_key: &str) -> &mut Account {
        Arc::make_mut(self.accounts.entry(payment_key.to_owned()).or_default())
    }

    pub(crate) fn forget(&mut self, payment_key: &str) {
        self.accounts.remove(payment_key);
    }

    pub(crate) fn record(&mut self, payment_key: &str, request: RecordedRequest) {
        let requests = &mut self.account_mut(payment_key).requests;
        if requests.len() >= LEDGER_REQUESTS_MAX {
            requests.pop_front();
        }
        requests.push_back(request);
    }
}

/// A request body in the form the ledger keeps.
pub(crate) fn recorded_body(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    if body.len() <= LEDGER_BODY_BYTES_MAX
        && let Ok(value) = serde_json::from_slice(body)
    {
        return value;
    }
    let start = body.get(..body.len().min(LEDGER_BODY_BYTES_MAX)).unwrap_or(body);
    Value::String(String::from_utf8_lossy(start).into_owned())
}

/// When a request was answered, for [`RecordedRequest::at`].
pub(crate) fn recorded_at(now: Moment) -> String {
    now.to_kst()
}
