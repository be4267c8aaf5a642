//! The queue: the ladder, order, duplicates, overtaking, and its bounds.

use super::endpoints::NewWebhookEndpoint;
use super::*;
use crate::clock::Clock;

fn now() -> Moment {
    Clock::default().now()
}

fn queue() -> Webhooks {
    let mut webhooks = Webhooks::default();
    let new =
        NewWebhookEndpoint { url: "http://shop/hook".into(), events: Vec::new(), secret_key: None };
    webhooks.endpoints.register(new, None).expect("registered");
    webhooks
}

fn add(webhooks: &mut Webhooks, payment_key: &str, at: Moment, settings: &Settings) {
    let news = News {
        endpoint: 1,
        event: WebhookEvent::PaymentStatusChanged,
        payment_key,
        status: Status::Done,
        body: "{}".to_owned(),
        now: at,
    };
    webhooks.add(news, settings);
}

fn due(webhooks: &mut Webhooks, at: Moment) -> Vec<u64> {
    webhooks.take_due(at, 100, |_| false).into_iter().map(|due| due.sequence).collect()
}

fn answered(status: u16) -> WebhookAttempt {
    WebhookAttempt { at: String::new(), status: Some(status), error: None }
}

#[test]
fn what_is_not_taken_is_tried_seven_times_more_on_the_ladder() {
    let (mut webhooks, mut at) = (queue(), now());
    add(&mut webhooks, "key", at, &Settings::default());
    for minutes in WEBHOOK_LADDER_MINUTES {
        assert_eq!(due(&mut webhooks, at), [0]);
        webhooks.finish(0, answered(204), at);
        let next = at.plus_ms(minutes * MINUTE_MS);
        assert_eq!(due(&mut webhooks, next.plus_ms(-1)), [0; 0]);
        assert_eq!(webhooks.next_due_at(), Some(next));
        at = next;
    }
    assert_eq!(webhooks.take_due(at, 1, |_| false)[0].retries, 7);
    webhooks.finish(0, answered(500), at);
    assert!(!webhooks.has_open());
    let delivery = webhooks.find(0).expect("remembered");
    assert_eq!((delivery.attempts.len(), delivery.is_delivered), (8, false));
    webhooks.resend(&delivery.id.clone(), at).expect("known");
    assert_eq!(due(&mut webhooks, at), [0]);
    webhooks.finish(0, answered(200), at);
    assert!(webhooks.find(0).expect("remembered").is_delivered);
}

#[test]
fn webhooks_of_one_payment_go_one_after_the_other_and_wait_for_its_answer() {
    let (mut webhooks, at) = (queue(), now());
    for key in ["a", "a", "b"] {
        add(&mut webhooks, key, at, &Settings::default());
    }
    assert_eq!(webhooks.take_due(at, 100, |key| key == "a").len(), 1, "b alone");
    assert_eq!(due(&mut webhooks, at), [0]);
    assert_eq!(due(&mut webhooks, at), [0; 0]);
    webhooks.finish(0, answered(200), at);
    assert_eq!(due(&mut webhooks, at), [1]);
}

#[test]
fn a_duplicate_follows_what_was_taken() {
    let (mut webhooks, at) = (queue(), now());
    let settings = Settings { duplicate_webhooks: true, ..Settings::default() };
    add(&mut webhooks, "a", at, &settings);
    for _ in 0..2 {
        assert_eq!(due(&mut webhooks, at), [0]);
        webhooks.finish(0, answered(200), at);
    }
    assert_eq!(due(&mut webhooks, at), [0; 0]);
}

#[test]
fn with_reordering_the_second_comes_before_the_first() {
    let (mut webhooks, at) = (queue(), now());
    let settings = Settings { reorder_webhooks: true, ..Settings::default() };
    add(&mut webhooks, "a", at, &settings);
    assert_eq!(due(&mut webhooks, at), [0; 0], "it waits to be overtaken");
    add(&mut webhooks, "a", at, &settings);
    assert_eq!(due(&mut webhooks, at), [1]);
    assert_eq!(due(&mut webhooks, at), [0; 0]);
    webhooks.finish(1, answered(200), at);
    assert_eq!(due(&mut webhooks, at), [0]);
    add(&mut webhooks, "b", at, &settings);
    assert_eq!(due(&mut webhooks, at.plus_ms(WEBHOOK_OVERTAKEN_MS)), [2], "nobody came");
}

#[test]
fn the_queue_is_bounded_and_what_is_over_makes_room_first() {
    let (mut webhooks, at) = (queue(), now());
    add(&mut webhooks, "first", at, &Settings::default());
    assert_eq!(due(&mut webhooks, at), [0]);
    webhooks.finish(0, answered(200), at);
    for _ in 0..=WEBHOOKS_MAX {
        add(&mut webhooks, "a", at, &Settings::default());
    }
    assert_eq!(webhooks.deliveries.len(), WEBHOOKS_MAX);
    assert!(webhooks.find(0).is_none() && webhooks.find(1).is_none());
    webhooks.endpoints.remove(1).expect("there");
    assert_eq!(due(&mut webhooks, at), [0; 0], "nobody is there to be told");
    assert!(!webhooks.has_open());
}
