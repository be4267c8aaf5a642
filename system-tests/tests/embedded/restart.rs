//! The product is killed between accepting and settling, and goes on at its next start.

use serde_json::json;
use system_tests::{Client, Home, Places, insist_charged_once};

use crate::ALONE;

/// More than the worker may have under way, so that some are killed in the middle of a call and others before it.
const ORDERS: usize = 24;
const UNDER_WAY_MAX: &str = "8";
const SECRET_KEY: &str = "test_sk_system_tests";

#[tokio::test]
async fn what_was_accepted_before_a_kill_is_paid_after_it_and_charged_once() {
    let _alone = ALONE.lock().await;
    let home = Home::new();
    // The simulator is Toss here: it lives on, and remembers.
    let simulator = home.start_simulator();
    let variables = [
        ("TOSS_SECRET_KEY", SECRET_KEY),
        ("TOSS_CLIENT_KEY", "test_ck_system_tests"),
        ("SEUNGIN__TOSS__BASE_URL", simulator.url.as_str()),
        ("SEUNGIN__WORKER__CONCURRENCY", UNDER_WAY_MAX),
    ];
    let product = home.start_with(&variables);
    let mut places = Places {
        client: Client::new(),
        api: product.api.clone(),
        simulator: simulator.url.clone(),
        secret_key: SECRET_KEY,
    };
    let mut prepared = Vec::new();
    for radishes in 1..=ORDERS {
        let order = places.order(2, radishes).await;
        let payment_key = places.authenticate(&order, "CARD").await;
        places.script_confirm(&order, json!({"kind": "delay", "ms": 1_500})).await;
        prepared.push((order, payment_key));
    }
    for (order, payment_key) in &prepared {
        assert_eq!(places.confirm(order, payment_key).await.status, 202);
    }
    product.kill();
    let ledger = places.ledger().await;
    let arrived = ledger.iter().filter(|entry| entry["calls"]["confirm"] != 0).count();
    assert!((1..ORDERS).contains(&arrived), "killed too early or too late: {arrived} had arrived");

    let product = home.start_with(&variables);
    places.api.clone_from(&product.api);
    for (order, _) in &prepared {
        places.wait_for(order, &order.token, &["paid"]).await;
    }
    let ledger = places.ledger().await;
    assert_eq!(ledger.len(), ORDERS);
    prepared.iter().for_each(|(order, _)| insist_charged_once(&ledger, order));
}
