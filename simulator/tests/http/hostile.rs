//! Arbitrary bytes at every door: a client error or a closed connection, never a crash, never a server error.

use std::sync::OnceLock;
use std::time::Duration;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Running, SECRET_KEY, basic, start};

/// One runtime and one simulator for all cases: starting one for each would take most of the time.
fn running() -> &'static (tokio::runtime::Runtime, Running, String) {
    static RUNNING: OnceLock<(tokio::runtime::Runtime, Running, String)> = OnceLock::new();
    RUNNING.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let (toss, key) = runtime.block_on(async {
            let toss = start().await;
            let key = toss.paid("order-0001").await;
            (toss, key)
        });
        (runtime, toss, key)
    })
}

/// When the client stops sending: the server takes that for a hang-up and may not answer any more.
#[derive(Clone, Copy, PartialEq)]
enum HangUp {
    AtOnce,
    WithoutAnswer,
}

/// Sends the bytes; everything that comes back.
fn exchange(bytes: &[u8], hang_up: HangUp) -> Vec<u8> {
    let (runtime, toss, _) = running();
    let address = toss.url.trim_start_matches("http://").to_owned();
    runtime.block_on(async {
        let mut socket = TcpStream::connect(&address).await.expect("it still accepts");
        // The other side may close before it has read all: that is an answer too.
        drop(socket.write_all(bytes).await);
        let mut received = Vec::new();
        if hang_up == HangUp::WithoutAnswer {
            let reading = socket.read_to_end(&mut received);
            if tokio::time::timeout(Duration::from_millis(300), reading).await.is_ok() {
                return received;
            }
        }
        drop(socket.shutdown().await);
        let reading = socket.read_to_end(&mut received);
        drop(tokio::time::timeout(Duration::from_secs(5), reading).await.expect("no hanging"));
        received
    })
}

/// The status of the first answer; None if there was none.
fn status_of(received: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(received);
    text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|it| it.parse().ok())
}

fn is_alive() -> bool {
    let received = exchange(
        b"GET /_sim/health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        HangUp::WithoutAnswer,
    );
    status_of(&received) == Some(200)
}

const POSTS: &[&str] = &[
    "/v1/payments/confirm",
    "/v1/payments/KEY/cancel",
    "/_sim/payments",
    "/_sim/faults",
    "/_sim/clock",
    "/_sim/payments/KEY/cancel",
    "/window",
    "/window/unknown",
    "/v1/payments/KEY",
    "/v1/brandpay/payments/confirm",
    "/v1/payments/key-in",
    "/v1/virtual-accounts",
    "/v1/settlements",
    "/v1/cash-receipts",
    "/v1/cash-receipts/KEY/cancel",
    "/_sim/merchants",
    "/_sim/merchants/revoke",
    "/_sim/webhooks/endpoints",
    "/_sim/payments/KEY/refund",
    "/_sim/desk/add-fault",
    "/_sim/desk/cancel",
];
const GETS: &[&str] = &[
    "/v1/payments/",
    "/v1/payments/orders/",
    "/_sim/ledger?",
    "/window/",
    "/v1/transactions?",
    "/v1/settlements?startDate=",
    "/v1/cash-receipts?requestDate=",
    "/_sim?",
    "/_sim/webhooks?",
    "/receipt/",
    "/checkout/",
    "/assets/",
    "/",
];

