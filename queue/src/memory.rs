//! The queue within one process: four bounded lists, shared by any number of publishers and
//! consumers.
//!
//! It keeps nothing on disk on purpose. After a restart the relay finds every unfinished job in
//! the database and publishes it again. Not here: connections, which a queue of one process
//! cannot lose.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::Notify;

use crate::turns::Turns;
use crate::{
    Consumer, ConsumerEnded, DeadLetter, DeadLetters, Delivery, Lane, Message, Published,
    Publisher, Receipt,
};

/// A queue in this process. Clones share it.
#[derive(Debug, Clone)]
pub struct MemoryQueue {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    capacity_per_lane: usize,
    state: Mutex<State>,
    /// Woken when a message arrives or comes back, and when the queue closes.
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    confirm: Road,
    cancel: Road,
    look_up: Road,
    bulk: Road,
    is_closed: bool,
}

/// One lane's messages.
#[derive(Debug, Default)]
struct Road {
    ready: VecDeque<Message>,
    /// Delivered and not acknowledged. They count as taken room, so that each can come back.
    unacked: usize,
}

impl State {
    fn road(&mut self, lane: Lane) -> &mut Road {
        match lane {
            Lane::Confirm => &mut self.confirm,
            Lane::Cancel => &mut self.cancel,
            Lane::LookUp => &mut self.look_up,
            Lane::Bulk => &mut self.bulk,
        }
    }
}

impl Shared {
    /// The state is whole whenever the lock is free, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryQueue {
    /// Makes an empty queue whose lanes hold at most `capacity_per_lane` messages each, delivered
    /// and unacknowledged ones included.
    #[must_use]
    pub fn new(capacity_per_lane: NonZeroUsize) -> MemoryQueue {
        MemoryQueue {
            shared: Arc::new(Shared {
                capacity_per_lane: capacity_per_lane.get(),
                state: Mutex::default(),
                arrived: Notify::new(),
            }),
        }
    }

    /// The end that takes messages.
    #[must_use]
    pub fn publisher(&self) -> MemoryPublisher {
        MemoryPublisher { shared: Arc::clone(&self.shared) }
    }

    /// An end that gives the messages of these lanes. Consumers share messages, they do not each
    /// get a copy.
    #[must_use]
    pub fn consumer(&self, lanes: &[Lane]) -> MemoryConsumer {
        MemoryConsumer { shared: Arc::clone(&self.shared), turns: Turns::new(lanes) }
    }

    /// The end that gives what the queue gave up, which is nothing.
    #[must_use]
    pub fn dead_letters(&self) -> Box<dyn DeadLetters> {
        Box::new(NoDeadLetters { shared: Arc::clone(&self.shared) })
    }

    /// Closes the queue: publishers are not ready any more, consumers end. What it still holds is
    /// forgotten; the database knows those jobs.
    pub fn close(&self) {
        self.shared.lock().is_closed = true;
        self.shared.arrived.notify_waiters();
    }
}

/// Publishes into a [`MemoryQueue`]. Never waits: a full lane answers
/// [`Published::NotConfirmed`] at once.
#[derive(Debug, Clone)]
pub struct MemoryPublisher {
    shared: Arc<Shared>,
}

#[async_trait]
impl Publisher for MemoryPublisher {
    async fn publish(&self, batch: &[Message]) -> Vec<Published> {
        let published = {
            let mut state = self.shared.lock();
            batch.iter().map(|message| self.put(&mut state, message)).collect()
        };
        self.shared.arrived.notify_waiters();
        published
    }

    fn is_ready(&self) -> bool {
        !self.shared.lock().is_closed
    }
}

impl MemoryPublisher {
    fn put(&self, state: &mut State, message: &Message) -> Published {
        if state.is_closed {
            return Published::NotConfirmed("the queue is closed".to_owned());
        }
        let road = state.road(message.lane);
        if road.ready.len().saturating_add(road.unacked) >= self.shared.capacity_per_lane {
            return Published::NotConfirmed(format!("lane {} is full", message.lane.word()));
        }
        road.ready.push_back(message.clone());
        Published::Confirmed
    }
}

/// Receives from a [`MemoryQueue`].
#[derive(Debug)]
pub struct MemoryConsumer {
    shared: Arc<Shared>,
    turns: Turns,
}

#[async_trait]
impl Consumer for MemoryConsumer {
    async fn receive(&mut self, most: usize) -> Result<Vec<Delivery>, ConsumerEnded> {
        loop {
            let arrived = self.shared.arrived.notified();
            tokio::pin!(arrived);
            // Before looking, so that a message that comes right after the look wakes us.
            arrived.as_mut().enable();
            let taken = {
                let mut state = self.shared.lock();
                if state.is_closed {
                    return Err(ConsumerEnded);
                }
                take(&mut state, &mut self.turns, most.max(1))
            };
            if !taken.is_empty() {
                // No await between taking and returning: a dropped `receive` never holds messages.
                return Ok(taken.into_iter().map(|taken| self.deliver(taken)).collect());
            }
            arrived.await;
        }
    }

    fn pause(&mut self, lanes: &[Lane]) {
        self.turns.pause(lanes);
    }
}

impl MemoryConsumer {
    fn deliver(&self, message: Message) -> Delivery {
        let receipt = MemoryReceipt {
            shared: Arc::clone(&self.shared),
            lane: message.lane,
            unacked: Some(message.clone()),
        };
        Delivery::new(message, Box::new(receipt))
    }
}

/// Takes up to `most` messages, each lane in its turn.
fn take(state: &mut State, turns: &mut Turns, most: usize) -> Vec<Message> {
    let mut taken = Vec::new();
    while taken.len() < most {
        let Some(lane) = turns.next(|lane| !state.road(lane).ready.is_empty()) else { break };
        let road = state.road(lane);
        let Some(message) = road.ready.pop_front() else { break };
        road.unacked = road.unacked.saturating_add(1);
        taken.push(message);
    }
    taken
}

/// Gives nothing: in one process no message is unreadable, and none is given up.
#[derive(Debug)]
struct NoDeadLetters {
    shared: Arc<Shared>,
}

#[async_trait]
impl DeadLetters for NoDeadLetters {
    async fn receive(&mut self, _most: usize) -> Result<Vec<DeadLetter>, ConsumerEnded> {
        loop {
            let arrived = self.shared.arrived.notified();
            tokio::pin!(arrived);
            arrived.as_mut().enable();
            if self.shared.lock().is_closed {
                return Err(ConsumerEnded);
            }
            arrived.await;
        }
    }
}

/// The queue's side of a delivery: present `unacked` means that nobody acknowledged it yet.
#[derive(Debug)]
struct MemoryReceipt {
    shared: Arc<Shared>,
    lane: Lane,
    unacked: Option<Message>,
}

impl Receipt for MemoryReceipt {
    fn ack(mut self: Box<Self>) {
        self.unacked = None;
        let mut state = self.shared.lock();
        let road = state.road(self.lane);
        road.unacked = road.unacked.saturating_sub(1);
    }
}

impl Drop for MemoryReceipt {
    fn drop(&mut self) {
        let Some(message) = self.unacked.take() else { return };
        {
            let mut state = self.shared.lock();
            let road = state.road(self.lane);
            road.unacked = road.unacked.saturating_sub(1);
            // To the end: a message that is dropped again and again must not hold up the others.
            road.ready.push_back(message);
        }
        self.shared.arrived.notify_waiters();
    }
}
