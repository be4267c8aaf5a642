//! The fleet's queues, as an operator at the broker sees and treats them.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions,
    QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use tokio::time::timeout;

/// How long a message may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection of the operator, straight to the broker.
#[derive(Debug)]
pub(crate) struct Operator {
    _connection: Connection,
    channel: Channel,
    prefix: String,
}

/// Copies of what is published into a lane from now on.
#[derive(Debug)]
pub(crate) struct Copies(lapin::Consumer);

impl Copies {
    /// The headers of the next one, as far as they are texts.
    pub(crate) async fn next(&mut self) -> HashMap<String, String> {
        let delivery = timeout(PATIENCE, self.0.next()).await.expect("a message in time");
        let delivery = delivery.expect("a consumer that goes on").unwrap();
        let headers = delivery.properties.headers().clone().unwrap_or_default();
        let texts = headers.inner().iter().filter_map(|(name, value)| {
            Some((name.to_string(), value.as_long_string()?.to_string()))
        });
        texts.collect()
    }
}

/// What is in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Depth {
    /// Messages that no consumer holds.
    pub(crate) ready: u32,
    /// Those who take from it.
    pub(crate) consumers: u32,
}

impl Operator {
    pub(crate) async fn connect(url: &str, prefix: &str) -> Operator {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        Operator { _connection: connection, channel, prefix: prefix.to_owned() }
    }

    pub(crate) async fn depth(&self, lane: &str) -> Depth {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let name = self.queue(lane);
        let queue = self.channel.queue_declare(name.into(), options, FieldTable::default());
        let queue = queue.await.unwrap();
        Depth { ready: queue.message_count(), consumers: queue.consumer_count() }
    }

    /// Has every message of a lane copied into a queue of the operator's own.
    pub(crate) async fn listen(&self, lane: &str) -> Copies {
        let own = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
        let queue = self.channel.queue_declare("".into(), own, FieldTable::default());
        let queue = queue.await.unwrap().name().clone();
        let (exchange, options) = (format!("{}.jobs", self.prefix), QueueBindOptions::default());
        let key = lane.into();
        let arguments = FieldTable::default();
        self.channel
            .queue_bind(queue.clone(), exchange.into(), key, options, arguments)
            .await
            .unwrap();
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let arguments = FieldTable::default();
        Copies(self.channel.basic_consume(queue, "".into(), options, arguments).await.unwrap())
    }

    /// Throws away what is in a queue; gives how many messages that were.
    pub(crate) async fn purge(&self, lane: &str) -> u32 {
        let name = self.queue(lane);
        self.channel.queue_purge(name.into(), QueuePurgeOptions::default()).await.unwrap()
    }

    /// Deletes a queue with everything in it.
    pub(crate) async fn delete(&self, lane: &str) -> u32 {
        let name = self.queue(lane);
        self.channel.queue_delete(name.into(), QueueDeleteOptions::default()).await.unwrap()
    }

    /// Puts a message straight into a queue: a lane's, or that of dead letters.
    pub(crate) async fn publish(&self, queue: &str, body: &[u8], properties: BasicProperties) {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let properties = properties.with_delivery_mode(2);
        let key = self.queue(queue);
        let sent = self.channel.basic_publish("".into(), key.into(), options, body, properties);
        let confirm = sent.await.unwrap().await.unwrap();
        assert!(confirm.is_ack() && confirm.take_message().is_none(), "the broker did not take it");
    }

    fn queue(&self, lane: &str) -> String {
        format!("{}.{lane}.v1", self.prefix)
    }
}
