//! What a RabbitMQ queue does when the network or the broker fails. Every fault is made by the
//! test's own proxy or on the test's own queues; nothing here disturbs others at the same broker.

use std::time::Duration;

use lapin::options::QueuePurgeOptions;
use queue::rabbit::Link;
use queue::{Consumer, Delivery, Lane, Published, Publisher, RabbitQueue};
use tokio::time::{Instant, sleep, timeout};

use crate::broker::{Corner, Operator, PATIENCE, consumer, is_one_down, message, messages, until};
use crate::proxy::{Network, Proxy};

/// Work has to flow again so soon after a fault has ended.
const BACK_WITHIN: Duration = Duration::from_secs(5);
/// No publication takes longer, whatever the broker does.
const PUBLISH_WITHIN: Duration = Duration::from_secs(6);

async fn through(proxy: &Proxy, corner: &Corner) -> RabbitQueue {
    let queue = corner.start(corner.config(&proxy.url(), 1_000));
    until(&queue, "the publisher is connected", |status| status.publisher.is_connected()).await;
    queue
}

async fn next(consumer: &mut dyn Consumer) -> Delivery {
    let received = timeout(PATIENCE, consumer.receive(1)).await.expect("a message in time");
    received.unwrap().pop().unwrap()
}

/// Receives and acknowledges until the job comes. Others may come again before it.
async fn finish(consumer: &mut dyn Consumer, job_id: &str) {
    loop {
        let delivery = next(consumer).await;
        let is_it = delivery.job_id == job_id;
        delivery.ack();
        if is_it {
            return;
        }
    }
}

