//! Cash receipts that are asked for by themselves, and their cancels; bounded.
//!
//! Source: Toss, cash receipts: IN_PROGRESS at first, final a day or two later. One that is issued after a payment was
//! approved is not shown in that payment.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::Moment;
use crate::codes;
use crate::ids;
use crate::limits::{
    AMOUNT_MAX, CASH_RECEIPT_FINAL_MS, CASH_RECEIPTS_MAX, CASH_RECEIPTS_PAGE_DEFAULT,
    CASH_RECEIPTS_PAGE_MAX, IDENTITY_DIGITS_MAX, ORDER_ID_CHARS_MAX, ORDER_NAME_CHARS_MAX,
};
use crate::merchant::Merchant;
use crate::payment::amount::{optional_amount, parse_amount};
use crate::refusal::Refusal;

/// Source: Toss, kinds of cash receipts: for income deduction and for business expenses.
pub(crate) const KINDS: [&str; 2] = ["소득공제", "지출증빙"];

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CashReceipt {
    sequence: u64,
    merchant: Merchant,
    receipt_key: String,
    issue_number: String,
    is_cancel: bool,
    kind: String,
    order_id: String,
    order_name: String,
    amount: i64,
    tax_free: i64,
    /// What of it was cancelled.
    cancelled: i64,
    identity: String,
    requested_at: Moment,
}

/// A change that can be stored.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CashReceiptChange {
    Put(Arc<CashReceipt>),
    Gone(u64),
}

#[derive(Debug, Default)]
pub(crate) struct CashReceipts {
    all: BTreeMap<u64, Arc<CashReceipt>>,
    changed: BTreeSet<u64>,
}

impl CashReceipts {
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<CashReceipt>> {
        self.all.values()
    }

    pub(crate) fn take_changes(&mut self) -> Vec<CashReceiptChange> {
        let change_of = |sequence| match self.all.get(&sequence) {
            Some(receipt) => CashReceiptChange::Put(Arc::clone(receipt)),
            None => CashReceiptChange::Gone(sequence),
        };
        std::mem::take(&mut self.changed).into_iter().map(change_of).collect()
    }

    /// Carries a stored change out again. Not a change itself.
    pub(crate) fn redo(&mut self, change: CashReceiptChange) {
        match change {
            CashReceiptChange::Put(receipt) => self.put_back(receipt),
            CashReceiptChange::Gone(sequence) => drop(self.all.remove(&sequence)),
        }
    }

    pub(crate) fn put_back(&mut self, receipt: Arc<CashReceipt>) {
        self.all.insert(receipt.sequence, receipt);
    }

    fn add(&mut self, receipt: CashReceipt) -> Arc<CashReceipt> {
        if self.all.len() >= CASH_RECEIPTS_MAX
            && let Some((sequence, _)) = self.all.pop_first()
        {
            self.changed.insert(sequence);
        }
        let receipt = Arc::new(receipt);
        self.changed.insert(receipt.sequence);
        self.put_back(Arc::clone(&receipt));
        receipt
    }

    /// Counted from 1, because a cursor of 0 means the beginning.
    fn next_sequence(&self) -> u64 {
        self.all.last_key_value().map_or(1, |(last, _)| last.saturating_add(1))
    }

