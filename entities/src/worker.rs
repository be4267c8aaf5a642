//! Table `workers`: a worker process, as it last said of itself.

use sea_orm::entity::prelude::*;

/// A worker process, as it last said of itself.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "workers")]
pub struct Model {
    /// Unique among all workers ever started.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The machine or container.
    pub host: String,
    /// Of the program.
    pub version: String,
    /// The lanes that it serves, with commas between.
    pub kinds: String,
    /// Calls to Toss that it makes at once, at the most.
    pub concurrency: i32,
    /// Jobs that it held.
    pub in_flight: i32,
    /// Milliseconds UTC.
    pub started_at: i64,
    /// Milliseconds UTC: its last heartbeat.
    pub seen_at: i64,
    /// Milliseconds UTC: it takes nothing new.
    pub stopping_since: Option<i64>,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
