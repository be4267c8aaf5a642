//! Table `cancellations`: one cancel of a payment, whole or part.

use sea_orm::entity::prelude::*;

/// One cancel of a payment, whole or part.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cancellations")]
pub struct Model {
    /// Ours.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Whose money goes back.
    pub order_id: String,
    /// Won, fixed when it was accepted.
    pub amount: i64,
    /// The staff's words.
    pub reason: String,
    /// Staff id; `toss` for a cancel made in Toss's own console.
    pub requested_by: String,
    /// Their role then, or system.
    pub role: String,
    /// requested, sending, done, refused or unresolved.
    pub state: String,
    /// Toss's key of it, unique.
    pub transaction_key: Option<String>,
    /// Milliseconds UTC.
    pub requested_at: i64,
    /// Milliseconds UTC, by Toss.
    pub cancelled_at: Option<i64>,
    /// Why it was refused.
    pub failure_code: Option<String>,
    /// Toss's sentence.
    pub failure_message: Option<String>,
    /// Milliseconds UTC.
    pub updated_at: i64,
    /// Won of the amount that are free of tax; none for an order that has no such part.
    pub tax_free_amount: Option<i64>,
    /// Where the money of a virtual account goes, encrypted; none once it has arrived or was refused.
    pub refund_account: Option<String>,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
