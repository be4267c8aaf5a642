//! Claiming: a worker takes jobs, and what each does next is decided and recorded before anything is sent.
//!
//! One transaction for those that are new, and one for the others, does all of it: the fencing token is raised, the lease begins, the
//! payment's one money operation is taken, the retry policy says what comes next, and the attempt row is written. Only a [`StartedAttempt`]
//! can be given to a gateway, and only this file makes them: nothing goes to Toss before its row is committed.

use std::collections::{HashMap, HashSet};

use domain::attempt::Operation;
use domain::cancellation::CancellationState;
use domain::job::{JobKind, JobState};
use domain::policy::{Decision, History, Step, plan_cancel, plan_confirm};
use domain::{JobId, RefundAccount, limits};
use entities::{attempt, cancellation};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _};

use crate::call::{Call, call_of, operation_of};
use crate::connection::{Store, Write};
use crate::error::StoreError;
use crate::gate::{Admission, Claimer, Gate};
use crate::ids::{sha256_hex, toss_idempotency_key};
use crate::key_pairs::KeyPairId;
use crate::origin::Origin;
use crate::refund_accounts;
use crate::rows;
use crate::scene::{Alone, Locked, rounds};
use crate::settle::{Scene, apply};

/// An attempt that is recorded and may now be made, once. Made only by a committed claim.
#[derive(Debug, Clone)]
pub struct StartedAttempt {
    pub(crate) job_id: String,
    pub(crate) kind: JobKind,
    pub(crate) claim: i64,
    pub(crate) number: i32,
    pub(crate) started_at_ms: i64,
    pub(crate) operation: Operation,
    pub(crate) order_id: String,
    key_pair: KeyPairId,
    idempotency_key: Option<String>,
    call: Call,
    refund_account: Option<RefundAccount>,
    origin: Origin,
    is_probe: bool,
}

impl StartedAttempt {
    /// Whether it is the one call that tries whether Toss answers again.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.is_probe
    }

    /// The job that it belongs to.
    #[must_use]
    pub fn job_id(&self) -> &str {
        &self.job_id
    }

    /// The job's kind.
    #[must_use]
    pub fn kind(&self) -> JobKind {
        self.kind
    }

    /// The fencing token under which it was started.
    #[must_use]
    pub fn claim(&self) -> i64 {
        self.claim
    }

    /// Its number within the job, from 1.
    #[must_use]
    pub fn number(&self) -> i32 {
        self.number
    }

    /// What it does.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// The order whose payment it is about.
    #[must_use]
    pub fn order_id(&self) -> &str {
        &self.order_id
    }

    /// The merchant under whose keys it is made.
    #[must_use]
    pub fn merchant(&self) -> &str {
        &self.key_pair.merchant
    }

    /// The pair of keys that it is made with, and no other.
    #[must_use]
    pub fn key_pair(&self) -> &KeyPairId {
        &self.key_pair
    }

    /// Our idempotency key; `None` for look-ups.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    /// What to ask of Toss.
    #[must_use]
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Where the money goes that it gives back, if not the way it came.
    #[must_use]
    pub fn refund_account(&self) -> Option<&RefundAccount> {
        self.refund_account.as_ref()
    }

    /// The request that made the job, for logs and traces.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// What became of a delivered job.
#[derive(Debug)]
pub enum Claimed {
    /// It is ours; make this attempt.
    Attempt(Box<StartedAttempt>),
    /// It ended or stopped here, without a call.
    Concluded,
    /// It is not ours to do now: early, ended, leased to another worker, behind another money operation, or unreadable.
    NotNow,
    /// There is no such job.
    Unknown,
}

impl Claimed {
    fn attempt(&self) -> Option<&StartedAttempt> {
        match self {
            Claimed::Attempt(attempt) => Some(attempt),
            Claimed::Concluded | Claimed::NotNow | Claimed::Unknown => None,
        }
    }
}

/// The code of a job that waits for another money operation of its payment.
pub(crate) const BEHIND: &str = "BEHIND_ANOTHER";
/// How long such a job waits when nobody wakes it.
const BEHIND_MS_MAX: i64 = 30_000;

