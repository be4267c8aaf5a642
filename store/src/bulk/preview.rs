//! What a run would do, told before it is begun. Nothing is changed, and nothing is promised: every item asks the rules again.

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::action::check_job_action;
use domain::attempt::{Operation, PastAttempt};
use domain::bulk::BulkAction;
use domain::job::{ActionRefusal, JobKind, JobState};
use domain::limits::BULK_EXAMPLES_MAX;
use domain::role::Scope;
use entities::{attempt, job, payment};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use super::select::{Meant, select};
use super::{BulkError, BulkSelection};
use crate::connection::Store;
use crate::error::StoreError;
use crate::operate::job_facts;
use crate::rows;

/// How many jobs are judged with the same statements.
const TOGETHER_MAX: usize = 500;

/// What would become of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkVerdict {
    /// It would be done.
    Allowed,
    /// The rules would not allow it.
    Refused(ActionRefusal),
    /// There is no such job to be seen.
    Unknown,
}

/// Jobs that look the same, and what would become of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewGroup {
    /// What they are to do; `None` for jobs that are not there.
    pub kind: Option<JobKind>,
    /// Where they stand.
    pub state: Option<JobState>,
    /// The last code that an attempt brought.
    pub code: Option<String>,
    /// What would become of them.
    pub verdict: BulkVerdict,
    /// How many they are.
    pub jobs: u64,
    /// The ids of the first few.
    pub examples: Vec<String>,
}

/// What a run would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkPreview {
    /// When it was read, in milliseconds UTC.
    pub as_of_ms: i64,
    /// How many jobs are meant.
    pub jobs: u64,
    /// With how many it would be done.
    pub allowed: u64,
    /// With how many it would not.
    pub refused: u64,
    /// Those that look the same, by kind, state and code.
    pub groups: Vec<PreviewGroup>,
}

/// What the rules look at beside the jobs themselves.
#[derive(Default)]
struct Beside {
    windows: HashMap<String, i64>,
    attempts: HashMap<String, Vec<attempt::Model>>,
    /// Jobs that are cancels: their look-ups say nothing of a confirm.
    cancels: HashSet<String>,
}

impl Store {
    /// What a run would do now with the jobs that are meant, and with which it would not.
    ///
    /// # Errors
    /// [`BulkError`], as for beginning it.
    pub async fn preview_bulk_run(
        &self,
        action: BulkAction,
        scope: &Scope,
        selection: &BulkSelection,
    ) -> Result<BulkPreview, BulkError> {
        self.bounded(self.preview_bulk_run_now(action, scope, selection)).await
    }

    async fn preview_bulk_run_now(
        &self,
        action: BulkAction,
        scope: &Scope,
        selection: &BulkSelection,
    ) -> Result<BulkPreview, BulkError> {
        let read = self.begin_read().await?;
        let meant = select(&read.tx, scope, selection).await?;
        let mut groups: BTreeMap<String, PreviewGroup> = BTreeMap::new();
        for some in meant.chunks(TOGETHER_MAX) {
            let beside = Beside::load(&read.tx, action, some).await?;
            for one in some {
                let verdict = beside.judge(action, one, read.now_ms)?;
                count(&mut groups, one, verdict)?;
            }
        }
        let as_of_ms = read.now_ms;
        read.end().await?;
        let groups: Vec<PreviewGroup> = groups.into_values().collect();
        let sum = |is_wanted: fn(BulkVerdict) -> bool| {
            let wanted = groups.iter().filter(|group| is_wanted(group.verdict));
            wanted.fold(0_u64, |sum, group| sum.saturating_add(group.jobs))
        };
        Ok(BulkPreview {
            as_of_ms,
            jobs: sum(|_| true),
            allowed: sum(|verdict| verdict == BulkVerdict::Allowed),
            refused: sum(|verdict| verdict != BulkVerdict::Allowed),
            groups,
        })
    }
}

