//! Pages of lists, where they end, and counts that stop.

use domain::StoreId;
use domain::role::Scope;
use sea_orm::DbErr;

use crate::error::StoreError;

/// How far a count for a page goes: beyond it one reads "10,000+".
pub const COUNT_MAX: u64 = 10_000;

/// One page of a list, and where the next one starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// At most as many rows as were asked for. Fewer do not mean that it is the last page.
    pub rows: Vec<T>,
    /// What to ask for the next page with; `None` at the end.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Cuts a list that was read with one row more than asked for.
    pub(crate) fn cut(mut rows: Vec<T>, limit: u64, id: impl Fn(&T) -> String) -> Page<T> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = if has_more { rows.last().map(id) } else { None };
        Page { rows, next }
    }

    /// The same page of something else.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { rows: self.rows.into_iter().map(change).collect(), next: self.next }
    }

    /// The same page of something that may not be readable.
    pub(crate) fn try_map<U>(
        self,
        change: impl FnMut(T) -> Result<U, StoreError>,
    ) -> Result<Page<U>, StoreError> {
        let rows = self.rows.into_iter().map(change).collect::<Result<_, _>>()?;
        Ok(Page { rows, next: self.next })
    }
}

/// A count that stopped somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BoundedCount {
    /// How many were counted, at most [`COUNT_MAX`].
    pub count: u64,
    /// Whether there are more, or may be.
    pub is_floor: bool,
}

impl BoundedCount {
    /// From a count that went one further than [`COUNT_MAX`], or stopped before its end.
    pub(crate) fn of(counted: i64, is_cut: bool) -> BoundedCount {
        let counted = u64::try_from(counted).unwrap_or(0);
        BoundedCount { count: counted.min(COUNT_MAX), is_floor: is_cut || counted > COUNT_MAX }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: BoundedCount) -> BoundedCount {
        let sum = self.count.saturating_add(other.count);
        let is_floor = self.is_floor || other.is_floor || sum > COUNT_MAX;
        BoundedCount { count: sum.min(COUNT_MAX), is_floor }
    }
}

/// Why a list was not read.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// `after` is nothing that a page of this list named as its next.
    #[error("the cursor is none of ours")]
    UnknownCursor,
    /// The database failed, or a row cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for ListError {
    fn from(error: DbErr) -> ListError {
        ListError::Store(error.into())
    }
}

/// Where a page ended: what the list is sorted by, and the id that tells equal ones apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    pub(crate) key: i64,
    pub(crate) id: String,
}

impl Mark {
    /// Where the page before ended, if there was one. `is_id` says what an id of the list can be.
    pub(crate) fn read(
        after: Option<&str>,
        is_id: impl Fn(&str) -> bool,
    ) -> Result<Option<Mark>, ListError> {
        let parse = |text: &str| {
            let (key, id) = text.split_once('.')?;
            is_id(id).then_some(Mark { key: key.parse().ok()?, id: id.to_owned() })
        };
        after.map(|text| parse(text).ok_or(ListError::UnknownCursor)).transpose()
    }

    pub(crate) fn write(&self) -> String {
        format!("{}.{}", self.key, self.id)
    }
}

/// The stores that a list is held to; `None` for all of them.
pub(crate) fn stores_of(scope: &Scope) -> Option<Vec<StoreId>> {
    match scope {
        Scope::Every => None,
        Scope::Stores(stores) => Some(stores.clone()),
    }
}
