//! One connection to Toss, kept open, and one call at a time on it.

use std::time::Instant;

use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;

/// `test_sk_bench:` for HTTP's basic authentication.
const AUTHORIZED: &str = "Basic dGVzdF9za19iZW5jaDo=";

#[derive(Debug)]
pub(super) struct Caller {
    host: String,
    sender: SendRequest<Full<Bytes>>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: i32,
    pub(super) duration_ms: i64,
    pub(super) text: String,
    pub(super) payment: Payment,
}

/// As much of a payment as is written into columns.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Payment {
    pub(super) payment_key: String,
    pub(super) order_id: String,
    pub(super) status: String,
    pub(super) total_amount: i64,
    pub(super) method: String,
    pub(super) last_transaction_key: String,
    pub(super) receipt: Receipt,
    pub(super) card: Card,
}

#[derive(Debug, Deserialize)]
pub(super) struct Receipt {
    pub(super) url: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Card {
    pub(super) issuer_code: String,
    pub(super) number: String,
}

impl Caller {
    pub(super) async fn connect(host: &str) -> anyhow::Result<Caller> {
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Caller { host: host.to_owned(), sender })
    }

    pub(super) async fn confirm(&mut self, key: &str, call: String) -> anyhow::Result<Answer> {
        let began = Instant::now();
        let request = Request::post("/v1/payments/confirm")
            .header(HOST, &self.host)
            .header(AUTHORIZATION, AUTHORIZED)
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", key)
            .body(Full::new(Bytes::from(call)))?;
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let status = i32::from(answer.status().as_u16());
        let body = answer.into_body().collect().await?.to_bytes();
        let duration_ms = i64::try_from(began.elapsed().as_millis())?;
        let payment = serde_json::from_slice(&body)?;
        Ok(Answer { status, duration_ms, text: String::from_utf8(body.into())?, payment })
    }
}
