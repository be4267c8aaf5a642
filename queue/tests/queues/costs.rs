//! What messages cost, counted in frames and not timed. A figure that rises here is slower on every machine. Not here: how many of them
//! go into one write, which depends on the moment.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use queue::{Delivery, Lane, Published, Publisher};
use tokio::time::timeout;

use crate::broker::{Corner, PATIENCE, consumer, messages, until};
use crate::frames::{ACK, CANCEL, CANCEL_OK, DELIVER, Frame, PUBLISH};
use crate::proxy::Proxy;

const COUNT: usize = 1_000;
/// How many are published together.
const BATCH: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_costs_three_frames_each_way_and_an_acknowledgement() {
    let (corner, proxy) = (Corner::new(), Proxy::start().await);
    let queue = corner.start(corner.config(&proxy.url(), 2 * COUNT));
    until(&queue, "the publisher is connected", |status| status.publisher.is_connected()).await;
    let mut consumer = consumer(&queue, &Lane::ALL).await;
    let publisher = queue.publisher();
    // What the set-up took.
    drop((proxy.from_clients.take(), proxy.from_broker.take()));

    for batch in messages(Lane::Confirm, "job", COUNT).chunks(BATCH) {
        assert!(publisher.publish(batch).await.iter().all(Published::is_confirmed));
        let mut done = 0;
        while done < batch.len() {
            let received = timeout(PATIENCE, consumer.receive(BATCH)).await;
            let deliveries = received.expect("a message in time").unwrap();
            done += deliveries.len();
            deliveries.into_iter().for_each(Delivery::ack);
        }
    }
    // After the goodbye nothing is missing.
    queue.close().await;

    let (mut ours, mut brokers) = (proxy.from_clients.take(), proxy.from_broker.take());
    // lapin may or may not come to cancel a consumer at the end, one per lane.
    take_some(&mut ours, CANCEL, 0..=Lane::ALL.len());
    take_some(&mut brokers, CANCEL_OK, 0..=Lane::ALL.len());
    // The broker may confirm many at once, and has to answer every batch.
    take_some(&mut brokers, ACK, COUNT.div_ceil(BATCH)..=COUNT);
    let contents = [(Frame::Header, COUNT), (Frame::Body, COUNT)];
    let expected = contents.into_iter().chain([(PUBLISH, COUNT), (ACK, COUNT)]).collect();
    assert_eq!(ours, expected, "from publisher and consumer");
    let expected = contents.into_iter().chain([(DELIVER, COUNT)]).collect();
    assert_eq!(brokers, expected, "from the broker");
}

/// Takes out what is not determined by us, and only bounded.
fn take_some(counted: &mut BTreeMap<Frame, usize>, frame: Frame, bounds: RangeInclusive<usize>) {
    let count = counted.remove(&frame).unwrap_or(0);
    assert!(bounds.contains(&count), "{frame:?}: {count} and not {bounds:?}");
}
