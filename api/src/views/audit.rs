//! The audit, as masters see it.

use serde::Serialize;
use store::audit::AuditEntry;
use utoipa::ToSchema;

use super::instant;

/// What somebody did.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuditView {
    /// Its id.
    pub(crate) audit_id: String,
    /// Staff id, or `system`.
    pub(crate) actor: String,
    /// Their name, if they are staff.
    #[schema(required = true)]
    pub(crate) actor_name: Option<String>,
    /// Their role then, or `system`.
    pub(crate) role: String,
    /// A stable word.
    pub(crate) action: String,
    /// The id of what it was done to.
    pub(crate) subject: String,
    /// Whose store it concerns.
    #[schema(required = true)]
    pub(crate) store_id: Option<String>,
    /// Why, in their words.
    #[schema(required = true)]
    pub(crate) reason: Option<String>,
    /// What was before and after.
    #[schema(required = true, value_type = Option<Object>)]
    pub(crate) detail: Option<serde_json::Value>,
    /// The request in which they did it.
    #[schema(required = true)]
    pub(crate) request_id: Option<String>,
    /// When.
    #[schema(format = DateTime)]
    pub(crate) at: String,
}

impl AuditView {
    /// An entry.
    pub(crate) fn new(entry: AuditEntry) -> AuditView {
        AuditView {
            audit_id: entry.id,
            actor: entry.actor,
            actor_name: entry.actor_name,
            role: entry.role,
            action: entry.action,
            subject: entry.subject,
            store_id: entry.store_id,
            reason: entry.reason,
            detail: entry.detail,
            request_id: entry.request_id,
            at: instant(entry.at_ms),
        }
    }
}
