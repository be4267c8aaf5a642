//! Closing an order that nobody has paid.

use domain::OrderId;
use domain::order::{NotPayable, OrderState};
use entities::order;
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait as _, DbErr, EntityTrait as _, IntoActiveModel as _, QuerySelect as _,
};

use super::{OrderDetail, detail};
use crate::audit;
use crate::connection::{Conflict, Store};
use crate::error::StoreError;
use crate::operate::Actor;
use crate::rows;

/// Why an order was not closed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum CloseOrderError {
    /// There is no such order.
    #[error("the order is unknown")]
    UnknownOrder,
    /// It has a payment: what was paid can be cancelled, but the order cannot be closed.
    #[error("the order has a payment already")]
    HasPayment,
    /// Its time passed by itself.
    #[error("the time to pay the order has passed")]
    Lapsed,
    /// The database failed; repeating is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for CloseOrderError {
    fn from(error: DbErr) -> CloseOrderError {
        CloseOrderError::Store(error.into())
    }
}

impl Conflict for CloseOrderError {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            CloseOrderError::Store(error) => Some(error),
            CloseOrderError::UnknownOrder
            | CloseOrderError::HasPayment
            | CloseOrderError::Lapsed => None,
        }
    }
}

impl Store {
    /// Closes an order that may still be paid, so that no confirm is accepted any more. Closing it again finds it closed. `actor` is
    /// the member of staff who does it, for the audit; `None` is the customer.
    ///
    /// # Errors
    /// [`CloseOrderError`] says why not; nothing was changed then.
    pub async fn close_order(
        &self,
        id: &OrderId,
        actor: Option<&Actor>,
    ) -> Result<OrderDetail, CloseOrderError> {
        self.retried(|| self.close_order_once(id, actor)).await
    }

    async fn close_order_once(
        &self,
        id: &OrderId,
        actor: Option<&Actor>,
    ) -> Result<OrderDetail, CloseOrderError> {
        let mut write = self.begin_write().await?;
        // A confirm that is being accepted holds the same lock, or writes the order only as it read it: one of the two finds what the other did.
        let found = order::Entity::find_by_id(id.as_str()).lock_exclusive().one(&write.tx).await?;
        let mut row = found.ok_or(CloseOrderError::UnknownOrder)?;
        let is_open = match rows::order_state(&row)?.check_payable(row.pay_by, write.now_ms) {
            Ok(()) => true,
            Err(NotPayable::Closed) => false,
            Err(NotPayable::HasPayment) => return Err(CloseOrderError::HasPayment),
            Err(NotPayable::Lapsed) => return Err(CloseOrderError::Lapsed),
        };
        if is_open {
            let version = row.version.saturating_add(1);
            let mut changed = row.into_active_model();
            changed.state = Set(OrderState::Closed.word().to_owned());
            changed.version = Set(version);
            changed.updated_at = Set(write.now_ms);
            row = changed.update(&write.tx).await?;
            if let Some(actor) = actor {
                audit::record(
                    &write,
                    actor,
                    "order.close",
                    &row.id,
                    Some(&row.store_id),
                    None,
                    None,
                )
                .await?;
            }
            write.changes(&row.id);
        }
        let closed = detail::load(&write.tx, vec![row], write.now_ms).await?.pop();
        let closed = closed.ok_or_else(|| DbErr::RecordNotFound(format!("order {id}")))?;
        write.commit().await?;
        Ok(closed)
    }
}
