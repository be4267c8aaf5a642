//! The calls of Toss's API, and one of them as it arrived.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::http::HeaderValue;
use serde_json::Value;

use crate::faults::Operation;
use crate::refusal::{Language, Refusal};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Endpoint {
    /// `POST /v1/payments/confirm`
    Confirm,
    /// `POST /v1/payments/{paymentKey}`, the confirm of older clients.
    ConfirmByPath,
    /// `POST /v1/brandpay/payments/confirm`
    ConfirmBrandpay,
    /// `GET /v1/payments/{paymentKey}`
    LookUp,
    /// `GET /v1/payments/orders/{orderId}`
    LookUpByOrder,
    /// `POST /v1/payments/{paymentKey}/cancel`
    Cancel,
    /// `POST /v1/payments/key-in`
    KeyIn,
    /// `POST /v1/virtual-accounts`
    IssueAccount,
    /// `GET /v1/transactions`
    Transactions,
    /// `GET /v1/settlements`
    Settlements,
    /// `POST /v1/settlements`
    RequestSettlement,
    /// `GET /v1/cash-receipts`
    CashReceipts,
    /// `POST /v1/cash-receipts`
    IssueCashReceipt,
    /// `POST /v1/cash-receipts/{receiptKey}/cancel`
    CancelCashReceipt,
}

/// Under what the ledger counts a call of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    Confirm,
    LookUp,
    LookUpByOrder,
    Cancel,
}

impl Endpoint {
    pub(crate) fn has_body(self) -> bool {
        match self {
            Endpoint::Confirm
            | Endpoint::ConfirmByPath
            | Endpoint::ConfirmBrandpay
            | Endpoint::Cancel
            | Endpoint::KeyIn
            | Endpoint::IssueAccount
            | Endpoint::RequestSettlement
            | Endpoint::IssueCashReceipt
            | Endpoint::CancelCashReceipt => true,
            Endpoint::LookUp
            | Endpoint::LookUpByOrder
            | Endpoint::Transactions
            | Endpoint::Settlements
            | Endpoint::CashReceipts => false,
        }
    }

    pub(crate) fn method(self) -> &'static str {
        if self.has_body() { "POST" } else { "GET" }
    }

    /// What a fault calls it.
    pub(crate) fn operation(self) -> Operation {
        match self {
            Endpoint::Confirm
            | Endpoint::ConfirmByPath
            | Endpoint::ConfirmBrandpay
            | Endpoint::KeyIn
            | Endpoint::IssueAccount => Operation::Confirm,
            Endpoint::Cancel => Operation::Cancel,
            Endpoint::LookUp | Endpoint::LookUpByOrder => Operation::LookUp,
            Endpoint::Transactions | Endpoint::Settlements | Endpoint::CashReceipts => {
                Operation::List
            }
            Endpoint::RequestSettlement => Operation::Any,
            Endpoint::IssueCashReceipt | Endpoint::CancelCashReceipt => Operation::CashReceipt,
        }
    }

    /// None for calls that are not about a payment that is there already.
    pub(crate) fn count(self) -> Option<Count> {
        match self {
            Endpoint::Confirm | Endpoint::ConfirmByPath | Endpoint::ConfirmBrandpay => {
                Some(Count::Confirm)
            }
            Endpoint::LookUp => Some(Count::LookUp),
            Endpoint::LookUpByOrder => Some(Count::LookUpByOrder),
            Endpoint::Cancel => Some(Count::Cancel),
            Endpoint::KeyIn
            | Endpoint::IssueAccount
            | Endpoint::Transactions
            | Endpoint::Settlements
            | Endpoint::RequestSettlement
            | Endpoint::CashReceipts
            | Endpoint::IssueCashReceipt
            | Endpoint::CancelCashReceipt => None,
        }
    }
}

/// One request as it arrived. Which payment it names is not checked yet.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) endpoint: Endpoint,
    pub(crate) path: String,
    pub(crate) query: HashMap<String, String>,
    pub(crate) payment_key: Option<String>,
    pub(crate) order_id: Option<String>,
    /// Of a cash receipt.
    pub(crate) receipt_key: Option<String>,
    pub(crate) json: Result<Value, Refusal>,
    pub(crate) body: Bytes,
    pub(crate) authorization: Option<Vec<u8>>,
    pub(crate) test_code: Option<Vec<u8>>,
    pub(crate) idempotency_key: Option<HeaderValue>,
    pub(crate) traceparent: Option<HeaderValue>,
    pub(crate) request_id: Option<HeaderValue>,
    pub(crate) language: Language,
    pub(crate) origin: String,
}
