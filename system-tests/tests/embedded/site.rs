//! The product with a simulator that lives on when it is killed, as Toss does.

use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{
    Answer, Client, Finished, Home, Order, Places, Product, Simulator, send, try_send,
};

const SECRET_KEY: &str = "test_sk_system_tests";

/// A product on data of its own, over kills.
pub(crate) struct Site {
    pub(crate) home: Home,
    pub(crate) product: Product,
    pub(crate) places: Places,
    simulator: Simulator,
}

/// An order with the payment that its customer authenticated.
#[derive(Debug, Clone)]
pub(crate) struct Checkout {
    pub(crate) order: Order,
    pub(crate) payment_key: String,
}

impl Site {
    /// Starts it behind another command, if one is given.
    pub(crate) fn start(wrapper: &[&str]) -> Site {
        let home = Home::new();
        let simulator = home.start_simulator();
        let product = home.start_behind(wrapper, &variables(&simulator));
        let places = Places {
            client: Client::new(),
            api: product.api.clone(),
            simulator: simulator.url.clone(),
            secret_key: SECRET_KEY,
        };
        Site { home, product, places, simulator }
    }

    /// Kills it, lets something happen to its data, and starts it again.
    pub(crate) fn kill_and_start(self, between: impl FnOnce(&Home)) -> Site {
        let Site { home, product, places, simulator } = self;
        product.kill();
        between(&home);
        let product = home.start_with(&variables(&simulator));
        let places = Places { api: product.api.clone(), ..places };
        Site { home, product, places, simulator }
    }

    /// Runs a command on its data to its end.
    pub(crate) fn command(&self, name: &str, arguments: &[&str]) -> Finished {
        command(&self.home, name, arguments, &self.simulator.url)
    }

    /// Where the simulator listens.
    pub(crate) fn simulator(&self) -> String {
        self.simulator.url.clone()
    }

    pub(crate) async fn checkout(&self, radishes: usize) -> Checkout {
        let order = self.places.order(2, radishes).await;
        let payment_key = self.places.authenticate(&order, "CARD").await;
        Checkout { order, payment_key }
    }

    /// Pays so many orders, and waits until they are paid.
    pub(crate) async fn paid(&self, count: usize) -> Vec<Checkout> {
        let mut checkouts = Vec::new();
        for radishes in 1..=count {
            let checkout = self.checkout(radishes).await;
            self.confirm(&checkout).await;
            checkouts.push(checkout);
        }
        for checkout in &checkouts {
            self.wait_for(checkout, "paid").await;
        }
        checkouts
    }

    /// Orders what nobody has in mind to pay.
    pub(crate) async fn try_order(&self) -> Result<Answer, reqwest::Error> {
        let items = json!([{"productId": "old-whole", "quantity": 2, "options": []}]);
        let mut body = json!({"storeId": "chicken-yeonnam", "items": items});
        let post = |path: &str, body: &Value| {
            let url = format!("{}{path}", self.places.api);
            try_send(self.places.client.request(Method::POST, &url).json(body))
        };
        let quote = post("/v1/quotes", &body).await?;
        assert_eq!(quote.status, 200, "prices can be read: {}", quote.body);
        body["amount"] = quote.body["amount"].clone();
        body["customer"] = json!({"name": "손님", "phone": "01012345678"});
        body["delivery"] = json!({"address": "서울 마포구 와우산로 1"});
        post("/v1/orders", &body).await
    }

    pub(crate) async fn confirm(&self, checkout: &Checkout) {
        let answer = self.places.confirm(&checkout.order, &checkout.payment_key).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
    }

    pub(crate) async fn wait_for(&self, checkout: &Checkout, status: &str) -> Value {
        self.places.wait_for(&checkout.order, &checkout.order.token, &[status]).await
    }

    /// Staff give a part back.
    pub(crate) async fn cancel(&self, checkout: &Checkout, amount: i64) -> Answer {
        let url = format!("{}/v1/orders/{}/cancels", self.places.api, checkout.order.id);
        let request = self.places.client.request(Method::POST, &url);
        let request = request.bearer_auth(&self.product.master_token);
        let key = format!("{amount}-of-{}", checkout.order.id);
        let body = json!({"amount": amount, "reason": "재료 소진"});
        send(request.header("Idempotency-Key", key).json(&body)).await
    }

    /// An order as staff see it.
    pub(crate) async fn seen_by_staff(&self, order_id: &str) -> Value {
        let url = format!("{}/v1/orders/{order_id}", self.places.api);
        let request = self.places.client.request(Method::GET, &url);
        send(request.bearer_auth(&self.product.master_token)).await.body
    }

    /// Insists that SQLite's file is sound.
    pub(crate) fn insist_sound(&self, name: &str) {
        let doctor = self.command(name, &["doctor", "--json"]);
        let said: Value = serde_json::from_str(&doctor.said).unwrap_or_default();
        let checks = said["checks"].as_array().cloned().unwrap_or_default();
        let file = checks.iter().find(|check| check["name"] == "database file");
        assert!(file.is_some_and(|check| check["status"] == "ok"), "{}", doctor.said);
    }
}

/// Runs a command on the data of a home to its end.
pub(crate) fn command(home: &Home, name: &str, arguments: &[&str], simulator: &str) -> Finished {
    let data = home.data();
    let arguments = [arguments, &["--data-dir", data.to_str().unwrap()]].concat();
    let variables = variables_at(simulator);
    let owned = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    home.finish(name, &arguments, &owned)
}

fn variables(simulator: &Simulator) -> [(&str, &str); 3] {
    variables_at(&simulator.url)
}

fn variables_at(simulator: &str) -> [(&str, &str); 3] {
    [
        ("TOSS_SECRET_KEY", SECRET_KEY),
        ("TOSS_CLIENT_KEY", "test_ck_system_tests"),
        ("SEUNGIN__TOSS__BASE_URL", simulator),
    ]
}
