//! A write's transaction, with the changes that are decided on and not written yet.
//!
//! Accepting, claiming and settling change the same few tables for each job of a batch. They hand their rows over here, and all of them go
//! to the database together: on PostgreSQL in one statement for all rows of all tables. Whoever asks the database anything meanwhile sees
//! them: every statement writes out first what is waiting. A transaction at once is nothing but that one statement.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use entities::{attempt, cancellation, job, order, payment};
use sea_orm::sea_query::{ColumnType, Expr, ExprTrait as _};
use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ActiveValue, ColumnTrait as _, ConnectionTrait,
    DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, EntityTrait, ExecResult, IdenStatic,
    IntoActiveModel, Iterable as _, ModelTrait, PrimaryKeyToColumn as _, QueryFilter as _,
    QueryResult, Statement, TryIntoModel, Value,
};

use crate::error::database_code;
use crate::sql::{Sql, few};

/// A transaction under way.
#[derive(Debug)]
pub(crate) struct Transaction {
    database: Database,
    unwritten: Mutex<Unwritten>,
}

/// Where a transaction writes.
#[derive(Debug)]
enum Database {
    /// One has begun.
    Begun(DatabaseTransaction),
    /// None has, on PostgreSQL: what is written is one statement, which is a transaction by itself.
    AtOnce(DatabaseConnection),
}

impl Database {
    fn backend(&self) -> DbBackend {
        match self {
            Database::Begun(begun) => begun.get_database_backend(),
            Database::AtOnce(pool) => pool.get_database_backend(),
        }
    }

    /// The transaction in which more than the one statement can be done.
    fn begun(&self) -> Result<&DatabaseTransaction, DbErr> {
        match self {
            Database::Begun(begun) => Ok(begun),
            Database::AtOnce(_) => Err(DbErr::Custom(MORE_THAN_ONE.to_owned())),
        }
    }
}

const MORE_THAN_ONE: &str = "what is written at once can do nothing else";
const UNSEEN: &str = "a row that was not seen is changed under a lock only";

/// Whether something cannot be done at once that can be done under locks.
pub(crate) fn needs_locks(error: &DbErr) -> bool {
    matches!(error, DbErr::Custom(text) if text == MORE_THAN_ONE || text == UNSEEN)
}

/// What tells one state of a row from all others, as an expression: the transaction that wrote it. Locks do not change it. Source:
/// PostgreSQL's manual, 5.5, system columns.
pub(crate) fn seen(table: &impl IdenStatic) -> Expr {
    Expr::cust(format!("CAST({}.xmin AS text)", quoted(table.as_str())))
}

/// That a row is in the state in which it was seen.
const AS_SEEN: &str = "CAST(kept.xmin AS text) =";

/// PostgreSQL's word for what a statement fails with that did not find all of its rows. Source: PostgreSQL's manual, appendix A.
const DIVISION_BY_ZERO: &str = "22012";

/// What waits to be written.
#[derive(Debug, Default)]
pub(crate) struct Unwritten {
    orders: Table<order::ActiveModel>,
    payments: Table<payment::ActiveModel>,
    cancellations: Table<cancellation::ActiveModel>,
    jobs: Table<job::ActiveModel>,
    attempts: Table<attempt::ActiveModel>,
}

/// What waits of one table.
#[derive(Debug)]
pub(crate) struct Table<A> {
    new: Rows<A>,
    changed: Rows<A>,
    /// Rows that were read without a lock, and what they were by then: see [`seen`].
    seen: BTreeMap<String, String>,
}

impl<A> Default for Table<A> {
    fn default() -> Table<A> {
        Table { new: Rows::default(), changed: Rows::default(), seen: BTreeMap::new() }
    }
}

/// Rows of one table, whole as they are to be.
#[derive(Debug)]
struct Rows<A> {
    by_key: BTreeMap<String, A>,
    /// The columns in which at least one of them is new.
    columns: BTreeSet<&'static str>,
}

impl<A> Default for Rows<A> {
    fn default() -> Rows<A> {
        Rows { by_key: BTreeMap::new(), columns: BTreeSet::new() }
    }
}

