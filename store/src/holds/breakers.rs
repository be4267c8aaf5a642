//! A merchant's breaker: what opens it, and how its one probe closes it or leaves it open.

use domain::breaker::OPEN_MS;
use domain::job::JobState;
use entities::{breaker, job};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QuerySelect as _,
};

use super::OPEN;
use crate::connection::Store;
use crate::error::StoreError;
use crate::gate::BREAKER_OPEN;

const CLOSED: &str = "closed";

impl Store {
    /// Opens a merchant's breaker: `code` is what the last of the failed calls brought. An open one stays as it is.
    ///
    /// # Errors
    /// [`StoreError::Database`]; nothing was changed then.
    pub async fn open_breaker(&self, merchant: &str, code: &str) -> Result<(), StoreError> {
        self.retried(|| self.open_breaker_once(merchant, code)).await
    }

    async fn open_breaker_once(&self, merchant: &str, code: &str) -> Result<(), StoreError> {
        let write = self.begin_write().await?;
        let row = breaker::ActiveModel {
            merchant: Set(merchant.to_owned()),
            state: Set(CLOSED.to_owned()),
            openings: Set(0),
            probe_at: Set(0),
            probe_job_id: Set(None),
            probe_claim: Set(None),
            last_code: Set(None),
            changed_at: Set(write.now_ms),
        };
        breaker::Entity::insert(row)
            .on_conflict_do_nothing()
            .exec_without_returning(&write.tx)
            .await?;
        let opened = breaker::Entity::update_many()
            .col_expr(breaker::Column::State, Expr::value(OPEN))
            .col_expr(breaker::Column::Openings, Expr::value(1))
            .col_expr(breaker::Column::ProbeAt, Expr::value(write.now_ms.saturating_add(OPEN_MS)))
            .col_expr(breaker::Column::ProbeJobId, Expr::value(Option::<String>::None))
            .col_expr(breaker::Column::ProbeClaim, Expr::value(Option::<i64>::None))
            .col_expr(breaker::Column::LastCode, Expr::value(code))
            .col_expr(breaker::Column::ChangedAt, Expr::value(write.now_ms))
            .filter(breaker::Column::Merchant.eq(merchant))
            .filter(breaker::Column::State.eq(CLOSED))
            .exec(&write.tx)
            .await?;
        write.commit().await?;
        if opened.rows_affected > 0 {
            tracing::error!(
                merchant,
                code,
                alert = "breaker_open",
                "Toss does not answer: confirms and cancels wait"
            );
        }
        Ok(())
    }

    /// Tells a merchant's breaker how its probe ended: an answer closes it and releases what waits, a failure with this code leaves it open.
    ///
    /// # Errors
    /// [`StoreError::Database`]; the probe counts as under way until its lease is over.
    pub async fn end_probe(
        &self,
        merchant: &str,
        job_id: &str,
        failure_code: Option<&str>,
    ) -> Result<(), StoreError> {
        let is_closed =
            self.retried(|| self.end_probe_once(merchant, job_id, failure_code)).await?;
        if is_closed {
            tracing::info!(merchant, "Toss answers again: confirms and cancels go on");
            self.release_held(merchant, BREAKER_OPEN).await?;
        }
        Ok(())
    }

    async fn end_probe_once(
        &self,
        merchant: &str,
        job_id: &str,
        failure_code: Option<&str>,
    ) -> Result<bool, StoreError> {
        let write = self.begin_write().await?;
        let Some(row) = breaker::Entity::find_by_id(merchant)
            .filter(breaker::Column::ProbeJobId.eq(job_id))
            .lock_exclusive()
            .one(&write.tx)
            .await?
        else {
            return Ok(false);
        };
        let openings = row.openings;
        let mut row = row.into_active_model();
        row.probe_job_id = Set(None);
        row.probe_claim = Set(None);
        row.changed_at = Set(write.now_ms);
        match failure_code {
            Some(code) => {
                row.openings = Set(openings.saturating_add(1));
                row.probe_at = Set(write.now_ms.saturating_add(OPEN_MS));
                row.last_code = Set(Some(code.to_owned()));
            }
            None => {
                row.state = Set(CLOSED.to_owned());
                row.openings = Set(0);
            }
        }
        row.update(&write.tx).await?;
        write.commit().await?;
        Ok(failure_code.is_none())
    }
}

/// Whether the breaker's probe is being made.
pub(crate) async fn is_probing(
    connection: &impl sea_orm::ConnectionTrait,
    row: &breaker::Model,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let (Some(job_id), Some(claim)) = (&row.probe_job_id, row.probe_claim) else {
        return Ok(false);
    };
    // One whose worker died ends with its lease.
    let running = job::Entity::find_by_id(job_id.as_str())
        .filter(job::Column::Claims.eq(claim))
        .filter(job::Column::State.eq(JobState::Running.word()))
        .filter(job::Column::DueAt.gt(now_ms))
        .one(connection)
        .await?;
    Ok(running.is_some())
}
