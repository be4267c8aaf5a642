//! Table `staff`: a member of staff.

use sea_orm::entity::prelude::*;

/// A member of staff.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "staff")]
pub struct Model {
    /// Ours.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Who they are in the audit.
    pub name: String,
    /// owner, manager or master.
    pub role: String,
    /// SHA-256 of their token, hexadecimal.
    pub token_hash: String,
    /// What they sign in under, in lower case; `None` for those who only have a token.
    pub login: Option<String>,
    /// Argon2id, as a PHC string; `None` until they have a password.
    pub password_hash: Option<String>,
    /// Milliseconds UTC.
    pub created_at: i64,
    /// Milliseconds UTC; their token is refused since then.
    pub disabled_at: Option<i64>,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
