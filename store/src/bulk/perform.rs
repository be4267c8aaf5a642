//! Doing a run, item by item.

use domain::bulk::{BulkAction, BulkState, ItemState};
use domain::job::ActionRefusal;
use domain::limits::BULK_LEASE_MS;
use domain::role::{Action, Member};
use domain::{JobId, StoreId};
use entities::{bulk_item, bulk_run, staff, staff_store};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
};

use super::read::action_of;
use crate::connection::{Store, Write};
use crate::error::StoreError;
use crate::operate::{
    ActError, ActedJob, Actor, Why, discard_within, look_up_within, retry_within,
};
use crate::origin::Origin;
use crate::relayed::PublishedJob;
use crate::rows;
use crate::sql::word;

/// A run that is ours until its lease is over; every item renews it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRun {
    /// Its id.
    pub id: String,
    claims: i64,
}

/// What a turn did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BulkStep {
    /// The next item was tried.
    Item {
        /// Its place, from 1.
        number: i32,
        /// What became of it.
        outcome: ItemOutcome,
        /// Publish it now, or the relay will.
        publish: Option<PublishedJob>,
    },
    /// Nothing is left: the run is done.
    Over,
    /// It was stopped, or another worker has it.
    Lost,
}

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemOutcome {
    /// It was done.
    Done,
    /// The rules did not allow it.
    Refused(ActionRefusal),
    /// There is no such job.
    UnknownJob,
    /// Who began the run does not act for the job's store any more.
    OutOfScope,
    /// Who began the run was disabled.
    MemberDisabled,
    /// The database does not take what the item needs.
    Broken,
}

impl ItemOutcome {
    /// Where the item stands then.
    #[must_use]
    pub const fn state(self) -> ItemState {
        match self {
            ItemOutcome::Done => ItemState::Done,
            ItemOutcome::Refused(_)
            | ItemOutcome::UnknownJob
            | ItemOutcome::OutOfScope
            | ItemOutcome::MemberDisabled => ItemState::Refused,
            ItemOutcome::Broken => ItemState::Failed,
        }
    }

    /// The word beside it, the same as of the problem that one job would meet.
    #[must_use]
    pub const fn code(self) -> Option<&'static str> {
        match self {
            ItemOutcome::Done => None,
            ItemOutcome::Refused(refusal) => Some(refusal.word()),
            ItemOutcome::UnknownJob => Some("job_unknown"),
            ItemOutcome::OutOfScope => Some("out_of_scope"),
            ItemOutcome::MemberDisabled => Some("member_disabled"),
            ItemOutcome::Broken => Some("broken"),
        }
    }
}

impl Store {
    /// Takes the oldest run that nobody is doing; `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing was taken then.
    pub async fn take_bulk_run(&self, worker: &str) -> Result<Option<HeldRun>, StoreError> {
        let now_ms = self.now_ms().await?;
        // Most of the time there is none, and looking takes no lock.
        if free_runs(now_ms).one(&self.db).await?.is_none() {
            return Ok(None);
        }
        self.retried(|| self.take_bulk_run_once(worker)).await
    }

    async fn take_bulk_run_once(&self, worker: &str) -> Result<Option<HeldRun>, StoreError> {
        let write = self.begin_write().await?;
        let Some(run) = free_runs(write.now_ms).lock_exclusive().one(&write.tx).await? else {
            return Ok(None);
        };
        let held = HeldRun { id: run.id.clone(), claims: run.claims.saturating_add(1) };
        let mut run = run.into_active_model();
        run.claims = Set(held.claims);
        run.lease_until = Set(write.now_ms.saturating_add(BULK_LEASE_MS));
        run.worker = Set(Some(worker.to_owned()));
        run.update(&write.tx).await?;
        write.commit().await?;
        Ok(Some(held))
    }

    /// Tries the next item of a run, and writes down what became of it in the same transaction.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was done then. One that [`StoreError::is_refused`] comes again: [`Store::fail_bulk_item`] then.
    pub async fn perform_bulk_item(&self, held: &HeldRun) -> Result<BulkStep, StoreError> {
        self.retried(|| self.perform_bulk_item_once(held, None)).await
    }

    /// Writes the next item down as one that cannot be tried, so that the run goes on.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was written then.
    pub async fn fail_bulk_item(&self, held: &HeldRun) -> Result<BulkStep, StoreError> {
        self.retried(|| self.perform_bulk_item_once(held, Some(ItemOutcome::Broken))).await
    }

    async fn perform_bulk_item_once(
        &self,
        held: &HeldRun,
        instead: Option<ItemOutcome>,
    ) -> Result<BulkStep, StoreError> {
        let mut write = self.begin_write().await?;
        let Some(run) = held_run(&write, held).await? else { return Ok(BulkStep::Lost) };
        let next = bulk_item::Entity::find()
            .filter(bulk_item::Column::RunId.eq(&run.id))
            .filter(Expr::col(bulk_item::Column::State).eq(word(ItemState::Pending.word())))
            .order_by_asc(bulk_item::Column::Number)
            .one(&write.tx)
            .await?;
        let Some(item) = next else {
            end(&write, run).await?;
            write.commit().await?;
            return Ok(BulkStep::Over);
        };
        let (outcome, publish) = match instead {
            Some(outcome) => (outcome, None),
            None => act(&mut write, &run, &item).await?,
        };
        let number = item.number;
        note(&write, run, item, outcome).await?;
        write.commit().await?;
        Ok(BulkStep::Item { number, outcome, publish })
    }
}

