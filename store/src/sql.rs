//! Statements that SeaORM's builder has no words for: text with numbered places, and the values for them.

use std::fmt::Write as _;
use std::sync::OnceLock;

use sea_orm::sea_query::{Expr, ExprTrait as _, Func, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, Statement, Value};

/// The values of a statement under construction. What is not bound here is a word of our own.
#[derive(Debug, Clone)]
pub(crate) struct Sql {
    backend: DbBackend,
    values: Vec<Value>,
}

impl Sql {
    pub(crate) fn new(backend: DbBackend) -> Sql {
        Sql { backend, values: Vec::new() }
    }

    /// The place of a value in the text.
    pub(crate) fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    /// The same, at the end of a text.
    pub(crate) fn bind_to(&mut self, text: &mut String, value: impl Into<Value>) {
        self.values.push(value.into());
        // A String takes everything.
        let _written = write!(text, "${}", self.values.len());
    }

    /// The places of several values, with commas between; nothing equals the place of none.
    pub(crate) fn bind_all<'v>(&mut self, values: impl IntoIterator<Item = &'v str>) -> String {
        let places: Vec<String> = values.into_iter().map(|value| self.bind(value)).collect();
        if places.is_empty() { "NULL".to_owned() } else { places.join(", ") }
    }

    /// That a column begins with a text, byte by byte, as an index over its bytes finds it.
    pub(crate) fn begins_with(&mut self, column: &str, start: &str) -> String {
        let collation = self.bytewise();
        let from = self.bind(start);
        let Some(end) = after_all_that_begin_with(start) else {
            return format!("{column} {collation} >= {from}");
        };
        let end = self.bind(end);
        format!("{column} {collation} >= {from} AND {column} {collation} < {end}")
    }

    /// The collation of indexes over bytes.
    pub(crate) fn bytewise(&self) -> &'static str {
        if self.backend == DbBackend::Postgres { "COLLATE \"C\"" } else { "COLLATE BINARY" }
    }

    /// That a column's value is one of a few that a statement finds, which is run first: PostgreSQL would rather walk the whole table and
    /// look for each of its rows there.
    pub(crate) fn one_of(&self, column: &str, select: &str) -> String {
        if self.backend == DbBackend::Postgres {
            format!("{column} = ANY(ARRAY({select}))")
        } else {
            format!("{column} IN ({select})")
        }
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// The whole, with the first `values` of its values: a text that leaves out a place must leave out all after it.
    pub(crate) fn statement_of(&self, text: impl Into<String>, values: usize) -> Statement {
        let values = self.values.iter().take(values).cloned();
        Statement::from_sql_and_values(self.backend, text, values)
    }

    /// The whole. The values go with it: those of a batch of answers are some hundred KiB.
    pub(crate) fn statement(self, text: impl Into<String>) -> Statement {
        Statement::from_sql_and_values(self.backend, text, self.values)
    }
}

/// A statement of PostgreSQL about ids, whose text is made once for one id, as it usually is: to make it anew, some forty columns are put
/// together out of small texts.
#[derive(Debug)]
pub(crate) struct AboutOne {
    made: OnceLock<Statement>,
}

/// In the place of the id while the text is made. No id has such a letter, and no word of ours.
const ASKED: &str = "\0";

impl AboutOne {
    pub(crate) const fn new() -> AboutOne {
        AboutOne { made: OnceLock::new() }
    }

    /// The statement about these ids, as `make` makes it for some. What it makes for one may depend on nothing else, and has the id as a value
    /// of its own, and not in an array.
    pub(crate) fn statement(
        &self,
        ids: &[&str],
        make: impl FnOnce(&[&str]) -> Statement,
    ) -> Statement {
        let [id] = ids else { return make(ids) };
        let mut statement = self.made.get_or_init(|| make(&[ASKED])).clone();
        let asked = Value::from(ASKED);
        let values = statement.values.iter_mut().flat_map(|values| &mut values.0);
        for value in values.filter(|value| **value == asked) {
            *value = Value::from(*id);
        }
        statement
    }
}

