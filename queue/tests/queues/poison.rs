//! What RabbitMQ gives up: messages that are no messages, and messages that come back too often.

use std::collections::BTreeMap;
use std::time::Duration;

use lapin::BasicProperties;
use queue::rabbit::{DEAD_LETTER_BODY_BYTES_MAX, DELIVERY_LIMIT};
use queue::{DeadLetter, Delivery, Lane, Publisher, RabbitQueue};
use serde_json::Value;
use tokio::time::timeout;

use crate::broker::{Corner, Operator, PATIENCE, consumer, message, messages};
use crate::stranger;

async fn bury(queue: &RabbitQueue, count: usize) -> Vec<DeadLetter> {
    let mut reader = queue.dead_letters();
    let mut letters = Vec::new();
    while letters.len() < count {
        let received = timeout(PATIENCE, reader.receive(count)).await;
        letters.extend(received.expect("a dead letter in time").unwrap());
    }
    letters
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_message_becomes_a_dead_letter_and_the_others_flow() {
    let corner = Corner::new();
    let queue = corner.open(100).await;
    let operator = Operator::connect().await;
    let name = corner.queue_name(Lane::Confirm);
    let long = vec![b'x'; DEAD_LETTER_BODY_BYTES_MAX + 5];
    let plain = BasicProperties::default();
    let other_type = plain.clone().with_type("invoice".into()).with_message_id("inv-1".into());
    let poison: [(&[u8], BasicProperties, &str); 6] = [
        (b"\xff\xfe garbage", plain.clone(), "not JSON"),
        (b"", plain.clone(), "not JSON"),
        (br#"{"v":9,"job":"a"}"#, plain.clone(), "version 9"),
        (br#"{"v":1,"job":["a"]}"#, plain.clone(), "names no job"),
        (br#"{"v":1,"job":"a"}"#, other_type, "invoice"),
        (&long, plain, "bytes, more than"),
    ];
    for (body, properties, _) in &poison {
        operator.publish(&name, body, properties.clone()).await;
        queue.publisher().publish(&[message(Lane::Confirm, "good")]).await;
    }
    let mut consumer = consumer(&queue, &Lane::ALL).await;
    let mut good = 0;
    while good < poison.len() {
        for delivery in timeout(PATIENCE, consumer.receive(10)).await.unwrap().unwrap() {
            assert_eq!(delivery.job_id, "good");
            delivery.ack();
            good += 1;
        }
    }
    let letters = bury(&queue, poison.len()).await;
    let mut bodies: BTreeMap<Vec<u8>, (Value, DeadLetter)> = BTreeMap::new();
    for letter in letters {
        assert_eq!((letter.queue.as_str(), letter.reason.as_str()), (name.as_str(), "rejected"));
        assert_eq!(letter.job_id, None);
        let detail = serde_json::from_str(&letter.detail).unwrap();
        bodies.insert(letter.body.clone(), (detail, letter));
    }
    for (body, properties, problem) in &poison {
        let kept = &body[..body.len().min(DEAD_LETTER_BODY_BYTES_MAX)];
        let (detail, letter) = bodies.remove(kept).expect("each is kept");
        assert!(detail["problem"].as_str().unwrap().contains(problem), "{detail}");
        assert_eq!(detail["body_bytes"], body.len());
        let id = properties.message_id().as_ref().map(ToString::to_string);
        assert_eq!(detail["message_id"], Value::from(id));
        assert_eq!(detail["headers"]["x-death"][0]["queue"], *name);
        letter.ack();
    }
    assert_empty(&queue).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_overflow_a_stack_or_is_no_text_becomes_a_dead_letter_like_any_other() {
    let corner = Corner::new();
    let queue = corner.open(100).await;
    let name = corner.queue_name(Lane::Confirm);
    let poison: [(Vec<u8>, &[u8], &[u8]); 3] = [
        // More than 100,000 bytes; a hundredth of it overflows nothing.
        (stranger::nested_tables(15_000), b"job", b"deep"),
        (b"\x02\xff\xfeV".to_vec(), b"job", b"a header's name"),
        (Vec::new(), b"j\xffb", b"a type"),
    ];
    tokio::task::spawn_blocking({
        let (name, poison) = (name.clone(), poison.clone());
        move || {
            for (headers, kind, body) in &poison {
                stranger::publish(&name, headers, kind, body);
            }
        }
    })
    .await
    .unwrap();
    queue.publisher().publish(&[message(Lane::Confirm, "good")]).await;
    let mut consumer = consumer(&queue, &Lane::ALL).await;
    let good = timeout(PATIENCE, consumer.receive(10)).await.expect("the good one").unwrap();
    good.into_iter().for_each(Delivery::ack);
    for letter in bury(&queue, poison.len()).await {
        assert_eq!((letter.queue.as_str(), letter.reason.as_str()), (name.as_str(), "rejected"));
        let body = String::from_utf8(letter.body.clone()).unwrap();
        let expected = match body.as_str() {
            "deep" => r#""headers":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":""#,
            "a header's name" => r#""headers":{"??":"#,
            _ => r#""type":"j?b""#,
        };
        assert!(
            letter.detail.contains(expected),
            "{body}: {}",
            &letter.detail[..500.min(letter.detail.len())]
        );
        letter.ack();
    }
    assert_empty(&queue).await;
}

/// Closing writes the acknowledgements; what was not acknowledged would come again to another.
async fn assert_empty(queue: &RabbitQueue) {
    let mut reader = queue.dead_letters();
    let more = timeout(Duration::from_millis(300), reader.receive(1)).await;
    assert!(more.is_err(), "an unexpected {more:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_that_is_not_acknowledged_comes_again() {
    let corner = Corner::new();
    let queue = corner.open(100).await;
    let operator = Operator::connect().await;
    operator.publish(&corner.dead_letter_queue(), b"by hand", BasicProperties::default()).await;
    for _ in 0..3 {
        let letter = bury(&queue, 1).await.pop().unwrap();
        assert_eq!(letter.body, b"by hand");
        assert_eq!((letter.queue.as_str(), letter.reason.as_str()), ("unknown", "unknown"));
    }
    bury(&queue, 1).await.pop().unwrap().ack();
    assert_empty(&queue).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_comes_back_too_often_becomes_a_dead_letter_that_names_its_job() {
    let corner = Corner::new();
    let queue = corner.open(100).await;
    queue.publisher().publish(&[message(Lane::Bulk, "unlucky")]).await;
    let mut consumer = consumer(&queue, &Lane::ALL).await;
    let mut reader = queue.dead_letters();
    let mut times = 0;
    let letter = loop {
        tokio::select! {
            received = consumer.receive(1) => {
                assert_eq!(received.unwrap()[0].job_id, "unlucky");
                times += 1;
            }
            letters = reader.receive(1) => break letters.unwrap().pop().unwrap(),
            () = tokio::time::sleep(PATIENCE) => panic!("{times} deliveries and no end"),
        }
    };
    assert_eq!(times, DELIVERY_LIMIT + 1);
    assert_eq!(letter.queue, corner.queue_name(Lane::Bulk));
    assert_eq!(letter.reason, "delivery_limit");
    assert_eq!(letter.job_id.as_deref(), Some("unlucky"));
    letter.ack();
    // The lane goes on.
    queue.publisher().publish(&messages(Lane::Bulk, "next", 1)).await;
    let received = timeout(PATIENCE, consumer.receive(1)).await.unwrap().unwrap();
    received.into_iter().for_each(Delivery::ack);
}
