//! Leases of claimed jobs: renewed by their worker, all in one statement. How one begins is in `claim`.

use domain::job::JobState;
use domain::limits;
use entities::job;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::connection::Store;
use crate::error::StoreError;

impl Store {
    /// Renews the leases of everything that a worker holds, in one statement, and tells which it still holds.
    ///
    /// # Errors
    /// [`StoreError::Database`]; the leases run on as they were.
    pub async fn renew_leases(&self, held: &[(String, i64)]) -> Result<Vec<String>, StoreError> {
        if held.is_empty() {
            return Ok(Vec::new());
        }
        self.retried(|| self.renew_leases_once(held)).await
    }

    async fn renew_leases_once(&self, held: &[(String, i64)]) -> Result<Vec<String>, StoreError> {
        let write = self.begin_write().await?;
        let mut ours = sea_orm::Condition::any();
        for (id, claim) in held {
            ours = ours.add(job::Column::Id.eq(id).and(job::Column::Claims.eq(*claim)));
        }
        // Locked in the order in which answers are settled, so that the two never wait for each other in a circle.
        let renewed: Vec<String> = job::Entity::find()
            .filter(ours)
            .filter(job::Column::State.eq(JobState::Running.word()))
            .order_by_asc(job::Column::OrderId)
            .order_by_asc(job::Column::Id)
            .lock_exclusive()
            .all(&write.tx)
            .await?
            .into_iter()
            .map(|row| row.id)
            .collect();
        job::Entity::update_many()
            .col_expr(
                job::Column::DueAt,
                Expr::value(write.now_ms.saturating_add(limits::LEASE_MS)),
            )
            .filter(job::Column::Id.is_in(&renewed))
            .exec(&write.tx)
            .await?;
        crash::point!("dispatch 11", "leases are renewed", "the commit");
        write.commit().await?;
        crash::point!("dispatch 12", "leases are renewed and that is committed", "the answers");
        Ok(renewed)
    }
}
