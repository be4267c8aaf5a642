//! Table `orders`: a customer's order, priced by us.

use sea_orm::entity::prelude::*;

/// A customer's order, priced by us.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "orders")]
pub struct Model {
    /// Toss's orderId.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Where it was ordered.
    pub store_id: String,
    /// The store's name as it was.
    pub store_name: String,
    /// The merchant that its payment goes to.
    pub merchant: String,
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
    /// For the kitchen or the rider.
    pub note: Option<String>,
    /// Won.
    pub items_amount: i64,
    /// Won.
    pub delivery_fee: i64,
    /// Won: what is paid.
    pub amount: i64,
    /// Won of the amount that are free of tax.
    pub tax_free_amount: i64,
    /// At most 100 characters, as Toss shows it.
    pub order_name: String,
    /// open, paying, closed or lapsed.
    pub state: String,
    /// Milliseconds UTC until which it may be paid.
    pub pay_by: i64,
    /// Raised by every change that a customer could see, also of its payment.
    pub version: i64,
    /// Milliseconds UTC.
    pub created_at: i64,
    /// Milliseconds UTC.
    pub updated_at: i64,
    /// Milliseconds UTC: its personal data was blanked.
    pub erased_at: Option<i64>,
    /// The number of the merchant's pair of keys that its window is opened with.
    pub key_pair: i32,
    /// The shop's name of a signed-in customer, as the window is told it; a guest has none. Personal data.
    pub customer_key: Option<String>,
    /// Milliseconds UTC until which a confirm that is not on record may take effect, since a backup was restored in which the order was
    /// open. 0 for an order whose record is whole.
    pub unrecorded_until: i64,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
