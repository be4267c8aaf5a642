//! Copies of SQLite's database, made while it is used, and whether a database is sound and takes writes. To copy PostgreSQL's, there are its
//! own tools.

use std::path::Path;

use entities::chore;
use sea_orm::ActiveValue::Set;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sea_orm::sqlx::{Connection as _, query_scalar};
use sea_orm::{
    ConnectionTrait as _, DbBackend, DbErr, EntityTrait as _, RuntimeErr, SqlxError, Statement,
};

use crate::connection::Store;
use crate::error::StoreError;

impl Store {
    /// Whether the database is SQLite's.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        self.db.get_database_backend() == DbBackend::Sqlite
    }

    /// Writes what is committed by now into a file that is missing or empty, as one consistent database. Others go on reading and writing
    /// meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Database`]; the file holds nothing of use then.
    pub async fn back_up(&self, file: &str) -> Result<(), StoreError> {
        let copy =
            Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO ?", [file.into()]);
        self.db.execute_raw(copy).await?;
        Ok(())
    }

    /// Reads SQLite's whole database and says what is wrong with it; `None` when it is sound.
    ///
    /// # Errors
    /// [`StoreError::Database`] when it cannot be read.
    pub async fn find_damage(&self) -> Result<Option<String>, StoreError> {
        let check = Statement::from_string(DbBackend::Sqlite, INTEGRITY);
        let row = self.db.query_one_raw(check).await?;
        let row = row.ok_or_else(|| DbErr::RecordNotFound("what the check found".to_owned()))?;
        Ok(damage(row.try_get("", "integrity_check")?))
    }

    /// Writes something, and takes it back in the same transaction: whether the database takes writes at all.
    ///
    /// # Errors
    /// [`StoreError::Database`] says why it does not.
    pub async fn probe_write(&self) -> Result<(), StoreError> {
        self.retried(|| self.probe_write_once()).await
    }

    async fn probe_write_once(&self) -> Result<(), StoreError> {
        let write = self.begin_write().await?;
        let row = chore::ActiveModel { name: Set(PROBE.to_owned()), due_at: Set(write.now_ms) };
        chore::Entity::insert(row).exec_without_returning(&write.tx).await?;
        chore::Entity::delete_by_id(PROBE).exec(&write.tx).await?;
        write.commit().await
    }
}

/// The name of a chore that is never there.
const PROBE: &str = "probe";
const INTEGRITY: &str = "PRAGMA integrity_check(1)";

/// SQLite's word for nothing.
fn damage(told: String) -> Option<String> {
    (told != "ok").then_some(told)
}

/// Reads a whole file of SQLite and says what is wrong with it; `None` when it is sound. Changes nothing, and makes no files beside it.
///
/// # Errors
/// [`StoreError::Database`] when it is no database or cannot be read.
pub async fn damage_of(file: &Path) -> Result<Option<String>, StoreError> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true).immutable(true);
    let checked = async {
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let told: String = query_scalar(INTEGRITY).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok::<String, SqlxError>(told)
    };
    let told = checked.await.map_err(|error| DbErr::Query(RuntimeErr::SqlxError(error.into())))?;
    Ok(damage(told))
}
