//! Table `web_sessions`: a browser in which a member of staff is signed in.

use sea_orm::entity::prelude::*;

/// A browser in which a member of staff is signed in.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "web_sessions")]
pub struct Model {
    /// SHA-256 of the session's token, hexadecimal.
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: String,
    /// Who.
    pub staff_id: String,
    /// Milliseconds UTC: when they signed in.
    pub created_at: i64,
    /// Milliseconds UTC: their last request, within a minute.
    pub seen_at: i64,
    /// Milliseconds UTC: when it ends, whatever they do.
    pub ends_at: i64,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
