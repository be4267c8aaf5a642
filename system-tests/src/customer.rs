//! A customer without a browser: orders, authenticates at the simulator, confirms, asks how it stands.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Client, send, try_send};

/// The key that the product itself calls the bundled simulator with.
pub const SIMULATOR_KEY: &str = "test_sk_seungin_simulator";
/// Longer than a lease: work of a killed process is taken over after that.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a customer goes.
#[derive(Debug, Clone)]
pub struct Places {
    /// What requests are made with.
    pub client: Client,
    /// `http://host:port` of the API.
    pub api: String,
    /// The same of the simulator.
    pub simulator: String,
    /// The merchant's key at the simulator.
    pub secret_key: &'static str,
}

/// An order that was just made.
#[derive(Debug, Clone)]
pub struct Order {
    /// Its id.
    pub id: String,
    /// What opens it.
    pub token: String,
    /// Won.
    pub amount: i64,
    /// What its window is opened with.
    pub client_key: String,
    /// Where the payment window sends the browser.
    pub success_url: String,
}

impl Places {
    /// Orders two or more chickens and so many portions of radish, which is what makes one order differ from another.
    ///
    /// # Panics
    /// Something answers otherwise.
    pub async fn order(&self, chickens: usize, radishes: usize) -> Order {
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
            client_key: text("clientKey"),
            success_url: text("successUrl"),
        }
    }

    /// Authenticates a payment of the order; gives its key.
    ///
    /// # Panics
    /// Something answers otherwise.
    pub async fn authenticate(&self, order: &Order, method: &str) -> String {
        let body = json!({"orderId": order.id, "orderName": "통닭", "amount": order.amount, "method": method});
        let request =
            self.client.request(Method::POST, &format!("{}/_sim/payments", self.simulator));
        let made = send(request.basic_auth(self.secret_key, Some("")).json(&body)).await;
        assert_eq!(made.status, 200, "{}", made.body);
        made.body["paymentKey"].as_str().unwrap().to_owned()
    }

    /// Lets something go wrong with the order's next confirm.
    ///
    /// # Panics
    /// Something answers otherwise.
    pub async fn script_confirm(&self, order: &Order, mut fault: Value) {
        fault["orderId"] = order.id.as_str().into();
        fault["operation"] = "confirm".into();
        let url = format!("{}/_sim/faults", self.simulator);
        let answer = send(self.client.request(Method::POST, &url).json(&fault)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// Asks for the confirm of an authenticated payment.
    ///
    /// # Panics
    /// No answer came.
    pub async fn confirm(&self, order: &Order, payment_key: &str) -> Answer {
        self.try_confirm(order, payment_key).await.unwrap()
    }

    /// The same for those who know that the API may be away.
    ///
    /// # Errors
    /// No answer came.
    pub async fn try_confirm(
        &self,
        order: &Order,
        payment_key: &str,
    ) -> Result<Answer, reqwest::Error> {
        let url = format!("{}/v1/orders/{}/confirm", self.api, order.id);
        let body = json!({"paymentKey": payment_key, "amount": order.amount});
        let request = self.client.request(Method::POST, &url).bearer_auth(&order.token);
        try_send(request.json(&body)).await
    }

    /// Asks until the order has one of these statuses; gives its view. `credential` is a token or a ticket.
    ///
    /// # Panics
    /// Something answers otherwise.
    pub async fn wait_for(&self, order: &Order, credential: &str, wanted: &[&str]) -> Value {
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
    ///
    /// # Panics
    /// Something answers otherwise.
    pub async fn ledger(&self) -> Vec<Value> {
        let answer = self.client.get(&format!("{}/_sim/ledger", self.simulator)).await;
        answer.body["payments"].as_array().expect("a ledger").clone()
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        send(self.client.request(Method::POST, &format!("{}{path}", self.api)).json(body)).await
    }
}

/// The ledger's entry for an order.
///
/// # Panics
/// There is none, or more than one.
#[must_use]
pub fn entry_of<'a>(ledger: &'a [Value], order: &Order) -> &'a Value {
    let mut own = ledger.iter().filter(|entry| entry["orderId"] == order.id.as_str());
    let entry = own.next().expect("the ledger knows the order");
    assert!(own.next().is_none(), "two payments of one order");
    entry
}

/// Insists that the order's money was taken, once, and all of it.
///
/// # Panics
/// It was not.
pub fn insist_charged_once(ledger: &[Value], order: &Order) {
    let entry = entry_of(ledger, order);
    assert_eq!(
        (&entry["charges"], &entry["charged"]),
        (&1.into(), &order.amount.into()),
        "{entry}"
    );
}
