//! Between processes: which orders changed, told by PostgreSQL's NOTIFY and heard by LISTEN.
//!
//! An announcement is a hint and nothing more. It is made after the payment's transaction, by a statement of its own: a transaction that
//! notifies takes a lock of the whole database at its commit. It is collected, so that a busy worker makes few; one that is lost is made up
//! for by the next look (`look`). Not here: who waits ([`crate::Watch`]).

use std::time::Duration;

use sea_orm::sqlx::postgres::{PgListener, PgPoolOptions};
use sea_orm::sqlx::{self, Executor as _, PgPool};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::connection::Store;
use crate::error::StoreError;

/// The channel of PostgreSQL that announcements go over.
const CHANNEL: &str = "seungin_changed_orders";
/// How many changes may wait to be announced. More are left to the next look.
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
            tracing::debug!("too many changes to announce: the next look finds them");
        }
    }
}

async fn announce(pool: PgPool, mut waiting: mpsc::Receiver<String>) {
    let mut changed = Vec::new();
    while waiting.recv_many(&mut changed, WAITING_MAX).await > 0 {
        let payload = payload(&mut changed);
        let told = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(payload);
        if let Err(error) = told.execute(&pool).await {
            tracing::debug!(%error, "changes were not announced: the next look finds them");
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
                heard = self.hear_changes(&PATIENCE) => if let Err(error) = heard {
                    tracing::debug!(error = error.with_causes(), "not hearing of changes: looks find them");
                },
            }
            // Whatever changed meanwhile was not heard.
            self.changes.wake_outdated();
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Hears until the connection is lost, with whatever was told meanwhile. One that is quiet is asked whether it is there: a network that was
    /// cut tells nobody.
    async fn hear_changes(&self, patience: &Patience) -> Result<(), StoreError> {
        let listening = async {
            let options = self.db.get_postgres_connection_pool().connect_options();
            let pool = PgPoolOptions::new().max_connections(1).connect_with((*options).clone());
            let mut listener = PgListener::connect_with(&pool.await?).await?;
            listener.listen(CHANNEL).await?;
            Ok(listener)
        };
        let mut listener = in_time(patience.answer, listening).await?;
        self.changes.wake_outdated();
        loop {
            match tokio::time::timeout(patience.quiet, listener.try_recv()).await {
                Ok(Ok(Some(told))) => match told.payload() {
                    ALL => self.changes.wake_outdated(),
                    orders => orders.split(',').for_each(|order_id| self.changes.wake(order_id)),
                },
                Ok(Ok(None)) => return Ok(()),
                Ok(Err(error)) => return Err(failed(error)),
                Err(_) => {
                    let asked = async { (&mut listener).execute("SELECT 1").await };
                    in_time(patience.answer, asked).await?;
                }
            }
        }
    }
}

/// How long the connection that listens may be silent.
struct Patience {
    /// Before it is asked whether it is there.
    quiet: Duration,
    /// Until it has answered.
    answer: Duration,
}

const PATIENCE: Patience =
    Patience { quiet: Duration::from_secs(20), answer: Duration::from_secs(10) };

async fn in_time<T>(
    longest: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(longest, Box::pin(work)).await {
        Ok(done) => done.map_err(failed),
        Err(_) => Err(failed(sqlx::Error::PoolTimedOut)),
    }
}

fn failed(error: sqlx::Error) -> StoreError {
    let error = sea_orm::RuntimeErr::SqlxError(std::sync::Arc::new(error));
    StoreError::Database(sea_orm::DbErr::Conn(error))
}

#[cfg(test)]
mod tests {
    use sea_orm::ConnectionTrait as _;
    use tokio::io::copy;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::open::StoreOptions;
    use crate::scratch::Scratch;

    /// A way to the server that can be cut without anybody being told. Its port.
    async fn way_to(server: String, cut: CancellationToken) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(&server).await.unwrap();
                let cut = cut.clone();
                tokio::spawn(async move {
                    let ((mut near_in, mut near_out), (mut far_in, mut far_out)) =
                        (near.into_split(), far.into_split());
                    tokio::select! {
                        _ = copy(&mut near_in, &mut far_out) => {}
                        _ = copy(&mut far_in, &mut near_out) => {}
                        () = cut.cancelled() => {}
                    }
                    if cut.is_cancelled() {
                        // Both ends stay open, and nothing comes through.
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        port
    }

    #[tokio::test]
    async fn a_network_that_is_cut_silently_is_noticed_and_a_quiet_one_is_not_given_up() {
        let scratch = Scratch::on_postgres().await;
        let (begin, rest) = scratch.url().rsplit_once('@').unwrap();
        let (server, database) = rest.split_once('/').unwrap();
        let cut = CancellationToken::new();
        let port = way_to(server.to_owned(), cut.clone()).await;
        let url = format!("{begin}@127.0.0.1:{port}/{database}");
        let store = Store::open(&StoreOptions::new(url)).await.unwrap();
        let patience =
            Patience { quiet: Duration::from_millis(50), answer: Duration::from_secs(2) };
        let watch = store.watch("order-1");
        let mut hearing = Box::pin(store.hear_changes(&patience));
        tokio::select! {
            ended = &mut hearing => panic!("it does not listen: {ended:?}"),
            () = watch.changed() => {}
        }
        // Quiet for many times its patience, and it is there all the same.
        let quiet = tokio::time::timeout(Duration::from_secs(1), &mut hearing).await;
        assert!(quiet.is_err(), "given up: {quiet:?}");
        let operator = sea_orm::Database::connect(scratch.url()).await.unwrap();
        let told = format!("NOTIFY {CHANNEL}, 'order-1'");
        operator.execute_unprepared(&told).await.unwrap();
        tokio::select! {
            ended = &mut hearing => panic!("it does not listen any more: {ended:?}"),
            () = watch.changed() => {}
        }
        cut.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(20), hearing).await;
        ended.expect("it is noticed").unwrap_err();
    }

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
