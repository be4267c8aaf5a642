//! Bodies and statuses, readable or not.

use super::*;
use proptest::prelude::*;

const PAYMENT: &str = r#"{"paymentKey":"pk","orderId":"order-1","status":"DONE","totalAmount":100,"balanceAmount":100}"#;

fn failure(operation: Operation, http_status: u16, body: &str) -> Failure {
    match read_answer(operation, http_status, body.as_bytes()) {
        Answer::Failure(failure) => failure,
        Answer::Payment(payment) => panic!("read as a payment: {payment:?}"),
    }
}

fn class_and_code(operation: Operation, http_status: u16, body: &str) -> (FailureClass, String) {
    let failure = failure(operation, http_status, body);
    (failure.class, failure.code)
}

#[test]
fn a_payment_counts_under_2xx_only() {
    for status in [200, 201] {
        let answer = read_answer(Operation::Confirm, status, PAYMENT.as_bytes());
        assert!(matches!(answer, Answer::Payment(payment) if payment.payment_key == "pk"));
    }
    assert_eq!(
        class_and_code(Operation::Confirm, 500, PAYMENT),
        (FailureClass::Ambiguous, UNREADABLE.to_owned())
    );
    assert_eq!(
        class_and_code(Operation::Confirm, 302, PAYMENT),
        (FailureClass::Contradictory, UNREADABLE.to_owned())
    );
}

#[test]
fn an_error_under_2xx_proves_nothing() {
    assert_eq!(
        class_and_code(Operation::Confirm, 200, r#"{"code":"REJECT_CARD_COMPANY","message":"no"}"#),
        (FailureClass::Contradictory, UNREADABLE.to_owned())
    );
}

#[test]
fn an_error_is_read_in_both_envelopes() {
    for body in [
        r#"{"code":"REJECT_CARD_COMPANY","message":"결제 승인이 거절되었습니다.","data":null}"#,
        r#"{"version":"1","traceId":"t","error":{"code":"REJECT_CARD_COMPANY","message":"결제 승인이 거절되었습니다."}}"#,
    ] {
        let failure = failure(Operation::Confirm, 403, body);
        assert_eq!(failure.class, FailureClass::Refused);
        assert_eq!(failure.code, "REJECT_CARD_COMPANY");
        assert_eq!(failure.message, "결제 승인이 거절되었습니다.");
    }
}

#[test]
fn a_code_without_a_message_is_explained_by_us() {
    for body in
        [r#"{"code":"REJECT_CARD_COMPANY"}"#, r#"{"code":"REJECT_CARD_COMPANY","message":7}"#]
    {
        assert_eq!(failure(Operation::Confirm, 403, body).message, "the card company refused");
    }
    assert_eq!(
        failure(Operation::Confirm, 403, r#"{"code":"NEW"}"#).message,
        "Toss gave no reason"
    );
}

#[test]
fn a_message_is_one_line_that_every_database_takes() {
    let body = r#"{"code":"REJECT_CARD_COMPANY","message":"a\u0000b\r\nc\u001b[31m"}"#;
    let failure = failure(Operation::Confirm, 400, body);
    assert_eq!(
        (failure.code.as_str(), failure.message.as_str()),
        ("REJECT_CARD_COMPANY", "a b  c [31m")
    );
}

#[test]
fn what_has_no_code_of_toss_is_unreadable() {
    for body in [
        "",
        "<html></html>",
        "null",
        "[]",
        "{}",
        r#"{"message":"Forbidden"}"#,
        r#"{"code":502}"#,
        r#"{"code":""}"#,
        r#"{"code":"bad gateway"}"#,
    ] {
        for operation in [Operation::Confirm, Operation::Cancel, Operation::LookUp] {
            let unreadable = |class| (class, UNREADABLE.to_owned());
            assert_eq!(
                class_and_code(operation, 502, body),
                unreadable(FailureClass::Ambiguous),
                "{body}"
            );
            assert_eq!(
                class_and_code(operation, 404, body),
                unreadable(FailureClass::Contradictory),
                "{body}"
            );
            assert_eq!(
                class_and_code(operation, 401, body),
                unreadable(FailureClass::Contradictory),
                "{body}"
            );
            assert_eq!(
                class_and_code(operation, 200, body),
                unreadable(FailureClass::Contradictory),
                "{body}"
            );
            assert_eq!(
                class_and_code(operation, 409, body),
                unreadable(FailureClass::InProgress),
                "{body}"
            );
            assert_eq!(
                class_and_code(operation, 429, body),
                (FailureClass::Throttled, "TOO_MANY_REQUESTS".to_owned()),
                "{body}"
            );
        }
    }
}

#[test]
fn a_message_is_bounded_and_carries_no_personal_numbers() {
    let body = format!(r#"{{"code":"X","message":"계좌 1002123456789 {}"}}"#, "가".repeat(5_000));
    let message = failure(Operation::Cancel, 400, &body).message;
    assert!(
        message.starts_with("계좌 *** 가") && message.len() <= MESSAGE_BYTES_MAX,
        "{}",
        message.len()
    );
}

proptest! {
    #[test]
    fn any_bytes_under_any_status_are_an_answer(
        status in 100u16..1_000,
        bytes in proptest::collection::vec(any::<u8>(), 0..2_000),
    ) {
        for operation in [Operation::Confirm, Operation::Cancel, Operation::LookUp] {
            if let Answer::Failure(failure) = read_answer(operation, status, &bytes) {
                prop_assert!(!failure.code.is_empty() && failure.code.len() <= CODE_BYTES_MAX);
            }
        }
    }

    #[test]
    fn any_error_body_keeps_its_code(code in "[A-Z][A-Z0-9_]{0,60}", message in ".{0,80}", status in 400u16..600) {
        let body = serde_json::json!({ "code": code, "message": message }).to_string();
        prop_assert_eq!(failure(Operation::Cancel, status, &body).code, code);
    }

    #[test]
    fn an_answer_that_is_no_payment_never_proves_success_or_a_refusal_without_a_code(
        status in 100u16..1_000,
        text in "[^{]{0,60}",
    ) {
        for operation in [Operation::Confirm, Operation::Cancel, Operation::LookUp] {
            let class = failure(operation, status, &text).class;
            prop_assert!(!matches!(class, FailureClass::Refused | FailureClass::Absent | FailureClass::Broken));
        }
    }
}
