//! Webhooks: stored with exactly 200, never believed, and bounded whoever sends them.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use domain::limits::{PAYMENT_WEBHOOKS_MAX, STRAY_WEBHOOKS_MAX};
use domain::webhook::WebhookState;
use queue::Lane;
use serde_json::{Value, json};
use store::{WebhookFilter, WebhookRow};

use crate::app::{Answer, As, Ordered, TestApp, request};

const PATH: &str = "/v1/webhooks/toss";

fn paid(order_id: &str, payment_key: &str) -> Value {
    json!({
        "eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-11-27T12:00:59.65327",
        "data": { "orderId": order_id, "paymentKey": payment_key, "status": "DONE", "lastTransactionKey": "T1" },
    })
}

impl TestApp {
    async fn hear(&self, id: &str, body: Value) -> Answer {
        let headers = [("tosspayments-webhook-transmission-id", id)];
        self.post_with(As::Nobody, PATH, &headers, body).await
    }

    async fn webhooks(&self) -> Vec<WebhookRow> {
        self.store.list_webhooks(&WebhookFilter::default(), None, 200).await.unwrap().rows
    }

    /// An order whose confirm was accepted, under the key `pk-1`.
    async fn confirming(&self) -> Ordered {
        let order = self.order().await;
        let body = json!({ "paymentKey": "pk-1", "amount": order.amount });
        let answer = self.post(As::Token(&order.access), &order.path_to("confirm"), body).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
        order
    }

    /// The jobs of a kind.
    async fn jobs_of(&self, kind: &str) -> usize {
        let jobs = self.get(As::Master, "/v1/jobs?limit=200").await.body["data"].clone();
        jobs.as_array().unwrap().iter().filter(|job| job["kind"] == kind).count()
    }
}

#[tokio::test]
async fn a_webhook_of_a_payment_is_stored_and_the_payment_is_looked_up_whatever_it_says() {
    let app = TestApp::start().await;
    let order = app.confirming().await;
    let answer = app.hear("whtrans_1", paid(&order.id, "pk-1")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.bytes.is_empty());
    let status = app.get(As::Token(&order.access), &order.path()).await;
    assert_eq!(status.text("status"), "confirming", "nothing in it is believed");
    assert_eq!(app.jobs_of("look_up").await, 1);
    assert!(app.published().await.iter().any(|message| message.lane == Lane::LookUp));
    let kept = app.webhooks().await;
    assert_eq!((kept.len(), kept[0].state), (1, WebhookState::LookedUp));
    assert_eq!(kept[0].transmission_id.as_deref(), Some("whtrans_1"));
    assert_eq!(kept[0].order_id.as_deref(), Some(order.id.as_str()));
}

#[tokio::test]
async fn the_same_webhook_twice_and_two_events_for_one_change_are_one_look_up() {
    let app = TestApp::start().await;
    let order = app.confirming().await;
    for id in ["whtrans_1", "whtrans_1", "whtrans_2", "whtrans_2", "whtrans_1"] {
        assert_eq!(app.hear(id, paid(&order.id, "pk-1")).await.status, StatusCode::OK);
    }
    assert_eq!(app.jobs_of("look_up").await, 1);
    let kept = app.webhooks().await;
    assert_eq!(kept.iter().map(|row| row.deliveries).collect::<Vec<_>>(), [2, 3]);
}

#[tokio::test]
async fn two_at_the_same_moment_are_stored_once() {
    let app = TestApp::start().await;
    let order = app.confirming().await;
    let body = paid(&order.id, "pk-1");
    let (one, other) =
        tokio::join!(app.hear("whtrans_1", body.clone()), app.hear("whtrans_1", body));
    assert_eq!((one.status, other.status), (StatusCode::OK, StatusCode::OK));
    assert_eq!(app.webhooks().await.len(), 1);
    assert_eq!(app.jobs_of("look_up").await, 1);
}

#[tokio::test]
async fn a_webhook_of_another_window_of_the_order_is_kept_and_nobody_is_asked() {
    let app = TestApp::start().await;
    let order = app.confirming().await;
    assert_eq!(app.hear("whtrans_1", paid(&order.id, "pk-other")).await.status, StatusCode::OK);
    assert_eq!(app.webhooks().await[0].state, WebhookState::Ignored);
    assert_eq!(app.jobs_of("look_up").await, 0);
}

