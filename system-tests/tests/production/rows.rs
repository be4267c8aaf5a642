//! What the database says, read straight from it and not by way of the proxy.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use entities::{attempt, job, payment, poison_message, worker};
use sea_orm::{
    ColumnTrait as _, ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection,
    EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _, Statement,
};

/// The states in which a job has still to be worked on.
const UNFINISHED: [&str; 3] = ["queued", "running", "waiting"];
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// How long anything may take that has no bound of its own: more than a lease and a grace.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The fleet's database.
#[derive(Debug)]
pub(crate) struct Rows(DatabaseConnection);

impl Rows {
    pub(crate) async fn open(url: &str) -> Rows {
        let mut options = ConnectOptions::new(url);
        options.max_connections(2).sqlx_logging(false);
        Rows(Database::connect(options).await.unwrap())
    }

    /// How many of these orders are paid.
    pub(crate) async fn paid(&self, orders: &[&str]) -> u64 {
        let paid = payment::Entity::find().filter(payment::Column::State.eq("confirmed"));
        let own = paid.filter(payment::Column::OrderId.is_in(orders.iter().copied()));
        own.count(&self.0).await.unwrap()
    }

    /// Waits until so many of these orders are paid; gives how long that took from `since` on.
    pub(crate) async fn wait_for_paid(
        &self,
        orders: &[&str],
        count: usize,
        since: Instant,
    ) -> Duration {
        let count = u64::try_from(count).unwrap();
        self.wait_for(&format!("{count} paid orders of {}", orders.len()), async || {
            (self.paid(orders).await >= count).then(|| since.elapsed())
        })
        .await
    }

    /// Looks again and again until there is something.
    pub(crate) async fn wait_for<T>(&self, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "there is no {what}; unfinished: {:?}",
                self.unfinished().await
            );
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    /// The jobs that have not ended.
    pub(crate) async fn unfinished(&self) -> Vec<job::Model> {
        job::Entity::find().filter(job::Column::State.is_in(UNFINISHED)).all(&self.0).await.unwrap()
    }

    /// All jobs by kind and state.
    pub(crate) async fn jobs(&self) -> Vec<job::Model> {
        job::Entity::find().order_by_asc(job::Column::CreatedAt).all(&self.0).await.unwrap()
    }

    pub(crate) async fn payments(&self) -> BTreeMap<String, payment::Model> {
        let rows = payment::Entity::find().all(&self.0).await.unwrap();
        rows.into_iter().map(|row| (row.order_id.clone(), row)).collect()
    }

    /// The attempts of an order's jobs, oldest first.
    pub(crate) async fn attempts_of(&self, order_id: &str) -> Vec<attempt::Model> {
        attempt::Entity::find()
            .filter(attempt::Column::OrderId.eq(order_id))
            .order_by_asc(attempt::Column::StartedAt)
            .all(&self.0)
            .await
            .unwrap()
    }

    /// Every attempt, oldest first.
    pub(crate) async fn attempts(&self) -> Vec<attempt::Model> {
        let all = attempt::Entity::find().order_by_asc(attempt::Column::StartedAt);
        all.all(&self.0).await.unwrap()
    }

    pub(crate) async fn workers(&self) -> Vec<worker::Model> {
        worker::Entity::find().all(&self.0).await.unwrap()
    }

    pub(crate) async fn poison_messages(&self) -> Vec<poison_message::Model> {
        poison_message::Entity::find().all(&self.0).await.unwrap()
    }

    /// Ends every connection of the product, as an administrator does; gives how many.
    pub(crate) async fn cut_connections(&self) -> usize {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() \
                   AND application_name = $1";
        let backend = self.0.get_database_backend();
        let statement = Statement::from_sql_and_values(backend, sql, ["seungin".into()]);
        self.0.query_all_raw(statement).await.unwrap().len()
    }
}
