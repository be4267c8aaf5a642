//! Everything that happened to an order and its payment, as one list in the order of time.
//!
//! Each kind of thing is read by one statement and up to a limit of its own; of what is beyond it the newest are left out, because what
//! came first explains the rest, and how many those are is told.

use domain::cancellation::CancellationState;
use domain::job::JobState;
use domain::role::Scope;
use domain::{JobId, OrderId, StoreId};
use entities::{attempt, audit as audit_rows, finding, job, order, payment, webhook};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use super::happening::{Happening, LeftOut, Timeline, TimelineEntry};
use super::{OrderDetail, detail};
use crate::audit;
use crate::connection::{Read, Store};
use crate::error::StoreError;
use crate::findings;
use crate::jobs::{JobRow, attempt_row, job_row};
use crate::page::{BoundedCount, COUNT_MAX};
use crate::rows;
use crate::sql::Sql;
use crate::webhooks;

/// How many jobs of an order are told of. One has a confirm, some look-ups, and its cancels.
const JOBS_MAX: u64 = 100;
/// How many calls are told of. A job that was looked up for days has dozens.
const ATTEMPTS_MAX: u64 = 200;
/// How many webhooks are told of: as many as are kept of a payment.
const WEBHOOKS_MAX: u64 = 100;
/// How many findings are told of.
const FINDINGS_MAX: u64 = 50;
/// How many entries of the audit are told of.
const AUDIT_MAX: u64 = 100;

impl Store {
    /// What happened to an order; `None` when there is no such order, or none of these stores. Toss's answers are as they are kept:
    /// redacted.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or a row cannot be read.
    pub async fn read_timeline(
        &self,
        id: &OrderId,
        scope: &Scope,
    ) -> Result<Option<Timeline>, StoreError> {
        let read = self.begin_read().await?;
        let rows = order::Entity::find_by_id(id.as_str()).all(&read.tx).await?;
        let found = detail::load(&read.tx, rows, read.now_ms).await?.pop();
        let Some(order) = found.filter(|found| scope.has(&found.order.store_id)) else {
            read.end().await?;
            return Ok(None);
        };
        let mut reading = Reading { read, id, entries: Vec::new(), left_out: Vec::new() };
        reading.add_order(&order).await?;
        let jobs = reading.add_jobs().await?;
        reading.add_attempts().await?;
        reading.add_webhooks().await?;
        let finding_ids = reading.add_findings().await?;
        let subjects = [id.as_str()]
            .into_iter()
            .chain(jobs.iter().map(|job| job.id.as_str()))
            .chain(order.cancellations.iter().map(|cancel| cancel.id.as_str()))
            .chain(finding_ids.iter().map(String::as_str));
        reading.add_audit(subjects.collect(), scope).await?;
        let Reading { read, mut entries, left_out, .. } = reading;
        read.end().await?;
        entries.sort_by_key(|entry| (entry.at_ms, entry.what.rank()));
        Ok(Some(Timeline { order, jobs, entries, left_out }))
    }
}

struct Reading<'o> {
    read: Read,
    id: &'o OrderId,
    entries: Vec<TimelineEntry>,
    left_out: Vec<(LeftOut, BoundedCount)>,
}

