//! A write's transaction, with the changes that are decided on and not written yet.
//!
//! Claiming and settling change the same few tables for each job of a batch. They hand their rows over here, and all of a table's rows go
//! to the database together, in one statement where it has one for that. Whoever asks the database anything meanwhile sees them: every
//! statement writes out first what is waiting.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use entities::{attempt, cancellation, job, payment};
use sea_orm::sea_query::ColumnType;
use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ActiveValue, ColumnTrait as _, ConnectionTrait,
    DatabaseTransaction, DbBackend, DbErr, EntityTrait, ExecResult, IdenStatic as _,
    IntoActiveModel, Iterable as _, PrimaryKeyToColumn as _, QueryResult, Statement, TryIntoModel,
    Value,
};

/// A transaction under way.
#[derive(Debug)]
pub(crate) struct Transaction {
    database: DatabaseTransaction,
    unwritten: Mutex<Unwritten>,
}

/// What waits to be written.
#[derive(Debug, Default)]
pub(crate) struct Unwritten {
    payments: Rows<payment::ActiveModel>,
    cancellations: Rows<cancellation::ActiveModel>,
    jobs: Rows<job::ActiveModel>,
    attempts: Rows<attempt::ActiveModel>,
    new_attempts: Rows<attempt::ActiveModel>,
}

/// Rows of one table, whole as they are to be.
#[derive(Debug)]
pub(crate) struct Rows<A> {
    by_key: BTreeMap<String, A>,
    /// The columns in which at least one of them is new.
    columns: BTreeSet<&'static str>,
}

impl<A> Default for Rows<A> {
    fn default() -> Rows<A> {
        Rows { by_key: BTreeMap::new(), columns: BTreeSet::new() }
    }
}

/// A row of a table whose changes are written together.
pub(crate) trait Gathered: ActiveModelTrait {
    /// What names it among those of its table.
    fn key(&self) -> String;

    /// Its table's changes.
    fn among(unwritten: &mut Unwritten) -> &mut Rows<Self>;
}

macro_rules! gathered {
    ($table:ident, $rows:ident, $($key:ident),+) => {
        impl Gathered for $table::ActiveModel {
            fn key(&self) -> String {
                [$(self.$key.as_ref().to_string()),+].join("/")
            }

            fn among(unwritten: &mut Unwritten) -> &mut Rows<$table::ActiveModel> {
                &mut unwritten.$rows
            }
        }
    };
}

gathered!(payment, payments, order_id);
gathered!(cancellation, cancellations, id);
gathered!(job, jobs, id);
gathered!(attempt, attempts, job_id, number);

impl Transaction {
    pub(crate) fn new(database: DatabaseTransaction) -> Transaction {
        Transaction { database, unwritten: Mutex::default() }
    }

    fn unwritten(&self) -> MutexGuard<'_, Unwritten> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes a row that is locked, and gives it back as it is from now on. It must have all its columns.
    pub(crate) fn change<A>(&self, row: A) -> Result<<A::Entity as EntityTrait>::Model, DbErr>
    where
        A: Gathered + TryIntoModel<<A::Entity as EntityTrait>::Model>,
    {
        let model = row.clone().try_into_model()?;
        A::among(&mut self.unwritten()).add(row);
        Ok(model)
    }

    /// Adds an attempt.
    pub(crate) fn add_attempt(&self, row: attempt::Model) {
        self.unwritten().new_attempts.add(row.into_active_model().reset_all());
    }

    /// Writes what waits.
    pub(crate) async fn write_out(&self) -> Result<(), DbErr> {
        let Unwritten { payments, cancellations, jobs, attempts, new_attempts } =
            std::mem::take(&mut *self.unwritten());
        if !cancellations.is_empty() {
            cancellations.update(&self.database).await?;
            crash::point!("commit 1", "changed cancels are written", "their payments");
        }
        if !payments.is_empty() {
            payments.update(&self.database).await?;
            crash::point!("commit 2", "changed payments are written", "their attempts");
        }
        if !new_attempts.is_empty() {
            new_attempts.insert(&self.database).await?;
            crash::point!("commit 3", "new attempts are written", "their jobs");
        }
        if !attempts.is_empty() {
            attempts.update(&self.database).await?;
            crash::point!("commit 4", "answers are written", "their jobs");
        }
        if !jobs.is_empty() {
            jobs.update(&self.database).await?;
            crash::point!("commit 5", "changed jobs are written", "what follows from them");
        }
        Ok(())
    }