#[tokio::test]
async fn a_deposit_with_another_secret_is_refused_and_one_with_ours_is_looked_up() {
    let app = TestApp::start().await;
    let order = app.confirming().await;
    app.sql("UPDATE payments SET secret = 'ps_ours', state = 'waiting_for_deposit'").await;
    let deposit = |secret: &str| json!({ "createdAt": "2026-11-27T12:18:14.000", "secret": secret, "status": "DONE", "orderId": order.id });
    for forged in ["ps_other", "", "ps_our", "ps_ourss"] {
        let answer = app.hear(&format!("whtrans_{forged}"), deposit(forged)).await;
        assert_eq!(answer.status, StatusCode::OK, "the sender learns nothing");
    }
    assert_eq!(app.jobs_of("look_up").await, 0);
    assert_eq!(app.hear("whtrans_2", deposit("ps_ours")).await.status, StatusCode::OK);
    assert_eq!(app.jobs_of("look_up").await, 1);
    let states: Vec<WebhookState> = app.webhooks().await.iter().map(|row| row.state).collect();
    assert_eq!(states[0], WebhookState::LookedUp);
    // One without any secret is no deposit callback at all.
    assert_eq!(states.iter().filter(|state| **state == WebhookState::Refused).count(), 3);
}

#[tokio::test]
async fn one_that_is_earlier_than_our_own_commit_is_taken_up_when_the_payment_is_there() {
    let app = TestApp::start().await;
    let order = app.order().await;
    assert_eq!(app.hear("whtrans_1", paid(&order.id, "pk-1")).await.status, StatusCode::OK);
    assert_eq!(app.webhooks().await[0].state, WebhookState::Waiting);
    assert_eq!(app.store.take_up_webhooks(toss::read_webhook, 10).await.unwrap(), 0);
    let body = json!({ "paymentKey": "pk-1", "amount": order.amount });
    app.post(As::Token(&order.access), &order.path_to("confirm"), body).await;
    assert_eq!(app.store.take_up_webhooks(toss::read_webhook, 10).await.unwrap(), 1);
    assert_eq!(app.webhooks().await[0].state, WebhookState::LookedUp);
    assert_eq!(app.jobs_of("look_up").await, 1);
}

#[tokio::test]
async fn one_that_names_nothing_of_ours_waits_for_a_day() {
    let app = TestApp::start().await;
    app.hear("whtrans_1", paid("somebody-elses", "pk-1")).await;
    app.store.advance_clock(24 * 60 * 60_000 - 60_000);
    assert_eq!(app.store.expire_webhooks().await.unwrap(), 0);
    app.store.advance_clock(60_000);
    assert_eq!(app.store.expire_webhooks().await.unwrap(), 1);
    assert_eq!(app.webhooks().await[0].state, WebhookState::Expired);
}

#[tokio::test]
async fn a_window_that_nobody_paid_in_is_not_waited_for() {
    let app = TestApp::start().await;
    let order = app.order().await;
    let mut expired = paid(&order.id, "pk-1");
    expired["data"]["status"] = json!("EXPIRED");
    app.hear("whtrans_1", expired).await;
    assert_eq!(app.webhooks().await[0].state, WebhookState::Ignored);
}

