//! What happens at Toss: faults, deposits, webhooks, and what is done there behind our back.

use axum::body::Body;
use axum::http::{Method as Verb, Request};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use simulator::{FaultRequest, WebhookQuery};
use tower::ServiceExt as _;

use super::journey::{Journey, Promise};

const WEBHOOKS: &str = "/v1/webhooks/toss";
const TRANSMISSION: &str = "tosspayments-webhook-transmission-id";

/// What may go wrong with a call.
fn faults() -> Vec<Value> {
    let code = |code: &str| json!({"kind": "answer_code", "code": code});
    let code_after =
        |code: &str| json!({"kind": "answer_code", "code": code, "after_charge": true});
    let mut faults: Vec<Value> = [
        "cut_before",
        "cut_after",
        "server_error_before",
        "server_error_after",
        "in_progress",
        "throttle",
        "unreadable",
        "wrong_payment",
        "unknown_values",
        "unauthorized",
    ]
    .map(|kind| json!({ "kind": kind }))
    .to_vec();
    faults.extend([
        json!({"kind": "unreadable_before", "status": 502}),
        code("PROVIDER_ERROR"),
        code_after("PROVIDER_ERROR"),
        code("FORBIDDEN_CONSECUTIVE_REQUEST"),
        code_after("ALREADY_PROCESSED_PAYMENT"),
        code_after("ALREADY_CANCELED_PAYMENT"),
        code("INVALID_REQUEST"),
        code_after("INVALID_REQUEST"),
        code_after("REJECT_CARD_COMPANY"),
        json!({"kind": "answer_code", "code": "A_CODE_OF_NEXT_YEAR", "status": 400}),
    ]);
    faults
}

