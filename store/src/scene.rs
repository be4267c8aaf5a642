//! Everything that a decision about one job looks at, taken under the write lock in the order that all writes use.

use std::collections::{BTreeSet, HashMap};

use domain::answer::FailureClass;
use domain::attempt::{Operation, PastAttempt};
use domain::cancellation::cancel_tag;
use domain::job::{JobKind, JobState};
use domain::policy::CancelFacts;
use domain::{Won, limits};
use entities::{attempt, cancellation, job, order, payment};
use sea_orm::sea_query::ExprTrait as _;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, QueryTrait as _,
};

use crate::connection::Write;
use crate::error::StoreError;
use crate::key_pairs::{KeyPairId, key_pair};
use crate::rows;
use crate::settle::is_lost;

/// One job with everything that a decision about it looks at.
pub(crate) struct Scene {
    pub(crate) payment: payment::Model,
    pub(crate) job: job::Model,
    pub(crate) cancellation: Option<cancellation::Model>,
    /// The order's personal data was blanked: what Toss tells about its customer is not kept again.
    pub(crate) is_erased: bool,
    /// The order was open in a backup that was restored: it may have been paid since under another key.
    is_order_unrecorded: bool,
    /// The number of the last attempt, 0 for none.
    pub(crate) attempts_recorded: i32,
    /// The payment's other live jobs.
    pub(crate) siblings: Vec<job::Model>,
    /// Every attempt about the payment, oldest first; `None` when they are too many to be read at once.
    attempts: Option<Vec<attempt::Model>>,
    /// Every cancellation of the payment as it was read, oldest first.
    read_cancellations: Vec<cancellation::Model>,
}

/// Attempts of one payment that are read at once: far more than any has that is not in trouble, and fewer than a decision's view may
/// have, so that nothing is missing from one.
const ATTEMPTS_READ_MAX: i64 = 100;

impl Scene {
    /// Takes the rows of one job; `None` when there is no such job.
    pub(crate) async fn load(write: &Write<'_>, job_id: &str) -> Result<Option<Scene>, StoreError> {
        let mut scenes = Scene::load_all(write, &[job_id]).await?;
        Ok(scenes.remove(job_id))
    }

    /// Takes the rows of several jobs of different orders, by the jobs' ids, with one statement per table however many they are: orders,
    /// payments, cancellations and jobs, each sorted, under the write lock. Jobs that there are not are left out.
    pub(crate) async fn load_all(
        write: &Write<'_>,
        job_ids: &[&str],
    ) -> Result<HashMap<String, Scene>, StoreError> {
        let found = job::Entity::find()
            .filter(job::Column::Id.is_in(job_ids.iter().copied()))
            .all(&write.tx)
            .await?;
        let orders: BTreeSet<String> = found.into_iter().map(|row| row.order_id).collect();
        if orders.is_empty() {
            return Ok(HashMap::new());
        }
        let mut rows = Rows::load(write, &orders, job_ids).await?;
        let mut scenes = HashMap::with_capacity(job_ids.len());
        for job_id in job_ids {
            if let Some(scene) = rows.scene_of(job_id)? {
                scenes.insert((*job_id).to_owned(), scene);
            }
        }
        Ok(scenes)
    }

    /// The job's attempts, oldest first. A confirm also sees the look-ups that others made of its payment, unless the order may have been
    /// paid under another key: what is shown of this one does not tell.
    pub(crate) async fn history(&self, write: &Write<'_>) -> Result<Vec<PastAttempt>, StoreError> {
        if self.job.kind == JobKind::Confirm.word() && !self.is_order_unrecorded {
            return self.confirm_history(write).await;
        }
        self.own_history(write).await
    }

    /// Whether the job's look-ups ask how the order was paid, under whatever key: a confirm's of an order that may have been paid under
    /// another one, until it has sent its own.
    pub(crate) async fn asks_for_order(&self, write: &Write<'_>) -> Result<bool, StoreError> {
        let may_be = self.is_order_unrecorded && self.job.kind == JobKind::Confirm.word();
        Ok(may_be && !self.own_history(write).await?.iter().any(|one| one.operation.is_money()))
    }

