//! Bulk runs, their jobs and previews, as staff see them.

use domain::job::{JobKind, JobState};
use serde::Serialize;
use store::bulk::{BulkItemRow, BulkPreview, BulkRunRow, BulkVerdict, PreviewGroup};
use utoipa::ToSchema;

use super::job::ActionView;
use super::{PageView, instant};
use crate::problem::{Problem, ProblemCode};
use crate::words::Language;

/// A bulk run and how far it is.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BulkRunView {
    /// Its id.
    pub(crate) run_id: String,
    /// look_up, retry or discard.
    pub(crate) action: &'static str,
    /// Why.
    pub(crate) reason: String,
    /// What was asked for: `filter` with its members, or how many were `named`.
    #[schema(value_type = Object)]
    pub(crate) selection: serde_json::Value,
    /// running, done or stopped.
    pub(crate) state: &'static str,
    /// Staff id of who began it.
    pub(crate) started_by: String,
    /// Their name.
    #[schema(required = true)]
    pub(crate) started_by_name: Option<String>,
    /// How many jobs it has.
    pub(crate) items: i64,
    /// How many are still to be done.
    pub(crate) pending: i64,
    /// Of how many it was done.
    pub(crate) done: i64,
    /// For how many the rules did not allow it.
    pub(crate) refused: i64,
    /// How many could not be tried.
    pub(crate) failed: i64,
    /// How many were left when it was stopped.
    pub(crate) skipped: i64,
    /// Staff id of who stopped it.
    #[schema(required = true)]
    pub(crate) stopped_by: Option<String>,
    /// When it was begun.
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    /// When it last went on.
    #[schema(format = DateTime)]
    pub(crate) updated_at: String,
    /// When it ended.
    #[schema(required = true, format = DateTime)]
    pub(crate) ended_at: Option<String>,
}

/// A run with a page of its jobs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BulkRunDetailView {
    /// The run.
    #[serde(flatten)]
    pub(crate) run: BulkRunView,
    /// Its jobs, in their order.
    pub(crate) jobs: PageView<BulkItemView>,
}

/// One job of a run.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BulkItemView {
    /// Its place, from 1.
    pub(crate) number: i32,
    /// The job.
    pub(crate) job_id: String,
    /// Whose payment.
    #[schema(required = true)]
    pub(crate) order_id: Option<String>,
    /// pending, done, refused, failed or skipped.
    pub(crate) state: &'static str,
    /// Why it was refused: the problem code that the job would meet alone, `out_of_scope` or `member_disabled`; or what failed.
    #[schema(required = true)]
    pub(crate) code: Option<String>,
    /// When.
    #[schema(required = true, format = DateTime)]
    pub(crate) ended_at: Option<String>,
}

/// What a run would do.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BulkPreviewView {
    /// When that was so; see `previewed` of a run.
    #[schema(format = DateTime)]
    pub(crate) as_of: String,
    /// How many jobs are meant.
    pub(crate) jobs: u64,
    /// With how many it would be done.
    pub(crate) allowed: u64,
    /// With how many it would not.
    pub(crate) refused: u64,
    /// Jobs of the same kind, state, code and verdict.
    pub(crate) groups: Vec<BulkGroupView>,
}

/// Jobs that look the same.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BulkGroupView {
    /// confirm, cancel or look_up; null for jobs that are not there.
    #[schema(required = true)]
    pub(crate) kind: Option<&'static str>,
    /// Where they stand.
    #[schema(required = true)]
    pub(crate) state: Option<&'static str>,
    /// The last code that an attempt brought.
    #[schema(required = true)]
    pub(crate) code: Option<String>,
    /// How many they are.
    pub(crate) jobs: u64,
    /// The ids of the first few.
    pub(crate) examples: Vec<String>,
    /// Whether it would be done with them.
    pub(crate) verdict: ActionView,
}

impl BulkRunView {
    /// A run.
    pub(crate) fn new(run: &BulkRunRow) -> BulkRunView {
        BulkRunView {
            run_id: run.id.clone(),
            action: run.action.word(),
            reason: run.reason.clone(),
            selection: run.selection.clone(),
            state: run.state.word(),
            started_by: run.started_by.clone(),
            started_by_name: run.started_by_name.clone(),
            items: run.items,
            pending: run.pending(),
            done: run.done,
            refused: run.refused,
            failed: run.failed,
            skipped: run.skipped,
            stopped_by: run.stopped_by.clone(),
            created_at: instant(run.created_at),
            updated_at: instant(run.updated_at),
            ended_at: run.ended_at.map(instant),
        }
    }
}

impl BulkItemView {
    /// A job of a run.
    pub(crate) fn new(item: BulkItemRow) -> BulkItemView {
        BulkItemView {
            number: item.number,
            job_id: item.job_id,
            order_id: item.order_id,
            state: item.state.word(),
            code: item.code,
            ended_at: item.ended_at.map(instant),
        }
    }
}

impl BulkPreviewView {
    /// What a run would do.
    pub(crate) fn new(preview: BulkPreview, language: Language) -> BulkPreviewView {
        let groups = preview.groups.into_iter();
        BulkPreviewView {
            as_of: instant(preview.as_of_ms),
            jobs: preview.jobs,
            allowed: preview.allowed,
            refused: preview.refused,
            groups: groups.map(|group| BulkGroupView::new(group, language)).collect(),
        }
    }
}

impl BulkGroupView {
    fn new(group: PreviewGroup, language: Language) -> BulkGroupView {
        let verdict = match group.verdict {
            BulkVerdict::Allowed => Ok(()),
            BulkVerdict::Refused(refusal) => Err(Problem::from(refusal)),
            BulkVerdict::Unknown => Err(Problem::new(ProblemCode::JobUnknown)),
        };
        BulkGroupView {
            kind: group.kind.map(JobKind::word),
            state: group.state.map(JobState::word),
            code: group.code,
            jobs: group.jobs,
            examples: group.examples,
            verdict: ActionView::new(verdict, language),
        }
    }
}
