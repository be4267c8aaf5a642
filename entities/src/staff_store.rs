//! Table `staff_stores`: which stores a member of staff acts for.

use sea_orm::entity::prelude::*;

/// Which stores a member of staff acts for.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "staff_stores")]
pub struct Model {
    /// Who.
    #[sea_orm(primary_key, auto_increment = false)]
    pub staff_id: String,
    /// For which store.
    #[sea_orm(primary_key, auto_increment = false)]
    pub store_id: String,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