impl Store {
    /// Claims delivered jobs for a worker: those that are new in one transaction, the others in another. The results stand in the order of `ids`.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing was claimed then, and the relay brings the jobs back.
    pub async fn claim_jobs(
        &self,
        ids: &[JobId],
        claimer: &Claimer,
    ) -> Result<Vec<Claimed>, StoreError> {
        let at_once = self.tried_at_once(Box::pin(self.claim_at_once(ids, claimer))).await?;
        let mut claimed = at_once.unwrap_or_else(|| ids.iter().map(|_| None).collect());
        let left = || ids.iter().zip(&claimed).filter(|(_, one)| one.is_none()).map(|(id, _)| id);
        let left: Vec<JobId> = left().cloned().collect();
        if left.is_empty() {
            return Ok(claimed.into_iter().flatten().collect());
        }
        let mut claimer = claimer.clone();
        for attempt in claimed.iter().flatten().filter_map(Claimed::attempt) {
            if let Some(room) = claimer.room.get_mut(attempt.merchant()) {
                *room = room.saturating_sub(1);
            }
        }
        let mut others = match Box::pin(self.retried(|| self.claim_locked(&left, &claimer))).await {
            Ok(others) => others.into_iter(),
            Err(error) if left.len() == ids.len() => return Err(error),
            // What was claimed at once is to be done. The others are as they were, and the relay brings them back.
            Err(error) => {
                tracing::warn!(
                    error = error.with_causes(),
                    count = left.len(),
                    "some of the jobs were not claimed"
                );
                Vec::new().into_iter()
            }
        };
        for place in claimed.iter_mut().filter(|place| place.is_none()) {
            *place = Some(others.next().unwrap_or(Claimed::NotNow));
        }
        Ok(claimed.into_iter().flatten().collect())
    }

    /// Most jobs are claimed for the first time, and nobody else is at their payments. In the places of others stands nothing.
    async fn claim_at_once(
        &self,
        ids: &[JobId],
        claimer: &Claimer,
    ) -> Result<Option<Vec<Option<Claimed>>>, StoreError> {
        let asked: Vec<&str> = ids.iter().map(JobId::as_str).collect();
        let is_twice = asked.iter().collect::<HashSet<_>>().len() < asked.len();
        if is_twice || !claimer.lets_all_go() {
            return Ok(None);
        }
        let reading = Alone::statement(&self.db, &asked);
        let (mut write, rows) = self.begin_write_at_once(&reading).await?;
        let mut scenes = Alone::scenes(&write, &rows)?;
        let mut gate = Gate::open(&write, claimer).await?;
        let mut claimed = Vec::with_capacity(ids.len());
        for id in ids {
            claimed.push(match scenes.remove(id.as_str()) {
                Some(Some(scene)) => {
                    Some(claim_readable(&mut write, &mut gate, scene, claimer).await?)
                }
                Some(None) => None,
                None => Some(Claimed::Unknown),
            });
        }
        commit(write, claimed).await.map(Some)
    }

    async fn claim_locked(
        &self,
        ids: &[JobId],
        claimer: &Claimer,
    ) -> Result<Vec<Claimed>, StoreError> {
        let asked: Vec<&str> = ids.iter().map(JobId::as_str).collect();
        let (mut write, rows) = self.begin_write_with(&Locked::statement(&self.db, &asked)).await?;
        let mut locked = Some(Locked::read(&rows)?);
        let known: HashMap<String, String> = locked
            .iter()
            .flatten()
            .map(|row| (row.job_id.clone(), row.order_id().to_owned()))
            .collect();
        let mut gate = Gate::open(&write, claimer).await?;
        let mut claimed: Vec<Claimed> = ids.iter().map(|_| Claimed::Unknown).collect();
        let orders = ids.iter().map(|id| known.get(id.as_str()).map_or("", String::as_str));
        for round in rounds(orders) {
            let batch: Vec<(usize, &JobId)> =
                round.into_iter().filter_map(|number| Some((number, ids.get(number)?))).collect();
            let wanted: Vec<&str> = batch.iter().map(|(_, id)| id.as_str()).collect();
            let locked = match locked.take() {
                Some(first) => first,
                // The payments as the rounds before have left them.
                None => Locked::again(&write, &wanted).await?,
            };
            let mut scenes = Scene::load_all(&write, locked, &wanted).await?;
            for (number, id) in batch {
                let Some(scene) = scenes.remove(id.as_str()) else { continue };
                let one = claim_readable(&mut write, &mut gate, scene, claimer).await?;
                if let Some(place) = claimed.get_mut(number) {
                    *place = one;
                }
            }
        }
        commit(write, claimed).await
    }
}

async fn commit<T>(write: Write<'_>, claimed: T) -> Result<T, StoreError> {
    crash::point!("dispatch 3", "all of a claim is decided", "its commit");
    write.commit().await?;
    crash::point!("dispatch 4", "a claim is committed", "a place among the calls");
    Ok(claimed)
}

