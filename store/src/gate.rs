//! The gate between a claimed job and its call: what is stopped, what has to wait, and which one call may try.
//!
//! What is put off here stays unfinished without an attempt: nothing was tried, so nothing is used up. A confirm is never put off beyond
//! its window, so that a customer hears of its end even while everything stands still.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use domain::attempt::Operation;
use domain::breaker::{OPEN_MS, hold_ms};
use domain::job::{JobKind, JobState};
use domain::policy::ReviewReason;
use entities::{breaker, call_slot, job};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _, LockBehavior, LockType};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::connection::Write;
use crate::error::StoreError;
use crate::holds::{Holds, find_pause, is_probing};
use crate::key_pairs::KeyPairId;
use crate::scene::Scene;

/// Who claims, and what they may begin.
#[derive(Debug, Clone, Default)]
pub struct Claimer {
    /// The worker's name, unique among workers.
    pub worker: String,
    /// What stands in the way of calls, as it was a moment ago.
    pub holds: Holds,
    /// How many more calls the worker can make at once, by merchant; a merchant that is not named has no limit of its own.
    pub room: HashMap<String, usize>,
    /// The pairs of keys that the worker has; `None` for all there are.
    pub key_pairs: Option<Arc<HashSet<KeyPairId>>>,
    /// Calls of one operation per minute and merchant, of all workers together.
    pub calls_per_minute: Option<NonZeroU32>,
}

impl Claimer {
    /// One without limits.
    #[must_use]
    pub fn unlimited(worker: impl Into<String>) -> Claimer {
        Claimer { worker: worker.into(), ..Claimer::default() }
    }

    /// Whether nothing stands in the way of calls that would have to be looked at once more.
    pub(crate) fn lets_all_go(&self) -> bool {
        self.calls_per_minute.is_none()
            && self.holds.breakers.is_empty()
            && self.holds.pauses.is_empty()
    }
}

/// What the gate says.
#[derive(Debug)]
pub(crate) enum Admission {
    /// Begin the call.
    Go {
        /// It is the one that tries whether Toss answers.
        is_probe: bool,
    },
    /// Not now.
    Held(Hold),
}

/// Why a job is put off, and until when at the most.
#[derive(Debug)]
pub(crate) struct Hold {
    code: &'static str,
    message: String,
    until_ms: i64,
    /// A person has to act before it can go on.
    review: Option<ReviewReason>,
}

/// The merchant's breaker is open.
pub(crate) const BREAKER_OPEN: &str = "BREAKER_OPEN";
/// Somebody, or a key that is not accepted, stopped the merchant's calls.
pub(crate) const MERCHANT_PAUSED: &str = "MERCHANT_PAUSED";
/// Its turn under the rate limit is later.
const RATE_LIMITED: &str = "RATE_LIMITED";
/// This worker makes as many calls for the merchant as it may.
const MERCHANT_BUSY: &str = "MERCHANT_BUSY";
/// The worker does not have the keys that the payment is pinned to.
const KEYS_MISSING: &str = "KEYS_MISSING";
/// How long a job waits for a worker with room for its merchant.
const BUSY_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60_000;
/// How far ahead a job is told its turn. Who is further behind asks again about then: the line may have become shorter meanwhile.
const TURN_MS_MAX: i64 = 20_000;
/// How much of a rate that was not used is made up for: about as long as a job whose turn has come is on its way.
const CATCH_UP_MS: i64 = 1_000;
/// How many of those who wait are looked at. More than have their turn within [`TURN_MS_MAX`] at any rate that Toss allows.
const LINE_READ_MAX: u64 = 1_000;
/// How long a job that was handed to the queue is waited for before others go first.
const ON_ITS_WAY_MS: i64 = 2_000;
/// The least time that a job is put off for: about as long as the one before it takes to come.
const SOON_MS: i64 = 250;

/// The gate for one batch of claims.
pub(crate) struct Gate<'c> {
    claimer: &'c Claimer,
    room: HashMap<String, usize>,
    /// Who waits for the rates that were asked for, by what they are told.
    lines: HashMap<String, Line>,
}