/// Orders whose version is raised by a commit. Their rows are locked already.
#[derive(Debug, Default)]
pub(crate) struct Raised {
    /// By id. None of them waits to be written otherwise.
    pub(crate) orders: BTreeSet<String>,
    /// When, in milliseconds UTC.
    pub(crate) at_ms: i64,
}

impl Raised {
    fn describe(&self, sql: &mut Sql, parts: &mut Vec<String>) -> Result<(), DbErr> {
        if !self.orders.is_empty() {
            let mut ids = ArrayLiteral::default();
            for id in &self.orders {
                ids.push(Some(&Value::from(id.as_str())))?;
            }
            let (at, ids) = (sql.bind(self.at_ms), sql.bind(ids.end()));
            let all = format!("unnest(CAST(CAST({ids} AS text) AS text[])) AS asked");
            let asked = few(&all, &sql.bind(count_of(self.orders.len())));
            parts.push(format!(
                "UPDATE orders SET version = version + 1, updated_at = {at} WHERE id IN {asked} RETURNING 1"
            ));
        }
        Ok(())
    }

    async fn write(&self, database: &DatabaseTransaction) -> Result<(), DbErr> {
        if self.orders.is_empty() {
            return Ok(());
        }
        order::Entity::update_many()
            .col_expr(order::Column::Version, Expr::col(order::Column::Version).add(1))
            .col_expr(order::Column::UpdatedAt, Expr::value(self.at_ms))
            .filter(order::Column::Id.is_in(&self.orders))
            .exec(database)
            .await?;
        Ok(())
    }
}

/// A row of a table whose changes are written together.
pub(crate) trait Gathered: ActiveModelTrait {
    /// What names it among those of its table.
    fn key(&self) -> String;

    /// What waits of its table.
    fn among(unwritten: &mut Unwritten) -> &mut Table<Self>;
}

macro_rules! gathered {
    ($table:ident, $rows:ident, $($key:ident),+) => {
        impl Gathered for $table::ActiveModel {
            fn key(&self) -> String {
                [$(self.$key.as_ref().to_string()),+].join("/")
            }

            fn among(unwritten: &mut Unwritten) -> &mut Table<$table::ActiveModel> {
                &mut unwritten.$rows
            }
        }
    };
}

gathered!(order, orders, id);
gathered!(payment, payments, order_id);
gathered!(cancellation, cancellations, id);
gathered!(job, jobs, id);
gathered!(attempt, attempts, job_id, number);

impl Transaction {
    pub(crate) fn new(begun: DatabaseTransaction) -> Transaction {
        Transaction { database: Database::Begun(begun), unwritten: Mutex::default() }
    }

    /// One that does nothing but write out what waits, in one statement, by its commit.
    pub(crate) fn at_once(pool: DatabaseConnection) -> Transaction {
        Transaction { database: Database::AtOnce(pool), unwritten: Mutex::default() }
    }

    fn unwritten(&self) -> MutexGuard<'_, Unwritten> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says which of its states a row was read in without a lock, as [`seen`] tells it: nothing is written if it is not in that any more, whether
    /// it is to be changed or not.
    pub(crate) fn saw<A: Gathered>(&self, key: &str, state: String) {
        A::among(&mut self.unwritten()).seen.insert(key.to_owned(), state);
    }

    /// Changes a row that is locked, or that was [seen](Transaction::saw), and gives it back as it is from now on. It must have all its columns.
    pub(crate) fn change<A>(&self, row: A) -> Result<<A::Entity as EntityTrait>::Model, DbErr>
    where
        A: Gathered + TryIntoModel<<A::Entity as EntityTrait>::Model>,
    {
        let mut unwritten = self.unwritten();
        let table = A::among(&mut unwritten);
        if matches!(self.database, Database::AtOnce(_)) && !table.seen.contains_key(&row.key()) {
            return Err(DbErr::Custom(UNSEEN.to_owned()));
        }
        let model = row.clone().try_into_model()?;
        table.change(row);
        Ok(model)
    }

