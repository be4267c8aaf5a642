//! What is declared at the broker, by whoever connects first: an exchange, a queue per lane, and
//! where dead letters go.
//!
//! Every queue is a quorum queue with limits. A lane's queue refuses what does not fit
//! (`reject-publish`), and passes on what was rejected or delivered too often, at least once. There
//! is no alternate exchange on purpose: it would turn a message without a queue into a confirmed
//! one (RabbitMQ counts it as routed), while a returned one stays with the database and makes the
//! publisher declare everything again.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, ErrorKind, ExchangeKind};
use tokio::time::timeout;

use crate::Lane;
use crate::rabbit::config::RabbitConfig;
use crate::rabbit::line::ANSWER_WITHIN;
use crate::rabbit::status::Trouble;

/// How often a message may come back before it is a dead letter; it is delivered once more than
/// that. Generous, because RabbitMQ before 4.3 counts every return, also that of a message which
/// was only held when a worker stopped.
pub const DELIVERY_LIMIT: i64 = 50;
/// The same for dead letters, which RabbitMQ would drop: as good as none. "None" itself cannot be
/// said to both RabbitMQ 3.10, where it is the default, and 4, where the default is 20.
const DEAD_LETTER_DELIVERY_LIMIT: i64 = 1_000_000;

/// Names of what is declared. In a queue's name is the version of its arguments, which cannot be
/// changed later: other arguments are another queue.
///
/// All are made of a prefix of limited length, far below AMQP's 255 bytes.
#[derive(Debug, Clone)]
pub(super) struct Topology {
    prefix: String,
    capacity: i64,
}

impl Topology {
    pub(super) fn new(config: &RabbitConfig) -> Topology {
        let capacity = i64::try_from(config.capacity_per_lane.get()).unwrap_or(i64::MAX);
        Topology { prefix: config.prefix.clone(), capacity }
    }

    /// Where messages are published, with the lane's word as the routing key.
    pub(super) fn exchange(&self) -> ShortString {
        format!("{}.jobs", self.prefix).into()
    }

    /// A lane's queue.
    pub(super) fn queue(&self, lane: Lane) -> ShortString {
        format!("{}.{}.v1", self.prefix, lane.word()).into()
    }

    /// Where what was given up goes.
    pub(super) fn dead_letter_exchange(&self) -> ShortString {
        format!("{}.dead_letters", self.prefix).into()
    }

    /// The queue of what was given up.
    pub(super) fn dead_letter_queue(&self) -> ShortString {
        format!("{}.dead_letters.v1", self.prefix).into()
    }

    /// Declares everything. What exists with the same arguments stays as it is.
    pub(super) async fn declare(&self, channel: &Channel) -> Result<(), Trouble> {
        let (jobs, dead) = (self.exchange(), self.dead_letter_exchange());
        self.declare_exchange(channel, dead.clone(), ExchangeKind::Fanout).await?;
        self.declare_exchange(channel, jobs.clone(), ExchangeKind::Direct).await?;
        let grave = self.dead_letter_queue();
        let arguments = self.arguments(DEAD_LETTER_DELIVERY_LIMIT);
        self.declare_queue(channel, grave.clone(), arguments).await?;
        self.bind(channel, grave, dead, "").await?;
        for lane in Lane::ALL {
            let queue = self.queue(lane);
            self.declare_queue(channel, queue.clone(), self.lane_arguments()).await?;
            self.bind(channel, queue, jobs.clone(), lane.word()).await?;
        }
        Ok(())
    }

    fn lane_arguments(&self) -> FieldTable {
        let mut arguments = self.arguments(DELIVERY_LIMIT);
        let dead = self.dead_letter_exchange().to_string();
        arguments.insert("x-dead-letter-exchange".into(), long(&dead));
        arguments.insert("x-dead-letter-strategy".into(), long("at-least-once"));
        arguments
    }

    /// A full queue of dead letters refuses them, and the lane keeps them: nothing is dropped.
    fn arguments(&self, delivery_limit: i64) -> FieldTable {
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), long("quorum"));
        arguments.insert("x-overflow".into(), long("reject-publish"));
        arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(self.capacity));
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(delivery_limit));
        arguments
    }

    async fn declare_exchange(
        &self,
        channel: &Channel,
        name: ShortString,
        kind: ExchangeKind,
    ) -> Result<(), Trouble> {
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let what = format!("exchange {name}");
        answer(&what, channel.exchange_declare(name, kind, options, FieldTable::default())).await
    }

    async fn declare_queue(
        &self,
        channel: &Channel,
        name: ShortString,
        arguments: FieldTable,
    ) -> Result<(), Trouble> {
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let what = format!("queue {name}");
        answer(&what, channel.queue_declare(name, options, arguments)).await.map(|_| ())
    }

    async fn bind(
        &self,
        channel: &Channel,
        queue: ShortString,
        exchange: ShortString,
        key: &str,
    ) -> Result<(), Trouble> {
        let what = format!("binding of {queue}");
        let options = QueueBindOptions::default();
        let bound = channel.queue_bind(queue, exchange, key.into(), options, FieldTable::default());
        answer(&what, bound).await
    }
}

fn long(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

/// Waits for the broker's answer to a declaration. "Precondition failed" is its word for something
/// that exists with other arguments.
async fn answer<T>(
    what: &str,
    declared: impl Future<Output = lapin::Result<T>>,
) -> Result<T, Trouble> {
    let error = match timeout(ANSWER_WITHIN, declared).await {
        Ok(Ok(answer)) => return Ok(answer),
        Ok(Err(error)) => error,
        Err(_elapsed) => {
            return Err(Trouble::Passing(format!("no answer to the declaration of {what}")));
        }
    };
    let words = format!("declaration of {what}: {error}");
    let mismatch = AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED);
    let is_mismatch =
        matches!(error.kind(), ErrorKind::ProtocolError(told) if *told.kind() == mismatch);
    Err(if is_mismatch { Trouble::Refused(words) } else { Trouble::Passing(words) })
}
