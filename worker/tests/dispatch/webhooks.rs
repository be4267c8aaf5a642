//! Webhooks and virtual accounts, from Toss to our records: what is told is looked up, and what is not told is found by time.

use domain::job::JobKind;
use domain::limits::{DEPOSIT_TAIL_MS, GRACE_MS, LOOK_UP_SPACING_MS};
use domain::webhook::WebhookState;
use serde_json::json;
use simulator::{Method, NewWebhookEndpoint, WebhookQuery};
use store::{AcceptedWebhook, Origin, ReceivedWebhook};

use crate::hands::Fault;
use crate::shop::{Paying, Shop};

impl Shop {
    /// Has Toss keep webhooks of every event. Where they go nobody listens: a test hands them over itself.
    fn subscribe(&self) {
        let endpoint = json!({ "url": "http://127.0.0.1:9/webhooks" });
        let endpoint: NewWebhookEndpoint = serde_json::from_value(endpoint).unwrap();
        self.toss.register_webhook(endpoint).unwrap();
    }

    /// What Toss tells of the payment, oldest first.
    fn told(&self, paying: &Paying) -> Vec<ReceivedWebhook> {
        let query = WebhookQuery { payment_key: Some(paying.payment_key.as_str().to_owned()) };
        let told = self.toss.webhooks(&query).into_iter().map(|view| {
            let body = view.body.to_string();
            ReceivedWebhook {
                transmission_id: Some(view.id),
                webhook: toss::read_webhook(body.as_bytes()).webhook,
                source: "127.0.0.1".to_owned(),
                headers: "{}".to_owned(),
                body,
                origin: Origin::default(),
            }
        });
        told.collect()
    }

    async fn hear(&self, webhook: &ReceivedWebhook) -> AcceptedWebhook {
        self.store.accept_webhook(webhook).await.unwrap()
    }

    /// Hears everything that Toss has told of the payment, once more if it was heard before.
    async fn hear_all(&self, paying: &Paying) -> Vec<AcceptedWebhook> {
        let mut accepted = Vec::new();
        for webhook in self.told(paying) {
            accepted.push(self.hear(&webhook).await);
        }
        assert!(!accepted.is_empty(), "Toss has told nothing");
        accepted
    }

    /// A virtual account that the customer has to pay into.
    async fn account(&self) -> Paying {
        let paying = self.authenticated_by(23, Some(Method::VirtualAccount), false).await;
        self.accept(&paying).await;
        self.drain().await;
        assert_eq!(self.status(&paying).await, "waiting_for_deposit");
        paying
    }

    fn deposit(&self, paying: &Paying) {
        self.toss.deposit(paying.payment_key.as_str()).unwrap();
    }

    async fn sweep(&self) -> usize {
        let swept = self.store.sweep_payments(100).await.unwrap();
        self.drain_for(60_000).await;
        swept
    }

    /// How often the payment was looked up.
    async fn look_ups(&self) -> usize {
        let mut calls = 0;
        for job in self.jobs(JobKind::LookUp).await {
            let id = domain::JobId::parse(job.id).unwrap();
            let detail = self.store.find_job_detail(&id).await.unwrap().unwrap();
            calls += detail.attempts.len();
        }
        calls
    }
}