/// Those who wait for one rate, as one batch of claims sees them.
struct Line {
    /// The oldest first: since when it could run, its id, and whether it may come any moment.
    waiting: Vec<(i64, String, bool)>,
    /// How many of this batch joined the line.
    joined: i64,
    /// Nothing more begins in this batch.
    is_full: bool,
}

impl Line {
    async fn read(write: &Write<'_>, merchant: &str, message: &str) -> Result<Line, StoreError> {
        let states = [JobState::Waiting, JobState::Queued].map(JobState::word);
        let rows: Vec<(i64, String, String, i64, i64)> = job::Entity::find()
            .select_only()
            .columns([
                job::Column::RunnableSince,
                job::Column::Id,
                job::Column::State,
                job::Column::DueAt,
                job::Column::UpdatedAt,
            ])
            .filter(job::Column::State.is_in(states))
            .filter(job::Column::Merchant.eq(merchant))
            .filter(job::Column::LastCode.eq(RATE_LIMITED))
            .filter(job::Column::LastMessage.eq(message))
            .order_by_asc(job::Column::RunnableSince)
            .order_by_asc(job::Column::Id)
            .limit(LINE_READ_MAX)
            .into_tuple()
            .all(&write.tx)
            .await?;
        let read = rows.into_iter().map(|(since, id, state, due_at, updated_at)| {
            let is_coming = if state == JobState::Waiting.word() {
                due_at <= write.now_ms
            } else {
                updated_at >= write.now_ms.saturating_sub(ON_ITS_WAY_MS)
            };
            (since, id, is_coming)
        });
        Ok(Line { waiting: read.collect(), joined: 0, is_full: false })
    }

    /// How many stand before this job, and whether one of them may come any moment.
    fn before(&self, job: &job::Model) -> (i64, bool) {
        let is_before = |(since, id, _): &(i64, String, bool)| {
            (*since, id.as_str()) < (job.runnable_since, job.id.as_str())
        };
        let before = || self.waiting.iter().take_while(|one| is_before(one));
        let count = i64::try_from(before().count()).unwrap_or(i64::MAX);
        (count, before().any(|(_, _, is_coming)| *is_coming))
    }
}