fn path_of(template: &str) -> String {
    template.replace("KEY", &running().2)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bodies_are_client_errors(
        at in 0..POSTS.len(),
        body in prop::collection::vec(any::<u8>(), 0..200),
        is_form in any::<bool>(),
    ) {
        let content_type =
            if is_form { "application/x-www-form-urlencoded" } else { "application/json" };
        let mut request = format!(
            "POST {} HTTP/1.1\r\nhost: localhost\r\nauthorization: {}\r\ncontent-type: {content_type}\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n",
            path_of(POSTS[at]), basic(SECRET_KEY), body.len(),
        ).into_bytes();
        request.extend(&body);
        let status = status_of(&exchange(&request, HangUp::WithoutAnswer));
        prop_assert!(status.is_some_and(|it| (400..500).contains(&it)), "{status:?}");
    }

    #[test]
    fn arbitrary_json_is_a_client_error(
        at in 0..POSTS.len(),
        fields in prop::collection::vec((
            prop::sample::select(vec![
                "paymentKey", "orderId", "amount", "cancelReason", "cancelAmount", "taxFreeAmount",
                "refundableAmount", "refundReceiveAccount", "kind", "operation", "times", "ms",
                "advance_ms", "now", "reason", "merge", "status", "metadata", "method", "bank", "dueDate",
                "validHours", "cashReceipt", "customerKey", "secretKeys", "url", "events", "type",
            ]),
            prop::sample::select(vec![
                "null", "true", "-1", "0", "1e400", "9223372036854775807", "18446744073709551616",
                "0.1", "\"\"", "\"\\u0000\"", "\"x\"", "[]", "{}", "[[[[{}]]]]", "\"\\ud800\"",
            ]),
        ), 0..6),
    ) {
        let body: Vec<String> =
            fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        let body = format!("{{{}}}", body.join(","));
        let request = format!(
            "POST {} HTTP/1.1\r\nhost: localhost\r\nauthorization: {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            path_of(POSTS[at]), basic(SECRET_KEY), body.len(),
        );
        let status = status_of(&exchange(request.as_bytes(), HangUp::WithoutAnswer));
        // A clock moved by nothing and a cancel for the reason "x" are sensible requests.
        let is_fine = |it: u16| (400..500).contains(&it) || it == 200;
        prop_assert!(status.is_some_and(is_fine), "{status:?} {body}");
    }

    #[test]
    fn arbitrary_forms_are_client_errors(
        action in prop::sample::select(vec!["", "%00", "pay", "fail", "%ff%fe", "cancel&action=pay"]),
        name in "[a-zA-Z]{0,12}",
        value in "(%[0-9a-f]{2}|[a-z&=;+%]){0,40}",
        is_open in any::<bool>(),
    ) {
        let path = if is_open { "/window" } else { "/window/unknown" };
        let body = format!("action={action}&clientKey=test_ck_a&{name}={value}");
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len(),
        );
        let status = status_of(&exchange(request.as_bytes(), HangUp::WithoutAnswer));
        prop_assert!(status.is_some_and(|it| (400..500).contains(&it)), "{status:?}");
    }

    #[test]
    fn arbitrary_headers_are_client_errors(
        at in 0..POSTS.len(),
        name in prop::sample::select(vec![
            "authorization", "idempotency-key", "tosspayments-test-code", "accept-language",
            "origin", "host", "content-type", "content-length", "transfer-encoding",
        ]),
        value in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut request = format!("POST {} HTTP/1.1\r\nhost: localhost\r\n{name}: ", path_of(POSTS[at]))
            .into_bytes();
        request.extend(&value);
        request.extend(b"\r\nconnection: close\r\n\r\n{}");
        let status = status_of(&exchange(&request, HangUp::WithoutAnswer));
        prop_assert!(status.is_none_or(|it| (400..500).contains(&it)), "{status:?}");
        prop_assert!(is_alive());
    }

    #[test]
    fn arbitrary_paths_and_queries_are_never_server_errors(
        at in 0..GETS.len(),
        rest in "(%[0-9a-fA-F]{2}|[a-zA-Z0-9._~/?&=%-]){0,60}",
    ) {
        let request = format!(
            "GET {}{rest} HTTP/1.1\r\nhost: localhost\r\nauthorization: {}\r\nconnection: close\r\n\r\n",
            GETS[at], basic(SECRET_KEY),
        );
        let status = status_of(&exchange(request.as_bytes(), HangUp::WithoutAnswer));
        prop_assert!(status.is_some_and(|it| it == 200 || (400..500).contains(&it)), "{status:?}");
    }

    #[test]
    fn bytes_that_are_no_http_at_all_are_turned_away(
        bytes in prop::collection::vec(any::<u8>(), 1..200),
    ) {
        let status = status_of(&exchange(&bytes, HangUp::AtOnce));
        prop_assert!(status.is_none_or(|it| (400..500).contains(&it)), "{status:?}");
        prop_assert!(is_alive());
    }
}
