//! What is declared at the broker, by whoever connects first: an exchange, a queue per lane, and
//! where dead letters go.
//!
//! Every queue is a quorum queue with limits. A lane's queue refuses what does not fit
//! (`reject-publish`), and passes on what was rejected or delivered too often, at least once. There
//! is no alternate exchange on purpose: it would turn a message without a queue into a confirmed
//! one (RabbitMQ counts it as routed), while a returned one stays with the database and makes the
//! publisher declare everything again.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, ExchangeKind};
use tokio::time::timeout;

use crate::Lane;
use crate::rabbit::config::RabbitConfig;
use crate::rabbit::line::{ANSWER_WITHIN, is_denial, reply_code};
use crate::rabbit::status::Trouble;

/// How often a message may come back before it is a dead letter; it is delivered once more than
/// that. Generous, because RabbitMQ before 4.3 counts every return, also that of a message which
/// was only held when a worker stopped.
pub const DELIVERY_LIMIT: i64 = 50;
/// The same for dead letters, which RabbitMQ would drop: as good as none. "None" itself cannot be
/// said to both RabbitMQ 3.10, where it is the default, and 4, where the default is 20.
const DEAD_LETTER_DELIVERY_LIMIT: i64 = 1_000_000;

/// The broker's codes. Source: AMQP 0-9-1, 1.2.
const NOT_FOUND: u16 = 404;
const PRECONDITION_FAILED: u16 = 406;

/// An exchange or a queue of ours.
#[derive(Debug, Clone)]
pub(super) struct Thing {
    pub(super) name: ShortString,
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    Exchange(ExchangeKind),
    /// With its arguments.
    Queue(FieldTable),
}

impl Thing {
    pub(super) const fn kind(&self) -> &'static str {
        match self.form {
            Form::Exchange(_) => "exchange",
            Form::Queue(_) => "queue",
        }
    }
}

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
        for thing in self.things() {
            make(channel, &thing).await?;
        }
        self.bind(channel, self.dead_letter_queue(), self.dead_letter_exchange(), "").await?;
        for lane in Lane::ALL {
            self.bind(channel, self.queue(lane), self.exchange(), lane.word()).await?;
        }
        Ok(())
    }

    /// Everything that has a name, in the order in which it is declared.
    pub(super) fn things(&self) -> Vec<Thing> {
        let exchange = |name, kind| Thing { name, form: Form::Exchange(kind) };
        let queue = |name, arguments| Thing { name, form: Form::Queue(arguments) };
        let mut things = vec![
            exchange(self.dead_letter_exchange(), ExchangeKind::Fanout),
            exchange(self.exchange(), ExchangeKind::Direct),
            queue(self.dead_letter_queue(), self.arguments(DEAD_LETTER_DELIVERY_LIMIT)),
        ];
        things.extend(Lane::ALL.map(|lane| queue(self.queue(lane), self.lane_arguments())));
        things
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

/// Declares a thing; one that is there with the same arguments stays as it is.
pub(super) async fn make(channel: &Channel, thing: &Thing) -> Result<(), Trouble> {
    let declared = declare(channel, thing, How::Make);
    let what = format!("{} {}", thing.kind(), thing.name);
    answer(&what, declared).await
}

/// Whether a thing is there. A channel that was asked for one that is not is closed by the broker.
pub(super) async fn find(channel: &Channel, thing: &Thing) -> Result<bool, Trouble> {
    let what = format!("{} {}", thing.kind(), thing.name);
    let found = async {
        match declare(channel, thing, How::Find).await {
            Ok(()) => Ok(true),
            Err(error) if reply_code(&error) == Some(NOT_FOUND) => Ok(false),
            Err(error) => Err(error),
        }
    };
    answer(&what, found).await
}

/// What a declaration is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// It makes what is not there.
    Make,
    /// It only asks; arguments do not count.
    Find,
}

async fn declare(channel: &Channel, thing: &Thing, how: How) -> lapin::Result<()> {
    let (name, passive) = (thing.name.clone(), how == How::Find);
    match &thing.form {
        Form::Exchange(kind) => {
            let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
            let options = ExchangeDeclareOptions { passive, ..durable };
            channel.exchange_declare(name, kind.clone(), options, FieldTable::default()).await
        }
        Form::Queue(arguments) => {
            let durable = QueueDeclareOptions { durable: true, ..Default::default() };
            let options = QueueDeclareOptions { passive, ..durable };
            channel.queue_declare(name, options, arguments.clone()).await.map(|_| ())
        }
    }
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
    Err(match reply_code(&error) {
        Some(PRECONDITION_FAILED) => Trouble::Refused(words),
        Some(code) if is_denial(code) => Trouble::Denied(words),
        Some(_) | None => Trouble::Passing(words),
    })
}