    /// The job's own attempts, oldest first.
    pub(crate) async fn own_history(
        &self,
        write: &Write<'_>,
    ) -> Result<Vec<PastAttempt>, StoreError> {
        match &self.attempts {
            Some(all) => {
                let own = all.iter().filter(|row| row.job_id == self.job.id);
                own.map(rows::past_attempt).collect()
            }
            None => past(&write.tx, attempt::Column::JobId.eq(&self.job.id)).await,
        }
    }

    /// The attempts that say whether the payment was confirmed: its confirms, and every look-up of it outside of cancels.
    pub(crate) async fn confirm_history(
        &self,
        write: &Write<'_>,
    ) -> Result<Vec<PastAttempt>, StoreError> {
        let has_cancels = !self.read_cancellations.is_empty();
        match &self.attempts {
            // Which look-ups were made for cancels, only the jobs say.
            Some(all) if !has_cancels => all.iter().map(rows::past_attempt).collect(),
            Some(_) | None => confirm_history(&write.tx, &self.job.order_id).await,
        }
    }

    /// Until when confirms that are not on record may take effect.
    pub(crate) fn confirm_unrecorded_until_ms(&self) -> i64 {
        let live = std::iter::once(&self.job).chain(&self.siblings);
        let confirms = live.filter(|row| row.kind == JobKind::Confirm.word());
        confirms.map(|row| row.unrecorded_until).max().unwrap_or(0)
    }

    /// One of the job's attempts, by its number.
    pub(crate) async fn attempt(
        &self,
        write: &Write<'_>,
        job_id: &str,
        number: i32,
    ) -> Result<Option<attempt::Model>, StoreError> {
        match &self.attempts {
            Some(all) => {
                let is_it = |row: &&attempt::Model| row.job_id == job_id && row.number == number;
                Ok(all.iter().find(is_it).cloned())
            }
            None => {
                let key = (job_id.to_owned(), number);
                Ok(attempt::Entity::find_by_id(key).one(&write.tx).await?)
            }
        }
    }

    /// What was sent under the job's present idempotency key, if anything was.
    pub(crate) async fn sent_before(
        &self,
        write: &Write<'_>,
        operation: Operation,
    ) -> Result<Option<String>, StoreError> {
        let sent = match &self.attempts {
            Some(all) => {
                let is_it = |row: &&attempt::Model| {
                    row.job_id == self.job.id
                        && row.operation == operation.word()
                        && row.key_generation == self.job.key_generation
                };
                all.iter().find(is_it).cloned()
            }
            None => {
                attempt::Entity::find()
                    .filter(attempt::Column::JobId.eq(&self.job.id))
                    .filter(attempt::Column::Operation.eq(operation.word()))
                    .filter(attempt::Column::KeyGeneration.eq(self.job.key_generation))
                    .one(&write.tx)
                    .await?
            }
        };
        Ok(sent.and_then(|row| row.call))
    }

    /// Whether another attempt about the payment was settled since `since_ms` with one of these verdicts, and not as a late one. What is on
    /// record from well behind now was settled before the clock was put back.
    pub(crate) async fn has_other_since(
        &self,
        write: &Write<'_>,
        own: (&str, i32),
        since_ms: i64,
        verdicts: &[&str],
    ) -> Result<bool, StoreError> {
        let until_ms = write.now_ms.saturating_add(limits::UNFINISHED_CALL_MS);
        if let Some(all) = &self.attempts {
            return Ok(all.iter().any(|row| {
                (row.job_id.as_str(), row.number) != own
                    && !row.is_stale
                    && row.finished_at.is_some_and(|at| (since_ms..=until_ms).contains(&at))
                    && row.verdict.as_deref().is_some_and(|verdict| verdicts.contains(&verdict))
            }));
        }
        let is_own = attempt::Column::JobId.eq(own.0).and(attempt::Column::Number.eq(own.1));
        let other = attempt::Entity::find()
            .filter(attempt::Column::OrderId.eq(&self.job.order_id))
            .filter(attempt::Column::FinishedAt.between(since_ms, until_ms))
            .filter(attempt::Column::Verdict.is_in(verdicts.iter().copied()))
            .filter(attempt::Column::IsStale.eq(false))
            .filter(is_own.not())
            .one(&write.tx)
            .await?;
        Ok(other.is_some())
    }

