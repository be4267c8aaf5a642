//! What is masked, what stays, and that any bytes can be redacted.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn redacted(body: &Value) -> Value {
    serde_json::from_str(&redact(body.to_string().as_bytes())).unwrap()
}

#[test]
fn personal_and_secret_values_are_masked_and_the_rest_stays() {
    let key = "tviva20231208004903pIlD7";
    let body = json!({
        "paymentKey": key, "orderId": "order-1", "orderName": "마라탕 외 2건", "status": "DONE", "totalAmount": 15000,
        "approvedAt": "2024-02-13T12:18:14+09:00", "lastTransactionKey": "B7103F204998813B889C77C043D09502",
        "secret": "ps_verysecret", "metadata": { "note": "문 앞에 두세요", "list": ["010-1234-5678"] },
        "card": { "number": "43301234****123*", "approveNo": "00000000", "amount": 15000 },
        "virtualAccount": {
            "accountNumber": "X6505636518308", "bankCode": "20", "customerName": "박토스", "depositorName": "김토스",
            "refundReceiveAccount": { "bankCode": "20", "accountNumber": "1002123456789", "holderName": "김토스" },
        },
        "mobilePhone": { "customerMobilePhone": "01012345678", "receiptUrl": "https://toss.test/r" },
        "cashReceipt": { "receiptKey": "rk_abcdefgh", "issueNumber": "123456789", "type": "소득공제", "amount": 15000 },
        "cancels": [{ "transactionKey": "t1", "cancelReason": "변심 [0123456789ab]", "cancelAmount": 1, "receiptKey": "c_rk" }],
        "receipt": { "url": format!("https://toss.test/receipt?id={key}") },
        "checkout": { "url": format!("https://api.toss.test/v1/payments/{key}/checkout") },
        "newCustomerEmailField": "a@b.kr", "failure": null, "useEscrow": false,
    });
    assert_eq!(
        redacted(&body),
        json!({
            "paymentKey": "tviva2…IlD7", "orderId": "order-1", "orderName": "마라탕 외 2건", "status": "DONE",
            "totalAmount": 15000, "approvedAt": "2024-02-13T12:18:14+09:00",
            "lastTransactionKey": "B7103F204998813B889C77C043D09502",
            "secret": "***", "metadata": { "note": "***", "list": ["***"] },
            "card": { "number": "43301234****123*", "approveNo": "00000000", "amount": 15000 },
            "virtualAccount": {
                "accountNumber": "**********8308", "bankCode": "20", "customerName": "***", "depositorName": "***",
                "refundReceiveAccount": { "bankCode": "20", "accountNumber": "*********6789", "holderName": "***" },
            },
            "mobilePhone": { "customerMobilePhone": "***", "receiptUrl": "https://toss.test/r" },
            "cashReceipt": { "receiptKey": "***", "issueNumber": "***", "type": "소득공제", "amount": 15000 },
            "cancels": [{ "transactionKey": "t1", "cancelReason": "변심 [0123456789ab]", "cancelAmount": 1, "receiptKey": "***" }],
            "receipt": { "url": format!("https://toss.test/receipt?id={key}") },
            "checkout": { "url": "https://api.toss.test/v1/payments/tviva2…IlD7/checkout" },
            "newCustomerEmailField": "***", "failure": null, "useEscrow": false,
        })
    );
}

#[test]
fn nothing_that_is_kept_has_a_control_character() {
    let body =
        json!({ "message": "a\u{0}b", "note": "c\nd", "list": ["e\u{7f}"], "secret": "\u{0}" });
    assert_eq!(
        redacted(&body),
        json!({ "message": "a b", "note": "c d", "list": ["e "], "secret": "***" })
    );
    assert_eq!(redact(b"<html>\0 bad\r\ngateway"), "<html>  bad  gateway");
}

#[test]
fn a_card_number_that_is_not_masked_gets_masked() {
    let body =
        json!({ "card": { "number": "4330123412341234" }, "cardNumber": 4330123412341234_i64 });
    assert_eq!(
        redacted(&body),
        json!({ "card": { "number": "************1234" }, "cardNumber": "***" })
    );
}

#[test]
fn numbers_and_addresses_inside_a_sentence_are_masked() {
    let body = json!({ "code": "X", "message": "010-1234-5678 고객(a.b@c.kr), 계좌 1002123456789, 15000원, 주문 order-1" });
    assert_eq!(redacted(&body)["message"], "*** 고객(***), 계좌 ***, 15000원, 주문 order-1");
}

#[test]
fn a_gateways_page_is_kept_without_keys_and_numbers() {
    let page = "<html><h1>502 Bad Gateway</h1>/v1/payments/tviva20231208004903pIlD7/cancel call 01012345678</html>";
    assert_eq!(
        redact(page.as_bytes()),
        "<html><h1>502 Bad Gateway</h1>/v1/payments/tviva2…IlD7/cancel call ***</html>"
    );
}

#[test]
fn broken_json_is_not_kept_because_its_fields_cannot_be_found() {
    let kept =
        redact("{\"paymentKey\":\"a\",\"virtualAccount\":{\"customerName\":\"박토스\"".as_bytes());
    assert_eq!(kept, "(62 bytes that look like JSON and cannot be read)");
    // Wherever it is broken, and whatever stands before it.
    for broken in [
        "x\"customerName\":\"박토스\"}",
        "\u{feff}{\"customerName\" : \"박토스\"}",
        "while(1);{\"customerName\":\"박토스\"}",
    ] {
        let kept = redact(broken.as_bytes());
        assert!(kept.ends_with("bytes that look like JSON and cannot be read)"), "{kept}");
    }
}

#[test]
fn what_is_kept_is_bounded() {
    let long = json!({ "orderName": "가".repeat(40_000) }).to_string();
    let kept = redact(long.as_bytes());
    assert!(kept.len() <= KEPT_BYTES_MAX && kept.len() > KEPT_BYTES_MAX - 8, "{}", kept.len());
    assert!(kept.ends_with('…'));
    assert!(redact("x ".repeat(40_000).as_bytes()).len() <= TEXT_BYTES_MAX);
}

proptest! {
    #[test]
    fn any_bytes_can_be_redacted(bytes in proptest::collection::vec(any::<u8>(), 0..6_000)) {
        prop_assert!(redact(&bytes).len() <= KEPT_BYTES_MAX);
    }

    #[test]
    fn a_hidden_value_appears_nowhere(
        name in prop::sample::select(vec!["secret", "customerName", "customerEmail", "customerMobilePhone", "holderName",
            "customerIdentityNumber", "registrationNumber", "receiptKey", "billingKey"]),
        value in "[가-힣a-z0-9]{9,40}",
        depth in 0usize..5,
    ) {
        let mut body = json!({ name: value });
        for level in 0..depth {
            body = if level % 2 == 0 { json!({ "inner": body }) } else { json!([body]) };
        }
        prop_assert!(!redact(body.to_string().as_bytes()).contains(&value));
    }

    #[test]
    fn of_an_account_number_only_the_end_stays(number in "[0-9]{8,20}") {
        let kept = redacted(&json!({ "accountNumber": number }));
        let kept = kept["accountNumber"].as_str().unwrap();
        prop_assert_eq!(kept.len(), number.len());
        prop_assert!(kept[..number.len() - 4].chars().all(|c| c == '*'));
        prop_assert_eq!(&kept[number.len() - 4..], &number[number.len() - 4..]);
    }

    #[test]
    fn any_sentence_can_be_masked(text in ".{0,200}") {
        let masked = mask_text(&text);
        let longest = masked.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
        prop_assert!(longest < 20);
    }
}
