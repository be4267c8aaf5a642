//! What a RabbitMQ queue promises beyond the contract while everything is well: traces, TLS, an
//! orderly end, and speed.

use std::collections::BTreeSet;
use std::time::Duration;

use queue::rabbit::Link;
use queue::rabbit::scratch::broker_url;
use queue::{Consumer, Delivery, Lane, Message, Published, Publisher, Trace};
use tokio::time::{Instant, timeout};

use crate::broker::{self, Corner, PATIENCE, is_one_down, messages, until};
use crate::proxy::Proxy;

async fn receive(consumer: &mut dyn Consumer, most: usize) -> Vec<Delivery> {
    timeout(PATIENCE, consumer.receive(most)).await.expect("a message in time").unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_goes_with_its_message() {
    let corner = Corner::new();
    let queue = corner.open(10).await;
    let trace = Trace {
        request_id: Some("req-7".to_owned()),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
    };
    let job_id = "job".to_owned();
    let sent = Message { job_id, lane: Lane::Confirm, trace: trace.clone() };
    assert!(queue.publisher().publish(&[sent]).await[0].is_confirmed());
    let mut consumer = broker::consumer(&queue, &Lane::ALL).await;
    assert_eq!(receive(&mut *consumer, 1).await[0].trace, trace);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_before_the_end_is_done_and_what_is_not_comes_to_another() {
    let corner = Corner::new();
    let queue = corner.open(100).await;
    queue.publisher().publish(&messages(Lane::Confirm, "job", 60)).await;
    let mut consumer = broker::consumer(&queue, &Lane::ALL).await;
    let mut held = Vec::new();
    while held.len() < 30 {
        held.extend(receive(&mut *consumer, 30 - held.len()).await);
    }
    let rest: Vec<Delivery> = held.split_off(20);
    let done: BTreeSet<String> = held.iter().map(|one| one.job_id.clone()).collect();
    held.into_iter().for_each(Delivery::ack);
    queue.close().await;
    assert_eq!(queue.status().publisher, Link::Closed);
    drop(rest);

    let other = corner.open(100).await;
    let mut consumer = broker::consumer(&other, &Lane::ALL).await;
    let mut seen = BTreeSet::new();
    while seen.len() < 40 {
        for delivery in receive(&mut *consumer, 40).await {
            assert!(!done.contains(&delivery.job_id), "{} came again", delivery.job_id);
            seen.insert(delivery.job_id.clone());
            delivery.ack();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_outlive_the_consumer_that_handed_them_out() {
    let corner = Corner::new();
    let queue = corner.open(100).await;
    queue.publisher().publish(&messages(Lane::Confirm, "job", 10)).await;
    let mut first = broker::consumer(&queue, &Lane::ALL).await;
    let held = receive(&mut *first, 4).await;
    let mut done: BTreeSet<String> = held.iter().map(|one| one.job_id.clone()).collect();
    drop(first);
    let mut second = broker::consumer(&queue, &Lane::ALL).await;
    // What the first had not handed out comes at once; what it had is not given to another.
    while done.len() < 10 {
        for delivery in receive(&mut *second, 10).await {
            assert!(done.insert(delivery.job_id.clone()), "{} came twice", delivery.job_id);
            delivery.ack();
        }
    }
    held.into_iter().for_each(Delivery::ack);
    let more = timeout(Duration::from_millis(300), second.receive(1)).await;
    assert!(more.is_err(), "an unexpected {more:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_holds_no_more_than_its_prefetch() {
    let corner = Corner::new();
    let config = corner.config(&broker_url(), 1_000).with_prefetch(4.try_into().unwrap());
    let queue = corner.start(config);
    until(&queue, "connected", |status| status.publisher.is_connected()).await;
    queue.publisher().publish(&messages(Lane::Confirm, "job", 50)).await;
    let mut greedy = broker::consumer(&queue, &Lane::ALL).await;
    let mut held = Vec::new();
    while held.len() < 4 {
        held.extend(receive(&mut *greedy, 50).await);
    }
    assert_eq!(held.len(), 4);
    let more = timeout(Duration::from_millis(200), greedy.receive(1)).await;
    assert!(more.is_err(), "an unexpected {more:?}");
    // The rest is there for others.
    let mut other = broker::consumer(&queue, &Lane::ALL).await;
    let mut seen = 0;
    while seen < 46 {
        for delivery in receive(&mut *other, 50).await {
            delivery.ack();
            seen += 1;
        }
    }
}

/// Prints what it measured: `cargo test -p queue --test queues speed -- --nocapture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_messages_are_outstanding_at_once_so_that_speed_is_not_a_round_trip_each() {
    const COUNT: usize = 5_000;
    let corner = Corner::new();
    let queue = corner.open(2 * COUNT).await;
    let publisher = queue.publisher();
    let begun = Instant::now();
    for one in messages(Lane::Confirm, "one", 100) {
        assert!(publisher.publish(&[one]).await[0].is_confirmed());
    }
    let alone = begun.elapsed() / 100;

    let begun = Instant::now();
    for batch in messages(Lane::Confirm, "batch", COUNT).chunks(100) {
        assert!(publisher.publish(batch).await.iter().all(Published::is_confirmed));
    }
    let batched = begun.elapsed() / u32::try_from(COUNT).unwrap();

    let mut callers = tokio::task::JoinSet::new();
    let begun = Instant::now();
    for caller in 0..50 {
        let publisher = queue.publisher();
        callers.spawn(async move {
            for one in messages(Lane::Cancel, &format!("caller-{caller}"), COUNT / 50) {
                assert!(publisher.publish(&[one]).await[0].is_confirmed());
            }
        });
    }
    callers.join_all().await;
    let shared = begun.elapsed() / u32::try_from(COUNT).unwrap();

    let mut consumer = broker::consumer(&queue, &[Lane::Confirm]).await;
    let begun = Instant::now();
    let mut received = 0;
    while received < COUNT + 100 {
        for delivery in receive(&mut *consumer, 64).await {
            delivery.ack();
            received += 1;
        }
    }
    let consumed = begun.elapsed() / u32::try_from(COUNT + 100).unwrap();
    println!(
        "per message: published alone {alone:?}, in batches of 100 {batched:?}, by 50 callers \
         {shared:?}; consumed {consumed:?}"
    );
    assert!(batched * 3 < alone, "batches: {batched:?} each, alone: {alone:?}");
    assert!(shared * 3 < alone, "50 callers: {shared:?} each, alone: {alone:?}");
}

/// A certificate authority, and a server of its own in front of the broker.
async fn encrypted() -> (String, Proxy) {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

    let authority_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(params, authority_key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    (authority.pem(), Proxy::start_encrypted(acceptor).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_encrypted_connection_trusts_the_authority_that_it_was_given() {
    let corner = Corner::new();
    let (authority, proxy) = encrypted().await;
    let config = corner.config(&proxy.url(), 100).with_authorities(authority.as_bytes()).unwrap();
    let queue = corner.start(config);
    until(&queue, "connected", |status| status.publisher.is_connected()).await;
    let published = queue.publisher().publish(&messages(Lane::Confirm, "job", 100)).await;
    assert!(published.iter().all(Published::is_confirmed));
    let mut consumer = broker::consumer(&queue, &Lane::ALL).await;
    let mut received = 0;
    while received < 100 {
        for delivery in receive(&mut *consumer, 100).await {
            delivery.ack();
            received += 1;
        }
    }
    // A cut is an end here too, not a wait.
    proxy.cut();
    until(&queue, "lost", is_one_down).await;
    until(&queue, "back", |status| status.publisher.is_connected()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_encrypted_connection_to_a_stranger_is_not_made() {
    let corner = Corner::new();
    let (_, proxy) = encrypted().await;
    let (stranger, _other) = encrypted().await;
    let config = corner.config(&proxy.url(), 100).with_authorities(stranger.as_bytes()).unwrap();
    let queue = corner.start(config);
    let status = until(&queue, "a failed try", |status| {
        matches!(&status.publisher, Link::Connecting { last_error: Some(_), .. })
    })
    .await;
    assert!(format!("{status:?}").contains("certificate"), "{status:?}");
    assert!(!queue.publisher().is_ready());
}