    /// Writes what waits, and makes all of it true.
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        self.write_out().await?;
        self.database.commit().await
    }
}

impl<A: Gathered> Rows<A> {
    fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

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

impl<A> Rows<A>
where
    A: Gathered + ActiveModelBehavior + Send,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
{
    /// Changes all of them, each of which there must be.
    async fn update(self, database: &DatabaseTransaction) -> Result<(), DbErr> {
        let changed = self.changed();
        if database.get_database_backend() != DbBackend::Postgres {
            // A statement costs next to nothing within a process.
            for mut row in self.by_key.into_values() {
                changed.iter().for_each(|column| row.reset(*column));
                row.update(database).await?;
            }
            return Ok(());
        }
        let keys = <A::Entity as EntityTrait>::PrimaryKey::iter().map(|key| key.into_column());
        let keys: Vec<_> = keys.collect();
        let columns: Vec<_> = keys.iter().chain(&changed).copied().collect();
        let (source, values) = self.arrays(&columns)?;
        let set = changed.iter().map(|column| format!("{0} = new.{0}", quoted(column.as_str())));
        let same = keys.iter().map(|key| format!("kept.{0} = new.{0}", quoted(key.as_str())));
        let text = format!(
            "UPDATE {} AS kept SET {} FROM {source} WHERE {}",
            quoted(table::<A>().as_str()),
            set.collect::<Vec<_>>().join(", "),
            same.collect::<Vec<_>>().join(" AND "),
        );
        self.execute(database, text, values).await
    }

    /// Adds all of them.
    async fn insert(self, database: &DatabaseTransaction) -> Result<(), DbErr> {
        if database.get_database_backend() != DbBackend::Postgres {
            for row in self.by_key.into_values() {
                A::Entity::insert(row).exec_without_returning(database).await?;
            }
            return Ok(());
        }
        let columns: Vec<_> = <A::Entity as EntityTrait>::Column::iter().collect();
        let (source, values) = self.arrays(&columns)?;
        let names: Vec<String> = columns.iter().map(|column| quoted(column.as_str())).collect();
        let names = names.join(", ");
        let table = quoted(table::<A>().as_str());
        let text = format!("INSERT INTO {table} ({names}) SELECT {names} FROM {source}");
        self.execute(database, text, values).await
    }

    async fn execute(
        self,
        database: &DatabaseTransaction,
        text: String,
        values: Vec<Value>,
    ) -> Result<(), DbErr> {
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, text, values);
        let done = database.execute_raw(statement).await?.rows_affected();
        let rows = u64::try_from(self.by_key.len()).unwrap_or(u64::MAX);
        if done == rows { Ok(()) } else { Err(DbErr::RecordNotUpdated) }
    }

    /// The rows as a table `new` made of one array per column, whose text does not depend on how many there are: it is prepared once.
    fn arrays(
        &self,
        columns: &[<A::Entity as EntityTrait>::Column],
    ) -> Result<(String, Vec<Value>), DbErr> {
        let mut places = Vec::with_capacity(columns.len());
        let mut values = Vec::with_capacity(columns.len());
        let mut names = Vec::with_capacity(columns.len());
        for column in columns {
            let number = values.len().saturating_add(1);
            let word = type_word(column.def().get_column_type())?;
            places.push(format!("CAST(CAST(${number} AS text) AS {word}[])"));
            names.push(quoted(column.as_str()));
            let mut literal = ArrayLiteral::default();
            for row in self.by_key.values() {
                literal.push(row.get(*column).into_value().as_ref())?;
            }
            values.push(Value::from(literal.end()));
        }
        Ok((format!("unnest({}) AS new({})", places.join(", "), names.join(", ")), values))
    }
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
        self.database.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.write_out().await?;
        self.database.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.write_out().await?;
        self.database.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.write_out().await?;
        self.database.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.write_out().await?;
        self.database.query_all_raw(statement).await
    }
}
