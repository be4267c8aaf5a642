//! Table `webhooks`: what came to the webhook address, as it came.

use sea_orm::entity::prelude::*;

/// What came to the webhook address, as it came.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "webhooks")]
pub struct Model {
    /// Ours.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The sender's, unique; none of those who send none.
    pub transmission_id: Option<String>,
    /// payment, deposit, other or unreadable.
    pub kind: String,
    /// The event's name, of other kinds.
    pub event: Option<String>,
    /// The order that it names.
    pub order_id: Option<String>,
    /// Whether that order has a payment of ours.
    pub has_payment: bool,
    /// The status that it claims, in Toss's word.
    pub status: Option<String>,
    /// The transaction that it claims.
    pub transaction_key: Option<String>,
    /// The address that it came from.
    pub source: String,
    /// The headers that matter, as JSON.
    pub headers: String,
    /// The body.
    pub body: String,
    /// looked_up, waiting, ignored, refused or expired.
    pub state: String,
    /// Why: a code.
    pub reason: Option<String>,
    /// How often it came.
    pub deliveries: i32,
    /// Milliseconds UTC: the first time.
    pub received_at: i64,
    /// Milliseconds UTC.
    pub changed_at: i64,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
