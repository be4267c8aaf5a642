//! Between processes: which orders changed, told by PostgreSQL's NOTIFY and heard by LISTEN.
//!
//! An announcement is a hint and nothing more. It is made after the payment's transaction, by a statement of its own: a transaction that
//! notifies takes a lock of the whole database at its commit. It is collected, so that a busy worker makes few; one that is lost is made up
//! for by the waiters, who look now and then anyway. Not here: who waits ([`crate::Watch`]).

use std::time::Duration;

use sea_orm::sqlx::postgres::{PgListener, PgPoolOptions};
use sea_orm::sqlx::{self, PgPool};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::connection::Store;
use crate::error::StoreError;

/// The channel of PostgreSQL that announcements go over.
const CHANNEL: &str = "seungin_changed_orders";
/// How many changes may wait to be announced. More are left to the waiters' own looks.
const WAITING_MAX: usize = 4_096;
/// The least time between two announcements of one process.
const EVERY: Duration = Duration::from_millis(100);
/// How many orders one announcement names: PostgreSQL takes 8,000 bytes.
const NAMED_MAX: usize = 150;
/// Says that more orders changed than can be named: everybody looks.
const ALL: &str = "*";
/// The pause before listening is tried again after it failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Announces changed orders to other processes. Never waits and never fails.
#[derive(Debug, Clone)]
pub(crate) struct Announcer {
    changed: mpsc::Sender<String>,
}

impl Announcer {
    /// Starts announcing over this pool; ends with the last clone.
    pub(crate) fn start(pool: PgPool) -> Announcer {
        let (changed, waiting) = mpsc::channel(WAITING_MAX);
        tokio::spawn(announce(pool, waiting));
        Announcer { changed }
    }

    /// Has other processes told that this order changed.
    pub(crate) fn announce(&self, order_id: String) {
        if self.changed.try_send(order_id).is_err() {
            tracing::debug!("too many changes to announce: waiters will look by themselves");
        }
    }
}

async fn announce(pool: PgPool, mut waiting: mpsc::Receiver<String>) {
    let mut changed = Vec::new();
    while waiting.recv_many(&mut changed, WAITING_MAX).await > 0 {
        let payload = payload(&mut changed);
        let told = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(payload);
        if let Err(error) = told.execute(&pool).await {
            tracing::debug!(%error, "changes were not announced: waiters will look by themselves");
        }
        changed.clear();
        tokio::time::sleep(EVERY).await;
    }
}

/// The orders, each once, or that there are too many.
fn payload(changed: &mut Vec<String>) -> String {
    changed.sort_unstable();
    changed.dedup();
    if changed.len() > NAMED_MAX { ALL.to_owned() } else { changed.join(",") }
}

impl Store {
    /// Wakes those who wait in this process ([`Store::watch`]) for changes that other processes make, until `shutdown`. Rides out a database
    /// that goes away. Returns at once on SQLite, whose database belongs to one process.
    pub async fn follow_changes(&self, shutdown: &CancellationToken) {
        if self.announcer.is_none() {
            return;
        }
        while !shutdown.is_cancelled() {
            tokio::select! {
                () = shutdown.cancelled() => return,
                heard = self.hear_changes() => if let Err(error) = heard {
                    tracing::debug!(error = error.with_causes(), "not hearing of changes: waiters look by themselves");
                },
            }
            // Whatever changed meanwhile was not heard.
            self.changes.wake_all();
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn hear_changes(&self) -> Result<(), StoreError> {
        let failed = |error| {
            StoreError::Database(sea_orm::DbErr::Conn(sea_orm::RuntimeErr::SqlxError(
                std::sync::Arc::new(error),
            )))
        };
        let options = self.db.get_postgres_connection_pool().connect_options();
        let pool = PgPoolOptions::new().max_connections(1).connect_with((*options).clone());
        let pool = pool.await.map_err(failed)?;
        let mut listener = PgListener::connect_with(&pool).await.map_err(failed)?;
        listener.listen(CHANNEL).await.map_err(failed)?;
        self.changes.wake_all();
        // `None`: the connection was lost, and with it what was told meanwhile.
        while let Some(told) = listener.try_recv().await.map_err(failed)? {
            match told.payload() {
                ALL => self.changes.wake_all(),
                orders => orders.split(',').for_each(|order_id| self.changes.wake(order_id)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_names_each_order_once_and_never_more_than_fit() {
        let mut few = vec!["b".to_owned(), "a".to_owned(), "b".to_owned()];
        assert_eq!(payload(&mut few), "a,b");
        let long = |number: usize| format!("{number:0>50}");
        let mut most: Vec<String> = (0..NAMED_MAX).map(long).collect();
        assert!(payload(&mut most).len() < 8_000);
        let mut many: Vec<String> = (0..=NAMED_MAX).map(long).collect();
        assert_eq!(payload(&mut many), ALL);
    }
}
