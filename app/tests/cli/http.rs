//! Requests that a test makes itself, one at a time.

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// Sends a request; gives the status and the body, `Null` when it is no JSON.
pub(crate) fn send(
    method: Method,
    url: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> (u16, Value) {
    send_with(method, url, token, &[], body)
}

/// The same with more headers.
pub(crate) fn send_with(
    method: Method,
    url: &str,
    token: Option<&str>,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> (u16, Value) {
    let (status, text) = send_for_text(method, url, token, headers, body);
    (status, serde_json::from_str(&text).unwrap_or_default())
}

/// A page that is no JSON.
pub(crate) fn get_text(url: &str) -> (u16, String) {
    send_for_text(Method::GET, url, None, &[], None)
}

fn send_for_text(
    method: Method,
    url: &str,
    token: Option<&str>,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> (u16, String) {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut all = headers.to_vec();
    all.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
    if body.is_some() {
        all.push(("content-type", "application/json"));
    }
    let answer = exchange(method, url, &all, body.map(Value::to_string));
    (answer.status, answer.text)
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// Sends a request and reads its answer, without following where it leads.
pub(crate) fn exchange(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: Option<String>,
) -> Answer {
    // Another test of this process may have been first.
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stay = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().no_proxy().redirect(stay).build().unwrap();
        let mut request = http.request(method, url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, text: answer.text().await.unwrap() }
    })
}

/// Sends a form; gives the status and the page, without following where it leads.
pub(crate) fn post_form(url: &str, form: &str) -> (u16, String) {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let answer = exchange(Method::POST, url, &headers, Some(form.to_owned()));
    (answer.status, answer.text)
}

pub(crate) fn get(url: &str, token: Option<&str>) -> (u16, Value) {
    send(Method::GET, url, token, None)
}

pub(crate) fn post(url: &str, token: Option<&str>, body: &Value) -> (u16, Value) {
    send(Method::POST, url, token, Some(body))
}

/// An order of two chickens at the demo shop; gives its id and access token.
pub(crate) fn order(api: &str) -> (String, String) {
    order_of(api, &json!({"name": "손님", "phone": "01012345678"}))
}

/// The same by this customer.
pub(crate) fn order_of(api: &str, customer: &Value) -> (String, String) {
    let body = json!({
        "storeId": "chicken-yeonnam",
        "items": [{"productId": "old-whole-two", "quantity": 1, "options": []}],
        "amount": 22_000,
        "customer": customer,
        "delivery": {"address": "서울 마포구 와우산로 1"},
    });
    let (status, created) = post(&format!("{api}/v1/orders"), None, &body);
    assert_eq!(status, 201, "{created}");
    let text = |field: &str| created[field].as_str().unwrap().to_owned();
    (text("orderId"), text("accessToken"))
}

/// Authenticates a payment of the order by card; gives its key.
pub(crate) fn authenticate(simulator: &str, order_id: &str) -> String {
    authenticate_by("CARD", simulator, order_id)
}

/// The same by another method.
pub(crate) fn authenticate_by(method: &str, simulator: &str, order_id: &str) -> String {
    // `test_sk_seungin_simulator:`, which the product itself calls the bundled simulator with.
    let key = [("authorization", "Basic dGVzdF9za19zZXVuZ2luX3NpbXVsYXRvcjo=")];
    let body =
        json!({"orderId": order_id, "orderName": "통닭", "amount": 22_000, "method": method});
    let url = format!("{simulator}/_sim/payments");
    let (status, payment) = send_with(Method::POST, &url, None, &key, Some(&body));
    assert_eq!(status, 200, "{payment}");
    payment["paymentKey"].as_str().unwrap().to_owned()
}

/// Goes through the simulator's window with a confirm that is answered after a delay, and posts the
/// confirm.
pub(crate) fn confirm_slowly(
    api: &str,
    simulator: &str,
    order_id: &str,
    token: &str,
    delay_ms: u64,
) {
    let fault =
        json!({"orderId": order_id, "operation": "confirm", "kind": "delay", "ms": delay_ms});
    assert_eq!(post(&format!("{simulator}/_sim/faults"), None, &fault).0, 200);
    let body = json!({"paymentKey": authenticate(simulator, order_id), "amount": 22_000});
    let (status, answer) = post(&format!("{api}/v1/orders/{order_id}/confirm"), Some(token), &body);
    assert_eq!(status, 202, "{answer}");
}
