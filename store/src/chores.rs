//! Chores: what one process of many does now and then. A row per chore says when it is due; whoever comes first from then on holds it.
//!
//! The row makes "daily" mean once a day for all processes together, however many there are and however often they are started anew.
//! Two that did a chore at the same time would do no harm, only double work.

use entities::chore;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use crate::connection::Store;
use crate::error::StoreError;

/// Something to be done now and then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chore {
    /// Deleting what was kept long enough.
    Retention,
    /// Comparing our records with Toss's.
    Reconciliation,
}

impl Chore {
    /// The word in its row.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Chore::Retention => "retention",
            Chore::Reconciliation => "reconciliation",
        }
    }
}

/// Whether a chore is ours now.
#[derive(Debug, PartialEq, Eq)]
pub enum ChoreTurn {
    /// Do it, then say by [`Store::put_off_chore`] when it is due again.
    Ours(HeldChore),
    /// It is due in so many milliseconds, unless somebody else does it.
    NotYet {
        /// At least 1.
        due_in_ms: i64,
    },
}

/// A chore that is ours until its time runs out; then somebody else may begin it anew.
#[derive(Debug, PartialEq, Eq)]
pub struct HeldChore {
    chore: Chore,
    held_until_ms: i64,
}

impl Store {
    /// Takes a chore if it is due, for `hold_ms`. One that was never heard of is due within `first_within_ms`, at random.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing was taken then.
    pub async fn take_chore(
        &self,
        chore: Chore,
        first_within_ms: i64,
        hold_ms: i64,
    ) -> Result<ChoreTurn, StoreError> {
        let now_ms = self.now_ms().await?;
        let known = chore::Entity::find_by_id(chore.word()).one(&self.db).await?;
        match known {
            Some(row) if row.due_at > now_ms => {
                Ok(ChoreTurn::NotYet { due_in_ms: row.due_at.saturating_sub(now_ms) })
            }
            Some(_) => self.retried(|| self.hold_chore(chore, hold_ms)).await,
            None => {
                let within_ms = self.ids().jitter_ms(first_within_ms).max(1);
                self.retried(|| self.add_chore(chore, within_ms)).await
            }
        }
    }

    async fn add_chore(&self, chore: Chore, due_in_ms: i64) -> Result<ChoreTurn, StoreError> {
        let write = self.begin_write().await?;
        let row = chore::ActiveModel {
            name: Set(chore.word().to_owned()),
            due_at: Set(write.now_ms.saturating_add(due_in_ms)),
        };
        chore::Entity::insert(row)
            .on_conflict_do_nothing()
            .exec_without_returning(&write.tx)
            .await?;
        write.commit().await?;
        Ok(ChoreTurn::NotYet { due_in_ms })
    }

    async fn hold_chore(&self, chore: Chore, hold_ms: i64) -> Result<ChoreTurn, StoreError> {
        let write = self.begin_write().await?;
        let held_until_ms = write.now_ms.saturating_add(hold_ms);
        let held = chore::Entity::update_many()
            .col_expr(chore::Column::DueAt, Expr::value(held_until_ms))
            .filter(chore::Column::Name.eq(chore.word()))
            .filter(chore::Column::DueAt.lte(write.now_ms))
            .exec(&write.tx)
            .await?;
        if held.rows_affected > 0 {
            write.commit().await?;
            return Ok(ChoreTurn::Ours(HeldChore { chore, held_until_ms }));
        }
        // Somebody was quicker, and holds it for as long as the row says.
        let row = chore::Entity::find_by_id(chore.word()).one(&write.tx).await?;
        let due_at = row.map_or(held_until_ms, |row| row.due_at);
        Ok(ChoreTurn::NotYet { due_in_ms: due_at.saturating_sub(write.now_ms).max(1) })
    }

    /// Says when a chore that was held is due again. One whose time ran out meanwhile belongs to somebody else and is left alone.
    ///
    /// # Errors
    /// [`StoreError::Database`]; the chore is due when its time runs out then.
    pub async fn put_off_chore(&self, held: &HeldChore, by_ms: i64) -> Result<(), StoreError> {
        let write = self.begin_write().await?;
        chore::Entity::update_many()
            .col_expr(chore::Column::DueAt, Expr::value(write.now_ms.saturating_add(by_ms)))
            .filter(chore::Column::Name.eq(held.chore.word()))
            .filter(chore::Column::DueAt.eq(held.held_until_ms))
            .exec(&write.tx)
            .await?;
        write.commit().await
    }
}
