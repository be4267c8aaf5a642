//! A running simulator and a client that speaks to it as a shop's server would.

use base64::Engine as _;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use simulator::{Config, FaultKind, FaultRequest, Handle, NewPayment, Operation, Simulator};
use tokio_util::sync::{CancellationToken, DropGuard};

pub(crate) const SECRET_KEY: &str = "test_sk_shop1";

/// A simulator that stops when this is dropped.
pub(crate) struct Running {
    pub(crate) url: String,
    pub(crate) handle: Handle,
    pub(crate) client: reqwest::Client,
    pub(crate) shutdown: CancellationToken,
    pub(crate) server: Option<tokio::task::JoinHandle<std::io::Result<()>>>,
    _stop: DropGuard,
}

pub(crate) async fn start() -> Running {
    start_with(Config { consecutive_cancel_pause: std::time::Duration::ZERO, ..Config::default() })
        .await
}

pub(crate) async fn start_with(config: Config) -> Running {
    let simulator = Simulator::new(config).expect("a simulator");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (handle, shutdown) = (simulator.handle(), CancellationToken::new());
    let server = tokio::spawn(simulator::serve(listener, simulator, shutdown.clone()));
    let _stop = shutdown.clone().drop_guard();
    Running { url, handle, client: client(), shutdown, server: Some(server), _stop }
}

pub(crate) fn client() -> reqwest::Client {
    // The client wants a cryptography provider although nothing here is encrypted. A second installation fails; fine.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client")
}

pub(crate) fn basic(secret_key: &str) -> String {
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{secret_key}:"));
    format!("Basic {encoded}")
}

/// What a shop's page posts to open a window.
pub(crate) fn window_form(client_key: &str) -> [(&str, &str); 8] {
    [
        ("clientKey", client_key),
        ("method", "CARD"),
        ("currency", "KRW"),
        ("value", "15000"),
        ("orderId", "order-0001"),
        ("orderName", "마라탕"),
        ("successUrl", "http://shop.example/ok"),
        ("failUrl", "http://shop.example/no"),
    ]
}

/// An answer as tests look at it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) text: String,
    pub(crate) trace_id: String,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) retry_after: Option<String>,
}

impl Answer {
    pub(crate) fn code(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or(""))
    }
}

pub(crate) async fn send(request: RequestBuilder) -> Result<Answer, reqwest::Error> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let header =
        |name: &str| response.headers().get(name).map(|it| it.to_str().expect("text").to_owned());
    let trace_id = header("x-tosspayments-trace-id").unwrap_or_default();
    let (idempotency_key, retry_after) = (header("idempotency-key"), header("retry-after"));
    let text = response.text().await?;
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Answer { status, body, text, trace_id, idempotency_key, retry_after })
}

impl Running {
    /// A request with the shop's key.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        request.header("authorization", basic(SECRET_KEY))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await.expect("an answer")
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: Value) -> Answer {
        self.try_post(path, key, body).await.expect("an answer")
    }

    pub(crate) async fn try_post(
        &self,
        path: &str,
        key: &str,
        body: Value,
    ) -> reqwest::Result<Answer> {
        send(self.request(Method::POST, path).header("idempotency-key", key).json(&body)).await
    }

    /// An authenticated card payment of 15,000 won.
    pub(crate) fn payment(&self, order_id: &str) -> String {
        self.payment_of(NewPayment::new(order_id, "마라탕 외 2건", 15_000))
    }

    pub(crate) fn payment_of(&self, new: NewPayment) -> String {
        self.handle.create_payment(SECRET_KEY, new).expect("a payment").payment_key
    }

    pub(crate) async fn confirm(&self, payment_key: &str, order_id: &str, key: &str) -> Answer {
        self.try_confirm(payment_key, order_id, key).await.expect("an answer")
    }

    pub(crate) async fn try_confirm(
        &self,
        payment_key: &str,
        order_id: &str,
        key: &str,
    ) -> reqwest::Result<Answer> {
        let body = json!({"paymentKey": payment_key, "orderId": order_id, "amount": 15_000});
        self.try_post("/v1/payments/confirm", key, body).await
    }

    /// A payment that was made and confirmed.
    pub(crate) async fn paid(&self, order_id: &str) -> String {
        self.paid_of(NewPayment::new(order_id, "마라탕 외 2건", 15_000)).await
    }

    pub(crate) async fn paid_of(&self, new: NewPayment) -> String {
        let (order_id, amount) = (new.order_id.clone(), new.amount);
        let payment_key = self.payment_of(new);
        let body = json!({"paymentKey": payment_key, "orderId": order_id, "amount": amount});
        let answer = self.post("/v1/payments/confirm", &format!("pay-{order_id}"), body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        payment_key
    }

    pub(crate) async fn cancel(&self, payment_key: &str, key: &str, body: Value) -> Answer {
        self.post(&format!("/v1/payments/{payment_key}/cancel"), key, body).await
    }

    pub(crate) fn fault(&self, order_id: &str, operation: Operation, kind: FaultKind) {
        self.add_fault(FaultRequest::for_order(order_id, operation, kind));
    }

    pub(crate) fn add_fault(&self, fault: FaultRequest) {
        self.handle.add_fault(fault).expect("a fault");
    }

    /// What was charged, how many times, and what was given back.
    pub(crate) fn truth(&self, payment_key: &str) -> (i64, usize, i64) {
        let entry = self.handle.ledger_of(payment_key).expect("an entry");
        (entry.charged, entry.charges, entry.cancelled)
    }
}
