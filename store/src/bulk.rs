//! Bulk runs: one action on many jobs, frozen as a list when it is begun, done one by one by a worker, each under the rules and the
//! rights that its starter has at that moment.
//!
//! An item is done and written down in one transaction, so that a worker that is killed leaves nothing done twice and nothing forgotten.
//! Locks are taken in one order: run, item, then those of the job. Reading runs is in `read`.

mod perform;
mod preview;
mod read;
mod select;

use domain::bulk::{BulkAction, BulkState, ItemState};
use domain::limits::BULK_RUNS_MAX;
use domain::role::Scope;
use domain::{BulkRunId, JobId};
use entities::{bulk_item, bulk_run};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, DbErr, EntityTrait as _, IntoActiveModel as _,
    PaginatorTrait as _, QueryFilter as _, QuerySelect as _,
};
use serde_json::json;

pub use perform::{BulkStep, HeldRun, ItemOutcome};
pub use preview::{BulkPreview, BulkVerdict, PreviewGroup};
pub use read::{BulkItemRow, BulkReader, BulkRunRow};

use crate::audit;
use crate::connection::{Conflict, Store};
use crate::error::StoreError;
use crate::jobs::JobFilter;
use crate::operate::Actor;
use crate::sql::word;

/// Which jobs a run is about.
#[derive(Debug, Clone)]
pub enum BulkSelection {
    /// These, at most [`domain::limits::BULK_SELECTED_MAX`]. Doubles count once.
    Named(Vec<JobId>),
    /// All that the list of jobs shows with this filter, at most [`domain::limits::BULK_ITEMS_MAX`].
    Matching(JobFilter),
}

/// What a preview showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Previewed {
    /// How many jobs.
    pub jobs: u64,
    /// When it was read, in milliseconds UTC.
    pub as_of_ms: i64,
}

/// A run to begin.
#[derive(Debug, Clone)]
pub struct StartBulkRun {
    /// The run's id, if the caller has made one: beginning it twice begins it once.
    pub id: Option<BulkRunId>,
    /// What was previewed, if the run is to be about exactly that.
    pub previewed: Option<Previewed>,
    /// What is done with each job.
    pub action: BulkAction,
    /// Why: every item's audit says so.
    pub reason: String,
    /// Which jobs.
    pub selection: BulkSelection,
    /// Which stores the starter acts for now.
    pub scope: Scope,
    /// Who begins it. Every item is done with the rights that they have by then.
    pub actor: Actor,
}

/// Why a run was not begun, or not stopped. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum BulkError {
    /// No job is meant.
    #[error("no job is meant")]
    Empty,
    /// More jobs are meant than a run may have.
    #[error("more than {most} jobs are meant")]
    TooMany {
        /// How many there may be.
        most: u64,
    },
    /// Too many runs are under way.
    #[error("too many runs are under way")]
    Busy,
    /// Other jobs are meant by now than those that were previewed.
    #[error("the jobs have changed since they were previewed")]
    Changed,
    /// There is no such run, or it is somebody else's.
    #[error("the run is unknown")]
    Unknown,
    /// It has ended, or somebody has stopped it before.
    #[error("the run has ended")]
    Ended,
    /// The database failed; of a start it is not known whether it was begun.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for BulkError {
    fn from(error: DbErr) -> BulkError {
        BulkError::Store(error.into())
    }
}

impl Conflict for BulkError {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            BulkError::Store(error) => Some(error),
            BulkError::Empty
            | BulkError::TooMany { .. }
            | BulkError::Busy
            | BulkError::Changed
            | BulkError::Unknown
            | BulkError::Ended => None,
        }
    }
}

impl Store {
    /// Begins a run: its jobs are written down as they are meant now. A worker goes on with it. Audited.
    ///
    /// # Errors
    /// [`BulkError`] says why not.
    pub async fn start_bulk_run(&self, wanted: &StartBulkRun) -> Result<BulkRunRow, BulkError> {
        self.retried(|| self.start_bulk_run_once(wanted)).await
    }

