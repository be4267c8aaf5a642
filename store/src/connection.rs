//! Connections and transactions: how the database is opened, what time it is, and how a write begins and ends.

use std::sync::Arc;
use std::time::Duration;

use domain::id::IdSource;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend,
    DbErr, IsolationLevel, Statement, TransactionOptions, TransactionTrait as _,
};
use sea_orm_migration::MigratorTrait as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::changes::{Changes, Watch};
use crate::error::StoreError;
use crate::ids::RandomIds;

/// How to open the database.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// `sqlite:///path/file.db?mode=rwc` or `sqlite::memory:` (then one connection is used).
    pub url: String,
    /// Connections at the most.
    pub connections_max: u32,
    /// How long to wait for a free connection or a busy database.
    pub wait_max: Duration,
}

impl StoreOptions {
    /// The usual options for a database at this address.
    pub fn new(url: impl Into<String>) -> StoreOptions {
        StoreOptions { url: url.into(), connections_max: 8, wait_max: Duration::from_secs(10) }
    }
}

/// The database, opened. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) db: DatabaseConnection,
    changes: Arc<Changes>,
    ids: Arc<dyn IdSource>,
    /// SQLite takes one writer at a time; those of this process queue up here in order instead of polling for the lock.
    writers: Option<Arc<Semaphore>>,
    #[cfg(feature = "test-control")]
    control: Arc<Control>,
}

#[cfg(feature = "test-control")]
#[derive(Debug, Default)]
struct Control {
    shift_ms: std::sync::atomic::AtomicI64,
    failing_commits: std::sync::atomic::AtomicU32,
}

/// How often a write that met another one is done again before the caller hears of it.
const CONFLICT_RETRIES_MAX: u32 = 5;

impl Store {
    /// Opens the database.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it cannot be reached or opened.
    pub async fn open(options: &StoreOptions) -> Result<Store, StoreError> {
        let mut connect = ConnectOptions::new(options.url.as_str());
        // A database in memory belongs to its one connection.
        let connections_max =
            if options.url.contains(":memory:") { 1 } else { options.connections_max };
        connect
            .max_connections(connections_max)
            .min_connections(1)
            .acquire_timeout(options.wait_max)
            .connect_timeout(options.wait_max)
            .sqlx_logging(false);
        let busy_timeout = options.wait_max;
        connect.map_sqlx_sqlite_opts(move |sqlite| {
            sqlite
                .busy_timeout(busy_timeout)
                .foreign_keys(true)
                .pragma("journal_mode", "WAL")
                // A commit that was answered survives a power cut.
                .pragma("synchronous", "FULL")
        });
        if connections_max == 1 {
            connect.idle_timeout(None).max_lifetime(None);
        }
        let db = Database::connect(connect).await?;
        let is_sqlite = db.get_database_backend() == DbBackend::Sqlite;
        let writers = is_sqlite.then(|| Arc::new(Semaphore::new(1)));
        Ok(Store {
            db,
            changes: Arc::new(Changes::default()),
            ids: Arc::new(RandomIds),
            writers,
            #[cfg(feature = "test-control")]
            control: Arc::new(Control::default()),
        })
    }

