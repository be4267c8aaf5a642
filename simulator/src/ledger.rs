//! The ground truth: what was really charged and given back per payment, and how often each call arrived.
//!
//! Kept apart from the Payment object on purpose. If a charge were taken twice, the object would not show it; this does.

use std::collections::{BTreeMap, HashMap, VecDeque};
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
    /// The caller's `traceparent`.
    pub traceparent: Option<String>,
    /// The caller's `X-Request-Id`.
    pub request_id: Option<String>,
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

    fn note(&mut self, request: RecordedRequest) {
        if self.requests.len() >= LEDGER_REQUESTS_MAX {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }
}

/// Every payment's account, by payment key.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    accounts: HashMap<String, Arc<Account>>,
    /// Accounts that changed since [`Ledger::take_changes`], and how many requests each has noted since.
    changed: BTreeMap<String, usize>,
}

/// An account after a change: its numbers, and the requests that are new.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountChange {
    payment_key: String,
    charges: Vec<i64>,
    refunds: Vec<i64>,
    calls: Calls,
    new_requests: Vec<RecordedRequest>,
}

impl Ledger {
    pub(crate) fn from_parts(accounts: HashMap<String, Arc<Account>>) -> Ledger {
        Ledger { accounts, changed: BTreeMap::new() }
    }

    /// The accounts that changed since the last call; those that were forgotten are not told.
    pub(crate) fn take_changes(&mut self) -> Vec<AccountChange> {
        let changed = std::mem::take(&mut self.changed).into_iter();
        let change_of = |(payment_key, new): (String, usize)| {
            let account = self.accounts.get(&payment_key)?;
            let old = account.requests.len().saturating_sub(new);
            Some(AccountChange {
                payment_key,
                charges: account.charges.clone(),
                refunds: account.refunds.clone(),
                calls: account.calls,
                new_requests: account.requests.iter().skip(old).cloned().collect(),
            })
        };
        changed.filter_map(change_of).collect()
    }

    /// Carries a stored change out again. Not a change itself.
    pub(crate) fn redo(&mut self, change: AccountChange) {
        let account = Arc::make_mut(self.accounts.entry(change.payment_key).or_default());
        account.charges = change.charges;
        account.refunds = change.refunds;
        account.calls = change.calls;
        change.new_requests.into_iter().for_each(|request| account.note(request));
    }

    pub(crate) fn parts(&self) -> &HashMap<String, Arc<Account>> {
        &self.accounts
    }

    pub(crate) fn account(&self, payment_key: &str) -> Option<&Account> {
        self.accounts.get(payment_key).map(Arc::as_ref)
    }

    pub(crate) fn account_mut(&mut self, payment_key: &str) -> &mut Account {
        self.changed.entry(payment_key.to_owned()).or_default();
        Arc::make_mut(self.accounts.entry(payment_key.to_owned()).or_default())
    }

    pub(crate) fn forget(&mut self, payment_key: &str) {
        self.accounts.remove(payment_key);
    }

    pub(crate) fn record(&mut self, payment_key: &str, request: RecordedRequest) {
        self.account_mut(payment_key).note(request);
        if let Some(new) = self.changed.get_mut(payment_key) {
            *new = new.saturating_add(1);
        }
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
