//! Lists of orders for staff: newest first, by store, time, amount, the customer's word, and what people have in hand.

use domain::limits::PAGE_ROWS_MAX;
use domain::policy::ReviewReason;
use domain::role::Scope;
use domain::status::CustomerStatus;
use domain::{OrderId, StoreId, Won};
use entities::order;
use sea_orm::ConnectionTrait as _;

use super::{OrderDetail, detail, told};
use crate::connection::{Read, Store};
use crate::error::StoreError;
use crate::page::{BoundedCount, ListError, Mark, Page};
use crate::search::{self, SearchText};
use crate::sql::Sql;
use crate::walk::{Direction, Walk};

/// How many orders are looked at whose payment has to be looked at too: each of them costs several times as much as a row alone.
const ORDERS_WITH_PAYMENT_MAX: usize = 5_000;

/// Which orders to list. They fulfil every condition that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderFilter {
    /// Of the stores that the caller acts for.
    pub scope: Scope,
    /// Only of this store.
    pub store: Option<StoreId>,
    /// Only those that customers are told this of.
    pub status: Option<CustomerStatus>,
    /// Only those whose payment a person was asked to look at.
    pub review: Option<ReviewFilter>,
    /// Only those made then or later, in milliseconds UTC.
    pub from_ms: Option<i64>,
    /// Only those made before then, in milliseconds UTC.
    pub to_ms: Option<i64>,
    /// Only those of so much or more.
    pub amount_min: Option<Won>,
    /// Only those of so much or less.
    pub amount_max: Option<Won>,
    /// Only those that this finds.
    pub text: Option<SearchText>,
}

/// Payments that a person was asked to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewFilter {
    /// For any reason.
    Any,
    /// For this one.
    For(ReviewReason),
}

impl OrderFilter {
    /// Every order of these stores.
    #[must_use]
    pub fn all(scope: Scope) -> OrderFilter {
        OrderFilter {
            scope,
            store: None,
            status: None,
            review: None,
            from_ms: None,
            to_ms: None,
            amount_min: None,
            amount_max: None,
            text: None,
        }
    }

    fn walk(&self, read: &Read, after: Option<&Mark>, found: Option<&[String]>) -> Walk {
        let backend = read.tx.get_database_backend();
        let mut walk = Walk::new(backend, "orders", ("created_at", Direction::Down), after);
        if self.status.is_some() {
            walk = walk.looking_at_most(ORDERS_WITH_PAYMENT_MAX);
        }
        let stores = match &self.scope {
            Scope::Every => None,
            Scope::Stores(stores) => Some(stores.iter().map(StoreId::as_str)),
        };
        let in_scope = stores.is_none();
        match (found, &self.store, stores) {
            (Some(found), _, _) => walk
                .lead(|sql| format!("id IN ({})", sql.bind_all(found.iter().map(String::as_str)))),
            (None, Some(store), _) => {
                if self.scope.has(store) {
                    walk.lead(|sql| format!("store_id = {}", sql.bind(store.as_str())));
                }
            }
            (None, None, Some(stores)) => {
                for store in stores {
                    walk.lead(|sql| format!("store_id = {}", sql.bind(store)));
                }
            }
            (None, None, None) => walk.lead(|_| "TRUE".to_owned()),
        }
        if let Some(from_ms) = self.from_ms {
            walk.lead_all(|sql| format!("created_at >= {}", sql.bind(from_ms)));
        }
        if let Some(to_ms) = self.to_ms {
            walk.lead_all(|sql| format!("created_at < {}", sql.bind(to_ms)));
        }
        // Orders on their way to something are few, and found by indexes of their own; ended ones are met on the way.
        let by_status = self.status.map(|status| (status, told::has_status(status, read.now_ms)));
        if let Some((status, is_it)) = &by_status
            && told::is_rare(*status)
        {
            walk.lead_all(|_| is_it.clone());
        }
        // Few payments are in review at a time, and an index has just those.
        match self.review {
            None => {}
            Some(ReviewFilter::Any) => walk.lead_all(|sql| in_review(sql, "")),
            Some(ReviewFilter::For(reason)) => {
                walk.lead_all(|sql| {
                    in_review(sql, &format!(" AND review_reason = '{}'", reason.word()))
                });
            }
        }
        if found.is_some() {
            if let Some(store) = &self.store {
                walk.rest(|sql| format!("store_id = {}", sql.bind(store.as_str())));
            }
            if let (false, Scope::Stores(stores)) = (in_scope, &self.scope) {
                let stores = stores.iter().map(StoreId::as_str);
                walk.rest(|sql| format!("store_id IN ({})", sql.bind_all(stores)));
            }
        }
        if let Some((status, is_it)) = by_status
            && !told::is_rare(status)
        {
            walk.rest(|_| is_it);
        }
        let bounds = [("amount >=", self.amount_min), ("amount <=", self.amount_max)];
        for (text, bound) in bounds {
            if let Some(bound) = bound {
                walk.rest(|sql| format!("{text} {}", sql.bind(bound.get())));
            }
        }
        walk
    }

    async fn found(&self, read: &Read) -> Result<Option<Vec<String>>, StoreError> {
        match &self.text {
            Some(text) => Ok(Some(search::find_order_ids(&read.tx, &self.scope, text).await?.ids)),
            None => Ok(None),
        }
    }
}

fn in_review(sql: &Sql, and: &str) -> String {
    let select = format!("SELECT order_id FROM payments WHERE review_reason IS NOT NULL{and}");
    sql.one_of("orders.id", &select)
}

/// Where the page before ended, if there was one.
pub(super) fn read_mark(after: Option<&str>) -> Result<Option<Mark>, ListError> {
    Mark::read(after, |id| OrderId::parse(id).is_ok())
}

pub(super) fn mark(row: &order::Model) -> Mark {
    Mark { key: row.created_at, id: row.id.clone() }
}

impl Store {
    /// Orders, newest first. `after` is the previous page's `next`; `limit` is held to `1 ..= PAGE_ROWS_MAX`. Orders made while
    /// somebody turns the pages are on none of the later ones; nothing is left out or comes twice. A page may have fewer rows than asked
    /// for and not be the last: no page looks at more than a fixed number of orders.
    ///
    /// # Errors
    /// [`ListError`]: a wrong cursor is the caller's fault.
    pub async fn list_orders(
        &self,
        filter: &OrderFilter,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Page<OrderDetail>, ListError> {
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        let after = read_mark(after)?;
        let read = self.begin_read().await?;
        let found = filter.found(&read).await?;
        let walk = filter.walk(&read, after.as_ref(), found.as_deref());
        let page = walk.page::<order::Model>(&read.tx, limit, mark).await?;
        let rows = detail::load(&read.tx, page.rows, read.now_ms).await?;
        read.end().await?;
        Ok(Page { rows, next: page.next })
    }

    /// How many orders there are.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn count_orders(&self, filter: &OrderFilter) -> Result<BoundedCount, StoreError> {
        let read = self.begin_read().await?;
        let found = filter.found(&read).await?;
        let count = filter.walk(&read, None, found.as_deref()).count(&read.tx).await?;
        read.end().await?;
        Ok(count)
    }

    /// Whether a text may find more orders than [`crate::CANDIDATES_MAX`], so that lists by it lack some.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn is_search_cut(
        &self,
        scope: &Scope,
        text: &SearchText,
    ) -> Result<bool, StoreError> {
        Ok(search::find_order_ids(&self.db, scope, text).await?.is_cut)
    }
}
