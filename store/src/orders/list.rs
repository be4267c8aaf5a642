//! Lists of orders for staff: newest first, by store, time and the customer's word.
//!
//! The word is derived and stored nowhere; [`has_status`] says the same in SQL, and a test compares the two for every word.

use domain::cancellation::CancellationState;
use domain::job::{JobKind, JobState};
use domain::limits::PAGE_ROWS_MAX;
use domain::order::OrderState;
use domain::payment::PaymentState;
use domain::role::{Role, Scope};
use domain::status::CustomerStatus;
use domain::{OrderId, StoreId};
use entities::{cancellation, job, order, payment};
use sea_orm::sea_query::{Expr, ExprTrait as _, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use super::{OrderDetail, detail};
use crate::connection::Store;
use crate::error::StoreError;
use crate::page::Page;

/// Which orders to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderFilter {
    /// Of the stores that the caller acts for.
    pub scope: Scope,
    /// Only of this store.
    pub store: Option<StoreId>,
    /// Only those that customers are told this of.
    pub status: Option<CustomerStatus>,
    /// Only those made then or later, in milliseconds UTC.
    pub from_ms: Option<i64>,
    /// Only those made before then, in milliseconds UTC.
    pub to_ms: Option<i64>,
}

impl OrderFilter {
    /// Every order of these stores.
    #[must_use]
    pub fn all(scope: Scope) -> OrderFilter {
        OrderFilter { scope, store: None, status: None, from_ms: None, to_ms: None }
    }
}

/// Why orders were not listed.
#[derive(Debug, thiserror::Error)]
pub enum ListOrdersError {
    /// `after` is nothing that a page named as its next.
    #[error("the cursor is none of ours")]
    UnknownCursor,
    /// The database failed, or a row cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for ListOrdersError {
    fn from(error: DbErr) -> ListOrdersError {
        ListOrdersError::Store(error.into())
    }
}

/// Where a page ended.
pub(super) struct Cursor {
    created_at: i64,
    id: OrderId,
}

impl Cursor {
    /// Where the page before ended, if there was one.
    pub(super) fn read(after: Option<&str>) -> Result<Option<Cursor>, ListOrdersError> {
        after.map(|text| Cursor::parse(text).ok_or(ListOrdersError::UnknownCursor)).transpose()
    }

    fn parse(text: &str) -> Option<Cursor> {
        let (created_at, id) = text.split_once('.')?;
        Some(Cursor { created_at: created_at.parse().ok()?, id: OrderId::parse(id).ok()? })
    }

    pub(super) fn of(row: &order::Model) -> String {
        format!("{}.{}", row.created_at, row.id)
    }
}