/// One row that cannot be read must not hold up the others: it stays for a person, loudly.
async fn claim_readable(
    write: &mut Write<'_>,
    gate: &mut Gate<'_>,
    scene: Scene,
    claimer: &Claimer,
) -> Result<Claimed, StoreError> {
    let job_id = scene.job.id.clone();
    match claim(write, gate, scene, claimer).await {
        Err(error @ StoreError::UnreadableRow { .. }) => {
            tracing::error!(job_id, %error, alert = "unreadable_row", "a job cannot be claimed");
            Ok(Claimed::NotNow)
        }
        other => other,
    }
}

async fn claim(
    write: &mut Write<'_>,
    gate: &mut Gate<'_>,
    mut scene: Scene,
    claimer: &Claimer,
) -> Result<Claimed, StoreError> {
    let is_ours = match rows::job_state(&scene.job)? {
        JobState::Queued => true,
        JobState::Waiting | JobState::Running => scene.job.due_at <= write.now_ms,
        JobState::Parked
        | JobState::Succeeded
        | JobState::Declined
        | JobState::Void
        | JobState::Discarded => false,
    };
    if !is_ours {
        return Ok(Claimed::NotNow);
    }
    let kind = rows::job_kind(&scene.job)?;
    let past = scene.history(write).await?;
    let history = rows::history(&scene.job, &past)?;
    let facts = rows::payment_facts(&scene.payment)?;
    if history.unfinished_in_a_row() >= limits::UNFINISHED_CLAIMS_MAX
        && has_crash_looped(write, &scene).await?
    {
        close_abandoned_attempts(write, &scene.job.id).await?;
        apply(write, &mut scene, &Decision::crash_loop(facts.state.is_undecided()), None, 0)
            .await?;
        return Ok(Claimed::Concluded);
    }
    let step = match (kind, &scene.cancellation) {
        (JobKind::Confirm, _) => plan_confirm(&history, &facts, write.now_ms),
        (JobKind::Cancel, Some(cancel)) => {
            plan_cancel(&history, &facts, &scene.cancel_facts(cancel)?, write.now_ms)
        }
        (JobKind::LookUp, _) | (JobKind::Cancel, None) => Step::LookUp,
    };
    let is_sent = match step {
        Step::Conclude(decision) => {
            apply(write, &mut scene, &decision, None, 0).await?;
            return Ok(Claimed::Concluded);
        }
        Step::Send => true,
        Step::LookUp => false,
    };
    let operation = operation_of(kind, is_sent);
    let is_probe = match gate.admit(write, &scene, operation).await? {
        Admission::Go { is_probe } => is_probe,
        Admission::Held(hold) => {
            gate.put_off(write, scene, hold)?;
            return Ok(Claimed::NotNow);
        }
    };
    crash::point!("dispatch 2", "a job is let through the gate", "the payment's turn");
    let refund_account = match &scene.cancellation {
        Some(cancel) if is_sent => match open_account(write, cancel) {
            Ok(account) => account,
            Err(unreadable) => {
                apply(write, &mut scene, &unreadable, None, 0).await?;
                return Ok(Claimed::Concluded);
            }
        },
        Some(_) | None => None,
    };
    if kind.is_money() && !take_turn(write, &mut scene, is_sent).await? {
        return Ok(Claimed::NotNow);
    }
    let attempt = start(write, scene, kind, is_sent, &claimer.worker).await?;
    Ok(Claimed::Attempt(Box::new(StartedAttempt { is_probe, refund_account, ..attempt })))
}

/// The account that a cancellation's money goes to, if it has one. One that was sealed under another key stops the job for a person.
fn open_account(
    write: &Write<'_>,
    cancel: &cancellation::Model,
) -> Result<Option<RefundAccount>, Box<Decision>> {
    let Some(sealed) = &cancel.refund_account else { return Ok(None) };
    refund_accounts::open(write.seal_key(), sealed, &cancel.id)
        .map(Some)
        .ok_or_else(|| Box::new(Decision::unreadable_refund_account()))
}

/// Whether this job's own claims never finished. The view that decisions see may also hold look-ups of others.
async fn has_crash_looped(write: &Write<'_>, scene: &Scene) -> Result<bool, StoreError> {
    let own = scene.own_history(write).await?;
    let history = History::whole(&own, 1);
    Ok(history.unfinished_in_a_row() >= limits::UNFINISHED_CLAIMS_MAX)
}

