//! Orders: what everybody who asks about one gets to see. Creating, closing, listing and erasing are in the folder; paying is in `accept`.
//!
//! An [`OrderDetail`] is one instant of the database: order, lines, payment, cancellations and job fit together.

mod close;
mod create;
mod detail;
mod erase;
mod happening;
mod lapse;
mod list;
mod timeline;
mod told;

pub(crate) use detail::accepted_detail;

pub use close::CloseOrderError;
pub use create::{CreateOrder, CreateOrderError, CreatedOrder};
pub use erase::{CustomerContact, EraseError, Erased};
pub use happening::{Happening, LeftOut, Timeline, TimelineEntry};
pub use list::{OrderFilter, ReviewFilter};

use domain::answer::Means;
use domain::cancellation::CancellationState;
use domain::cart::QuotedLine;
use domain::job::JobState;
use domain::order::OrderState;
use domain::payment::PaymentState;
use domain::role::Role;
use domain::status::{CustomerView, Standing, customer_view};
use domain::{CancellationId, OrderId, StoreId, Won};
use entities::{cancellation, order};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::connection::Store;
use crate::error::StoreError;

/// An order with all that belongs to it, as of `now_ms`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderDetail {
    /// The order itself.
    pub order: OrderRow,
    /// Its lines as sold, in the cart's order.
    pub lines: Vec<QuotedLine>,
    /// Its payment, once a confirm was accepted.
    pub payment: Option<PaymentDetail>,
    /// Its cancellations, oldest first.
    pub cancellations: Vec<CancellationDetail>,
    /// The state of the job that confirms it.
    pub confirm_job: Option<JobState>,
    /// What the customer's word is derived from.
    pub standing: Standing,
    /// The database's clock when this was read, in milliseconds UTC.
    pub now_ms: i64,
}

impl OrderDetail {
    /// The customer's word, and when to ask again, as of when this was read.
    #[must_use]
    pub fn view(&self) -> CustomerView {
        customer_view(&self.standing, self.now_ms)
    }

    /// What has been given back so far.
    #[must_use]
    pub fn cancelled_amount(&self) -> Won {
        let done = self.cancellations.iter().filter(|row| row.state == CancellationState::Done);
        Won::sum(done.map(|row| row.amount)).unwrap_or(Won::MAX)
    }
}

/// An order's own row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRow {
    /// As Toss knows it.
    pub id: OrderId,
    /// Where it was ordered.
    pub store_id: StoreId,
    /// The store's name as it was.
    pub store_name: String,
    /// The merchant that its payment goes to. Not for customers.
    pub merchant: String,
    /// The number of the merchant's pair of keys that its window is opened with.
    pub key_pair: u32,
    /// What the window is told as its customer; `None` for a guest. Personal data.
    pub customer_key: Option<String>,
    /// Personal data.
    pub customer_name: String,
    /// Personal data.
    pub customer_email: Option<String>,
    /// Digits. Personal data.
    pub customer_phone: String,
    /// Personal data.
    pub address: String,
    /// Personal data.
    pub address_detail: Option<String>,
    /// For the courier.
    pub note: Option<String>,
    /// The sum of the lines.
    pub items_amount: Won,
    /// What delivery adds.
    pub delivery_fee: Won,
    /// What is paid: items and delivery.
    pub amount: Won,
    /// What of it is free of tax.
    pub tax_free_amount: Won,
    /// At most 100 characters, as Toss shows it.
    pub order_name: String,
    /// Where it stands.
    pub state: OrderState,
    /// Until when it may be paid, in milliseconds UTC.
    pub pay_by_ms: i64,
    /// Raised by every change that a customer could see, also of its payment. That time passes does not raise it.
    pub version: i64,
    /// Milliseconds UTC.
    pub created_at_ms: i64,
    /// Milliseconds UTC.
    pub updated_at_ms: i64,
    /// When its personal data was blanked, in milliseconds UTC: the fields above that hold such are empty since.
    pub erased_at_ms: Option<i64>,
}

