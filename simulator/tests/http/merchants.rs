//! Several merchants with keys of their own, keys that are replaced, and keys that are nobody's.

use reqwest::Method;
use serde_json::json;
use simulator::{Config, MerchantKeys};

use crate::support::{Answer, Running, basic, send, start, start_with, window_form};

async fn look_up(toss: &Running, payment_key: &str, secret_key: &str) -> Answer {
    let request = toss.client.get(format!("{}/v1/payments/{payment_key}", toss.url));
    send(request.header("authorization", basic(secret_key))).await.expect("an answer")
}

async fn control(toss: &Running, path: &str, body: serde_json::Value) -> Answer {
    let request = toss.client.post(format!("{}/_sim/{path}", toss.url)).json(&body);
    send(request).await.expect("an answer")
}

#[tokio::test]
async fn a_replaced_key_sees_the_same_payments_and_the_old_one_can_be_revoked() {
    let toss = start().await;
    let key = toss.paid("order-0001").await;
    assert_eq!(look_up(&toss, &key, "test_sk_new").await.status, 404);
    let keys = json!({"secretKeys": ["test_sk_shop1", "test_sk_new"]});
    let given = control(&toss, "merchants", keys).await;
    assert_eq!(given.status, 200, "{}", given.text);
    for secret_key in ["test_sk_shop1", "test_sk_new"] {
        let seen = look_up(&toss, &key, secret_key).await;
        assert_eq!((seen.status, &seen.body["mId"]), (200, &given.body["mId"]));
    }
    let revoked = control(&toss, "merchants/revoke", json!({"secretKey": "test_sk_shop1"})).await;
    assert_eq!(revoked.status, 200);
    let refused = look_up(&toss, &key, "test_sk_shop1").await;
    assert_eq!(refused.code(), (401, "UNAUTHORIZED_KEY"));
    assert_eq!(look_up(&toss, &key, "test_sk_new").await.status, 200);
}

#[tokio::test]
async fn an_idempotency_key_belongs_to_the_secret_key_and_not_to_the_merchant() {
    let toss = start().await;
    let keys = json!({"secretKeys": ["test_sk_shop1", "test_sk_new"]});
    control(&toss, "merchants", keys).await;
    let payment_key = toss.payment("order-0001");
    assert_eq!(toss.confirm(&payment_key, "order-0001", "k").await.status, 200);
    assert_eq!(toss.confirm(&payment_key, "order-0001", "k").await.status, 200, "replayed");
    let body = json!({"paymentKey": payment_key, "orderId": "order-0001", "amount": 15_000});
    let request = toss.client.request(Method::POST, format!("{}/v1/payments/confirm", toss.url));
    let request = request.header("authorization", basic("test_sk_new")).json(&body);
    let other = send(request.header("idempotency-key", "k")).await.expect("an answer");
    assert_eq!(other.code(), (400, "ALREADY_PROCESSED_PAYMENT"));
    assert_eq!(toss.truth(&payment_key), (15_000, 1, 0));
}

#[tokio::test]
async fn configured_merchants_have_names_and_strangers_may_be_kept_out() {
    let keys = |m_id: &str, secret: &str, client: &str| MerchantKeys {
        m_id: Some(m_id.to_owned()),
        secret_keys: vec![secret.to_owned()],
        client_keys: vec![client.to_owned()],
    };
    let merchants = vec![
        keys("seoul-1", "test_sk_seoulsecret", "test_ck_seoulclient"),
        keys("busan-1", "test_sk_busansecret", "test_ck_busanclient"),
    ];
    let toss = start_with(Config { merchants, ..Config::default() }).await;
    toss.handle.switch(|settings| settings.known_keys_only = true).expect("switched");

    let form = |client_key: &str| {
        toss.client.post(format!("{}/window", toss.url)).form(&window_form(client_key)).send()
    };
    assert_eq!(form("test_ck_seoulclient").await.expect("an answer").status(), 303);
    assert_eq!(form("test_ck_nobody").await.expect("an answer").status(), 400);
    let entry = toss.handle.ledger(&simulator::LedgerQuery::default()).remove(0);
    assert_eq!(entry.m_id, "seoul-1");
    let own = look_up(&toss, &entry.payment_key, "test_sk_seoulsecret").await;
    assert_eq!((own.status, &own.body["mId"]), (200, &json!("seoul-1")));
    let other = look_up(&toss, &entry.payment_key, "test_sk_busansecret").await;
    assert_eq!(other.code(), (404, "NOT_FOUND_PAYMENT"));
    let stranger = look_up(&toss, &entry.payment_key, "test_sk_nobody").await;
    assert_eq!(stranger.code(), (401, "UNAUTHORIZED_KEY"));
}

#[tokio::test]
async fn keys_survive_a_restart_and_nonsense_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let state_file = Some(folder.path().join("simulator.json"));
    let config = || Config { state_file: state_file.clone(), ..Config::default() };
    let toss = start_with(config()).await;
    let keys = json!({"mId": "seoul-1", "secretKeys": ["test_sk_shop1"]});
    control(&toss, "merchants", keys).await;
    for bad in [
        json!({"secretKeys": []}),
        json!({"secretKeys": ["live_sk_a"]}),
        json!({"mId": "a name", "secretKeys": ["test_sk_a"]}),
        json!({"secretKey": "test_sk_a"}),
    ] {
        assert!(control(&toss, "merchants", bad.clone()).await.status >= 400, "{bad}");
    }
    drop(toss);
    let toss = start_with(config()).await;
    let key = toss.payment("order-0001");
    assert_eq!(toss.handle.ledger_of(&key).expect("there").m_id, "seoul-1");
    let bad = MerchantKeys { m_id: Some("a name".to_owned()), ..MerchantKeys::default() };
    let config = Config { merchants: vec![bad], ..Config::default() };
    assert!(simulator::Simulator::new(config).is_err());
}