fn count(
    groups: &mut BTreeMap<String, PreviewGroup>,
    one: &Meant,
    verdict: BulkVerdict,
) -> Result<(), StoreError> {
    let (kind, state) = match &one.job {
        Some(job) => (Some(rows::job_kind(job)?), Some(rows::job_state(job)?)),
        None => (None, None),
    };
    let code = one.job.as_ref().and_then(|job| job.last_code.clone());
    let words = (kind.map(JobKind::word), state.map(JobState::word));
    let key = format!("{words:?} {code:?} {verdict:?}");
    let group = groups.entry(key).or_insert_with(|| PreviewGroup {
        kind,
        state,
        code,
        verdict,
        jobs: 0,
        examples: Vec::new(),
    });
    group.jobs = group.jobs.saturating_add(1);
    if group.examples.len() < BULK_EXAMPLES_MAX {
        group.examples.push(one.job_id.clone());
    }
    Ok(())
}

impl Beside {
    async fn load(
        connection: &impl ConnectionTrait,
        action: BulkAction,
        meant: &[Meant],
    ) -> Result<Beside, StoreError> {
        let jobs = || meant.iter().filter_map(|one| one.job.as_ref());
        let windows = payment::Entity::find()
            .select_only()
            .columns([payment::Column::OrderId, payment::Column::ConfirmBy])
            .filter(payment::Column::OrderId.is_in(jobs().map(|job| job.order_id.as_str())))
            .into_tuple::<(String, i64)>()
            .all(connection)
            .await?;
        let mut beside = Beside { windows: windows.into_iter().collect(), ..Beside::default() };
        // Only a discard asks what is known of the calls before, and only of what is parked.
        let orders: Vec<&str> = jobs()
            .filter(|job| job.state == JobState::Parked.word())
            .map(|job| job.order_id.as_str())
            .collect();
        if action != BulkAction::Discard || orders.is_empty() {
            return Ok(beside);
        }
        let read = attempt::Entity::find()
            .filter(attempt::Column::OrderId.is_in(orders.iter().copied()))
            .order_by_asc(attempt::Column::StartedAt)
            .order_by_asc(attempt::Column::Number)
            .all(connection)
            .await?;
        for row in read {
            beside.attempts.entry(row.order_id.clone()).or_default().push(row);
        }
        let cancels = job::Entity::find()
            .select_only()
            .column(job::Column::Id)
            .filter(job::Column::OrderId.is_in(orders.iter().copied()))
            .filter(job::Column::Kind.eq(JobKind::Cancel.word()))
            .into_tuple::<String>()
            .all(connection)
            .await?;
        beside.cancels = cancels.into_iter().collect();
        Ok(beside)
    }

    fn judge(
        &self,
        action: BulkAction,
        one: &Meant,
        now_ms: i64,
    ) -> Result<BulkVerdict, StoreError> {
        let Some(job) = &one.job else { return Ok(BulkVerdict::Unknown) };
        let past = self.history(job)?;
        let window_ends_ms = self.windows.get(&job.order_id).copied().unwrap_or(0);
        let facts = job_facts(job, window_ends_ms, None, &past, now_ms)?;
        Ok(match check_job_action(action.of_one(), &facts) {
            Ok(()) => BulkVerdict::Allowed,
            Err(refusal) => BulkVerdict::Refused(refusal),
        })
    }

    /// What decisions about the job see: see `scene::history`.
    fn history(&self, job: &job::Model) -> Result<Vec<PastAttempt>, StoreError> {
        let all = self.attempts.get(&job.order_id).map(Vec::as_slice).unwrap_or_default();
        let is_confirm = job.kind == JobKind::Confirm.word();
        let counts = |row: &&attempt::Model| {
            if is_confirm {
                row.operation != Operation::Cancel.word() && !self.cancels.contains(&row.job_id)
            } else {
                row.job_id == job.id
            }
        };
        all.iter().filter(counts).map(rows::past_attempt).collect()
    }
}
