//! Our side of the comparison: payments by Toss's names of them, and what we have on record within a time.

use std::collections::HashMap;

use domain::cancellation::CancellationState;
use domain::job::{JobKind, JobState};
use domain::limits::PAGE_ROWS_MAX;
use domain::payment::PaymentState;
use domain::reconcile::{OurCancel, OurPayment, Range};
use entities::{cancellation, job, payment};
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, JoinType, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use crate::connection::Store;
use crate::error::StoreError;
use crate::page::Page;
use crate::rows;
use crate::settle::TOSS;

/// A charge or a cancel that we have on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OurRecord {
    /// Whose money it is.
    pub order_id: String,
    /// Toss's name of the payment.
    pub payment_key: String,
    /// Toss's key of the cancel; `None` for the charge.
    pub transaction_key: Option<String>,
    /// When, by Toss, in milliseconds UTC.
    pub at_ms: i64,
}

/// Where a page ended: an instant, and the id of the row.
struct Cursor(i64, String);

impl Cursor {
    /// `None` before the first page, and for a text that no page named: then it is the first again.
    fn parse(after: Option<&str>) -> Option<Cursor> {
        let (at_ms, id) = after?.split_once('.')?;
        Some(Cursor(at_ms.parse().ok()?, id.to_owned()))
    }

    /// Rows behind it, in the order of these two columns.
    fn condition<C: sea_orm::ColumnTrait>(after: Option<&str>, at: C, id: C) -> Condition {
        let Some(Cursor(at_ms, last)) = Cursor::parse(after) else { return Condition::all() };
        Condition::any().add(at.gt(at_ms)).add(Condition::all().add(at.eq(at_ms)).add(id.gt(last)))
    }
}

/// States in which the money was taken, whatever was given back.
const CHARGED: [PaymentState; 3] =
    [PaymentState::Confirmed, PaymentState::PartiallyCancelled, PaymentState::Cancelled];

impl Store {
    /// Our payments with these keys of a merchant, each with its cancellations. Of one key there may be several: others than the first
    /// failed.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or a row cannot be read.
    pub async fn find_our_payments(
        &self,
        merchant: &str,
        payment_keys: &[&str],
    ) -> Result<HashMap<String, Vec<OurPayment>>, StoreError> {
        let read = self.begin_read().await?;
        let payments = payment::Entity::find()
            .filter(payment::Column::PaymentKey.is_in(payment_keys.iter().copied()))
            .filter(payment::Column::Merchant.eq(merchant))
            .order_by_asc(payment::Column::OrderId)
            .all(&read.tx)
            .await?;
        let orders = payments.iter().map(|row| row.order_id.as_str());
        let cancels = cancellation::Entity::find()
            .filter(cancellation::Column::OrderId.is_in(orders))
            .order_by_asc(cancellation::Column::Id)
            .all(&read.tx)
            .await?;
        read.end().await?;
        let mut by_order: HashMap<String, Vec<OurCancel>> = HashMap::new();
        for row in &cancels {
            by_order.entry(row.order_id.clone()).or_default().push(our_cancel(row)?);
        }
        let mut found: HashMap<String, Vec<OurPayment>> = HashMap::new();
        for row in &payments {
            let cancels = by_order.remove(&row.order_id).unwrap_or_default();
            let ours = our_payment(row, cancels)?;
            found.entry(row.payment_key.clone()).or_default().push(ours);
        }
        for alike in found.values_mut() {
            alike.sort_by_key(|payment| !payment.is_charged());
        }
        Ok(found)
    }

