//! Table `breakers`: the circuit breaker of a merchant: whether calls that move money are started.

use sea_orm::entity::prelude::*;

/// The circuit breaker of a merchant: whether calls that move money are started.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "breakers")]
pub struct Model {
    /// The merchant's name in the configuration.
    #[sea_orm(primary_key, auto_increment = false)]
    pub merchant: String,
    /// closed or open.
    pub state: String,
    /// How often it opened again without a success between.
    pub openings: i32,
    /// Milliseconds UTC from which one call may try.
    pub probe_at: i64,
    /// The job that tries just now.
    pub probe_job_id: Option<String>,
    /// The claim under which it tries.
    pub probe_claim: Option<i64>,
    /// What the last failed call brought.
    pub last_code: Option<String>,
    /// Milliseconds UTC.
    pub changed_at: i64,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
