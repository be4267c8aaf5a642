//! One connection to Toss, kept open, and one call at a time on it.

use std::time::Instant;

use hyper::Request;
use serde::Deserialize;

use crate::wire::{Wire, with_json};

/// `test_sk_bench:` for HTTP's basic authentication.
const AUTHORIZED: &str = "Basic dGVzdF9za19iZW5jaDo=";

#[derive(Debug)]
pub(super) struct Caller(Wire);

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
        Ok(Caller(Wire::connect(host).await?))
    }

    pub(super) async fn confirm(&mut self, key: &str, call: String) -> anyhow::Result<Answer> {
        let began = Instant::now();
        let request = Request::post("/v1/payments/confirm").header("idempotency-key", key);
        let reply = self.0.ask(with_json(request, AUTHORIZED, call)?).await?;
        let duration_ms = i64::try_from(began.elapsed().as_millis())?;
        let payment = serde_json::from_slice(&reply.body)?;
        let (status, text) =
            (i32::from(reply.status.as_u16()), String::from_utf8(reply.body.into())?);
        Ok(Answer { status, duration_ms, text, payment })
    }
}
