//! Table `payments`: our record of moving the money of one order.

use sea_orm::entity::prelude::*;

/// Our record of moving the money of one order.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "payments")]
pub struct Model {
    /// One payment per order.
    #[sea_orm(primary_key, auto_increment = false)]
    pub order_id: String,
    /// Whose money it is.
    pub store_id: String,
    /// Toss's name of it; unique among payments that did not fail.
    pub payment_key: String,
    /// The merchant that it belongs to, for ever.
    pub merchant: String,
    /// Won: what is taken.
    pub amount: i64,
    /// Won that can still be cancelled, as Toss last told.
    pub balance: i64,
    /// Ours: see the domain's PaymentState.
    pub state: String,
    /// Toss's own word.
    pub toss_status: Option<String>,
    /// Toss's display name of the method.
    pub method: Option<String>,
    /// What the redirect named: NORMAL, BRANDPAY.
    pub payment_type: Option<String>,
    /// Milliseconds UTC: when the confirm was accepted.
    pub accepted_at: i64,
    /// Milliseconds UTC until which a confirm may be sent.
    pub confirm_by: i64,
    /// Milliseconds UTC, by Toss.
    pub approved_at: Option<i64>,
    /// Toss's receipt.
    pub receipt_url: Option<String>,
    /// Why it failed or expired.
    pub failure_code: Option<String>,
    /// Toss's sentence.
    pub failure_message: Option<String>,
    /// The approval's or the latest cancel's.
    pub last_transaction_key: Option<String>,
    /// What deposit webhooks must carry.
    pub secret: Option<String>,
    /// Of the virtual account.
    pub bank_code: Option<String>,
    /// Of the virtual account.
    pub account_number: Option<String>,
    /// Of the virtual account.
    pub account_holder: Option<String>,
    /// Milliseconds UTC until which the account takes the money.
    pub deposit_due_at: Option<i64>,
    /// The one job that may move this payment's money now.
    pub money_job_id: Option<String>,
    /// Milliseconds UTC before which no further cancel is sent.
    pub next_cancel_at: i64,
    /// Why a person should look.
    pub review_reason: Option<String>,
    /// Milliseconds UTC.
    pub review_since: Option<i64>,
    /// Toss's last answer, redacted, of a payment that an earlier version settled. It is with the attempt that brought it, so nothing writes it
    /// any more; as long as processes of those versions may run beside, it cannot be dropped.
    pub raw: Option<String>,
    /// Raised by every change.
    pub version: i64,
    /// Milliseconds UTC.
    pub updated_at: i64,
    /// Milliseconds UTC: its jobs and attempts were deleted.
    pub pruned_at: Option<i64>,
    /// The number of the merchant's pair of keys that its calls are made with.
    pub key_pair: i32,
    /// What the window was told as its customer, for a payment whose confirm names them. Personal data.
    pub customer_key: Option<String>,
    /// Toss's display name of the wallet.
    pub easy_pay_provider: Option<String>,
    /// Toss's code of the card's issuer.
    pub card_issuer: Option<String>,
    /// Masked by Toss.
    pub card_number: Option<String>,
    /// 0 for a payment in one sum.
    pub card_installment_months: Option<i32>,
    /// Toss's code of the bank that a transfer came from.
    pub transfer_bank: Option<String>,
    /// Whether Toss gives back a part; unknown until it told.
    pub is_partial_cancelable: Option<bool>,
    /// What of the whole payment is free of tax, as Toss tells: its word counts where the order says something else.
    pub tax_free_amount: Option<i64>,
    /// Milliseconds UTC before which the sweeper leaves it alone.
    pub sweep_at: i64,
    /// Of the virtual account: Toss's word for how far a refund to the customer's bank is.
    pub refund_status: Option<String>,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
