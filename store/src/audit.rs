//! The audit: what a person, or the system in their place, did. Written in the transaction that does it.

use std::collections::HashMap;

use domain::StoreId;
use domain::limits::PAGE_ROWS_MAX;
use entities::{audit, staff};
use sea_orm::ActiveValue::Set;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use crate::connection::{Store, Write};
use crate::error::StoreError;
use crate::operate::Actor;
use crate::page::Page;
use crate::rows;

/// One thing that somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Sorts by time.
    pub id: String,
    /// Staff id, or `system`.
    pub actor: String,
    /// The name of the member of staff, if the actor is one.
    pub actor_name: Option<String>,
    /// Their role then, or `system`.
    pub role: String,
    /// A stable word, such as `product.change`.
    pub action: String,
    /// The id of what it was done to.
    pub subject: String,
    /// Whose store it concerns.
    pub store_id: Option<String>,
    /// Why, in their words.
    pub reason: Option<String>,
    /// What was before and after.
    pub detail: Option<serde_json::Value>,
    /// Of the request in which they did it.
    pub request_id: Option<String>,
    /// Milliseconds UTC.
    pub at_ms: i64,
}

/// Which entries to list. Without any condition: all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// Only what concerns this store.
    pub store: Option<StoreId>,
    /// Only what was done to this: the id of an order, a job, a product.
    pub subject: Option<String>,
}

/// Writes one entry. It counts only if the transaction commits.
pub(crate) async fn record(
    write: &Write<'_>,
    actor: &Actor,
    action: &str,
    subject: &str,
    store_id: Option<&str>,
    reason: Option<&str>,
    detail: Option<serde_json::Value>,
) -> Result<(), StoreError> {
    let entry = audit::ActiveModel {
        id: Set(write.new_id()),
        actor: Set(actor.id.clone()),
        role: Set(actor.role_word().to_owned()),
        action: Set(action.to_owned()),
        subject: Set(subject.to_owned()),
        store_id: Set(store_id.map(str::to_owned)),
        reason: Set(reason.map(str::to_owned)),
        detail: Set(detail.map(|detail| detail.to_string())),
        request_id: Set(actor.origin.request_id.clone()),
        at: Set(write.now_ms),
    };
    entry.insert(&write.tx).await?;
    Ok(())
}

impl Store {
    /// The audit, newest first. `after` is the previous page's `next`; `limit` is held to `1 ..= PAGE_ROWS_MAX`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails or an entry cannot be read.
    pub async fn list_audit(
        &self,
        filter: &AuditFilter,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Page<AuditEntry>, StoreError> {
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        let mut query =
            audit::Entity::find().order_by_desc(audit::Column::Id).limit(limit.saturating_add(1));
        if let Some(store) = &filter.store {
            query = query.filter(audit::Column::StoreId.eq(store.as_str()));
        }
        if let Some(subject) = &filter.subject {
            query = query.filter(audit::Column::Subject.eq(subject));
        }
        if let Some(after) = after {
            query = query.filter(audit::Column::Id.lt(after));
        }
        let page = Page::cut(query.all(&self.db).await?, limit, |row| row.id.clone());
        let names = self.names_of(&page.rows).await?;
        let mut rows = Vec::with_capacity(page.rows.len());
        for row in page.rows {
            rows.push(entry(row, &names)?);
        }
        Ok(Page { rows, next: page.next })
    }

    async fn names_of(
        &self,
        entries: &[audit::Model],
    ) -> Result<HashMap<String, String>, StoreError> {
        let ids: Vec<&str> = entries.iter().map(|entry| entry.actor.as_str()).collect();
        let members =
            staff::Entity::find().filter(staff::Column::Id.is_in(ids)).all(&self.db).await?;
        Ok(members.into_iter().map(|member| (member.id, member.name)).collect())
    }
}

fn entry(row: audit::Model, names: &HashMap<String, String>) -> Result<AuditEntry, StoreError> {
    let detail = row
        .detail
        .as_deref()
        .map(|text| {
            serde_json::from_str(text)
                .map_err(|error| rows::unreadable("audit", &row.id, "detail", error))
        })
        .transpose()?;
    Ok(AuditEntry {
        actor_name: names.get(&row.actor).cloned(),
        detail,
        id: row.id,
        actor: row.actor,
        role: row.role,
        action: row.action,
        subject: row.subject,
        store_id: row.store_id,
        reason: row.reason,
        request_id: row.request_id,
        at_ms: row.at,
    })
}
