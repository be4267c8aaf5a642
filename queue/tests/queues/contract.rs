//! What every queue must do, written once and run on each implementation.
//!
//! To test another implementation: implement [`QueueUnderTest`] for it and add it to
//! `on_every_queue!`. Not here: what only one implementation promises, but for one exception.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use queue::{Consumer, ConsumerEnded, Delivery, Lane, Message, Published, Publisher};
use tokio::time::{sleep, timeout};

use crate::broker::{message, messages};
use crate::under_test::{Memory, QueueUnderTest};

/// Long enough for any queue, short enough for a test that fails.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a test waits to see that nothing comes.
const QUIET: Duration = Duration::from_millis(100);

macro_rules! on_every_queue {
    ($($name:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name::<crate::under_test::Memory>().await;
            })+
        }

        mod rabbit {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name::<crate::under_test::Rabbit>().await;
            })+
        }
    };
}

on_every_queue!(
    what_is_published_is_delivered_with_its_lane,
    an_acknowledged_message_is_not_delivered_again,
    a_dropped_delivery_is_delivered_again,
    a_message_that_is_always_dropped_does_not_hold_up_the_others,
    the_same_job_published_twice_is_delivered_twice,
    a_full_lane_confirms_nothing_and_leaves_other_lanes_alone,
    receive_gives_no_more_than_asked_for,
    receive_waits_for_the_first_message,
    receive_given_up_while_waiting_loses_nothing,
    a_consumer_gets_messages_of_its_own_lanes_only,
    a_paused_lane_is_not_served_and_the_others_are,
    nothing_is_a_dead_letter_by_itself,
    a_deep_bulk_backlog_does_not_delay_a_confirm,
    a_flood_of_confirms_does_not_starve_the_other_lanes,
    many_publishers_and_consumers_lose_nothing,
    a_consumer_that_goes_away_leaves_its_messages_to_the_others,
    a_closed_queue_ends_its_consumers_and_confirms_nothing,
);

async fn publish_all(publisher: &dyn Publisher, batch: &[Message]) {
    let published = publisher.publish(batch).await;
    assert_eq!(published.len(), batch.len());
    assert!(published.iter().all(Published::is_confirmed), "{published:?}");
}

async fn receive(consumer: &mut dyn Consumer, most: usize) -> Vec<Delivery> {
    let received = timeout(PATIENCE, consumer.receive(most)).await.expect("a message in time");
    let received = received.expect("an open queue");
    assert!(!received.is_empty(), "receive answered without a message");
    received
}

async fn receive_one(consumer: &mut dyn Consumer) -> Delivery {
    receive(consumer, 1).await.pop().unwrap()
}

/// Receives and acknowledges `count` messages; gives their job ids in the order of delivery.
async fn drain(consumer: &mut dyn Consumer, count: usize) -> Vec<String> {
    let mut job_ids = Vec::new();
    while job_ids.len() < count {
        for delivery in receive(consumer, count - job_ids.len()).await {
            job_ids.push(delivery.job_id.clone());
            delivery.ack();
        }
    }
    job_ids
}

async fn assert_nothing_comes(consumer: &mut dyn Consumer) {
    let received = timeout(QUIET, consumer.receive(1)).await;
    assert!(received.is_err(), "an unexpected {received:?}");
}

async fn what_is_published_is_delivered_with_its_lane<Q: QueueUnderTest>() {
    let queue = Q::open(10).await;
    let sent: Vec<Message> = Lane::ALL.map(|lane| message(lane, lane.word())).to_vec();
    publish_all(&*queue.publisher(), &sent).await;
    let mut consumer = queue.consumer(&Lane::ALL).await;
    for _ in Lane::ALL {
        let delivery = receive_one(&mut *consumer).await;
        assert_eq!(delivery.job_id, delivery.lane.word());
        delivery.ack();
    }
    assert_nothing_comes(&mut *consumer).await;
}

async fn an_acknowledged_message_is_not_delivered_again<Q: QueueUnderTest>() {
    let queue = Q::open(10).await;
    publish_all(&*queue.publisher(), &[message(Lane::Confirm, "one")]).await;
    let mut consumer = queue.consumer(&Lane::ALL).await;
    receive_one(&mut *consumer).await.ack();
    assert_nothing_comes(&mut *consumer).await;
    let mut another = queue.consumer(&Lane::ALL).await;
    assert_nothing_comes(&mut *another).await;
}

