//! How many jobs there are, by tab and by what went wrong with them. Counts stop: see [`BoundedCount`].

use std::collections::HashMap;

use domain::answer::FailureClass;
use domain::job::{JobKind, JobState};

use super::filter::{JobFilter, JobSet, JobSort};
use crate::connection::Store;
use crate::error::StoreError;
use crate::page::BoundedCount;
use crate::search;

/// How many groups there are at the most. Toss has some dozens of codes.
const GROUPS_MAX: u64 = 200;

/// How many jobs are in each state, of those that the rest of a filter leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobCounts {
    by_state: HashMap<JobState, BoundedCount>,
}

impl JobCounts {
    /// How many are in a set.
    #[must_use]
    pub fn of(&self, set: JobSet) -> BoundedCount {
        let counts = set.states().into_iter().filter_map(|state| self.by_state.get(&state));
        counts.fold(BoundedCount::default(), |sum, count| sum.plus(*count))
    }
}

/// Jobs of one kind that ended up with the same code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobGroup {
    /// What they are to do.
    pub kind: JobKind,
    /// The last code; `None` for those without.
    pub code: Option<String>,
    /// The class of failure that the code belongs to, if one of them has one.
    pub class: Option<FailureClass>,
    /// How many.
    pub count: u64,
    /// When the first of them came to stand as it does, in milliseconds UTC.
    pub first_seen_at_ms: i64,
    /// When the last one did, in milliseconds UTC.
    pub last_seen_at_ms: i64,
}

/// Groups of jobs, the largest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobGroups {
    /// The groups.
    pub groups: Vec<JobGroup>,
    /// Whether there are older jobs that were not counted.
    pub is_cut: bool,
}

impl Store {
    /// Counts the jobs of every tab. The filter's own set does not matter.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn count_jobs(&self, filter: &JobFilter) -> Result<JobCounts, StoreError> {
        let orders = self.orders_of(filter).await?;
        let mut by_state = HashMap::new();
        for state in JobState::ALL {
            let filter = JobFilter { set: JobSet::In(state), ..filter.clone() };
            let backend = self.db.get_database_backend();
            let walk = filter.walk(backend, JobSort::Newest, None, orders.as_deref());
            by_state.insert(state, walk.count(&self.db).await?);
        }
        Ok(JobCounts { by_state })
    }

    /// Groups jobs by kind and code.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or a row cannot be read.
    pub async fn group_jobs(&self, filter: &JobFilter) -> Result<JobGroups, StoreError> {
        let orders = self.orders_of(filter).await?;
        let backend = self.db.get_database_backend();
        let walk = filter.walk(backend, JobSort::Newest, None, orders.as_deref());
        let rows = walk.summed(&self.db, |from| {
            format!(
                "SELECT kind, last_code, CASE WHEN MIN(last_class) = MAX(last_class) THEN MAX(last_class) END AS class, COUNT(*) AS counted, MIN(updated_at) AS first_seen, \
                 MAX(updated_at) AS last_seen FROM {from} GROUP BY kind, last_code \
                 ORDER BY counted DESC, kind, last_code LIMIT {GROUPS_MAX}"
            )
        });
        let mut groups = Vec::new();
        for row in rows.await? {
            let kind: String = row.try_get("", "kind")?;
            // What only a newer version knows cannot be asked for by its kind.
            let Some(kind) = JobKind::from_word(&kind) else { continue };
            let class: Option<String> = row.try_get("", "class")?;
            let counted: i64 = row.try_get("", "counted")?;
            groups.push(JobGroup {
                kind,
                code: row.try_get("", "last_code")?,
                class: class.as_deref().and_then(FailureClass::from_word),
                count: u64::try_from(counted).unwrap_or(0),
                first_seen_at_ms: row.try_get("", "first_seen")?,
                last_seen_at_ms: row.try_get("", "last_seen")?,
            });
        }
        Ok(JobGroups { groups, is_cut: walk.is_cut(&self.db).await? })
    }

    async fn orders_of(&self, filter: &JobFilter) -> Result<Option<Vec<String>>, StoreError> {
        match &filter.text {
            Some(text) => {
                Ok(Some(search::find_order_ids(&self.db, &filter.scope, text).await?.ids))
            }
            None => Ok(None),
        }
    }
}
