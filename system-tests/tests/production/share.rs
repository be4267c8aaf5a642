//! Processes side by side: workers share the work, and whoever waits at one API hears of what a worker did.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use crate::fleet::{Shape, on_a_fleet};
use crate::load::{Checkout, ids};

const ORDERS: usize = 60;
const WORKERS: usize = 3;
/// How often the waking is tried.
const TRIES: usize = 5;
const CALL_MS: u64 = 300;
/// Sooner than a waiter looks without being woken, which is every two seconds.
const WOKEN_MAX: Duration = Duration::from_millis(1_500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_share_the_jobs_and_wake_those_who_wait_at_another_process() {
    on_a_fleet(Shape::with_workers(WORKERS), async |fleet| {
        let checkouts = fleet.prepare_with(ORDERS, &json!({"kind": "delay", "ms": CALL_MS})).await;
        fleet.accept_all(&checkouts).await;
        fleet.rows.wait_for_paid(&ids(&checkouts), ORDERS, Instant::now()).await;
        let mut shares: BTreeMap<String, usize> = BTreeMap::new();
        for attempt in fleet.rows.attempts().await {
            *shares.entry(attempt.worker).or_default() += 1;
        }
        println!("{ORDERS} jobs were shared: {:?}", shares.values());
        assert!(shares.len() == WORKERS && shares.values().all(|share| *share >= ORDERS / 10));

        let checkouts =
            fleet.prepare_with(TRIES * 2, &json!({"kind": "delay", "ms": CALL_MS})).await;
        let (polled, followed) = checkouts.split_at(TRIES);
        for checkout in polled {
            // Accepted by one API, waited for at the other.
            assert_eq!(fleet.confirm(0, checkout).await.status(), Some(202));
            let began = Instant::now();
            let order = &checkout.order;
            fleet.places(1).wait_for(order, &order.token, &["paid"]).await;
            println!("a poll was woken after {:?}", began.elapsed());
            assert!(began.elapsed() < WOKEN_MAX, "a poll waited {:?}", began.elapsed());
        }
        for checkout in followed {
            assert_eq!(fleet.confirm(0, checkout).await.status(), Some(202));
            let took = follow(&fleet.places(1), checkout).await;
            println!("a stream was woken after {took:?}");
            assert!(took < WOKEN_MAX, "a stream waited {took:?}");
        }
    })
    .await;
}

/// Follows the order's events until it is paid; gives how long that took.
async fn follow(places: &system_tests::Places, checkout: &Checkout) -> Duration {
    let began = Instant::now();
    let url = format!("{}/v1/orders/{}/events", places.api, checkout.order.id);
    let request = places.client.request(Method::GET, &url).bearer_auth(&checkout.order.token);
    let mut stream = request.send().await.unwrap();
    assert_eq!(stream.status().as_u16(), 200);
    let mut heard = String::new();
    while let Some(chunk) = stream.chunk().await.unwrap() {
        heard.push_str(&String::from_utf8_lossy(&chunk));
        if heard.contains(r#""status":"paid""#) {
            return began.elapsed();
        }
    }
    panic!("the stream ended: {heard}");
}
