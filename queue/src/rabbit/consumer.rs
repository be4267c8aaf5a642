//! The end that gives messages. A task fills a basket ([`super::intake`]); the consumer takes from
//! it by turns. Reconnecting happens behind its back.

use std::sync::Arc;

use async_trait::async_trait;
use lapin::message;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::rabbit::basket::{Basket, Contents};
use crate::rabbit::config::RabbitConfig;
use crate::rabbit::intake::{Intake, Opener, Source};
use crate::rabbit::slip::Slip;
use crate::rabbit::status::Board;
use crate::rabbit::topology::Topology;
use crate::rabbit::wire;
use crate::turns::Turns;
use crate::{Consumer, ConsumerEnded, Delivery, Lane, Message};

/// Receives from RabbitMQ.
///
/// Dropped, it gives back what it did not hand out. What it did can be acknowledged as long as its
/// connection lives, which is until the last of it is settled or the queue is closed.
///
/// The broker closes a channel that leaves a message unacknowledged for 30 minutes (its
/// `consumer_timeout`), so what a paused lane holds for longer is delivered again, to anyone.
#[derive(Debug)]
pub struct RabbitConsumer {
    basket: Arc<Basket<Lane, Delivery>>,
    turns: Turns,
    _leaving: DropGuard,
}

/// Makes a consumer and the duty that fills its basket.
pub(super) fn consumer(
    config: &RabbitConfig,
    lanes: &[Lane],
    board: Arc<Board>,
    closing: CancellationToken,
) -> (RabbitConsumer, Intake<Jobs>) {
    let turns = Turns::new(lanes);
    let topology = Topology::new(config);
    let sources = turns
        .lanes()
        .map(|lane| Source {
            key: lane,
            queue: topology.queue(lane),
            prefetch: config.prefetch_of(lane, lanes),
        })
        .collect();
    let basket = Arc::new(Basket::new());
    let leaving = CancellationToken::new();
    let intake = Intake {
        sources,
        opener: Jobs,
        basket: Arc::clone(&basket),
        board,
        leaving: leaving.clone(),
        closing,
    };
    (RabbitConsumer { basket, turns, _leaving: leaving.drop_guard() }, intake)
}

#[async_trait]
impl Consumer for RabbitConsumer {
    async fn receive(&mut self, most: usize) -> Result<Vec<Delivery>, ConsumerEnded> {
        let turns = &mut self.turns;
        self.basket.take(|contents| choose(contents, turns, most.max(1))).await
    }

    fn pause(&mut self, lanes: &[Lane]) {
        self.turns.pause(lanes);
    }
}

/// Takes up to `most` deliveries, each lane in its turn.
fn choose(
    contents: &mut Contents<Lane, Delivery>,
    turns: &mut Turns,
    most: usize,
) -> Vec<Delivery> {
    let mut chosen = Vec::new();
    while chosen.len() < most {
        let Some(lane) = turns.next(|lane| contents.has(lane)) else { break };
        let Some(delivery) = contents.pop(lane) else { break };
        chosen.push(delivery);
    }
    chosen
}

/// Opens messages that name a job.
#[derive(Debug)]
pub(super) struct Jobs;

impl Opener for Jobs {
    type Key = Lane;
    type Item = Delivery;

    fn open(&self, lane: Lane, message: message::Delivery, slip: Slip) -> Option<Delivery> {
        match wire::decode(&message.data, &message.properties) {
            Ok((job_id, trace)) => {
                let redelivered = if message.redelivered { "true" } else { "false" };
                metrics::counter!(
                    crate::meters::DELIVERED,
                    "lane" => lane.word(), "redelivered" => redelivered
                )
                .increment(1);
                Some(Delivery::new(Message { job_id, lane, trace }, Box::new(slip)))
            }
            Err(error) => {
                metrics::counter!(crate::meters::POISON).increment(1);
                tracing::error!(
                    %error,
                    lane = lane.word(),
                    alert = "poison_message",
                    "a message names no job: set aside as a dead letter"
                );
                slip.reject();
                None
            }
        }
    }
}