/// Takes the payment's one money operation, or puts the job off until it is free.
async fn take_turn(
    write: &Write<'_>,
    scene: &mut Scene,
    is_sent: bool,
) -> Result<bool, StoreError> {
    let holder = scene.payment.money_job_id.as_deref();
    let is_free = holder.is_none_or(|holder| holder == scene.job.id);
    let is_too_early = is_sent
        && scene.payment.next_cancel_at > write.now_ms
        && scene.job.kind == JobKind::Cancel.word();
    if is_free && !is_too_early {
        // A confirm has had it since it was accepted.
        if holder.is_none() {
            let mut payment = scene.payment.clone().into_active_model();
            // No `updated_at`: without a column that is in an index PostgreSQL leaves all indexes of the table as they are, if the page has room.
            payment.money_job_id = Set(Some(scene.job.id.clone()));
            scene.payment = write.tx.change(payment)?;
        }
        return Ok(true);
    }
    let again_at = if is_free {
        scene.payment.next_cancel_at
    } else {
        write.now_ms.saturating_add(BEHIND_MS_MAX)
    };
    let mut job = scene.job.clone().into_active_model();
    job.state = Set(JobState::Waiting.word().to_owned());
    job.due_at = Set(again_at);
    job.runnable_since = Set(again_at);
    job.publications = Set(0);
    job.last_code = Set(Some(BEHIND.to_owned()));
    job.last_class = Set(None);
    job.last_message = Set(Some(match (is_free, holder) {
        (false, Some(holder)) => format!("waits for job {holder} of the same payment"),
        _ => "waits a moment after the cancel before it".to_owned(),
    }));
    job.updated_at = Set(write.now_ms);
    scene.job = write.tx.change(job)?;
    Ok(false)
}

/// Records the attempt and begins the lease.
async fn start(
    write: &mut Write<'_>,
    scene: Scene,
    kind: JobKind,
    is_sent: bool,
    worker: &str,
) -> Result<StartedAttempt, StoreError> {
    let number = scene.attempts_recorded.saturating_add(1);
    let generation =
        rows::count("jobs", &scene.job.id, "key_generation", scene.job.key_generation)?;
    let operation = operation_of(kind, is_sent);
    let call = call_of(write, &scene, operation).await?;
    let text =
        serde_json::to_string(&call).map_err(|error| sea_orm::DbErr::Json(error.to_string()))?;
    let attempt = StartedAttempt {
        job_id: scene.job.id.clone(),
        kind,
        claim: scene.job.claims.saturating_add(1),
        number,
        started_at_ms: write.now_ms,
        operation,
        order_id: scene.job.order_id.clone(),
        key_pair: scene.key_pair()?,
        idempotency_key: operation
            .is_money()
            .then(|| toss_idempotency_key(&scene.job.id, generation)),
        call,
        refund_account: None,
        origin: Origin::of(&scene.job),
        is_probe: false,
    };
    let row = attempt::Model {
        job_id: attempt.job_id.clone(),
        number,
        order_id: attempt.order_id.clone(),
        claim: attempt.claim,
        operation: operation.word().to_owned(),
        key_generation: scene.job.key_generation,
        idempotency_key: attempt.idempotency_key.clone(),
        call_hash: Some(sha256_hex(&text)),
        call: Some(text),
        started_at: write.now_ms,
        finished_at: None,
        duration_ms: None,
        http_status: None,
        code: None,
        message: None,
        verdict: None,
        trace_id: None,
        answer: None,
        is_stale: false,
        worker: worker.to_owned(),
        merchant: scene.job.merchant.clone(),
    };
    write.tx.add(row);
    let mut job = scene.job.into_active_model();
    job.state = Set(JobState::Running.word().to_owned());
    job.claims = Set(attempt.claim);
    job.due_at = Set(write.now_ms.saturating_add(limits::LEASE_MS));
    job.publications = Set(0);
    job.worker = Set(Some(worker.to_owned()));
    job.updated_at = Set(write.now_ms);
    write.tx.change(job)?;
    if let (true, Some(cancel)) = (is_sent, scene.cancellation)
        && cancel.state == CancellationState::Requested.word()
    {
        let mut cancel = cancel.into_active_model();
        cancel.state = Set(CancellationState::Sending.word().to_owned());
        cancel.updated_at = Set(write.now_ms);
        write.tx.change(cancel)?;
        write.raise_order_version(&attempt.order_id);
    }
    Ok(attempt)
}

/// Nobody will ever finish the attempts of claims that died: they count as unanswered, so that a person's retry starts clean.
async fn close_abandoned_attempts(write: &Write<'_>, job_id: &str) -> Result<(), StoreError> {
    attempt::Entity::update_many()
        .col_expr(attempt::Column::FinishedAt, Expr::value(write.now_ms))
        .col_expr(
            attempt::Column::Verdict,
            Expr::value(domain::answer::FailureClass::Unanswered.word()),
        )
        .col_expr(attempt::Column::Code, Expr::value("ABANDONED"))
        .filter(attempt::Column::JobId.eq(job_id))
        .filter(attempt::Column::FinishedAt.is_null())
        .exec(&write.tx)
        .await?;
    Ok(())
}
