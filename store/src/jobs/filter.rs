//! Which jobs a list, its counts and its groups are about, and in which order they come.

use domain::answer::FailureClass;
use domain::job::{JobKind, JobState};
use domain::role::Scope;
use domain::{StoreId, Won};
use sea_orm::DbBackend;

use crate::page::Mark;
use crate::search::SearchText;
use crate::sql::quoted;
use crate::walk::{Direction, Walk};

/// With so many stores that a caller acts for, a list is read by the states alone, and its rows are looked at one by one.
const LEADS_MAX: usize = 64;

/// What jobs are filtered, counted and grouped by: the columns of the index of failed ones.
const LOOKED_AT: &str =
    "id, state, created_at, kind, last_code, last_class, merchant, store_id, amount, updated_at";

/// Which jobs to read. They fulfil every condition that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFilter {
    /// The stores that the caller may see.
    pub scope: Scope,
    /// Where they stand.
    pub set: JobSet,
    /// Only this store's.
    pub store_id: Option<StoreId>,
    /// Only those of this merchant's account.
    pub merchant: Option<String>,
    /// Only this kind.
    pub kind: Option<JobKind>,
    /// Only those whose last attempt brought this code.
    pub code: Option<String>,
    /// Only those whose last answer was such a failure.
    pub class: Option<FailureClass>,
    /// Only those made then or later, in milliseconds UTC.
    pub from_ms: Option<i64>,
    /// Only those made before then, in milliseconds UTC.
    pub to_ms: Option<i64>,
    /// Only those about so much or more.
    pub amount_min: Option<Won>,
    /// Only those about so much or less.
    pub amount_max: Option<Won>,
    /// Only those of the orders that this finds.
    pub text: Option<SearchText>,
}

/// The jobs of one tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobSet {
    /// Every job.
    All,
    /// Those that did not do what they were to do: parked, declined, void and discarded ones.
    Failed,
    /// Those in one state.
    In(JobState),
}

impl JobSet {
    /// Every set, in the order of tabs.
    pub const ALL: [JobSet; 10] = [
        JobSet::Failed,
        JobSet::In(JobState::Parked),
        JobSet::In(JobState::Queued),
        JobSet::In(JobState::Running),
        JobSet::In(JobState::Waiting),
        JobSet::In(JobState::Succeeded),
        JobSet::In(JobState::Declined),
        JobSet::In(JobState::Void),
        JobSet::In(JobState::Discarded),
        JobSet::All,
    ];

    /// The word for addresses.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            JobSet::All => "all",
            JobSet::Failed => "failed",
            JobSet::In(state) => state.word(),
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<JobSet> {
        JobSet::ALL.into_iter().find(|known| known.word() == word)
    }

    /// The states of its jobs.
    #[must_use]
    pub fn states(self) -> Vec<JobState> {
        match self {
            JobSet::All => JobState::ALL.into(),
            JobSet::Failed => {
                vec![JobState::Parked, JobState::Declined, JobState::Void, JobState::Discarded]
            }
            JobSet::In(state) => vec![state],
        }
    }
}

/// In which order jobs come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobSort {
    /// Those made last first.
    Newest,
    /// Those that could run for the longest time first; without those that have ended.
    OldestWaiting,
    /// The greatest amount first.
    Amount,
    /// Those that changed last first.
    LastChange,
}

impl JobSort {
    /// Every order.
    pub const ALL: [JobSort; 4] =
        [JobSort::Newest, JobSort::OldestWaiting, JobSort::Amount, JobSort::LastChange];

    /// The word for addresses.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            JobSort::Newest => "newest",
            JobSort::OldestWaiting => "oldest_waiting",
            JobSort::Amount => "amount",
            JobSort::LastChange => "last_change",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<JobSort> {
        JobSort::ALL.into_iter().find(|known| known.word() == word)
    }

    const fn key(self) -> (&'static str, Direction) {
        match self {
            JobSort::Newest => ("created_at", Direction::Down),
            JobSort::OldestWaiting => ("runnable_since", Direction::Up),
            JobSort::Amount => ("amount", Direction::Down),
            JobSort::LastChange => ("updated_at", Direction::Down),
        }
    }

    pub(super) fn mark(self, row: &entities::job::Model) -> Mark {
        let key = match self {
            JobSort::Newest => row.created_at,
            JobSort::OldestWaiting => row.runnable_since,
            JobSort::Amount => row.amount,
            JobSort::LastChange => row.updated_at,
        };
        Mark { key, id: row.id.clone() }
    }
}

impl JobFilter {
    /// Every job of these stores.
    #[must_use]
    pub fn all(scope: Scope) -> JobFilter {
        JobFilter {
            scope,
            set: JobSet::All,
            store_id: None,
            merchant: None,
            kind: None,
            code: None,
            class: None,
            from_ms: None,
            to_ms: None,
            amount_min: None,
            amount_max: None,
            text: None,
        }
    }

