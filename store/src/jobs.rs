//! Reading jobs and their attempts, for staff: one of them here, many in the folder.

mod counts;
mod filter;
mod list;

pub use counts::{JobCounts, JobGroup, JobGroups};
pub use filter::{JobFilter, JobSet, JobSort};
pub use list::CSV_ROWS_MAX;
pub(crate) use list::matching;

use domain::action::{JobAction, job_actions};
use domain::answer::FailureClass;
use domain::job::{ActionRefusal, JobKind, JobState};
use domain::text::mask_payment_key;
use domain::{JobId, Won};
use entities::{attempt, cancellation, job, payment};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _};

use crate::connection::Store;
use crate::error::StoreError;
use crate::operate::job_facts;
use crate::{rows, scene};

/// A job, as staff see it. Instants are milliseconds UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    /// Its id.
    pub id: String,
    /// What it is to do.
    pub kind: JobKind,
    /// Where it stands.
    pub state: JobState,
    /// Whose payment.
    pub order_id: String,
    /// For whose staff it is.
    pub store_id: String,
    /// Whose account at Toss.
    pub merchant: String,
    /// What the confirm takes or the cancel gives back, and of a look-up the payment's.
    pub amount: Won,
    /// The cancellation, for cancels.
    pub cancellation_id: Option<String>,
    /// How often it was claimed.
    pub claims: i64,
    /// Which idempotency key is next.
    pub key_generation: i32,
    /// When it goes on, or until when its present state holds.
    pub due_at: i64,
    /// Since when it could run.
    pub runnable_since: i64,
    /// The last code that an attempt brought.
    pub last_code: Option<String>,
    /// The sentence with it.
    pub last_message: Option<String>,
    /// The class of failure of the last answer, if it was one.
    pub last_class: Option<FailureClass>,
    /// Why it stopped.
    pub park_reason: Option<String>,
    /// Who claimed it last.
    pub worker: Option<String>,
    /// Of the request that made it.
    pub request_id: Option<String>,
    /// When it was made.
    pub created_at: i64,
    /// When it last changed.
    pub updated_at: i64,
    /// When it ended.
    pub ended_at: Option<i64>,
}

/// A job and what staff may do with it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobDetail {
    /// The job.
    pub job: JobRow,
    /// Every attempt, oldest first.
    pub attempts: Vec<AttemptRow>,
    /// Every action, whether it is allowed now, or why not.
    pub actions: [(JobAction, Result<(), ActionRefusal>); 5],
}

impl JobDetail {
    /// Whether an action is allowed now.
    ///
    /// # Errors
    /// [`ActionRefusal`] says why not.
    pub fn check(&self, wanted: JobAction) -> Result<(), ActionRefusal> {
        let found = self.actions.iter().find(|(action, _)| *action == wanted);
        found.map_or(Err(ActionRefusal::Ended), |(_, verdict)| *verdict)
    }
}

/// One call to Toss, as staff see it. Instants are milliseconds UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    /// From 1 within the job.
    pub number: i32,
    /// confirm, cancel or look_up.
    pub operation: String,
    /// Our idempotency key toward Toss.
    pub idempotency_key: Option<String>,
    /// Its generation.
    pub key_generation: i32,
    /// When it was recorded, before anything was sent.
    pub started_at: i64,
    /// When its answer was recorded.
    pub finished_at: Option<i64>,
    /// How long the call took, in milliseconds.
    pub duration_ms: Option<i64>,
    /// Of the answer.
    pub http_status: Option<i32>,
    /// Toss's, or ours.
    pub code: Option<String>,
    /// Toss's, or ours.
    pub message: Option<String>,
    /// What it said.
    pub verdict: Option<String>,
    /// For Toss's support.
    pub trace_id: Option<String>,
    /// What was sent, as JSON, without what belongs to the customer and with the payment's key masked.
    pub request: Option<String>,
    /// What came back, redacted.
    pub answer: Option<String>,
    /// Whether its claim was over when the answer came.
    pub is_stale: bool,
    /// Who made it.
    pub worker: String,
}

