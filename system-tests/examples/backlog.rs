//! Makes orders and accepts their payment, and waits for none of them: a backlog for whoever measures workers. Used by
//! `scripts/scaling`.
//!
//! ```sh
//! cargo run -p system-tests --example backlog -- API SIMULATOR COUNT DELAY_MS
//! ```
//!
//! Every confirm of these orders will take the simulator `DELAY_MS`.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Orders that are made at the same time.
const AT_ONCE: u32 = 16;
/// The key of the merchant in the simulator, as the product has it for the simulator.
const SECRET_KEY: &str = "test_sk_seungin_simulator";

/// Where to make them, and how slow their confirms are.
#[derive(Debug)]
struct Plan {
    http: Client,
    api: String,
    simulator: String,
    delay_ms: u64,
    left: AtomicU32,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [api, simulator, count, delay_ms] = arguments.as_slice() else {
        return fail("usage: backlog API SIMULATOR COUNT DELAY_MS");
    };
    let (Ok(count), Ok(delay_ms)) = (count.parse(), delay_ms.parse()) else {
        return fail("COUNT and DELAY_MS are numbers");
    };
    let provider = rustls::crypto::ring::default_provider().install_default();
    let Ok(http) = Client::builder().no_proxy().build() else { return fail("no HTTP client") };
    if provider.is_err() {
        return fail("a TLS provider was installed already");
    }
    let (api, simulator) = (api.clone(), simulator.clone());
    let plan = Arc::new(Plan { http, api, simulator, delay_ms, left: AtomicU32::new(count) });
    let mut makers = JoinSet::new();
    for _ in 0..AT_ONCE {
        makers.spawn(make_orders(Arc::clone(&plan)));
    }
    for made in makers.join_all().await {
        if let Err(error) = made {
            return fail(&error);
        }
    }
    ExitCode::SUCCESS
}

#[expect(clippy::print_stderr, reason = "a program that says why it failed")]
fn fail(message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::FAILURE
}

async fn make_orders(plan: Arc<Plan>) -> Result<(), String> {
    let take = |left: u32| left.checked_sub(1);
    while plan.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
        plan.make_order().await?;
    }
    Ok(())
}

impl Plan {
    async fn make_order(&self) -> Result<(), String> {
        let cart = json!({
            "storeId": "malatang-hongdae",
            "items": [{"productId": "guobaorou-small", "quantity": 1}],
        });
        let quote = self.send(self.to_api("/v1/quotes").json(&cart)).await?;
        let mut order = cart;
        order["amount"] = quote["amount"].clone();
        order["customer"] = json!({"name": "시험 손님", "phone": "010-1234-5678"});
        order["delivery"] = json!({"address": "서울 마포구 와우산로 1"});
        let order = self.send(self.to_api("/v1/orders").json(&order)).await?;
        let id = order["orderId"].as_str().ok_or("an order without an id")?;
        let token = order["accessToken"].as_str().ok_or("an order without a token")?;

        let paid =
            json!({"orderId": id, "orderName": order["orderName"], "amount": order["amount"]});
        let payment = self.http.post(format!("{}/_sim/payments", self.simulator));
        let payment = self.send(payment.basic_auth(SECRET_KEY, Some("")).json(&paid)).await?;
        let slow =
            json!({"orderId": id, "operation": "confirm", "kind": "delay", "ms": self.delay_ms});
        self.send(self.http.post(format!("{}/_sim/faults", self.simulator)).json(&slow)).await?;

        let confirm = json!({"paymentKey": payment["paymentKey"], "amount": order["amount"]});
        let to = self.to_api(&format!("/v1/orders/{id}/confirm"));
        self.send(to.bearer_auth(token).json(&confirm)).await?;
        Ok(())
    }

    fn to_api(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.api))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Value, String> {
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let (status, url) = (answer.status(), answer.url().clone());
        let text = answer.text().await.map_err(|error| error.to_string())?;
        if !status.is_success() {
            return Err(format!("{url}: {status} {text}"));
        }
        serde_json::from_str(&text).map_err(|error| format!("{url}: {error}"))
    }
}
