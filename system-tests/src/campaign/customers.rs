//! The load: customers who order, pay, ask and come back, and staff who give money back, whatever happens meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::client::{Answer, try_send};
use crate::customer::SIMULATOR_KEY;
use crate::luck::Luck;
use crate::record::{Cancel, Record};
use crate::topology::Topology;

/// How long somebody repeats a request that is not answered, or answered with "later".
const INSISTENCE: Duration = Duration::from_secs(150);
/// How long somebody waits to know how a payment ended.
const PATIENCE: Duration = Duration::from_secs(150);
/// How long one request may take.
const REQUEST_MAX: Duration = Duration::from_secs(8);
const BETWEEN_TRIES: Duration = Duration::from_millis(400);

/// Where money goes back to that was paid into an account.
pub(super) const ACCOUNT_NUMBER: &str = "1002123456789";

/// What everybody knows.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) topology: Arc<Topology>,
    pub(super) record: Arc<Record>,
}

/// A customer with an order.
struct Customer {
    world: World,
    luck: Luck,
    order_id: String,
    token: String,
    amount: i64,
    method: &'static str,
    payment_key: String,
}

/// One customer's whole story, from the cart to money that went back.
pub(super) async fn shop(world: World, seed: u64) {
    let mut luck = Luck::new(seed);
    let method = luck.weigh(&[
        (10, "CARD"),
        (2, "TRANSFER"),
        (2, "TOSSPAY"),
        (1, "MOBILE_PHONE"),
        (4, "VIRTUAL_ACCOUNT"),
    ]);
    let Some((order_id, token, amount)) = order(&world, &mut luck).await else { return };
    let mut customer =
        Customer { world, luck, order_id, token, amount, method, payment_key: String::new() };
    customer.pay_and_regret().await;
}

/// A random API of the two.
fn api<'w>(world: &'w World, luck: &mut Luck) -> &'w str {
    luck.pick::<String>(&world.topology.apis)
}

/// Sends what `request` makes until there is an answer that is not "later".
async fn insist(
    world: &World,
    luck: &mut Luck,
    request: impl Fn(&str) -> RequestBuilder,
) -> Option<Answer> {
    let began = Instant::now();
    while began.elapsed() < INSISTENCE {
        let request = request(api(world, luck)).timeout(REQUEST_MAX);
        match world.record.ask(request).await {
            Some(answer) if answer.status != 503 && answer.status != 429 => return Some(answer),
            Some(_) | None => sleep(BETWEEN_TRIES).await,
        }
    }
    world.record.note(|it| it.broken.push(format!("nobody answers for {INSISTENCE:?}")));
    None
}

/// An order, and often the same one for the second time.
async fn order(world: &World, luck: &mut Luck) -> Option<(String, String, i64)> {
    let item =
        |id: &str, quantity: i64| json!({"productId": id, "quantity": quantity, "options": []});
    let items = json!([item("old-whole", luck.between(2, 4)), item("radish", luck.between(1, 40))]);
    let mut body = json!({"storeId": "chicken-yeonnam", "items": items});
    let client = &world.topology.client;
    let post = |path: &'static str, body: Value, key: String| {
        move |api: &str| {
            let request = client.request(Method::POST, &format!("{api}{path}"));
            request.header("idempotency-key", &key).json(&body)
        }
    };
    let quote =
        insist(world, luck, post("/v1/quotes", body.clone(), String::from("quote"))).await?;
    body["amount"] = quote.body["amount"].clone();
    body["customer"] = json!({"name": "손님", "phone": "01012345678"});
    body["delivery"] = json!({"address": "서울 마포구 와우산로 1"});
    let key = luck.uuid();
    world.record.note(|it| it.order_keys += 1);
    let made = insist(world, luck, post("/v1/orders", body.clone(), key.clone())).await?;
    let read = |made: &Answer| {
        let text = |field: &str| made.body[field].as_str().map(str::to_owned);
        Some((text("orderId")?, text("accessToken")?, made.body["amount"].as_i64()?))
    };
    let Some(order) = read(&made).filter(|_| made.status == 201) else {
        world
            .record
            .note(|it| it.broken.push(format!("no order but {}: {}", made.status, made.body)));
        return None;
    };
    world.record.note(|it| {
        it.orders.insert(order.0.clone(), order.2);
        it.tokens.insert(order.1.clone());
    });
    if luck.one_in(5) {
        let again = insist(world, luck, post("/v1/orders", body, key)).await?;
        if read(&again).is_none_or(|(order_id, ..)| order_id != order.0) {
            let told = format!("one key made two orders: {} and {}", order.0, again.body);
            world.record.note(|it| it.broken.push(told));
        }
    }
    Some(order)
}