pub(crate) fn job_row(row: &job::Model) -> Result<JobRow, StoreError> {
    Ok(JobRow {
        id: row.id.clone(),
        kind: rows::job_kind(row)?,
        state: rows::job_state(row)?,
        order_id: row.order_id.clone(),
        store_id: row.store_id.clone(),
        merchant: row.merchant.clone(),
        amount: rows::won("jobs", &row.id, "amount", row.amount)?,
        cancellation_id: row.cancellation_id.clone(),
        claims: row.claims,
        key_generation: row.key_generation,
        due_at: row.due_at,
        runnable_since: row.runnable_since,
        last_code: row.last_code.clone(),
        last_message: row.last_message.clone(),
        // One that only a newer version knows is no reason to hide the job.
        last_class: row.last_class.as_deref().and_then(FailureClass::from_word),
        park_reason: row.park_reason.clone(),
        worker: row.worker.clone(),
        request_id: row.request_id.clone(),
        created_at: row.created_at,
        updated_at: row.updated_at,
        ended_at: row.ended_at,
    })
}

pub(crate) fn attempt_row(row: attempt::Model) -> AttemptRow {
    AttemptRow {
        request: row.call.as_deref().and_then(shown_call),
        number: row.number,
        operation: row.operation,
        idempotency_key: row.idempotency_key,
        key_generation: row.key_generation,
        started_at: row.started_at,
        finished_at: row.finished_at,
        duration_ms: row.duration_ms,
        http_status: row.http_status,
        code: row.code,
        message: row.message,
        verdict: row.verdict,
        trace_id: row.trace_id,
        answer: row.answer,
        is_stale: row.is_stale,
        worker: row.worker,
    }
}

impl Store {
    /// One job.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or the row cannot be read.
    pub async fn find_job(&self, id: &JobId) -> Result<Option<JobRow>, StoreError> {
        job::Entity::find_by_id(id.as_str()).one(&self.db).await?.as_ref().map(job_row).transpose()
    }

    /// One job with its attempts and what staff may do with it now.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or a row cannot be read.
    pub async fn find_job_detail(&self, id: &JobId) -> Result<Option<JobDetail>, StoreError> {
        let now_ms = self.now_ms().await?;
        let Some(found) = job::Entity::find_by_id(id.as_str()).one(&self.db).await? else {
            return Ok(None);
        };
        let job = job_row(&found)?;
        let payment = payment::Entity::find_by_id(job.order_id.as_str()).one(&self.db).await?;
        let attempts = attempt::Entity::find()
            .filter(attempt::Column::JobId.eq(id.as_str()))
            .order_by_asc(attempt::Column::Number)
            .all(&self.db)
            .await?;
        // The same past that decides when they try.
        let past = scene::history(&self.db, &found).await?;
        let window_ends_ms = payment.map_or(0, |payment| payment.confirm_by);
        let cancellation = match &job.cancellation_id {
            Some(id) => cancellation::Entity::find_by_id(id.as_str()).one(&self.db).await?,
            None => None,
        };
        let facts = job_facts(&found, window_ends_ms, cancellation.as_ref(), &past, now_ms)?;
        Ok(Some(JobDetail {
            actions: job_actions(&facts),
            attempts: attempts.into_iter().map(attempt_row).collect(),
            job,
        }))
    }

    /// The attempts of a job, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_attempts(&self, id: &JobId) -> Result<Vec<AttemptRow>, StoreError> {
        let attempts = attempt::Entity::find()
            .filter(attempt::Column::JobId.eq(id.as_str()))
            .order_by_asc(attempt::Column::Number)
            .all(&self.db)
            .await?;
        Ok(attempts.into_iter().map(attempt_row).collect())
    }
}

/// A call as staff see it. The shop's name of a customer and the account that a refund goes to are nobody's business.
fn shown_call(text: &str) -> Option<String> {
    let mut call: serde_json::Value = serde_json::from_str(text).ok()?;
    let fields = call.as_object_mut()?;
    fields.remove("customer_key");
    fields.remove("refund_account");
    if let Some(key) = fields.get_mut("payment_key") {
        let masked = key.as_str().map(mask_payment_key).unwrap_or_default();
        *key = serde_json::Value::String(masked);
    }
    Some(call.to_string())
}