impl<'c> Gate<'c> {
    pub(crate) async fn open(
        write: &Write<'_>,
        claimer: &'c Claimer,
    ) -> Result<Gate<'c>, StoreError> {
        if claimer.calls_per_minute.is_some() {
            // All claims lock the rows of the rates behind their orders and before any job, so that none waits for another in a circle.
            call_slot::Entity::find()
                .order_by_asc(call_slot::Column::Merchant)
                .order_by_asc(call_slot::Column::Operation)
                .lock_exclusive()
                .all(&write.tx)
                .await?;
        }
        Ok(Gate { claimer, room: claimer.room.clone(), lines: HashMap::new() })
    }

    /// Whether the call may begin now. What it takes of room and rate is taken by asking.
    pub(crate) async fn admit(
        &mut self,
        write: &Write<'_>,
        scene: &Scene,
        operation: Operation,
    ) -> Result<Admission, StoreError> {
        let merchant = scene.payment.merchant.as_str();
        if let Some(message) = self.lacks_keys(scene)? {
            let hold = waiting(write, scene, KEYS_MISSING, message, 0);
            let review = Some(ReviewReason::KeysMissing);
            return Ok(Admission::Held(Hold { review, ..hold }));
        }
        let is_paused = self.claimer.holds.find_pause(merchant, operation).is_some();
        // What the worker knows is a moment old: what was released meanwhile must not be put off again.
        if is_paused && let Some(reason) = find_pause(&write.tx, merchant, operation).await? {
            let message = format!("calls for merchant {merchant} are paused: {reason}");
            return Ok(Admission::Held(waiting(write, scene, MERCHANT_PAUSED, message, 0)));
        }
        if self.room.get(merchant) == Some(&0) {
            let message = format!("all calls for merchant {merchant} are under way here");
            let until_ms = write.now_ms.saturating_add(BUSY_MS);
            let hold = Hold { code: MERCHANT_BUSY, message, until_ms, review: None };
            return Ok(Admission::Held(hold));
        }
        let mut is_probe = false;
        if operation.is_money() && self.claimer.holds.is_open(merchant) {
            match take_probe(write, scene, merchant).await? {
                Probe::Closed => {}
                Probe::Ours => is_probe = true,
                Probe::NotNow { probe_at } => {
                    let message = format!("Toss does not answer calls for merchant {merchant}");
                    let hold = waiting(write, scene, BREAKER_OPEN, message, probe_at);
                    return Ok(Admission::Held(hold));
                }
            }
        }
        if let Some(hold) = self.take_slot(write, scene, operation).await? {
            return Ok(Admission::Held(hold));
        }
        if let Some(room) = self.room.get_mut(merchant) {
            *room = room.saturating_sub(1);
        }
        Ok(Admission::Go { is_probe })
    }

    /// Says which keys the worker does not have that the payment is pinned to. Another pair would not do: Toss would not recognise what was
    /// sent before.
    fn lacks_keys(&self, scene: &Scene) -> Result<Option<String>, StoreError> {
        let pair = scene.key_pair()?;
        let has_it = self.claimer.key_pairs.as_ref().is_none_or(|pairs| pairs.contains(&pair));
        Ok((!has_it).then(|| format!("no worker that took it has the keys: {pair}")))
    }

    /// Takes the merchant's next slot if it is free by now. `Some` when it is not: the job comes back about when it is its turn, and nothing
    /// is booked for it, because it may be over by then.
    async fn take_slot(
        &mut self,
        write: &Write<'_>,
        scene: &Scene,
        operation: Operation,
    ) -> Result<Option<Hold>, StoreError> {
        let Some(per_minute) = self.claimer.calls_per_minute else { return Ok(None) };
        let every_ms = MINUTE_MS.checked_div(i64::from(per_minute.get())).unwrap_or(MINUTE_MS);
        let every_ms = Ord::max(every_ms, 1);
        let merchant = scene.payment.merchant.as_str();
        let message =
            format!("the rate of {} calls for merchant {merchant} is limited", operation.word());
        let line = match self.lines.entry(message.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Line::read(write, merchant, &message).await?),
        };
        let (before, is_one_coming) = line.before(&scene.job);
        if !is_one_coming && !line.is_full {
            if take_free_slot(write, merchant, operation, every_ms).await? {
                return Ok(None);
            }
            line.is_full = true;
        }
        let has_waited = scene.job.last_code.as_deref() == Some(RATE_LIMITED);
        let place = if has_waited { before } else { before.saturating_add(line.joined) };
        if !has_waited {
            line.joined = line.joined.saturating_add(1);
        }
        let free_at = read_free_at(write, merchant, operation).await?;
        let again_ms = Ord::min(every_ms.saturating_mul(place), TURN_MS_MAX);
        // Those who come back together at the end of what is looked ahead are spread.
        let spread_ms = if again_ms == TURN_MS_MAX { write.jitter_ms(TURN_MS_MAX / 2) } else { 0 };
        let until_ms = Ord::max(free_at, write.now_ms.saturating_add(SOON_MS))
            .saturating_add(again_ms)
            .saturating_sub(spread_ms);
        Ok(Some(Hold { code: RATE_LIMITED, message, until_ms, review: None }))
    }

    /// Puts a job off. No attempt is recorded, and how long it has waited goes on counting.
    pub(crate) fn put_off(
        &self,
        write: &Write<'_>,
        scene: Scene,
        hold: Hold,
    ) -> Result<(), StoreError> {
        let window_ends = (scene.job.kind == JobKind::Confirm.word()
            && scene.payment.confirm_by > write.now_ms)
            .then_some(scene.payment.confirm_by);
        if let Some(reason) = hold.review
            && scene.payment.review_reason.is_none()
        {
            ask_a_person(write, &scene, reason, &hold.message)?;
        }
        let mut row = scene.job.into_active_model();
        row.state = Set(JobState::Waiting.word().to_owned());
        row.due_at = Set(window_ends.map_or(hold.until_ms, |ends| Ord::min(ends, hold.until_ms)));
        row.publications = Set(0);
        row.last_code = Set(Some(hold.code.to_owned()));
        row.last_class = Set(None);
        row.last_message = Set(Some(hold.message));
        row.updated_at = Set(write.now_ms);
        write.tx.change(row)?;
        Ok(())
    }
}

