//! Table `products`: a product of one store's menu.

use sea_orm::entity::prelude::*;

/// A product of one store's menu.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "products")]
pub struct Model {
    /// Unique over all stores.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Whose it is.
    pub store_id: String,
    /// What customers read.
    pub name: String,
    /// One or two sentences.
    pub description: Option<String>,
    /// Won, without options.
    pub price: i64,
    /// Whether it can be ordered now.
    pub is_available: bool,
    /// Order in the menu.
    pub position: i32,
    /// Milliseconds UTC.
    pub updated_at: i64,
    /// Whether it is free of tax, with its options.
    pub is_tax_free: bool,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
