//! Table `audit`: what a person, or the system in their place, did.

use sea_orm::entity::prelude::*;

/// What a person, or the system in their place, did.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit")]
pub struct Model {
    /// Sorts by time.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Staff id, or `system`.
    pub actor: String,
    /// Their role then.
    pub role: String,
    /// A stable word, such as `cancel.request`.
    pub action: String,
    /// The id of what it was done to.
    pub subject: String,
    /// Whose store it concerns.
    pub store_id: Option<String>,
    /// Theirs.
    pub reason: Option<String>,
    /// JSON: what was before and after.
    pub detail: Option<String>,
    /// Of the request.
    pub request_id: Option<String>,
    /// Milliseconds UTC.
    pub at: i64,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
