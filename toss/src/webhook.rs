//! Reading webhooks. They come unsigned from anybody, so reading is all that happens here; what follows is `domain`'s.

use domain::answer::TossStatus;
use domain::webhook::{DepositNews, PaymentNews, Webhook};
use serde_json::{Map, Value};

use crate::payment::{object, text};

/// Reads the body of a webhook. Never fails: what cannot be read is a kind of its own.
///
/// Source: Toss webhooks. Events have an `eventType` and `data`, those of newer products an `entityBody`; the deposit callback is flat.
#[must_use]
pub fn read_webhook(body: &[u8]) -> Webhook {
    let json: Value = match serde_json::from_slice(body) {
        Ok(json) => json,
        Err(_) => return Webhook::Unreadable,
    };
    let read = json.as_object().and_then(|fields| match text(fields, "eventType") {
        Some(event) if event == "PAYMENT_STATUS_CHANGED" => payment(fields),
        Some(event) => Some(Webhook::Other(event)),
        None => deposit(fields),
    });
    read.unwrap_or(Webhook::Unreadable)
}

fn payment(fields: &Map<String, Value>) -> Option<Webhook> {
    let data = object(fields, "data")?;
    Some(Webhook::Payment(PaymentNews {
        order_id: text(data, "orderId")?,
        payment_key: text(data, "paymentKey")?,
        status: TossStatus::from_word(&text(data, "status")?),
        transaction_key: text(data, "lastTransactionKey").or_else(|| text(data, "transactionKey")),
    }))
}

fn deposit(fields: &Map<String, Value>) -> Option<Webhook> {
    Some(Webhook::Deposit(DepositNews {
        order_id: text(fields, "orderId")?,
        secret: text(fields, "secret")?,
        status: TossStatus::from_word(&text(fields, "status")?),
        transaction_key: text(fields, "transactionKey"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(body: &Value) -> Webhook {
        read_webhook(body.to_string().as_bytes())
    }

    #[test]
    fn both_envelopes_of_a_payment_are_read() {
        let event = json!({
            "eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2024-02-13T12:00:59.65327",
            "data": { "orderId": "order-1", "paymentKey": "pk", "status": "DONE", "lastTransactionKey": "T1", "unheardOf": 1 },
        });
        assert_eq!(
            read(&event),
            Webhook::Payment(PaymentNews {
                order_id: "order-1".to_owned(),
                payment_key: "pk".to_owned(),
                status: TossStatus::Done,
                transaction_key: Some("T1".to_owned()),
            })
        );
        let callback = json!({
            "createdAt": "2024-02-13T12:18:14.000", "secret": "ps_1", "status": "WAITING_FOR_DEPOSIT",
            "transactionKey": "T2", "orderId": "order-1",
        });
        assert_eq!(
            read(&callback),
            Webhook::Deposit(DepositNews {
                order_id: "order-1".to_owned(),
                secret: "ps_1".to_owned(),
                status: TossStatus::WaitingForDeposit,
                transaction_key: Some("T2".to_owned()),
            })
        );
    }

    #[test]
    fn events_that_are_not_about_a_payment_keep_their_name() {
        for event in [
            json!({ "eventType": "CANCEL_STATUS_CHANGED", "data": { "transactionKey": "T1" } }),
            json!({ "eventType": "payout.changed", "entityType": "payout", "entityBody": {} }),
            json!({ "eventType": "UNHEARD_OF" }),
        ] {
            let name = event["eventType"].as_str().unwrap().to_owned();
            assert_eq!(read(&event), Webhook::Other(name));
        }
    }

    #[test]
    fn what_names_no_order_cannot_be_read() {
        for body in [
            "",
            "null",
            "[]",
            "{}",
            "{\"eventType\":1}",
            "{\"eventType\":\"PAYMENT_STATUS_CHANGED\"}",
            "{\"eventType\":\"PAYMENT_STATUS_CHANGED\",\"data\":{\"orderId\":\"order-1\",\"status\":\"DONE\"}}",
            "{\"orderId\":\"order-1\",\"status\":\"DONE\"}",
            "{\"orderId\":\"order-1\",\"status\":\"DONE\",\"secret\":null}",
        ] {
            assert_eq!(read_webhook(body.as_bytes()), Webhook::Unreadable, "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_body_can_do_harm(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let kind = read_webhook(&body).kind();
            prop_assert!(["payment", "deposit", "other", "unreadable"].contains(&kind));
        }
    }
}
