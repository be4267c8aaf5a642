//! Which jobs a run is about, read at one instant and written down.

use std::collections::{BTreeSet, HashMap};

use domain::answer::FailureClass;
use domain::bulk::ItemState;
use domain::job::JobKind;
use domain::limits::{BULK_ITEMS_MAX, BULK_SELECTED_MAX};
use domain::role::Scope;
use domain::{JobId, StoreId, Won};
use entities::{bulk_item, job};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _};
use serde_json::{Value, json};

use super::{BulkError, BulkSelection, Previewed};
use crate::connection::Write;
use crate::error::StoreError;
use crate::jobs::{JobFilter, matching};
use crate::search::SearchText;

/// How many rows are written by one statement: fewer values than either database takes.
const INSERT_ROWS_MAX: usize = 500;

/// A job that is meant, as it was named, and its row if it is there to be seen.
#[derive(Debug, Clone)]
pub(super) struct Meant {
    pub(super) job_id: String,
    pub(super) job: Option<job::Model>,
}

/// Reads which jobs are meant, in their order. Of those that are named and that the caller may not see there is no more than the name.
pub(super) async fn select(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    selection: &BulkSelection,
) -> Result<Vec<Meant>, BulkError> {
    let meant = match selection {
        BulkSelection::Named(ids) => named(connection, scope, ids).await?,
        BulkSelection::Matching(filter) => {
            let filter = JobFilter { scope: scope.clone(), ..filter.clone() };
            let mut found = matching(connection, &filter, BULK_ITEMS_MAX.saturating_add(1)).await?;
            // What was made first is done first.
            found.reverse();
            found.into_iter().map(|job| Meant { job_id: job.id.clone(), job: Some(job) }).collect()
        }
    };
    if meant.is_empty() {
        Err(BulkError::Empty)
    } else if u64::try_from(meant.len()).unwrap_or(u64::MAX) > BULK_ITEMS_MAX {
        Err(BulkError::TooMany { most: BULK_ITEMS_MAX })
    } else {
        Ok(meant)
    }
}

/// Whether these are the jobs of a preview: as many, and none of them has changed since. One that left would be missing, and one that
/// came in its place has changed.
pub(super) fn is_as_seen(meant: &[Meant], seen: Previewed) -> bool {
    let is_same = |one: &Meant| one.job.as_ref().is_none_or(|job| job.updated_at <= seen.as_of_ms);
    u64::try_from(meant.len()) == Ok(seen.jobs) && meant.iter().all(is_same)
}

async fn named(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    ids: &[JobId],
) -> Result<Vec<Meant>, BulkError> {
    if ids.len() > BULK_SELECTED_MAX {
        let most = u64::try_from(BULK_SELECTED_MAX).unwrap_or(u64::MAX);
        return Err(BulkError::TooMany { most });
    }
    let mut query =
        job::Entity::find().filter(job::Column::Id.is_in(ids.iter().map(JobId::as_str)));
    if let Scope::Stores(stores) = scope {
        query = query.filter(job::Column::StoreId.is_in(stores.iter().map(StoreId::as_str)));
    }
    let mut by_id: HashMap<String, job::Model> =
        query.all(connection).await?.into_iter().map(|job| (job.id.clone(), job)).collect();
    let mut seen = BTreeSet::new();
    let once = ids.iter().filter(|id| seen.insert(id.as_str()));
    Ok(once
        .map(|id| Meant { job_id: id.as_str().to_owned(), job: by_id.remove(id.as_str()) })
        .collect())
}

/// Writes them down as the items of a run.
pub(super) async fn freeze(
    write: &Write<'_>,
    run_id: &str,
    meant: &[Meant],
) -> Result<(), StoreError> {
    let numbered: Vec<bulk_item::ActiveModel> = (1..)
        .zip(meant)
        .map(|(number, one)| bulk_item::ActiveModel {
            run_id: Set(run_id.to_owned()),
            number: Set(number),
            job_id: Set(one.job_id.clone()),
            order_id: Set(one.job.as_ref().map(|job| job.order_id.clone())),
            store_id: Set(one.job.as_ref().map(|job| job.store_id.clone())),
            state: Set(ItemState::Pending.word().to_owned()),
            code: Set(None),
            created_at: Set(write.now_ms),
            ended_at: Set(None),
        })
        .collect();
    for some in numbered.chunks(INSERT_ROWS_MAX) {
        bulk_item::Entity::insert_many(some.to_vec()).exec_without_returning(&write.tx).await?;
    }
    Ok(())
}

/// What was asked for, for whoever reads the run.
pub(super) fn in_words(selection: &BulkSelection) -> Value {
    match selection {
        BulkSelection::Named(ids) => json!({ "named": ids.len() }),
        BulkSelection::Matching(filter) => json!({ "filter": {
            "kind": filter.kind.map(JobKind::word),
            "state": filter.set.word(),
            "code": filter.code,
            "class": filter.class.map(FailureClass::word),
            "storeId": filter.store_id.as_ref().map(StoreId::as_str),
            "merchant": filter.merchant,
            "from": filter.from_ms,
            "to": filter.to_ms,
            "amountMin": filter.amount_min.map(Won::get),
            "amountMax": filter.amount_max.map(Won::get),
            "text": filter.text.as_ref().map(SearchText::as_str),
        }}),
    }
}
