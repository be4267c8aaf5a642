//! Transactions: what time it is, and how a read or a write begins and ends. How the database is opened is in `open`.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::id::IdSource;
use domain::order::LateApproval;
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, IsolationLevel,
    QueryResult, Statement, TransactionOptions, TransactionTrait as _,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::announce::Announcer;
use crate::changes::{Changes, Watch};
use crate::error::{StoreError, is_lost};
use crate::ids::RandomIds;
use crate::seal::SealKey;
use crate::transaction::{Raised, Transaction};

/// The database, opened. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) db: DatabaseConnection,
    pub(crate) changes: Arc<Changes>,
    ids: Arc<dyn IdSource>,
    /// SQLite takes one writer at a time; those of this process queue up here in order instead of polling for the lock.
    writers: Option<Arc<Semaphore>>,
    /// Tells other processes which orders changed. SQLite's database belongs to one process.
    pub(crate) announcer: Option<Announcer>,
    /// When jobs were last looked for that only a newer version can read, in milliseconds.
    pub(crate) unreadable_told_at: Arc<AtomicI64>,
    /// Whether it has room, as far as writes have shown.
    room: Arc<Room>,
    /// What refund accounts are sealed with.
    pub(crate) seal_key: Option<SealKey>,
    /// What becomes of money that is taken too late.
    late_approval: LateApproval,
    #[cfg(feature = "test-control")]
    pub(crate) control: Arc<crate::test_control::Control>,
}

/// How many connections are tried for the beginning of a transaction: a pool that lost all of its own has as many.
const BEGIN_TRIES: u32 = 16;

/// What is told of a database that does not answer in time.
const SILENT: &str = "the database did not answer in time";

/// How often a write that met another one is done again before the caller hears of it.
const CONFLICT_RETRIES_MAX: u32 = 5;

/// How often somebody is told that the database has no room.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// How long one try of a transaction may take, from taking a connection to the commit: less than a lease, so that a worker that waits
/// for a database that has gone silent tries again while its leases are its own.
const TRANSACTION_MAX: Duration = Duration::from_secs(15);

/// The column that the clock is read as.
pub(crate) const NOW_MS: &str = "now_ms";

/// The database's clock, in milliseconds since the Unix epoch, as an expression.
pub(crate) fn clock(backend: DbBackend) -> Expr {
    Expr::cust(if backend == DbBackend::Postgres {
        "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
    } else {
        "CAST(ROUND(unixepoch('subsec') * 1000) AS INTEGER)"
    })
}

fn clock_statement(backend: DbBackend) -> Statement {
    backend.build(Query::select().expr_as(clock(backend), NOW_MS))
}

impl Store {
    pub(crate) fn new(db: DatabaseConnection, announcer: Option<Announcer>) -> Store {
        let is_sqlite = db.get_database_backend() == DbBackend::Sqlite;
        Store {
            db,
            changes: Arc::new(Changes::default()),
            ids: Arc::new(RandomIds),
            writers: is_sqlite.then(|| Arc::new(Semaphore::new(1))),
            announcer,
            unreadable_told_at: Arc::default(),
            room: Arc::default(),
            seal_key: None,
            late_approval: LateApproval::default(),
            #[cfg(feature = "test-control")]
            control: Arc::default(),
        }
    }

    /// The same store with the key that refund accounts are sealed with. Without one, cancels that need an account are not accepted, and
    /// not made.
    #[must_use]
    pub fn with_seal_key(self, key: Option<SealKey>) -> Store {
        Store { seal_key: key, ..self }
    }

    /// The same store with a rule for money that is taken after its order was given up.
    #[must_use]
    pub fn with_late_approval(self, rule: LateApproval) -> Store {
        Store { late_approval: rule, ..self }
    }

    /// The database's clock, in milliseconds since the Unix epoch, UTC.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it does not answer.
    pub async fn now_ms(&self) -> Result<i64, StoreError> {
        self.bounded(self.read_clock(&self.db)).await
    }