    /// The stores that are left of the scope; `None` for every store there is.
    fn stores(&self) -> Option<Vec<&str>> {
        match (&self.scope, &self.store_id) {
            (Scope::Every, None) => None,
            (Scope::Every, Some(store)) => Some(vec![store.as_str()]),
            (scope @ Scope::Stores(_), Some(store)) => {
                Some(scope.has(store).then_some(store.as_str()).into_iter().collect())
            }
            (Scope::Stores(stores), None) => Some(stores.iter().map(StoreId::as_str).collect()),
        }
    }

    /// The walk through these jobs. `orders` are those that the text finds, if there is one.
    pub(super) fn walk(
        &self,
        backend: DbBackend,
        sort: JobSort,
        after: Option<&Mark>,
        orders: Option<&[String]>,
    ) -> Walk {
        let mut walk = Walk::new(backend, "jobs", sort.key(), after);
        if sort == JobSort::Newest && orders.is_none() && self.code.is_none() {
            walk = walk.looking_at(LOOKED_AT);
        }
        let mut states = self.set.states();
        if sort == JobSort::OldestWaiting {
            states.retain(|state| state.is_live());
        }
        let stores = self.stores();
        let led_by_store =
            |stores: &Vec<&str>| stores.len().saturating_mul(states.len()) <= LEADS_MAX;
        let in_states = || match states.is_empty() {
            true => "FALSE".to_owned(),
            false => format!("state IN ({})", quoted(states.iter().map(|state| state.word()))),
        };
        let mut stores_left = None;
        let mut is_by_state = true;
        match (orders, &self.code, &stores) {
            (Some(orders), _, _) => {
                walk.lead(|sql| {
                    format!("order_id IN ({})", sql.bind_all(orders.iter().map(String::as_str)))
                });
                (is_by_state, stores_left) = (false, stores.as_ref());
            }
            // The index of waiting jobs has no other lead.
            (None, _, _) if sort == JobSort::OldestWaiting => {
                walk.lead(|_| in_states());
                stores_left = stores.as_ref();
            }
            (None, Some(code), _) => {
                walk.lead(|sql| format!("last_code = {}", sql.bind(code.as_str())));
                (is_by_state, stores_left) = (false, stores.as_ref());
            }
            (None, None, Some(stores)) if led_by_store(stores) && sort == JobSort::Newest => {
                for store in stores {
                    for state in &states {
                        let state = state.word();
                        walk.lead(|sql| {
                            format!("store_id = {} AND state = '{state}'", sql.bind(*store))
                        });
                    }
                }
            }
            (None, None, stores) => {
                for state in &states {
                    walk.lead(|_| format!("state = '{}'", state.word()));
                }
                stores_left = stores.as_ref();
            }
        }
        self.add_ranges(&mut walk, sort);
        if !is_by_state {
            walk.rest(|_| in_states());
        }
        if let Some(stores) = stores_left {
            walk.rest(|sql| format!("store_id IN ({})", sql.bind_all(stores.iter().copied())));
        }
        if let (Some(code), true) = (&self.code, is_by_state) {
            walk.rest(|sql| format!("last_code = {}", sql.bind(code.as_str())));
        }
        self.add_rest(&mut walk);
        walk
    }

    /// The ranges: of what the walk is sorted by, they say where it begins and ends.
    fn add_ranges(&self, walk: &mut Walk, sort: JobSort) {
        let amount = |won: Option<Won>| won.map(Won::get);
        let ranges = [
            (JobSort::Newest, "created_at >=", self.from_ms),
            (JobSort::Newest, "created_at <", self.to_ms),
            (JobSort::Amount, "amount >=", amount(self.amount_min)),
            (JobSort::Amount, "amount <=", amount(self.amount_max)),
        ];
        let set = ranges.iter().filter_map(|(of, text, bound)| Some((*of, *text, (*bound)?)));
        let (leading, looked_at): (Vec<_>, Vec<_>) = set.partition(|(of, _, _)| *of == sort);
        for (_, text, bound) in leading {
            walk.lead_all(|sql| format!("{text} {}", sql.bind(bound)));
        }
        for (_, text, bound) in looked_at {
            walk.rest(|sql| format!("{text} {}", sql.bind(bound)));
        }
    }

    fn add_rest(&self, walk: &mut Walk) {
        if let Some(kind) = self.kind {
            walk.rest(|_| format!("kind = '{}'", kind.word()));
        }
        if let Some(merchant) = &self.merchant {
            walk.rest(|sql| format!("merchant = {}", sql.bind(merchant.as_str())));
        }
        if let Some(class) = self.class {
            walk.rest(|_| format!("last_class = '{}'", class.word()));
        }
    }
}
