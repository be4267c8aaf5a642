//! Tables whose rows are kept by nothing but their age.

use entities::{
    bulk_item, bulk_run, idempotency_key, poison_message, sign_in_try, web_session, webhook, worker,
};
use sea_orm::sea_query::{Asterisk, DynIden, Expr, ExprTrait as _, Func, IntoIden as _, Query};
use sea_orm::{ColumnTrait, ConnectionTrait as _, DbErr, EntityName as _, EntityTrait, Order};

use super::{PruneAges, PrunedTable};
use crate::connection::Store;
use crate::error::StoreError;

/// A table, and which of its rows are too old.
#[derive(Debug)]
pub(super) struct AgedTable {
    pub(super) table: PrunedTable,
    name: DynIden,
    age: DynIden,
    before_ms: i64,
}

/// Every table that is pruned by age, in the order of their turns. Each has an index on the column of its age.
pub(super) fn tables(ages: &PruneAges, now_ms: i64) -> Vec<AgedTable> {
    use PrunedTable as T;
    let before = |age_ms: i64| now_ms.saturating_sub(age_ms);
    let keys = idempotency_key::Column::CreatedAt;
    vec![
        AgedTable::new(T::IdempotencyKeys, keys, before(ages.idempotency_ms)),
        AgedTable::new(T::Webhooks, webhook::Column::ReceivedAt, before(ages.webhooks_ms)),
        AgedTable::new(
            T::PoisonMessages,
            poison_message::Column::ReceivedAt,
            before(ages.poison_ms),
        ),
        AgedTable::new(T::Workers, worker::Column::SeenAt, before(ages.workers_ms)),
        AgedTable::new(T::WebSessions, web_session::Column::SeenAt, before(ages.sessions_ms)),
        AgedTable::new(T::SignInTries, sign_in_try::Column::TriedAt, before(ages.sessions_ms)),
        // Items before the runs that they belong to; both have the time of the run's beginning.
        AgedTable::new(T::BulkItems, bulk_item::Column::CreatedAt, before(ages.jobs_ms)),
        AgedTable::new(T::BulkRuns, bulk_run::Column::CreatedAt, before(ages.jobs_ms)),
    ]
}

impl AgedTable {
    fn new<C>(table: PrunedTable, age: C, before_ms: i64) -> AgedTable
    where
        C: ColumnTrait,
        C::EntityName: EntityTrait,
    {
        let name = C::EntityName::default().table_name().into_iden();
        AgedTable { table, name, age: age.into_iden(), before_ms }
    }

    /// How many rows are too old.
    pub(super) async fn count(&self, store: &Store) -> Result<u64, StoreError> {
        let count = Query::select()
            .expr_as(Func::count(Expr::col(Asterisk)), "rows")
            .from(self.name.clone())
            .and_where(self.is_old())
            .take();
        let row = store.db.query_one(&count).await?;
        let row = row.ok_or_else(|| DbErr::RecordNotFound("a count".to_owned()))?;
        let rows: i64 = row.try_get("", "rows")?;
        Ok(u64::try_from(rows).unwrap_or(0))
    }

    /// Deletes the oldest of them: `rows_max`, and those of the same millisecond as the last. Says how many, and whether there may be
    /// more.
    pub(super) async fn delete(
        &self,
        store: &Store,
        rows_max: u64,
    ) -> Result<(u64, bool), StoreError> {
        let write = store.begin_write().await?;
        let last = Query::select()
            .column(self.age.clone())
            .from(self.name.clone())
            .and_where(self.is_old())
            .order_by(self.age.clone(), Order::Asc)
            .limit(1)
            .offset(rows_max.saturating_sub(1))
            .take();
        let last = write.tx.query_one(&last).await?;
        let last: Option<i64> = last.map(|row| row.try_get_by_index(0)).transpose()?;
        let are_oldest = match last {
            Some(last) => Expr::col(self.age.clone()).lte(last),
            None => self.is_old(),
        };
        // A range of the index, and no list of rows: how it is gone about does not depend on the planner.
        let delete = Query::delete().from_table(self.name.clone()).and_where(are_oldest).take();
        let deleted = write.tx.execute(&delete).await?.rows_affected();
        write.commit().await?;
        Ok((deleted, last.is_some()))
    }

    fn is_old(&self) -> Expr {
        Expr::col(self.age.clone()).lt(self.before_ms)
    }
}
