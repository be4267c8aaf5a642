//! Table `stores`: a store: its terms of sale and the merchant that it sells under.

use sea_orm::entity::prelude::*;

/// A store: its terms of sale and the merchant that it sells under.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "stores")]
pub struct Model {
    /// Chosen by whoever creates it; never changes.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// What customers read.
    pub name: String,
    /// The configured merchant (a Toss MID) that payments of new orders go to.
    pub merchant: String,
    /// Won.
    pub delivery_fee: i64,
    /// Won; compared with the items' amount.
    pub minimum_order: i64,
    /// Whether orders are taken now.
    pub is_open: bool,
    /// Milliseconds UTC.
    pub created_at: i64,
    /// Milliseconds UTC.
    pub updated_at: i64,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
