//! What the webhooks of a payment say. Source: Toss, webhook events.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::WebhookEvent;
use crate::method::Family;
use crate::payment::view::{PaymentView, Rendering, add_unknown_values};
use crate::payment::{Payment, Status};

/// The events that a payment's present status is told by.
pub(crate) fn events_of(payment: &Payment) -> Vec<WebhookEvent> {
    let is_account = payment.method.family() == Family::VirtualAccount && payment.account.is_some();
    let general = match payment.status {
        Status::Done
        | Status::Canceled
        | Status::PartialCanceled
        | Status::Aborted
        | Status::Expired => Some(WebhookEvent::PaymentStatusChanged),
        Status::Ready | Status::InProgress | Status::WaitingForDeposit => None,
    };
    general.into_iter().chain(is_account.then_some(WebhookEvent::DepositCallback)).collect()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<T> {
    event_type: WebhookEvent,
    created_at: String,
    data: T,
}

/// Flat, and without a payment key.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DepositCallback<'a> {
    created_at: String,
    secret: &'a str,
    status: Status,
    transaction_key: Option<&'a str>,
    order_id: &'a str,
}

/// The body of a webhook about the payment as it is now.
pub(crate) fn write(
    event: WebhookEvent,
    payment: &Payment,
    rendering: Rendering<'_>,
    has_unknown_values: bool,
) -> String {
    let created_at = rendering.now.to_kst_micros();
    let approval = payment.approval.as_ref().map(|approval| approval.transaction_key.as_str());
    let of_cancel = payment.cancels.last().map(|cancel| cancel.transaction_key.as_str());
    let body = match event {
        WebhookEvent::PaymentStatusChanged | WebhookEvent::CancelStatusChanged => {
            let data = PaymentView::of(payment, rendering);
            serde_json::to_value(Envelope { event_type: event, created_at, data })
        }
        WebhookEvent::DepositCallback => serde_json::to_value(DepositCallback {
            created_at,
            secret: &payment.secret,
            status: payment.status,
            transaction_key: of_cancel.or(approval),
            order_id: &payment.order_id,
        }),
    };
    // Texts, numbers and lists of them always serialize.
    let mut body = body.unwrap_or_default();
    if has_unknown_values {
        if let Some(data) = body.get_mut("data") {
            add_unknown_values(data, &Map::new());
        }
        if let Some(fields) = body.as_object_mut() {
            fields.insert("futureField".to_owned(), json!({"nested": [1, null]}));
        }
    }
    Value::to_string(&body)
}
