//! What holds calls back, per merchant and for all processes: breakers that open when Toss does not answer, and pauses that a person makes
//! or a key that Toss does not accept. Rows, so that every worker and the console agree. What they mean for one call is in `gate`.

use domain::attempt::Operation;
use domain::breaker::OPEN_MS;
use domain::job::JobState;
use entities::{breaker, job, pause};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::audit;
use crate::connection::{Store, Write};
use crate::error::StoreError;
use crate::gate::{BREAKER_OPEN, MERCHANT_PAUSED};
use crate::operate::Actor;

/// How many jobs that were held back are released in one transaction.
const RELEASE_BATCH_MAX: u64 = 500;
/// How many breakers and pauses are read: more than there can be merchants.
const ROWS_MAX: u64 = 1_000;
const CLOSED: &str = "closed";
pub(crate) const OPEN: &str = "open";
const SUSPECTED: &str = "suspected";
pub(crate) const PAUSED: &str = "paused";

/// What a pause stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PauseScope {
    /// Every call.
    All,
    /// One kind of call.
    Only(Operation),
}

impl PauseScope {
    /// The word for columns and the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            PauseScope::All => "all",
            PauseScope::Only(operation) => operation.word(),
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<PauseScope> {
        match word {
            "all" => Some(PauseScope::All),
            other => Operation::from_word(other).map(PauseScope::Only),
        }
    }

    fn stops(self, operation: Operation) -> bool {
        match self {
            PauseScope::All => true,
            PauseScope::Only(only) => only == operation,
        }
    }
}

/// An open breaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenBreaker {
    /// Whose calls.
    pub merchant: String,
    /// Milliseconds UTC from which one call may try.
    pub probe_at_ms: i64,
    /// Whether a call tries, or did and its worker died.
    pub has_probe: bool,
    /// What the last failed call brought.
    pub last_code: Option<String>,
    /// How often it opened without an answer between.
    pub openings: i32,
}

/// A pause, or the suspicion of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Whose calls.
    pub merchant: String,
    /// Which of them.
    pub scope: PauseScope,
    /// Whether it holds calls; else one more sign of the same makes it do so.
    pub is_in_force: bool,
    /// A code, or a person's sentence.
    pub reason: String,
    /// Staff id, or `system`.
    pub paused_by: String,
    /// Milliseconds UTC.
    pub since_ms: i64,
}

/// Everything that holds calls back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holds {
    /// The database's clock when it was read, in milliseconds.
    pub now_ms: i64,
    /// Open breakers.
    pub breakers: Vec<OpenBreaker>,
    /// Pauses and suspicions.
    pub pauses: Vec<Pause>,
}

impl Holds {
    /// Whether the merchant's breaker is open.
    #[must_use]
    pub fn is_open(&self, merchant: &str) -> bool {
        self.breakers.iter().any(|breaker| breaker.merchant == merchant)
    }

    /// Why such calls are paused, if they are.
    #[must_use]
    pub fn find_pause(&self, merchant: &str, operation: Operation) -> Option<&str> {
        self.pauses
            .iter()
            .find(|pause| {
                pause.is_in_force && pause.merchant == merchant && pause.scope.stops(operation)
            })
            .map(|pause| pause.reason.as_str())
    }

    /// Whether nothing of this operation can begin for the merchant just now, so that its jobs need not be taken.
    #[must_use]
    pub fn is_held(&self, merchant: &str, operation: Operation) -> bool {
        let is_open = self.breakers.iter().any(|breaker| {
            breaker.merchant == merchant && (breaker.has_probe || breaker.probe_at_ms > self.now_ms)
        });
        self.find_pause(merchant, operation).is_some() || (operation.is_money() && is_open)
    }

    /// Whether the merchant's key is under suspicion, so that an answer clears it.
    #[must_use]
    pub fn is_suspected(&self, merchant: &str) -> bool {
        self.pauses.iter().any(|pause| pause.merchant == merchant && !pause.is_in_force)
    }
}

impl Store {
    /// Reads what holds calls back.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::UnreadableRow`].
    pub async fn read_holds(&self) -> Result<Holds, StoreError> {
        self.bounded(self.read_holds_now()).await
    }