    /// The keys that everything about the payment is asked with.
    pub(crate) fn key_pair(&self) -> Result<KeyPairId, StoreError> {
        key_pair("payments", &self.payment.merchant, self.payment.key_pair)
    }

    /// What decisions know about a cancellation of this payment.
    pub(crate) fn cancel_facts(
        &self,
        cancel: &cancellation::Model,
    ) -> Result<CancelFacts, StoreError> {
        let all = self.cancellations();
        let amount: Won = rows::won("cancellations", &cancel.id, "amount", cancel.amount)?;
        Ok(CancelFacts {
            id: cancel.id.clone(),
            amount,
            state: rows::cancellation_state(cancel)?,
            requested_at_ms: cancel.requested_at,
            other_tags: all
                .iter()
                .filter(|row| row.id != cancel.id)
                .map(|row| cancel_tag(&row.id))
                .collect(),
            known_transaction_keys: all
                .iter()
                .filter_map(|row| row.transaction_key.clone())
                .collect(),
            // One that was known before was thought of when this one was accepted, and an older one cannot repeat it.
            may_repeat_lost: all.iter().filter(|row| is_lost(row)).any(|row| {
                let (done_at, found_at) = (row.requested_at, row.updated_at);
                row.amount == cancel.amount && (done_at..=found_at).contains(&cancel.requested_at)
            }),
        })
    }

    /// Every cancellation of the payment, oldest first; the job's own as it is by now.
    pub(crate) fn cancellations(&self) -> Vec<cancellation::Model> {
        let now = |read: &cancellation::Model| match &self.cancellation {
            Some(own) if own.id == read.id => own.clone(),
            Some(_) | None => read.clone(),
        };
        self.read_cancellations.iter().map(now).collect()
    }
}

/// The rows of several orders, table by table.
struct Rows {
    payments: HashMap<String, payment::Model>,
    cancellations: HashMap<String, Vec<cancellation::Model>>,
    jobs: Vec<job::Model>,
    /// By order.
    attempts: HashMap<String, Vec<attempt::Model>>,
    /// By job.
    recorded: HashMap<String, i64>,
    /// Orders whose personal data was blanked.
    erased: BTreeSet<String>,
    /// Orders that were open in a backup that was restored.
    unrecorded: BTreeSet<String>,
}

impl Rows {
    async fn load(
        write: &Write<'_>,
        orders: &BTreeSet<String>,
        job_ids: &[&str],
    ) -> Result<Rows, StoreError> {
        let orders: Vec<(String, Option<i64>, i64)> = order::Entity::find()
            .select_only()
            .column(order::Column::Id)
            .column(order::Column::ErasedAt)
            .column(order::Column::UnrecordedUntil)
            .filter(order::Column::Id.is_in(orders))
            .order_by_asc(order::Column::Id)
            .lock_exclusive()
            .into_tuple()
            .all(&write.tx)
            .await?;
        let locked: Vec<String> = orders.iter().map(|(id, _, _)| id.clone()).collect();
        let payments = payment::Entity::find()
            .filter(payment::Column::OrderId.is_in(&locked))
            .order_by_asc(payment::Column::OrderId)
            .lock_exclusive()
            .all(&write.tx)
            .await?;
        let cancellations = cancellation::Entity::find()
            .filter(cancellation::Column::OrderId.is_in(&locked))
            .order_by_asc(cancellation::Column::OrderId)
            .order_by_asc(cancellation::Column::RequestedAt)
            .order_by_asc(cancellation::Column::Id)
            .lock_exclusive()
            .all(&write.tx)
            .await?;
        let live = JobState::ALL.into_iter().filter(|state| state.is_live()).map(JobState::word);
        let is_live = job::Column::OrderId.is_in(&locked).and(job::Column::State.is_in(live));
        let jobs = job::Entity::find()
            .filter(is_live.or(job::Column::Id.is_in(job_ids.iter().copied())))
            .order_by_asc(job::Column::OrderId)
            .order_by_asc(job::Column::Id)
            .lock_exclusive()
            .all(&write.tx)
            .await?;
        let (recorded, attempts) = load_attempts(write, &locked).await?;
        let mut by_order: HashMap<String, Vec<cancellation::Model>> = HashMap::new();
        for row in cancellations {
            by_order.entry(row.order_id.clone()).or_default().push(row);
        }
        Ok(Rows {
            payments: payments.into_iter().map(|row| (row.order_id.clone(), row)).collect(),
            cancellations: by_order,
            jobs,
            attempts,
            recorded,
            unrecorded: named(orders.iter().filter(|(_, _, until_ms)| *until_ms > 0)),
            erased: named(orders.iter().filter(|(_, erased_at, _)| erased_at.is_some())),
        })
    }

