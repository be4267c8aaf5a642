//! Opening the database: SQLite or PostgreSQL by its address, with every size and time set on purpose.
//!
//! A pool that is opened lazily connects when it is first used, so that a process may start before its database. Whatever waits for the
//! database is bounded: taking a connection, one statement, a lock, an idle transaction. Not here: transactions, and the schema.

use std::time::{Duration, Instant};

use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions, Postgres};
use sea_orm::sqlx::sqlite::SqliteConnection;
use sea_orm::sqlx::{Connection as _, pool::PoolConnectionMetadata, query};
use sea_orm::{
    ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, DbErr,
    RuntimeErr, SqlxError, Statement,
};

use crate::address::{InvalidAddress, check_address, is_postgres, server_of};
use crate::announce::Announcer;
use crate::connection::Store;
use crate::error::StoreError;

/// How to open the database.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// `sqlite:///path/file.db?mode=rwc`, `sqlite::memory:` (then one connection is used), or `postgres://user:password@host/database`.
    pub url: String,
    /// Connections at the most, from 1; PostgreSQL gets one more for hearing of other processes' changes.
    pub connections_max: u32,
    /// How long to wait for a free connection, for a busy SQLite, or for a server that is not there.
    pub wait_max: Duration,
    /// Whether to return without having reached the database: it is connected to when it is needed.
    pub is_lazy: bool,
}

impl StoreOptions {
    /// The usual options for a database at this address.
    pub fn new(url: impl Into<String>) -> StoreOptions {
        StoreOptions {
            url: url.into(),
            connections_max: 8,
            wait_max: Duration::from_secs(5),
            is_lazy: false,
        }
    }
}

/// How long one statement may run on PostgreSQL. Every statement of the product takes milliseconds.
const STATEMENT_MS_MAX: u32 = 10_000;
/// How long a statement may wait for another transaction's lock. Those hold them for milliseconds.
pub(crate) const LOCK_WAIT_MS_MAX: u32 = 5_000;
/// After which time PostgreSQL ends a transaction whose client has gone silent, and gives its locks to others.
const IDLE_IN_TRANSACTION_MS_MAX: u32 = 15_000;
/// From which time a statement is logged, as a warning, without its values.
const SLOW_STATEMENT: Duration = Duration::from_secs(1);
/// How long a connection may have stood unused without being tested before it is used.
const TRUSTED_IDLE: Duration = Duration::from_millis(500);
/// How long a connection has to answer when it is tested; one that does not is thrown away.
const TEST_MAX: Duration = Duration::from_secs(2);
/// The pause before a database of SQLite is opened again that another process is changing just then.
const BUSY_PAUSE: Duration = Duration::from_millis(20);
/// After which time an unused connection is closed.
const IDLE_MAX: Duration = Duration::from_secs(10 * 60);
/// After which time a connection is replaced, so that a failover or a load balancer's change is followed.
const LIFETIME_MAX: Duration = Duration::from_secs(30 * 60);

/// Why the database was not opened. Never contains its address, which holds a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address cannot be one; repeating does not help.
    #[error("the database's address")]
    Address(#[source] InvalidAddress),
    /// Nobody answers there, or nobody that lets us in within the wait.
    #[error("the database at {server} does not answer within {} ms", waited.as_millis())]
    Unanswered {
        /// Host and port.
        server: String,
        /// How long was waited.
        waited: Duration,
    },
    /// It answered, and refused.
    #[error(transparent)]
    Refused(StoreError),
}

impl Store {
    /// Opens the database.
    ///
    /// # Errors
    /// [`OpenError`]; with a lazy one, for its address only.
    pub async fn open(options: &StoreOptions) -> Result<Store, OpenError> {
        check_address(&options.url).map_err(OpenError::Address)?;
        let mut connect = ConnectOptions::new(options.url.as_str());
        connect
            .acquire_timeout(options.wait_max)
            .connect_timeout(options.wait_max)
            .connect_lazy(options.is_lazy)
            .sqlx_logging(true)
            .sqlx_logging_level(log::LevelFilter::Off)
            .sqlx_slow_statements_logging_settings(log::LevelFilter::Warn, SLOW_STATEMENT)
            .record_stmt_in_spans(false);
        if is_postgres(&options.url) {
            set_postgres(&mut connect, options);
        } else {
            set_sqlite(&mut connect, options);
        }
        let db =
            connected(&connect, options).await.map_err(|error| why_not_open(options, error))?;
        let is_postgres = db.get_database_backend() == DbBackend::Postgres;
        let announcer =
            is_postgres.then(|| Announcer::start(db.get_postgres_connection_pool().clone()));
        Ok(Store::new(db, announcer))
    }