async fn a_dropped_delivery_is_delivered_again<Q: QueueUnderTest>() {
    let queue = Q::open(10).await;
    publish_all(&*queue.publisher(), &[message(Lane::Cancel, "one")]).await;
    let mut consumer = queue.consumer(&Lane::ALL).await;
    for _ in 0..3 {
        let delivery = receive_one(&mut *consumer).await;
        assert_eq!((delivery.job_id.as_str(), delivery.lane), ("one", Lane::Cancel));
        drop(delivery);
    }
    receive_one(&mut *consumer).await.ack();
    assert_nothing_comes(&mut *consumer).await;
}

async fn a_message_that_is_always_dropped_does_not_hold_up_the_others<Q: QueueUnderTest>() {
    let queue = Q::open(10).await;
    publish_all(&*queue.publisher(), &messages(Lane::Confirm, "job", 3)).await;
    let mut consumer = queue.consumer(&Lane::ALL).await;
    let mut done = BTreeSet::new();
    // Three rounds are plenty, whatever the order.
    for _ in 0..9 {
        let delivery = receive_one(&mut *consumer).await;
        if delivery.job_id == "job-0" {
            drop(delivery);
        } else {
            done.insert(delivery.job_id.clone());
            delivery.ack();
        }
    }
    assert_eq!(done, BTreeSet::from(["job-1".to_owned(), "job-2".to_owned()]));
}

async fn the_same_job_published_twice_is_delivered_twice<Q: QueueUnderTest>() {
    let queue = Q::open(10).await;
    let twice = [message(Lane::LookUp, "one"), message(Lane::LookUp, "one")];
    publish_all(&*queue.publisher(), &twice).await;
    let mut consumer = queue.consumer(&Lane::ALL).await;
    assert_eq!(drain(&mut *consumer, 2).await, ["one", "one"]);
}

async fn a_full_lane_confirms_nothing_and_leaves_other_lanes_alone<Q: QueueUnderTest>() {
    const CAPACITY: usize = 3;
    let queue = Q::open(CAPACITY).await;
    let publisher = queue.publisher();
    let mut confirmed = BTreeSet::new();
    for one in messages(Lane::Bulk, "bulk", CAPACITY + 10) {
        let published = publisher.publish(std::slice::from_ref(&one)).await;
        if published.iter().all(Published::is_confirmed) {
            confirmed.insert(one.job_id);
        }
    }
    let room = CAPACITY..=CAPACITY + Q::CAPACITY_EXCEEDED_MAX;
    assert!(room.contains(&confirmed.len()), "{confirmed:?}");
    let mixed: Vec<Message> = (0..2 * CAPACITY)
        .map(|number| match number % 2 {
            0 => message(Lane::Bulk, format!("refused-{number}")),
            _ => message(Lane::Confirm, format!("confirm-{number}")),
        })
        .collect();
    for (sent, published) in mixed.iter().zip(publisher.publish(&mixed).await) {
        let is_expected = published.is_confirmed() == (sent.lane == Lane::Confirm);
        assert!(is_expected, "{sent:?}: {published:?}");
    }
    // Exactly what was confirmed is delivered.
    let mut consumer = queue.consumer(&[Lane::Bulk]).await;
    let delivered = drain(&mut *consumer, confirmed.len()).await;
    assert_eq!(delivered.into_iter().collect::<BTreeSet<String>>(), confirmed);
    assert_nothing_comes(&mut *consumer).await;
    has_room(&*publisher, &messages(Lane::Bulk, "again", 1)).await;
}

/// Publishes until it is confirmed: an acknowledgement may need a moment to be seen.
async fn has_room(publisher: &dyn Publisher, batch: &[Message]) {
    let published = timeout(PATIENCE, async {
        while !publisher.publish(batch).await.iter().all(Published::is_confirmed) {
            sleep(Duration::from_millis(5)).await;
        }
    });
    published.await.expect("room again after an acknowledgement");
}

/// Not of RabbitMQ, which counts what waits only: there, what is delivered is bounded by the
/// prefetch.
#[tokio::test]
async fn unacknowledged_messages_take_room_in_memory_until_they_are_acknowledged() {
    let queue = Memory::open(2).await;
    let publisher = queue.publisher();
    publish_all(&*publisher, &messages(Lane::Confirm, "held", 2)).await;
    let mut consumer = queue.consumer(&Lane::ALL).await;
    let mut held = receive(&mut *consumer, 2).await;
    while held.len() < 2 {
        held.extend(receive(&mut *consumer, 1).await);
    }
    let one_more = [message(Lane::Confirm, "more")];
    assert!(!publisher.publish(&one_more).await.iter().any(Published::is_confirmed));
    held.pop().unwrap().ack();
    has_room(&*publisher, &one_more).await;
    drop(held);
    let rest: BTreeSet<String> = drain(&mut *consumer, 2).await.into_iter().collect();
    assert!(rest.contains("more"), "{rest:?}");
}