impl Store {
    /// Orders, newest first. `after` is the previous page's `next`; `limit` is held to `1 ..= PAGE_ROWS_MAX`. Orders made while
    /// somebody turns the pages are on none of the later ones; nothing is left out or comes twice.
    ///
    /// # Errors
    /// [`ListOrdersError`]: a wrong cursor is the caller's fault.
    pub async fn list_orders(
        &self,
        filter: &OrderFilter,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Page<OrderDetail>, ListOrdersError> {
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        let after = Cursor::read(after)?;
        let read = self.begin_read().await?;
        let rows = order::Entity::find()
            .filter(condition(filter, read.now_ms))
            .filter(older_than(after.as_ref()))
            .order_by_desc(order::Column::CreatedAt)
            .order_by_desc(order::Column::Id)
            .limit(limit.saturating_add(1))
            .all(&read.tx)
            .await?;
        let page = Page::cut(rows, limit, Cursor::of);
        let rows = detail::load(&read.tx, page.rows, read.now_ms).await?;
        read.end().await?;
        Ok(Page { rows, next: page.next })
    }
}

pub(super) fn older_than(after: Option<&Cursor>) -> Condition {
    let Some(after) = after else { return Condition::all() };
    // The first half alone bounds the walk through the index.
    Condition::all().add(order::Column::CreatedAt.lte(after.created_at)).add(
        Condition::any()
            .add(order::Column::CreatedAt.lt(after.created_at))
            .add(order::Column::Id.lt(after.id.as_str())),
    )
}

fn condition(filter: &OrderFilter, now_ms: i64) -> Condition {
    let mut all = Condition::all();
    match &filter.scope {
        Scope::Every => {}
        Scope::Stores(stores) => {
            all = all.add(order::Column::StoreId.is_in(stores.iter().map(StoreId::as_str)));
        }
    }
    if let Some(store) = &filter.store {
        all = all.add(order::Column::StoreId.eq(store.as_str()));
    }
    if let Some(from_ms) = filter.from_ms {
        all = all.add(order::Column::CreatedAt.gte(from_ms));
    }
    if let Some(to_ms) = filter.to_ms {
        all = all.add(order::Column::CreatedAt.lt(to_ms));
    }
    if let Some(status) = filter.status {
        all = all.add(has_status(status, now_ms));
    }
    all
}

/// The domain's `customer_view`, as a condition on an order. An order is paying exactly when it has a payment: one transaction makes
/// both true.
fn has_status(status: CustomerStatus, now_ms: i64) -> Condition {
    use PaymentState as P;
    let is = |state: OrderState| order::Column::State.eq(state.word());
    let all = Condition::all;
    match status {
        CustomerStatus::Closed => all().add(is(OrderState::Closed)),
        CustomerStatus::AwaitingPayment => {
            all().add(is(OrderState::Open)).add(order::Column::PayBy.gt(now_ms))
        }
        CustomerStatus::Expired => Condition::any()
            .add(is(OrderState::Lapsed))
            .add(all().add(is(OrderState::Open)).add(order::Column::PayBy.lte(now_ms)))
            .add(paid_as(&[P::Expired])),
        CustomerStatus::Confirming => {
            paid_as(&[P::Confirming]).add(Expr::exists(parked_confirm()).not())
        }
        CustomerStatus::Checking => Condition::any()
            .add(paid_as(&[P::ConfirmUnresolved]))
            .add(paid_as(&[P::Confirming]).add(Expr::exists(parked_confirm()))),
        CustomerStatus::WaitingForDeposit => paid_as(&[P::WaitingForDeposit]),
        CustomerStatus::Refunding => {
            paid_as(&[P::Confirmed, P::PartiallyCancelled]).add(Expr::exists(refund_under_way()))
        }
        CustomerStatus::Paid => {
            paid_as(&[P::Confirmed]).add(Expr::exists(refund_under_way()).not())
        }
        CustomerStatus::PartiallyCancelled => {
            paid_as(&[P::PartiallyCancelled]).add(Expr::exists(refund_under_way()).not())
        }
        CustomerStatus::Cancelled => paid_as(&[P::Cancelled]),
        CustomerStatus::Failed => paid_as(&[P::Failed]),
    }
}

/// Orders whose payment is in one of these states.
fn paid_as(states: &[PaymentState]) -> Condition {
    let mut payments = of_order(payment::Entity, (payment::Entity, payment::Column::OrderId));
    payments.and_where(payment::Column::State.is_in(states.iter().map(|state| state.word())));
    Condition::all()
        .add(order::Column::State.eq(OrderState::Paying.word()))
        .add(Expr::exists(payments))
}

fn parked_confirm() -> SelectStatement {
    let mut jobs = of_order(job::Entity, (job::Entity, job::Column::OrderId));
    jobs.and_where(job::Column::Kind.eq(JobKind::Confirm.word()))
        .and_where(job::Column::State.eq(JobState::Parked.word()));
    jobs
}

/// A cancellation that nobody of the staff asked for and that is still open: the money of a late approval.
fn refund_under_way() -> SelectStatement {
    let open = CancellationState::ALL.into_iter().filter(|state| state.is_open());
    let mut cancellations =
        of_order(cancellation::Entity, (cancellation::Entity, cancellation::Column::OrderId));
    cancellations
        .and_where(cancellation::Column::State.is_in(open.map(CancellationState::word)))
        .and_where(cancellation::Column::Role.is_not_in(Role::ALL.map(Role::word)));
    cancellations
}

/// `SELECT 1 FROM table WHERE its order = the order that is looked at`.
fn of_order<E: EntityTrait, C: ColumnTrait>(table: E, order_id: (E, C)) -> SelectStatement {
    Query::select()
        .expr(Expr::value(1))
        .from(table)
        .and_where(Expr::col(order_id).equals((order::Entity, order::Column::Id)))
        .take()
}