    /// Gives up on a database that does not answer at all: without this a silent network would hold the caller for ever.
    pub(crate) async fn bounded<T, E: From<StoreError>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        match tokio::time::timeout(TRANSACTION_MAX, Box::pin(work)).await {
            Ok(done) => done,
            Err(_) => Err(StoreError::from(DbErr::Custom(SILENT.to_owned())).into()),
        }
    }

    /// Waits for changes of an order.
    #[must_use]
    pub fn watch(&self, order_id: &str) -> Watch {
        self.changes.watch(order_id)
    }

    pub(crate) fn ids(&self) -> &dyn IdSource {
        self.ids.as_ref()
    }

    async fn read_clock(&self, connection: &impl ConnectionTrait) -> Result<i64, StoreError> {
        let backend = connection.get_database_backend();
        let row = connection
            .query_one_raw(clock_statement(backend))
            .await?
            .ok_or_else(|| DbErr::RecordNotFound("the clock".to_owned()))?;
        self.clock_in(&row)
    }

    /// The clock as a row tells it that was read together with it.
    fn clock_in(&self, row: &QueryResult) -> Result<i64, StoreError> {
        Ok(self.clock_of(row.try_get("", NOW_MS)?))
    }

    #[cfg(not(feature = "test-control"))]
    #[expect(clippy::unused_self, reason = "tests move the clock of one store")]
    fn clock_of(&self, now_ms: i64) -> i64 {
        now_ms
    }

    /// Begins a consistent read: every statement in it sees the same instant of the database.
    pub(crate) async fn begin_read(&self) -> Result<Read, StoreError> {
        // A deferred transaction of SQLite is a snapshot by itself.
        let is_sqlite = self.db.get_database_backend() == DbBackend::Sqlite;
        let isolation_level = (!is_sqlite).then_some(IsolationLevel::RepeatableRead);
        let options = TransactionOptions { isolation_level, ..TransactionOptions::default() };
        let clock = clock_statement(self.db.get_database_backend());
        let (tx, now_ms, _) = self.begin(options, &clock).await?;
        Ok(Read { tx, now_ms })
    }

    /// Begins a transaction on a connection that works, by a statement whose rows tell the clock as well.
    async fn begin(
        &self,
        options: TransactionOptions,
        first: &Statement,
    ) -> Result<(DatabaseTransaction, i64, Vec<QueryResult>), StoreError> {
        on_one_that_works(|| async {
            let tx = self.db.begin_with_options(options).await?;
            let (now_ms, rows) = self.read_with_clock(&tx, first).await?;
            Ok((tx, now_ms, rows))
        })
        .await
    }

    /// A statement's rows, and the clock that they tell.
    async fn read_with_clock(
        &self,
        connection: &impl ConnectionTrait,
        statement: &Statement,
    ) -> Result<(i64, Vec<QueryResult>), StoreError> {
        let rows = connection.query_all_raw(statement.clone()).await?;
        let now_ms = match rows.first() {
            Some(row) => self.clock_in(row)?,
            None => self.read_clock(connection).await?,
        };
        Ok((now_ms, rows))
    }

    /// Begins a write: nobody else writes what it reads until it ends.
    pub(crate) async fn begin_write(&self) -> Result<Write<'_>, StoreError> {
        let clock = clock_statement(self.db.get_database_backend());
        let (write, _) = self.begin_write_with(&clock).await?;
        Ok(write)
    }

    /// The same, with what its first statement reads: one that reads [`clock`] beside, as [`NOW_MS`], so that nobody has to ask for that.
    pub(crate) async fn begin_write_with(
        &self,
        first: &Statement,
    ) -> Result<(Write<'_>, Vec<QueryResult>), StoreError> {
        let permit = match &self.writers {
            Some(writers) => Some(
                Arc::clone(writers)
                    .acquire_owned()
                    .await
                    .map_err(|_| DbErr::Custom("the store is closed".to_owned()))?,
            ),
            None => None,
        };
        let options = TransactionOptions {
            // A deferred transaction that turns into a writer fails at once when another one wrote meanwhile.
            sqlite_transaction_mode: Some(sea_orm::SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let (tx, now_ms, rows) = self.begin(options, first).await?;
        Ok((self.write(Transaction::new(tx), now_ms, permit), rows))
    }

    /// Tries a write without locks, where that is worth it: on PostgreSQL. `None` if it has to be done under locks, as what is not usual, and
    /// whenever somebody else got in its way. What may have been committed by a connection that was lost is found under the locks then.
    pub(crate) async fn tried_at_once<T>(
        &self,
        work: impl Future<Output = Result<Option<T>, StoreError>>,
    ) -> Result<Option<T>, StoreError> {
        if self.db.get_database_backend() != DbBackend::Postgres {
            return Ok(None);
        }
        let error = match self.bounded(work).await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        if error.is_conflict() || error.is_full() || error.needs_locks() || error.is_lost() {
            let error = error.with_causes();
            tracing::debug!(error, "not done at once: it is done under locks");
            return Ok(None);
        }
        Err(error)
    }

    /// Begins a write on PostgreSQL that locks nothing and asks nothing but this. Its commit is one statement: two turns fewer to the server
    /// than with a transaction around it. What it decides by must be [seen](Transaction::saw).
    pub(crate) async fn begin_write_at_once(
        &self,
        first: &Statement,
    ) -> Result<(Write<'_>, Vec<QueryResult>), StoreError> {
        let read = on_one_that_works(|| self.read_with_clock(&self.db, first));
        let (now_ms, rows) = read.await?;
        Ok((self.write(Transaction::at_once(self.db.clone()), now_ms, None), rows))
    }

    fn write(
        &self,
        tx: Transaction,
        now_ms: i64,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Write<'_> {
        Write {
            store: self,
            tx,
            now_ms,
            changed: Vec::new(),
            raised: Raised { at_ms: now_ms, ..Raised::default() },
            _permit: permit,
        }
    }

    /// Does a write again when it met another one. `work` must begin, do and commit all of it, and touch nothing but the database.
    pub(crate) async fn retried<T, E, F, Fut>(&self, work: F) -> Result<T, E>
    where
        E: Conflict + From<StoreError>,
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let mut conflicts = 0_u32;
        loop {
            let done = self.bounded(work()).await;
            self.note_room(&done);
            match done {
                Err(error) if error.is_conflict() && conflicts < CONFLICT_RETRIES_MAX => {
                    conflicts = conflicts.saturating_add(1);
                    let pause_ms = self.ids.jitter_ms(i64::from(conflicts).saturating_mul(20));
                    tokio::time::sleep(Duration::from_millis(u64::try_from(pause_ms).unwrap_or(0)))
                        .await;
                }
                other => return other,
            }
        }
    }
}

