//! The list of webhooks, newest first.

use domain::StoreId;
use domain::limits::PAGE_ROWS_MAX;
use domain::role::Scope;
use domain::webhook::WebhookState;
use entities::webhook;
use sea_orm::DbBackend;

use crate::connection::Store;
use crate::error::StoreError;
use crate::page::{ListError, Mark, Page, stores_of};
use crate::rows;
use crate::search::{self, SearchText};
use crate::walk::{Direction, Walk};

/// Which webhooks to list. Without any condition: all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebhookFilter {
    /// Only those that stand so.
    pub state: Option<WebhookState>,
    /// Only those that name this order.
    pub order_id: Option<String>,
    /// Only those that name an order that this finds.
    pub text: Option<SearchText>,
    /// Only those that came then or later, in milliseconds UTC.
    pub from_ms: Option<i64>,
    /// Only those that came before then, in milliseconds UTC.
    pub to_ms: Option<i64>,
    /// Only those of payments of these stores: see [`WebhookFilter::within`].
    pub stores: Option<Vec<StoreId>>,
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

impl WebhookFilter {
    /// The same within what somebody may see who acts for these stores: webhooks of their payments.
    #[must_use]
    pub fn within(self, scope: &Scope) -> WebhookFilter {
        WebhookFilter { stores: stores_of(scope), ..self }
    }

    fn walk(&self, backend: DbBackend, after: Option<&Mark>, orders: Option<&[String]>) -> Walk {
        let mut walk = Walk::new(backend, "webhooks", ("received_at", Direction::Down), after);
        let state = self.state.map(|state| format!("state = '{}'", state.word()));
        match (&self.order_id, orders) {
            (Some(order_id), _) => {
                walk.lead(|sql| format!("order_id = {}", sql.bind(order_id.as_str())));
            }
            (None, Some(orders)) => walk.lead(|sql| {
                format!("order_id IN ({})", sql.bind_all(orders.iter().map(String::as_str)))
            }),
            (None, None) => walk.lead(|_| state.clone().unwrap_or_else(|| "TRUE".to_owned())),
        }
        for (text, bound) in [("received_at >=", self.from_ms), ("received_at <", self.to_ms)] {
            if let Some(bound) = bound {
                walk.lead_all(|sql| format!("{text} {}", sql.bind(bound)));
            }
        }
        if let (Some(state), true) = (state, self.order_id.is_some() || orders.is_some()) {
            walk.rest(|_| state);
        }
        if let Some(stores) = &self.stores {
            walk.rest(|sql| {
                let stores = sql.bind_all(stores.iter().map(StoreId::as_str));
                format!(
                    "has_payment AND EXISTS (SELECT 1 FROM payments WHERE payments.order_id = webhooks.order_id \
                     AND payments.store_id IN ({stores}))"
                )
            });
        }
        walk
    }
}

impl Store {
    /// The webhooks, newest first. `after` is the previous page's `next`; `limit` is held to `1 ..= PAGE_ROWS_MAX`. A page may have fewer
    /// rows than asked for and not be the last.
    ///
    /// # Errors
    /// [`ListError`]: a wrong cursor is the caller's fault.
    pub async fn list_webhooks(
        &self,
        filter: &WebhookFilter,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Page<WebhookRow>, ListError> {
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        let after = Mark::read(after, |id| !id.is_empty())?;
        let orders = match &filter.text {
            Some(text) => {
                let scope = filter.stores.clone().map_or(Scope::Every, Scope::Stores);
                let mut ids = search::find_order_ids(&self.db, &scope, text).await?.ids;
                // A webhook may name an order that there is not.
                ids.push(text.as_str().to_owned());
                Some(ids)
            }
            None => None,
        };
        let walk = filter.walk(self.db.get_database_backend(), after.as_ref(), orders.as_deref());
        let mark = |row: &webhook::Model| Mark { key: row.received_at, id: row.id.clone() };
        let page = walk.page::<webhook::Model>(&self.db, limit, mark).await?;
        Ok(page.try_map(read_row)?)
    }
}

pub(crate) fn read_row(row: webhook::Model) -> Result<WebhookRow, StoreError> {
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