    /// Adds a row.
    pub(crate) fn add<M, A>(&self, row: M)
    where
        M: ModelTrait + IntoActiveModel<A>,
        M::Entity: EntityTrait<ActiveModel = A>,
        A: Gathered,
    {
        A::among(&mut self.unwritten()).new.add(row.into_active_model().reset_all());
    }

    /// Writes what waits.
    async fn write_out(&self) -> Result<(), DbErr> {
        let unwritten = std::mem::take(&mut *self.unwritten());
        self.write(unwritten, &Raised::default()).await
    }

    /// Writes what waits, raises versions, and makes all of it true. Whether there was anything to write.
    pub(crate) async fn commit(self, raised: &Raised) -> Result<bool, DbErr> {
        let unwritten = std::mem::take(&mut *self.unwritten());
        let has_rows = unwritten.writes();
        self.write(unwritten, raised).await?;
        match self.database {
            Database::Begun(begun) => begun.commit().await?,
            Database::AtOnce(_) => {}
        }
        Ok(has_rows)
    }

    async fn write(&self, unwritten: Unwritten, raised: &Raised) -> Result<(), DbErr> {
        // What was decided to be left as it is was so when it was seen.
        if !unwritten.writes() && raised.orders.is_empty() {
            return Ok(());
        }
        match &self.database {
            Database::AtOnce(pool) => return unwritten.write_together(raised, pool).await,
            Database::Begun(begun) if self.database.backend() == DbBackend::Postgres => {
                unwritten.write_together(raised, begun).await?;
            }
            Database::Begun(begun) => {
                unwritten.write_one_by_one(begun).await?;
                raised.write(begun).await?;
            }
        }
        crash::point!("commit 1", "rows are written that waited", "whatever comes next");
        Ok(())
    }
}

impl<A: Gathered> Table<A> {
    /// Changes a row, and be it one that waits to be added.
    fn change(&mut self, row: A) {
        match self.new.by_key.get_mut(&row.key()) {
            Some(new) => *new = row.reset_all(),
            None => self.changed.add(row),
        }
    }
}

impl Unwritten {
    fn rows(&self) -> usize {
        let Unwritten { orders, payments, cancellations, jobs, attempts } = self;
        let all =
            [orders.rows(), payments.rows(), cancellations.rows(), jobs.rows(), attempts.rows()];
        all.iter().sum()
    }

    /// Whether something waits.
    fn writes(&self) -> bool {
        let Unwritten { orders, payments, cancellations, jobs, attempts } = self;
        orders.writes()
            || payments.writes()
            || cancellations.writes()
            || jobs.writes()
            || attempts.writes()
    }

    /// All of it by one statement. Its text depends on the columns that change, and for each table on whether it is about one row or several, but
    /// not on how many: it is prepared once.
    async fn write_together(
        self,
        raised: &Raised,
        database: &impl ConnectionTrait,
    ) -> Result<(), DbErr> {
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
        let written = database.query_one_raw(sql.statement(text)).await;
        written.map(drop).map_err(|error| match database_code(&error).as_deref() {
            Some(DIVISION_BY_ZERO) => DbErr::RecordNotUpdated,
            _ => error,
        })
    }

    /// Row by row, what others point to first: a statement costs next to nothing within a process.
    async fn write_one_by_one(self, database: &DatabaseTransaction) -> Result<(), DbErr> {
        self.orders.write(database).await?;
        self.payments.write(database).await?;
        self.cancellations.write(database).await?;
        self.jobs.write(database).await?;
        self.attempts.write(database).await
    }
}

