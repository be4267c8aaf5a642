//! What is declared at a RabbitMQ broker: by many at once, over what is there already, and again
//! after somebody took a part of it away.

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use queue::rabbit::scratch::broker_url;
use queue::rabbit::{Link, RabbitConfig, SurveyError, survey};
use queue::{Delivery, Lane, Message, Published, Publisher};
use tokio::time::timeout;

use crate::broker::{Corner, Operator, PATIENCE, consumer, message, messages, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_processes_may_be_the_first() {
    let corner = Corner::new();
    let queues: Vec<_> = (0..6).map(|_| corner.start(corner.config(&broker_url(), 100))).collect();
    for queue in &queues {
        until(queue, "connected", |status| status.publisher.is_connected()).await;
    }
    let mut consumer = consumer(&queues[0], &Lane::ALL).await;
    for (number, queue) in queues.iter().enumerate() {
        let one = [message(Lane::Cancel, number.to_string())];
        assert!(queue.publisher().publish(&one).await[0].is_confirmed());
        let received = timeout(PATIENCE, consumer.receive(1)).await.unwrap().unwrap();
        assert_eq!(received[0].job_id, number.to_string());
        received.into_iter().for_each(Delivery::ack);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_with_other_arguments_is_reported_by_name_until_somebody_deletes_it() {
    let corner = Corner::new();
    let operator = Operator::connect().await;
    let name = corner.queue_name(Lane::LookUp);
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(7));
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    operator.channel.queue_declare(name.as_str().into(), options, arguments).await.unwrap();

    let queue = corner.start(corner.config(&broker_url(), 100));
    let is_refused = |link: &Link| matches!(link, Link::Refused { .. });
    let status = until(&queue, "refused", |status| is_refused(&status.publisher)).await;
    let Link::Refused { reason, .. } = &status.publisher else { panic!("{status:?}") };
    assert!(reason.contains(&name), "{reason}");
    assert!(reason.contains("x-"), "it names the argument: {reason}");
    let surveyed = survey(&corner.config(&broker_url(), 100)).await.unwrap_err();
    assert!(matches!(&surveyed, SurveyError::Unfit(words) if words.contains(&name)), "{surveyed}");
    let published = queue.publisher().publish(&[message(Lane::Confirm, "one")]).await;
    let Published::NotConfirmed(why) = &published[0] else { panic!("{published:?}") };
    assert!(why.contains("refused by the broker"), "{why}");

    operator.delete_queue(&name).await;
    until(&queue, "connected", |status| status.publisher.is_connected()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_survey_tells_what_is_missing_and_makes_nothing() {
    let corner = Corner::new();
    let config = corner.config(&broker_url(), 100);
    for _ in 0..2 {
        let found = survey(&config).await.unwrap();
        assert_eq!((found.present, found.missing.len()), (0, 3 + Lane::ALL.len()), "{found:?}");
        let queue = format!("queue {}", corner.queue_name(Lane::Confirm));
        assert!(found.missing.contains(&queue), "{found:?}");
    }
    let queue = corner.open(100).await;
    let found = survey(&config).await.unwrap();
    assert_eq!((found.present, found.missing.len()), (3 + Lane::ALL.len(), 0), "{found:?}");
    drop(queue);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_survey_that_is_not_let_in_says_so_at_once() {
    let corner = Corner::new();
    let right: lapin::uri::AMQPUri = broker_url().parse().unwrap();
    let (mut password, mut host) = (right.clone(), right);
    password.authority.userinfo.password = "hush-hush".to_owned();
    host.vhost = "no-such-vhost".to_owned();
    for (uri, words) in [(password, "ACCESS"), (host, "NOT_ALLOWED")] {
        let config = RabbitConfig::parse(&uri.to_string(), corner.prefix()).unwrap();
        let denied = survey(&config).await.unwrap_err();
        assert!(matches!(denied, SurveyError::Denied(_)), "{denied:?}");
        let said = denied.to_string().replace('-', "_");
        assert!(said.contains(words) && !said.contains("hush_hush"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_told_without_showing_it() {
    let corner = Corner::new();
    let mut uri: lapin::uri::AMQPUri = broker_url().parse().unwrap();
    uri.authority.userinfo.password = "hush-hush".to_owned();
    let config = RabbitConfig::parse(&uri.to_string(), corner.prefix()).unwrap();
    let queue = corner.start(config);
    let status = until(&queue, "a failed try", |status| {
        matches!(&status.publisher, Link::Connecting { last_error: Some(_), .. })
    })
    .await;
    let said = format!("{status:?} {queue:?}");
    assert!(said.contains("ACCESS_REFUSED") || said.contains("ACCESS-REFUSED"), "{said}");
    assert!(!said.contains("hush-hush"), "{said}");
}

async fn unbind(operator: &Operator, corner: &Corner, lane: Lane) {
    let (name, exchange) = (corner.queue_name(lane), corner.exchange());
    let arguments = FieldTable::default();
    let unbinding = operator.channel.queue_unbind(
        name.as_str().into(),
        exchange.as_str().into(),
        lane.word().into(),
        arguments,
    );
    unbinding.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_without_a_queue_is_not_confirmed_and_the_binding_comes_back() {
    let corner = Corner::new();
    let queue = corner.open(100_000).await;
    let publisher = queue.publisher();
    let operator = Operator::connect().await;
    // Mixed and repeated, because a returned message may be attached to another one's confirm.
    for round in 0..8 {
        let before = queue.status().publisher;
        unbind(&operator, &corner, Lane::LookUp).await;
        let batch: Vec<Message> = (0..200)
            .map(|number| {
                let lane = if number % 7 == 3 { Lane::LookUp } else { Lane::Confirm };
                message(lane, format!("{round}-{number}"))
            })
            .collect();
        let published = publisher.publish(&batch).await;
        for (message, published) in batch.iter().zip(&published) {
            let is_expected = published.is_confirmed() == (message.lane == Lane::Confirm);
            assert!(is_expected, "{message:?}: {published:?}");
        }
        until(&queue, "connected afresh", |status| {
            status.publisher.is_connected() && status.publisher != before
        })
        .await;
    }
    assert!(publisher.publish(&[message(Lane::LookUp, "again")]).await[0].is_confirmed());
    let mut consumer = consumer(&queue, &[Lane::LookUp]).await;
    let received = timeout(PATIENCE, consumer.receive(10)).await.unwrap().unwrap();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].job_id, "again");
}

/// Why there is no alternate exchange: see the docs of `queue::rabbit`'s topology.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbitmq_confirms_what_an_alternate_exchange_took() {
    let corner = Corner::new();
    let _queue = corner.open(10).await;
    let operator = Operator::connect().await;
    let channel = &operator.channel;
    // Made of names that the corner takes away anyway.
    let exchange = corner.exchange();
    let options = lapin::options::ExchangeDeleteOptions::default();
    channel.exchange_delete(exchange.as_str().into(), options).await.unwrap();
    let mut arguments = FieldTable::default();
    let dead = format!("{}.dead_letters", corner.prefix());
    arguments.insert("alternate-exchange".into(), AMQPValue::LongString(dead.as_str().into()));
    let kind = lapin::ExchangeKind::Direct;
    let options = lapin::options::ExchangeDeclareOptions::default();
    channel.exchange_declare(exchange.as_str().into(), kind, options, arguments).await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let properties = lapin::BasicProperties::default();
    let key = "no-such-lane".into();
    let confirm = channel.basic_publish(exchange.into(), key, options, b"{}", properties).await;
    let confirmation = confirm.unwrap().await.unwrap();
    assert_eq!(confirmation, lapin::Confirmation::Ack(None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_prefixes_at_one_broker_do_not_meet() {
    let (one, other) = (Corner::new(), Corner::new());
    let (first, second) = (one.open(10).await, other.open(10).await);
    first.publisher().publish(&messages(Lane::Confirm, "first", 2)).await;
    second.publisher().publish(&messages(Lane::Confirm, "second", 1)).await;
    let mut consumer = consumer(&second, &Lane::ALL).await;
    let received = timeout(PATIENCE, consumer.receive(10)).await.unwrap().unwrap();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].job_id, "second-0");
}