    /// Brings the schema up to this program's.
    ///
    /// # Errors
    /// [`StoreError::Database`]; the migration that failed left nothing behind.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        Ok(migrations::Migrator::up(&self.db, None).await?)
    }

    /// Whether the database answers and its schema is this program's.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it does not answer, [`StoreError::Schema`] when migrations are missing.
    pub async fn check(&self) -> Result<(), StoreError> {
        let pending = migrations::Migrator::get_pending_migrations(&self.db).await?;
        if pending.is_empty() {
            Ok(())
        } else {
            Err(StoreError::Schema(format!(
                "{} migrations are missing: run `seungin migrate`",
                pending.len()
            )))
        }
    }

    /// Closes all connections.
    ///
    /// # Errors
    /// [`StoreError::Database`] when that fails; nothing that was committed is lost.
    pub async fn close(self) -> Result<(), StoreError> {
        Ok(self.db.close().await?)
    }

    /// The database's clock, in milliseconds since the Unix epoch, UTC.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it does not answer.
    pub async fn now_ms(&self) -> Result<i64, StoreError> {
        self.read_clock(&self.db).await
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
        let sql = if backend == DbBackend::Postgres {
            "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now_ms"
        } else {
            "SELECT CAST(ROUND(unixepoch('subsec') * 1000) AS INTEGER) AS now_ms"
        };
        let row = connection
            .query_one_raw(Statement::from_string(backend, sql))
            .await?
            .ok_or_else(|| DbErr::RecordNotFound("the clock".to_owned()))?;
        let now_ms: i64 = row.try_get("", "now_ms")?;
        Ok(now_ms.saturating_add(self.shift_ms()))
    }

    #[cfg(not(feature = "test-control"))]
    #[expect(clippy::unused_self, reason = "tests shift the clock of one store")]
    fn shift_ms(&self) -> i64 {
        0
    }

    /// Begins a consistent read: every statement in it sees the same instant of the database.
    pub(crate) async fn begin_read(&self) -> Result<Read, StoreError> {
        // A deferred transaction of SQLite is a snapshot by itself.
        let is_sqlite = self.db.get_database_backend() == DbBackend::Sqlite;
        let isolation_level = (!is_sqlite).then_some(IsolationLevel::RepeatableRead);
        let options = TransactionOptions { isolation_level, ..TransactionOptions::default() };
        let tx = self.db.begin_with_options(options).await?;
        let now_ms = self.read_clock(&tx).await?;
        Ok(Read { tx, now_ms })
    }

    /// Begins a write: nobody else writes what it reads until it ends.
    pub(crate) async fn begin_write(&self) -> Result<Write<'_>, StoreError> {
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
        let tx = self.db.begin_with_options(options).await?;
        let now_ms = self.read_clock(&tx).await?;
        Ok(Write { store: self, tx, now_ms, changed: Vec::new(), _permit: permit })
    }

    /// Does a write again when it met another one. `work` must begin, do and commit all of it, and touch nothing but the database.
    pub(crate) async fn retried<T, E, F, Fut>(&self, work: F) -> Result<T, E>
    where
        E: Conflict,
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let mut conflicts = 0_u32;
        loop {
            match work().await {
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

/// An error that may be a conflict of two writes.
pub(crate) trait Conflict {
    /// See [`StoreError::is_conflict`].
    fn is_conflict(&self) -> bool;
}

impl Conflict for StoreError {
    fn is_conflict(&self) -> bool {
        StoreError::is_conflict(self)
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
    pub(crate) tx: DatabaseTransaction,
    /// The database's clock at its beginning, in milliseconds.
    pub(crate) now_ms: i64,
    changed: Vec<String>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Write<'_> {
    /// Wakes those who wait for this order, once committed.
    pub(crate) fn changes(&mut self, order_id: &str) {
        self.changed.push(order_id.to_owned());
    }

    /// A new id.
    pub(crate) fn new_id(&self) -> String {
        self.store.ids().new_id()
    }

    /// Makes all of it true.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        #[cfg(feature = "test-control")]
        self.store.fail_commit_if_asked()?;
        self.tx.commit().await?;
        for order_id in &self.changed {
            self.store.changes.wake(order_id);
        }
        Ok(())
    }
}

#[cfg(feature = "test-control")]
impl Store {
    /// Moves this store's clock, for tests.
    pub fn advance_clock(&self, by_ms: i64) {
        self.control.shift_ms.fetch_add(by_ms, std::sync::atomic::Ordering::SeqCst);
    }

    /// Makes the next commits fail as a serialization conflict would, for tests.
    pub fn fail_commits(&self, count: u32) {
        self.control.failing_commits.store(count, std::sync::atomic::Ordering::SeqCst);
    }

    fn shift_ms(&self) -> i64 {
        self.control.shift_ms.load(std::sync::atomic::Ordering::SeqCst)
    }

    fn fail_commit_if_asked(&self) -> Result<(), StoreError> {
        use std::sync::atomic::Ordering::SeqCst;
        let taken =
            self.control.failing_commits.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
        match taken {
            Ok(_) => {
                Err(StoreError::Database(DbErr::Custom(crate::error::INJECTED_CONFLICT.to_owned())))
            }
            Err(_) => Ok(()),
        }
    }
}
