//! Orders that nobody paid in time.

use domain::order::OrderState;
use entities::order;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::connection::Store;
use crate::error::StoreError;
use crate::sql::word;

impl Store {
    /// Marks open orders whose time to pay has passed as lapsed, at most `limit` of them, and returns how many. A confirm that is being
    /// accepted at the same moment wins or loses as a whole.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing was changed then.
    pub async fn lapse_orders(&self, limit: u64) -> Result<usize, StoreError> {
        let now_ms = self.now_ms().await?;
        let overdue = order::Entity::find()
            .filter(Expr::col(order::Column::State).eq(word(OrderState::Open.word())))
            .filter(order::Column::PayBy.lte(now_ms))
            .order_by_asc(order::Column::PayBy)
            .limit(limit)
            .all(&self.db)
            .await?;
        if overdue.is_empty() {
            return Ok(0);
        }
        let mut write = self.begin_write().await?;
        let lapsed = order::Entity::update_many()
            .col_expr(order::Column::State, Expr::value(OrderState::Lapsed.word()))
            .col_expr(order::Column::Version, Expr::col(order::Column::Version).add(1))
            .col_expr(order::Column::UpdatedAt, Expr::value(write.now_ms))
            .filter(order::Column::Id.is_in(overdue.iter().map(|order| order.id.as_str())))
            // Somebody may have paid or closed it since it was read.
            .filter(order::Column::State.eq(OrderState::Open.word()))
            .exec_with_returning(&write.tx)
            .await?;
        for order in &lapsed {
            write.changes(&order.id);
        }
        write.commit().await?;
        Ok(lapsed.len())
    }
}
