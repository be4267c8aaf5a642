//! Table `bulk_runs`: one action on many jobs.

use sea_orm::entity::prelude::*;

/// One action on many jobs.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "bulk_runs")]
pub struct Model {
    /// Ours; sorts by time.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// look_up, retry or discard.
    pub action: String,
    /// Why, in the words of whoever began it.
    pub reason: String,
    /// What was asked for, as JSON: a filter, or how many were named.
    pub selection: String,
    /// running, done or stopped.
    pub state: String,
    /// Who began it: it may do what they may.
    pub staff_id: String,
    /// Of the request that began it.
    pub request_id: Option<String>,
    /// How many jobs it has.
    pub items: i64,
    /// Of how many it was done.
    pub done: i64,
    /// For how many the rules did not allow it.
    pub refused: i64,
    /// How many could not be tried.
    pub failed: i64,
    /// How many were left when it was stopped.
    pub skipped: i64,
    /// The fencing token: raised by every worker that takes it.
    pub claims: i64,
    /// Milliseconds UTC until which it belongs to its worker.
    pub lease_until: i64,
    /// Who took it last.
    pub worker: Option<String>,
    /// Staff id.
    pub stopped_by: Option<String>,
    /// Milliseconds UTC.
    pub created_at: i64,
    /// Milliseconds UTC.
    pub updated_at: i64,
    /// Milliseconds UTC.
    pub ended_at: Option<i64>,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
