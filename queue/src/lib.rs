//! Delivers job ids from those who accept work to those who do it, at least once.
//!
//! A message is a wake-up call and nothing more: the database knows what is to be done, so a
//! message may come twice, late, or out of order, and a lost one is published again by the relay.
//! This file holds the traits and their words; [`memory`] is the implementation that lives in one
//! process, [`rabbit`] the one that many processes share. Not here: what a job is, when it is due,
//! and how it is done.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects,
        clippy::panic,
        clippy::unreachable
    )
)]

pub mod memory;
mod meters;
pub mod rabbit;
mod turns;

use std::fmt::Debug;

use async_trait::async_trait;

pub use crate::memory::MemoryQueue;
pub use crate::meters::describe_metrics;
pub use crate::rabbit::{RabbitConfig, RabbitQueue};

/// The roads of the queue. Each has room of its own, so that much of one kind of work cannot hold
/// up another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Confirms: a customer is looking at a spinner.
    Confirm,
    /// Cancels: staff, or a customer at the counter, wait for them.
    Cancel,
    /// Look-ups: somebody is told "checking" meanwhile.
    LookUp,
    /// What operators start by the hundred. Nobody watches a single one.
    Bulk,
}

impl Lane {
    /// Every lane, the most urgent first.
    pub const ALL: [Lane; 4] = [Lane::Confirm, Lane::Cancel, Lane::LookUp, Lane::Bulk];

    /// How many messages of this lane are delivered in one round while others wait too.
    ///
    /// A round serves every lane that has something, so none starves. With these weights a message
    /// waits behind at most 24 of the other lanes, however long their backlogs are.
    #[must_use]
    pub const fn weight(self) -> u32 {
        match self {
            Lane::Confirm => 16,
            Lane::Cancel | Lane::LookUp => 4,
            Lane::Bulk => 1,
        }
    }

    /// The word for logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Lane::Confirm => "confirm",
            Lane::Cancel => "cancel",
            Lane::LookUp => "look_up",
            Lane::Bulk => "bulk",
        }
    }
}

/// A wake-up call for one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The job's id, as the database knows it.
    pub job_id: String,
    /// The road it takes.
    pub lane: Lane,
    /// What joins the logs and traces of those who accepted the job with those who do it.
    pub trace: Trace,
}

/// Whose request a message comes from. Carried, never interpreted: the queue delivers a message with any or none of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// The id of the request that made the job.
    pub request_id: Option<String>,
    /// The request's trace context. Source: W3C Trace Context, `traceparent`.
    pub traceparent: Option<String>,
}

/// What became of one message of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// The queue has it and will deliver it at least once, unless the queue itself is lost.
    Confirmed,
    /// Nobody knows whether the queue has it: publish it again later. The text says why, for logs.
    NotConfirmed(String),
}

impl Published {
    /// Whether the queue has it.
    #[must_use]
    pub const fn is_confirmed(&self) -> bool {
        match self {
            Published::Confirmed => true,
            Published::NotConfirmed(_) => false,
        }
    }
}

/// The end of the queue that takes messages.
#[async_trait]
pub trait Publisher: Send + Sync + Debug {
    /// Publishes a batch and says of each message, in the batch's order, whether the queue has it.
    ///
    /// Bounded in time: a queue that is full, gone or slow answers [`Published::NotConfirmed`]
    /// within seconds. The answer is as long as the batch.
    async fn publish(&self, batch: &[Message]) -> Vec<Published>;

    /// Whether publishing is likely to work now. While it is not, nobody should take jobs out of
    /// the database for publishing.
    fn is_ready(&self) -> bool;
}

/// The end of the queue that gives messages. Several consumers share the messages between them.
#[async_trait]
pub trait Consumer: Send + Debug {
    /// Waits until there is a message, then gives what is ready, at most `most` (0 counts as 1).
    ///
    /// Dropping the future before it is ready loses no message. A lost connection is waited out: what
    /// was given over it is delivered again.
    ///
    /// # Errors
    /// [`ConsumerEnded`] when this consumer gives no more because the queue was closed.
    async fn receive(&mut self, most: usize) -> Result<Vec<Delivery>, ConsumerEnded>;

    /// From the next `receive` on, gives no messages of these lanes, until the next call; all other
    /// lanes flow. What is held of a paused lane stays with this consumer.
    fn pause(&mut self, lanes: &[Lane]);
}

/// A consumer gives no more messages. What it gave and nobody acknowledged is delivered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the queue's consumer has ended")]
pub struct ConsumerEnded;

/// One hand-over of a message. Dropped without [`Delivery::ack`], the message is delivered again,
/// to anyone.
#[derive(Debug)]
pub struct Delivery {
    /// The job to be done.
    pub job_id: String,
    /// The road it came by.
    pub lane: Lane,
    /// What it was published with.
    pub trace: Trace,
    receipt: Box<dyn Receipt>,
}

/// A queue's own side of a delivery. Its `Drop` gives the message back to the queue, unless it was
/// acknowledged.
pub trait Receipt: Send + Debug {
    /// Tells the queue that the message is done with. Does not block.
    fn ack(self: Box<Self>);
}

impl Delivery {
    /// For implementations of [`Consumer`].
    #[must_use]
    pub fn new(message: Message, receipt: Box<dyn Receipt>) -> Delivery {
        let Message { job_id, lane, trace } = message;
        Delivery { job_id, lane, trace, receipt }
    }

    /// Tells the queue that this message is done with: the job is settled, or somebody else has it.
    pub fn ack(self) {
        self.receipt.ack();
    }
}

/// The end that gives what the queue gave up: what could not be read as a message, and what came
/// back too often.
#[async_trait]
pub trait DeadLetters: Send + Debug {
    /// Waits until there is a dead letter, then gives what is ready, at most `most` (0 counts as 1).
    ///
    /// Dropping the future before it is ready loses none. A lost connection is waited out.
    ///
    /// # Errors
    /// [`ConsumerEnded`] when it gives no more because the queue was closed.
    async fn receive(&mut self, most: usize) -> Result<Vec<DeadLetter>, ConsumerEnded>;
}

/// What the queue gave up. Dropped without [`DeadLetter::ack`], it is given again.
#[derive(Debug)]
pub struct DeadLetter {
    /// The name of the queue that gave it up, as the broker knows it; `unknown` when the broker does
    /// not say.
    pub queue: String,
    /// Why, in the broker's words: `rejected` for what could not be read, `delivery_limit` for what
    /// came back too often; `unknown` when the broker does not say.
    pub reason: String,
    /// The first [`rabbit::DEAD_LETTER_BODY_BYTES_MAX`] bytes of its body.
    pub body: Vec<u8>,
    /// What else is known of it, as JSON, cut off after [`rabbit::DEAD_LETTER_DETAIL_BYTES_MAX`]
    /// bytes: the problem, the length of the whole body, properties and headers.
    pub detail: String,
    /// The job it names, when it is a message of ours.
    pub job_id: Option<String>,
    receipt: Box<dyn Receipt>,
}

impl DeadLetter {
    /// For implementations of [`DeadLetters`].
    #[must_use]
    pub fn new(
        queue: String,
        reason: String,
        body: Vec<u8>,
        detail: String,
        job_id: Option<String>,
        receipt: Box<dyn Receipt>,
    ) -> DeadLetter {
        DeadLetter { queue, reason, body, detail, job_id, receipt }
    }

    /// Tells the queue that it is done with: the database has it.
    pub fn ack(self) {
        self.receipt.ack();
    }
}