    async fn read_holds_now(&self) -> Result<Holds, StoreError> {
        let read = self.begin_read().await?;
        let breakers = breaker::Entity::find()
            .filter(breaker::Column::State.eq(OPEN))
            .limit(ROWS_MAX)
            .all(&read.tx)
            .await?;
        let mut open = Vec::with_capacity(breakers.len());
        for row in breakers {
            let has_probe = is_probing(&read.tx, &row, read.now_ms).await?;
            open.push(OpenBreaker {
                has_probe,
                merchant: row.merchant,
                probe_at_ms: row.probe_at,
                last_code: row.last_code,
                openings: row.openings,
            });
        }
        let pauses = pause::Entity::find()
            .order_by_asc(pause::Column::Merchant)
            .limit(ROWS_MAX)
            .all(&read.tx)
            .await?;
        let now_ms = read.now_ms;
        read.end().await?;
        let pauses = pauses.into_iter().map(read_pause).collect::<Result<_, _>>()?;
        Ok(Holds { now_ms, breakers: open, pauses })
    }

    /// Opens a merchant's breaker: `code` is what the last of the failed calls brought. An open one stays as it is.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing was changed then.
    pub async fn open_breaker(&self, merchant: &str, code: &str) -> Result<(), StoreError> {
        self.retried(|| self.open_breaker_once(merchant, code)).await
    }

    async fn open_breaker_once(&self, merchant: &str, code: &str) -> Result<(), StoreError> {
        let write = self.begin_write().await?;
        let row = breaker::ActiveModel {
            merchant: Set(merchant.to_owned()),
            state: Set(CLOSED.to_owned()),
            openings: Set(0),
            probe_at: Set(0),
            probe_job_id: Set(None),
            probe_claim: Set(None),
            last_code: Set(None),
            changed_at: Set(write.now_ms),
        };
        breaker::Entity::insert(row)
            .on_conflict_do_nothing()
            .exec_without_returning(&write.tx)
            .await?;
        let opened = breaker::Entity::update_many()
            .col_expr(breaker::Column::State, Expr::value(OPEN))
            .col_expr(breaker::Column::Openings, Expr::value(1))
            .col_expr(breaker::Column::ProbeAt, Expr::value(write.now_ms.saturating_add(OPEN_MS)))
            .col_expr(breaker::Column::ProbeJobId, Expr::value(Option::<String>::None))
            .col_expr(breaker::Column::ProbeClaim, Expr::value(Option::<i64>::None))
            .col_expr(breaker::Column::LastCode, Expr::value(code))
            .col_expr(breaker::Column::ChangedAt, Expr::value(write.now_ms))
            .filter(breaker::Column::Merchant.eq(merchant))
            .filter(breaker::Column::State.eq(CLOSED))
            .exec(&write.tx)
            .await?;
        write.commit().await?;
        if opened.rows_affected > 0 {
            tracing::error!(
                merchant,
                code,
                alert = "breaker_open",
                "Toss does not answer: confirms and cancels wait"
            );
        }
        Ok(())
    }

    /// Tells a merchant's breaker how its probe ended: an answer closes it and releases what waits, a failure with this code leaves it open.
    ///
    /// # Errors
    /// [`StoreError::Database`]; the probe counts as under way until its lease is over.
    pub async fn end_probe(
        &self,
        merchant: &str,
        job_id: &str,
        failure_code: Option<&str>,
    ) -> Result<(), StoreError> {
        let is_closed =
            self.retried(|| self.end_probe_once(merchant, job_id, failure_code)).await?;
        if is_closed {
            tracing::info!(merchant, "Toss answers again: confirms and cancels go on");
            self.release_held(merchant, BREAKER_OPEN).await?;
        }
        Ok(())
    }

    async fn end_probe_once(
        &self,
        merchant: &str,
        job_id: &str,
        failure_code: Option<&str>,
    ) -> Result<bool, StoreError> {
        let write = self.begin_write().await?;
        let Some(row) = breaker::Entity::find_by_id(merchant)
            .filter(breaker::Column::ProbeJobId.eq(job_id))
            .lock_exclusive()
            .one(&write.tx)
            .await?
        else {
            return Ok(false);
        };
        let openings = row.openings;
        let mut row = row.into_active_model();
        row.probe_job_id = Set(None);
        row.probe_claim = Set(None);
        row.changed_at = Set(write.now_ms);
        match failure_code {
            Some(code) => {
                row.openings = Set(openings.saturating_add(1));
                row.probe_at = Set(write.now_ms.saturating_add(OPEN_MS));
                row.last_code = Set(Some(code.to_owned()));
            }
            None => {
                row.state = Set(CLOSED.to_owned());
                row.openings = Set(0);
            }
        }
        row.update(&write.tx).await?;
        write.commit().await?;
        Ok(failure_code.is_none())
    }

