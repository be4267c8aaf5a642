//! Tables whose rows are kept by nothing but their age.

use entities::{idempotency_key, poison_message, worker};
use sea_orm::sea_query::{
    CommonTableExpression, DynIden, Expr, ExprTrait as _, Func, IntoIden as _, LockBehavior,
    LockType, Query, SelectStatement, TableRef, WithClause,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait as _, DbErr, EntityName as _, EntityTrait, Iterable as _,
    PrimaryKeyToColumn as _,
};

use super::{PruneAges, PrunedTable};
use crate::connection::{Store, Write};
use crate::error::StoreError;

/// A table, and which of its rows are too old.
#[derive(Debug)]
pub(super) struct AgedTable {
    pub(super) table: PrunedTable,
    name: TableRef,
    key: Vec<DynIden>,
    age: DynIden,
    before_ms: i64,
}

/// Every table that is pruned by age, in the order of their turns. Each has an index on the column of its age.
pub(super) fn tables(ages: &PruneAges, now_ms: i64) -> Vec<AgedTable> {
    let before = |age_ms: i64| now_ms.saturating_sub(age_ms);
    vec![
        AgedTable::new(
            PrunedTable::IdempotencyKeys,
            idempotency_key::Column::CreatedAt,
            before(ages.idempotency_ms),
        ),
        AgedTable::new(
            PrunedTable::PoisonMessages,
            poison_message::Column::ReceivedAt,
            before(ages.poison_ms),
        ),
        AgedTable::new(PrunedTable::Workers, worker::Column::SeenAt, before(ages.workers_ms)),
    ]
}

impl AgedTable {
    fn new<C>(table: PrunedTable, age: C, before_ms: i64) -> AgedTable
    where
        C: ColumnTrait,
        C::EntityName: EntityTrait,
    {
        let name = C::EntityName::default().table_ref();
        AgedTable { table, name, key: key_of::<C::EntityName>(), age: age.into_iden(), before_ms }
    }

    /// How many rows are too old.
    pub(super) async fn count(&self, store: &Store) -> Result<u64, StoreError> {
        let read = store.begin_read().await?;
        let count = Query::select()
            .expr_as(Func::count(Expr::col(sea_orm::sea_query::Asterisk)), "rows")
            .from(self.name.clone())
            .and_where(self.is_old())
            .take();
        let row = read.tx.query_one(&count).await?;
        let row = row.ok_or_else(|| DbErr::RecordNotFound("a count".to_owned()))?;
        let rows: i64 = row.try_get("", "rows")?;
        read.end().await?;
        Ok(u64::try_from(rows).unwrap_or(0))
    }

    /// Deletes the oldest of them, at most `rows_max`, and returns how many.
    pub(super) async fn delete(&self, store: &Store, rows_max: u64) -> Result<u64, StoreError> {
        let write = store.begin_write().await?;
        let oldest = Query::select()
            .columns(self.key.clone())
            .from(self.name.clone())
            .and_where(self.is_old())
            .order_by(self.age.clone(), sea_orm::Order::Asc)
            .limit(rows_max)
            // Another run takes others.
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .take();
        let deleted = delete_listed(&write, self.name.clone(), self.key.clone(), oldest).await?;
        write.commit().await?;
        Ok(deleted)
    }

    fn is_old(&self) -> Expr {
        Expr::col(self.age.clone()).lt(self.before_ms)
    }
}

/// The columns of an entity's primary key.
pub(super) fn key_of<E: EntityTrait>() -> Vec<DynIden> {
    E::PrimaryKey::iter().map(|key| key.into_column().into_iden()).collect()
}

/// Deletes the rows whose keys a query lists. The list is made once, however the database would rather go about it: read again and
/// again under a limit it would grow with every row that is gone.
pub(super) async fn delete_listed(
    write: &Write<'_>,
    table: TableRef,
    key: Vec<DynIden>,
    list: SelectStatement,
) -> Result<u64, StoreError> {
    const LIST: &str = "doomed";
    let with = CommonTableExpression::new()
        .table_name(LIST)
        .columns(key.clone())
        .query(list)
        .materialized(true)
        .to_owned();
    let listed = Query::select().columns(key.clone()).from(LIST).take();
    let delete = Query::delete()
        .from_table(table)
        .and_where(Expr::tuple(key.into_iter().map(Expr::col)).in_subquery(listed))
        .take();
    let result = write.tx.execute(&delete.with(WithClause::new().cte(with).to_owned())).await?;
    Ok(result.rows_affected())
}
