//! The one statement by which PostgreSQL writes all that waits: its text and its values. Not here: what waits, and when it is written.

use std::collections::BTreeMap;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ColumnTrait as _, DbBackend, DbErr, EntityTrait,
    IdenStatic, IntoActiveModel, Iterable as _, PrimaryKeyToColumn as _, Statement,
};

use super::array::{array, array_of_texts, type_word};
use super::{Gathered, Raised, Rows, Table, Unwritten};
use crate::sql::{Sql, few};

/// What tells one state of a row from all others, as an expression: the transaction that wrote it. Locks do not change it. Source:
/// PostgreSQL's manual, 5.5, system columns.
pub(crate) fn seen(table: &impl IdenStatic) -> Expr {
    Expr::cust(format!("CAST({}.xmin AS text)", quoted(table.as_str())))
}

/// That a row is in the state in which it was seen.
const AS_SEEN: &str = "CAST(kept.xmin AS text) =";

impl Unwritten {
    /// All of it by one statement. Its text depends on the columns that change, and for each table on whether it is about one row or several, but
    /// not on how many: it is prepared once.
    pub(super) fn statement(self, raised: &Raised) -> Result<Statement, DbErr> {
        let rows = count_of(self.rows().saturating_add(raised.orders.len()));
        let mut sql = Sql::new(DbBackend::Postgres);
        let mut parts = Vec::new();
        let Unwritten { orders, payments, cancellations, jobs, attempts } = self;
        orders.describe(&mut sql, &mut parts)?;
        payments.describe(&mut sql, &mut parts)?;
        cancellations.describe(&mut sql, &mut parts)?;
        jobs.describe(&mut sql, &mut parts)?;
        attempts.describe(&mut sql, &mut parts)?;
        raised.describe(&mut sql, &mut parts)?;
        let (mut with, mut counts) = (Vec::new(), Vec::new());
        for (number, part) in parts.iter().enumerate() {
            with.push(format!("part{number} AS ({part})"));
            counts.push(format!("(SELECT count(*) FROM part{number})"));
        }
        // Of none of the tables can it be more than there are. If it is fewer, nothing may stay, and nothing does of a statement that fails.
        let (counted, wanted) = (counts.join(" + "), sql.bind(rows));
        let text = format!(
            "WITH {} SELECT 1 / CASE WHEN {counted} = CAST({wanted} AS bigint) THEN 1 ELSE 0 END",
            with.join(", ")
        );
        Ok(sql.statement(text))
    }
}

impl Raised {
    fn describe(&self, sql: &mut Sql, parts: &mut Vec<String>) -> Result<(), DbErr> {
        if !self.orders.is_empty() {
            let at = sql.bind(self.at_ms);
            let ids = array_of_texts(sql, &self.orders)?;
            let all = format!("unnest({ids}) AS asked");
            let asked = few(&all, &sql.bind(count_of(self.orders.len())));
            parts.push(format!(
                "UPDATE orders SET version = version + 1, updated_at = {at} WHERE id IN {asked} RETURNING 1"
            ));
        }
        Ok(())
    }
}

impl<A> Table<A>
where
    A: Gathered + ActiveModelBehavior + Send,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
{
    /// Adds the statements that write it to others. Which of them is done first is the database's choice: no row that is new may need a change
    /// that waits, as the end of another of which there may be one. PostgreSQL counts them from the first to the last, and so locks before it
    /// changes; in another order a row that is both would be missed, and nothing written.
    fn describe(self, sql: &mut Sql, parts: &mut Vec<String>) -> Result<(), DbErr> {
        if self.only_seen().next().is_some() {
            parts.push(self.lock(sql)?);
        }
        if !self.new.by_key.is_empty() {
            parts.push(self.new.insert(sql)?);
        }
        if !self.changed.by_key.is_empty() {
            parts.push(self.changed.update(&self.seen, sql)?);
        }
        Ok(())
    }

    /// The text that locks those that were only seen, if they are still as they were; of tables whose key is one column.
    fn lock(&self, sql: &mut Sql) -> Result<String, DbErr> {
        let name = table::<A>().as_str().to_owned();
        let key =
            <A::Entity as EntityTrait>::PrimaryKey::iter().next().map(|key| key.into_column());
        let key = key.ok_or_else(|| DbErr::Type(format!("{name} has no key")))?;
        let key = quoted(key.as_str());
        let (table, mut only) = (quoted(&name), self.only_seen());
        if let (Some((id, state)), None) = (only.next(), only.next()) {
            let (id, state) = (sql.bind(id.as_str()), sql.bind(state.as_str()));
            return Ok(format!(
                "SELECT 1 FROM {table} AS kept WHERE {key} = {id} AND {AS_SEEN} {state} FOR UPDATE"
            ));
        }
        let keys = array_of_texts(sql, self.only_seen().map(|(id, _)| id))?;
        let states = array_of_texts(sql, self.only_seen().map(|(_, state)| state))?;
        let source = unnested(&[("key".to_owned(), keys), ("seen".to_owned(), states)]);
        let source = few(&source, &sql.bind(count_of(self.only_seen().count())));
        Ok(format!(
            "SELECT 1 FROM {table} AS kept, {source} AS new WHERE kept.{key} = new.key AND {AS_SEEN} new.seen FOR UPDATE OF kept"
        ))
    }
}