async fn receive_gives_no_more_than_asked_for<Q: QueueUnderTest>() {
    let queue = Q::open(10).await;
    publish_all(&*queue.publisher(), &messages(Lane::Confirm, "job", 10)).await;
    let mut consumer = queue.consumer(&Lane::ALL).await;
    let mut count = 0;
    for most in [0, 1, 3, 100] {
        let received = receive(&mut *consumer, most).await;
        assert!(received.len() <= most.max(1), "{} of {most}", received.len());
        count += received.len();
        received.into_iter().for_each(Delivery::ack);
    }
    drain(&mut *consumer, 10 - count).await;
    assert_nothing_comes(&mut *consumer).await;
}

async fn receive_waits_for_the_first_message<Q: QueueUnderTest>() {
    let queue = Q::open(10).await;
    let mut consumer = queue.consumer(&Lane::ALL).await;
    let waiting = tokio::spawn(async move { receive_one(&mut *consumer).await.job_id.clone() });
    sleep(QUIET).await;
    assert!(!waiting.is_finished());
    publish_all(&*queue.publisher(), &[message(Lane::Bulk, "late")]).await;
    assert_eq!(timeout(PATIENCE, waiting).await.unwrap().unwrap(), "late");
}

async fn receive_given_up_while_waiting_loses_nothing<Q: QueueUnderTest>() {
    let queue = Q::open(1_000).await;
    let publisher = queue.publisher();
    let publishing = tokio::spawn(async move {
        for one in messages(Lane::Confirm, "job", 200) {
            publish_all(&*publisher, std::slice::from_ref(&one)).await;
            sleep(Duration::from_micros(300)).await;
        }
    });
    let mut consumer = queue.consumer(&Lane::ALL).await;
    let mut seen = BTreeSet::new();
    timeout(PATIENCE, async {
        while seen.len() < 200 {
            // Given up again and again, at every point of its waiting.
            let brief = Duration::from_micros(u64::try_from(seen.len() % 7).unwrap() * 100);
            let Ok(received) = timeout(brief, consumer.receive(10)).await else { continue };
            for delivery in received.expect("an open queue") {
                seen.insert(delivery.job_id.clone());
                delivery.ack();
            }
        }
    })
    .await
    .expect("all messages in spite of given-up receives");
    publishing.await.unwrap();
}

async fn a_consumer_gets_messages_of_its_own_lanes_only<Q: QueueUnderTest>() {
    let queue = Q::open(10).await;
    let mut cancels = queue.consumer(&[Lane::Cancel]).await;
    publish_all(&*queue.publisher(), &messages(Lane::Bulk, "bulk", 3)).await;
    assert_nothing_comes(&mut *cancels).await;
    publish_all(&*queue.publisher(), &[message(Lane::Cancel, "cancel")]).await;
    assert_eq!(drain(&mut *cancels, 1).await, ["cancel"]);
    let mut rest = queue.consumer(&Lane::ALL).await;
    assert_eq!(drain(&mut *rest, 3).await.len(), 3);
}

async fn a_paused_lane_is_not_served_and_the_others_are<Q: QueueUnderTest>() {
    let queue = Q::open(10).await;
    let publisher = queue.publisher();
    let mut consumer = queue.consumer(&Lane::ALL).await;
    consumer.pause(&[Lane::Confirm, Lane::Bulk]);
    publish_all(&*publisher, &messages(Lane::Confirm, "confirm", 3)).await;
    publish_all(&*publisher, &messages(Lane::Cancel, "cancel", 3)).await;
    assert_eq!(drain(&mut *consumer, 3).await, ["cancel-0", "cancel-1", "cancel-2"]);
    assert_nothing_comes(&mut *consumer).await;
    // Another set of lanes takes the place of the first.
    consumer.pause(&[Lane::Cancel]);
    assert_eq!(drain(&mut *consumer, 3).await, ["confirm-0", "confirm-1", "confirm-2"]);
    consumer.pause(&[]);
    publish_all(&*publisher, &messages(Lane::Cancel, "late", 1)).await;
    assert_eq!(drain(&mut *consumer, 1).await, ["late-0"]);
}

async fn nothing_is_a_dead_letter_by_itself<Q: QueueUnderTest>() {
    let queue = Q::open(10).await;
    let mut dead_letters = queue.dead_letters();
    publish_all(&*queue.publisher(), &messages(Lane::Confirm, "job", 3)).await;
    let mut consumer = queue.consumer(&Lane::ALL).await;
    drain(&mut *consumer, 3).await;
    let received = timeout(QUIET, dead_letters.receive(1)).await;
    assert!(received.is_err(), "an unexpected {received:?}");
    queue.close().await;
    let ended = timeout(PATIENCE, dead_letters.receive(1)).await.expect("an end in time");
    assert_eq!(ended.map(|letters| letters.len()), Err(ConsumerEnded));
}

