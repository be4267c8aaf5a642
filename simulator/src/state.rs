//! The shared state: configuration, the world behind its one mutex, and a signal that something has changed.

use std::sync::{Mutex, PoisonError};

use tokio::sync::{Notify, Semaphore};

use crate::Config;
use crate::limits::DELAYED_REQUESTS_MAX;
use crate::world::World;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    world: Mutex<World>,
    /// Rung after every change; the writer of the state file listens.
    pub(crate) changed: Notify,
    /// Room for requests with an injected delay.
    pub(crate) delayed: std::sync::Arc<Semaphore>,
}

impl Shared {
    pub(crate) fn new(config: Config, world: World) -> Shared {
        Shared {
            config,
            world: Mutex::new(world),
            changed: Notify::new(),
            delayed: std::sync::Arc::new(Semaphore::new(DELAYED_REQUESTS_MAX)),
        }
    }

    /// Runs `look` with the world. The lock cannot outlive it, so it is never held across an await.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs `change` with the world and tells the writer of the state file.
    pub(crate) fn write<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let result = change(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
        result
    }
}
