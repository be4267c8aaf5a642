//! The cash receipt that a buyer asked for together with a virtual account: issued when the deposit comes.
//!
//! Source: Toss, `cashReceipt` and `cashReceipts` of a Payment. The list has every issue and every cancel.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Cancel, Payment};

/// What the buyer asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct CashReceiptWish {
    /// One of [`crate::cash_receipts::KINDS`].
    pub(crate) kind: String,
    pub(crate) identity: String,
    pub(crate) receipt_key: String,
    pub(crate) issue_number: String,
}

impl Payment {
    /// The receipt as it stands in the Payment; None before the deposit.
    pub(crate) fn cash_receipt_view(&self, origin: &str) -> Option<Value> {
        let wish = self.cash_receipt.as_ref().filter(|_| self.is_deposited())?;
        Some(json!({
            "type": wish.kind,
            "receiptKey": wish.receipt_key,
            "issueNumber": wish.issue_number,
            "receiptUrl": format!("{origin}/receipt/{}", self.payment_key),
            "amount": self.amount,
            "taxFreeAmount": self.tax_free,
        }))
    }

    /// Every issue and cancel of it; None before the deposit.
    pub(crate) fn cash_receipts_view(&self, origin: &str) -> Option<Vec<Value>> {
        let wish = self.cash_receipt.as_ref().filter(|_| self.is_deposited())?;
        let approved_at = self.approval.as_ref()?.at?;
        let entry = |key: String, kind: &str, amount: i64, tax_free: i64, at: String| {
            json!({
                "receiptKey": key,
                "orderId": self.order_id,
                "orderName": self.order_name,
                "type": wish.kind,
                "issueNumber": wish.issue_number,
                "receiptUrl": format!("{origin}/receipt/{}", self.payment_key),
                "businessNumber": "0000000000",
                "transactionType": kind,
                "amount": amount,
                "taxFreeAmount": tax_free,
                "issueStatus": "COMPLETED",
                "failure": null,
                "customerIdentityNumber": wish.identity,
                "requestedAt": at,
            })
        };
        let issued = entry(
            wish.receipt_key.clone(),
            "CONFIRM",
            self.amount,
            self.tax_free,
            approved_at.to_kst(),
        );
        let cancelled = |cancel: &Cancel| {
            let key = format!("c_{}", wish.receipt_key);
            entry(key, "CANCEL", cancel.amount, cancel.tax_free, cancel.at.to_kst())
        };
        Some(std::iter::once(issued).chain(self.cancels.iter().map(cancelled)).collect())
    }
}
