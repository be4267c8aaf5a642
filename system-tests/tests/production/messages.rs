//! The fleet's queues, as an operator at the broker sees and treats them.

use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions,
    QueuePurgeOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};

/// A connection of the operator, straight to the broker.
#[derive(Debug)]
pub(crate) struct Operator {
    _connection: Connection,
    channel: Channel,
    prefix: String,
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

    /// Puts a message straight into a lane.
    pub(crate) async fn publish(&self, lane: &str, body: &[u8]) {
        let (exchange, key) = (format!("{}.jobs", self.prefix), lane);
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let properties = BasicProperties::default().with_delivery_mode(2);
        let sent =
            self.channel.basic_publish(exchange.into(), key.into(), options, body, properties);
        let confirm = sent.await.unwrap().await.unwrap();
        assert!(confirm.is_ack() && confirm.take_message().is_none(), "the broker did not take it");
    }

    fn queue(&self, lane: &str) -> String {
        format!("{}.{lane}.v1", self.prefix)
    }
}
