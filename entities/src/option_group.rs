//! Table `option_groups`: a group of options of one product, of which a customer picks some.

use sea_orm::entity::prelude::*;

/// A group of options of one product, of which a customer picks some.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "option_groups")]
pub struct Model {
    /// Whose it is.
    #[sea_orm(primary_key, auto_increment = false)]
    pub product_id: String,
    /// Unique within the product.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// What customers read.
    pub name: String,
    /// How many must be picked; above zero means required.
    pub min_choices: i32,
    /// How many may be picked.
    pub max_choices: i32,
    /// Order within the product.
    pub position: i32,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