impl Journey<'_> {
    pub(crate) fn script_a_fault(&mut self) {
        let index = self.any_paying();
        let is_held = self.is_held(&self.payings[index]);
        let operations: &[&str] = if is_held {
            &["cancel", "cancel", "look_up"]
        } else {
            &["confirm", "confirm", "confirm", "look_up", "cancel"]
        };
        let operation = *self.luck.pick(operations);
        let mut fault = self.luck.pick(&faults()).clone();
        let times = self.luck.weigh(&[(4, 1), (2, 2), (1, 5)]);
        self.note(format!("Toss: payment {}, {operation}: {fault} {times}×", index + 1));
        fault["orderId"] = self.payings[index].order_id.as_str().into();
        fault["operation"] = operation.into();
        fault["times"] = times.into();
        let fault: FaultRequest = serde_json::from_value(fault).unwrap();
        self.shop.toss.add_fault(fault).unwrap();
        self.tally.faults += 1;
    }

    /// One of the payments' keys at Toss.
    fn any_key(&mut self) -> (usize, String) {
        let index = self.any_paying();
        (index, self.luck.pick(&self.payings[index].payment_keys).clone())
    }

    /// The customer pays into an account, if one of theirs waits for it.
    pub(crate) fn deposit(&mut self) {
        let mut accounts = Vec::new();
        for (index, paying) in self.payings.iter().enumerate() {
            let waiting = paying
                .payment_keys
                .iter()
                .filter(|key| self.shop.ledger(key).status == simulator::Status::WaitingForDeposit);
            accounts.extend(waiting.map(|key| (index, key.clone())));
        }
        if let Some((index, key)) = self.luck.take(&mut accounts)
            && self.shop.toss.deposit(&key).is_ok()
        {
            self.note(format!("customer: deposits payment {}", index + 1));
            self.tally.deposits += 1;
        }
    }

    pub(crate) fn reverse_a_deposit(&mut self) {
        let (index, key) = self.any_key();
        if self.shop.toss.reverse_deposit(&key).is_ok() {
            self.note(format!("Toss: the deposit of payment {} is reversed", index + 1));
        }
    }

    /// Somebody cancels in Toss's merchant console.
    pub(crate) fn cancel_in_the_console(&mut self) {
        let (index, key) = self.any_key();
        let amount = self.luck.weigh(&[(1, None), (2, Some(1_000))]);
        if self.shop.toss.cancel_by_hand(&key, amount, "콘솔").is_ok() {
            self.note(format!("Toss: {amount:?} of payment {} cancelled by hand", index + 1));
        }
    }

    /// Somebody confirms a payment past us, under a key of their own.
    pub(crate) async fn confirm_past_us(&mut self) {
        let (index, payment_key) = self.any_key();
        let paying = self.payings[index].clone();
        let body = json!({
            "paymentKey": payment_key, "orderId": paying.order_id, "amount": paying.amount,
        });
        let request = Request::builder()
            .method(Verb::POST)
            .uri("/v1/payments/confirm")
            .header("authorization", basic(paying.secret_key))
            .header("content-type", "application/json")
            .header("idempotency-key", format!("rival-of-{payment_key}"))
            .body(Body::from(body.to_string()))
            .unwrap();
        let answer = self.shop.toss_paths.clone().oneshot(request).await.unwrap();
        self.note(format!("Toss: payment {} confirmed past us → {}", index + 1, answer.status()));
    }

    /// Toss delivers one of its webhooks: the oldest, the newest, or one that came before.
    pub(crate) async fn hear(&mut self) {
        let told = self.shop.toss.webhooks(&WebhookQuery::default());
        if told.is_empty() {
            return;
        }
        let new: Vec<_> = told.iter().filter(|one| !self.heard.contains(&one.id)).collect();
        let one = match self.luck.weigh(&[(4, "oldest"), (2, "newest"), (1, "again")]) {
            "oldest" if !new.is_empty() => new[0].clone(),
            "newest" if !new.is_empty() => new[new.len() - 1].clone(),
            _ => self.luck.pick(&told).clone(),
        };
        self.deliver(&one.id, &one.body, &format!("{:?} {:?}", one.event, one.status)).await;
    }

    /// Everything that was not heard yet, late.
    pub(crate) async fn hear_the_rest(&mut self) {
        for one in self.shop.toss.webhooks(&WebhookQuery::default()) {
            if !self.heard.contains(&one.id) {
                let what = format!("{:?} {:?}", one.event, one.status);
                self.deliver(&one.id, &one.body, &what).await;
            }
        }
    }

    async fn deliver(&mut self, id: &str, body: &Value, what: &str) {
        let headers = [(TRANSMISSION, id)];
        let answer = self.shop.ask(Verb::POST, WEBHOOKS, &headers, Some(body)).await;
        self.note(format!("webhook: {what} → {}", answer.status));
        self.ensure(answer.status == 200, || format!("a webhook is refused: {}", answer.body));
        self.heard.insert(id.to_owned());
        self.promises.push(Promise::Webhook { id: id.to_owned() });
        self.tally.webhooks += 1;
    }

    /// A stranger tells that an order is paid, cancelled or expired.
    pub(crate) async fn forge_a_webhook(&mut self) {
        let (index, payment_key) = self.any_key();
        let order_id = self.payings[index].order_id.clone();
        let status = *self.luck.pick(&["DONE", "CANCELED", "EXPIRED", "WAITING_FOR_DEPOSIT"]);
        let body = if self.luck.one_in(2) {
            let data = json!({"orderId": order_id, "paymentKey": payment_key, "status": status});
            json!({"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2027-03-01T10:00:00.000000", "data": data})
        } else {
            json!({
                "createdAt": "2027-03-01T10:00:00.000000", "secret": "ps_made_up", "status": status,
                "orderId": order_id, "transactionKey": "made-up",
            })
        };
        let id = self.luck.uuid();
        self.deliver(&id, &body, &format!("forged {status} of payment {}", index + 1)).await;
    }
}

/// HTTP's basic authentication with a key and no password.
fn basic(secret_key: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{secret_key}:")))
}
