//! Reading runs and their items, for those who may see them.

use domain::bulk::{BulkAction, BulkState, ItemState};
use domain::limits::PAGE_ROWS_MAX;
use domain::role::Scope;
use domain::{BulkRunId, StoreId};
use entities::{bulk_item, bulk_run, staff};
use sea_orm::sea_query::ExprTrait as _;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::connection::Store;
use crate::error::StoreError;
use crate::page::Page;
use crate::rows;

/// Whose runs somebody may see and stop.
#[derive(Debug, Clone)]
pub struct BulkReader {
    /// Only those that this member began; `None`: everybody's.
    pub started_by: Option<String>,
    /// The stores whose items they may see.
    pub scope: Scope,
}

/// A run and how far it is. Instants are milliseconds UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkRunRow {
    /// Its id; sorts by time.
    pub id: String,
    /// What is done with each job.
    pub action: BulkAction,
    /// Why.
    pub reason: String,
    /// What was asked for: `{"filter": {…}}` or `{"named": n}`.
    pub selection: serde_json::Value,
    /// Where it stands.
    pub state: BulkState,
    /// Staff id of who began it.
    pub started_by: String,
    /// Their name.
    pub started_by_name: Option<String>,
    /// How many jobs it has.
    pub items: i64,
    /// Of how many it was done.
    pub done: i64,
    /// For how many the rules did not allow it.
    pub refused: i64,
    /// How many could not be tried.
    pub failed: i64,
    /// How many were left when it was stopped.
    pub skipped: i64,
    /// The worker that took it last.
    pub worker: Option<String>,
    /// Staff id of who stopped it.
    pub stopped_by: Option<String>,
    /// When it was begun.
    pub created_at: i64,
    /// When it last went on.
    pub updated_at: i64,
    /// When it ended.
    pub ended_at: Option<i64>,
}

impl BulkRunRow {
    /// How many are still to be done.
    #[must_use]
    pub fn pending(&self) -> i64 {
        let over = [self.done, self.refused, self.failed, self.skipped];
        over.into_iter().fold(self.items, i64::saturating_sub)
    }
}

/// One job of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkItemRow {
    /// Its place, from 1.
    pub number: i32,
    /// The job, as it was named.
    pub job_id: String,
    /// Whose payment.
    pub order_id: Option<String>,
    /// What became of it.
    pub state: ItemState,
    /// Why it was refused, or what failed.
    pub code: Option<String>,
    /// When, in milliseconds UTC.
    pub ended_at: Option<i64>,
}

impl Store {
    /// Runs, newest first. `after` is the previous page's `next`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or a row cannot be read.
    pub async fn list_bulk_runs(
        &self,
        reader: &BulkReader,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Page<BulkRunRow>, StoreError> {
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        let mut query = bulk_run::Entity::find()
            .order_by_desc(bulk_run::Column::Id)
            .limit(limit.saturating_add(1));
        if let Some(staff_id) = &reader.started_by {
            query = query.filter(bulk_run::Column::StaffId.eq(staff_id));
        }
        if let Some(after) = after {
            query = query.filter(bulk_run::Column::Id.lt(after));
        }
        let page = Page::cut(query.all(&self.db).await?, limit, |run| run.id.clone());
        let ids = page.rows.iter().map(|run| run.staff_id.as_str());
        let members =
            staff::Entity::find().filter(staff::Column::Id.is_in(ids)).all(&self.db).await?;
        let name = |id: &str| members.iter().find(|one| one.id == id).map(|one| one.name.clone());
        let mut runs = Vec::with_capacity(page.rows.len());
        for run in page.rows {
            let name = name(&run.staff_id);
            runs.push(run_row(run, name)?);
        }
        Ok(Page { rows: runs, next: page.next })
    }

    /// One run; `None` when there is none, or it is not theirs to see.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or the row cannot be read.
    pub async fn find_bulk_run(
        &self,
        id: &BulkRunId,
        reader: &BulkReader,
    ) -> Result<Option<BulkRunRow>, StoreError> {
        let run = bulk_run::Entity::find_by_id(id.as_str()).one(&self.db).await?;
        let Some(run) = run.filter(|run| reader.sees(run)) else { return Ok(None) };
        let member = staff::Entity::find_by_id(run.staff_id.as_str()).one(&self.db).await?;
        Ok(Some(run_row(run, member.map(|member| member.name))?))
    }

    /// The jobs of a run in their order, those of the reader's stores. `after` is the previous page's `next`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or a row cannot be read.
    pub async fn list_bulk_items(
        &self,
        id: &BulkRunId,
        reader: &BulkReader,
        state: Option<ItemState>,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Page<BulkItemRow>, StoreError> {
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        let mut query = bulk_item::Entity::find()
            .filter(bulk_item::Column::RunId.eq(id.as_str()))
            .order_by_asc(bulk_item::Column::Number)
            .limit(limit.saturating_add(1));
        if let Scope::Stores(stores) = &reader.scope {
            let own = bulk_item::Column::StoreId.is_in(stores.iter().map(StoreId::as_str));
            query = query.filter(own.or(bulk_item::Column::StoreId.is_null()));
        }
        if let Some(state) = state {
            query = query.filter(bulk_item::Column::State.eq(state.word()));
        }
        if let Some(after) = after {
            // What is no number is behind every item.
            query = query
                .filter(bulk_item::Column::Number.gt(after.parse::<i32>().unwrap_or(i32::MAX)));
        }
        let page = Page::cut(query.all(&self.db).await?, limit, |item| item.number.to_string());
        let rows = page.rows.into_iter().map(item_row).collect::<Result<_, _>>()?;
        Ok(Page { rows, next: page.next })
    }
}

impl BulkReader {
    pub(super) fn sees(&self, run: &bulk_run::Model) -> bool {
        self.started_by.as_ref().is_none_or(|staff_id| *staff_id == run.staff_id)
    }
}

pub(super) fn action_of(run: &bulk_run::Model) -> Result<BulkAction, StoreError> {
    BulkAction::from_word(&run.action)
        .ok_or_else(|| rows::unreadable("bulk_runs", &run.id, "action", &run.action))
}

pub(super) fn run_row(
    run: bulk_run::Model,
    name: Option<String>,
) -> Result<BulkRunRow, StoreError> {
    let state = BulkState::from_word(&run.state);
    Ok(BulkRunRow {
        action: action_of(&run)?,
        state: state.ok_or_else(|| rows::unreadable("bulk_runs", &run.id, "state", &run.state))?,
        selection: serde_json::from_str(&run.selection)
            .map_err(|error| rows::unreadable("bulk_runs", &run.id, "selection", error))?,
        id: run.id,
        reason: run.reason,
        started_by: run.staff_id,
        started_by_name: name,
        items: run.items,
        done: run.done,
        refused: run.refused,
        failed: run.failed,
        skipped: run.skipped,
        worker: run.worker,
        stopped_by: run.stopped_by,
        created_at: run.created_at,
        updated_at: run.updated_at,
        ended_at: run.ended_at,
    })
}

fn item_row(item: bulk_item::Model) -> Result<BulkItemRow, StoreError> {
    let state = ItemState::from_word(&item.state);
    Ok(BulkItemRow {
        state: state
            .ok_or_else(|| rows::unreadable("bulk_items", &item.run_id, "state", &item.state))?,
        number: item.number,
        job_id: item.job_id,
        order_id: item.order_id,
        code: item.code,
        ended_at: item.ended_at,
    })
}