    /// The version of the database's server, or of SQLite, in its own words.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it does not answer.
    pub async fn server_version(&self) -> Result<String, StoreError> {
        let backend = self.db.get_database_backend();
        let sql = if backend == DbBackend::Postgres {
            "SELECT current_setting('server_version') AS version"
        } else {
            "SELECT sqlite_version() AS version"
        };
        let asked = async {
            let row = self.db.query_one_raw(Statement::from_string(backend, sql)).await?;
            let row = row.ok_or_else(|| DbErr::RecordNotFound("the version".to_owned()))?;
            Ok::<String, StoreError>(row.try_get("", "version")?)
        };
        self.bounded(asked).await
    }

    /// Closes all connections.
    ///
    /// # Errors
    /// [`StoreError::Database`] when that fails; nothing that was committed is lost.
    pub async fn close(self) -> Result<(), StoreError> {
        Ok(self.db.close().await?)
    }
}

/// SQLite refuses at once, whatever a connection is ready to wait, when two processes make a new database one with a write-ahead log at the
/// same moment: of those, all but one try again.
async fn connected(
    connect: &ConnectOptions,
    options: &StoreOptions,
) -> Result<DatabaseConnection, DbErr> {
    let started_at = Instant::now();
    loop {
        match Database::connect(connect.clone()).await {
            Err(error)
                if StoreError::from(error.clone()).is_conflict()
                    && started_at.elapsed() < options.wait_max =>
            {
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            connected => return connected,
        }
    }
}

fn why_not_open(options: &StoreOptions, error: DbErr) -> OpenError {
    // The pool goes on trying for as long as it may, and then tells that and nothing else.
    let is_in_vain = matches!(&error, DbErr::Conn(RuntimeErr::SqlxError(error)) if matches!(**error, SqlxError::PoolTimedOut));
    let is_unreadable = matches!(&error, DbErr::Conn(RuntimeErr::Internal(_)));
    match server_of(&options.url) {
        // Its message repeats the address.
        None if is_unreadable => OpenError::Address(InvalidAddress::Sqlite),
        Some(_) if is_unreadable => OpenError::Address(InvalidAddress::Postgres),
        Some(server) if is_in_vain => OpenError::Unanswered { server, waited: options.wait_max },
        Some(_) | None => OpenError::Refused(error.into()),
    }
}

fn set_sqlite(connect: &mut ConnectOptions, options: &StoreOptions) {
    // A database in memory belongs to its one connection.
    let is_in_memory = options.url.contains(":memory:");
    let connections_max = if is_in_memory { 1 } else { options.connections_max };
    connect.max_connections(connections_max).min_connections(1);
    let busy_timeout = options.wait_max;
    connect.map_sqlx_sqlite_opts(move |sqlite| {
        sqlite
            .busy_timeout(busy_timeout)
            .foreign_keys(true)
            .pragma("journal_mode", "WAL")
            // A commit that was answered survives a power cut.
            .pragma("synchronous", "FULL")
    });
    connect.map_sqlx_sqlite_pool_opts(|pool| {
        pool.after_release(|connection, _about| Box::pin(is_clean(connection)))
    });
    if connections_max == 1 {
        connect.idle_timeout(None).max_lifetime(None);
    }
}

/// Whether no transaction is left on a connection that is given back. A full disk makes SQLite end one by itself; then the rollback fails, and
/// sqlx counts a transaction for ever that is none, so that whoever comes next reads an old state and holds the lock of all others.
async fn is_clean(connection: &mut SqliteConnection) -> Result<bool, SqlxError> {
    if !connection.is_in_transaction() {
        return Ok(true);
    }
    // Behind the rollback of a transaction that was dropped, which nobody has waited for.
    let is_idle = query("BEGIN").execute(&mut *connection).await.is_ok()
        && query("ROLLBACK").execute(&mut *connection).await.is_ok();
    Ok(is_idle && !connection.is_in_transaction())
}

fn set_postgres(connect: &mut ConnectOptions, options: &StoreOptions) {
    connect
        .max_connections(options.connections_max)
        .min_connections(0)
        .idle_timeout(IDLE_MAX)
        .max_lifetime(LIFETIME_MAX)
        // Tested by our own hooks, which do not wait for ever.
        .test_before_acquire(false)
        .map_sqlx_postgres_opts(session)
        .map_sqlx_postgres_pool_opts(tested);
}

/// What every session of PostgreSQL begins with.
pub(crate) fn session(postgres: PgConnectOptions) -> PgConnectOptions {
    postgres.application_name("seungin").options([
        ("statement_timeout", STATEMENT_MS_MAX.to_string()),
        ("lock_timeout", LOCK_WAIT_MS_MAX.to_string()),
        ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_MS_MAX.to_string()),
        // A statement is planned once per connection, and not for every batch anew: that takes longer than doing it.
        ("plan_cache_mode", "force_generic_plan".to_owned()),
        // What is asked of a table that grows has an index. A plan that was made while it was empty would read all of the grown one.
        ("enable_seqscan", "off".to_owned()),
        // What is read from end to end all the same, a table of a few rows, is not worth compiling.
        ("jit", "off".to_owned()),
        // The server notices a client whose machine is gone, and takes its locks away.
        ("tcp_keepalives_idle", "10".to_owned()),
        ("tcp_keepalives_interval", "5".to_owned()),
        ("tcp_keepalives_count", "3".to_owned()),
        ("tcp_user_timeout", "20000".to_owned()),
    ])
}