    /// Takes what belongs to one job out of the rows.
    fn scene_of(&mut self, job_id: &str) -> Result<Option<Scene>, StoreError> {
        let Some(job) = self.jobs.iter().find(|row| row.id == job_id).cloned() else {
            return Ok(None);
        };
        let missing = |what: &str| DbErr::RecordNotFound(format!("{what} of job {job_id}"));
        let payment = self.payments.remove(&job.order_id).ok_or_else(|| missing("the payment"))?;
        let read_cancellations = self.cancellations.remove(&job.order_id).unwrap_or_default();
        let own = |row: &&cancellation::Model| job.cancellation_id.as_ref() == Some(&row.id);
        let cancellation = read_cancellations.iter().find(own).cloned();
        let is_sibling =
            |row: &&job::Model| row.order_id == job.order_id && row.id != job.id && is_live(row);
        let siblings = self.jobs.iter().filter(is_sibling).cloned().collect();
        let recorded = self.recorded.get(&job.id).copied().unwrap_or(0);
        Ok(Some(Scene {
            attempts_recorded: i32::try_from(recorded).unwrap_or(i32::MAX),
            attempts: self.attempts.remove(&job.order_id),
            is_erased: self.erased.contains(&job.order_id),
            is_order_unrecorded: self.unrecorded.contains(&job.order_id),
            payment,
            job,
            cancellation,
            siblings,
            read_cancellations,
        }))
    }
}

fn named<'a>(orders: impl Iterator<Item = &'a (String, Option<i64>, i64)>) -> BTreeSet<String> {
    orders.map(|(id, _, _)| id.clone()).collect()
}

/// Divides a batch into rounds in which every order stands once, each by the places of its members, so that what is read for one is not
/// changed by another. Orders are locked in their order within a round; an unknown order, "", stands in the first.
pub(crate) fn rounds<'a>(orders: impl Iterator<Item = &'a str>) -> Vec<Vec<usize>> {
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (place, order) in orders.enumerate() {
        let times = seen.entry(order).or_default();
        let round = if order.is_empty() { 0 } else { *times };
        *times = times.saturating_add(1);
        while rounds.len() <= round {
            rounds.push(Vec::new());
        }
        if let Some(members) = rounds.get_mut(round) {
            members.push(place);
        }
    }
    rounds
}

fn is_live(row: &job::Model) -> bool {
    JobState::from_word(&row.state).is_some_and(JobState::is_live)
}

