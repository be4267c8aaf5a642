//! Reading webhooks. They come unsigned from anybody, so reading is all that happens here; what follows is `domain`'s.

use std::fmt;

use domain::answer::TossStatus;
use domain::webhook::{DepositNews, PaymentNews, ReadBody, Webhook};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::payment::{object, text};

/// The account that a refund of a virtual account goes to. Toss shows it for half an hour, so a webhook of the refund carries it.
///
/// Source: Toss, Payment object, `virtualAccount`.
const REFUND_ACCOUNT: &str = "refundReceiveAccount";
const MASK: &str = "***";

/// Reads the body of a webhook. Never fails: what cannot be read is a kind of its own.
///
/// What may be kept of it is what came, byte for byte, unless it names the account of a refund: that one is nobody's to keep once the
/// refund has its end, and webhooks are kept for months. Its values are masked then, in JSON of the same content, in which of fields with
/// the same name only the last is left, as it is read; of what is no JSON only the size is kept.
///
/// Source: Toss webhooks. Events have an `eventType` and `data`, those of newer products an `entityBody`; the deposit callback is flat.
#[must_use]
pub fn read_webhook(body: &[u8]) -> ReadBody {
    let as_it_came = || String::from_utf8_lossy(body).into_owned();
    let Ok(mut json) = serde_json::from_slice(body) else {
        return ReadBody { webhook: Webhook::Unreadable, kept: without_account(as_it_came()) };
    };
    let webhook = read_event(&json);
    if serde_json::from_slice(body).is_ok_and(|Names(has_account)| !has_account) {
        return ReadBody { webhook, kept: as_it_came() };
    }
    mask_refund_accounts(&mut json);
    ReadBody { webhook, kept: json.to_string() }
}

/// What cannot be read, and so cannot be masked, is not kept when it names a refund account.
fn without_account(text: String) -> String {
    if text.contains(REFUND_ACCOUNT) {
        format!("({} bytes that cannot be read and name the account of a refund)", text.len())
    } else {
        text
    }
}

/// Masks every refund account in it.
fn mask_refund_accounts(json: &mut Value) {
    match json {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        Value::Array(entries) => entries.iter_mut().for_each(mask_refund_accounts),
        Value::Object(fields) => {
            for (name, value) in fields {
                if name == REFUND_ACCOUNT && !value.is_null() {
                    *value = Value::from(MASK);
                } else {
                    mask_refund_accounts(value);
                }
            }
        }
    }
}

/// Whether JSON names a refund account anywhere, also in a field that a later one of the same name hides from [`Value`].
struct Names(bool);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Names, D::Error> {
        json.deserialize_any(EveryField)
    }
}

/// Visits every field as it stands in the text.
struct EveryField;

