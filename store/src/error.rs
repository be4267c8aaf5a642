//! What can go wrong below the rules: the database itself.

use sea_orm::{DbErr, RuntimeErr, SqlxError};

use crate::transaction::needs_locks;

/// A failure of the database, or of what stands in it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database could not be reached, was too busy, or refused a statement. The transaction left nothing behind, unless what was lost or not
    /// waited for is the answer to its commit; repeating is safe.
    #[error("the database failed")]
    Database(#[source] DbErr),
    /// A row holds something that this version cannot read. Repeating does not help.
    #[error("row {id} of {table} has an unreadable {column}: {value}")]
    UnreadableRow {
        /// The table.
        table: &'static str,
        /// The row's id.
        id: String,
        /// The column.
        column: &'static str,
        /// What stands there.
        value: String,
    },
    /// The schema is older or newer than this program.
    #[error("the database's schema does not fit this program: {0}")]
    Schema(String),
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> StoreError {
        StoreError::Database(error)
    }
}

impl StoreError {
    /// The error and everything behind it, for logs.
    #[must_use]
    pub fn with_causes(&self) -> String {
        use std::error::Error as _;
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }

    /// Whether the database answered, and did not take what it was given: the same again is refused again.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            StoreError::Database(error) => {
                !self.is_conflict()
                    && !self.is_full()
                    && !is_lost(error)
                    && database_code(error).is_some()
            }
            StoreError::UnreadableRow { .. } | StoreError::Schema(_) => false,
        }
    }

    /// Whether two transactions got in each other's way, so that the same work done again is likely to succeed.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        let StoreError::Database(
            DbErr::Exec(RuntimeErr::SqlxError(error))
            | DbErr::Query(RuntimeErr::SqlxError(error))
            | DbErr::Conn(RuntimeErr::SqlxError(error)),
        ) = self
        else {
            return matches!(self, StoreError::Database(DbErr::Custom(text)) if text == INJECTED_CONFLICT);
        };
        let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default();
        // SQLite: busy, busy snapshot, busy timeout. PostgreSQL: serialization failure, deadlock, and a unique violation: somebody else
        // committed the same thing first, and the work done again finds it.
        ["5", "517", "773", "40001", "40P01", "23505"].contains(&code.as_ref())
    }

    /// Whether a row was changed by somebody else since it was read without a lock, or something was wanted that is only done under one.
    pub(crate) fn needs_locks(&self) -> bool {
        let StoreError::Database(error) = self else { return false };
        matches!(error, DbErr::RecordNotUpdated) || needs_locks(error)
    }

    /// Whether the connection was lost. What was committed by it is not known then.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self, StoreError::Database(error) if is_lost(error))
    }

    /// Whether the database has no room, or cannot write to its disk: nothing is kept until there is room again, and reading goes on.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let StoreError::Database(error) = self else { return false };
        // PostgreSQL: disk full. SQLite: full, and a failed write, which is what a quota or a limit on files makes of it.
        database_code(error).is_some_and(|code| ["53100", "13", "778"].contains(&code.as_str()))
    }

    /// Whether the database, though it is there, does not take what it was given, so that the same again fails again: a value or a constraint,
    /// a row that is missing or cannot be read. A unique violation is a conflict at first, and this when it stays.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        match self {
            StoreError::UnreadableRow { .. } => true,
            StoreError::Schema(_) => false,
            StoreError::Database(error) => is_refused(error),
        }
    }
}

fn is_refused(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause))) =
        error
    else {
        return matches!(
            error,
            DbErr::RecordNotFound(_) | DbErr::RecordNotUpdated | DbErr::Type(_) | DbErr::Json(_)
        );
    };
    if matches!(
        **cause,
        SqlxError::ColumnDecode { .. } | SqlxError::Decode(_) | SqlxError::Encode(_)
    ) {
        return true;
    }
    let code = cause.as_database_error().and_then(|error| error.code()).unwrap_or_default();
    // PostgreSQL's codes have five characters: data exceptions and integrity violations. SQLite's are numbers whose last byte is the kind: a
    // constraint, a type that does not fit, a value that is too large.
    if code.len() == 5 && (code.starts_with("22") || code.starts_with("23")) {
        return true;
    }
    code.len() < 5 && code.parse::<u32>().is_ok_and(|code| [18, 19, 20].contains(&(code & 0xff)))
}

/// The code that the database itself answered with.
pub(crate) fn database_code(error: &DbErr) -> Option<String> {
    let (DbErr::Exec(RuntimeErr::SqlxError(error))
    | DbErr::Query(RuntimeErr::SqlxError(error))
    | DbErr::Conn(RuntimeErr::SqlxError(error))) = error
    else {
        return None;
    };
    error.as_database_error().map(|error| error.code().unwrap_or_default().into_owned())
}

/// Whether the connection was lost, and not the database itself: the server ended it, or it broke.
pub(crate) fn is_lost(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(error))
    | DbErr::Query(RuntimeErr::SqlxError(error))
    | DbErr::Conn(RuntimeErr::SqlxError(error))) = error
    else {
        return false;
    };
    let is_broken = matches!(**error, SqlxError::Io(_) | SqlxError::Protocol(_));
    let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default();
    // PostgreSQL: ended by an administrator, by a crash of another session; and the class of connection exceptions.
    is_broken || ["57P01", "57P02"].contains(&code.as_ref()) || code.starts_with("08")
}

/// What a conflict that a test injected says.
pub(crate) const INJECTED_CONFLICT: &str = "injected conflict";

#[cfg(test)]
mod tests {
    use sea_orm::ConnectionTrait as _;

    use super::*;
    use crate::open::StoreOptions;
    use crate::scratch::Scratch;
    use crate::{PauseScope, Store};

    async fn error_of(store: &Store, sql: &str) -> StoreError {
        store.db.execute_unprepared(sql).await.unwrap_err().into()
    }

    #[tokio::test]
    async fn what_the_database_refuses_is_told_apart_from_a_database_that_cannot() {
        for scratch in [Scratch::on_sqlite(), Scratch::on_postgres().await] {
            let store = Store::open(&StoreOptions::new(scratch.url())).await.unwrap();
            store.migrate().await.unwrap();
            let nothing = "INSERT INTO pauses VALUES ('m', 'all', NULL, 'r', NULL, 'system', 0)";
            assert!(error_of(&store, nothing).await.is_refused());
            let twice = "INSERT INTO pauses VALUES ('m', 'all', 'paused', 'r', NULL, 'system', 0)";
            store.db.execute_unprepared(twice).await.unwrap();
            assert!(error_of(&store, twice).await.is_refused());
            let unknown = error_of(&store, "SELECT * FROM of_tomorrow").await;
            assert!(!unknown.is_refused(), "a migration mends it");
            store.clone().close().await.unwrap();
            let scope = PauseScope::All;
            let actor = crate::Actor::system();
            let closed = store.resume_merchant("m", scope, &actor, "r").await.unwrap_err();
            assert!(!closed.is_refused());
        }
    }

    #[tokio::test]
    async fn postgres_refuses_a_text_with_nul_in_it() {
        let scratch = Scratch::on_postgres().await;
        let store = Store::open(&StoreOptions::new(scratch.url())).await.unwrap();
        store.migrate().await.unwrap();
        let refused = store.open_breaker("a\0b", "TIMEOUT").await.unwrap_err();
        assert!(refused.is_refused() && !refused.is_conflict(), "{}", refused.with_causes());
    }
}
