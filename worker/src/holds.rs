//! What holds calls back, as this worker knows it: read every second, and at once when it changed something itself.

use std::sync::Arc;
use std::time::Duration;

use domain::attempt::Operation;
use queue::Lane;
use store::{Holds, Store};
use tokio::sync::{Notify, watch};

use crate::gateway::Gateways;

/// How often it is read. So long may a call begin after another process opened a breaker.
const EVERY: Duration = Duration::from_secs(1);

/// Keeps what holds calls back up to date.
#[derive(Debug, Clone)]
pub(crate) struct HoldsWatch {
    store: Store,
    known: Arc<watch::Sender<Holds>>,
    look: Arc<Notify>,
}

impl HoldsWatch {
    pub(crate) fn new(store: Store) -> HoldsWatch {
        let known = Arc::new(watch::Sender::new(Holds::default()));
        HoldsWatch { store, known, look: Arc::default() }
    }

    /// For whoever acts on it.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Holds> {
        self.known.subscribe()
    }

    /// Has it read at once.
    pub(crate) fn look_again(&self) {
        self.look.notify_one();
    }

    /// Whether a merchant's key is under suspicion.
    pub(crate) fn is_suspected(&self, merchant: &str) -> bool {
        self.known.borrow().is_suspected(merchant)
    }

    /// Reads it for ever. While the database is away, what was known stays.
    pub(crate) async fn keep(self) {
        loop {
            match self.store.read_holds().await {
                Ok(holds) => {
                    self.known.send_if_modified(|known| {
                        // Only the clock moves while nothing is held.
                        let is_news = holds.breakers != known.breakers
                            || holds.pauses != known.pauses
                            || !holds.breakers.is_empty();
                        *known = holds;
                        is_news
                    });
                }
                Err(error) => {
                    tracing::debug!(
                        error = error.with_causes(),
                        "what holds calls back is not known anew"
                    );
                }
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = self.look.notified() => {}
            }
        }
    }
}

/// The lanes of which nothing can begin just now, for none of the merchants: their jobs stay in the queue.
pub(crate) fn held_lanes(holds: &Holds, gateways: &Gateways, lanes: &[Lane]) -> Vec<Lane> {
    let is_held = |operation| {
        let mut merchants = gateways.merchants().peekable();
        merchants.peek().is_some() && merchants.all(|merchant| holds.is_held(merchant, operation))
    };
    let held = |lane: &Lane| match lane {
        Lane::Confirm => is_held(Operation::Confirm),
        Lane::Cancel => is_held(Operation::Cancel),
        Lane::LookUp => is_held(Operation::LookUp),
        // Jobs of every kind.
        Lane::Bulk => {
            [Operation::Confirm, Operation::Cancel, Operation::LookUp].into_iter().all(is_held)
        }
    };
    lanes.iter().copied().filter(held).collect()
}
