//! Webhooks that were acted on later than they came: those that were early, and those that somebody has acted on again.

use domain::limits::WEBHOOK_WAIT_MS;
use domain::webhook::WebhookState;
use entities::{payment, webhook};
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{
    ColumnTrait as _, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use super::{AcceptedWebhook, ReadWebhook, act, find_payment};
use crate::audit;
use crate::connection::{Conflict, Store};
use crate::error::StoreError;
use crate::operate::Actor;
use crate::origin::Origin;
use crate::sql::word;

/// Why a webhook was not acted on again. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is no such webhook.
    #[error("there is no such webhook")]
    Unknown,
    /// The database failed; repeating is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for ReplayError {
    fn from(error: DbErr) -> ReplayError {
        ReplayError::Store(error.into())
    }
}

impl Conflict for ReplayError {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            ReplayError::Unknown => None,
            ReplayError::Store(error) => Some(error),
        }
    }
}

impl Store {
    /// Acts on waiting webhooks whose payment is there by now, at most `limit` of them, oldest first; returns how many there were.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing was changed then.
    pub async fn take_up_webhooks(
        &self,
        read: ReadWebhook,
        limit: u64,
    ) -> Result<usize, StoreError> {
        self.retried(|| self.take_up_webhooks_once(read, limit)).await
    }

    async fn take_up_webhooks_once(
        &self,
        read: ReadWebhook,
        limit: u64,
    ) -> Result<usize, StoreError> {
        let has_payment = Query::select()
            .expr(Expr::value(1))
            .from(payment::Entity)
            .and_where(
                Expr::col((payment::Entity, payment::Column::OrderId))
                    .equals((webhook::Entity, webhook::Column::OrderId)),
            )
            .take();
        let mut write = self.begin_write().await?;
        let mut waiting = webhook::Entity::find()
            .filter(is_waiting())
            .filter(Expr::exists(has_payment))
            .order_by_asc(webhook::Column::ReceivedAt)
            .limit(limit)
            .lock_exclusive()
            .all(&write.tx)
            .await?;
        // Payments are locked in the order of their ids.
        waiting.sort_unstable_by(|one, other| one.order_id.cmp(&other.order_id));
        let count = waiting.len();
        for row in waiting {
            let webhook = read(row.body.as_bytes()).webhook;
            let payment = find_payment(&write, &webhook).await?;
            let origin = Origin::default();
            // What it asks for is published by the relay.
            act(&mut write, &row, &webhook, payment.as_ref(), true, &origin).await?;
        }
        crash::point!("accept 16", "all that early webhooks ask for is written", "its commit");
        write.commit().await?;
        crash::point!("accept 17", "what early webhooks ask for is committed", "its publication");
        Ok(count)
    }

    /// Gives up waiting webhooks that are a day old; returns how many there were.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing was changed then.
    pub async fn expire_webhooks(&self) -> Result<u64, StoreError> {
        let write = self.begin_write().await?;
        let expired = webhook::Entity::update_many()
            .col_expr(webhook::Column::State, Expr::value(WebhookState::Expired.word()))
            .col_expr(webhook::Column::ChangedAt, Expr::value(write.now_ms))
            .filter(is_waiting())
            .filter(webhook::Column::ReceivedAt.lte(write.now_ms.saturating_sub(WEBHOOK_WAIT_MS)))
            .exec(&write.tx)
            .await?;
        write.commit().await?;
        Ok(expired.rows_affected)
    }

    /// Acts on a webhook once more, whatever became of it. Audited.
    ///
    /// # Errors
    /// [`ReplayError`] says why not.
    pub async fn replay_webhook(
        &self,
        id: &str,
        read: ReadWebhook,
        actor: &Actor,
        reason: Option<&str>,
    ) -> Result<AcceptedWebhook, ReplayError> {
        self.retried(|| self.replay_webhook_once(id, read, actor, reason)).await
    }

    async fn replay_webhook_once(
        &self,
        id: &str,
        read: ReadWebhook,
        actor: &Actor,
        reason: Option<&str>,
    ) -> Result<AcceptedWebhook, ReplayError> {
        let mut write = self.begin_write().await?;
        let row = webhook::Entity::find_by_id(id).lock_exclusive().one(&write.tx).await?;
        let row = row.ok_or(ReplayError::Unknown)?;
        let webhook = read(row.body.as_bytes()).webhook;
        let payment = find_payment(&write, &webhook).await?;
        let acted = act(&mut write, &row, &webhook, payment.as_ref(), true, &actor.origin).await?;
        let store_id = payment.as_ref().map(|payment| payment.store_id.as_str());
        let detail = serde_json::json!({ "orderId": row.order_id, "state": acted.state.word() });
        audit::record(&write, actor, "webhook.replay", id, store_id, reason, Some(detail)).await?;
        write.commit().await?;
        Ok(acted)
    }
}

/// As a constant, so that the planner finds the partial index.
fn is_waiting() -> Expr {
    Expr::col((webhook::Entity, webhook::Column::State)).eq(word(WebhookState::Waiting.word()))
}
