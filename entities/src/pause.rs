//! Table `pauses`: a stop of calls for a merchant until somebody resumes it.

use sea_orm::entity::prelude::*;

/// A stop of calls for a merchant until somebody resumes it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "pauses")]
pub struct Model {
    /// The merchant's name in the configuration.
    #[sea_orm(primary_key, auto_increment = false)]
    pub merchant: String,
    /// all, confirm, cancel or look_up.
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: String,
    /// suspected (nothing is held yet) or paused.
    pub state: String,
    /// A code or a person's sentence.
    pub reason: String,
    /// Whose call made it suspected.
    pub order_id: Option<String>,
    /// Staff id, or system.
    pub paused_by: String,
    /// Milliseconds UTC.
    pub since: i64,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
