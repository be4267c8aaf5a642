//! Leases of claimed jobs: renewed by their worker, all in one statement. How one begins is in `claim`.

use std::collections::HashMap;

use domain::job::JobState;
use domain::limits;
use entities::job;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::connection::Store;
use crate::error::StoreError;
use crate::sql::is_one_of;

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
        let claims: HashMap<&str, i64> =
            held.iter().map(|(id, claim)| (id.as_str(), *claim)).collect();
        // Locked in the order in which answers are settled, so that the two never wait for each other in a circle.
        let running: Vec<(String, i64)> = job::Entity::find()
            .select_only()
            .column(job::Column::Id)
            .column(job::Column::Claims)
            .filter(is_one_of(&write.tx, job::Column::Id, claims.keys().copied()))
            .filter(job::Column::State.eq(JobState::Running.word()))
            .order_by_asc(job::Column::OrderId)
            .order_by_asc(job::Column::Id)
            .lock_exclusive()
            .into_tuple()
            .all(&write.tx)
            .await?;
        let ours = running.into_iter().filter(|(id, claim)| claims.get(id.as_str()) == Some(claim));
        let renewed: Vec<String> = ours.map(|(id, _)| id).collect();
        job::Entity::update_many()
            .col_expr(
                job::Column::DueAt,
                Expr::value(write.now_ms.saturating_add(limits::LEASE_MS)),
            )
            .filter(is_one_of(&write.tx, job::Column::Id, &renewed))
            .exec(&write.tx)
            .await?;
        crash::point!("dispatch 8", "leases are renewed", "the commit");
        write.commit().await?;
        crash::point!("dispatch 9", "leases are renewed and that is committed", "the answers");
        Ok(renewed)
    }
}