async fn a_deep_bulk_backlog_does_not_delay_a_confirm<Q: QueueUnderTest>() {
    let queue = Q::open(Q::DEEP).await;
    let publisher = queue.publisher();
    for batch in messages(Lane::Bulk, "bulk", Q::DEEP).chunks(1_000) {
        publish_all(&*publisher, batch).await;
    }
    let mut consumer = queue.consumer(&Lane::ALL).await;
    drain(&mut *consumer, 100).await;
    publish_all(&*publisher, &[message(Lane::Confirm, "confirm")]).await;
    let next = drain(&mut *consumer, 10).await;
    assert!(next.contains(&"confirm".to_owned()), "{next:?}");
}

async fn a_flood_of_confirms_does_not_starve_the_other_lanes<Q: QueueUnderTest>() {
    let queue = Q::open(10_000).await;
    let publisher = queue.publisher();
    publish_all(&*publisher, &messages(Lane::Confirm, "confirm", 10_000)).await;
    for lane in [Lane::Cancel, Lane::LookUp, Lane::Bulk] {
        publish_all(&*publisher, &[message(lane, lane.word())]).await;
    }
    let mut consumer = queue.consumer(&Lane::ALL).await;
    let next = drain(&mut *consumer, 200).await;
    for lane in [Lane::Cancel, Lane::LookUp, Lane::Bulk] {
        assert!(next.contains(&lane.word().to_owned()), "{lane:?} starves");
    }
}

async fn many_publishers_and_consumers_lose_nothing<Q: QueueUnderTest>() {
    const PUBLISHERS: usize = 8;
    const EACH: usize = 250;
    let queue = Q::open(PUBLISHERS * EACH).await;
    let (report, mut reported) = tokio::sync::mpsc::channel(64);
    for _ in 0..6 {
        let mut consumer = queue.consumer(&Lane::ALL).await;
        let report = report.clone();
        tokio::spawn(async move {
            let mut turn = 0;
            while let Ok(received) = consumer.receive(16).await {
                for delivery in received {
                    turn += 1;
                    // One in five is dropped and must come back to somebody.
                    if turn % 5 == 0 {
                        continue;
                    }
                    let job_id = delivery.job_id.clone();
                    delivery.ack();
                    if report.send(job_id).await.is_err() {
                        return;
                    }
                }
            }
        });
    }
    for number in 0..PUBLISHERS {
        let publisher = queue.publisher();
        let lane = Lane::ALL[number % Lane::ALL.len()];
        tokio::spawn(async move {
            publish_all(&*publisher, &messages(lane, &format!("p{number}"), EACH)).await;
        });
    }
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    timeout(PATIENCE, async {
        while times.len() < PUBLISHERS * EACH {
            *times.entry(reported.recv().await.unwrap()).or_default() += 1;
        }
    })
    .await
    .expect("every message at least once");
    queue.close().await;
}

async fn a_consumer_that_goes_away_leaves_its_messages_to_the_others<Q: QueueUnderTest>() {
    let queue = Q::open(10).await;
    publish_all(&*queue.publisher(), &messages(Lane::Confirm, "job", 4)).await;
    let mut first = queue.consumer(&Lane::ALL).await;
    let held = receive(&mut *first, 2).await;
    drop(first);
    drop(held);
    let mut second = queue.consumer(&Lane::ALL).await;
    let seen: BTreeSet<String> = drain(&mut *second, 4).await.into_iter().collect();
    assert_eq!(seen.len(), 4);
}

async fn a_closed_queue_ends_its_consumers_and_confirms_nothing<Q: QueueUnderTest>() {
    let queue = Q::open(10).await;
    let publisher = queue.publisher();
    assert!(publisher.is_ready());
    let mut consumer = queue.consumer(&Lane::ALL).await;
    let waiting = tokio::spawn(async move { consumer.receive(1).await.map(|_| ()) });
    sleep(QUIET).await;
    queue.close().await;
    assert_eq!(timeout(PATIENCE, waiting).await.unwrap().unwrap(), Err(ConsumerEnded));
    assert!(!publisher.is_ready());
    let published = publisher.publish(&messages(Lane::Confirm, "late", 2)).await;
    assert_eq!(published.len(), 2);
    assert!(!published.iter().any(Published::is_confirmed));
}
