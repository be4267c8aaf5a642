//! Copies of SQLite's database, made while it is used. PostgreSQL has its own tools.

use std::path::Path;

use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sea_orm::sqlx::{Connection as _, query_scalar};
use sea_orm::{ConnectionTrait as _, DbBackend, DbErr, RuntimeErr, SqlxError, Statement};

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
}

/// Reads a whole file of SQLite and says what is wrong with it; `None` when it is sound. Changes nothing, and makes no files beside it.
///
/// # Errors
/// [`StoreError::Database`] when it is no database or cannot be read.
pub async fn damage_of(file: &Path) -> Result<Option<String>, StoreError> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true).immutable(true);
    let checked = async {
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let told: String =
            query_scalar("PRAGMA integrity_check(1)").fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok::<String, SqlxError>(told)
    };
    let told = checked.await.map_err(|error| DbErr::Query(RuntimeErr::SqlxError(error.into())))?;
    Ok((told != "ok").then_some(told))
}
