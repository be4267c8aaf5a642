//! A merchant's pauses: made by a person, or by two payments for which Toss did not accept the merchant's key.

use domain::attempt::Operation;
use entities::pause;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use super::{PAUSED, PauseScope};
use crate::audit;
use crate::connection::{Store, Write};
use crate::error::StoreError;
use crate::gate::MERCHANT_PAUSED;
use crate::operate::Actor;

const SUSPECTED: &str = "suspected";

impl Store {
    /// Notes that Toss did not accept the merchant's key for this order's payment. The second payment to which that happens stops all
    /// calls of the merchant, until somebody resumes them: one may be that payment's own trouble.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing was changed then.
    pub async fn suspect_key(
        &self,
        merchant: &str,
        order_id: &str,
        code: &str,
    ) -> Result<(), StoreError> {
        let is_stopped = self.retried(|| self.suspect_key_once(merchant, order_id, code)).await?;
        if is_stopped {
            tracing::error!(
                merchant,
                code,
                alert = "merchant_paused",
                "Toss does not accept the merchant's key: all its calls wait until somebody resumes them"
            );
        }
        Ok(())
    }

    async fn suspect_key_once(
        &self,
        merchant: &str,
        order_id: &str,
        code: &str,
    ) -> Result<bool, StoreError> {
        let write = self.begin_write().await?;
        let row = pause::ActiveModel {
            merchant: Set(merchant.to_owned()),
            scope: Set(PauseScope::All.word().to_owned()),
            state: Set(SUSPECTED.to_owned()),
            reason: Set(code.to_owned()),
            order_id: Set(Some(order_id.to_owned())),
            paused_by: Set("system".to_owned()),
            since: Set(write.now_ms),
        };
        pause::Entity::insert(row)
            .on_conflict_do_nothing()
            .exec_without_returning(&write.tx)
            .await?;
        let stopped = pause::Entity::update_many()
            .col_expr(pause::Column::State, Expr::value(PAUSED))
            .col_expr(pause::Column::Since, Expr::value(write.now_ms))
            .filter(pause::Column::Merchant.eq(merchant))
            .filter(pause::Column::Scope.eq(PauseScope::All.word()))
            .filter(pause::Column::State.eq(SUSPECTED))
            .filter(pause::Column::OrderId.ne(order_id))
            .exec(&write.tx)
            .await?;
        write.commit().await?;
        Ok(stopped.rows_affected > 0)
    }

    /// Takes a suspicion back: Toss accepted the merchant's key.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing was changed then.
    pub async fn clear_suspicion(&self, merchant: &str) -> Result<(), StoreError> {
        let write = self.begin_write().await?;
        pause::Entity::delete_many()
            .filter(pause::Column::Merchant.eq(merchant))
            .filter(pause::Column::State.eq(SUSPECTED))
            .exec(&write.tx)
            .await?;
        write.commit().await
    }

    /// Stops calls of a merchant until [`Store::resume_merchant`]; `false` when they were paused before, which is left as it is. What is
    /// under way ends; what is accepted waits. Audited.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing was changed then.
    pub async fn pause_merchant(
        &self,
        merchant: &str,
        scope: PauseScope,
        actor: &Actor,
        reason: &str,
    ) -> Result<bool, StoreError> {
        let write = self.begin_write().await?;
        let row = pause::ActiveModel {
            merchant: Set(merchant.to_owned()),
            scope: Set(scope.word().to_owned()),
            state: Set(PAUSED.to_owned()),
            reason: Set(reason.to_owned()),
            order_id: Set(None),
            paused_by: Set(actor.id.clone()),
            since: Set(write.now_ms),
        };
        let replaced = OnConflict::columns([pause::Column::Merchant, pause::Column::Scope])
            .update_columns([
                pause::Column::State,
                pause::Column::Reason,
                pause::Column::OrderId,
                pause::Column::PausedBy,
                pause::Column::Since,
            ])
            // A suspicion becomes a pause; of two who pause at once, one is told.
            .action_and_where(Expr::col((pause::Entity, pause::Column::State)).ne(PAUSED))
            .to_owned();
        let written = pause::Entity::insert(row)
            .on_conflict(replaced)
            .exec_without_returning(&write.tx)
            .await?;
        if written == 0 {
            return Ok(false);
        }
        record(&write, actor, "merchant.pause", merchant, scope, reason).await?;
        write.commit().await?;
        Ok(true)
    }

    /// Ends a pause, and what waited for it goes on at once; `false` when there was none. Audited.
    ///
    /// # Errors
    /// [`StoreError::Database`]; what was not released is looked at within minutes by itself.
    pub async fn resume_merchant(
        &self,
        merchant: &str,
        scope: PauseScope,
        actor: &Actor,
        reason: &str,
    ) -> Result<bool, StoreError> {
        let write = self.begin_write().await?;
        let ended = pause::Entity::delete_many()
            .filter(pause::Column::Merchant.eq(merchant))
            .filter(pause::Column::Scope.eq(scope.word()))
            .exec(&write.tx)
            .await?;
        if ended.rows_affected == 0 {
            return Ok(false);
        }
        record(&write, actor, "merchant.resume", merchant, scope, reason).await?;
        write.commit().await?;
        self.release_held(merchant, MERCHANT_PAUSED).await?;
        Ok(true)
    }
}

/// Why such calls are paused just now, if they are.
pub(crate) async fn find_pause(
    connection: &impl sea_orm::ConnectionTrait,
    merchant: &str,
    operation: Operation,
) -> Result<Option<String>, StoreError> {
    let scopes = [PauseScope::All, PauseScope::Only(operation)].map(PauseScope::word);
    let row = pause::Entity::find()
        .filter(pause::Column::Merchant.eq(merchant))
        .filter(pause::Column::Scope.is_in(scopes))
        .filter(pause::Column::State.eq(PAUSED))
        .one(connection)
        .await?;
    Ok(row.map(|row| row.reason))
}

async fn record(
    write: &Write<'_>,
    actor: &Actor,
    action: &str,
    merchant: &str,
    scope: PauseScope,
    reason: &str,
) -> Result<(), StoreError> {
    let detail = serde_json::json!({ "scope": scope.word() });
    audit::record(write, actor, action, merchant, None, Some(reason), Some(detail)).await
}
