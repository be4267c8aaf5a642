//! Table `cancel_entries`: a cancel at Toss that a person is to tell apart from ours.

use sea_orm::entity::prelude::*;

/// A cancel at Toss that a person is to tell apart from ours.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "cancel_entries")]
pub struct Model {
    /// Whose payment.
    #[sea_orm(primary_key, auto_increment = false)]
    pub order_id: String,
    /// Toss's key of it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub transaction_key: String,
    /// Won that went back.
    pub amount: i64,
    /// Won of it that were free of tax.
    pub tax_free_amount: i64,
    /// The reason that it carries at Toss.
    pub reason: String,
    /// Milliseconds UTC, by Toss.
    pub cancelled_at: Option<i64>,
    /// Milliseconds UTC: when an answer showed it last.
    pub seen_at: i64,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
