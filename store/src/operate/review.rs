//! Closing a review: a person has dealt with what was asked. Nothing else of the payment changes.

use domain::OrderId;
use domain::action::check_close_review;
use domain::job::ActionRefusal;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait as _, DbErr, IntoActiveModel as _};

use super::offers::review_facts;
use super::{Actor, locked_payment};
use crate::audit;
use crate::connection::{Conflict, Store};
use crate::error::StoreError;

/// Why a review was not closed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum CloseReviewError {
    /// There is no such order, or nobody has tried to pay it.
    #[error("the order has no payment")]
    Unknown,
    /// The payment is not as it was looked at.
    #[error("the payment has changed")]
    Changed,
    /// The rules do not allow it now.
    #[error(transparent)]
    Refused(ActionRefusal),
    /// The database failed; repeating is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for CloseReviewError {
    fn from(error: DbErr) -> CloseReviewError {
        CloseReviewError::Store(error.into())
    }
}

impl Conflict for CloseReviewError {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            CloseReviewError::Store(error) => Some(error),
            CloseReviewError::Unknown
            | CloseReviewError::Changed
            | CloseReviewError::Refused(_) => None,
        }
    }
}

impl Store {
    /// Closes the review of an order's payment. `seen_version` is the payment's as the caller saw it: what they judged must still be so.
    ///
    /// # Errors
    /// [`CloseReviewError`] says why not. Of two callers at once, one gets [`ActionRefusal::NotInReview`].
    pub async fn close_review(
        &self,
        order_id: &OrderId,
        seen_version: i64,
        actor: &Actor,
        reason: &str,
    ) -> Result<(), CloseReviewError> {
        self.retried(|| self.close_review_once(order_id, seen_version, actor, reason)).await
    }

    async fn close_review_once(
        &self,
        order_id: &OrderId,
        seen_version: i64,
        actor: &Actor,
        reason: &str,
    ) -> Result<(), CloseReviewError> {
        let mut write = self.begin_write().await?;
        let payment = locked_payment(&write, order_id.as_str()).await?;
        let payment = payment.ok_or(CloseReviewError::Unknown)?;
        let facts = review_facts(&write.tx, &payment).await?;
        check_close_review(&facts).map_err(CloseReviewError::Refused)?;
        if payment.version != seen_version {
            return Err(CloseReviewError::Changed);
        }
        let detail = serde_json::json!({
            "reviewReason": payment.review_reason, "since": payment.review_since, "state": payment.state,
        });
        let store_id = Some(payment.store_id.as_str());
        let (subject, why) = (order_id.as_str(), Some(reason));
        audit::record(&write, actor, "review.close", subject, store_id, why, Some(detail)).await?;
        let (version, now_ms) = (payment.version, write.now_ms);
        let mut row = payment.into_active_model();
        row.review_reason = Set(None);
        row.review_since = Set(None);
        row.version = Set(version.saturating_add(1));
        row.updated_at = Set(now_ms);
        row.update(&write.tx).await?;
        write.raise_order_version(order_id.as_str());
        Ok(write.commit().await?)
    }
}