/// Does what begins something. It finds out which connections the server ended since they were last used: nothing has been done by then,
/// so the next one is tried.
async fn on_one_that_works<T, Fut>(begin: impl Fn() -> Fut) -> Result<T, StoreError>
where
    Fut: Future<Output = Result<T, StoreError>>,
{
    let mut tries_left = BEGIN_TRIES;
    loop {
        tries_left = tries_left.saturating_sub(1);
        match begin().await {
            Err(StoreError::Database(error)) if is_lost(&error) && tries_left > 0 => {
                tracing::debug!(%error, "a connection was lost: the next one is tried");
            }
            other => return other,
        }
    }
}

/// Whether the database has room, as far as writes have shown.
#[derive(Debug, Default)]
struct Room {
    is_missing: AtomicBool,
    /// When somebody was last told of it.
    told: Mutex<Option<Instant>>,
}

impl Store {
    /// Whether the last write found no room in the database. Reading goes on meanwhile.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.room.is_missing.load(Ordering::Relaxed)
    }

    fn note_written(&self) {
        if self.room.is_missing.swap(false, Ordering::Relaxed) {
            tracing::info!("the database can be written to again");
        }
    }

    /// Remembers what a write has shown, and tells somebody, once a minute.
    fn note_room<T, E: Conflict>(&self, done: &Result<T, E>) {
        let failed = done.as_ref().err().and_then(Conflict::store_error);
        let is_full = failed.is_some_and(StoreError::is_full);
        if done.is_ok() {
            self.note_written();
        }
        if !is_full {
            return;
        }
        self.room.is_missing.store(true, Ordering::Relaxed);
        let mut told = self.room.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
            *told = Some(Instant::now());
            tracing::error!(
                alert = "database_full",
                "the database's disk takes nothing more: make room on it, and everything goes on by itself"
            );
        }
    }
}

/// An error of a write, which may be a conflict of two.
pub(crate) trait Conflict {
    /// The database's own failure, if that is what it is.
    fn store_error(&self) -> Option<&StoreError>;

    /// See [`StoreError::is_conflict`].
    fn is_conflict(&self) -> bool {
        self.store_error().is_some_and(StoreError::is_conflict)
    }
}

impl Conflict for StoreError {
    fn store_error(&self) -> Option<&StoreError> {
        Some(self)
    }
}

/// A consistent read under way.
pub(crate) struct Read {
    pub(crate) tx: DatabaseTransaction,
    /// The database's clock at its beginning, in milliseconds.
    pub(crate) now_ms: i64,
}

impl Read {
    /// Gives the connection back.
    pub(crate) async fn end(self) -> Result<(), StoreError> {
        Ok(self.tx.commit().await?)
    }
}

/// A write under way. Dropped without [`Write::commit`] it leaves nothing behind.
pub(crate) struct Write<'a> {
    store: &'a Store,
    pub(crate) tx: Transaction,
    /// The database's clock at its beginning, in milliseconds.
    pub(crate) now_ms: i64,
    changed: Vec<String>,
    raised: Raised,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Write<'_> {
    /// What becomes of money that is taken too late.
    pub(crate) fn late_approval(&self) -> LateApproval {
        self.store.late_approval
    }

    /// What refund accounts are sealed with.
    pub(crate) fn seal_key(&self) -> Option<&SealKey> {
        self.store.seal_key.as_ref()
    }

    /// Tells those who poll an order that there is something new, by the commit.
    pub(crate) fn raise_order_version(&mut self, order_id: &str) {
        self.raised.orders.insert(order_id.to_owned());
        self.changes(order_id);
    }

    /// Wakes those who wait for this order, once committed.
    pub(crate) fn changes(&mut self, order_id: &str) {
        self.changed.push(order_id.to_owned());
    }

    /// A number in `0 ..= most`, so that those that wait together do not come back together.
    pub(crate) fn jitter_ms(&self, most: i64) -> i64 {
        self.store.ids().jitter_ms(most)
    }

    /// A new id.
    pub(crate) fn new_id(&self) -> String {
        self.store.ids().new_id()
    }

    /// Makes all of it true.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        #[cfg(feature = "test-control")]
        self.store.note_commit()?;
        if self.tx.commit(&self.raised).await? {
            self.store.note_written();
        }
        for order_id in self.changed {
            crash::point!("commit 2", "a change of an order is committed", "who waits is woken");
            self.store.changes.wake(&order_id);
            if let Some(announcer) = &self.store.announcer {
                announcer.announce(order_id);
            }
        }
        Ok(())
    }
}