    /// Issues a receipt for a body.
    ///
    /// # Errors
    /// 400 for a field that is missing or malformed, and for an order that has a receipt already.
    pub(crate) fn issue(
        &mut self,
        merchant: &Merchant,
        body: &Value,
        now: Moment,
    ) -> Result<Arc<CashReceipt>, Refusal> {
        let bad = |field: &str| Refusal::about(codes::INVALID_REQUEST, field);
        let text = |field: &str, chars_max: usize| {
            let text = body.get(field).and_then(Value::as_str);
            text.filter(|text| (1..=chars_max).contains(&text.chars().count()))
                .map(str::to_owned)
                .ok_or_else(|| bad(field))
        };
        let amount = body.get("amount").and_then(parse_amount);
        let amount = amount.filter(|it| (1..=AMOUNT_MAX).contains(it));
        let amount = amount.ok_or_else(|| bad("amount"))?;
        let tax_free = optional_amount(body, "taxFreeAmount")?.unwrap_or(0);
        if !(0..=amount).contains(&tax_free) {
            return Err(bad("taxFreeAmount"));
        }
        let kind = text("type", ORDER_NAME_CHARS_MAX)?;
        if !KINDS.contains(&kind.as_str()) {
            return Err(bad("type"));
        }
        // Before version 2022-07-27 it was called registrationNumber.
        let identity = text("customerIdentityNumber", IDENTITY_DIGITS_MAX).or_else(|refusal| {
            text("registrationNumber", IDENTITY_DIGITS_MAX).map_err(|_| refusal)
        })?;
        if !identity.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Refusal::new(codes::INVALID_REGISTRATION_NUMBER_TYPE));
        }
        let order_id = text("orderId", ORDER_ID_CHARS_MAX)?;
        let order_name = text("orderName", ORDER_NAME_CHARS_MAX)?;
        let is_issued = |it: &&Arc<CashReceipt>| {
            it.merchant == *merchant && it.order_id == order_id && !it.is_cancel && it.left() > 0
        };
        if self.all.values().any(|it| is_issued(&it)) {
            return Err(Refusal::new(codes::DUPLICATED_CASH_RECEIPT));
        }
        let issue_number = ids::issue_number();
        Ok(self.add(CashReceipt {
            sequence: self.next_sequence(),
            merchant: merchant.clone(),
            receipt_key: ids::receipt_key(),
            issue_number,
            is_cancel: false,
            kind,
            order_id,
            order_name,
            amount,
            tax_free,
            cancelled: 0,
            identity,
            requested_at: now,
        }))
    }

    /// Cancels a receipt, wholly if the body names no amount.
    ///
    /// # Errors
    /// 404 for one that is not the merchant's, 400 or 403 for an amount that cannot be cancelled.
    pub(crate) fn cancel(
        &mut self,
        merchant: &Merchant,
        receipt_key: &str,
        body: &Value,
        now: Moment,
    ) -> Result<Arc<CashReceipt>, Refusal> {
        let is_it = |it: &&Arc<CashReceipt>| {
            it.merchant == *merchant && it.receipt_key == receipt_key && !it.is_cancel
        };
        let original = self.all.values().find(is_it).cloned();
        let original = original.ok_or(Refusal::new(codes::NOT_FOUND))?;
        let amount = optional_amount(body, "amount")?.unwrap_or(original.left());
        if amount < 0 {
            return Err(Refusal::about(codes::INVALID_REQUEST, "amount"));
        }
        if amount == 0 || amount > original.left() {
            return Err(Refusal::new(codes::NOT_CANCELABLE_AMOUNT));
        }
        let cancelled = original.cancelled.saturating_add(amount);
        self.add(CashReceipt { cancelled, ..original.as_ref().clone() });
        Ok(self.add(CashReceipt {
            sequence: self.next_sequence(),
            receipt_key: format!("c_{receipt_key}"),
            issue_number: ids::issue_number(),
            is_cancel: true,
            amount,
            tax_free: original.tax_free.min(amount),
            cancelled: 0,
            requested_at: now,
            ..original.as_ref().clone()
        }))
    }

    /// One day's receipts of a merchant, after a cursor.
    ///
    /// # Errors
    /// 400 for a date, cursor or limit that is none or out of bounds.
    pub(crate) fn page(
        &self,
        merchant: &Merchant,
        query: &HashMap<String, String>,
        now: Moment,
        origin: &str,
    ) -> Result<Value, Refusal> {
        let given = |name: &str| query.get(name).map(String::as_str).filter(|it| !it.is_empty());
        let date = given("requestDate").ok_or(Refusal::new(codes::INVALID_DATE))?;
        let day = Moment::parse_kst_local(date).ok_or(Refusal::new(codes::INVALID_DATE))?;
        let number = |name: &str| given(name).map(str::parse::<u64>).transpose();
        let cursor = number("cursor").map_err(|_| Refusal::new(codes::INVALID_PAGING_KEY))?;
        let limit = number("limit").map_err(|_| Refusal::about(codes::INVALID_REQUEST, "limit"))?;
        let limit = limit.unwrap_or(CASH_RECEIPTS_PAGE_DEFAULT);
        if !(1..=CASH_RECEIPTS_PAGE_MAX).contains(&limit) {
            return Err(Refusal::new(codes::EXCEED_MAX_QUERY_LIMIT));
        }
        let after = cursor.unwrap_or(0);
        let is_asked_for = |it: &&Arc<CashReceipt>| {
            it.merchant == *merchant
                && it.sequence > after
                && it.requested_at.to_kst_date() == day.to_kst_date()
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut found = self.all.values().filter(is_asked_for);
        let page: Vec<&Arc<CashReceipt>> = found.by_ref().take(limit).collect();
        let last = page.last().map_or(after, |receipt| receipt.sequence);
        let data: Vec<Value> = page.iter().map(|receipt| receipt.view(now, origin)).collect();
        Ok(json!({"hasNext": found.next().is_some(), "lastCursor": last, "data": data}))
    }
}

impl CashReceipt {
    fn left(&self) -> i64 {
        self.amount.saturating_sub(self.cancelled)
    }

    /// Toss's CashReceipt object.
    pub(crate) fn view(&self, now: Moment, origin: &str) -> Value {
        let is_final = now.ms_since(self.requested_at) >= CASH_RECEIPT_FINAL_MS;
        json!({
            "receiptKey": self.receipt_key,
            "issueNumber": self.issue_number,
            "issueStatus": if is_final { "COMPLETED" } else { "IN_PROGRESS" },
            "amount": self.amount,
            "taxFreeAmount": self.tax_free,
            "orderId": self.order_id,
            "orderName": self.order_name,
            "type": self.kind,
            "transactionType": if self.is_cancel { "CANCEL" } else { "CONFIRM" },
            "businessNumber": "0000000000",
            "customerIdentityNumber": self.identity,
            "failure": null,
            "requestedAt": self.requested_at.to_kst(),
            "receiptUrl": format!("{origin}/receipt/{}", self.receipt_key),
        })
    }
}
