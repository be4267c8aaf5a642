//! Table `options`: one option of a group, with its own price.

use sea_orm::entity::prelude::*;

/// One option of a group, with its own price.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "options")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub product_id: String,
    /// Unique within the product.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Its group.
    pub group_id: String,
    /// What customers read.
    pub name: String,
    /// Won, added to the product's.
    pub price: i64,
    /// Whether it can be picked now.
    pub is_available: bool,
    /// Order within the group.
    pub position: i32,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
