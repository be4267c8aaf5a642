//! The shared state: configuration, the world behind its one mutex, and the way of its changes into the journal.

use std::io;
use std::sync::{Mutex, PoisonError};

use tokio::sync::{Notify, Semaphore};

use crate::Config;
use crate::change::Change;
use crate::journal::Journal;
use crate::limits::DELAYED_REQUESTS_MAX;
use crate::world::World;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    state: Mutex<State>,
    /// There is one exactly if a state file is configured.
    pub(crate) journal: Option<Journal>,
    /// Rung after every change; the writer of the state file listens.
    pub(crate) changed: Notify,
    /// Rung when a webhook may be due.
    pub(crate) webhooks_due: Notify,
    /// Rung after every sending of a webhook.
    pub(crate) webhook_sent: Notify,
    /// Room for requests with an injected delay.
    pub(crate) delayed: std::sync::Arc<Semaphore>,
}

#[derive(Debug)]
struct State {
    world: World,
    /// Changes that are not in the journal yet, oldest first.
    unkept: Vec<Change>,
}

impl Shared {
    pub(crate) fn new(config: Config, world: World, journal: Option<Journal>) -> Shared {
        Shared {
            config,
            state: Mutex::new(State { world, unkept: Vec::new() }),
            journal,
            changed: Notify::new(),
            webhooks_due: Notify::new(),
            webhook_sent: Notify::new(),
            delayed: std::sync::Arc::new(Semaphore::new(DELAYED_REQUESTS_MAX)),
        }
    }

    /// Runs `look` with the world. The lock cannot outlive it, so it is never held across an await.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        self.with_state(|state| look(&state.world))
    }

    /// Runs `change` with the world and notes what it changed. Nobody may be told of it before [`Shared::keep`].
    pub(crate) fn write<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let (result, has_changed, has_webhooks) = self.with_state(|state| {
            let result = change(&mut state.world);
            let change = state.world.take_change();
            let has_changed = change.is_some();
            if self.journal.is_some() {
                state.unkept.extend(change);
            }
            (result, has_changed, state.world.webhooks.has_open())
        });
        if has_changed {
            self.changed.notify_one();
        }
        if has_changed && has_webhooks {
            self.webhooks_due.notify_one();
        }
        result
    }

    /// Writes everything into the journal that was changed up to now, by whomever. False if that is impossible: what was
    /// changed may be forgotten then, and nobody may be told of it.
    pub(crate) fn keep(&self) -> bool {
        let Some(journal) = &self.journal else { return true };
        let take = || (self.with_state(|state| std::mem::take(&mut state.unkept)), ());
        journal.append(take).0.is_some()
    }

    /// Runs `look` with the world, and tells how long the journal is with exactly the changes that `look` saw; None if
    /// it cannot be written.
    pub(crate) fn read_at_mark<T>(&self, look: impl FnOnce(&World) -> T) -> (Option<u64>, T) {
        let take =
            || self.with_state(|state| (std::mem::take(&mut state.unkept), look(&state.world)));
        match &self.journal {
            Some(journal) => journal.append(take),
            None => (None, take().1),
        }
    }

    /// Waits until the journal cannot be written; the reason.
    pub(crate) async fn journal_failure(&self) -> io::Error {
        match &self.journal {
            Some(journal) => journal.failure().await,
            None => std::future::pending().await,
        }
    }

    fn with_state<T>(&self, run: impl FnOnce(&mut State) -> T) -> T {
        run(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