#[tokio::test]
async fn a_deposit_that_toss_tells_of_makes_the_order_paid_whatever_else_it_tells_and_how_often() {
    let shop = Shop::open().await;
    shop.subscribe();
    let paying = shop.account().await;
    let payment = shop.detail(&paying).await.payment.unwrap();
    let account = payment.virtual_account.expect("the customer has to know where to pay");
    assert!(!account.account_number.is_empty() && account.due_at_ms.is_some());
    shop.deposit(&paying);
    // Both kinds of event, duplicates, and the newest first.
    let mut told = shop.told(&paying);
    told.reverse();
    for webhook in told.iter().chain(&told) {
        let accepted = shop.store.accept_webhook(webhook).await.unwrap();
        assert_eq!(accepted.state, WebhookState::LookedUp);
    }
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid");
    assert_eq!(shop.jobs(JobKind::LookUp).await.len(), 1, "one effect");
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_deposit_is_not_missed_because_the_look_up_was_answered_about_another_payment() {
    let shop = Shop::open().await;
    shop.subscribe();
    let paying = shop.account().await;
    shop.deposit(&paying);
    shop.goes_wrong(&paying, "look_up", &Fault::new("wrong_payment"));
    shop.hear_all(&paying).await;
    let look_up = shop.jobs(JobKind::LookUp).await.pop().expect("it is looked up");
    let look_up = domain::JobId::parse(look_up.id).unwrap();
    shop.advance_to(&look_up).await;
    shop.step(&look_up).await;
    assert_eq!(shop.status(&paying).await, "waiting_for_deposit");
    assert_eq!(shop.review(&paying).await.as_deref(), Some("answer_mismatch"), "a person knows");
    shop.drain_for(60_000).await;
    assert_eq!(shop.status(&paying).await, "paid");
    assert_eq!(shop.review(&paying).await, None, "proof answers what the person was asked");
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

/// A stranger says that the payment is done.
fn forged_approval(paying: &Paying) -> ReceivedWebhook {
    let body = json!({
        "eventType": "PAYMENT_STATUS_CHANGED",
        "data": { "orderId": paying.order_id.as_str(), "paymentKey": paying.payment_key.as_str(), "status": "DONE" },
    })
    .to_string();
    ReceivedWebhook {
        transmission_id: None,
        webhook: toss::read_webhook(body.as_bytes()).webhook,
        source: "203.0.113.9".to_owned(),
        headers: "{}".to_owned(),
        body,
        origin: Origin::default(),
    }
}

#[tokio::test]
async fn a_forged_approval_of_an_order_that_nobody_has_confirmed_asks_toss_nothing() {
    let shop = Shop::open().await;
    let paying = shop.authenticated(23).await;
    assert_eq!(shop.hear(&forged_approval(&paying)).await.state, WebhookState::Waiting);
    worker::sweep_once(&shop.store).await.unwrap();
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "awaiting_payment");
    assert!(shop.jobs(JobKind::LookUp).await.is_empty());
    assert!(shop.ledger(&paying).requests.is_empty());
    shop.close().await;
}

#[tokio::test]
async fn a_webhook_that_is_earlier_than_our_own_commit_is_taken_up_by_the_sweeper() {
    let shop = Shop::open().await;
    shop.subscribe();
    let paying = shop.authenticated(23).await;
    // Toss has the confirm, and tells of it before we have written that there is one.
    shop.rival_confirm(&paying).await;
    for heard in shop.hear_all(&paying).await {
        assert_eq!(heard.state, WebhookState::Waiting);
    }
    worker::sweep_once(&shop.store).await.unwrap();
    assert!(shop.jobs(JobKind::LookUp).await.is_empty(), "there is nothing to look up yet");
    shop.accept(&paying).await;
    worker::sweep_once(&shop.store).await.unwrap();
    assert_eq!(shop.jobs(JobKind::LookUp).await.len(), 1);
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid");
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn a_forged_webhook_of_a_deposit_or_an_approval_changes_nothing() {
    let shop = Shop::open().await;
    shop.subscribe();
    let paying = shop.account().await;
    let webhook = forged_approval(&paying);
    for _ in 0..20 {
        shop.hear(&webhook).await;
        assert_eq!(shop.status(&paying).await, "waiting_for_deposit", "it was believed");
    }
    shop.drain_for(GRACE_MS * 2).await;
    assert_eq!(shop.status(&paying).await, "waiting_for_deposit");
    assert!(shop.look_ups().await <= 2, "Toss is not flooded: {}", shop.look_ups().await);
    assert_eq!(shop.ledger(&paying).charges, 0);
    shop.close().await;
}

#[tokio::test]
async fn a_flood_of_webhooks_of_one_payment_is_a_look_up_every_few_seconds_at_the_most() {
    let shop = Shop::open().await;
    shop.subscribe();
    let paying = shop.account().await;
    let (before, rounds) = (shop.look_ups().await, 10);
    for _ in 0..rounds {
        let mut published = Vec::new();
        for webhook in shop.told(&paying) {
            let anew = ReceivedWebhook { transmission_id: None, ..webhook };
            published.extend(shop.hear(&anew).await.publish);
        }
        for job in published {
            shop.step(&domain::JobId::parse(job.id).unwrap()).await;
        }
        shop.drain_for(LOOK_UP_SPACING_MS / 5).await;
        shop.advance(LOOK_UP_SPACING_MS / 5);
    }
    let calls = shop.look_ups().await - before;
    let most = rounds / 5 * 2 + 2;
    assert!((1..=most).contains(&calls), "{calls}");
    shop.drain().await;
    shop.close().await;
}

#[tokio::test]
async fn a_webhook_that_comes_again_asks_again_unless_a_look_up_has_begun_since() {
    let shop = Shop::open().await;
    shop.subscribe();
    let paying = shop.account().await;
    shop.deposit(&paying);
    shop.advance(10_000);
    let accepted = shop.hear_all(&paying).await;
    assert!(accepted.iter().any(|one| one.publish.is_some()));
    // Before the look-up began: it is asked for once more, in the same job.
    shop.hear_all(&paying).await;
    shop.advance(1_000);
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid");
    let before = shop.look_ups().await;
    for repeat in shop.hear_all(&paying).await {
        assert!(repeat.is_repeat && repeat.publish.is_none(), "{repeat:?}");
    }
    shop.drain().await;
    assert_eq!(shop.look_ups().await, before);
    shop.close().await;
}

#[tokio::test]
async fn a_reversal_that_is_told_while_the_deposit_is_looked_up_is_seen_too() {
    let shop = Shop::open().await;
    shop.subscribe();
    let paying = shop.account().await;
    shop.deposit(&paying);
    shop.advance(10_000);
    shop.hear_all(&paying).await;
    let look_up = shop.jobs(JobKind::LookUp).await.remove(0);
    let look_up = domain::JobId::parse(look_up.id).unwrap();
    let seen = shop.claim_and_call(&shop.dispatcher, &look_up).await;
    // Toss has answered "paid"; before that is written, the bank takes the money back, and Toss tells.
    shop.toss.reverse_deposit(paying.payment_key.as_str()).unwrap();
    shop.hear_all(&paying).await;
    shop.dispatcher.settle(seen).await.unwrap();
    assert_eq!(shop.status(&paying).await, "paid");
    shop.drain_for(60_000).await;
    assert_eq!(shop.status(&paying).await, "waiting_for_deposit");
    assert_eq!(shop.review(&paying).await.as_deref(), Some("deposit_reversed"));
    let payment = shop.detail(&paying).await.payment.unwrap();
    assert_eq!(payment.approved_at_ms, None, "it is not paid any more");
    // It comes again, and nobody has to look any more.
    shop.advance(10_000);
    shop.deposit(&paying);
    shop.hear_all(&paying).await;
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "paid");
    assert_eq!(shop.review(&paying).await, None);
    shop.close().await;
}

#[tokio::test]
async fn an_account_whose_time_passes_silently_expires_by_our_own_timer() {
    let shop = Shop::open().await;
    let paying = shop.account().await;
    let due_ms =
        shop.detail(&paying).await.payment.unwrap().virtual_account.unwrap().due_at_ms.unwrap();
    let now_ms = shop.store.now_ms().await.unwrap();
    shop.advance(due_ms - now_ms);
    assert_eq!(shop.sweep().await, 0, "a deposit may still be on its way");
    shop.advance(DEPOSIT_TAIL_MS);
    assert_eq!(shop.sweep().await, 1);
    assert_eq!(shop.status(&paying).await, "expired");
    assert_eq!(shop.sweep().await, 0);
    shop.close().await;
}

#[tokio::test]
async fn a_deposit_whose_webhooks_were_all_lost_is_found_when_the_account_s_time_is_over() {
    let shop = Shop::open().await;
    let paying = shop.account().await;
    shop.deposit(&paying);
    let due_ms =
        shop.detail(&paying).await.payment.unwrap().virtual_account.unwrap().due_at_ms.unwrap();
    let now_ms = shop.store.now_ms().await.unwrap();
    shop.advance(due_ms - now_ms + DEPOSIT_TAIL_MS);
    assert_eq!(shop.sweep().await, 1);
    assert_eq!(shop.status(&paying).await, "paid");
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn an_account_can_be_cancelled_before_its_deposit_as_a_whole_and_no_money_moves() {
    let shop = Shop::open().await;
    shop.subscribe();
    let paying = shop.account().await;
    let part = shop.cancel(&paying, Some(1_000), "part").await;
    assert!(part.is_err(), "{part:?}");
    shop.cancel(&paying, None, "whole").await.unwrap();
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "cancelled");
    // Toss tells of it as well, and nothing more happens.
    shop.advance(10_000);
    shop.hear_all(&paying).await;
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "cancelled");
    assert_eq!(shop.ledger(&paying).charges, 0);
    shop.close().await;
}