/// Publishes until it is confirmed, then receives it, and says how long all of it took.
async fn work(queue: &RabbitQueue, consumer: &mut dyn Consumer, job_id: &str) -> Duration {
    let begun = Instant::now();
    let publisher = queue.publisher();
    let one = [message(Lane::Confirm, job_id)];
    let publishing = async {
        while !publisher.publish(&one).await[0].is_confirmed() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, publishing).await.expect("a confirm in time");
    finish(consumer, job_id).await;
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_is_made_again_and_what_was_not_acknowledged_comes_again() {
    type Fault = fn(&Proxy);
    let faults: [(&str, Fault); 3] = [
        ("cut", Proxy::cut),
        ("closed", Proxy::close_by_operator),
        ("timed out", Proxy::lose_patience),
    ];
    for (name, fault) in faults {
        let (corner, proxy) = (Corner::new(), Proxy::start().await);
        let queue = through(&proxy, &corner).await;
        let mut consumer = consumer(&queue, &Lane::ALL).await;
        queue.publisher().publish(&[message(Lane::Confirm, "held")]).await;
        let held = next(&mut *consumer).await;
        fault(&proxy);
        until(&queue, "the loss is seen", is_one_down).await;
        let took = work(&queue, &mut *consumer, name).await;
        assert!(took < BACK_WITHIN, "{name}: {took:?}");
        // It has come again before, so its job is done; the old receipt changes nothing.
        held.ack();
        work(&queue, &mut *consumer, "after").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_over_a_lost_connection_settles_no_other_message() {
    let (corner, proxy) = (Corner::new(), Proxy::start().await);
    let queue = through(&proxy, &corner).await;
    let mut consumer = consumer(&queue, &Lane::ALL).await;
    queue.publisher().publish(&[message(Lane::Confirm, "one")]).await;
    let lost = next(&mut *consumer).await;
    proxy.cut();
    // The same message, under a number that may be the same, on a new channel.
    let again = next(&mut *consumer).await;
    assert_eq!(again.job_id, "one");
    lost.ack();
    drop(again);
    assert_eq!(next(&mut *consumer).await.job_id, "one", "the late acknowledgement counted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_lost_connection_had_brought_and_nobody_took_is_forgotten_and_comes_once() {
    let (corner, proxy) = (Corner::new(), Proxy::start().await);
    let queue = through(&proxy, &corner).await;
    queue.publisher().publish(&messages(Lane::Confirm, "job", 20)).await;
    let mut consumer = consumer(&queue, &Lane::ALL).await;
    // The first shows that they are on their way; the others came with it.
    let first = next(&mut *consumer).await;
    let before = queue.status().consumer;
    proxy.cut();
    until(&queue, "connected afresh", |status| {
        status.consumer != before && status.consumer.as_ref().is_some_and(Link::is_connected)
    })
    .await;
    drop(first);
    let mut jobs = Vec::new();
    while jobs.len() < 20 {
        let delivery = next(&mut *consumer).await;
        jobs.push(delivery.job_id.clone());
        delivery.ack();
    }
    jobs.sort();
    jobs.dedup();
    assert_eq!(jobs.len(), 20, "some came twice");
    let more = timeout(Duration::from_millis(200), consumer.receive(1)).await;
    assert!(more.is_err(), "an unexpected {more:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_starts_before_its_broker_waits_for_it() {
    let (corner, proxy) = (Corner::new(), Proxy::start().await);
    proxy.set(Network::Refusing);
    let queue = corner.start(corner.config(&proxy.url(), 1_000));
    let publisher = queue.publisher();
    assert!(!publisher.is_ready());
    let begun = Instant::now();
    let published = publisher.publish(&messages(Lane::Confirm, "early", 3)).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "it waited for {:?}", begun.elapsed());
    assert!(published.len() == 3 && !published.iter().any(Published::is_confirmed));
    until(&queue, "a failed try", |status| {
        matches!(&status.publisher, Link::Connecting { last_error: Some(_), .. })
    })
    .await;
    let mut consumer = queue.consumer(&Lane::ALL);
    proxy.set(Network::Well);
    let took = work(&queue, &mut consumer, "first").await;
    assert!(took < BACK_WITHIN, "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_goes_away_for_a_while_is_tried_until_it_is_back() {
    let (corner, proxy) = (Corner::new(), Proxy::start().await);
    let queue = through(&proxy, &corner).await;
    let mut consumer = consumer(&queue, &Lane::ALL).await;
    queue.publisher().publish(&messages(Lane::Confirm, "before", 5)).await;
    proxy.set(Network::Refusing);
    proxy.cut();
    let status =
        until(&queue, "the loss is seen", |status| status.publisher.down_since().is_some()).await;
    let gone_since = status.publisher.down_since();
    // Long enough for the pauses to have grown to their limit.
    sleep(Duration::from_secs(6)).await;
    assert_eq!(queue.status().publisher.down_since(), gone_since);
    assert!(!queue.publisher().is_ready());
    proxy.set(Network::Well);
    let took = work(&queue, &mut *consumer, "after").await;
    assert!(took < BACK_WITHIN, "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_black_hole_is_noticed_and_left_soon_after_it_ends() {
    let (corner, proxy) = (Corner::new(), Proxy::start().await);
    // The shortest heartbeat there is: silence is noticed after two seconds.
    let url = format!("{}?heartbeat=1", proxy.url());
    let queue = corner.start(corner.config(&url, 1_000));
    let mut consumer = consumer(&queue, &Lane::ALL).await;
    work(&queue, &mut *consumer, "before").await;
    proxy.set(Network::BlackHole);
    let begun = Instant::now();
    let published = queue.publisher().publish(&[message(Lane::Confirm, "swallowed")]).await;
    assert!(!published[0].is_confirmed());
    assert!(begun.elapsed() < PUBLISH_WITHIN, "{:?}", begun.elapsed());
    until(&queue, "both losses are seen", |status| {
        status.publisher.down_since().is_some()
            && status.consumer.as_ref().is_some_and(|link| link.down_since().is_some())
    })
    .await;
    // Long enough for new connections to be swallowed too, and given up.
    sleep(Duration::from_secs(14)).await;
    let closed = async {
        // One for each role is being tried at any time.
        while proxy.open_connections() > 2 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(1), closed).await.expect("connections given up are closed");
    proxy.set(Network::Well);
    let took = work(&queue, &mut *consumer, "after").await;
    assert!(took < BACK_WITHIN, "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_short_of_memory_blocks_publishing_and_nothing_else() {
    let (corner, proxy) = (Corner::new(), Proxy::start().await);
    let queue = through(&proxy, &corner).await;
    let publisher = queue.publisher();
    let mut consumer = consumer(&queue, &Lane::ALL).await;
    publisher.publish(&messages(Lane::Confirm, "before", 3)).await;
    proxy.block_publishers();
    until(&queue, "the block is seen", |status| {
        matches!(&status.publisher, Link::Blocked { reason, .. } if reason == "low on memory")
    })
    .await;
    assert!(!publisher.is_ready());
    let begun = Instant::now();
    let published = publisher.publish(&[message(Lane::Confirm, "blocked")]).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    let Published::NotConfirmed(why) = &published[0] else { panic!("{published:?}") };
    assert!(why.contains("low on memory"), "{why}");
    // Deliveries and acknowledgements go on: nothing comes twice afterwards.
    for _ in 0..3 {
        next(&mut *consumer).await.ack();
    }
    assert!(queue.status().consumer.unwrap().is_connected());
    assert!(!is_one_down(&queue.status()));
    proxy.unblock_publishers();
    let took = work(&queue, &mut *consumer, "after").await;
    assert!(took < BACK_WITHIN, "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_is_under_way_when_the_broker_blocks_is_not_confirmed_and_not_waited_for() {
    let (corner, proxy) = (Corner::new(), Proxy::start().await);
    let queue = through(&proxy, &corner).await;
    let publisher = queue.publisher();
    proxy.set(Network::PublishersUnread);
    let publishing = tokio::spawn(async move {
        let begun = Instant::now();
        (publisher.publish(&messages(Lane::Confirm, "under-way", 100)).await, begun.elapsed())
    });
    sleep(Duration::from_millis(200)).await;
    proxy.block_publishers();
    let (published, took) = publishing.await.unwrap();
    assert!(published.len() == 100 && !published.iter().any(Published::is_confirmed));
    assert!(took < Duration::from_secs(2), "{took:?}");
    proxy.unblock_publishers();
    let mut consumer = consumer(&queue, &Lane::ALL).await;
    // The batch arrives late, which is allowed, and is confirmed to nobody, which matters.
    assert!(work(&queue, &mut *consumer, "after").await < BACK_WITHIN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishing_is_bounded_when_the_broker_says_nothing_at_all() {
    let (corner, proxy) = (Corner::new(), Proxy::start().await);
    let queue = through(&proxy, &corner).await;
    proxy.set(Network::PublishersUnread);
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..8 {
        let publisher = queue.publisher();
        callers.spawn(async move {
            let begun = Instant::now();
            let batch = messages(Lane::Confirm, &format!("caller-{number}"), 300);
            (publisher.publish(&batch).await, begun.elapsed())
        });
    }
    while let Some(called) = callers.join_next().await {
        let (published, took) = called.unwrap();
        assert!(published.len() == 300 && !published.iter().any(Published::is_confirmed));
        assert!(took < PUBLISH_WITHIN, "{took:?}");
    }
    proxy.set(Network::Well);
    let mut consumer = consumer(&queue, &Lane::ALL).await;
    assert!(work(&queue, &mut *consumer, "after").await < BACK_WITHIN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_flaps_while_work_is_done_loses_nothing() {
    const JOBS: usize = 400;
    let (corner, proxy) = (Corner::new(), Proxy::start().await);
    let queue = through(&proxy, &corner).await;
    let publisher = queue.publisher();
    let publishing = tokio::spawn(async move {
        for one in messages(Lane::Confirm, "job", JOBS) {
            while !publisher.publish(std::slice::from_ref(&one)).await[0].is_confirmed() {
                sleep(Duration::from_millis(10)).await;
            }
        }
    });
    let mut consumer = consumer(&queue, &Lane::ALL).await;
    let mut done = std::collections::BTreeSet::new();
    let working = async {
        while done.len() < JOBS {
            for delivery in consumer.receive(16).await.unwrap() {
                done.insert(delivery.job_id.clone());
                delivery.ack();
            }
        }
    };
    let flapping = async {
        loop {
            sleep(Duration::from_millis(400)).await;
            proxy.cut();
        }
    };
    tokio::select! {
        () = working => {}
        () = flapping => {}
        () = sleep(3 * PATIENCE) => panic!("not all jobs came"),
    }
    publishing.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_purged_or_deleted_under_a_consumer_is_used_on() {
    let corner = Corner::new();
    let queue = corner.open(1_000).await;
    let operator = Operator::connect().await;
    let mut consumer = consumer(&queue, &Lane::ALL).await;
    work(&queue, &mut *consumer, "before").await;
    let name = corner.queue_name(Lane::Confirm);
    let options = QueuePurgeOptions::default();
    operator.channel.queue_purge(name.as_str().into(), options).await.unwrap();
    let took = work(&queue, &mut *consumer, "purged").await;
    assert!(took < BACK_WITHIN, "{took:?}");
    operator.delete_queue(&name).await;
    let took = work(&queue, &mut *consumer, "deleted").await;
    assert!(took < BACK_WITHIN, "{took:?}");
}
