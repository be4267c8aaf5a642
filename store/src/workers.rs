//! Workers: who works, by their heartbeats.

use domain::limits::{self, WORKER_ALIVE_MS};
use entities::worker;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::connection::Store;
use crate::error::StoreError;

/// What a worker says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Unique among all workers ever started.
    pub id: String,
    /// The machine or container.
    pub host: String,
    /// Of the program.
    pub version: String,
    /// The kinds of jobs that it takes, with commas between.
    pub kinds: String,
    /// Calls at once, at the most.
    pub concurrency: i32,
    /// Jobs that it holds.
    pub in_flight: i32,
    /// Whether it takes nothing new.
    pub is_stopping: bool,
}

/// A worker as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerRow {
    /// What it said last.
    pub said: Heartbeat,
    /// Milliseconds UTC.
    pub started_at_ms: i64,
    /// Milliseconds UTC: its last heartbeat.
    pub seen_at_ms: i64,
    /// Whether it has been heard of lately. One that has not was killed, or cannot reach the database.
    pub is_alive: bool,
}

/// How a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WorkerStanding {
    /// It takes jobs.
    Alive,
    /// It ends what it has and takes nothing new.
    Stopping,
    /// It went silent without saying goodbye.
    Lost,
}

impl WorkerStanding {
    /// The word for answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            WorkerStanding::Alive => "alive",
            WorkerStanding::Stopping => "stopping",
            WorkerStanding::Lost => "lost",
        }
    }
}

impl WorkerRow {
    /// How it is.
    #[must_use]
    pub const fn standing(&self) -> WorkerStanding {
        match (self.is_alive, self.said.is_stopping) {
            (true, false) => WorkerStanding::Alive,
            (true, true) => WorkerStanding::Stopping,
            (false, _) => WorkerStanding::Lost,
        }
    }
}

impl Store {
    /// Writes a worker's heartbeat; the first one makes it known.
    ///
    /// # Errors
    /// [`StoreError::Database`]; the next one makes up for it.
    pub async fn beat(&self, heartbeat: &Heartbeat) -> Result<(), StoreError> {
        self.retried(|| self.beat_once(heartbeat)).await
    }

    async fn beat_once(&self, heartbeat: &Heartbeat) -> Result<(), StoreError> {
        let write = self.begin_write().await?;
        let row = worker::ActiveModel {
            id: Set(heartbeat.id.clone()),
            host: Set(heartbeat.host.clone()),
            version: Set(heartbeat.version.clone()),
            kinds: Set(heartbeat.kinds.clone()),
            concurrency: Set(heartbeat.concurrency),
            in_flight: Set(heartbeat.in_flight),
            started_at: Set(write.now_ms),
            seen_at: Set(write.now_ms),
            stopping_since: Set(heartbeat.is_stopping.then_some(write.now_ms)),
        };
        let mut news = vec![worker::Column::InFlight, worker::Column::SeenAt];
        if heartbeat.is_stopping {
            news.push(worker::Column::StoppingSince);
        }
        let known = OnConflict::column(worker::Column::Id).update_columns(news).to_owned();
        worker::Entity::insert(row).on_conflict(known).exec_without_returning(&write.tx).await?;
        write.commit().await
    }

    /// Forgets a worker that stopped in good order.
    ///
    /// # Errors
    /// [`StoreError::Database`]; it looks like one that was killed then.
    pub async fn say_goodbye(&self, id: &str) -> Result<(), StoreError> {
        let write = self.begin_write().await?;
        worker::Entity::delete_by_id(id).exec(&write.tx).await?;
        write.commit().await
    }

    /// Workers that count as alive, those seen last first: whoever is not among them was stopped, or killed long enough ago.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_alive_workers(&self) -> Result<Vec<WorkerRow>, StoreError> {
        let all = self.list_workers(limits::PAGE_ROWS_MAX).await?;
        Ok(all.into_iter().filter(|row| row.is_alive).collect())
    }

    /// Workers, those seen last first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn list_workers(&self, limit: u64) -> Result<Vec<WorkerRow>, StoreError> {
        let read = self.begin_read().await?;
        let rows = worker::Entity::find()
            .filter(worker::Column::SeenAt.gt(0))
            .order_by_desc(worker::Column::SeenAt)
            .limit(limit)
            .all(&read.tx)
            .await?;
        let now_ms = read.now_ms;
        read.end().await?;
        Ok(rows.into_iter().map(|row| worker_row(row, now_ms)).collect())
    }
}

pub(crate) fn worker_row(row: worker::Model, now_ms: i64) -> WorkerRow {
    let worker::Model {
        id,
        host,
        version,
        kinds,
        concurrency,
        in_flight,
        started_at,
        seen_at,
        stopping_since,
    } = row;
    let is_stopping = stopping_since.is_some();
    let said = Heartbeat { id, host, version, kinds, concurrency, in_flight, is_stopping };
    WorkerRow {
        said,
        started_at_ms: started_at,
        seen_at_ms: seen_at,
        is_alive: now_ms.saturating_sub(seen_at) <= WORKER_ALIVE_MS,
    }
}
