//! Webhooks on their way: the ladder, order, duplicates, timing, and what survives.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use simulator::{
    Config, FaultKind, FaultRequest, MerchantKeys, NewWebhookEndpoint, Operation, WebhookQuery,
    WebhookState,
};

use crate::receiver::{Receiver, receive};
use crate::support::{Running, send, start, start_with};

fn endpoint(url: &str) -> NewWebhookEndpoint {
    NewWebhookEndpoint { url: url.to_owned(), events: Vec::new(), secret_key: None }
}

async fn start_telling() -> (Running, Receiver) {
    let (toss, shop) = (start().await, receive().await);
    toss.handle.register_webhook(endpoint(&shop.url)).expect("registered");
    (toss, shop)
}

#[tokio::test]
async fn a_webhook_is_tried_again_on_the_ladder_until_it_is_answered_with_200() {
    let (toss, shop) = start_telling().await;
    shop.answer([500, 204, 302, 404, 503, 500, 500]);
    let key = toss.paid("order-0001").await;
    toss.handle.webhooks_settled().await;
    for (tries, minutes) in (1..).zip([1_u64, 4, 16, 64, 256, 1_024, 4_096]) {
        assert_eq!(shop.received().len(), tries);
        toss.handle.advance_clock(Duration::from_secs(minutes * 60 - 30)).expect("moved");
        toss.handle.webhooks_settled().await;
        assert_eq!(shop.received().len(), tries, "not yet after {minutes} minutes");
        toss.handle.advance_clock(Duration::from_secs(30)).expect("moved");
        toss.handle.webhooks_settled().await;
    }
    let received = shop.received();
    let counts: Vec<&str> = received.iter().map(|it| it.header("retried-count")).collect();
    assert_eq!(counts, ["0", "1", "2", "3", "4", "5", "6", "7"]);
    assert!(received.iter().all(|it| it.header("id") == received[0].header("id")));
    assert_ne!(received[0].header("time"), received[7].header("time"));
    let [webhook] = &toss.handle.webhooks(&WebhookQuery { payment_key: Some(key) })[..] else {
        panic!("one webhook");
    };
    assert_eq!((webhook.state, webhook.attempts.len()), (WebhookState::Delivered, 8));
}

#[tokio::test]
async fn after_seven_tries_more_it_is_given_up_and_can_be_sent_by_hand() {
    let (toss, shop) = start_telling().await;
    shop.answer([500; 8]);
    toss.paid("order-0001").await;
    for _ in 0..8 {
        toss.handle.webhooks_settled().await;
        toss.handle.advance_clock(Duration::from_secs(4_096 * 60)).expect("moved");
    }
    toss.handle.webhooks_settled().await;
    assert_eq!(shop.received().len(), 8);
    let webhook = toss.handle.webhooks(&WebhookQuery::default()).remove(0);
    assert_eq!(webhook.state, WebhookState::Failed);
    let path = format!("/_sim/webhooks/{}/resend", webhook.id);
    let answer = send(toss.request(Method::POST, &path)).await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text);
    toss.handle.webhooks_settled().await;
    assert_eq!(shop.received()[8].header("id"), webhook.id);
    assert_eq!(toss.handle.webhooks(&WebhookQuery::default())[0].state, WebhookState::Delivered);
}

#[tokio::test]
async fn a_shop_that_does_not_answer_in_time_is_tried_again() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", silent.local_addr().expect("an address"));
    let toss = start_with(Config {
        webhook_url: Some(url),
        webhook_timeout: Duration::from_millis(100),
        ..Config::default()
    })
    .await;
    toss.paid("order-0001").await;
    toss.handle.webhooks_settled().await;
    let webhook = toss.handle.webhooks(&WebhookQuery::default()).remove(0);
    assert_eq!(webhook.state, WebhookState::Waiting);
    assert_eq!(webhook.attempts.len(), 1);
    assert!(webhook.attempts[0].error.is_some(), "{webhook:?}");
}

#[tokio::test]
async fn webhooks_of_a_call_wait_for_its_answer() {
    let (toss, shop) = start_telling().await;
    let late = toss.payment("order-0001");
    let delay = FaultRequest::for_order("order-0001", Operation::Confirm, FaultKind::DelayAfter);
    toss.add_fault(delay.with_ms(60_000));
    let watching = async {
        while toss.handle.ledger_of(&late).expect("there").charges == 0 {
            tokio::task::yield_now().await;
        }
        // Told of later, and yet arrived: so the first one is held back.
        toss.paid("order-0002").await;
        while shop.received().is_empty() {
            tokio::task::yield_now().await;
        }
        shop.received().remove(0).body["data"]["orderId"].clone()
    };
    tokio::select! {
        told = watching => assert_eq!(told, json!("order-0002")),
        answer = toss.confirm(&late, "order-0001", "k1") => panic!("answered: {answer:?}"),
    }
}

#[tokio::test]
async fn early_webhooks_arrive_before_the_answer() {
    let (toss, shop) = start_telling().await;
    toss.handle.switch(|settings| settings.early_webhooks = true).expect("switched");
    toss.paid("order-0001").await;
    assert_eq!(shop.statuses(), ["DONE"]);
    let account = json!({
        "amount": 15_000, "orderId": "order-0002", "orderName": "마라탕", "bank": "88",
        "customerName": "김토스",
    });
    toss.post("/v1/virtual-accounts", "k", account).await;
    assert_eq!(shop.statuses(), ["DONE", "WAITING_FOR_DEPOSIT"]);
}

