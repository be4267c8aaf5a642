//! What is asked of Toss, and the exact bytes that ask it. One idempotency key has one body for ever, so the bytes must never depend
//! on a build, a feature of a dependency or the order of a map: they are written by hand and pinned by tests.

use std::fmt;

use domain::Won;
use serde_json::Value;

/// A confirm: take this amount for this order.
#[derive(Debug, Clone, Copy)]
pub struct ConfirmCall<'a> {
    /// Toss's name of the payment.
    pub payment_key: &'a str,
    /// The order that it is bound to.
    pub order_id: &'a str,
    /// What the order costs by our own records, never by the browser's.
    pub amount: Won,
    /// Whom the window was told as its customer: for BRANDPAY only, whose confirm is an endpoint of its own.
    pub customer_key: Option<&'a str>,
    /// Ours to Toss: recorded before the call, 1 to 300 visible ASCII characters.
    pub idempotency_key: &'a str,
}

/// A cancel: give money back.
#[derive(Debug, Clone, Copy)]
pub struct CancelCall<'a> {
    /// Toss's name of the payment.
    pub payment_key: &'a str,
    /// Why, 1 to 200 characters.
    pub reason: &'a str,
    /// How much; `None` gives back everything that is left.
    pub amount: Option<Won>,
    /// What we believe is left. Toss cancels nothing when it knows better, so it works as an optimistic lock.
    pub refundable_amount: Won,
    /// How much of it is free of tax, for payments that have such a part.
    pub tax_free_amount: Option<Won>,
    /// Where the money goes: virtual accounts after their deposit only.
    pub refund_account: Option<RefundAccount<'a>>,
    /// Ours to Toss: recorded before the call, 1 to 300 visible ASCII characters.
    pub idempotency_key: &'a str,
}

/// The customer's bank account for a refund. `Debug` shows the bank only.
#[derive(Clone, Copy)]
pub struct RefundAccount<'a> {
    /// Toss's code of the bank.
    pub bank: &'a str,
    /// Digits only, at most 20.
    pub account_number: &'a str,
    /// At most 60 characters.
    pub holder_name: &'a str,
}

impl fmt::Debug for RefundAccount<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefundAccount").field("bank", &self.bank).finish_non_exhaustive()
    }
}

