//! Table `call_slots`: when the next call of a merchant may begin, where its rate is limited.

use sea_orm::entity::prelude::*;

/// When the next call of a merchant may begin, where its rate is limited.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "call_slots")]
pub struct Model {
    /// The merchant's name in the configuration.
    #[sea_orm(primary_key, auto_increment = false)]
    pub merchant: String,
    /// confirm, cancel or look_up.
    #[sea_orm(primary_key, auto_increment = false)]
    pub operation: String,
    /// Milliseconds UTC.
    pub next_free_at: i64,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
