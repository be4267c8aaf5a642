//! Table `sign_in_tries`: how often signing in under a name has failed, whether or not somebody has that name.

use sea_orm::entity::prelude::*;

/// How often signing in under a name has failed in a row.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sign_in_tries")]
pub struct Model {
    /// SHA-256 of the name that was typed, hexadecimal: people type passwords there by mistake.
    #[sea_orm(primary_key, auto_increment = false)]
    pub login_hash: String,
    /// Tries since the last success.
    pub failures: i32,
    /// Milliseconds UTC: no try counts before.
    pub locked_until: i64,
    /// Milliseconds UTC.
    pub tried_at: i64,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
