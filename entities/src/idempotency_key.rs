//! Table `idempotency_keys`: a caller's idempotency key and what it made.

use sea_orm::entity::prelude::*;

/// A caller's idempotency key and what it made.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_keys")]
pub struct Model {
    /// Caller, method and route.
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: String,
    /// The caller's.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// SHA-256 of the body, hexadecimal.
    pub fingerprint: String,
    /// The id of what was made.
    pub subject: String,
    /// Milliseconds UTC.
    pub created_at: i64,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
