//! The answers of the API and the simulator, as far as a journey looks at them.

use serde::Deserialize;

/// `GET /v1/checkout/config`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CheckoutConfig {
    pub(super) mode: String,
    pub(super) client_key: String,
    pub(super) sdk_url: String,
}

/// `GET /v1/stores`.
#[derive(Debug, Deserialize)]
pub(super) struct Stores {
    pub(super) data: Vec<StoreView>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoreView {
    pub(super) store_id: String,
    pub(super) name: String,
    pub(super) open: bool,
}

/// `GET /v1/stores/{storeId}/menu`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Menu {
    pub(super) store_id: String,
    pub(super) delivery_fee: u64,
    pub(super) minimum_order: u64,
    pub(super) products: Vec<Product>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Product {
    pub(super) product_id: String,
    pub(super) price: u64,
    pub(super) available: bool,
    pub(super) option_groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    pub(super) min_choices: usize,
    pub(super) options: Vec<Choice>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Choice {
    pub(super) option_id: String,
    pub(super) price: u64,
    pub(super) available: bool,
}

/// `POST /v1/quotes`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Quote {
    pub(super) order_name: String,
    pub(super) items_amount: u64,
    pub(super) delivery_fee: u64,
    pub(super) amount: u64,
}

/// `POST /v1/orders`: what the payment window needs.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreatedOrder {
    pub(super) order_id: String,
    pub(super) order_name: String,
    pub(super) amount: u64,
    pub(super) customer_name: String,
    pub(super) customer_mobile_phone: Option<String>,
    pub(super) client_key: String,
    pub(super) success_url: String,
    pub(super) fail_url: String,
    pub(super) access_token: String,
    pub(super) order: OrderView,
}

/// `GET /v1/orders/{orderId}`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderView {
    pub(super) status: String,
    pub(super) status_text: String,
    pub(super) keep_polling: bool,
    pub(super) balance: u64,
    pub(super) cancelled_amount: u64,
    pub(super) payment: Option<PaymentView>,
    pub(super) cancels: Vec<CancelView>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct PaymentView {
    pub(super) failure: Option<FailureView>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct FailureView {
    pub(super) code: String,
    pub(super) message: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CancelView {
    pub(super) cancel_id: String,
    pub(super) amount: u64,
    pub(super) status: String,
    pub(super) transaction_key: Option<String>,
}

/// A problem document.
#[derive(Debug, Deserialize)]
pub(super) struct Problem {
    pub(super) code: String,
    pub(super) detail: String,
}

/// `GET /_sim/ledger` of the simulator: what really happened.
#[derive(Debug, Deserialize)]
pub(super) struct Ledger {
    pub(super) payments: Vec<LedgerEntry>,
}

#[derive(Debug, Deserialize)]
pub(super) struct LedgerEntry {
    pub(super) charged: u64,
    pub(super) cancelled: u64,
    pub(super) charges: u64,
    pub(super) refunds: Vec<u64>,
}
