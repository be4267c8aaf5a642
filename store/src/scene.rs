//! Everything that a decision about one job looks at: taken under the write lock in the order that all writes use, or seen without one.

use std::collections::{BTreeSet, HashMap};

use domain::answer::FailureClass;
use domain::attempt::{Operation, PastAttempt};
use domain::cancellation::cancel_tag;
use domain::job::{JobKind, JobState};
use domain::policy::CancelFacts;
use domain::{Won, limits};
use entities::{attempt, cancellation, job, order, payment};
use sea_orm::sea_query::{
    Expr, ExprTrait as _, Func, IntoColumnRef, IntoTableRef as _, LockType, Order, Query,
    SelectStatement,
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, IdenStatic as _,
    Iterable as _, JoinType, QueryFilter as _, QueryOrder as _, QueryResult, QuerySelect as _,
    QueryTrait as _, RelationDef, Statement,
};

use crate::connection::{NOW_MS, Write, clock};
use crate::error::StoreError;
use crate::key_pairs::{KeyPairId, key_pair};
use crate::rows;
use crate::settle::is_lost;
use crate::sql::{AboutOne, is_any_of, is_one_of};
use crate::transaction::seen;

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
        let asked = [job_id];
        let locked = Locked::again(write, &asked).await?;
        Ok(Scene::load_all(write, locked, &asked).await?.remove(job_id))
    }

    /// Takes the rows of several jobs of different orders, by the jobs' ids, whose orders and payments are taken: however many they are, with
    /// one statement for the jobs, and one for cancellations and one for attempts where there are any. All under the write lock. Jobs that
    /// there are not are left out.
    pub(crate) async fn load_all(
        write: &Write<'_>,
        locked: Vec<Locked>,
        job_ids: &[&str],
    ) -> Result<HashMap<String, Scene>, StoreError> {
        if locked.is_empty() {
            return Ok(HashMap::new());
        }
        let mut rows = Rows::load(write, locked, job_ids).await?;
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

/// A payment that a job is about, with what is looked at of its order: both are taken.
#[derive(FromQueryResult)]
pub(crate) struct Locked {
    /// The job.
    pub(crate) job_id: String,
    #[sea_orm(nested)]
    payment: payment::Model,
    erased_at: Option<i64>,
    unrecorded_until: i64,
}

impl Locked {
    /// Takes orders and payments of jobs, sorted by order, and reads the clock.
    pub(crate) fn statement(database: &impl ConnectionTrait, job_ids: &[&str]) -> Statement {
        let mut select = select_payments(database, job_ids);
        let taken = [order::Entity.into_table_ref(), payment::Entity.into_table_ref()];
        select
            .expr_as(Expr::col((job::Entity, job::Column::Id)), "job_id")
            .order_by((order::Entity, order::Column::Id), Order::Asc)
            .lock_with_tables(LockType::Update, taken);
        database.get_database_backend().build(&select)
    }

    /// What [`Locked::statement`] has read.
    pub(crate) fn read(rows: &[QueryResult]) -> Result<Vec<Locked>, StoreError> {
        let read = rows.iter().map(|row| Locked::from_query_result(row, ""));
        Ok(read.collect::<Result<_, _>>()?)
    }

    /// The same within a transaction that has begun.
    pub(crate) async fn again(
        write: &Write<'_>,
        job_ids: &[&str],
    ) -> Result<Vec<Locked>, StoreError> {
        let statement = Locked::statement(&write.tx, job_ids);
        Locked::read(&write.tx.query_all_raw(statement).await?)
    }

    /// The order.
    pub(crate) fn order_id(&self) -> &str {
        &self.payment.order_id
    }
}

/// The payments of jobs, with what is looked at of their orders, and the clock.
fn select_payments(database: &impl ConnectionTrait, job_ids: &[&str]) -> SelectStatement {
    let of_payment: RelationDef = payment::Entity::belongs_to(order::Entity)
        .from(payment::Column::OrderId)
        .to(order::Column::Id)
        .into();
    let of_job: RelationDef = job::Entity::belongs_to(order::Entity)
        .from(job::Column::OrderId)
        .to(order::Column::Id)
        .into();
    let mut select = order::Entity::find()
        .select_only()
        .column(order::Column::ErasedAt)
        .column(order::Column::UnrecordedUntil)
        .columns(payment::Column::iter())
        .join(JoinType::InnerJoin, of_job.rev())
        .join(JoinType::InnerJoin, of_payment.rev())
        .filter(is_one_of(database, job::Column::Id, job_ids.iter().copied()))
        .into_query();
    select.expr_as(clock(database.get_database_backend()), NOW_MS).take()
}

/// A job as it is read without locks, with its payment, and what more there is than that: then it has to be looked at under locks.
#[derive(FromQueryResult)]
pub(crate) struct Alone {
    #[sea_orm(nested(prefix = "job_"))]
    job: job::Model,
    #[sea_orm(nested)]
    payment: payment::Model,
    erased_at: Option<i64>,
    unrecorded_until: i64,
    attempts: i64,
    cancellations: i64,
    live_jobs: i64,
    seen_order: String,
    seen_payment: String,
    seen_job: String,
}

impl Alone {
    /// Reads jobs with their payments, and the clock, on PostgreSQL.
    pub(crate) fn statement(database: &impl ConnectionTrait, job_ids: &[&str]) -> Statement {
        static ABOUT_ONE: AboutOne = AboutOne::new();
        ABOUT_ONE.statement(job_ids, |job_ids| Alone::made_statement(database, job_ids))
    }

    fn made_statement(database: &impl ConnectionTrait, job_ids: &[&str]) -> Statement {
        let mut select = select_payments(database, job_ids);
        for column in job::Column::iter() {
            select.expr_as(Expr::col((job::Entity, column)), format!("job_{}", column.as_str()));
        }
        let order_id = job::Column::OrderId;
        let attempts = count_of(attempt::Entity, attempt::Column::OrderId, order_id);
        let cancellations = count_of(cancellation::Entity, cancellation::Column::OrderId, order_id);
        let jobs = Query::select()
            .expr(Expr::cust("count(*)"))
            .from_as(job::Entity, "other")
            .and_where(Expr::col(("other", order_id)).equals((job::Entity, order_id)))
            .and_where(is_state_live(("other", job::Column::State)))
            .to_owned();
        select
            .expr_as(attempts, "attempts")
            .expr_as(cancellations, "cancellations")
            .expr_as(jobs, "live_jobs")
            .expr_as(seen(&order::Entity), "seen_order")
            .expr_as(seen(&payment::Entity), "seen_payment")
            .expr_as(seen(&job::Entity), "seen_job");
        database.get_database_backend().build(&select)
    }

    /// What [`Alone::statement`] has read, by job: nothing of one that is not alone with its payment, or not new.
    pub(crate) fn scenes(
        write: &Write<'_>,
        rows: &[QueryResult],
    ) -> Result<HashMap<String, Option<Scene>>, StoreError> {
        let mut scenes = HashMap::with_capacity(rows.len());
        for row in rows {
            let alone = Alone::from_query_result(row, "")?;
            let Alone { job, payment, .. } = alone;
            let id = job.id.clone();
            // One is itself, unless that has ended: then it is left alone anyway.
            if alone.live_jobs > 1 || alone.attempts > 0 || alone.cancellations > 0 {
                scenes.insert(id, None);
                continue;
            }
            write.tx.saw::<order::ActiveModel>(&payment.order_id, alone.seen_order);
            write.tx.saw::<payment::ActiveModel>(&payment.order_id, alone.seen_payment);
            write.tx.saw::<job::ActiveModel>(&job.id, alone.seen_job);
            let scene = Scene {
                payment,
                job,
                cancellation: None,
                is_erased: alone.erased_at.is_some(),
                is_order_unrecorded: alone.unrecorded_until > 0,
                attempts_recorded: 0,
                siblings: Vec::new(),
                attempts: Some(Vec::new()),
                read_cancellations: Vec::new(),
            };
            scenes.insert(id, Some(scene));
        }
        Ok(scenes)
    }
}

/// A job, how many attempts are recorded of it and of its order, and how many cancellations.
#[derive(Clone, FromQueryResult)]
struct Counted {
    #[sea_orm(nested)]
    job: job::Model,
    of_job: i64,
    of_order: i64,
    cancellations: i64,
}

/// How many rows of a table have in a column what a job has in one of its own.
fn count_of<E: EntityTrait>(_: E, column: E::Column, of_job: job::Column) -> SelectStatement {
    Query::select()
        .expr(Expr::cust("count(*)"))
        .from(E::default())
        .and_where(Expr::col((E::default(), column)).equals((job::Entity, of_job)))
        .to_owned()
}

/// The rows of several orders, table by table.
struct Rows {
    payments: HashMap<String, payment::Model>,
    cancellations: HashMap<String, Vec<cancellation::Model>>,
    jobs: Vec<Counted>,
    /// By order.
    attempts: HashMap<String, Vec<attempt::Model>>,
    /// Orders whose personal data was blanked.
    erased: BTreeSet<String>,
    /// Orders that were open in a backup that was restored.
    unrecorded: BTreeSet<String>,
}

impl Rows {
    async fn load(
        write: &Write<'_>,
        locked: Vec<Locked>,
        job_ids: &[&str],
    ) -> Result<Rows, StoreError> {
        let ids = || locked.iter().map(Locked::order_id);
        let of_orders = is_one_of(&write.tx, job::Column::OrderId, ids());
        let is_live = is_state_live(job::Column::State);
        let is_asked = is_any_of(&write.tx, job::Column::Id, job_ids.iter().copied());
        let (id, order_id) = (job::Column::Id, job::Column::OrderId);
        let jobs: Vec<Counted> = job::Entity::find()
            .expr_as(count_of(attempt::Entity, attempt::Column::JobId, id), "of_job")
            .expr_as(count_of(attempt::Entity, attempt::Column::OrderId, order_id), "of_order")
            .expr_as(
                count_of(cancellation::Entity, cancellation::Column::OrderId, order_id),
                "cancellations",
            )
            .filter(of_orders)
            .filter(is_live.or(is_asked))
            .order_by_asc(order_id)
            .order_by_asc(id)
            .lock_exclusive()
            .into_model()
            .all(&write.tx)
            .await?;
        let cancellations = load_cancellations(write, &jobs).await?;
        let attempts = load_attempts(write, &jobs).await?;
        Ok(Rows {
            unrecorded: named(locked.iter().filter(|row| row.unrecorded_until > 0)),
            erased: named(locked.iter().filter(|row| row.erased_at.is_some())),
            payments: locked
                .into_iter()
                .map(|row| (row.payment.order_id.clone(), row.payment))
                .collect(),
            cancellations,
            jobs,
            attempts,
        })
    }

    /// Takes what belongs to one job out of the rows.
    fn scene_of(&mut self, job_id: &str) -> Result<Option<Scene>, StoreError> {
        let Some(Counted { job, of_job, .. }) =
            self.jobs.iter().find(|row| row.job.id == job_id).cloned()
        else {
            return Ok(None);
        };
        let missing = |what: &str| DbErr::RecordNotFound(format!("{what} of job {job_id}"));
        let payment = self.payments.remove(&job.order_id).ok_or_else(|| missing("the payment"))?;
        let read_cancellations = self.cancellations.remove(&job.order_id).unwrap_or_default();
        let own = |row: &&cancellation::Model| job.cancellation_id.as_ref() == Some(&row.id);
        let cancellation = read_cancellations.iter().find(own).cloned();
        let is_sibling =
            |row: &&job::Model| row.order_id == job.order_id && row.id != job.id && is_live(row);
        let siblings = self.jobs.iter().map(|row| &row.job).filter(is_sibling).cloned().collect();
        Ok(Some(Scene {
            attempts_recorded: i32::try_from(of_job).unwrap_or(i32::MAX),
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

/// That a job has not ended. As an expression: by its index all jobs that wait would be looked through for those of a few orders.
fn is_state_live(state: impl IntoColumnRef) -> Expr {
    let live = JobState::ALL.into_iter().filter(|state| state.is_live()).map(JobState::word);
    Expr::from(Func::coalesce([Expr::col(state), Expr::val("")])).is_in(live)
}

fn named<'a>(rows: impl Iterator<Item = &'a Locked>) -> BTreeSet<String> {
    rows.map(|row| row.payment.order_id.clone()).collect()
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

/// The cancellations of the orders that have some, by order, oldest first.
async fn load_cancellations(
    write: &Write<'_>,
    jobs: &[Counted],
) -> Result<HashMap<String, Vec<cancellation::Model>>, StoreError> {
    let some = jobs.iter().filter(|row| row.cancellations > 0);
    let some: BTreeSet<&str> = some.map(|row| row.job.order_id.as_str()).collect();
    let mut by_order: HashMap<String, Vec<cancellation::Model>> = HashMap::new();
    if !some.is_empty() {
        let read = cancellation::Entity::find()
            .filter(is_one_of(&write.tx, cancellation::Column::OrderId, some))
            .order_by_asc(cancellation::Column::OrderId)
            .order_by_asc(cancellation::Column::RequestedAt)
            .order_by_asc(cancellation::Column::Id)
            .lock_exclusive()
            .all(&write.tx)
            .await?;
        for row in read {
            by_order.entry(row.order_id.clone()).or_default().push(row);
        }
    }
    Ok(by_order)
}

/// The attempts of the orders that have few, by order.
async fn load_attempts(
    write: &Write<'_>,
    jobs: &[Counted],
) -> Result<HashMap<String, Vec<attempt::Model>>, StoreError> {
    let few = jobs.iter().filter(|row| row.of_order <= ATTEMPTS_READ_MAX);
    let mut attempts: HashMap<String, Vec<attempt::Model>> =
        few.clone().map(|row| (row.job.order_id.clone(), Vec::new())).collect();
    let some: BTreeSet<&str> =
        few.filter(|row| row.of_order > 0).map(|row| row.job.order_id.as_str()).collect();
    if !some.is_empty() {
        let read = attempt::Entity::find()
            .filter(is_one_of(&write.tx, attempt::Column::OrderId, some))
            .order_by_asc(attempt::Column::StartedAt)
            .order_by_asc(attempt::Column::Number)
            .all(&write.tx)
            .await?;
        for row in read {
            attempts.entry(row.order_id.clone()).or_default().push(row);
        }
    }
    Ok(attempts)
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
