//! A customer without a browser: orders, authenticates at the simulator, confirms, asks how it stands.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Client, send};

/// The key that the product itself calls the bundled simulator with.
pub(crate) const SIMULATOR_KEY: &str = "test_sk_seungin_simulator";
/// Longer than a lease: work of a killed process is taken over after that.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a customer goes.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub(crate) client: Client,
    pub(crate) api: String,
    pub(crate) simulator: String,
    pub(crate) secret_key: &'static str,
}

/// An order that was just made.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) amount: i64,
    pub(crate) success_url: String,
}

impl Places {
    /// Orders two or more chickens and so many portions of radish, which is what makes one order differ from another.
    pub(crate) async fn order(&self, chickens: usize, radishes: usize) -> Order {
        let item = |id: &str, quantity: usize| json!({"productId": id, "quantity": quantity, "options": []});
        let items = json!([item("old-whole", chickens), item("radish", radishes)]);
        let mut body = json!({"storeId": "chicken-yeonnam", "items": items});
        let quote = self.post("/v1/quotes", &body).await;
        assert_eq!(quote.status, 200, "{}", quote.body);
        body["amount"] = quote.body["amount"].clone();
        body["customer"] = json!({"name": "손님", "phone": "01012345678"});
        body["delivery"] = json!({"address": "서울 마포구 와우산로 1"});
        let created = self.post("/v1/orders", &body).await;
        assert_eq!(created.status, 201, "{}", created.body);
        let text = |field: &str| created.body[field].as_str().unwrap().to_owned();
        Order {
            id: text("orderId"),
            token: text("accessToken"),
            amount: created.body["amount"].as_i64().unwrap(),
            success_url: text("successUrl"),
        }
    }

    /// Authenticates a payment of the order; gives its key.
    pub(crate) async fn authenticate(&self, order: &Order, method: &str) -> String {
        let body = json!({"orderId": order.id, "orderName": "통닭", "amount": order.amount, "method": method});
        let request =
            self.client.request(Method::POST, &format!("{}/_sim/payments", self.simulator));
        let made = send(request.basic_auth(self.secret_key, Some("")).json(&body)).await;
        assert_eq!(made.status, 200, "{}", made.body);
        made.body["paymentKey"].as_str().unwrap().to_owned()
    }

    /// Lets something go wrong with the order's next confirm.
    pub(crate) async fn script_confirm(&self, order: &Order, mut fault: Value) {
        fault["orderId"] = order.id.as_str().into();
        fault["operation"] = "confirm".into();
        let url = format!("{}/_sim/faults", self.simulator);
        let answer = send(self.client.request(Method::POST, &url).json(&fault)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// Asks for the confirm of an authenticated payment.
    pub(crate) async fn confirm(&self, order: &Order, payment_key: &str) -> Answer {
        let url = format!("{}/v1/orders/{}/confirm", self.api, order.id);
        let body = json!({"paymentKey": payment_key, "amount": order.amount});
        send(self.client.request(Method::POST, &url).bearer_auth(&order.token).json(&body)).await
    }

    /// Asks until the order has one of these statuses; gives its view. `credential` is a token or a ticket.
    pub(crate) async fn wait_for(&self, order: &Order, credential: &str, wanted: &[&str]) -> Value {
        let url = format!("{}/v1/orders/{}?wait=20", self.api, order.id);
        let began = Instant::now();
        loop {
            let request = self.client.request(Method::GET, &url).bearer_auth(credential);
            let answer = send(request).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert_eq!(
                answer.body["orderId"],
                order.id.as_str(),
                "the answer is about another order"
            );
            assert_eq!(answer.body["amount"], order.amount, "the answer is about another amount");
            let status = answer.body["status"].as_str().unwrap();
            if wanted.contains(&status) {
                return answer.body;
            }
            assert_eq!(answer.body["keepPolling"], true, "it ended as {status}, not as {wanted:?}");
            assert!(began.elapsed() < PATIENCE, "it is still {status}, not one of {wanted:?}");
            // The answer waits by itself for the next change, but may be early.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the simulator's ledger says about all payments.
    pub(crate) async fn ledger(&self) -> Vec<Value> {
        let answer = self.client.get(&format!("{}/_sim/ledger", self.simulator)).await;
        answer.body["payments"].as_array().expect("a ledger").clone()
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        send(self.client.request(Method::POST, &format!("{}{path}", self.api)).json(body)).await
    }
}

/// The ledger's entry for an order.
pub(crate) fn entry_of<'a>(ledger: &'a [Value], order: &Order) -> &'a Value {
    let mut own = ledger.iter().filter(|entry| entry["orderId"] == order.id.as_str());
    let entry = own.next().expect("the ledger knows the order");
    assert!(own.next().is_none(), "two payments of one order");
    entry
}

/// Insists that the order's money was taken, once, and all of it.
pub(crate) fn insist_charged_once(ledger: &[Value], order: &Order) {
    let entry = entry_of(ledger, order);
    assert_eq!(
        (&entry["charges"], &entry["charged"]),
        (&1.into(), &order.amount.into()),
        "{entry}"
    );
}
