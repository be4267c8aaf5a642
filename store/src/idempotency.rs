//! Callers' idempotency keys: one key makes one thing. Not Toss's keys: those belong to jobs.
//!
//! The row is written in the transaction that makes the thing, so that a key exists exactly when what it made exists. A request that
//! was refused leaves no row: the caller may correct it and use the key again.

use entities::idempotency_key;
use sea_orm::ActiveValue::Set;
use sea_orm::{DbErr, EntityTrait as _, TryInsertResult};

use crate::connection::Write;
use crate::error::StoreError;

/// A caller's idempotency key, with what it is compared by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerKey {
    /// Caller, method and route: the same key elsewhere is another key.
    pub scope: String,
    /// The key as sent.
    pub key: String,
    /// SHA-256 of the body, hexadecimal.
    pub fingerprint: String,
}

/// What reserving a key found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reserved {
    /// The key is new and now stands for the given subject.
    New,
    /// The same request was done before and made this.
    Replay {
        /// The id of what was made.
        subject: String,
    },
    /// The key was used with another body.
    OtherBody,
}

/// Takes the key for `subject`, or finds what it made before. Of two at once one waits for the other's transaction.
pub(crate) async fn reserve(
    write: &Write<'_>,
    key: &CallerKey,
    subject: &str,
) -> Result<Reserved, StoreError> {
    let row = idempotency_key::ActiveModel {
        scope: Set(key.scope.clone()),
        key: Set(key.key.clone()),
        fingerprint: Set(key.fingerprint.clone()),
        subject: Set(subject.to_owned()),
        created_at: Set(write.now_ms),
    };
    let inserted = idempotency_key::Entity::insert(row)
        .on_conflict_do_nothing()
        .exec_without_returning(&write.tx)
        .await?;
    if is_inserted(&inserted) {
        return Ok(Reserved::New);
    }
    let known = idempotency_key::Entity::find_by_id((key.scope.clone(), key.key.clone()))
        .one(&write.tx)
        .await?
        .ok_or_else(|| {
            DbErr::RecordNotFound("an idempotency key that was just there".to_owned())
        })?;
    if known.fingerprint == key.fingerprint {
        Ok(Reserved::Replay { subject: known.subject })
    } else {
        Ok(Reserved::OtherBody)
    }
}

/// Whether an insert that skips conflicts inserted something.
pub(crate) fn is_inserted(result: &TryInsertResult<u64>) -> bool {
    match result {
        TryInsertResult::Inserted(rows) => *rows > 0,
        TryInsertResult::Empty | TryInsertResult::Conflicted => false,
    }
}
