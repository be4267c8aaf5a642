//! Table `poison_messages`: a message of the queue that means nothing to us, set aside for a person.

use sea_orm::entity::prelude::*;

/// A message of the queue that means nothing to us, set aside for a person.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "poison_messages")]
pub struct Model {
    /// Ours.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Why: a code.
    pub reason: String,
    /// The queue that it came from.
    pub source: String,
    /// Its bytes as text, cut to a bounded length.
    pub body: String,
    /// What the broker said of it, as JSON.
    pub detail: Option<String>,
    /// Milliseconds UTC.
    pub received_at: i64,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