/// How many attempts each job has, and the attempts themselves of the orders that have few.
async fn load_attempts(
    write: &Write<'_>,
    orders: &[String],
) -> Result<(HashMap<String, i64>, HashMap<String, Vec<attempt::Model>>), StoreError> {
    let counts: Vec<(String, String, i64)> = attempt::Entity::find()
        .select_only()
        .column(attempt::Column::OrderId)
        .column(attempt::Column::JobId)
        .column_as(attempt::Column::Number.count(), "recorded")
        .filter(attempt::Column::OrderId.is_in(orders))
        .group_by(attempt::Column::OrderId)
        .group_by(attempt::Column::JobId)
        .into_tuple()
        .all(&write.tx)
        .await?;
    let mut of_order: HashMap<&str, i64> = HashMap::new();
    for (order_id, _, count) in &counts {
        let sum = of_order.entry(order_id.as_str()).or_default();
        *sum = sum.saturating_add(*count);
    }
    let is_few = |order: &&String| {
        of_order.get(order.as_str()).is_none_or(|count| *count <= ATTEMPTS_READ_MAX)
    };
    let few: Vec<&String> = orders.iter().filter(is_few).collect();
    let mut attempts: HashMap<String, Vec<attempt::Model>> =
        few.iter().map(|order| ((*order).clone(), Vec::new())).collect();
    let has_some = few.iter().any(|order| of_order.contains_key(order.as_str()));
    if has_some {
        let read = attempt::Entity::find()
            .filter(attempt::Column::OrderId.is_in(few))
            .order_by_asc(attempt::Column::StartedAt)
            .order_by_asc(attempt::Column::Number)
            .all(&write.tx)
            .await?;
        for row in read {
            attempts.entry(row.order_id.clone()).or_default().push(row);
        }
    }
    let recorded = counts.into_iter().map(|(_, job_id, count)| (job_id, count)).collect();
    Ok((recorded, attempts))
}

/// What decisions about a job see of the past, oldest first.
pub(crate) async fn history(
    connection: &impl ConnectionTrait,
    job: &job::Model,
) -> Result<Vec<PastAttempt>, StoreError> {
    if job.kind == JobKind::Confirm.word() {
        return confirm_history(connection, &job.order_id).await;
    }
    past(connection, attempt::Column::JobId.eq(&job.id)).await
}

async fn confirm_history(
    connection: &impl ConnectionTrait,
    order_id: &str,
) -> Result<Vec<PastAttempt>, StoreError> {
    let cancels = job::Entity::find()
        .filter(job::Column::OrderId.eq(order_id))
        .filter(job::Column::Kind.eq(JobKind::Cancel.word()))
        .select_only()
        .column(job::Column::Id)
        .into_query();
    let of_confirm = attempt::Column::OrderId
        .eq(order_id)
        .and(attempt::Column::Operation.ne(Operation::Cancel.word()))
        .and(attempt::Column::JobId.not_in_subquery(cancels));
    past(connection, of_confirm).await
}

/// The last attempts that match, oldest first, and whatever stands before them that may have moved money: hours of failed look-ups
/// must not hide the call that they are about.
async fn past(
    connection: &impl ConnectionTrait,
    matching: sea_orm::sea_query::Expr,
) -> Result<Vec<PastAttempt>, StoreError> {
    let newest_first = attempt::Entity::find()
        .filter(matching)
        .order_by_desc(attempt::Column::StartedAt)
        .order_by_desc(attempt::Column::Number);
    let mut rows = newest_first.clone().limit(limits::HISTORY_MAX).all(connection).await?;
    let is_cut = u64::try_from(rows.len()).unwrap_or(u64::MAX) >= limits::HISTORY_MAX;
    if let (true, Some(oldest)) = (is_cut, rows.last()) {
        let nothing_done = [FailureClass::Unsent, FailureClass::Throttled].map(FailureClass::word);
        let may_have_moved_money =
            attempt::Column::Verdict.is_null().or(attempt::Column::Verdict.is_not_in(nothing_done));
        let before = newest_first
            .filter(attempt::Column::StartedAt.lt(oldest.started_at))
            .filter(attempt::Column::Operation.ne(Operation::LookUp.word()))
            .filter(may_have_moved_money)
            .limit(limits::HISTORY_MAX)
            .all(connection)
            .await?;
        rows.extend(before);
    }
    rows.reverse();
    rows.iter().map(rows::past_attempt).collect()
}

#[cfg(test)]
mod tests {
    use super::rounds;

    #[test]
    fn in_a_round_every_order_stands_once_and_nobody_is_left_out() {
        assert_eq!(
            rounds(["a", "b", "a", "", "b", "a", ""].into_iter()),
            [vec![0, 1, 3, 6], vec![2, 4], vec![5]]
        );
        assert!(rounds(std::iter::empty()).is_empty());
    }
}
