//! Messages of the queue that mean nothing to us, set aside where a person can see them. They carry no payment: whatever a job needs
//! stands in its row, and the relay publishes it again.

use entities::poison_message;
use sea_orm::ActiveValue::Set;
use sea_orm::{EntityTrait as _, QueryOrder as _, QuerySelect as _};

use crate::connection::Store;
use crate::error::StoreError;

/// How much of a message's body is kept, in characters.
const BODY_CHARS_MAX: usize = 4_096;
/// How much of what the queue said of it is kept, in characters.
const DETAIL_CHARS_MAX: usize = 4_096;
/// How much of a reason's code, and of a queue's name, is kept, in characters: AMQP's names have 255 bytes.
const WORD_CHARS_MAX: usize = 256;
/// How many are kept at the most: a flood must not fill the disk.
const KEPT_MAX: u64 = 10_000;

/// A message to set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoisonMessage {
    /// A stable code: why.
    pub reason: String,
    /// The queue that it came from.
    pub source: String,
    /// Its bytes as text.
    pub body: String,
    /// What the queue said of it.
    pub detail: Option<String>,
}

/// A message that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoisonRow {
    /// Ours.
    pub id: String,
    /// The message, cut to a bounded length.
    pub message: PoisonMessage,
    /// Milliseconds UTC.
    pub received_at_ms: i64,
}

impl Store {
    /// Sets messages aside, in one transaction. Beyond a bound the oldest make room.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing was written then: do not acknowledge them.
    pub async fn set_aside(&self, messages: &[PoisonMessage]) -> Result<(), StoreError> {
        if messages.is_empty() {
            return Ok(());
        }
        self.retried(|| self.set_aside_once(messages)).await
    }

    async fn set_aside_once(&self, messages: &[PoisonMessage]) -> Result<(), StoreError> {
        let write = self.begin_write().await?;
        let rows = messages.iter().map(|message| poison_message::ActiveModel {
            id: Set(write.new_id()),
            reason: Set(cut(&message.reason, WORD_CHARS_MAX)),
            source: Set(cut(&message.source, WORD_CHARS_MAX)),
            body: Set(cut(&message.body, BODY_CHARS_MAX)),
            detail: Set(message.detail.as_ref().map(|detail| cut(detail, DETAIL_CHARS_MAX))),
            received_at: Set(write.now_ms),
        });
        poison_message::Entity::insert_many(rows).exec_without_returning(&write.tx).await?;
        let too_old = poison_message::Entity::find()
            .order_by_desc(poison_message::Column::ReceivedAt)
            .offset(KEPT_MAX)
            .limit(1)
            .one(&write.tx)
            .await?;
        if let Some(too_old) = too_old {
            use sea_orm::{ColumnTrait as _, QueryFilter as _};
            poison_message::Entity::delete_many()
                .filter(poison_message::Column::ReceivedAt.lte(too_old.received_at))
                .exec(&write.tx)
                .await?;
        }
        write.commit().await
    }

    /// The messages that were set aside, newest first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_poison(&self, limit: u64) -> Result<Vec<PoisonRow>, StoreError> {
        let rows = poison_message::Entity::find()
            .order_by_desc(poison_message::Column::ReceivedAt)
            .order_by_desc(poison_message::Column::Id)
            .limit(limit)
            .all(&self.db)
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| PoisonRow {
                id: row.id,
                message: PoisonMessage {
                    reason: row.reason,
                    source: row.source,
                    body: row.body,
                    detail: row.detail,
                },
                received_at_ms: row.received_at,
            })
            .collect())
    }
}

/// The beginning of a text, without what PostgreSQL does not take.
fn cut(text: &str, chars_max: usize) -> String {
    text.chars().filter(|c| *c != '\0').take(chars_max).collect()
}