impl<A> Table<A>
where
    A: Gathered + ActiveModelBehavior + Send,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
{
    fn rows(&self) -> usize {
        let written = self.new.by_key.len().saturating_add(self.changed.by_key.len());
        written.saturating_add(self.only_seen().count())
    }

    fn writes(&self) -> bool {
        !(self.new.by_key.is_empty() && self.changed.by_key.is_empty())
    }

    /// Rows that are not to be changed, and must not be changed by others.
    fn only_seen(&self) -> impl Iterator<Item = (&String, &String)> {
        self.seen.iter().filter(|(key, _)| !self.changed.by_key.contains_key(*key))
    }

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
        let (mut keys, mut states) = (ArrayLiteral::default(), ArrayLiteral::default());
        for (id, state) in self.only_seen() {
            keys.push(Some(&Value::from(id.as_str())))?;
            states.push(Some(&Value::from(state.as_str())))?;
        }
        let (keys, states) = (sql.bind(keys.end()), sql.bind(states.end()));
        let source = format!(
            "unnest(CAST(CAST({keys} AS text) AS text[]), CAST(CAST({states} AS text) AS text[])) AS new(key, seen)"
        );
        let source = few(&source, &sql.bind(count_of(self.only_seen().count())));
        Ok(format!(
            "SELECT 1 FROM {table} AS kept, {source} AS new WHERE kept.{key} = new.key AND {AS_SEEN} new.seen FOR UPDATE OF kept"
        ))
    }

    async fn write(self, database: &DatabaseTransaction) -> Result<(), DbErr> {
        for row in self.new.by_key.into_values() {
            A::Entity::insert(row).exec_without_returning(database).await?;
        }
        let columns = self.changed.changed();
        for mut row in self.changed.by_key.into_values() {
            columns.iter().for_each(|column| row.reset(*column));
            row.update(database).await?;
        }
        Ok(())
    }
}

impl<A: Gathered> Rows<A> {
    fn add(&mut self, row: A) {
        for column in <A::Entity as EntityTrait>::Column::iter() {
            if matches!(row.get(column), ActiveValue::Set(_)) {
                self.columns.insert(column.as_str());
            }
        }
        self.by_key.insert(row.key(), row);
    }

    /// The columns that are new in some of them.
    fn changed(&self) -> Vec<<A::Entity as EntityTrait>::Column> {
        let columns = <A::Entity as EntityTrait>::Column::iter();
        columns.filter(|column| self.columns.contains(column.as_str())).collect()
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
            let mut equal = |column: &_| Self::is_equal(row, *column, sql);
            let set: Vec<String> = changed.iter().map(&mut equal).collect();
            let mut same: Vec<String> = keys.iter().map(&mut equal).collect();
            if let Some(state) = seen.get(id) {
                same.push(format!("{AS_SEEN} {}", sql.bind(state.as_str())));
            }
            let (set, same) = (set.join(", "), same.join(" AND "));
            return Ok(format!("UPDATE {table} AS kept SET {set} WHERE {same} RETURNING 1"));
        }
        let columns: Vec<_> = keys.iter().chain(&changed).copied().collect();
        let set = changed.iter().map(|column| format!("{0} = new.{0}", quoted(column.as_str())));
        let same = keys.iter().map(|key| format!("kept.{0} = new.{0}", quoted(key.as_str())));
        let mut same: Vec<String> = same.collect();
        let mut arrays = self.arrays(&columns, sql)?;
        if !seen.is_empty() {
            let mut states = ArrayLiteral::default();
            for id in self.by_key.keys() {
                states.push(Some(&Value::from(seen.get(id).map_or("", String::as_str))))?;
            }
            arrays.push((
                "seen".to_owned(),
                format!("CAST(CAST({} AS text) AS text[])", sql.bind(states.end())),
            ));
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
        let names: Vec<String> = columns.iter().map(|column| quoted(column.as_str())).collect();
        let names = names.join(", ");
        if let Some((_, row)) = self.only() {
            let values = columns.iter().map(|column| Self::place(row, *column, sql));
            let values = values.collect::<Vec<_>>().join(", ");
            return Ok(format!("INSERT INTO {table} ({names}) VALUES ({values}) RETURNING 1"));
        }
        let source = unnested(&self.arrays(&columns, sql)?);
        Ok(format!("INSERT INTO {table} ({names}) SELECT {names} FROM {source} RETURNING 1"))
    }

    /// The row, if there is but one.
    fn only(&self) -> Option<(&String, &A)> {
        self.by_key.iter().next().filter(|_| self.by_key.len() == 1)
    }

    fn is_equal(row: &A, column: <A::Entity as EntityTrait>::Column, sql: &mut Sql) -> String {
        format!("{} = {}", quoted(column.as_str()), Self::place(row, column, sql))
    }