fn free_runs(now_ms: i64) -> Select<bulk_run::Entity> {
    bulk_run::Entity::find()
        .filter(Expr::col(bulk_run::Column::State).eq(word(BulkState::Running.word())))
        .filter(bulk_run::Column::LeaseUntil.lte(now_ms))
        .order_by_asc(bulk_run::Column::Id)
        .limit(1)
}

/// The run, if it is still ours and goes on.
async fn held_run(
    write: &Write<'_>,
    held: &HeldRun,
) -> Result<Option<bulk_run::Model>, StoreError> {
    let run =
        bulk_run::Entity::find_by_id(held.id.as_str()).lock_exclusive().one(&write.tx).await?;
    Ok(run.filter(|run| run.state == BulkState::Running.word() && run.claims == held.claims))
}

async fn end(write: &Write<'_>, run: bulk_run::Model) -> Result<(), StoreError> {
    let mut run = run.into_active_model();
    run.state = Set(BulkState::Done.word().to_owned());
    run.updated_at = Set(write.now_ms);
    run.ended_at = Set(Some(write.now_ms));
    run.update(&write.tx).await?;
    Ok(())
}

/// Does it with one job, with the rights that whoever began the run has now. What is refused has written nothing.
async fn act(
    write: &mut Write<'_>,
    run: &bulk_run::Model,
    item: &bulk_item::Model,
) -> Result<(ItemOutcome, Option<PublishedJob>), StoreError> {
    let Some((actor, member)) = starter(write, run).await? else {
        return Ok((ItemOutcome::MemberDisabled, None));
    };
    let Some(store_id) = item.store_id.as_deref().and_then(|id| StoreId::parse(id).ok()) else {
        return Ok((ItemOutcome::UnknownJob, None));
    };
    if !member.may(Action::ActOnJobs, &store_id) {
        return Ok((ItemOutcome::OutOfScope, None));
    }
    let job_id = JobId::parse(item.job_id.as_str())
        .map_err(|_| rows::unreadable("bulk_items", &item.run_id, "job_id", &item.job_id))?;
    let why = Why { actor: &actor, reason: Some(&run.reason), run: Some(&run.id), seen_ms: None };
    let acted = match action_of(run)? {
        BulkAction::LookUp => look_up_within(write, &job_id, &why).await,
        BulkAction::Retry => retry_within(write, &job_id, &why).await,
        BulkAction::Discard => discard_within(write, &job_id, &why).await,
    };
    match acted {
        Ok(ActedJob { publish, job: _ }) => Ok((ItemOutcome::Done, publish)),
        // A run acts on its jobs however they are by then.
        Err(ActError::Unknown | ActError::Changed) => Ok((ItemOutcome::UnknownJob, None)),
        Err(ActError::Refused(refusal)) => Ok((ItemOutcome::Refused(refusal), None)),
        Err(ActError::Store(error)) => Err(error),
    }
}

/// Who began a run, as they are now; `None` when they were disabled.
async fn starter(
    write: &Write<'_>,
    run: &bulk_run::Model,
) -> Result<Option<(Actor, Member)>, StoreError> {
    let row = staff::Entity::find_by_id(run.staff_id.as_str())
        .filter(staff::Column::DisabledAt.is_null())
        .one(&write.tx)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let links = staff_store::Entity::find()
        .filter(staff_store::Column::StaffId.eq(row.id.as_str()))
        .all(&write.tx)
        .await?;
    let stores = links.iter().filter_map(|link| StoreId::parse(link.store_id.as_str()).ok());
    let role = rows::role(&row)?;
    let member = Member { role, stores: stores.collect() };
    let origin = Origin { request_id: run.request_id.clone(), trace: None };
    let actor = Actor { id: row.id, name: row.name, role: Some(role), origin };
    Ok(Some((actor, member)))
}

/// Writes an item's outcome and the run's figures, and renews the lease.
async fn note(
    write: &Write<'_>,
    run: bulk_run::Model,
    item: bulk_item::Model,
    outcome: ItemOutcome,
) -> Result<(), StoreError> {
    let mut row = item.into_active_model();
    row.state = Set(outcome.state().word().to_owned());
    row.code = Set(outcome.code().map(str::to_owned));
    row.ended_at = Set(Some(write.now_ms));
    row.update(&write.tx).await?;
    let (done, refused, failed) = (run.done, run.refused, run.failed);
    let mut run = run.into_active_model();
    match outcome.state() {
        ItemState::Done => run.done = Set(done.saturating_add(1)),
        ItemState::Refused => run.refused = Set(refused.saturating_add(1)),
        ItemState::Failed | ItemState::Pending | ItemState::Skipped => {
            run.failed = Set(failed.saturating_add(1));
        }
    }
    run.lease_until = Set(write.now_ms.saturating_add(BULK_LEASE_MS));
    run.updated_at = Set(write.now_ms);
    run.update(&write.tx).await?;
    Ok(())
}
