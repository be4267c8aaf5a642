//! Erasing a customer: the personal data of an order is blanked, and what the law wants kept stays.
//!
//! Blanked are who ordered and where it went, the account that was issued to them, Toss's webhooks and answers, and the hash that repeated requests
//! are compared by: it covers the form, and whoever knows the rest of a form finds a phone number behind a hash by trying. The order,
//! its amounts and lines, its payment, its cancellations and the audit stay. Nothing comes back later: see `Scene::is_erased`.

use domain::OrderId;
use domain::retention::{EraseRefusal, check_erase};
use entities::{attempt, idempotency_key, order, payment, webhook};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, DbErr, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QuerySelect as _,
};

use super::list::{mark, read_mark};
use crate::activity::observe;
use crate::audit;
use crate::connection::{Conflict, Store, Write};
use crate::error::StoreError;
use crate::operate::Actor;
use crate::page::{ListError, Page};
use crate::rows;
use crate::walk::{Direction, Walk};

/// What stands in the place of a fingerprint, which no request can have: a repeat of the erased one finds its key used.
const NO_FINGERPRINT: &str = "erased";

/// How somebody names a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomerContact {
    /// By e-mail address; upper and lower case are the same.
    Email(String),
    /// By phone number: digits, as orders keep it.
    Phone(String),
}

impl CustomerContact {
    fn is_of(&self, order: &order::Model) -> bool {
        match self {
            CustomerContact::Email(email) => {
                order.customer_email.as_ref().is_some_and(|known| known.eq_ignore_ascii_case(email))
            }
            CustomerContact::Phone(phone) => order.customer_phone == *phone,
        }
    }
}

/// What became of an order's personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erased {
    /// It is blanked now.
    Now,
    /// It was blanked before; nothing was changed.
    Before,
}

/// Why an order was not erased. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// There is no such order.
    #[error("the order is unknown")]
    UnknownOrder,
    /// It is not finished.
    #[error(transparent)]
    Refused(EraseRefusal),
    /// The database failed; repeating is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for EraseError {
    fn from(error: DbErr) -> EraseError {
        EraseError::Store(error.into())
    }
}

impl Conflict for EraseError {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            EraseError::Store(error) => Some(error),
            EraseError::UnknownOrder | EraseError::Refused(_) => None,
        }
    }
}