    /// Charges that a merchant has on record within a time, in its order. `after` is the previous page's `next`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_our_charges(
        &self,
        merchant: &str,
        range: Range,
        after: Option<&str>,
    ) -> Result<Page<OurRecord>, StoreError> {
        use payment::Column as C;
        let rows: Vec<(String, String, i64)> = payment::Entity::find()
            .select_only()
            .columns([C::OrderId, C::PaymentKey, C::ApprovedAt])
            .filter(C::Merchant.eq(merchant))
            .filter(C::ApprovedAt.gte(range.from_ms))
            .filter(C::ApprovedAt.lt(range.to_ms))
            .filter(C::State.is_in(CHARGED.map(PaymentState::word)))
            .filter(Cursor::condition(after, C::ApprovedAt, C::OrderId))
            .order_by_asc(C::ApprovedAt)
            .order_by_asc(C::OrderId)
            .limit(PAGE_ROWS_MAX.saturating_add(1))
            .into_tuple()
            .all(&self.db)
            .await?;
        let page =
            Page::cut(rows, PAGE_ROWS_MAX, |(order_id, _, at_ms)| format!("{at_ms}.{order_id}"));
        Ok(page.map(|(order_id, payment_key, at_ms)| OurRecord {
            order_id,
            payment_key,
            transaction_key: None,
            at_ms,
        }))
    }

    /// Cancels that a merchant has on record within a time, in its order. `after` is the previous page's `next`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_our_cancels(
        &self,
        merchant: &str,
        range: Range,
        after: Option<&str>,
    ) -> Result<Page<OurRecord>, StoreError> {
        use cancellation::Column as C;
        let rows: Vec<(String, String, String, String, i64)> = cancellation::Entity::find()
            .select_only()
            .columns([C::Id, C::OrderId])
            .column(payment::Column::PaymentKey)
            .columns([C::TransactionKey, C::CancelledAt])
            .join(JoinType::InnerJoin, payment_of_cancellation())
            .filter(payment::Column::Merchant.eq(merchant))
            .filter(C::CancelledAt.gte(range.from_ms))
            .filter(C::CancelledAt.lt(range.to_ms))
            .filter(C::State.eq(CancellationState::Done.word()))
            .filter(C::TransactionKey.is_not_null())
            .filter(Cursor::condition(after, C::CancelledAt, C::Id))
            .order_by_asc(C::CancelledAt)
            .order_by_asc(C::Id)
            .limit(PAGE_ROWS_MAX.saturating_add(1))
            .into_tuple()
            .all(&self.db)
            .await?;
        let page = Page::cut(rows, PAGE_ROWS_MAX, |(id, .., at_ms)| format!("{at_ms}.{id}"));
        Ok(page.map(|(_, order_id, payment_key, transaction_key, at_ms)| OurRecord {
            order_id,
            payment_key,
            transaction_key: Some(transaction_key),
            at_ms,
        }))
    }

    /// Whether a look-up of any of these orders' payments is still to be done.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn has_look_ups(&self, order_ids: &[&str]) -> Result<bool, StoreError> {
        let undone = [JobState::Queued, JobState::Running, JobState::Waiting].map(JobState::word);
        let job = job::Entity::find()
            .filter(job::Column::OrderId.is_in(order_ids.iter().copied()))
            .filter(job::Column::Kind.eq(JobKind::LookUp.word()))
            .filter(job::Column::State.is_in(undone))
            .one(&self.db)
            .await?;
        Ok(job.is_some())
    }
}

fn payment_of_cancellation() -> sea_orm::RelationDef {
    cancellation::Entity::belongs_to(payment::Entity)
        .from(cancellation::Column::OrderId)
        .to(payment::Column::OrderId)
        .into()
}

fn our_payment(
    row: &payment::Model,
    cancellations: Vec<OurCancel>,
) -> Result<OurPayment, StoreError> {
    let facts = rows::payment_facts(row)?;
    Ok(OurPayment {
        order_id: facts.order_id,
        payment_key: facts.payment_key,
        state: facts.state,
        amount: facts.amount,
        balance: facts.balance,
        approved_at_ms: row.approved_at,
        cancellations,
    })
}

fn our_cancel(row: &cancellation::Model) -> Result<OurCancel, StoreError> {
    Ok(OurCancel {
        id: row.id.clone(),
        amount: rows::won("cancellations", &row.id, "amount", row.amount)?,
        state: rows::cancellation_state(row)?,
        transaction_key: row.transaction_key.clone(),
        is_foreign: row.requested_by == TOSS,
    })
}
