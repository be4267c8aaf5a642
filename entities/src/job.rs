//! Table `jobs`: one thing to be done about one payment.

use sea_orm::entity::prelude::*;

/// One thing to be done about one payment.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    /// Ours.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// confirm, cancel or look_up.
    pub kind: String,
    /// Whose payment.
    pub order_id: String,
    /// For whose staff it is to see.
    pub store_id: String,
    /// Under whose keys it calls.
    pub merchant: String,
    /// For cancels.
    pub cancellation_id: Option<String>,
    /// See the domain's JobState.
    pub state: String,
    /// The fencing token: raised by every claim.
    pub claims: i64,
    /// Which idempotency key is next, from 1.
    pub key_generation: i32,
    /// Milliseconds UTC until which the present state holds.
    pub due_at: i64,
    /// Milliseconds UTC since when it could run; republishing does not move it.
    pub runnable_since: i64,
    /// How often the relay published it in this state.
    pub publications: i32,
    /// Asked for again while it was under way.
    pub rerun_wanted: bool,
    /// The last code that an attempt brought.
    pub last_code: Option<String>,
    /// The sentence with it.
    pub last_message: Option<String>,
    /// Why it stopped.
    pub park_reason: Option<String>,
    /// Who claimed it last.
    pub worker: Option<String>,
    /// Of the request that made it.
    pub request_id: Option<String>,
    /// Milliseconds UTC.
    pub created_at: i64,
    /// Milliseconds UTC.
    pub updated_at: i64,
    /// Milliseconds UTC.
    pub ended_at: Option<i64>,
    /// W3C trace context of the request that made it.
    pub traceparent: Option<String>,
    /// Won: what the confirm takes or the cancel gives back, and of a look-up the payment's.
    pub amount: i64,
    /// The class of failure of the last answer, if it was one: see the domain's FailureClass.
    pub last_class: Option<String>,
    /// Milliseconds UTC: until then calls that are not on record may take effect, because a backup was restored; 0 if there are none.
    pub unrecorded_until: i64,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