impl Customer {
    async fn pay_and_regret(&mut self) {
        if !self.authenticate().await {
            return;
        }
        let Some(accepted) = self.confirm().await else { return };
        let word = self.wait_for_end().await;
        let word = match word.as_deref() {
            Some("waiting_for_deposit") => self.pay_in().await,
            Some(_) | None => word,
        };
        if word.as_deref() == Some("paid") {
            let known = Instant::now();
            if self.method != "VIRTUAL_ACCOUNT" {
                self.world.record.note(|it| it.paid.push((accepted, known)));
            }
            self.regret().await;
        }
    }

    /// Authenticates in Toss's window.
    async fn authenticate(&mut self) -> bool {
        let topology = &self.world.topology;
        let body = json!({
            "orderId": self.order_id, "orderName": "통닭", "amount": self.amount, "method": self.method,
        });
        let url = format!("{}/_sim/payments", topology.simulator);
        let began = Instant::now();
        while began.elapsed() < INSISTENCE {
            let request = topology.client.request(Method::POST, &url).timeout(REQUEST_MAX);
            let made = try_send(request.basic_auth(SIMULATOR_KEY, Some("")).json(&body)).await;
            let payment_key =
                made.ok().and_then(|made| made.body["paymentKey"].as_str().map(str::to_owned));
            if let Some(payment_key) = payment_key {
                self.payment_key = payment_key;
                return true;
            }
            sleep(BETWEEN_TRIES).await;
        }
        false
    }

    /// Confirms, often twice, sometimes both at once. Gives when it was accepted.
    async fn confirm(&mut self) -> Option<Instant> {
        let client = self.world.topology.client.clone();
        let path = format!("/v1/orders/{}/confirm", self.order_id);
        let body = json!({"paymentKey": self.payment_key, "amount": self.amount});
        let token = self.token.clone();
        let request = |api: &str| {
            let request = client.request(Method::POST, &format!("{api}{path}"));
            request.bearer_auth(&token).json(&body)
        };
        let mut second_luck =
            Luck::new(u64::try_from(self.luck.below(usize::MAX)).unwrap_or_default());
        let answer = if self.luck.one_in(6) {
            let (first, second) = tokio::join!(
                insist(&self.world, &mut self.luck, request),
                insist(&self.world, &mut second_luck, request),
            );
            first.or(second)?
        } else {
            insist(&self.world, &mut self.luck, request).await?
        };
        if answer.status != 202 {
            let told = format!("a confirm is answered with {}: {}", answer.status, answer.body);
            self.world.record.note(|it| it.broken.push(told));
            return None;
        }
        let accepted = Instant::now();
        let (order_id, payment_key) = (self.order_id.clone(), self.payment_key.clone());
        self.world.record.note(|it| it.confirms.insert(order_id, payment_key));
        if self.luck.one_in(4) {
            let again = insist(&self.world, &mut self.luck, request).await?;
            if again.status != 202 || again.body["orderId"] != self.order_id.as_str() {
                let told = format!("a repeated confirm is answered with {}", again.body);
                self.world.record.note(|it| it.broken.push(told));
            }
        }
        Some(accepted)
    }

    /// Asks until nothing more is to be waited for, or there is something to be done.
    async fn wait_for_end(&mut self) -> Option<String> {
        let client = self.world.topology.client.clone();
        let began = Instant::now();
        let mut word = None;
        while began.elapsed() < PATIENCE {
            let url = format!("{}/v1/orders/{}", api(&self.world, &mut self.luck), self.order_id);
            let request = client.request(Method::GET, &url).bearer_auth(&self.token);
            let request = request.header("prefer", "wait=4").timeout(REQUEST_MAX);
            let answer = self.world.record.ask(request).await;
            let Some(answer) = answer.filter(|it| !matches!(it.status, 429 | 503)) else {
                sleep(BETWEEN_TRIES).await;
                continue;
            };
            if answer.status != 200 {
                let told = format!("{} is answered with {}", self.order_id, answer.body);
                self.world.record.note(|it| it.broken.push(told));
                return None;
            }
            let told = self.hear(&answer);
            let is_over = answer.body["keepPolling"] == false || told == "waiting_for_deposit";
            word = Some(told);
            if is_over {
                break;
            }
            sleep(BETWEEN_TRIES).await;
        }
        word
    }

