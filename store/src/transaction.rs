//! A write's transaction, with the changes that are decided on and not written yet.
//!
//! Accepting, claiming and settling change the same few tables for each job of a batch. They hand their rows over here, and all of them go
//! to the database together: on PostgreSQL in one statement for all rows of all tables. Whoever asks the database anything meanwhile sees
//! them: every statement writes out first what is waiting. A transaction at once is nothing but that one statement.

mod array;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use entities::{attempt, cancellation, job, order, payment};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ActiveValue, ColumnTrait as _, ConnectionTrait,
    DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, EntityTrait, ExecResult, IdenStatic,
    IntoActiveModel, Iterable as _, ModelTrait, QueryFilter as _, QueryResult, Statement,
    TryIntoModel,
};

pub(crate) use self::text::seen;
use crate::error::database_code;

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
            Database::AtOnce(pool) => return write_together(unwritten, raised, pool).await,
            Database::Begun(begun) if self.database.backend() == DbBackend::Postgres => {
                write_together(unwritten, raised, begun).await?;
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

/// All of it by one statement.
async fn write_together(
    unwritten: Unwritten,
    raised: &Raised,
    database: &impl ConnectionTrait,
) -> Result<(), DbErr> {
    let written = database.query_one_raw(unwritten.statement(raised)?).await;
    written.map(drop).map_err(|error| match database_code(&error).as_deref() {
        Some(DIVISION_BY_ZERO) => DbErr::RecordNotUpdated,
        _ => error,
    })
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
mod tests;
