//! A corner of a real broker for one test, and a plain AMQP client for what an operator or a stranger
//! does there.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::Duration;

use lapin::options::{BasicPublishOptions, QueueDeleteOptions};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use queue::rabbit::scratch::{Scratch, broker_url};
use queue::rabbit::{Jitter, RabbitConfig, RabbitQueue, RabbitStatus};
use queue::{Consumer, Lane, Message, Trace};
use tokio::time::{sleep, timeout};

/// Long enough for anything that is not a fault, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn message(lane: Lane, job_id: impl Into<String>) -> Message {
    Message { job_id: job_id.into(), lane, trace: Trace::default() }
}

pub(crate) fn messages(lane: Lane, prefix: &str, count: usize) -> Vec<Message> {
    (0..count).map(|number| message(lane, format!("{prefix}-{number}"))).collect()
}

/// A corner of the broker, and the queues that were started in it.
pub(crate) struct Corner {
    started: Mutex<Vec<RabbitQueue>>,
    scratch: Scratch,
}

impl Corner {
    pub(crate) fn new() -> Corner {
        Corner { started: Mutex::default(), scratch: Scratch::make() }
    }

    pub(crate) fn prefix(&self) -> &str {
        self.scratch.prefix()
    }

    pub(crate) fn config(&self, url: &str, capacity: usize) -> RabbitConfig {
        let capacity = NonZeroUsize::new(capacity).unwrap();
        RabbitConfig::parse(url, self.prefix()).unwrap().with_capacity_per_lane(capacity)
    }

    /// Starts a queue, which is closed before the names are taken away.
    pub(crate) fn start(&self, config: RabbitConfig) -> RabbitQueue {
        let queue = RabbitQueue::start(config, Jitter::new(|most| most / 2));
        self.started.lock().unwrap().push(queue.clone());
        queue
    }

    /// A queue at the shared broker, with its publisher connected.
    pub(crate) async fn open(&self, capacity: usize) -> RabbitQueue {
        let queue = self.start(self.config(self.scratch.url(), capacity));
        until(&queue, "the publisher is connected", |status| status.publisher.is_connected()).await;
        queue
    }

    pub(crate) fn queue_name(&self, lane: Lane) -> String {
        format!("{}.{}.v1", self.prefix(), lane.word())
    }

    pub(crate) fn dead_letter_queue(&self) -> String {
        format!("{}.dead_letters.v1", self.prefix())
    }

    pub(crate) fn exchange(&self) -> String {
        format!("{}.jobs", self.prefix())
    }
}

impl Drop for Corner {
    /// Closes the queues, so that none of them declares again what the scratch takes away after this.
    fn drop(&mut self) {
        let queues = std::mem::take(&mut *self.started.lock().unwrap());
        // On a thread of its own, because a test that panics is in no state to wait.
        let closing = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                for queue in queues {
                    queue.close().await;
                }
            });
        });
        // It does not panic; a test that does must not panic twice.
        let _closed = closing.join();
    }
}

/// Whether one of the connections is missing.
pub(crate) fn is_one_down(status: &RabbitStatus) -> bool {
    let links = [Some(&status.publisher), status.consumer.as_ref(), status.dead_letters.as_ref()];
    links.into_iter().flatten().any(|link| link.down_since().is_some())
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
        let url = broker_url();
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