#[tokio::test]
async fn an_approval_after_a_recorded_failure_is_found_by_its_webhook() {
    let shop = Shop::open().await;
    shop.subscribe();
    let paying = shop.authenticated(23).await;
    // Toss says no and takes the money.
    shop.goes_wrong(&paying, "confirm", &Fault::code_after("REJECT_CARD_COMPANY"));
    shop.accept(&paying).await;
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "failed");
    shop.hear_all(&paying).await;
    shop.drain().await;
    assert_eq!(shop.status(&paying).await, "cancelled", "and the money is given back");
    shop.assert_money_is_conserved(&paying).await;
    shop.close().await;
}

#[tokio::test]
async fn an_approval_and_an_abort_told_at_once_leave_the_order_paid_in_either_order() {
    for abort_comes_first in [true, false] {
        let shop = Shop::open().await;
        shop.subscribe();
        let paying = shop.authenticated(23).await;
        shop.accept(&paying).await;
        shop.drain().await;
        let done = shop.told(&paying).pop().expect("Toss tells of the approval");
        assert!(done.body.contains("\"DONE\""), "{}", done.body);
        let body = done.body.replace("\"DONE\"", "\"ABORTED\"");
        let aborted = ReceivedWebhook {
            transmission_id: Some("told-46-ms-apart".to_owned()),
            webhook: toss::read_webhook(body.as_bytes()).webhook,
            body,
            ..done.clone()
        };
        let mut told = vec![done, aborted];
        if abort_comes_first {
            told.reverse();
        }
        for webhook in &told {
            shop.hear(webhook).await;
        }
        shop.drain().await;
        assert_eq!(shop.status(&paying).await, "paid", "abort first: {abort_comes_first}");
        assert_eq!(shop.ledger(&paying).charges, 1);
        shop.assert_money_is_conserved(&paying).await;
        shop.close().await;
    }
}
