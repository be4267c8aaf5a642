//! The list of webhooks, newest first.

use domain::limits::PAGE_ROWS_MAX;
use domain::webhook::WebhookState;
use entities::webhook;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::connection::Store;
use crate::error::StoreError;
use crate::page::Page;
use crate::rows;

/// Which webhooks to list. Without any condition: all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebhookFilter {
    /// Only those that stand so.
    pub state: Option<WebhookState>,
    /// Only those that name this order.
    pub order_id: Option<String>,
}

/// A webhook that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRow {
    /// Ours; sorts by time.
    pub id: String,
    /// The sender's.
    pub transmission_id: Option<String>,
    /// payment, deposit, other or unreadable.
    pub kind: String,
    /// The event's name, of other kinds.
    pub event: Option<String>,
    /// The order that it names.
    pub order_id: Option<String>,
    /// The status that it claims.
    pub status: Option<String>,
    /// The address that it came from.
    pub source: String,
    /// Where it stands.
    pub state: WebhookState,
    /// Why: a code.
    pub reason: Option<String>,
    /// How often it came.
    pub deliveries: i32,
    /// Milliseconds UTC: the first time.
    pub received_at_ms: i64,
}

impl Store {
    /// The webhooks, newest first. `after` is the previous page's `next`; `limit` is held to `1 ..= PAGE_ROWS_MAX`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or a row cannot be read.
    pub async fn list_webhooks(
        &self,
        filter: &WebhookFilter,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Page<WebhookRow>, StoreError> {
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        let mut query = webhook::Entity::find()
            .order_by_desc(webhook::Column::Id)
            .limit(limit.saturating_add(1));
        if let Some(state) = filter.state {
            query = query.filter(webhook::Column::State.eq(state.word()));
        }
        if let Some(order_id) = &filter.order_id {
            query = query.filter(webhook::Column::OrderId.eq(order_id));
        }
        if let Some(after) = after {
            query = query.filter(webhook::Column::Id.lt(after));
        }
        let page = Page::cut(query.all(&self.db).await?, limit, |row| row.id.clone());
        let rows = page.rows.into_iter().map(read_row).collect::<Result<_, _>>()?;
        Ok(Page { rows, next: page.next })
    }
}

fn read_row(row: webhook::Model) -> Result<WebhookRow, StoreError> {
    let state = WebhookState::from_word(&row.state)
        .ok_or_else(|| rows::unreadable("webhooks", &row.id, "state", &row.state))?;
    Ok(WebhookRow {
        id: row.id,
        transmission_id: row.transmission_id,
        kind: row.kind,
        event: row.event,
        order_id: row.order_id,
        status: row.status,
        source: row.source,
        state,
        reason: row.reason,
        deliveries: row.deliveries,
        received_at_ms: row.received_at,
    })
}