#[tokio::test]
async fn whatever_comes_is_stored_as_it_came() {
    let app = TestApp::start().await;
    for body in ["", "rubbish", "[1]", "{\"eventType\":\"BILLING_DELETED\"}", "\u{0}\u{1}"] {
        let mut request = request(Method::POST, As::Nobody, PATH, &[], None);
        *request.body_mut() = Body::from(body);
        assert_eq!(app.send(request).await.status, StatusCode::OK, "{body:?}");
    }
    let kept = app.webhooks().await;
    assert_eq!(kept.len(), 5);
    assert!(kept.iter().all(|row| row.state == WebhookState::Ignored));
    assert_eq!(kept[1].event.as_deref(), Some("BILLING_DELETED"));
    let mut request = request(Method::POST, As::Nobody, PATH, &[], None);
    *request.body_mut() = Body::from("x".repeat(70_000));
    assert_eq!(app.send(request).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn one_that_could_not_be_stored_is_not_answered_200() {
    let app = TestApp::start().await;
    let order = app.confirming().await;
    app.store.fail_commits(1_000);
    let answer = app.hear("whtrans_1", paid(&order.id, "pk-1")).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    app.store.fail_commits(0);
    assert_eq!(app.hear("whtrans_1", paid(&order.id, "pk-1")).await.status, StatusCode::OK);
    assert_eq!(app.webhooks().await.len(), 1, "recorded once");
    assert_eq!(app.jobs_of("look_up").await, 1);
}

#[tokio::test]
async fn a_stranger_who_floods_the_address_fills_no_table_and_makes_no_look_ups() {
    let app = TestApp::start().await;
    let kept_max = usize::try_from(STRAY_WEBHOOKS_MAX).unwrap();
    for number in 0..kept_max + 20 {
        let answer =
            app.hear(&format!("w-{number}"), paid(&format!("made-up-{number}"), "pk")).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    let mut kept = 0;
    let mut after = None;
    loop {
        let filter = WebhookFilter::default();
        let page = app.store.list_webhooks(&filter, after.as_deref(), 200).await.unwrap();
        kept += page.rows.len();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(kept, kept_max);
    assert_eq!(app.jobs_of("look_up").await, 0);
}

#[tokio::test]
async fn whoever_knows_a_payment_cannot_fill_the_table_with_it_either() {
    let app = TestApp::start().await;
    let order = app.confirming().await;
    let kept_max = usize::try_from(PAYMENT_WEBHOOKS_MAX).unwrap();
    for number in 0..kept_max + 5 {
        app.hear(&format!("w-{number}"), paid(&order.id, "pk-1")).await;
    }
    assert_eq!(app.webhooks().await.len(), kept_max);
    assert_eq!(app.jobs_of("look_up").await, 1);
}

#[tokio::test]
async fn with_an_allow_list_only_those_on_it_are_heard_as_far_as_trusted_proxies_tell() {
    let app = TestApp::start_with(|settings| {
        settings.webhook_sources = vec!["13.124.18.147".parse().unwrap()];
        settings.trusted_proxies = vec!["0.0.0.0".parse().unwrap()];
    })
    .await;
    let order = app.confirming().await;
    for (forwarded, status) in [
        ("13.124.18.147", StatusCode::OK),
        ("203.0.113.9, 13.124.18.147", StatusCode::OK),
        ("13.124.18.147, 203.0.113.9", StatusCode::FORBIDDEN),
        ("203.0.113.9", StatusCode::FORBIDDEN),
    ] {
        let headers = [("x-forwarded-for", forwarded)];
        let answer = app.post_with(As::Nobody, PATH, &headers, paid(&order.id, "pk-1")).await;
        assert_eq!(answer.status, status, "{forwarded}");
    }
    assert_eq!(app.webhooks().await.len(), 2);
}

#[tokio::test]
async fn without_a_list_strangers_are_heard_within_a_rate() {
    let app = TestApp::start_with(|settings| {
        settings.limits.public_rate = api::Rate::new(1, 2);
        settings.trusted_callers = vec![];
    })
    .await;
    let mut statuses = Vec::new();
    for number in 0..3 {
        statuses.push(app.hear(&format!("w-{number}"), json!({})).await.status);
    }
    assert_eq!(statuses, [StatusCode::OK, StatusCode::OK, StatusCode::TOO_MANY_REQUESTS]);
}

#[tokio::test]
async fn only_the_headers_that_matter_are_kept() {
    let app = TestApp::start().await;
    let headers = [
        ("tosspayments-webhook-transmission-id", "whtrans_1"),
        ("tosspayments-webhook-transmission-retried-count", "2"),
        ("authorization", "Bearer sst_secret"),
    ];
    app.post_with(As::Nobody, PATH, &headers, json!({})).await;
    let text = app.text_of("SELECT headers FROM webhooks").await;
    let kept: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        kept,
        json!({
            "tosspayments-webhook-transmission-id": "whtrans_1",
            "tosspayments-webhook-transmission-retried-count": "2",
        })
    );
}