    /// The place of what a row has in a column.
    fn place(row: &A, column: <A::Entity as EntityTrait>::Column, sql: &mut Sql) -> String {
        match row.get(column).into_value() {
            Some(value) => sql.bind(value),
            None => "NULL".to_owned(),
        }
    }

    /// The rows as one array per column, with the column's name.
    fn arrays(
        &self,
        columns: &[<A::Entity as EntityTrait>::Column],
        sql: &mut Sql,
    ) -> Result<Vec<(String, String)>, DbErr> {
        let mut arrays = Vec::with_capacity(columns.len());
        for column in columns {
            let word = type_word(column.def().get_column_type())?;
            let mut literal = ArrayLiteral::default();
            for row in self.by_key.values() {
                literal.push(row.get(*column).into_value().as_ref())?;
            }
            let place = sql.bind(literal.end());
            arrays.push((
                quoted(column.as_str()),
                format!("CAST(CAST({place} AS text) AS {word}[])"),
            ));
        }
        Ok(arrays)
    }
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

/// PostgreSQL's word for the kinds of columns that the tables have.
fn type_word(kind: &ColumnType) -> Result<&'static str, DbErr> {
    let words = [
        (ColumnType::Text, "text"),
        (ColumnType::BigInteger, "bigint"),
        (ColumnType::Integer, "integer"),
        (ColumnType::Boolean, "boolean"),
    ];
    let is_text = matches!(kind, ColumnType::String(_));
    let known = words.iter().find(|(known, _)| known == kind).map(|(_, word)| *word);
    known
        .or(is_text.then_some("text"))
        .ok_or_else(|| DbErr::Type(format!("{kind:?} cannot be written in an array")))
}

/// An array as PostgreSQL reads it: the only form in which its elements may be NULL here. Source: PostgreSQL's manual, 8.15.6.
#[derive(Debug, Default)]
struct ArrayLiteral {
    text: String,
}

impl ArrayLiteral {
    fn push(&mut self, value: Option<&Value>) -> Result<(), DbErr> {
        self.text.push(if self.text.is_empty() { '{' } else { ',' });
        match value {
            Some(Value::String(Some(text))) => self.push_quoted(text),
            Some(Value::BigInt(Some(number))) => self.push_word(number),
            Some(Value::Int(Some(number))) => self.push_word(number),
            Some(Value::Bool(Some(is_so))) => self.push_word(is_so),
            None
            | Some(
                Value::String(None) | Value::BigInt(None) | Value::Int(None) | Value::Bool(None),
            ) => self.push_word("NULL"),
            Some(other) => {
                return Err(DbErr::Type(format!("{other:?} cannot be written in an array")));
            }
        }
        Ok(())
    }

    fn push_word(&mut self, word: impl std::fmt::Display) {
        // A String takes everything.
        let _written = write!(self.text, "{word}");
    }

    fn push_quoted(&mut self, text: &str) {
        self.text.push('"');
        for letter in text.chars() {
            if matches!(letter, '"' | '\\') {
                self.text.push('\\');
            }
            self.text.push(letter);
        }
        self.text.push('"');
    }

    fn end(mut self) -> String {
        if self.text.is_empty() {
            self.text.push('{');
        }
        self.text.push('}');
        self.text
    }
}

