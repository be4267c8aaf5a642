//! How many jobs there are, as staff see it.

use serde::Serialize;
use store::{BoundedCount, JobGroup, JobSet};
use utoipa::ToSchema;

use super::instant;

/// How many jobs there are in each state.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobCountsView {
    /// A count for each state, for the failed ones together, and for all of them.
    pub(crate) counts: Vec<JobCountView>,
}

/// How many jobs are in a state.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobCountView {
    /// What to filter by to list them.
    pub(crate) state: &'static str,
    /// How many, at most 10,000.
    pub(crate) count: u64,
    /// Whether there are more, or may be.
    pub(crate) more: bool,
}

/// Groups of jobs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobGroupsView {
    /// The groups, the largest first.
    pub(crate) groups: Vec<JobGroupView>,
    /// Whether there are older jobs that were not grouped.
    pub(crate) more: bool,
}

/// Jobs of one kind with the same code.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobGroupView {
    /// confirm, cancel or look_up.
    pub(crate) kind: &'static str,
    /// The last code that an attempt brought.
    #[schema(required = true)]
    pub(crate) code: Option<String>,
    /// The class of failure that it belongs to.
    #[schema(required = true)]
    pub(crate) class: Option<&'static str>,
    /// How many.
    pub(crate) count: u64,
    /// When the first of them came to stand as it does.
    #[schema(format = DateTime)]
    pub(crate) first_seen_at: String,
    /// When the last one did.
    #[schema(format = DateTime)]
    pub(crate) last_seen_at: String,
}

impl JobCountView {
    /// A count.
    pub(crate) fn new(set: JobSet, count: BoundedCount) -> JobCountView {
        JobCountView { state: set.word(), count: count.count, more: count.is_floor }
    }
}

impl JobGroupView {
    /// A group.
    pub(crate) fn new(group: JobGroup) -> JobGroupView {
        JobGroupView {
            kind: group.kind.word(),
            code: group.code,
            class: group.class.map(|class| class.word()),
            count: group.count,
            first_seen_at: instant(group.first_seen_at_ms),
            last_seen_at: instant(group.last_seen_at_ms),
        }
    }
}
