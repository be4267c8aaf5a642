//! The list of findings, newest first.

use domain::StoreId;
use domain::limits::PAGE_ROWS_MAX;
use domain::reconcile::FindingKind;
use domain::role::Scope;
use entities::finding;
use sea_orm::DbBackend;

use super::{CLOSED, Finding, OPEN, read};
use crate::connection::Store;
use crate::page::{ListError, Mark, Page, stores_of};
use crate::search::{self, SearchText};
use crate::walk::{Direction, Walk};

/// Which findings to list. Without any condition: all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FindingFilter {
    /// Only of this merchant.
    pub merchant: Option<String>,
    /// Only of this kind.
    pub kind: Option<FindingKind>,
    /// Only open ones, or only closed ones.
    pub is_open: Option<bool>,
    /// Only those that a run saw then or later, in milliseconds UTC.
    pub seen_from_ms: Option<i64>,
    /// Only those of orders that this finds, or whose payment key begins so.
    pub text: Option<SearchText>,
    /// Only those of orders of these stores: see [`FindingFilter::within`].
    pub stores: Option<Vec<StoreId>>,
}

impl FindingFilter {
    /// The same within what somebody may see who acts for these stores: findings of their orders.
    #[must_use]
    pub fn within(self, scope: &Scope) -> FindingFilter {
        FindingFilter { stores: stores_of(scope), ..self }
    }

    fn walk(&self, backend: DbBackend, after: Option<&Mark>, orders: &[String]) -> Walk {
        let mut walk = Walk::new(backend, "findings", ("first_seen_at", Direction::Down), after);
        let states = [(true, OPEN), (false, CLOSED)];
        let wanted = states.iter().filter(|(open, _)| self.is_open.is_none_or(|one| one == *open));
        for (_, state) in wanted {
            walk.lead(|_| format!("state = '{state}'"));
        }
        if let Some(merchant) = &self.merchant {
            walk.rest(|sql| format!("merchant = {}", sql.bind(merchant.as_str())));
        }
        if let Some(kind) = self.kind {
            walk.rest(|_| format!("kind = '{}'", kind.word()));
        }
        if let Some(from_ms) = self.seen_from_ms {
            walk.rest(|sql| format!("last_seen_at >= {}", sql.bind(from_ms)));
        }
        if let Some(text) = &self.text {
            walk.rest(|sql| {
                let orders = sql.bind_all(orders.iter().map(String::as_str));
                let key = sql.begins_with("payment_key", text.as_str());
                format!("(order_id IN ({orders}) OR ({key}))")
            });
        }
        if let Some(stores) = &self.stores {
            walk.rest(|sql| {
                let stores = sql.bind_all(stores.iter().map(StoreId::as_str));
                format!(
                    "EXISTS (SELECT 1 FROM orders WHERE orders.id = findings.order_id AND orders.store_id IN ({stores}))"
                )
            });
        }
        walk
    }
}

impl Store {
    /// Findings, newest first. `after` is the previous page's `next`; `limit` is held to `1 ..= PAGE_ROWS_MAX`. A page may have fewer rows
    /// than asked for and not be the last.
    ///
    /// # Errors
    /// [`ListError`]: a wrong cursor is the caller's fault.
    pub async fn list_findings(
        &self,
        filter: &FindingFilter,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Page<Finding>, ListError> {
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        let after = Mark::read(after, |id| !id.is_empty())?;
        let orders = match &filter.text {
            Some(text) => {
                let scope = filter.stores.clone().map_or(Scope::Every, Scope::Stores);
                search::find_order_ids(&self.db, &scope, text).await?.ids
            }
            None => Vec::new(),
        };
        let walk = filter.walk(self.db.get_database_backend(), after.as_ref(), &orders);
        let mark = |row: &finding::Model| Mark { key: row.first_seen_at, id: row.id.clone() };
        let page = walk.page::<finding::Model>(&self.db, limit, mark).await?;
        Ok(page.try_map(read)?)
    }
}
