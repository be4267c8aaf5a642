//! What was held back goes on when its hold ends.

use domain::job::JobState;
use entities::job;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::connection::Store;
use crate::error::StoreError;

/// How many jobs that were held back are released in one transaction.
const RELEASE_BATCH_MAX: u64 = 500;

impl Store {
    /// Makes what was put off with this code due, batch by batch, oldest first.
    pub(super) async fn release_held(&self, merchant: &str, code: &str) -> Result<(), StoreError> {
        loop {
            let released = self.retried(|| self.release_batch(merchant, code)).await?;
            if released < RELEASE_BATCH_MAX {
                return Ok(());
            }
        }
    }

    async fn release_batch(&self, merchant: &str, code: &str) -> Result<u64, StoreError> {
        let write = self.begin_write().await?;
        let held: Vec<String> = job::Entity::find()
            .select_only()
            .column(job::Column::Id)
            .filter(job::Column::State.eq(JobState::Waiting.word()))
            .filter(job::Column::DueAt.gt(write.now_ms))
            .filter(job::Column::Merchant.eq(merchant))
            .filter(job::Column::LastCode.eq(code))
            .order_by_asc(job::Column::DueAt)
            .limit(RELEASE_BATCH_MAX)
            .into_tuple()
            .all(&write.tx)
            .await?;
        let released = job::Entity::update_many()
            .col_expr(job::Column::DueAt, Expr::value(write.now_ms))
            .filter(job::Column::Id.is_in(&held))
            .filter(job::Column::State.eq(JobState::Waiting.word()))
            .filter(job::Column::LastCode.eq(code))
            .exec(&write.tx)
            .await?;
        write.commit().await?;
        // What somebody else changed meanwhile is not there to be found again.
        Ok(released.rows_affected)
    }
}
