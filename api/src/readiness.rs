//! Whether a process should be given work, and what each thing that it depends on has to do with it.
//!
//! One object per process, asked by every health route there is. The database is asked here; whatever else a process has (its ends of
//! the queue) brings its own look, so that this file knows neither broker nor worker. What it says may be read by anybody: reasons are
//! our own words, and the error behind them is for the log.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use store::{Store, StoreError};
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

/// How long the database may take to answer. A load balancer's own patience is about twice as long.
const DATABASE_PATIENCE: Duration = Duration::from_secs(2);
/// How long an answer is told again without looking, because anybody may ask as often as they like.
const FRESH: Duration = Duration::from_millis(500);

/// The name of the check that tells of a database that cannot be written to: it is there once that has happened.
const FULL: &str = "database_writes";

/// How it is with something that the process does not ask the database for: `Err` says why it does not work, in words for anybody.
pub type Look = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// Something that the process uses.
#[derive(Clone)]
pub struct Watched {
    /// Its name in answers, such as `queue_publisher`.
    pub name: &'static str,
    /// Whether the process must be given no work without it.
    pub is_needed: bool,
    /// How it is now. Must not wait.
    pub look: Look,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched")
            .field("name", &self.name)
            .field("is_needed", &self.is_needed)
            .finish_non_exhaustive()
    }
}

/// Looks at everything that a process needs.
#[derive(Debug)]
pub struct Readiness {
    store: Store,
    watched: Vec<Watched>,
    draining: CancellationToken,
    memory: Mutex<Memory>,
}

/// What was found last, and since when each thing has been as it is. Whoever looks holds it, so that one looks for all who ask.
#[derive(Debug, Default)]
struct Memory {
    since: Since,
    last: Option<(Instant, Vec<Check>)>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReadinessView)]
pub struct Report {
    /// The word for all of it.
    pub status: Standing,
    /// Each thing that was looked at, for those who want to know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CheckView)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// How it is.
    pub status: Standing,
    /// Why it does not work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// For how many seconds it has been seen this way by this process.
    pub for_seconds: u64,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It works.
    Ok,
    /// It does not work, and requests are taken nevertheless.
    Degraded,
    /// It does not work, and no requests should come.
    Unavailable,
}

impl Report {
    /// Whether the process should be given work.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.status != Standing::Unavailable
    }

    /// Whether it is ready, and nothing else. What is only degraded concerns those who ask for more.
    #[must_use]
    pub fn brief(&self) -> Report {
        let status = if self.is_ready() { Standing::Ok } else { Standing::Unavailable };
        Report { status, checks: Vec::new() }
    }
}

impl Readiness {
    /// The database, `watched`, and whether `draining` has begun.
    #[must_use]
    pub fn new(store: Store, watched: Vec<Watched>, draining: CancellationToken) -> Readiness {
        Readiness { store, watched, draining, memory: Mutex::default() }
    }

    /// Looks, or tells what was found a moment ago.
    pub async fn report(&self) -> Report {
        let mut memory = self.memory.lock().await;
        let is_draining = self.draining.is_cancelled();
        let known = memory.last.as_ref().filter(|(at, _)| is_draining || at.elapsed() < FRESH);
        let mut checks = match known {
            Some((_, checks)) => checks.clone(),
            // A process that stops is not ready, however the rest is.
            None if is_draining => Vec::new(),
            None => {
                let checks = self.look(&mut memory.since).await;
                memory.last = Some((Instant::now(), checks.clone()));
                checks
            }
        };
        if is_draining {
            let stopping = Found::not("the process is stopping and takes nothing new");
            checks.push(note(&mut memory.since, "process", true, stopping));
        }
        let status = checks.iter().map(|check| check.status).max().unwrap_or(Standing::Ok);
        Report { status, checks }
    }

    async fn look(&self, since: &mut Since) -> Vec<Check> {
        let database = tokio::time::timeout(DATABASE_PATIENCE, self.store.check()).await;
        let (database, migrations) = match database {
            Ok(Ok(())) => (Found::ok(), Some(Found::ok())),
            // It answers, and that is what the first is about.
            Ok(Err(StoreError::Schema(missing))) => (Found::ok(), Some(Found::not(missing))),
            Ok(Err(error)) => {
                let cause = Some(error.with_causes());
                (Found { cause, ..Found::not("it does not answer") }, None)
            }
            Err(_) => (Found::not("it does not answer in time"), None),
        };
        let mut checks = vec![note(since, "database", true, database)];
        checks.extend(migrations.map(|found| note(since, "migrations", true, found)));
        // Whoever only reads, or polls, is served all the same.
        if self.store.is_full() {
            let found = Found::not("its disk takes nothing more");
            checks.push(note(since, FULL, false, found));
        } else if since.contains_key(FULL) {
            checks.push(note(since, FULL, false, Found::ok()));
        }
        checks.extend(self.watched.iter().map(|one| {
            let found = (one.look)().map_or_else(Found::not, |()| Found::ok());
            note(since, one.name, one.is_needed, found)
        }));
        checks
    }
}

/// How each thing was when it was last looked at, and since when.
type Since = HashMap<&'static str, (bool, Instant)>;

/// What a look at one thing brought.
struct Found {
    /// `None` when it works.
    why: Option<String>,
    /// For the log only.
    cause: Option<String>,
}

impl Found {
    fn ok() -> Found {
        Found { why: None, cause: None }
    }

    fn not(why: impl Into<String>) -> Found {
        Found { why: Some(why.into()), cause: None }
    }
}

/// Makes a check of what was found, and logs when it is another one than before.
fn note(since: &mut Since, name: &'static str, is_needed: bool, found: Found) -> Check {
    let Found { why, cause } = found;
    let is_ok = why.is_none();
    let before = since.get(name).copied();
    let from = match before {
        Some((was_ok, from)) if was_ok == is_ok => from,
        Some(_) | None => Instant::now(),
    };
    since.insert(name, (is_ok, from));
    match (&why, before.is_none_or(|(was_ok, _)| was_ok)) {
        (Some(why), true) => {
            tracing::warn!(check = name, is_needed, why, cause, "something does not work");
        }
        (None, false) => tracing::info!(check = name, "it works again"),
        (Some(_), false) | (None, true) => {}
    }
    let status = match (is_ok, is_needed) {
        (true, _) => Standing::Ok,
        (false, false) => Standing::Degraded,
        (false, true) => Standing::Unavailable,
    };
    Check { name, status, why, for_seconds: from.elapsed().as_secs() }
}