impl<A: Gathered> Rows<A> {
    /// The text that changes all of them. For one alone, as most are when it is quiet, arrays would cost more than all the rest.
    fn update(&self, seen: &BTreeMap<String, String>, sql: &mut Sql) -> Result<String, DbErr> {
        let table = quoted(table::<A>().as_str());
        let changed = self.changed();
        let keys = <A::Entity as EntityTrait>::PrimaryKey::iter().map(|key| key.into_column());
        let keys: Vec<_> = keys.collect();
        if let Some((id, row)) = self.only() {
            let mut text = format!("UPDATE {table} AS kept SET ");
            push_all(&mut text, &changed, ", ", |text, column| push_equal(text, row, *column, sql));
            text.push_str(" WHERE ");
            push_all(&mut text, &keys, " AND ", |text, column| push_equal(text, row, *column, sql));
            if let Some(state) = seen.get(id) {
                text.push_str(" AND ");
                text.push_str(AS_SEEN);
                text.push(' ');
                sql.bind_to(&mut text, state.as_str());
            }
            text.push_str(" RETURNING 1");
            return Ok(text);
        }
        let columns: Vec<_> = keys.iter().chain(&changed).copied().collect();
        let set = changed.iter().map(|column| format!("{0} = new.{0}", quoted(column.as_str())));
        let same = keys.iter().map(|key| format!("kept.{0} = new.{0}", quoted(key.as_str())));
        let mut same: Vec<String> = same.collect();
        let mut arrays = self.arrays(&columns, sql)?;
        if !seen.is_empty() {
            let states = self.by_key.keys().map(|id| seen.get(id).map_or("", String::as_str));
            arrays.push(("seen".to_owned(), array_of_texts(sql, states)?));
            same.push(format!("{AS_SEEN} new.seen"));
        }
        let source = few(&unnested(&arrays), &sql.bind(count_of(self.by_key.len())));
        Ok(format!(
            "UPDATE {table} AS kept SET {} FROM {source} AS new WHERE {} RETURNING 1",
            set.collect::<Vec<_>>().join(", "),
            same.join(" AND "),
        ))
    }

    /// The text that adds all of them.
    fn insert(&self, sql: &mut Sql) -> Result<String, DbErr> {
        let table = quoted(table::<A>().as_str());
        let columns: Vec<_> = <A::Entity as EntityTrait>::Column::iter().collect();
        let mut names = String::new();
        push_all(&mut names, &columns, ", ", |names, column| push_quoted(names, column.as_str()));
        if let Some((_, row)) = self.only() {
            let mut text = format!("INSERT INTO {table} ({names}) VALUES (");
            push_all(&mut text, &columns, ", ", |text, column| push_place(text, row, *column, sql));
            text.push_str(") RETURNING 1");
            return Ok(text);
        }
        let source = unnested(&self.arrays(&columns, sql)?);
        Ok(format!("INSERT INTO {table} ({names}) SELECT {names} FROM {source} RETURNING 1"))
    }

    /// The row, if there is but one.
    fn only(&self) -> Option<(&String, &A)> {
        self.by_key.iter().next().filter(|_| self.by_key.len() == 1)
    }

    /// The rows as one array per column, with the column's name.
    fn arrays(
        &self,
        columns: &[<A::Entity as EntityTrait>::Column],
        sql: &mut Sql,
    ) -> Result<Vec<(String, String)>, DbErr> {
        let arrays = columns.iter().map(|column| {
            let word = type_word(column.def().get_column_type())?;
            let values = self.by_key.values().map(|row| row.get(*column).into_value());
            Ok((quoted(column.as_str()), array(sql, word, values)?))
        });
        arrays.collect()
    }
}

/// Adds all of them to a text, one behind the other. What is about one row is written so, in one text: it is often the only one for a while,
/// and somebody waits for it.
fn push_all<T>(text: &mut String, all: &[T], between: &str, mut push: impl FnMut(&mut String, &T)) {
    for (number, one) in all.iter().enumerate() {
        if number > 0 {
            text.push_str(between);
        }
        push(text, one);
    }
}

/// That a column has what it has in a row.
fn push_equal<A: Gathered>(
    text: &mut String,
    row: &A,
    column: <A::Entity as EntityTrait>::Column,
    sql: &mut Sql,
) {
    push_quoted(text, column.as_str());
    text.push_str(" = ");
    push_place(text, row, column, sql);
}

/// The place of what a row has in a column.
fn push_place<A: Gathered>(
    text: &mut String,
    row: &A,
    column: <A::Entity as EntityTrait>::Column,
    sql: &mut Sql,
) {
    match row.get(column).into_value() {
        Some(value) => sql.bind_to(text, value),
        None => text.push_str("NULL"),
    }
}

fn push_quoted(text: &mut String, name: &str) {
    text.push('"');
    text.push_str(name);
    text.push('"');
}

/// Arrays as a table `new`.
fn unnested(arrays: &[(String, String)]) -> String {
    let (names, places): (Vec<&str>, Vec<&str>) =
        arrays.iter().map(|(name, place)| (name.as_str(), place.as_str())).unzip();
    format!("unnest({}) AS new({})", places.join(", "), names.join(", "))
}

fn count_of(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

fn table<A: ActiveModelTrait>() -> A::Entity {
    A::Entity::default()
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}