impl Store {
    /// Looks through `limit` orders, newest first, and returns those of a customer that are not erased. `after` is the previous page's
    /// `next`; a page may be empty and not the last.
    ///
    /// There is no index: erasing is rare, and every order would pay for one.
    ///
    /// # Errors
    /// [`ListError`]: a wrong cursor is the caller's fault.
    pub async fn list_orders_of_customer(
        &self,
        contact: &CustomerContact,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Page<OrderId>, ListError> {
        let after = read_mark(after)?;
        let backend = self.db.get_database_backend();
        let newest_first = ("created_at", Direction::Down);
        let mut walk = Walk::new(backend, "orders", newest_first, after.as_ref());
        walk.lead(|_| "TRUE".to_owned());
        let page = walk.page::<order::Model>(&self.db, limit, mark).await?;
        let theirs = page.rows.iter().filter(|row| row.erased_at.is_none() && contact.is_of(row));
        let ids = theirs.map(|row| {
            OrderId::parse(row.id.as_str())
                .map_err(|_| rows::unreadable("orders", &row.id, "id", &row.id))
        });
        Ok(Page { rows: ids.collect::<Result<_, _>>()?, next: page.next })
    }

    /// Whether [`Store::erase_order`] would erase the order now; changes nothing.
    ///
    /// # Errors
    /// [`EraseError`] says why it would not.
    pub async fn check_erase_order(&self, id: &OrderId) -> Result<Erased, EraseError> {
        let write = self.begin_write().await?;
        let order = find_erasable(&write, id).await?;
        Ok(if order.is_some() { Erased::Now } else { Erased::Before })
    }

    /// Blanks the personal data of an order that is finished, for good. `reason` is who asked for it, in words that name nobody.
    ///
    /// # Errors
    /// [`EraseError`] says why not; nothing was changed then.
    pub async fn erase_order(
        &self,
        id: &OrderId,
        actor: &Actor,
        reason: &str,
    ) -> Result<Erased, EraseError> {
        self.retried(|| self.erase_order_once(id, actor, reason)).await
    }

    async fn erase_order_once(
        &self,
        id: &OrderId,
        actor: &Actor,
        reason: &str,
    ) -> Result<Erased, EraseError> {
        let mut write = self.begin_write().await?;
        let Some(order) = find_erasable(&write, id).await? else { return Ok(Erased::Before) };
        blank_fingerprints(&write, &order).await?;
        blank_payment(&write, &order.id).await?;
        let store_id = Some(order.store_id.as_str());
        audit::record(&write, actor, "order.erase", &order.id, store_id, Some(reason), None)
            .await?;
        blank_order(&write, order).await?;
        write.changes(id.as_str());
        write.commit().await?;
        Ok(Erased::Now)
    }
}

/// Takes the order and its payment; `None` when it was erased before.
async fn find_erasable(
    write: &Write<'_>,
    id: &OrderId,
) -> Result<Option<order::Model>, EraseError> {
    let found = order::Entity::find_by_id(id.as_str()).lock_exclusive().one(&write.tx).await?;
    let order = found.ok_or(EraseError::UnknownOrder)?;
    if order.erased_at.is_some() {
        return Ok(None);
    }
    let payment = payment::Entity::find_by_id(id.as_str()).lock_exclusive().one(&write.tx).await?;
    let observed = observe(&write.tx, payment.as_slice()).await?;
    let activity = observed.first().map(|observed| &observed.activity);
    check_erase(rows::order_state(&order)?, order.pay_by, write.now_ms, activity)
        .map_err(EraseError::Refused)?;
    Ok(Some(order))
}

async fn blank_order(write: &Write<'_>, order: order::Model) -> Result<(), StoreError> {
    let version = order.version.saturating_add(1);
    let mut blank = order.into_active_model();
    blank.customer_name = Set(String::new());
    blank.customer_email = Set(None);
    blank.customer_phone = Set(String::new());
    blank.address = Set(String::new());
    blank.address_detail = Set(None);
    blank.note = Set(None);
    blank.customer_key = Set(None);
    blank.erased_at = Set(Some(write.now_ms));
    blank.version = Set(version);
    blank.updated_at = Set(write.now_ms);
    blank.update(&write.tx).await?;
    Ok(())
}

/// The account that was issued to the customer, Toss's webhooks and its answers: those are kept redacted, and go nevertheless.
async fn blank_payment(write: &Write<'_>, order_id: &str) -> Result<(), StoreError> {
    let nothing = || Expr::value(Option::<String>::None);
    payment::Entity::update_many()
        .col_expr(payment::Column::AccountNumber, nothing())
        .col_expr(payment::Column::AccountHolder, nothing())
        .col_expr(payment::Column::CustomerKey, nothing())
        .col_expr(payment::Column::CardNumber, nothing())
        .col_expr(payment::Column::Raw, nothing())
        .col_expr(payment::Column::Version, Expr::col(payment::Column::Version).add(1))
        .col_expr(payment::Column::UpdatedAt, Expr::value(write.now_ms))
        .filter(payment::Column::OrderId.eq(order_id))
        .exec(&write.tx)
        .await?;
    webhook::Entity::update_many()
        .col_expr(webhook::Column::Body, Expr::value(String::new()))
        .filter(webhook::Column::OrderId.eq(order_id))
        .exec(&write.tx)
        .await?;
    attempt::Entity::update_many()
        .col_expr(attempt::Column::Answer, nothing())
        .filter(attempt::Column::OrderId.eq(order_id))
        .exec(&write.tx)
        .await?;
    Ok(())
}

/// The key that made the order was first used in the transaction that made it, and is found by that.
async fn blank_fingerprints(write: &Write<'_>, order: &order::Model) -> Result<(), StoreError> {
    idempotency_key::Entity::update_many()
        .col_expr(idempotency_key::Column::Fingerprint, Expr::value(NO_FINGERPRINT))
        .filter(idempotency_key::Column::CreatedAt.eq(order.created_at))
        .filter(idempotency_key::Column::Subject.eq(&order.id))
        .exec(&write.tx)
        .await?;
    Ok(())
}