#[tokio::test]
async fn webhooks_come_twice_or_out_of_order_if_that_is_switched_on() {
    let (toss, shop) = start_telling().await;
    toss.handle.switch(|settings| settings.reorder_webhooks = true).expect("switched");
    let key = toss.paid("order-0001").await;
    toss.cancel(&key, "k", json!({"cancelReason": "변심"})).await;
    toss.handle.webhooks_settled().await;
    assert_eq!(shop.statuses(), ["CANCELED", "DONE"]);

    toss.handle
        .switch(|settings| {
            (settings.reorder_webhooks, settings.duplicate_webhooks) = (false, true);
        })
        .expect("switched");
    toss.paid("order-0002").await;
    toss.handle.webhooks_settled().await;
    let received = shop.received();
    assert_eq!(received.len(), 4);
    assert_eq!(received[2].header("id"), received[3].header("id"));
    assert_eq!(received[2].body, received[3].body);
}

#[tokio::test]
async fn paused_webhooks_wait() {
    let (toss, shop) = start_telling().await;
    toss.handle.switch(|settings| settings.pause_webhooks = true).expect("switched");
    toss.paid("order-0001").await;
    let waiting = toss.handle.webhooks(&WebhookQuery::default());
    assert_eq!(waiting[0].state, WebhookState::Waiting);
    assert_eq!((waiting[0].attempts.len(), shop.received().len()), (0, 0));
    toss.handle.switch(|settings| settings.pause_webhooks = false).expect("switched");
    toss.handle.webhooks_settled().await;
    assert_eq!(shop.statuses(), ["DONE"]);
}

#[tokio::test]
async fn each_merchant_is_told_of_its_own_payments_and_events_alone() {
    let (toss, own, other) = (start().await, receive().await, receive().await);
    let of_key = |shop: &Receiver, key: &str| NewWebhookEndpoint {
        secret_key: Some(key.to_owned()),
        ..endpoint(&shop.url)
    };
    toss.handle.register_webhook(of_key(&own, "test_sk_shop1")).expect("registered");
    toss.handle.register_webhook(of_key(&other, "test_sk_shop2")).expect("registered");
    toss.paid("order-0001").await;
    toss.handle.webhooks_settled().await;
    assert_eq!((own.received().len(), other.received().len()), (1, 0));

    // A key of the same merchant registers for the same payments.
    let keys = MerchantKeys {
        m_id: None,
        secret_keys: vec!["test_sk_shop1".into(), "test_sk_shop1b".into()],
        client_keys: Vec::new(),
    };
    toss.handle.add_merchant(&keys).expect("given");
    toss.handle.register_webhook(of_key(&other, "test_sk_shop1b")).expect("registered");
    toss.paid("order-0002").await;
    toss.handle.webhooks_settled().await;
    assert_eq!((own.received().len(), other.received().len()), (2, 1));
}

#[tokio::test]
async fn addresses_are_registered_listed_and_removed_over_http() {
    let toss = start().await;
    let post = |body| send(toss.request(Method::POST, "/_sim/webhooks/endpoints").json(&body));
    let list = || send(toss.request(Method::GET, "/_sim/webhooks/endpoints"));
    let url = "http://shop.example/hook";
    let first = post(json!({"url": url})).await.expect("an answer");
    assert_eq!((first.status, &first.body["mId"]), (200, &json!(null)), "{}", first.text);
    let again = json!({"url": url, "events": ["DEPOSIT_CALLBACK"]});
    let again = post(again).await.expect("an answer");
    assert_eq!(again.body["id"], first.body["id"], "the same address, with other events");
    let listed = list().await.expect("an answer").body;
    assert_eq!(listed["endpoints"][0]["events"], json!(["DEPOSIT_CALLBACK"]));
    for bad in [json!({"url": "shop"}), json!({"url": url, "events": ["NEWS"]}), json!({})] {
        assert_eq!(post(bad).await.expect("an answer").status, 400);
    }
    let path = format!("/_sim/webhooks/endpoints/{}", first.body["id"]);
    for status in [200, 404] {
        let removed = send(toss.request(Method::DELETE, &path)).await.expect("an answer");
        assert_eq!(removed.status, status);
    }
    assert_eq!(list().await.expect("an answer").body, json!({"endpoints": []}));
}

#[tokio::test]
async fn what_was_not_taken_is_tried_again_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let shop = receive().await;
    let config = || Config {
        state_file: Some(folder.path().join("simulator.json")),
        webhook_url: Some(shop.url.clone()),
        ..Config::default()
    };
    shop.answer([500]);
    let mut toss = start_with(config()).await;
    toss.handle.switch(|settings| settings.provider_codes = true).expect("switched");
    toss.paid("order-0001").await;
    toss.handle.webhooks_settled().await;
    toss.shutdown.cancel();
    toss.server.take().expect("a server").await.expect("no panic").expect("a clean end");

    let toss = start_with(config()).await;
    assert!(toss.handle.settings().provider_codes, "switches survive, too");
    toss.handle.advance_clock(Duration::from_secs(61)).expect("moved");
    toss.handle.webhooks_settled().await;
    let received = shop.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].header("id"), received[1].header("id"));
    assert_eq!(received[1].header("retried-count"), "1");
}
