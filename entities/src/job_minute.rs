//! Table `job_minutes`: how many jobs ended in a minute, counted once the minute is over.

use sea_orm::entity::prelude::*;

/// How many jobs ended in a minute, alike in all that is counted by.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "job_minutes")]
pub struct Model {
    /// Milliseconds UTC: its beginning.
    #[sea_orm(primary_key, auto_increment = false)]
    pub minute: i64,
    /// Of which store; empty for all of them together.
    #[sea_orm(primary_key, auto_increment = false)]
    pub store_id: String,
    /// What they were to do; empty in the row that says that the minute was counted.
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: String,
    /// How they ended.
    #[sea_orm(primary_key, auto_increment = false)]
    pub state: String,
    /// The last code; empty where there was none.
    #[sea_orm(primary_key, auto_increment = false)]
    pub code: String,
    /// How many.
    pub jobs: i64,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