    /// Notes that Toss did not accept the merchant's key for this order's payment. The second payment to which that happens stops all
    /// calls of the merchant, until somebody resumes them: one may be that payment's own trouble.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing was changed then.
    pub async fn suspect_key(
        &self,
        merchant: &str,
        order_id: &str,
        code: &str,
    ) -> Result<(), StoreError> {
        let is_stopped = self.retried(|| self.suspect_key_once(merchant, order_id, code)).await?;
        if is_stopped {
            tracing::error!(
                merchant,
                code,
                alert = "merchant_paused",
                "Toss does not accept the merchant's key: all its calls wait until somebody resumes them"
            );
        }
        Ok(())
    }

    async fn suspect_key_once(
        &self,
        merchant: &str,
        order_id: &str,
        code: &str,
    ) -> Result<bool, StoreError> {
        let write = self.begin_write().await?;
        let row = pause::ActiveModel {
            merchant: Set(merchant.to_owned()),
            scope: Set(PauseScope::All.word().to_owned()),
            state: Set(SUSPECTED.to_owned()),
            reason: Set(code.to_owned()),
            order_id: Set(Some(order_id.to_owned())),
            paused_by: Set("system".to_owned()),
            since: Set(write.now_ms),
        };
        pause::Entity::insert(row)
            .on_conflict_do_nothing()
            .exec_without_returning(&write.tx)
            .await?;
        let stopped = pause::Entity::update_many()
            .col_expr(pause::Column::State, Expr::value(PAUSED))
            .col_expr(pause::Column::Since, Expr::value(write.now_ms))
            .filter(pause::Column::Merchant.eq(merchant))
            .filter(pause::Column::Scope.eq(PauseScope::All.word()))
            .filter(pause::Column::State.eq(SUSPECTED))
            .filter(pause::Column::OrderId.ne(order_id))
            .exec(&write.tx)
            .await?;
        write.commit().await?;
        Ok(stopped.rows_affected > 0)
    }

    /// Takes a suspicion back: Toss accepted the merchant's key.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing was changed then.
    pub async fn clear_suspicion(&self, merchant: &str) -> Result<(), StoreError> {
        let write = self.begin_write().await?;
        pause::Entity::delete_many()
            .filter(pause::Column::Merchant.eq(merchant))
            .filter(pause::Column::State.eq(SUSPECTED))
            .exec(&write.tx)
            .await?;
        write.commit().await
    }

    /// Stops calls of a merchant until [`Store::resume_merchant`]. What is under way ends; what is accepted waits. Audited.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing was changed then.
    pub async fn pause_merchant(
        &self,
        merchant: &str,
        scope: PauseScope,
        actor: &Actor,
        reason: &str,
    ) -> Result<(), StoreError> {
        let write = self.begin_write().await?;
        let row = pause::ActiveModel {
            merchant: Set(merchant.to_owned()),
            scope: Set(scope.word().to_owned()),
            state: Set(PAUSED.to_owned()),
            reason: Set(reason.to_owned()),
            order_id: Set(None),
            paused_by: Set(actor.id.clone()),
            since: Set(write.now_ms),
        };
        let replaced = OnConflict::columns([pause::Column::Merchant, pause::Column::Scope])
            .update_columns([
                pause::Column::State,
                pause::Column::Reason,
                pause::Column::OrderId,
                pause::Column::PausedBy,
                pause::Column::Since,
            ])
            .to_owned();
        pause::Entity::insert(row).on_conflict(replaced).exec_without_returning(&write.tx).await?;
        record(&write, actor, "merchant.pause", merchant, scope, reason).await?;
        write.commit().await
    }