    /// What the answer tells; it is about this order, and takes nothing back.
    fn hear(&self, answer: &Answer) -> String {
        let word = answer.body["status"].as_str().unwrap_or_default().to_owned();
        let order_id = self.order_id.clone();
        self.world.record.note(|it| {
            if answer.body["orderId"] != order_id.as_str() || answer.body["amount"] != self.amount {
                it.broken.push(format!("an answer about another order: {}", answer.body));
            }
            let before = it.told.insert(order_id, word.clone());
            let was_paid = before.as_deref() == Some("paid");
            if was_paid && matches!(word.as_str(), "failed" | "expired" | "confirming" | "checking")
            {
                it.broken.push(format!("{} was paid and is {word}", self.order_id));
            }
        });
        word
    }

    /// Pays into the account, or has it closed, or forgets about it.
    async fn pay_in(&mut self) -> Option<String> {
        if self.luck.one_in(6) {
            self.cancel(None, None).await;
            return None;
        }
        let path = format!("/_sim/payments/{}/deposit", self.payment_key);
        // Whoever pays again after an answer that was lost is told that it was paid.
        let _paid_already = self.world.topology.post_to_simulator(&path, &json!({})).await;
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let word = self.wait_for_end().await;
            if word.as_deref() != Some("waiting_for_deposit") {
                return word;
            }
            sleep(BETWEEN_TRIES).await;
        }
        None
    }

    /// Staff give money back: nothing, all of it, a part, or two parts at once.
    async fn regret(&mut self) {
        let account = (self.method == "VIRTUAL_ACCOUNT").then(
            || json!({"bankCode": "20", "accountNumber": ACCOUNT_NUMBER, "holderName": "손님"}),
        );
        let part = self.luck.between(1, 5) * 1_000;
        match self.luck.below(20) {
            0..4 => self.cancel(None, account).await,
            4..8 => self.cancel(Some(part), account).await,
            8..11 => {
                let mut other = Customer {
                    world: self.world.clone(),
                    luck: Luck::new(u64::try_from(self.luck.below(usize::MAX)).unwrap_or_default()),
                    order_id: self.order_id.clone(),
                    token: self.token.clone(),
                    payment_key: self.payment_key.clone(),
                    ..*self
                };
                tokio::join!(
                    self.cancel(Some(part), account.clone()),
                    other.cancel(Some(part), account.clone()),
                );
                self.cancel(None, account).await;
            }
            _ => {}
        }
    }

    /// One cancel, repeated under its key until it is accepted or refused, and sometimes once more.
    async fn cancel(&mut self, amount: Option<i64>, account: Option<Value>) {
        let client = self.world.topology.client.clone();
        let token = self.world.topology.master_token.clone();
        let path = format!("/v1/orders/{}/cancels", self.order_id);
        let mut body = json!({"reason": "재료 소진"});
        if let Some(amount) = amount {
            body["amount"] = amount.into();
        }
        if let Some(account) = account {
            body["refundAccount"] = account;
        }
        let key = self.luck.uuid();
        self.world.record.note(|it| *it.cancel_keys.entry(self.order_id.clone()).or_default() += 1);
        let request = |api: &str| {
            let request = client.request(Method::POST, &format!("{api}{path}"));
            request.bearer_auth(&token).header("idempotency-key", &key).json(&body)
        };
        let Some(answer) = insist(&self.world, &mut self.luck, request).await else { return };
        if matches!(answer.status, 400..=404) {
            let told = format!("a cancel is answered with {}: {}", answer.status, answer.body);
            self.world.record.note(|it| it.broken.push(told));
        }
        let cancel_id = answer.body["cancelId"].as_str().map(str::to_owned);
        let Some(cancel_id) = cancel_id.filter(|_| answer.status == 202) else { return };
        let cancel =
            Cancel { order_id: self.order_id.clone(), cancel_id: cancel_id.clone(), amount };
        self.world.record.note(|it| it.cancels.push(cancel));
        if self.luck.one_in(4) {
            let Some(again) = insist(&self.world, &mut self.luck, request).await else { return };
            if again.body["cancelId"] != cancel_id.as_str() {
                let told = format!("one key made two cancels: {cancel_id} and {}", again.body);
                self.world.record.note(|it| it.broken.push(told));
            }
        }
    }
}
