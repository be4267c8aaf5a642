//! The implementations that the contract is tested on.

use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;
use queue::{Consumer, DeadLetters, Lane, MemoryQueue, Publisher, RabbitQueue};

use crate::broker::{self, Corner};

/// A queue of its own for each test.
#[async_trait]
pub(crate) trait QueueUnderTest: Send + Sync {
    /// How many messages more than its capacity a lane may take.
    const CAPACITY_EXCEEDED_MAX: usize;
    /// A deep backlog, in messages.
    const DEEP: usize;
    async fn open(capacity_per_lane: usize) -> Self;
    fn publisher(&self) -> Arc<dyn Publisher>;
    async fn consumer(&self, lanes: &[Lane]) -> Box<dyn Consumer>;
    fn dead_letters(&self) -> Box<dyn DeadLetters>;
    async fn close(&self);
}

pub(crate) struct Memory(MemoryQueue);

#[async_trait]
impl QueueUnderTest for Memory {
    const CAPACITY_EXCEEDED_MAX: usize = 0;
    const DEEP: usize = 100_000;

    async fn open(capacity_per_lane: usize) -> Memory {
        Memory(MemoryQueue::new(NonZeroUsize::new(capacity_per_lane).unwrap()))
    }

    fn publisher(&self) -> Arc<dyn Publisher> {
        Arc::new(self.0.publisher())
    }

    async fn consumer(&self, lanes: &[Lane]) -> Box<dyn Consumer> {
        Box::new(self.0.consumer(lanes))
    }

    fn dead_letters(&self) -> Box<dyn DeadLetters> {
        self.0.dead_letters()
    }

    async fn close(&self) {
        self.0.close();
    }
}

pub(crate) struct Rabbit {
    queue: RabbitQueue,
    /// The last to go: it takes the queue's names away.
    _corner: Corner,
}

#[async_trait]
impl QueueUnderTest for Rabbit {
    /// RabbitMQ's limit is a soft one: the publisher hears of it after the message that reached it.
    const CAPACITY_EXCEEDED_MAX: usize = 5;
    /// Every message goes to the broker's disk.
    const DEEP: usize = 20_000;

    async fn open(capacity_per_lane: usize) -> Rabbit {
        let corner = Corner::new();
        Rabbit { queue: corner.open(capacity_per_lane).await, _corner: corner }
    }

    fn publisher(&self) -> Arc<dyn Publisher> {
        Arc::new(self.queue.publisher())
    }

    async fn consumer(&self, lanes: &[Lane]) -> Box<dyn Consumer> {
        broker::consumer(&self.queue, lanes).await
    }

    fn dead_letters(&self) -> Box<dyn DeadLetters> {
        self.queue.dead_letters()
    }

    async fn close(&self) {
        self.queue.close().await;
    }
}