/// The payment of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentDetail {
    /// Ours.
    pub state: PaymentState,
    /// Toss's name of it.
    pub payment_key: String,
    /// Toss's own word for its state.
    pub toss_status: Option<String>,
    /// Toss's display name of the method.
    pub method: Option<String>,
    /// What the redirect named.
    pub payment_type: Option<String>,
    /// What Toss tells about how it was paid.
    pub means: Means,
    /// What can still be cancelled; zero before the confirm.
    pub balance: Won,
    /// When the confirm was accepted, in milliseconds UTC.
    pub accepted_at_ms: i64,
    /// When Toss approved it, in milliseconds UTC.
    pub approved_at_ms: Option<i64>,
    /// Toss's receipt.
    pub receipt_url: Option<String>,
    /// Why it failed or expired.
    pub failure: Option<Failure>,
    /// Where the customer has to pay into.
    pub virtual_account: Option<VirtualAccount>,
    /// Why a person should look. Not for customers.
    pub review_reason: Option<String>,
}

/// Why something of Toss did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Toss's code, or ours.
    pub code: String,
    /// Toss's sentence.
    pub message: Option<String>,
}

/// An account that waits for the customer's money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualAccount {
    /// Toss's code of the bank.
    pub bank_code: Option<String>,
    /// The account.
    pub account_number: String,
    /// In whose name the money is awaited.
    pub holder: Option<String>,
    /// Until when the account takes the money, in milliseconds UTC.
    pub due_at_ms: Option<i64>,
}

/// One cancellation of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancellationDetail {
    /// Ours.
    pub id: CancellationId,
    /// Of which order.
    pub order_id: OrderId,
    /// What goes back.
    pub amount: Won,
    /// What of it is free of tax.
    pub tax_free_amount: Won,
    /// The staff's words.
    pub reason: String,
    /// Staff id; `system`, or `toss` for a cancel made in Toss's own console.
    pub requested_by: String,
    /// Their role then; `None` when it was nobody of the staff.
    pub role: Option<Role>,
    /// Where it stands.
    pub state: CancellationState,
    /// Toss's key of it.
    pub transaction_key: Option<String>,
    /// Milliseconds UTC.
    pub requested_at_ms: i64,
    /// By Toss, in milliseconds UTC.
    pub cancelled_at_ms: Option<i64>,
    /// Why it was refused.
    pub failure: Option<Failure>,
}

impl Store {
    /// One order with all that belongs to it.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or a row cannot be read.
    pub async fn find_order(&self, id: &OrderId) -> Result<Option<OrderDetail>, StoreError> {
        let read = self.begin_read().await?;
        let rows = order::Entity::find_by_id(id.as_str()).all(&read.tx).await?;
        let found = detail::load(&read.tx, rows, read.now_ms).await?.pop();
        read.end().await?;
        Ok(found)
    }

    /// The version of an order, for those who wait until it rises.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn order_version(&self, id: &OrderId) -> Result<Option<i64>, StoreError> {
        let version = order::Entity::find_by_id(id.as_str())
            .select_only()
            .column(order::Column::Version)
            .into_tuple::<i64>()
            .one(&self.db)
            .await?;
        Ok(version)
    }

    /// The cancellations of an order, oldest first; none for an order that does not exist.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or a row cannot be read.
    pub async fn find_cancellations(
        &self,
        order: &OrderId,
    ) -> Result<Vec<CancellationDetail>, StoreError> {
        let rows = cancellation::Entity::find()
            .filter(cancellation::Column::OrderId.eq(order.as_str()))
            .order_by_asc(cancellation::Column::RequestedAt)
            .order_by_asc(cancellation::Column::Id)
            .limit(domain::limits::CANCELLATIONS_MAX)
            .all(&self.db)
            .await?;
        rows.iter().map(detail::cancellation).collect()
    }

    /// One cancellation, if it is one of this order.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or the row cannot be read.
    pub async fn find_cancellation(
        &self,
        order: &OrderId,
        id: &CancellationId,
    ) -> Result<Option<CancellationDetail>, StoreError> {
        let row = cancellation::Entity::find_by_id(id.as_str())
            .filter(cancellation::Column::OrderId.eq(order.as_str()))
            .one(&self.db)
            .await?;
        row.as_ref().map(detail::cancellation).transpose()
    }
}
