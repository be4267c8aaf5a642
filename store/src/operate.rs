//! What staff do with jobs: look up, retry, discard. Under the domain's rules, compared and set, audited.

use domain::role::Role;

/// Who does something, for the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Staff id, or `system`.
    pub id: String,
    /// Their name, for people.
    pub name: String,
    /// Their role; `None` for the system itself.
    pub role: Option<Role>,
    /// The request in which they do it.
    pub request_id: Option<String>,
}

impl Actor {
    /// The system acting by itself.
    #[must_use]
    pub fn system() -> Actor {
        Actor { id: "system".to_owned(), name: "system".to_owned(), role: None, request_id: None }
    }

    /// The word for the audit's role column.
    #[must_use]
    pub fn role_word(&self) -> &'static str {
        self.role.map_or("system", Role::word)
    }
}
