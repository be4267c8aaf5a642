//! The audit: what a person, or the system in their place, did. Written in the transaction that does it.

use std::collections::{BTreeSet, HashMap};

use domain::StoreId;
use domain::limits::PAGE_ROWS_MAX;
use domain::role::Scope;
use entities::audit;
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait as _, ConnectionTrait, DbBackend};

use crate::connection::{Store, Write};
use crate::error::StoreError;
use crate::operate::Actor;
use crate::page::{ListError, Mark, Page, stores_of};
use crate::rows;
use crate::staff::names_of;
use crate::walk::{Direction, Walk};

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
    /// Only what they did: a staff id, or `system`.
    pub actor: Option<String>,
    /// Only this, such as `job.retry`.
    pub action: Option<String>,
    /// Only what was done then or later, in milliseconds UTC.
    pub from_ms: Option<i64>,
    /// Only what was done before then, in milliseconds UTC.
    pub to_ms: Option<i64>,
    /// Only what concerns one of these stores: see [`AuditFilter::within`].
    pub stores: Option<Vec<StoreId>>,
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
    /// The audit, newest first. `after` is the previous page's `next`; `limit` is held to `1 ..= PAGE_ROWS_MAX`. A page may have fewer
    /// entries than asked for and not be the last.
    ///
    /// # Errors
    /// [`ListError`]: a wrong cursor is the caller's fault.
    pub async fn list_audit(
        &self,
        filter: &AuditFilter,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Page<AuditEntry>, ListError> {
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        let after = Mark::read(after, |id| !id.is_empty())?;
        let walk = filter.walk(self.db.get_database_backend(), after.as_ref());
        let mark = |row: &audit::Model| Mark { key: row.at, id: row.id.clone() };
        let page = walk.page::<audit::Model>(&self.db, limit, mark).await?;
        Ok(Page { rows: entries(&self.db, page.rows).await?, next: page.next })
    }
}

impl AuditFilter {
    /// The same within what somebody may see who acts for these stores: what concerns one of them.
    #[must_use]
    pub fn within(self, scope: &Scope) -> AuditFilter {
        AuditFilter { stores: stores_of(scope), ..self }
    }

    fn walk(&self, backend: DbBackend, after: Option<&Mark>) -> Walk {
        let mut walk = Walk::new(backend, "audit", ("at", Direction::Down), after);
        let mut looked_at = vec![
            ("subject", self.subject.as_deref()),
            ("actor", self.actor.as_deref()),
            ("action", self.action.as_deref()),
        ];
        // The narrowest index that there is; what is left is looked at on the way.
        let lead = looked_at.iter().position(|(_, wanted)| wanted.is_some());
        let lead = lead.map(|at| looked_at.remove(at));
        let of_stores = self.stores.as_ref().map(|stores| {
            let is_wanted = |store: &&StoreId| self.store.as_ref().is_none_or(|one| one == *store);
            stores.iter().filter(is_wanted).map(StoreId::as_str).collect::<Vec<_>>()
        });
        let of_stores = of_stores.or_else(|| self.store.as_ref().map(|one| vec![one.as_str()]));
        match (&lead, &of_stores) {
            (Some((column, Some(wanted))), _) => {
                walk.lead(|sql| format!("{column} = {}", sql.bind(*wanted)));
            }
            (_, Some(stores)) => {
                for store in stores {
                    walk.lead(|sql| format!("store_id = {}", sql.bind(*store)));
                }
            }
            (_, None) => walk.lead(|_| "TRUE".to_owned()),
        }
        for (text, bound) in [("at >=", self.from_ms), ("at <", self.to_ms)] {
            if let Some(bound) = bound {
                walk.lead_all(|sql| format!("{text} {}", sql.bind(bound)));
            }
        }
        if let (Some(_), Some(stores)) = (lead, of_stores) {
            walk.rest(|sql| format!("store_id IN ({})", sql.bind_all(stores)));
        }
        for (column, wanted) in looked_at {
            if let Some(wanted) = wanted {
                walk.rest(|sql| format!("{column} = {}", sql.bind(wanted)));
            }
        }
        walk
    }
}

/// Entries with the names of those who acted.
pub(crate) async fn entries(
    connection: &impl ConnectionTrait,
    rows: Vec<audit::Model>,
) -> Result<Vec<AuditEntry>, StoreError> {
    let ids: BTreeSet<&str> = rows.iter().map(|row| row.actor.as_str()).collect();
    let names = names_of(connection, &ids).await?;
    rows.into_iter().map(|row| entry(row, &names)).collect()
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
