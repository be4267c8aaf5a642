//! Table `bulk_items`: one job of a bulk run.

use sea_orm::entity::prelude::*;

/// One job of a bulk run.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "bulk_items")]
pub struct Model {
    /// Which run.
    #[sea_orm(primary_key, auto_increment = false)]
    pub run_id: String,
    /// Its place, from 1.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i32,
    /// As it was named; there may be no such job.
    pub job_id: String,
    /// Whose payment, as far as it is known.
    pub order_id: Option<String>,
    /// For whose staff it is to see, as far as it is known.
    pub store_id: Option<String>,
    /// pending, done, refused, failed or skipped.
    pub state: String,
    /// Why it was refused, or what failed.
    pub code: Option<String>,
    /// Milliseconds UTC: when the run was begun.
    pub created_at: i64,
    /// Milliseconds UTC.
    pub ended_at: Option<i64>,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