/// Tests connections within a bound: before use when they stood idle, and when they are given back, because a caller that gave up may have
/// left one in the middle of a statement.
fn tested(pool: PgPoolOptions) -> PgPoolOptions {
    pool.before_acquire(|connection, about| {
        Box::pin(async move {
            if is_trusted(&about) {
                return Ok(true);
            }
            is_alive(connection).await
        })
    })
    .after_release(|connection, _about| {
        Box::pin(async move {
            let is_alive = is_alive(connection).await?;
            // Otherwise each keeps room for the longest statement that it ever sent: some hundred KiB for a batch of answers.
            connection.shrink_buffers();
            Ok(is_alive)
        })
    })
}

fn is_trusted(about: &PoolConnectionMetadata) -> bool {
    about.idle_for < TRUSTED_IDLE
}

async fn is_alive(
    connection: &mut <Postgres as sea_orm::sqlx::Database>::Connection,
) -> Result<bool, sea_orm::sqlx::Error> {
    match tokio::time::timeout(TEST_MAX, connection.ping()).await {
        Ok(answered) => answered.map(|()| true),
        // An error makes the pool drop it without a farewell that nobody would hear.
        Err(_) => Err(sea_orm::sqlx::Error::PoolTimedOut),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[tokio::test]
    async fn a_transaction_that_sqlite_ended_by_itself_does_not_spoil_its_connection() {
        let scratch = Scratch::on_sqlite();
        let options = StoreOptions { connections_max: 1, ..StoreOptions::new(scratch.url()) };
        let store = Store::open(&options).await.unwrap();
        store.migrate().await.unwrap();
        let write = store.begin_write().await.unwrap();
        // As after a write for which the disk had no room.
        write.tx.execute_unprepared("ROLLBACK").await.unwrap();
        drop(write);
        store.probe_write().await.unwrap();
        store.probe_write().await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_new_database_of_sqlite_is_opened_by_all_who_come_at_once() {
        for _ in 0..50 {
            let scratch = Scratch::on_sqlite();
            let openings = (0..4).map(|_| {
                let options = StoreOptions::new(scratch.url());
                tokio::spawn(async move { Store::open(&options).await.map(drop) })
            });
            for opening in futures_util::future::join_all(openings).await {
                opening.unwrap().unwrap();
            }
        }
    }
}
