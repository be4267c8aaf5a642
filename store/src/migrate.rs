//! The schema: bringing it up to this program's, and telling whether it is. Not here: what a migration does.
//!
//! On PostgreSQL a runner has two connections of its own. A migration takes as long as the tables are large, so nothing ends one of its
//! statements, or the connection that holds the lock meanwhile. Only waiting for others is bounded: everybody else waits behind a
//! migration that waits for a table.

use std::time::Duration;

use sea_orm::sqlx::postgres::PgPoolOptions;
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, RuntimeErr, SqlxPostgresConnector,
    Statement, TransactionOptions, TransactionTrait as _,
};
use sea_orm_migration::MigratorTrait as _;

use crate::connection::Store;
use crate::error::{StoreError, database_code};
use crate::open::LOCK_WAIT_MS_MAX;

/// The advisory lock that a runner of migrations holds: "seungin" in ASCII.
const LOCK: i64 = 0x0073_6575_6e67_696e;
/// How long a second runner waits for the first on PostgreSQL.
const WAIT_FOR_OTHERS: Duration = Duration::from_secs(300);
/// How long a runner waits for its connections: the store was opened, so the server is there.
const CONNECT_WAIT: Duration = Duration::from_secs(10);
/// PostgreSQL's word for a lock that was waited for too long.
const LOCK_NOT_AVAILABLE: &str = "55P03";
/// What is told of a schema that a later version of the program made.
const NEWER: &str = "it is newer than this program: use the version that migrated it";
/// How often a runner tries on SQLite, and the pause between: another runner is done within a second or two.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(250);

impl Store {
    /// Brings the schema up to this program's. Several runners at once wait for each other, and each finds it done.
    ///
    /// # Errors
    /// [`StoreError::Database`]; the migration that failed left nothing behind. [`StoreError::Schema`] when another runner takes very long.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        if self.db.get_database_backend() == DbBackend::Postgres {
            let runner = self.migrations_connection().await?;
            let migrated = migrate_postgres(&runner).await;
            runner.close().await?;
            return migrated;
        }
        // SQLite has no lock to wait at: of two runners one fails at what the other makes just then, and tries again until it is there.
        let mut tries_left = TRIES;
        loop {
            let failed = match migrations::Migrator::up(&self.db, None).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            tries_left = tries_left.saturating_sub(1);
            if tries_left == 0 {
                return Err(failed.into());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The same database with the limits of a runner of migrations.
    async fn migrations_connection(&self) -> Result<DatabaseConnection, StoreError> {
        let options = self.db.get_postgres_connection_pool().connect_options();
        let options = (*options).clone().application_name("seungin migrate").options([
            ("statement_timeout", "0".to_owned()),
            ("idle_in_transaction_session_timeout", "0".to_owned()),
            ("lock_timeout", LOCK_WAIT_MS_MAX.to_string()),
        ]);
        let pool = PgPoolOptions::new()
            // The lock and the work.
            .max_connections(2)
            .acquire_timeout(CONNECT_WAIT)
            .connect_with(options)
            .await
            .map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into())))?;
        Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
    }

    /// Whether the database answers and its schema is this program's. Reads only, so that it may be asked often.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it does not answer, [`StoreError::Schema`] when migrations are missing or newer than this program.
    pub async fn check(&self) -> Result<(), StoreError> {
        let pending = async {
            match migrations::Migrator::get_pending_migrations_read_only(&self.db).await {
                Ok(pending) => Ok(pending.len()),
                // Its word for migrations that it has no file of.
                Err(DbErr::Custom(_)) => Err(StoreError::Schema(NEWER.to_owned())),
                Err(error) => Err(error.into()),
            }
        };
        match self.bounded(pending).await? {
            0 => Ok(()),
            missing => Err(StoreError::Schema(format!(
                "{missing} migrations are missing: run `seungin migrate`"
            ))),
        }
    }
}

/// One connection holds the lock, as long as its transaction lasts, and the other one migrates.
async fn migrate_postgres(runner: &DatabaseConnection) -> Result<(), StoreError> {
    let guard = runner.begin_with_options(TransactionOptions::default()).await?;
    guard
        .execute_unprepared(&format!("SET LOCAL lock_timeout = {}", WAIT_FOR_OTHERS.as_millis()))
        .await?;
    let locked = guard
        .execute_raw(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "SELECT pg_advisory_xact_lock($1)",
            [LOCK.into()],
        ))
        .await;
    match locked {
        Ok(_) => {}
        Err(error) if database_code(&error).as_deref() == Some(LOCK_NOT_AVAILABLE) => {
            return Err(StoreError::Schema(format!(
                "another runner has been migrating it for {} s: run `seungin migrate` again when that one is done",
                WAIT_FOR_OTHERS.as_secs()
            )));
        }
        Err(error) => return Err(error.into()),
    }
    migrations::Migrator::up(runner, None).await?;
    Ok(guard.commit().await?)
}
