//! Table `findings`: a difference between our records and Toss's, for a person.

use sea_orm::entity::prelude::*;

/// A difference between our records and Toss's, for a person.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "findings")]
pub struct Model {
    /// Ours; sorts by time.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// See the domain's `FindingKind`.
    pub kind: String,
    /// Whose account at Toss.
    pub merchant: String,
    /// The order, as Toss or we name it.
    pub order_id: Option<String>,
    /// Toss's name of the payment.
    pub payment_key: String,
    /// Toss's key of the cancel; none for the charge and the balance.
    pub transaction_key: Option<String>,
    /// Won in our records.
    pub amount_here: Option<i64>,
    /// Won at Toss.
    pub amount_there: Option<i64>,
    /// How both sides stood, in one sentence.
    pub detail: String,
    /// Milliseconds UTC: of the charge or cancel that raised it.
    pub happened_at: i64,
    /// open or closed. Of one subject at most one is open.
    pub state: String,
    /// Milliseconds UTC.
    pub first_seen_at: i64,
    /// Milliseconds UTC: when a run saw it last.
    pub last_seen_at: i64,
    /// Milliseconds UTC.
    pub closed_at: Option<i64>,
    /// Staff id, or system when a run saw it no more.
    pub closed_by: Option<String>,
    /// Why.
    pub closed_note: Option<String>,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