impl Reading<'_> {
    fn add(&mut self, at_ms: i64, what: Happening) {
        self.entries.push(TimelineEntry { at_ms, what });
    }

    async fn add_order(&mut self, order: &OrderDetail) -> Result<(), StoreError> {
        self.add(order.order.created_at_ms, Happening::OrderMade);
        if let Some(at_ms) = order.order.erased_at_ms {
            self.add(at_ms, Happening::Erased);
        }
        if let Some(payment) = &order.payment {
            self.add(payment.accepted_at_ms, Happening::ConfirmAccepted);
            if let Some(at_ms) = payment.approved_at_ms {
                self.add(at_ms, Happening::PaymentApproved);
            }
            if let Some(reason) = &payment.review_reason
                && let Some(at_ms) = self.review_since_ms().await?
            {
                self.add(at_ms, Happening::ReviewAsked { reason: reason.clone() });
            }
        }
        for cancel in &order.cancellations {
            self.add(cancel.requested_at_ms, Happening::CancelRequested(cancel.clone()));
            if let (CancellationState::Done, Some(at_ms)) = (cancel.state, cancel.cancelled_at_ms) {
                self.add(at_ms, Happening::CancelDone(cancel.clone()));
            }
        }
        Ok(())
    }

    async fn review_since_ms(&self) -> Result<Option<i64>, StoreError> {
        let since = payment::Entity::find_by_id(self.id.as_str())
            .select_only()
            .column(payment::Column::ReviewSince)
            .into_tuple::<Option<i64>>()
            .one(&self.read.tx)
            .await?;
        Ok(since.flatten())
    }

    async fn add_jobs(&mut self) -> Result<Vec<JobRow>, StoreError> {
        let rows = job::Entity::find()
            .filter(job::Column::OrderId.eq(self.id.as_str()))
            .order_by_asc(job::Column::Id)
            .limit(JOBS_MAX.saturating_add(1))
            .all(&self.read.tx)
            .await?;
        let mut jobs = Vec::new();
        for row in &self.cut(rows, JOBS_MAX, LeftOut::Jobs).await? {
            let job = job_row(row)?;
            self.add(job.created_at, Happening::JobMade(job.clone()));
            if let Some(at_ms) = job.ended_at {
                self.add(at_ms, Happening::JobEnded(job.clone()));
            }
            if job.state == JobState::Parked {
                self.add(job.updated_at, Happening::JobParked(job.clone()));
            }
            jobs.push(job);
        }
        Ok(jobs)
    }

    async fn add_attempts(&mut self) -> Result<(), StoreError> {
        let rows = attempt::Entity::find()
            .filter(attempt::Column::OrderId.eq(self.id.as_str()))
            .order_by_asc(attempt::Column::StartedAt)
            .limit(ATTEMPTS_MAX.saturating_add(1))
            .all(&self.read.tx)
            .await?;
        for row in self.cut(rows, ATTEMPTS_MAX, LeftOut::Attempts).await? {
            let id = row.job_id.as_str();
            let job_id =
                JobId::parse(id).map_err(|_| rows::unreadable("attempts", id, "job_id", id))?;
            self.add(row.started_at, Happening::Called { job_id, attempt: attempt_row(row) });
        }
        Ok(())
    }

    async fn add_webhooks(&mut self) -> Result<(), StoreError> {
        let rows = webhook::Entity::find()
            .filter(webhook::Column::OrderId.eq(self.id.as_str()))
            .order_by_asc(webhook::Column::ReceivedAt)
            .order_by_asc(webhook::Column::Id)
            .limit(WEBHOOKS_MAX.saturating_add(1))
            .all(&self.read.tx)
            .await?;
        for row in self.cut(rows, WEBHOOKS_MAX, LeftOut::Webhooks).await? {
            let row = webhooks::read_row(row)?;
            self.add(row.received_at_ms, Happening::WebhookReceived(row));
        }
        Ok(())
    }

    async fn add_findings(&mut self) -> Result<Vec<String>, StoreError> {
        let rows = finding::Entity::find()
            .filter(finding::Column::OrderId.eq(self.id.as_str()))
            .order_by_asc(finding::Column::Id)
            .limit(FINDINGS_MAX.saturating_add(1))
            .all(&self.read.tx)
            .await?;
        let mut ids = Vec::new();
        for row in self.cut(rows, FINDINGS_MAX, LeftOut::Findings).await? {
            let found = findings::read(row)?;
            ids.push(found.id.clone());
            self.add(found.first_seen_at_ms, Happening::Found(found.clone()));
            if let Some(at_ms) = found.closed.as_ref().map(|closed| closed.at_ms) {
                self.add(at_ms, Happening::FindingClosed(found));
            }
        }
        Ok(ids)
    }

    /// What was done to the order and to what belongs to it. Whoever does not act for every store sees what concerns theirs.
    async fn add_audit(&mut self, subjects: Vec<&str>, scope: &Scope) -> Result<(), StoreError> {
        let mut query = audit_rows::Entity::find()
            .filter(audit_rows::Column::Subject.is_in(subjects))
            .order_by_asc(audit_rows::Column::Id)
            .limit(AUDIT_MAX.saturating_add(1));
        if let Scope::Stores(stores) = scope {
            query =
                query.filter(audit_rows::Column::StoreId.is_in(stores.iter().map(StoreId::as_str)));
        }
        let mut rows = query.all(&self.read.tx).await?;
        let limit = usize::try_from(AUDIT_MAX).unwrap_or(usize::MAX);
        if rows.len() > limit {
            rows.truncate(limit);
            self.left_out.push((LeftOut::Audit, BoundedCount { count: 1, is_floor: true }));
        }
        for entry in audit::entries(&self.read.tx, rows).await? {
            self.add(entry.at_ms, Happening::Acted(entry));
        }
        Ok(())
    }

    /// Cuts what was read with one row more than is told of, and counts what is left out.
    async fn cut<T>(
        &mut self,
        mut rows: Vec<T>,
        most: u64,
        what: LeftOut,
    ) -> Result<Vec<T>, StoreError> {
        let limit = usize::try_from(most).unwrap_or(usize::MAX);
        if rows.len() > limit {
            rows.truncate(limit);
            let mut sql = Sql::new(self.read.tx.get_database_backend());
            let (id, table) = (sql.bind(self.id.as_str()), what.word());
            let looked_at = most.saturating_add(COUNT_MAX).saturating_add(1);
            let text = format!(
                "SELECT COUNT(*) AS counted FROM (SELECT 1 FROM {table} WHERE order_id = {id} LIMIT {looked_at}) AS all_of_it"
            );
            let row = self.read.tx.query_one_raw(sql.statement(text)).await?;
            let counted: i64 = row.map_or(Ok(0), |row| row.try_get("", "counted"))?;
            let told = i64::try_from(most).unwrap_or(i64::MAX);
            self.left_out.push((what, BoundedCount::of(counted.saturating_sub(told), false)));
        }
        Ok(rows)
    }
}