impl<'de> Visitor<'de> for EveryField {
    type Value = Names;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Names, A::Error> {
        let mut has_account = false;
        while let Some(name) = fields.next_key::<String>()? {
            has_account |= if name == REFUND_ACCOUNT {
                fields.next_value::<Option<IgnoredAny>>()?.is_some()
            } else {
                fields.next_value::<Names>()?.0
            };
        }
        Ok(Names(has_account))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Names, A::Error> {
        let mut has_account = false;
        while let Some(Names(named)) = entries.next_element()? {
            has_account |= named;
        }
        Ok(Names(has_account))
    }

    fn visit_unit<E>(self) -> Result<Names, E> {
        Ok(Names(false))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Names, E> {
        Ok(Names(false))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Names, E> {
        Ok(Names(false))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Names, E> {
        Ok(Names(false))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Names, E> {
        Ok(Names(false))
    }

    fn visit_str<E>(self, _: &str) -> Result<Names, E> {
        Ok(Names(false))
    }
}

fn read_event(json: &Value) -> Webhook {
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
        read_webhook(body.to_string().as_bytes()).webhook
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
            assert_eq!(read_webhook(body.as_bytes()).webhook, Webhook::Unreadable, "{body}");
        }
    }

    #[test]
    fn what_came_is_kept_but_for_the_account_of_a_refund() {
        let came =
            r#"{ "eventType": "X",  "data": {"virtualAccount": {"refundReceiveAccount":null}} }"#;
        assert_eq!(read_webhook(came.as_bytes()).kept, came);
        assert_eq!(read_webhook(b"\xffnothing").kept, "\u{fffd}nothing");
        let broken =
            br#"{"data":{"virtualAccount":{"refundReceiveAccount":{"accountNumber":"110123456789"#;
        let kept = "(80 bytes that cannot be read and name the account of a refund)";
        assert_eq!(read_webhook(broken).kept, kept);
        let refund = json!({
            "eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2024-02-13T12:00:59.65327",
            "data": {
                "orderId": "order-1", "paymentKey": "pk", "status": "CANCELED", "lastTransactionKey": "T1",
                "virtualAccount": { "bankCode": "20", "refundReceiveAccount": {
                    "bankCode": "88", "accountNumber": "110123456789", "holderName": "김토스",
                } },
            },
        });
        let read = read_webhook(refund.to_string().as_bytes());
        for hidden in ["110123456789", "김토스"] {
            assert!(!read.kept.contains(hidden), "{}", read.kept);
        }
        assert!(read.kept.contains("\"bankCode\":\"20\""), "{}", read.kept);
        let again = read_webhook(read.kept.as_bytes());
        assert_eq!(again, read, "what is kept says the same when it is read once more");
    }

    /// JSON in which fields share names, as text: a [`Value`] cannot hold it.
    fn repetitive() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null"),
            Just("true"),
            Just("-1"),
            Just("1.5e9"),
            Just("\"text\""),
            Just("{}")
        ];
        let name = prop_oneof![
            Just("\"refundReceiveAccount\""),
            Just(r#""refundReceive\u0041ccount""#),
            Just("\"data\"")
        ];
        // What must go stands below the name of an account and nowhere else.
        let account = Just(r#"{"accountNumber":"110123456789"}"#.to_owned());
        leaf.prop_map(str::to_owned).prop_recursive(5, 40, 4, move |inner| {
            let account = account.clone();
            let field = (name.clone(), inner.clone()).prop_flat_map(move |(name, value)| {
                let value = if name == "\"data\"" {
                    Just(value).boxed()
                } else {
                    prop_oneof![Just(value), account.clone()].boxed()
                };
                value.prop_map(move |value| format!("{name}: {value}"))
            });
            prop_oneof![
                proptest::collection::vec(inner, 0..4).prop_map(|it| format!("[{}]", it.join(","))),
                proptest::collection::vec(field, 0..4)
                    .prop_map(|it| format!("{{{}}}", it.join(","))),
            ]
        })
    }

    #[test]
    fn an_account_that_a_later_field_hides_is_not_kept() {
        let account = r#"{"accountNumber":"110123456789","holderName":"김토스"}"#;
        for body in [
            format!(r#"{{"refundReceiveAccount":{account},"refundReceiveAccount":null}}"#),
            format!(r#"{{"refundReceiveAccount":null,"refundReceiveAccount":{account}}}"#),
            format!(r#"{{"refundReceiveAccount":{account},"refundReceiveAccount":{account}}}"#),
            format!(r#"{{"data":{{"a":[{{"refundReceiveAccount":{account}}}]}},"data":{{}}}}"#),
            format!(r#"[1,{{"x":{{"refundReceiveAccount":{account}}},"x":2}},-0.5]"#),
            format!(r#"{{"refundReceive\u0041ccount":{account},"refundReceiveAccount":null}}"#),
        ] {
            let read = read_webhook(body.as_bytes());
            for hidden in ["110123456789", "김토스"] {
                assert!(!read.kept.contains(hidden), "{body}: {}", read.kept);
            }
            assert!(serde_json::from_str::<Value>(&read.kept).is_ok(), "{}", read.kept);
        }
    }

    proptest! {
        #[test]
        fn whatever_fields_share_a_name_no_account_is_kept_and_all_else_is(body in repetitive()) {
            let read = read_webhook(body.as_bytes());
            prop_assert!(!read.kept.contains("110123456789"), "{body}: {}", read.kept);
            let (mut came, kept): (Value, Value) =
                (serde_json::from_str(&body).unwrap(), serde_json::from_str(&read.kept).unwrap());
            mask_refund_accounts(&mut came);
            prop_assert_eq!(came, kept, "{}", body);
        }

        #[test]
        fn no_body_can_do_harm(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let kind = read_webhook(&body).webhook.kind();
            prop_assert!(["payment", "deposit", "other", "unreadable"].contains(&kind));
        }
    }
}
