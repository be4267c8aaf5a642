//! What holds calls back, per merchant and for all processes: breakers that open when Toss does not answer, and pauses that a person makes
//! or a key that Toss does not accept. Rows, so that every worker and the console agree. What they mean for one call is in `gate`.

mod breakers;
mod pauses;
mod release;

use domain::attempt::Operation;
use entities::{breaker, pause};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

pub(crate) use self::breakers::is_probing;
pub(crate) use self::pauses::find_pause;
use crate::connection::Store;
use crate::error::StoreError;

/// How many breakers and pauses are read: more than there can be merchants.
const ROWS_MAX: u64 = 1_000;
pub(crate) const OPEN: &str = "open";
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
