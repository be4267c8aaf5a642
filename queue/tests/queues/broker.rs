//! A corner of a real broker for one test: names of its own, taken away at the end, also after a
//! panic. And a plain AMQP client for what an operator or a stranger does there.

use std::hash::{BuildHasher, RandomState};
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::Duration;

use lapin::options::{BasicPublishOptions, ExchangeDeleteOptions, QueueDeleteOptions};
use lapin::uri::AMQPUri;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use queue::rabbit::{Jitter, RabbitConfig, RabbitQueue, RabbitStatus};
use queue::{Consumer, Lane, Message, Trace};
use tokio::time::{sleep, timeout};

/// Long enough for anything that is not a fault, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The address of the broker. Variables are read in the tests themselves, as in every suite.
#[expect(clippy::disallowed_methods, reason = "a test's configuration")]
pub(crate) fn url() -> String {
    std::env::var("SEUNGIN_TEST_AMQP_URL")
        .unwrap_or_else(|_| "amqp://seungin:seungin@127.0.0.1:5672/%2f".to_owned())
}

pub(crate) fn message(lane: Lane, job_id: impl Into<String>) -> Message {
    Message { job_id: job_id.into(), lane, trace: Trace::default() }
}

pub(crate) fn messages(lane: Lane, prefix: &str, count: usize) -> Vec<Message> {
    (0..count).map(|number| message(lane, format!("{prefix}-{number}"))).collect()
}

/// A prefix of names that nobody else has.
pub(crate) struct Corner {
    pub(crate) prefix: String,
    started: Mutex<Vec<RabbitQueue>>,
}

impl Corner {
    pub(crate) fn new() -> Corner {
        let broker: AMQPUri = url().parse().unwrap();
        let address = (broker.authority.host.as_str(), broker.authority.port);
        if let Err(error) = TcpStream::connect(address) {
            panic!("no broker at {address:?}: {error}. `scripts/servers start` provides one");
        }
        let unique = RandomState::new().hash_one(0);
        Corner { prefix: format!("test-{unique:016x}"), started: Mutex::default() }
    }

    pub(crate) fn config(&self, url: &str, capacity: usize) -> RabbitConfig {
        let capacity = NonZeroUsize::new(capacity).unwrap();
        RabbitConfig::parse(url, &self.prefix).unwrap().with_capacity_per_lane(capacity)
    }

    /// Starts a queue, which is closed before the names are taken away.
    pub(crate) fn start(&self, config: RabbitConfig) -> RabbitQueue {
        let queue = RabbitQueue::start(config, Jitter::new(|most| most / 2));
        self.started.lock().unwrap().push(queue.clone());
        queue
    }

    /// A queue at the shared broker, with its publisher connected.
    pub(crate) async fn open(&self, capacity: usize) -> RabbitQueue {
        let queue = self.start(self.config(&url(), capacity));
        until(&queue, "the publisher is connected", |status| status.publisher.is_connected()).await;
        queue
    }

    pub(crate) fn queue_name(&self, lane: Lane) -> String {
        format!("{}.{}.v1", self.prefix, lane.word())
    }

    pub(crate) fn dead_letter_queue(&self) -> String {
        format!("{}.dead_letters.v1", self.prefix)
    }

    pub(crate) fn exchange(&self) -> String {
        format!("{}.jobs", self.prefix)
    }
}

impl Drop for Corner {
    /// On a thread of its own, because a test that panics is in no state to wait.
    fn drop(&mut self) {
        let queues = std::mem::take(&mut *self.started.lock().unwrap());
        let mut names: Vec<String> = Lane::ALL.map(|lane| self.queue_name(lane)).to_vec();
        names.push(self.dead_letter_queue());
        let exchanges = [self.exchange(), format!("{}.dead_letters", self.prefix)];
        let cleaning = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                for queue in queues {
                    queue.close().await;
                }
                let operator = Operator::connect().await;
                for name in names {
                    operator.delete_queue(&name).await;
                }
                for name in exchanges {
                    let options = ExchangeDeleteOptions::default();
                    operator.channel.exchange_delete(name.into(), options).await.unwrap();
                }
            });
        });
        // A second panic while the first is under way would end the process without a word.
        if cleaning.join().is_err() && !std::thread::panicking() {
            panic!("the broker was not cleaned up");
        }
    }
}

/// Waits until a queue's connections are as wanted.
pub(crate) async fn until(
    queue: &RabbitQueue,
    what: &str,
    wanted: impl Fn(&RabbitStatus) -> bool,
) -> RabbitStatus {
    let waiting = async {
        loop {
            let status = queue.status();
            if wanted(&status) {
                return status;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    match timeout(PATIENCE, waiting).await {
        Ok(status) => status,
        Err(_) => panic!("not in time: {what}; it is {:?}", queue.status()),
    }
}

/// A consumer that is connected.
pub(crate) async fn consumer(queue: &RabbitQueue, lanes: &[Lane]) -> Box<dyn Consumer> {
    let consumer = queue.consumer(lanes);
    until(queue, "the consumer is connected", |status| {
        status.consumer.as_ref().is_some_and(queue::rabbit::Link::is_connected)
    })
    .await;
    Box::new(consumer)
}

/// Somebody with a client of their own.
pub(crate) struct Operator {
    pub(crate) channel: Channel,
    _connection: Connection,
}

impl Operator {
    pub(crate) async fn connect() -> Operator {
        let url = url();
        let connecting = Connection::connect(&url, ConnectionProperties::default());
        let connection = timeout(PATIENCE, connecting)
            .await
            .expect("a connection in time")
            .expect("a user that may connect");
        let channel = connection.create_channel().await.unwrap();
        Operator { channel, _connection: connection }
    }

    pub(crate) async fn delete_queue(&self, name: &str) {
        let options = QueueDeleteOptions::default();
        self.channel.queue_delete(name.into(), options).await.unwrap();
    }

    /// Publishes anything, right into a queue.
    pub(crate) async fn publish(&self, queue: &str, body: &[u8], properties: BasicProperties) {
        let options = BasicPublishOptions::default();
        let published =
            self.channel.basic_publish("".into(), queue.into(), options, body, properties).await;
        drop(published.unwrap());
    }
}
