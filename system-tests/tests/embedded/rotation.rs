//! A merchant's keys are rotated as docs/key-rotation.md says, over restarts, with a payment under way.

use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{Client, Home, Order, Places, insist_charged_once, send};

use crate::ALONE;

const OLD_KEY: &str = "test_sk_before_rotation";
const NEW_KEY: &str = "test_sk_after_rotation";

async fn control(places: &Places, path: &str, body: Value) {
    let url = format!("{}/_sim/{path}", places.simulator);
    let answer = send(places.client.request(Method::POST, &url).json(&body)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

async fn cancel(places: &Places, master: &str, order: &Order) {
    let url = format!("{}/v1/orders/{}/cancels", places.api, order.id);
    let request = places.client.request(Method::POST, &url).bearer_auth(master);
    let request = request.header("idempotency-key", format!("cancel-{}", order.id));
    let answer = send(request.json(&json!({"reason": "재료 소진"}))).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    places.wait_for(order, &order.token, &["cancelled"]).await;
}

#[tokio::test]
async fn keys_are_rotated_under_a_payment_and_the_old_pair_leaves_when_nothing_needs_it() {
    let _alone = ALONE.lock().await;
    let home = Home::new();
    let simulator = home.start_simulator();
    let toss = ("SEUNGIN__TOSS__BASE_URL", simulator.url.as_str());
    let old = [("TOSS_SECRET_KEY", OLD_KEY), ("TOSS_CLIENT_KEY", "test_ck_before_rotation")];
    let new = [
        ("SEUNGIN__MERCHANTS__DEFAULT__KEYS__2__SECRET_KEY", NEW_KEY),
        ("SEUNGIN__MERCHANTS__DEFAULT__KEYS__2__CLIENT_KEY", "test_ck_after_rotation"),
    ];
    let product = home.start_with(&[&[toss][..], &old].concat());
    let mut places = Places {
        client: Client::new(),
        api: product.api.clone(),
        simulator: simulator.url.clone(),
        secret_key: OLD_KEY,
    };
    control(&places, "merchants", json!({"secretKeys": [OLD_KEY, NEW_KEY]})).await;
    let first = places.order(2, 1).await;
    let payment_key = places.authenticate(&first, "CARD").await;
    // Toss takes the money, and nobody hears of it.
    places.script_confirm(&first, json!({"kind": "cut_after"})).await;
    assert_eq!(places.confirm(&first, &payment_key).await.status, 202);
    product.kill();

    let current = ("SEUNGIN__MERCHANTS__DEFAULT__CURRENT_KEY", "2");
    let both = [&[toss, current][..], &old, &new].concat();
    let product = home.start_with(&both);
    places.api.clone_from(&product.api);
    places.wait_for(&first, &first.token, &["paid"]).await;
    let second = places.order(2, 2).await;
    assert_eq!(second.client_key, "test_ck_after_rotation");
    places.secret_key = NEW_KEY;
    let payment_key = places.authenticate(&second, "CARD").await;
    places.confirm(&second, &payment_key).await;
    places.wait_for(&second, &second.token, &["paid"]).await;
    let ledger = places.ledger().await;
    [&first, &second].into_iter().for_each(|order| insist_charged_once(&ledger, order));

    let retired = home.run(&["merchant", "retire-keys", "--pair", "1"], &both);
    assert!(retired.contains("nothing needs pair 1 of merchant default any more"), "{retired}");
    control(&places, "merchants/revoke", json!({"secretKey": OLD_KEY})).await;
    product.kill();

    let only_new = [&[toss][..], &new].concat();
    let product = home.start_with(&only_new);
    places.api.clone_from(&product.api);
    let keys = home.run(&["merchant", "keys"], &only_new);
    assert!(keys.contains("default  2  current") && !keys.contains("NOT"), "{keys}");
    for order in [&first, &second] {
        cancel(&places, &product.master_token, order).await;
    }
}
