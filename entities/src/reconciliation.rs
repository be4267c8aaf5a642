//! Table `reconciliations`: one comparison of our records with Toss's over a time.

use sea_orm::entity::prelude::*;

/// One comparison of our records with Toss's over a time.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reconciliations")]
pub struct Model {
    /// Ours; sorts by time.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Whose account at Toss.
    pub merchant: String,
    /// Milliseconds UTC: the beginning of the time, included.
    pub range_from: i64,
    /// Milliseconds UTC: its end, not included.
    pub range_to: i64,
    /// Milliseconds UTC: everything before was compared. A run that was cut off goes on from here.
    pub compared_to: i64,
    /// running, done or stopped.
    pub state: String,
    /// Why it stopped: a code.
    pub problem: Option<String>,
    /// Pages of Toss's list.
    pub pages: i64,
    /// Records in them.
    pub transactions: i64,
    /// Those that do not say whose they are.
    pub unreadable: i64,
    /// Payments that Toss was asked about.
    pub looked_up: i64,
    /// Findings that are new.
    pub opened: i64,
    /// Findings that were there no more.
    pub closed: i64,
    /// Milliseconds UTC.
    pub started_at: i64,
    /// Milliseconds UTC.
    pub ended_at: Option<i64>,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