    async fn start_bulk_run_once(&self, wanted: &StartBulkRun) -> Result<BulkRunRow, BulkError> {
        let write = self.begin_write().await?;
        if let Some(id) = &wanted.id
            && let Some(run) = bulk_run::Entity::find_by_id(id.as_str()).one(&write.tx).await?
        {
            let is_theirs = run.staff_id == wanted.actor.id;
            let name = Some(wanted.actor.name.clone());
            return if is_theirs { Ok(read::run_row(run, name)?) } else { Err(BulkError::Unknown) };
        }
        let under_way = bulk_run::Entity::find()
            .filter(Expr::col(bulk_run::Column::State).eq(word(BulkState::Running.word())))
            .count(&write.tx)
            .await?;
        if under_way >= BULK_RUNS_MAX {
            return Err(BulkError::Busy);
        }
        let meant = select::select(&write.tx, &wanted.scope, &wanted.selection).await?;
        if wanted.previewed.is_some_and(|seen| !select::is_as_seen(&meant, seen)) {
            return Err(BulkError::Changed);
        }
        let id = wanted.id.as_ref().map_or_else(|| write.new_id(), |id| id.as_str().to_owned());
        let run = bulk_run::Model {
            id,
            action: wanted.action.word().to_owned(),
            reason: wanted.reason.clone(),
            selection: select::in_words(&wanted.selection).to_string(),
            state: BulkState::Running.word().to_owned(),
            staff_id: wanted.actor.id.clone(),
            request_id: wanted.actor.origin.request_id.clone(),
            items: i64::try_from(meant.len()).unwrap_or(i64::MAX),
            done: 0,
            refused: 0,
            failed: 0,
            skipped: 0,
            claims: 0,
            lease_until: write.now_ms,
            worker: None,
            stopped_by: None,
            created_at: write.now_ms,
            updated_at: write.now_ms,
            ended_at: None,
        };
        run.clone().into_active_model().reset_all().insert(&write.tx).await?;
        select::freeze(&write, &run.id, &meant).await?;
        let detail = json!({ "action": run.action, "jobs": run.items });
        let reason = Some(wanted.reason.as_str());
        audit::record(&write, &wanted.actor, "bulk.start", &run.id, None, reason, Some(detail))
            .await?;
        write.commit().await?;
        Ok(read::run_row(run, Some(wanted.actor.name.clone()))?)
    }

    /// Stops a run: what was not done yet never will be by it. Audited.
    ///
    /// # Errors
    /// [`BulkError`] says why not. Of two callers at once, one gets [`BulkError::Ended`].
    pub async fn stop_bulk_run(
        &self,
        id: &BulkRunId,
        reader: &BulkReader,
        actor: &Actor,
        reason: Option<&str>,
    ) -> Result<BulkRunRow, BulkError> {
        self.retried(|| self.stop_bulk_run_once(id, reader, actor, reason)).await?;
        self.find_bulk_run(id, reader).await?.ok_or(BulkError::Unknown)
    }

    async fn stop_bulk_run_once(
        &self,
        id: &BulkRunId,
        reader: &BulkReader,
        actor: &Actor,
        reason: Option<&str>,
    ) -> Result<(), BulkError> {
        let write = self.begin_write().await?;
        let run = bulk_run::Entity::find_by_id(id.as_str()).lock_exclusive().one(&write.tx).await?;
        let run = run.filter(|run| reader.sees(run)).ok_or(BulkError::Unknown)?;
        if run.state != BulkState::Running.word() {
            return Err(BulkError::Ended);
        }
        let skipped = bulk_item::Entity::update_many()
            .col_expr(bulk_item::Column::State, Expr::value(ItemState::Skipped.word()))
            .col_expr(bulk_item::Column::EndedAt, Expr::value(write.now_ms))
            .filter(bulk_item::Column::RunId.eq(id.as_str()))
            .filter(Expr::col(bulk_item::Column::State).eq(word(ItemState::Pending.word())))
            .exec(&write.tx)
            .await?;
        let skipped = i64::try_from(skipped.rows_affected).unwrap_or(i64::MAX);
        let detail = json!({ "action": run.action, "skipped": skipped });
        audit::record(&write, actor, "bulk.stop", &run.id, None, reason, Some(detail)).await?;
        let mut run = run.into_active_model();
        run.state = Set(BulkState::Stopped.word().to_owned());
        run.skipped = Set(skipped);
        run.stopped_by = Set(Some(actor.id.clone()));
        run.updated_at = Set(write.now_ms);
        run.ended_at = Set(Some(write.now_ms));
        run.update(&write.tx).await?;
        Ok(write.commit().await?)
    }
}
