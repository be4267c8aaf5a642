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

use crate::{Consumer, ConsumerEnded, Delivery, Lane, Message, Published, Publisher, Receipt};

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

/// Whose turn it is: in one round every lane may deliver as many messages as its weight, the most
/// urgent lane first.
#[derive(Debug)]
struct Turns {
    /// The lanes of this consumer, each with what is left to it in this round.
    lanes: Vec<(Lane, u32)>,
}

impl Turns {
    fn new(lanes: &[Lane]) -> Turns {
        let wanted = Lane::ALL.into_iter().filter(|lane| lanes.contains(lane));
        Turns { lanes: wanted.map(|lane| (lane, lane.weight())).collect() }
    }

    /// The next lane to serve among those that have something; `None` when none has.
    fn next(&mut self, mut has_something: impl FnMut(Lane) -> bool) -> Option<Lane> {
        let waiting: Vec<Lane> =
            self.lanes.iter().map(|(lane, _)| *lane).filter(|lane| has_something(*lane)).collect();
        let is_round_over =
            !self.lanes.iter().any(|(lane, left)| *left > 0 && waiting.contains(lane));
        if is_round_over {
            for (lane, left) in &mut self.lanes {
                *left = lane.weight();
            }
        }
        let (lane, left) =
            self.lanes.iter_mut().find(|(lane, left)| *left > 0 && waiting.contains(lane))?;
        *left = left.saturating_sub(1);
        Some(*lane)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_serves_every_lane_that_has_something_by_its_weight() {
        let mut turns = Turns::new(&Lane::ALL);
        let round: Vec<Lane> = (0..25).filter_map(|_| turns.next(|_| true)).collect();
        for lane in Lane::ALL {
            let served = round.iter().filter(|served| **served == lane).count();
            assert_eq!(u32::try_from(served).unwrap(), lane.weight(), "{lane:?}");
        }
    }

    #[test]
    fn a_lane_alone_is_served_without_end_and_an_empty_queue_serves_nobody() {
        let mut turns = Turns::new(&[Lane::Bulk, Lane::Confirm]);
        assert!((0..100).all(|_| turns.next(|lane| lane == Lane::Bulk) == Some(Lane::Bulk)));
        assert_eq!(turns.next(|lane| lane == Lane::Cancel), None);
        assert_eq!(turns.next(|_| false), None);
    }
}