/// The body of a confirm, byte for byte as it is sent.
///
/// Source: Toss core API, `POST /v1/payments/confirm`; `POST /v1/brandpay/payments/confirm`, which names the customer too.
#[must_use]
pub fn confirm_body(call: &ConfirmCall<'_>) -> String {
    let customer = call
        .customer_key
        .map_or_else(String::new, |key| format!(r#","customerKey":{}"#, quoted(key)));
    format!(
        r#"{{"paymentKey":{},"orderId":{},"amount":{}{customer}}}"#,
        quoted(call.payment_key),
        quoted(call.order_id),
        call.amount
    )
}

/// The path of a confirm.
pub(crate) fn confirm_path(call: &ConfirmCall<'_>) -> &'static str {
    if call.customer_key.is_some() {
        "/v1/brandpay/payments/confirm"
    } else {
        "/v1/payments/confirm"
    }
}

/// The body of a cancel, byte for byte as it is sent. Without `cancelAmount` everything that is left is given back.
///
/// Source: Toss core API, `POST /v1/payments/{paymentKey}/cancel`.
#[must_use]
pub fn cancel_body(call: &CancelCall<'_>) -> String {
    let reason = quoted(call.reason);
    let amount =
        call.amount.map_or_else(String::new, |amount| format!(r#","cancelAmount":{amount}"#));
    let refundable = call.refundable_amount;
    let tax_free =
        call.tax_free_amount.map_or_else(String::new, |part| format!(r#","taxFreeAmount":{part}"#));
    let account = call.refund_account.map_or_else(String::new, |account| {
        format!(
            r#","refundReceiveAccount":{{"bank":{},"accountNumber":{},"holderName":{}}}"#,
            quoted(account.bank),
            quoted(account.account_number),
            quoted(account.holder_name)
        )
    });
    format!(
        r#"{{"cancelReason":{reason}{amount},"refundableAmount":{refundable}{tax_free}{account}}}"#
    )
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// The path of one payment, or `None` for a key that no URL can carry.
pub(crate) fn payment_path(payment_key: &str) -> Option<String> {
    Some(format!("/v1/payments/{}", segment(payment_key)?))
}

/// The path of the payment of an order, or `None` for an order id that no URL can carry.
pub(crate) fn order_path(order_id: &str) -> Option<String> {
    Some(format!("/v1/payments/orders/{}", segment(order_id)?))
}

/// One percent-encoded segment. A segment `.` or `..` would be folded away by every URL parser, even when it is encoded, and the
/// call would go to another endpoint.
fn segment(text: &str) -> Option<String> {
    if matches!(text, "" | "." | "..") {
        return None;
    }
    let encoded = text.bytes().map(|byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    Some(encoded.collect())
}

/// Whether Toss takes the key: 1 to 300 characters, and such as a header can carry.
///
/// Source: Toss Payments, `Idempotency-Key`: at most 300 characters, random.
pub(crate) fn is_sendable_key(idempotency_key: &str) -> bool {
    (1..=300).contains(&idempotency_key.len())
        && idempotency_key.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn won(amount: i64) -> Won {
        Won::new(amount).unwrap()
    }

    fn cancel<'a>() -> CancelCall<'a> {
        CancelCall {
            payment_key: "pk",
            reason: "고객 요청 [0193a5c20000]",
            amount: None,
            refundable_amount: won(15_000),
            tax_free_amount: None,
            refund_account: None,
            idempotency_key: "k",
        }
    }

    #[test]
    fn the_bytes_of_a_confirm_never_change() {
        let call = ConfirmCall {
            payment_key: "tviva\"20\\23",
            order_id: "order-1",
            amount: won(15_000),
            customer_key: None,
            idempotency_key: "k",
        };
        assert_eq!(
            confirm_body(&call),
            r#"{"paymentKey":"tviva\"20\\23","orderId":"order-1","amount":15000}"#
        );
        assert_eq!(confirm_path(&call), "/v1/payments/confirm");
        let wallet = ConfirmCall { customer_key: Some("customer-1"), ..call };
        assert_eq!(
            confirm_body(&wallet),
            r#"{"paymentKey":"tviva\"20\\23","orderId":"order-1","amount":15000,"customerKey":"customer-1"}"#
        );
        assert_eq!(confirm_path(&wallet), "/v1/brandpay/payments/confirm");
    }

    #[test]
    fn the_bytes_of_a_cancel_never_change() {
        assert_eq!(
            cancel_body(&cancel()),
            r#"{"cancelReason":"고객 요청 [0193a5c20000]","refundableAmount":15000}"#
        );
        let account =
            RefundAccount { bank: "20", account_number: "1234567890", holder_name: "김토스" };
        let partial =
            CancelCall { amount: Some(won(500)), refund_account: Some(account), ..cancel() };
        assert_eq!(
            cancel_body(&partial),
            concat!(
                r#"{"cancelReason":"고객 요청 [0193a5c20000]","cancelAmount":500,"refundableAmount":15000,"#,
                r#""refundReceiveAccount":{"bank":"20","accountNumber":"1234567890","holderName":"김토스"}}"#
            )
        );
    }

    #[test]
    fn what_is_free_of_tax_is_said_where_a_payment_has_such_a_part() {
        let none = CancelCall { tax_free_amount: Some(Won::ZERO), ..cancel() };
        assert_eq!(
            cancel_body(&none),
            r#"{"cancelReason":"고객 요청 [0193a5c20000]","refundableAmount":15000,"taxFreeAmount":0}"#
        );
        let part =
            CancelCall { amount: Some(won(500)), tax_free_amount: Some(won(200)), ..cancel() };
        assert_eq!(
            cancel_body(&part),
            r#"{"cancelReason":"고객 요청 [0193a5c20000]","cancelAmount":500,"refundableAmount":15000,"taxFreeAmount":200}"#
        );
    }

    #[test]
    fn a_refund_account_is_not_shown() {
        let account =
            RefundAccount { bank: "20", account_number: "1234567890", holder_name: "김토스" };
        let shown = format!("{:?}", CancelCall { refund_account: Some(account), ..cancel() });
        assert!(!shown.contains("1234567890") && !shown.contains("김토스"), "{shown}");
    }

    #[test]
    fn a_key_that_would_change_the_endpoint_has_no_path() {
        for key in ["", ".", ".."] {
            assert_eq!(payment_path(key), None);
            assert_eq!(order_path(key), None);
        }
        assert_eq!(payment_path("a/../b?c#d%2e").unwrap(), "/v1/payments/a%2F..%2Fb%3Fc%23d%252e");
        assert_eq!(order_path("주문").unwrap(), "/v1/payments/orders/%EC%A3%BC%EB%AC%B8");
    }

    #[test]
    fn an_idempotency_key_must_fit_a_header_and_toss() {
        for good in ["k", "0193a5c2-0000-7000-8000-0123456789ab", &"x".repeat(300)] {
            assert!(is_sendable_key(good), "{good}");
        }
        for bad in ["", " ", "a b", "키", "a\nb", &"x".repeat(301)] {
            assert!(!is_sendable_key(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_body_is_json_that_says_what_was_asked(
            key in ".{0,40}", reason in ".{0,40}", holder in ".{0,20}",
            amount in proptest::option::of(0..=Won::MAX.get()), left in 0..=Won::MAX.get(),
        ) {
            let confirm = ConfirmCall { payment_key: &key, order_id: &reason, amount: won(left), customer_key: None, idempotency_key: "k" };
            let body: Value = serde_json::from_str(&confirm_body(&confirm)).unwrap();
            prop_assert_eq!(body, serde_json::json!({ "paymentKey": key, "orderId": reason, "amount": left }));

            let account = RefundAccount { bank: "20", account_number: "1", holder_name: &holder };
            let call = CancelCall {
                reason: &reason, amount: amount.map(won), refundable_amount: won(left),
                refund_account: Some(account), ..cancel()
            };
            let body: Value = serde_json::from_str(&cancel_body(&call)).unwrap();
            prop_assert_eq!(&body["cancelReason"], &Value::from(reason.as_str()));
            prop_assert_eq!(body.get("cancelAmount").cloned(), amount.map(Value::from));
            prop_assert_eq!(&body["refundableAmount"], &Value::from(left));
            prop_assert_eq!(&body["refundReceiveAccount"]["holderName"], &Value::from(holder));
        }

        #[test]
        fn any_key_stays_one_segment(key in "[!-~]{1,200}") {
            if let Some(path) = payment_path(&key) {
                let mut url = url::Url::parse("http://127.0.0.1/").unwrap();
                url.set_path(&path);
                prop_assert_eq!(url.path(), path.as_str());
                prop_assert_eq!(path.matches('/').count(), 3);
            }
        }
    }
}