    /// Ends a pause, and what waited for it goes on at once; `false` when there was none. Audited.
    ///
    /// # Errors
    /// [`StoreError::Database`]; what was not released is looked at within minutes by itself.
    pub async fn resume_merchant(
        &self,
        merchant: &str,
        scope: PauseScope,
        actor: &Actor,
        reason: &str,
    ) -> Result<bool, StoreError> {
        let write = self.begin_write().await?;
        let ended = pause::Entity::delete_many()
            .filter(pause::Column::Merchant.eq(merchant))
            .filter(pause::Column::Scope.eq(scope.word()))
            .exec(&write.tx)
            .await?;
        if ended.rows_affected == 0 {
            return Ok(false);
        }
        record(&write, actor, "merchant.resume", merchant, scope, reason).await?;
        write.commit().await?;
        self.release_held(merchant, MERCHANT_PAUSED).await?;
        Ok(true)
    }

    /// Makes what was put off with this code due, batch by batch, oldest first.
    async fn release_held(&self, merchant: &str, code: &str) -> Result<(), StoreError> {
        loop {
            let released = self.retried(|| self.release_batch(merchant, code)).await?;
            if released < RELEASE_BATCH_MAX {
                return Ok(());
            }
        }
    }

    async fn release_batch(&self, merchant: &str, code: &str) -> Result<u64, StoreError> {
        let write = self.begin_write().await?;
        let held: Vec<String> = job::Entity::find()
            .select_only()
            .column(job::Column::Id)
            .filter(job::Column::State.eq(JobState::Waiting.word()))
            .filter(job::Column::DueAt.gt(write.now_ms))
            .filter(job::Column::Merchant.eq(merchant))
            .filter(job::Column::LastCode.eq(code))
            .order_by_asc(job::Column::DueAt)
            .limit(RELEASE_BATCH_MAX)
            .into_tuple()
            .all(&write.tx)
            .await?;
        let released = job::Entity::update_many()
            .col_expr(job::Column::DueAt, Expr::value(write.now_ms))
            .filter(job::Column::Id.is_in(&held))
            .filter(job::Column::State.eq(JobState::Waiting.word()))
            .filter(job::Column::LastCode.eq(code))
            .exec(&write.tx)
            .await?;
        write.commit().await?;
        // What somebody else changed meanwhile is not there to be found again.
        Ok(released.rows_affected)
    }
}

/// Why such calls are paused just now, if they are.
pub(crate) async fn find_pause(
    connection: &impl sea_orm::ConnectionTrait,
    merchant: &str,
    operation: Operation,
) -> Result<Option<String>, StoreError> {
    let scopes = [PauseScope::All, PauseScope::Only(operation)].map(PauseScope::word);
    let row = pause::Entity::find()
        .filter(pause::Column::Merchant.eq(merchant))
        .filter(pause::Column::Scope.is_in(scopes))
        .filter(pause::Column::State.eq(PAUSED))
        .one(connection)
        .await?;
    Ok(row.map(|row| row.reason))
}

/// Whether the breaker's probe is being made.
pub(crate) async fn is_probing(
    connection: &impl sea_orm::ConnectionTrait,
    row: &breaker::Model,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let (Some(job_id), Some(claim)) = (&row.probe_job_id, row.probe_claim) else {
        return Ok(false);
    };
    // One whose worker died ends with its lease.
    let running = job::Entity::find_by_id(job_id.as_str())
        .filter(job::Column::Claims.eq(claim))
        .filter(job::Column::State.eq(JobState::Running.word()))
        .filter(job::Column::DueAt.gt(now_ms))
        .one(connection)
        .await?;
    Ok(running.is_some())
}

fn read_pause(row: pause::Model) -> Result<Pause, StoreError> {
    let scope = PauseScope::from_word(&row.scope).ok_or_else(|| StoreError::UnreadableRow {
        table: "pauses",
        id: row.merchant.clone(),
        column: "scope",
        value: row.scope.clone(),
    })?;
    Ok(Pause {
        merchant: row.merchant,
        scope,
        is_in_force: row.state == PAUSED,
        reason: row.reason,
        paused_by: row.paused_by,
        since_ms: row.since,
    })
}

async fn record(
    write: &Write<'_>,
    actor: &Actor,
    action: &str,
    merchant: &str,
    scope: PauseScope,
    reason: &str,
) -> Result<(), StoreError> {
    let detail = serde_json::json!({ "scope": scope.word() });
    audit::record(write, actor, action, merchant, None, Some(reason), Some(detail)).await
}
