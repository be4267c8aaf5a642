//! The queue of the process: within it, or RabbitMQ.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use ::queue::rabbit::{Jitter, RabbitQueue};
use ::queue::{Consumer, DeadLetters, Lane, MemoryQueue, Publisher};
use domain::id::IdSource as _;
use store::RandomIds;

use crate::config::{Config, QueueChoice};

/// The queue of the process.
#[derive(Debug, Clone)]
pub(crate) enum Queue {
    /// Within the process.
    Memory(MemoryQueue),
    /// RabbitMQ.
    Rabbit(RabbitQueue),
}

/// Spreads the tries of several processes to connect.
fn jitter() -> Jitter {
    Jitter::new(|most| {
        let most_ms = i64::try_from(most.as_millis()).unwrap_or(i64::MAX);
        Duration::from_millis(RandomIds.jitter_ms(most_ms).unsigned_abs())
    })
}

impl Queue {
    /// Opens it. RabbitMQ may be away: it is connected to when it is there.
    pub(crate) fn open(config: &Config) -> Queue {
        match &config.queue {
            QueueChoice::Memory(capacity) => Queue::Memory(MemoryQueue::new(*capacity)),
            QueueChoice::Rabbit(rabbit) => {
                // A message is held until its job is settled. Cancels have a quarter of what confirms have, and that must do for as
                // many calls as the worker makes. More than it can have in hand and claim next would lie there, where no other takes it.
                let calls = config.worker.concurrency;
                let bound = |held| u16::try_from(held).ok().and_then(NonZeroU16::new);
                let prefetch = bound(calls.saturating_mul(4)).unwrap_or(NonZeroU16::MAX);
                let most =
                    bound(calls.saturating_add(worker::AHEAD_MAX)).unwrap_or(NonZeroU16::MAX);
                let rabbit = rabbit.as_ref().clone();
                let rabbit = rabbit.with_prefetch(prefetch).with_prefetch_max(most);
                Queue::Rabbit(RabbitQueue::start(rabbit, jitter()))
            }
        }
    }

    /// The end that takes messages.
    pub(crate) fn publisher(&self) -> Arc<dyn Publisher> {
        match self {
            Queue::Memory(queue) => Arc::new(queue.publisher()),
            Queue::Rabbit(queue) => Arc::new(queue.publisher()),
        }
    }

    pub(super) fn consumer(&self, lanes: &[Lane]) -> Box<dyn Consumer> {
        match self {
            Queue::Memory(queue) => Box::new(queue.consumer(lanes)),
            Queue::Rabbit(queue) => Box::new(queue.consumer(lanes)),
        }
    }

    pub(super) fn dead_letters(&self) -> Box<dyn DeadLetters> {
        match self {
            Queue::Memory(queue) => queue.dead_letters(),
            Queue::Rabbit(queue) => queue.dead_letters(),
        }
    }

    /// Says goodbye. What it still holds is delivered to others, or known to the database.
    pub(crate) async fn close(&self) {
        match self {
            Queue::Memory(queue) => queue.close(),
            Queue::Rabbit(queue) => queue.close().await,
        }
    }
}
