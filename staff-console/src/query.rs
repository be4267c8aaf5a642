//! What a page's address asks for: filters that stand in it, and links to the same page with something changed.

use std::collections::BTreeMap;

use domain::Won;
use domain::answer::FailureClass;
use domain::job::JobKind;
use domain::policy::ReviewReason;
use domain::role::Scope;
use domain::status::CustomerStatus;
use domain::{StoreId, job::JobState};
use store::orders::{OrderFilter, ReviewFilter};
use store::{JobFilter, JobSet, JobSort, SearchText};
use time::macros::{format_description, offset};
use time::{Date, PrimitiveDateTime, Time};

use crate::format::in_query;

/// The parameters of an address. What cannot be meant is passed over, and stands in its field for the reader to see.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asking(BTreeMap<String, String>);

impl Asking {
    /// Reads a query.
    pub(crate) fn of(pairs: Vec<(String, String)>) -> Asking {
        let asked = pairs
            .into_iter()
            .filter(|(name, value)| name != "lang" && name != "done" && !value.is_empty());
        Asking(asked.collect())
    }

    /// The value of a parameter, or nothing.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Where the page before ended, if there was one.
    pub(crate) fn cursor(&self) -> Option<&str> {
        self.0.get("cursor").map(String::as_str)
    }

    /// The filter as a query: everything but the page.
    pub(crate) fn query(&self) -> String {
        let path = self.with("", "cursor", "");
        path.strip_prefix('?').unwrap_or_default().to_owned()
    }

    /// The parameters, for people to read.
    pub(crate) fn in_words(&self) -> String {
        let pairs: Vec<String> =
            self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join(" · ")
    }

    /// The same with one parameter more.
    pub(crate) fn and(&self, name: &str, value: &str) -> Asking {
        let mut asked = self.0.clone();
        asked.insert(name.to_owned(), value.to_owned());
        Asking(asked)
    }

    /// What a parameter means; nothing when it means nothing.
    pub(crate) fn read<T>(&self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.0.get(name).and_then(|text| parse(text.trim()))
    }

    /// The page of this path with one parameter changed, or left out when it is empty. It begins at the first page again.
    pub(crate) fn with(&self, path: &str, name: &str, value: &str) -> String {
        let mut asked = self.0.clone();
        asked.remove("cursor");
        if value.is_empty() {
            asked.remove(name);
        } else {
            asked.insert(name.to_owned(), value.to_owned());
        }
        let pairs: Vec<String> =
            asked.iter().map(|(name, value)| format!("{name}={}", in_query(value))).collect();
        if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
    }

    /// Whether the reader has asked for less than everything.
    pub(crate) fn is_narrowed(&self) -> bool {
        self.0.keys().any(|name| !matches!(name.as_str(), "set" | "sort" | "cursor"))
    }

    /// The filters of jobs in the address that cannot be meant: whoever acts on what it finds must know.
    pub(crate) fn unread_of_jobs(&self) -> Vec<&str> {
        let (filter, _) = self.jobs(Scope::Every, 0);
        let is_read = |name: &str| match name {
            "set" => self.read("set", JobSet::from_word).is_some(),
            "sort" => self.read("sort", JobSort::from_word).is_some(),
            "store" => filter.store_id.is_some(),
            "kind" => filter.kind.is_some(),
            "class" => filter.class.is_some(),
            "age" => self.age().is_some(),
            "from" => self.read("from", midnight).is_some(),
            "to" => filter.to_ms.is_some(),
            "min" => filter.amount_min.is_some(),
            "max" => filter.amount_max.is_some(),
            "q" => filter.text.is_some(),
            "merchant" | "code" | "cursor" => true,
            _ => false,
        };
        self.0.keys().map(String::as_str).filter(|name| !is_read(name)).collect()
    }

    /// How old a job may be that is asked for, if the address says so.
    pub(crate) fn age(&self) -> Option<Age> {
        self.read("age", Age::from_word)
    }

    /// The jobs that are asked for, as of `now_ms`; failed ones unless the address says otherwise.
    pub(crate) fn jobs(&self, scope: Scope, now_ms: i64) -> (JobFilter, JobSort) {
        let youngest = self.age().map(|age| now_ms.saturating_sub(age.ms()));
        let set = self.read("set", JobSet::from_word).unwrap_or(JobSet::Failed);
        let filter = JobFilter {
            set,
            store_id: self.read("store", |id| StoreId::parse(id).ok()),
            merchant: self.read("merchant", |name| Some(name.to_owned())),
            kind: self.read("kind", JobKind::from_word),
            code: self.read("code", |code| Some(code.to_owned())),
            class: self.read("class", FailureClass::from_word),
            from_ms: self.read("from", midnight).max(youngest),
            to_ms: self.read("to", midnight_after),
            amount_min: self.read("min", won),
            amount_max: self.read("max", won),
            text: self.read("q", SearchText::parse),
            ..JobFilter::all(scope)
        };
        let usual = match set {
            JobSet::In(JobState::Queued | JobState::Running | JobState::Waiting) => {
                JobSort::OldestWaiting
            }
            JobSet::All | JobSet::Failed | JobSet::In(_) => JobSort::Newest,
        };
        (filter, self.read("sort", JobSort::from_word).unwrap_or(usual))
    }

