//! Who may do what: the three roles of staff, and the system itself.

use crate::id::StoreId;

/// A role of staff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Owns stores.
    Owner,
    /// Runs stores for their owner.
    Manager,
    /// Runs the platform: acts for every store.
    Master,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 3] = [Role::Owner, Role::Manager, Role::Master];

    /// The word for columns, requests and the audit.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Role::Owner => "owner",
            Role::Manager => "manager",
            Role::Master => "master",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// See orders, payments and jobs of a store.
    Read,
    /// Cancel payments of a store, wholly or in part.
    Cancel,
    /// Look up, retry, put off, match or discard jobs of a store, and close reviews of its payments.
    ActOnJobs,
    /// Change a store's name, fee, minimum or opening, and its products.
    ChangeCatalogue,
    /// Create a store, or say which merchant it sells under.
    CreateStore,
    /// Read the audit.
    ReadAudit,
    /// See what holds a merchant's calls back, and pause and resume them.
    HoldCalls,
}

impl Action {
    /// Every action.
    pub const ALL: [Action; 7] = [
        Action::Read,
        Action::Cancel,
        Action::ActOnJobs,
        Action::ChangeCatalogue,
        Action::CreateStore,
        Action::ReadAudit,
        Action::HoldCalls,
    ];
}

/// Which stores somebody acts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All of them.
    Every,
    /// These, possibly none.
    Stores(Vec<StoreId>),
}

impl Scope {
    /// Whether the store is in it.
    #[must_use]
    pub fn has(&self, store: &StoreId) -> bool {
        match self {
            Scope::Every => true,
            Scope::Stores(stores) => stores.contains(store),
        }
    }
}

/// A member of staff, as permission questions see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Their role.
    pub role: Role,
    /// The stores that they were given. A master needs none.
    pub stores: Vec<StoreId>,
}

impl Member {
    /// Which stores they act for.
    #[must_use]
    pub fn scope(&self) -> Scope {
        match self.role {
            Role::Master => Scope::Every,
            Role::Owner | Role::Manager => Scope::Stores(self.stores.clone()),
        }
    }

    /// Whether they may do this for any store, or for something that belongs to none.
    #[must_use]
    pub fn may_somewhere(&self, action: Action) -> bool {
        match action {
            Action::Read | Action::Cancel | Action::ActOnJobs | Action::ChangeCatalogue => {
                self.role == Role::Master || !self.stores.is_empty()
            }
            Action::CreateStore | Action::ReadAudit | Action::HoldCalls => {
                self.role == Role::Master
            }
        }
    }

    /// Whether they may do this for this store.
    #[must_use]
    pub fn may(&self, action: Action, store: &StoreId) -> bool {
        match action {
            Action::Read | Action::Cancel | Action::ActOnJobs | Action::ChangeCatalogue => {
                self.scope().has(store)
            }
            Action::CreateStore | Action::ReadAudit | Action::HoldCalls => match self.role {
                Role::Master => true,
                Role::Owner | Role::Manager => false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_and_managers_act_for_their_stores_and_masters_for_all() {
        let mine = StoreId::parse("mine").unwrap();
        let other = StoreId::parse("other").unwrap();
        let mut table = String::new();
        for role in Role::ALL {
            let member = Member { role, stores: vec![mine.clone()] };
            for action in Action::ALL {
                table.push_str(&format!(
                    "{:<8} {:<16} own {:<5} other {}\n",
                    role.word(),
                    format!("{action:?}"),
                    member.may(action, &mine),
                    member.may(action, &other)
                ));
            }
        }
        insta::assert_snapshot!(table);
    }
}
