//! Table `attempts`: one call to Toss, recorded before it is made.

use sea_orm::entity::prelude::*;

/// One call to Toss, recorded before it is made.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "attempts")]
pub struct Model {
    /// Its job.
    #[sea_orm(primary_key, auto_increment = false)]
    pub job_id: String,
    /// From 1 within the job.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i32,
    /// Whose payment.
    pub order_id: String,
    /// The claim under which it was made.
    pub claim: i64,
    /// confirm, cancel or look_up.
    pub operation: String,
    /// Of the idempotency key.
    pub key_generation: i32,
    /// Ours, toward Toss; none for look-ups.
    pub idempotency_key: Option<String>,
    /// SHA-256 of the call, hexadecimal.
    pub call_hash: Option<String>,
    /// What is sent, as JSON: the same for every attempt under one key.
    pub call: Option<String>,
    /// Milliseconds UTC: recorded, nothing sent yet.
    pub started_at: i64,
    /// Milliseconds UTC: answer recorded.
    pub finished_at: Option<i64>,
    /// Of the call.
    pub duration_ms: Option<i64>,
    /// Of the answer.
    pub http_status: Option<i32>,
    /// Toss's, or ours.
    pub code: Option<String>,
    /// Toss's, or ours.
    pub message: Option<String>,
    /// What it said: see the domain's Verdict.
    pub verdict: Option<String>,
    /// Toss's, for its support.
    pub trace_id: Option<String>,
    /// Redacted.
    pub answer: Option<String>,
    /// Its claim was over when the answer came: it decided nothing.
    pub is_stale: bool,
    /// Who made it.
    pub worker: String,
    /// Whose account at Toss it is made at.
    pub merchant: String,
}

/// None: `store` writes its joins where it needs them.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