    /// The orders that are asked for.
    pub(crate) fn orders(&self, scope: Scope) -> OrderFilter {
        let status =
            |word: &str| CustomerStatus::ALL.into_iter().find(|known| known.word() == word);
        OrderFilter {
            store: self.read("store", |id| StoreId::parse(id).ok()),
            status: self.read("status", status),
            review: self.read("review", review),
            from_ms: self.read("from", midnight),
            to_ms: self.read("to", midnight_after),
            amount_min: self.read("min", won),
            amount_max: self.read("max", won),
            text: self.read("q", SearchText::parse),
            ..OrderFilter::all(scope)
        }
    }
}

/// How old something may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    Hour,
    Day,
    Week,
}

impl Age {
    /// Every age that can be asked for.
    pub(crate) const ALL: [Age; 3] = [Age::Hour, Age::Day, Age::Week];

    /// The word in addresses.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Age::Hour => "1h",
            Age::Day => "1d",
            Age::Week => "7d",
        }
    }

    fn from_word(word: &str) -> Option<Age> {
        Age::ALL.into_iter().find(|known| known.word() == word)
    }

    const fn ms(self) -> i64 {
        match self {
            Age::Hour => 3_600_000,
            Age::Day => 86_400_000,
            Age::Week => 604_800_000,
        }
    }
}

fn review(word: &str) -> Option<ReviewFilter> {
    match word {
        "any" => Some(ReviewFilter::Any),
        word => ReviewReason::from_word(word).map(ReviewFilter::For),
    }
}

/// An amount as people type it, with or without commas.
pub(crate) fn won(text: &str) -> Option<Won> {
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let mut groups = text.split(',');
    let head = groups.next().filter(|head| !head.is_empty() && is_digits(head))?;
    let is_whole = !text.contains(',') || head.len() <= 3;
    if !is_whole || !groups.all(|group| group.len() == 3 && is_digits(group)) {
        return None;
    }
    text.replace(',', "").parse().ok().and_then(|amount| Won::new(amount).ok())
}

/// The beginning of a day in Korea, in milliseconds UTC.
pub(crate) fn midnight(text: &str) -> Option<i64> {
    let date = Date::parse(text, format_description!("[year]-[month]-[day]")).ok()?;
    let at = PrimitiveDateTime::new(date, Time::MIDNIGHT).assume_offset(offset!(+9));
    at.unix_timestamp().checked_mul(1_000)
}

/// Its end.
pub(crate) fn midnight_after(text: &str) -> Option<i64> {
    midnight(text)?.checked_add(86_400_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(pairs: &[(&str, &str)]) -> Asking {
        Asking::of(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    #[test]
    fn an_address_says_which_jobs_in_which_order() {
        let asked = asking(&[("set", "parked"), ("min", "1,000"), ("from", "2026-11-27")]);
        let (filter, sort) = asked.jobs(Scope::Every, 0);
        assert_eq!((filter.set, sort), (JobSet::In(JobState::Parked), JobSort::Newest));
        assert_eq!(filter.amount_min, Won::new(1_000).ok());
        assert_eq!(filter.from_ms, Some(1_795_705_200_000));
        let nonsense = asking(&[("set", "x"), ("kind", "y"), ("min", "z"), ("from", "2026-02-31")]);
        let (filter, _) = nonsense.jobs(Scope::Every, 0);
        assert_eq!(filter, JobFilter { set: JobSet::Failed, ..JobFilter::all(Scope::Every) });
    }

    #[test]
    fn what_cannot_be_meant_is_told() {
        let asked = asking(&[("set", "parked"), ("min", "abc"), ("to", "2026-13-01"), ("x", "y")]);
        assert_eq!(asked.unread_of_jobs(), ["min", "to", "x"]);
        let asked = asking(&[
            ("set", "all"),
            ("q", "5678"),
            ("code", "A"),
            ("age", "1h"),
            ("cursor", "1.x"),
        ]);
        assert!(asked.unread_of_jobs().is_empty());
    }

    #[test]
    fn an_amount_is_digits_with_or_without_commas_where_they_belong() {
        for (text, amount) in [("5000", 5_000), ("5,000", 5_000), ("1,234,567", 1_234_567)] {
            assert_eq!(won(text), Won::new(amount).ok(), "{text}");
        }
        for text in ["", "1,00,0", "1,5", "+5", "-5", "1234,567", ",000", "5,", "5 000", "x"] {
            assert_eq!(won(text), None, "{text}");
        }
    }

    #[test]
    fn an_age_counts_from_now_and_a_later_day_wins() {
        let now_ms = 1_795_705_200_000 + 7_200_000;
        let from = |pairs| asking(pairs).jobs(Scope::Every, now_ms).0.from_ms;
        assert_eq!(from(&[("age", "1h")]), Some(now_ms - 3_600_000));
        assert_eq!(from(&[("age", "7d"), ("from", "2026-11-27")]), Some(1_795_705_200_000));
        assert_eq!(from(&[("age", "soon")]), None);
    }

    #[test]
    fn a_link_changes_one_thing_and_begins_at_the_first_page() {
        let asked = asking(&[("set", "parked"), ("q", "a&b"), ("cursor", "1.x")]);
        assert_eq!(asked.with("/x", "set", "failed"), "/x?q=a%26b&set=failed");
        assert_eq!(asked.with("/x", "q", ""), "/x?set=parked");
        assert_eq!(asking(&[]).with("/x", "q", ""), "/x");
    }
}