/// That a column's text is one of these. The statement's text is the same however many they are, if there is more than one and where the
/// database can do that: it is prepared once. PostgreSQL begins with these and looks each of them up by the column's index, because it
/// takes them for very few, as with [`few`].
///
/// Not for one of several conditions that are joined by OR: see [`is_any_of`].
pub(crate) fn is_one_of<C, V>(
    connection: &impl ConnectionTrait,
    column: C,
    values: impl IntoIterator<Item = V>,
) -> Expr
where
    C: ColumnTrait,
    V: Into<String>,
{
    let values: Vec<String> = values.into_iter().map(Into::into).collect();
    if connection.get_database_backend() != DbBackend::Postgres {
        return column.is_in(values);
    }
    if let [one] = &values[..] {
        return column.eq(one);
    }
    let count = u64::try_from(values.len()).unwrap_or(u64::MAX);
    let all = Func::cust("unnest").arg(Expr::value(values).cast_as("text[]"));
    column.in_subquery(
        Query::select().column("asked").from_function(all, "asked").limit(count).to_owned(),
    )
}

/// The same as one of several conditions, each of which would do.
pub(crate) fn is_any_of<C, V>(
    connection: &impl ConnectionTrait,
    column: C,
    values: impl IntoIterator<Item = V>,
) -> Expr
where
    C: ColumnTrait,
    V: Into<String>,
{
    let values = values.into_iter().map(Into::into);
    if connection.get_database_backend() == DbBackend::Postgres {
        column.eq_any(values)
    } else {
        column.is_in(values)
    }
}

/// Of a source of rows, as many as there are. With a number that it does not know, PostgreSQL plans for very few of them: it looks them up
/// one by one in the table that they are joined with. Otherwise, while that is small, it plans to read all of it, and goes on with
/// that plan while the table grows.
pub(crate) fn few(rows: &str, count: &str) -> String {
    format!("(SELECT * FROM {rows} LIMIT {count})")
}

/// The least text that is greater than everything that begins so; `None` when there is none.
fn after_all_that_begin_with(start: &str) -> Option<String> {
    let mut kept = start.to_owned();
    while let Some(last) = kept.pop() {
        // The code points of surrogates are no characters: after the last one before them comes the first one behind them.
        let next = u32::from(last).checked_add(1)?;
        let next = if next == 0xD800 { 0xE000 } else { next };
        if let Some(next) = char::from_u32(next) {
            kept.push(next);
            return Some(kept);
        }
    }
    None
}

/// A word of our own as a part of the statement's text, and not as a value of it: only so can a plan that is made once use an index over the
/// rows of such a word.
pub(crate) fn word(word: &'static str) -> Expr {
    Expr::Constant(word.into())
}

/// Words of our own as a list of SQL texts.
pub(crate) fn quoted<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("'{word}'")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_end_of_a_prefix_is_the_next_text_of_its_length_or_shorter() {
        assert_eq!(after_all_that_begin_with("김민").as_deref(), Some("김믽"));
        assert_eq!(after_all_that_begin_with("a\u{10FFFF}").as_deref(), Some("b"));
        assert_eq!(after_all_that_begin_with("\u{D7FF}").as_deref(), Some("\u{E000}"));
        assert_eq!(after_all_that_begin_with("\u{10FFFF}"), None);
    }

    #[test]
    fn the_text_about_one_id_is_made_once_and_asks_for_whoever_is_asked_for() {
        let about = AboutOne::new();
        let made = Cell::new(0);
        let ask = |ids: &[&str]| {
            about.statement(ids, |ids| {
                made.set(made.get() + 1);
                let mut sql = Sql::new(DbBackend::Postgres);
                let (word, ids) = (sql.bind("asked"), sql.bind_all(ids.iter().copied()));
                sql.statement(format!("{word} {ids}"))
            })
        };
        let values = |statement: &Statement| {
            let values = statement.values.clone().unwrap().0;
            values.into_iter().map(|value| value.unwrap::<String>()).collect::<Vec<_>>()
        };
        for id in ["one", "another", "asked"] {
            let statement = ask(&[id]);
            assert_eq!(statement.sql, "$1 $2");
            assert_eq!(values(&statement), ["asked", id]);
        }
        assert_eq!(made.get(), 1);
        let statement = ask(&["one", "another"]);
        assert_eq!(statement.sql, "$1 $2, $3");
        assert_eq!(values(&statement), ["asked", "one", "another"]);
    }

    proptest! {
        #[test]
        fn whatever_begins_so_is_before_the_end_and_nothing_else_is_between(start in ".{1,5}", more in ".{0,5}", other in ".{0,6}") {
            let end = after_all_that_begin_with(&start);
            let is_between = |text: &str| {
                text >= start.as_str() && end.as_deref().is_none_or(|end| text < end)
            };
            let whole = format!("{start}{more}");
            prop_assert!(is_between(&whole));
            prop_assert_eq!(is_between(&other), other.starts_with(&start));
        }
    }
}