#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.database.backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let begun = self.database.begun()?;
        self.write_out().await?;
        begun.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let begun = self.database.begun()?;
        self.write_out().await?;
        begun.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let begun = self.database.begun()?;
        self.write_out().await?;
        begun.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let begun = self.database.begun()?;
        self.write_out().await?;
        begun.query_all_raw(statement).await
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    use sea_orm::ActiveValue::Set;
    use sea_orm::FromQueryResult;

    use super::*;
    use crate::connection::Store;
    use crate::error::StoreError;
    use crate::open::StoreOptions;
    use crate::scratch::Scratch;

    /// What is hardest to write: everything that means something in an array, and more than one row.
    const HARD: [Option<&str>; 6] =
        [Some("NULL"), Some(""), Some(r#"{"a",\"b\"}"#), Some("김 \n\t,'$1"), None, Some("{}")];

    /// A database with jobs `0`, `1`, … of as many orders, all of them queued.
    async fn with_jobs(count: usize) -> (Scratch, Store) {
        let scratch = Scratch::make().await;
        let store = fill_with_jobs(&scratch, count).await;
        (scratch, store)
    }

    async fn fill_with_jobs(scratch: &Scratch, count: usize) -> Store {
        let store = Store::open(&StoreOptions::new(scratch.url())).await.unwrap();
        store.migrate().await.unwrap();
        let stores = "INSERT INTO stores (id, name, merchant, delivery_fee, minimum_order, is_open, created_at, updated_at)
            VALUES ('gimbap', '김밥', 'default', 0, 0, true, 0, 0)";
        store.db.execute_unprepared(stores).await.unwrap();
        for id in 0..count {
            for row in [
                format!(
                    "INSERT INTO orders (id, store_id, store_name, merchant, customer_name, customer_phone, address, items_amount,
                        delivery_fee, amount, tax_free_amount, order_name, state, pay_by, version, created_at, updated_at)
                    VALUES ('{id}', 'gimbap', '김밥', 'default', '손님', '01012345678', '서울', 1000, 0, 1000, 0, '김밥', 'paying', 9, 1, 0, 0)"
                ),
                format!(
                    "INSERT INTO payments (order_id, store_id, payment_key, merchant, amount, balance, state, accepted_at, confirm_by,
                        next_cancel_at, version, updated_at)
                    VALUES ('{id}', 'gimbap', 'key-{id}', 'default', 1000, 0, 'confirming', 0, 9, 0, 1, 0)"
                ),
                format!(
                    "INSERT INTO jobs (id, kind, order_id, store_id, merchant, state, claims, key_generation, due_at, runnable_since,
                        publications, rerun_wanted, created_at, updated_at, amount)
                    VALUES ('{id}', 'confirm', '{id}', 'gimbap', 'default', 'queued', 0, 1, 0, 0, 0, false, 0, 0, 1000)"
                ),
            ] {
                store.db.execute_unprepared(&row).await.unwrap();
            }
        }
        store
    }

    async fn job(connection: &impl ConnectionTrait, id: &str) -> job::Model {
        job::Entity::find_by_id(id).one(connection).await.unwrap().unwrap()
    }

    fn attempt(job_id: &str, answer: Option<&str>) -> attempt::Model {
        attempt::Model {
            job_id: job_id.to_owned(),
            number: 1,
            order_id: job_id.to_owned(),
            claim: 1,
            operation: "confirm".to_owned(),
            key_generation: 1,
            idempotency_key: Some(format!("key-{job_id}")),
            call_hash: None,
            call: None,
            started_at: i64::MAX,
            finished_at: None,
            duration_ms: None,
            http_status: Some(-1),
            code: None,
            message: None,
            verdict: None,
            trace_id: None,
            answer: answer.map(str::to_owned),
            is_stale: true,
            worker: "worker".to_owned(),
            merchant: "default".to_owned(),
        }
    }

    #[tokio::test]
    async fn rows_that_wait_are_written_together_and_each_is_as_it_was_meant() {
        // One alone is written by another text than several.
        for at_once in [HARD.len(), 1] {
            let (_scratch, store) = with_jobs(HARD.len()).await;
            let numbered: Vec<(usize, Option<&str>)> = HARD.into_iter().enumerate().collect();
            for some in numbered.chunks(at_once) {
                let write = store.begin_write().await.unwrap();
                for (number, hard) in some {
                    let mut row = job(&write.tx, &number.to_string()).await.into_active_model();
                    row.last_message = Set(hard.map(str::to_owned));
                    row.rerun_wanted = Set(number % 2 == 0);
                    let changed = write.tx.change(row).unwrap();
                    assert_eq!(changed.last_message.as_deref(), *hard);
                    // Changed once more, in another column: both changes count.
                    let mut row = changed.into_active_model();
                    row.publications = Set(i32::MIN);
                    write.tx.change(row).unwrap();
                    write.tx.add(attempt(&number.to_string(), *hard));
                }
                write.commit().await.unwrap();
            }
            for (number, hard) in numbered {
                let id = number.to_string();
                let row = job(&store.db, &id).await;
                let told = (row.last_message.as_deref(), row.rerun_wanted, row.publications);
                assert_eq!(told, (hard, number % 2 == 0, i32::MIN));
                assert_eq!((row.state.as_str(), row.claims), ("queued", 0), "nothing else changed");
                let key = (id.clone(), 1);
                let added = attempt::Entity::find_by_id(key).one(&store.db).await.unwrap();
                assert_eq!(added, Some(attempt(&id, hard)));
            }
        }
    }

    #[tokio::test]
    async fn one_row_of_several_of_a_key_of_two_columns_is_changed_alone() {
        let (_scratch, store) = with_jobs(1).await;
        let write = store.begin_write().await.unwrap();
        for number in [1, 2] {
            write.tx.add(attempt::Model { number, ..attempt("0", None) });
        }
        write.commit().await.unwrap();
        let of = |number| attempt::Entity::find_by_id(("0".to_owned(), number));
        let write = store.begin_write().await.unwrap();
        let mut row = of(2).one(&write.tx).await.unwrap().unwrap().into_active_model();
        row.code = Set(Some("only this one".to_owned()));
        write.tx.change(row).unwrap();
        write.commit().await.unwrap();
        let codes =
            [of(1), of(2)].map(|one| async { one.one(&store.db).await.unwrap().unwrap().code });
        let [first, second] = codes;
        assert_eq!((first.await, second.await), (None, Some("only this one".to_owned())));
    }

    #[tokio::test]
    async fn whoever_asks_sees_what_waits_and_a_transaction_without_a_commit_leaves_nothing() {
        let (_scratch, store) = with_jobs(1).await;
        let write = store.begin_write().await.unwrap();
        let mut row = job(&write.tx, "0").await.into_active_model();
        row.claims = Set(7);
        write.tx.change(row).unwrap();
        assert_eq!(job(&write.tx, "0").await.claims, 7);
        drop(write);
        assert_eq!(job(&store.db, "0").await.claims, 0);
    }

    #[tokio::test]
    async fn a_row_that_is_gone_is_an_error() {
        for others in [0, 1] {
            let (_scratch, store) = with_jobs(others + 1).await;
            let write = store.begin_write().await.unwrap();
            let mut rows = Vec::new();
            for id in 0..=others {
                rows.push(job(&write.tx, &id.to_string()).await);
            }
            job::Entity::delete_by_id(others.to_string()).exec(&write.tx).await.unwrap();
            for row in rows {
                let mut row = row.into_active_model();
                row.claims = Set(1);
                write.tx.change(row).unwrap();
            }
            write.commit().await.unwrap_err();
            assert_eq!(job(&store.db, "0").await.claims, 0);
        }
    }

    /// Renames orders as they and their payments were seen, and adds attempts of the same names, all at once.
    async fn write_at_once(store: &Store, seen: &[Seen]) -> Result<(), StoreError> {
        let write = begin_at_once(store).await;
        for Seen { order, order_state, payment_state } in seen {
            write.tx.saw::<order::ActiveModel>(&order.id, order_state.clone());
            write.tx.saw::<payment::ActiveModel>(&order.id, payment_state.clone());
            let mut row = order.clone().into_active_model();
            row.order_name = Set("바뀐 이름".to_owned());
            write.tx.change(row)?;
            write.tx.add(attempt(&order.id, None));
        }
        write.commit().await
    }

    async fn begin_at_once(store: &Store) -> crate::connection::Write<'_> {
        let asked = Statement::from_string(DbBackend::Postgres, "SELECT 0::bigint AS now_ms");
        store.begin_write_at_once(&asked).await.unwrap().0
    }

    #[derive(FromQueryResult)]
    struct Seen {
        #[sea_orm(nested)]
        order: order::Model,
        order_state: String,
        payment_state: String,
    }

    async fn with_orders_on_postgres(count: usize) -> (Scratch, Store, Vec<Seen>) {
        let scratch = Scratch::on_postgres().await;
        let store = fill_with_jobs(&scratch, count).await;
        let read = format!(
            "SELECT orders.*, {} AS order_state, {} AS payment_state FROM orders JOIN payments ON order_id = id",
            "CAST(orders.xmin AS text)", "CAST(payments.xmin AS text)"
        );
        let read = Statement::from_string(DbBackend::Postgres, read);
        let seen = Seen::find_by_statement(read).all(&store.db).await.unwrap();
        assert_eq!(seen.len(), count);
        (scratch, store, seen)
    }

    #[tokio::test]
    async fn what_is_written_at_once_is_there_as_a_whole_or_not_at_all() {
        for count in [1, 3] {
            for others in [
                "UPDATE orders SET version = version WHERE id = '0'",
                "UPDATE payments SET version = version WHERE order_id = '0'",
                "DELETE FROM jobs; DELETE FROM payments WHERE order_id = '0'",
            ] {
                let (_scratch, store, seen) = with_orders_on_postgres(count).await;
                let locked = "SELECT 1 FROM orders, payments FOR UPDATE";
                store.db.execute_unprepared(locked).await.unwrap();
                store.db.execute_unprepared(others).await.unwrap();
                let error = write_at_once(&store, &seen).await.unwrap_err();
                assert!(error.needs_locks(), "{others}: {}", error.with_causes());
                let there = attempt::Entity::find().all(&store.db).await.unwrap();
                assert_eq!(there, [], "{others}");
                let rows = order::Entity::find().all(&store.db).await.unwrap();
                assert!(rows.iter().all(|row| row.order_name == "김밥"), "{others}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_written_at_once_does_not_mind_locks_that_are_over() {
        for count in [1, 3] {
            let (_scratch, store, seen) = with_orders_on_postgres(count).await;
            let locked = "SELECT 1 FROM orders, payments FOR UPDATE";
            store.db.execute_unprepared(locked).await.unwrap();
            write_at_once(&store, &seen).await.unwrap();
            let there = attempt::Entity::find().all(&store.db).await.unwrap();
            assert_eq!(there.len(), count);
            let rows = order::Entity::find().all(&store.db).await.unwrap();
            assert!(rows.iter().all(|row| row.order_name == "바뀐 이름"));
        }
    }

    #[tokio::test]
    async fn whoever_writes_at_once_can_ask_for_nothing_more_and_change_nothing_unseen() {
        let (_scratch, store, _) = with_orders_on_postgres(1).await;
        let write = begin_at_once(&store).await;
        let error = order::Entity::find().all(&write.tx).await.unwrap_err();
        assert_eq!(error, DbErr::Custom(MORE_THAN_ONE.to_owned()));
        let error = write.tx.change(job(&store.db, "0").await.into_active_model()).unwrap_err();
        assert_eq!(error, DbErr::Custom(UNSEEN.to_owned()));
    }

    #[tokio::test]
    async fn postgres_reads_every_array_as_it_was_written() {
        let scratch = Scratch::on_postgres().await;
        let store = Store::open(&StoreOptions::new(scratch.url())).await.unwrap();
        let text = prop::option::of("[^\\x00]{0,12}|[\"\\\\{},NULl ]{0,8}");
        let rows = prop::collection::vec((text, prop::option::of(any::<i64>())), 0..40);
        let mut runner = TestRunner::deterministic();
        for _ in 0..50 {
            let written = rows.new_tree(&mut runner).unwrap().current();
            let (mut texts, mut numbers) = (ArrayLiteral::default(), ArrayLiteral::default());
            for (text, number) in &written {
                texts.push(Some(&Value::from(text.clone()))).unwrap();
                numbers.push(Some(&Value::from(*number))).unwrap();
            }
            let sql = "SELECT text, number FROM unnest(CAST(CAST($1 AS text) AS text[]), CAST(CAST($2 AS text) AS bigint[]))
                WITH ORDINALITY AS new(text, number, place) ORDER BY place";
            let values = [Value::from(texts.end()), Value::from(numbers.end())];
            let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
            let found = store.db.query_all_raw(statement).await.unwrap();
            let read: Vec<(Option<String>, Option<i64>)> = found
                .iter()
                .map(|row| (row.try_get("", "text").unwrap(), row.try_get("", "number").unwrap()))
                .collect();
            assert_eq!(read, written);
        }
    }
}