/// Takes the slot if it is free, for all workers together: whoever changes the row first has it.
async fn take_free_slot(
    write: &Write<'_>,
    merchant: &str,
    operation: Operation,
    every_ms: i64,
) -> Result<bool, StoreError> {
    let row = call_slot::ActiveModel {
        merchant: Set(merchant.to_owned()),
        operation: Set(operation.word().to_owned()),
        next_free_at: Set(write.now_ms),
    };
    call_slot::Entity::insert(row)
        .on_conflict_do_nothing()
        .exec_without_returning(&write.tx)
        .await?;
    let oldest_ms = write.now_ms.saturating_sub(CATCH_UP_MS);
    let free_at = || Expr::col(call_slot::Column::NextFreeAt);
    let from: Expr = Expr::case(free_at().lt(oldest_ms), oldest_ms).finally(free_at()).into();
    let taken = call_slot::Entity::update_many()
        .col_expr(call_slot::Column::NextFreeAt, from.add(every_ms))
        .filter(call_slot::Column::Merchant.eq(merchant))
        .filter(call_slot::Column::Operation.eq(operation.word()))
        .filter(call_slot::Column::NextFreeAt.lte(write.now_ms))
        .exec(&write.tx)
        .await?;
    Ok(taken.rows_affected > 0)
}

/// When the next slot is free.
async fn read_free_at(
    write: &Write<'_>,
    merchant: &str,
    operation: Operation,
) -> Result<i64, StoreError> {
    let key = (merchant.to_owned(), operation.word().to_owned());
    let row = call_slot::Entity::find_by_id(key).one(&write.tx).await?;
    Ok(row.map_or(write.now_ms, |row| row.next_free_at))
}

/// A hold without a known end: looked at again the less often the longer it lasts, and not before `not_before_ms`.
fn waiting(
    write: &Write<'_>,
    scene: &Scene,
    code: &'static str,
    message: String,
    not_before_ms: i64,
) -> Hold {
    let waited_ms = write.now_ms.saturating_sub(scene.job.runnable_since);
    // Those that were stopped together must not come back together.
    let again_ms = hold_ms(waited_ms).saturating_add(write.jitter_ms(OPEN_MS));
    let until_ms = Ord::max(write.now_ms.saturating_add(again_ms), not_before_ms);
    Hold { code, message, until_ms, review: None }
}

/// Marks the payment of a job that cannot go on by itself.
fn ask_a_person(
    write: &Write<'_>,
    scene: &Scene,
    reason: ReviewReason,
    message: &str,
) -> Result<(), StoreError> {
    let version = scene.payment.version.saturating_add(1);
    let mut row = scene.payment.clone().into_active_model();
    row.review_reason = Set(Some(reason.word().to_owned()));
    row.review_since = Set(Some(write.now_ms));
    row.version = Set(version);
    row.updated_at = Set(write.now_ms);
    write.tx.change(row)?;
    tracing::error!(job_id = %scene.job.id, order_id = %scene.job.order_id, reason = message, alert = "keys_missing",
        "a job waits for keys that are not configured");
    Ok(())
}

/// What an open breaker says to one call.
enum Probe {
    /// It was closed meanwhile.
    Closed,
    /// This call tries.
    Ours,
    /// It is too early, or another call tries just now.
    NotNow { probe_at: i64 },
}

/// Takes the breaker's one probe.
async fn take_probe(write: &Write<'_>, scene: &Scene, merchant: &str) -> Result<Probe, StoreError> {
    let soon = write.now_ms.saturating_add(OPEN_MS);
    // Whoever holds the row is taking the probe: nobody waits for it.
    let Some(row) = breaker::Entity::find_by_id(merchant)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .one(&write.tx)
        .await?
    else {
        return Ok(Probe::NotNow { probe_at: soon });
    };
    if row.state == "closed" {
        return Ok(Probe::Closed);
    }
    if row.probe_at > write.now_ms {
        return Ok(Probe::NotNow { probe_at: row.probe_at });
    }
    if is_probing(&write.tx, &row, write.now_ms).await? {
        return Ok(Probe::NotNow { probe_at: soon });
    }
    let mut row = row.into_active_model();
    row.probe_job_id = Set(Some(scene.job.id.clone()));
    row.probe_claim = Set(Some(scene.job.claims.saturating_add(1)));
    row.update(&write.tx).await?;
    Ok(Probe::Ours)
}
