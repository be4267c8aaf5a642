//! What Toss, or somebody in its place, may answer: real payments, errors and webhooks in which anything was changed. Whatever comes, it
//! is never taken for the success of another payment, and what may be kept of it names nobody.
//!
//! `PROPTEST_CASES=100000 cargo test -p toss --test hostile` makes more of them.

#[path = "hostile/mutate.rs"]
mod mutate;

use domain::Won;
use domain::answer::Answer;
use domain::attempt::Operation;
use domain::payment::{PaymentEvent, PaymentState};
use domain::policy::{CurrentAttempt, History, PaymentFacts, decide_confirm, decide_look_up};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};
use toss::{read_answer, read_webhook, redact};

use mutate::{Change, changed, damage, damaged};

const KEY: &str = "tviva20231208004903pIlD7";
const ORDER: &str = "019ab1c2-7d3e-7f00-8a4b-5c6d7e8f9012";
const AMOUNT: i64 = 27_500;
/// What no answer may leave behind, wherever it stood.
const PERSONAL: [&str; 10] = [
    KEY,
    "ps_verysecret12",
    "박토스",
    "김토스",
    "01012345678",
    "110123456789",
    "9876543210123",
    "toss@example.com",
    "rk_abcdefgh12",
    "마포구 양화로",
];

/// A payment with everything that Toss documents of one.
fn payment() -> Value {
    json!({
        "version": "2022-11-16", "mId": "tosspayments", "lastTransactionKey": "B7103F204998813B889C77C043D09502", "paymentKey": KEY,
        "orderId": ORDER, "orderName": "마라탕 외 2건", "taxExemptionAmount": 0, "status": "DONE",
        "requestedAt": "2024-02-13T12:17:57+09:00", "approvedAt": "2024-02-13T12:18:14+09:00", "useEscrow": false, "cultureExpense": false,
        "card": {
            "issuerCode": "71", "acquirerCode": "71", "number": "12345678****000*", "installmentPlanMonths": 0, "isInterestFree": false,
            "interestPayer": null, "approveNo": "00000000", "useCardPoint": false, "cardType": "신용", "ownerType": "개인",
            "acquireStatus": "READY", "amount": AMOUNT,
        },
        "virtualAccount": {
            "accountNumber": "9876543210123", "bankCode": "20", "customerName": "박토스", "depositorName": "김토스", "dueDate": "2024-02-20T12:00:00",
            "expired": false, "settlementStatus": "INCOMPLETED", "refundStatus": "NONE",
            "refundReceiveAccount": { "bankCode": "20", "accountNumber": "110123456789", "holderName": "김토스" },
        },
        "transfer": null, "mobilePhone": { "customerMobilePhone": "01012345678", "settlementStatus": "COMPLETED" }, "giftCertificate": null,
        "cashReceipt": { "type": "소득공제", "receiptKey": "rk_abcdefgh12", "issueNumber": "01012345678", "amount": AMOUNT, "taxFreeAmount": 0 },
        "cashReceipts": null, "discount": null, "secret": "ps_verysecret12", "type": "NORMAL",
        "metadata": { "customerEmail": "toss@example.com", "shipTo": "마포구 양화로" },
        "cancels": [{
            "transactionKey": "090A796806E726BBB929F4A2CA7DB9A7", "cancelReason": "변심", "taxExemptionAmount": 0,
            "canceledAt": "2024-02-13T12:20:23+09:00", "cardDiscountAmount": 0, "transferDiscountAmount": 0, "easyPayDiscountAmount": 0,
            "receiptKey": null, "cancelAmount": 1_000, "taxFreeAmount": 0, "refundableAmount": 26_500, "cancelStatus": "DONE",
            "cancelRequestId": null,
        }],
        "easyPay": { "provider": "토스페이", "amount": 0, "discountAmount": 0 }, "country": "KR", "failure": null, "isPartialCancelable": true,
        "checkout": { "url": format!("https://api.toss.test/v1/payments/{KEY}/checkout") }, "currency": "KRW",
        "totalAmount": AMOUNT, "balanceAmount": 26_500, "suppliedAmount": 25_000, "vat": 2_500, "taxFreeAmount": 0, "method": "카드",
    })
}

fn webhook() -> Value {
    json!({ "eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2024-02-13T12:00:59.65327", "data": payment() })
}

/// Any JSON, not deep, of what stands at other places of a payment.
fn any_json() -> impl Strategy<Value = Value> {
    let words = &["DONE", "CANCELED", "KRW", "USD", KEY, ORDER, "order-2", "27500", ""];
    let names = &["paymentKey", "orderId", "status", "totalAmount", "code", "error", "secret", "x"];
    mutate::any_json(words, &[0, 1, 26_500, AMOUNT, AMOUNT + 1, -AMOUNT], names)
}

fn changes() -> impl Strategy<Value = Vec<(Index, Change)>> {
    mutate::changes(any_json())
}

fn facts() -> PaymentFacts {
    PaymentFacts {
        order_id: ORDER.to_owned(),
        payment_key: KEY.to_owned(),
        amount: Won::new(AMOUNT).unwrap(),
        balance: Won::ZERO,
        state: PaymentState::Confirming,
        accepted_at_ms: 0,
        confirm_by_ms: 600_000,
    }
}

/// Whether these bytes are JSON of this very payment, read by nothing of ours.
fn is_about_it(bytes: &[u8]) -> bool {
    let Ok(Value::Object(fields)) = serde_json::from_slice::<Value>(bytes) else { return false };
    let text = |fields: &Map<String, Value>, name: &str| {
        fields.get(name).and_then(Value::as_str).map(str::to_owned)
    };
    let is_korean = fields.get("currency").is_none_or(|it| it.is_null() || *it == "KRW");
    text(&fields, "paymentKey").as_deref() == Some(KEY)
        && text(&fields, "orderId").as_deref() == Some(ORDER)
        && fields.get("totalAmount").and_then(Value::as_f64) == Some(27_500.0)
        && is_korean
}

/// Whether it is decided that the money was taken or is awaited, by a call or by looking up.
fn is_success(operation: Operation, answer: &Answer) -> bool {
    let (payment, history) =
        (facts(), History { attempts: &[], generation: 0, unrecorded_until_ms: 0 });
    let current = CurrentAttempt { operation, started_at_ms: 1_000 };
    let decisions = [
        decide_confirm(&history, &payment, current, answer, 2_000),
        decide_look_up(&history, &history, &payment, current, answer, 2_000),
    ];
    decisions.iter().any(|decision| {
        matches!(decision.event, Some(PaymentEvent::Approved | PaymentEvent::DepositAwaited))
    })
}

fn names_nobody(kept: &str) -> Result<(), TestCaseError> {
    for personal in PERSONAL {
        prop_assert!(!kept.contains(personal), "{personal} in {kept}");
    }
    Ok(())
}

#[test]
fn the_payment_itself_is_a_success_and_leaves_nothing_personal_behind() {
    let bytes = payment().to_string();
    assert!(is_about_it(bytes.as_bytes()));
    for operation in [Operation::Confirm, Operation::LookUp] {
        assert!(is_success(operation, &read_answer(operation, 200, bytes.as_bytes())));
    }
    names_nobody(&redact(bytes.as_bytes())).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_payment_in_which_anything_was_changed_is_no_success_of_another(
        changes in changes(), damage in damage(), status in prop_oneof![4 => Just(200_u16), 1 => 100_u16..1_000],
    ) {
        let bytes = damaged(&changed(payment(), changes).to_string(), &damage);
        for operation in [Operation::Confirm, Operation::LookUp] {
            let answer = read_answer(operation, status, &bytes);
            if is_success(operation, &answer) {
                prop_assert!((200..300).contains(&status) && is_about_it(&bytes), "{}", String::from_utf8_lossy(&bytes));
            }
        }
    }

    #[test]
    fn any_json_is_no_success(json in any_json(), status in 100_u16..1_000) {
        let bytes = json.to_string();
        for operation in [Operation::Confirm, Operation::LookUp] {
            let answer = read_answer(operation, status, bytes.as_bytes());
            prop_assert!(!is_success(operation, &answer) || is_about_it(bytes.as_bytes()), "{bytes}");
        }
    }

    #[test]
    fn whatever_was_changed_what_is_kept_of_an_answer_names_nobody(changes in changes(), damage in damage()) {
        // Values move within objects whose names are known; a secret under a harmless name is Toss's own to show.
        let changes = changes.into_iter().filter(|(_, change)| !matches!(change, Change::Copy(_))).collect();
        let bytes = damaged(&changed(payment(), changes).to_string(), &damage);
        // Damage that leaves it JSON leaves a name that nobody could know, or a value that is nobody's.
        if damage.is_some() && serde_json::from_slice::<Value>(&bytes).is_ok() {
            return Ok(());
        }
        let kept = redact(&bytes);
        prop_assert!(kept.len() <= toss::KEPT_BYTES_MAX);
        prop_assert!(!kept.contains(char::is_control));
        // The key is hidden by its value, which a damaged one is not.
        let personal = PERSONAL.iter().skip(1);
        for personal in personal {
            prop_assert!(!kept.contains(personal), "{personal} in {kept}");
        }
    }

    #[test]
    fn a_webhook_in_which_anything_was_changed_keeps_no_account_of_a_refund(changes in changes(), damage in damage()) {
        let changes = changes.into_iter().filter(|(_, change)| !matches!(change, Change::Copy(_))).collect();
        let bytes = damaged(&changed(webhook(), changes).to_string(), &damage);
        // Under another name, as a damaged one is, it is no account that anybody could know.
        let name = b"refundReceiveAccount";
        if !bytes.windows(name.len()).any(|window| window == name) {
            return Ok(());
        }
        let read = read_webhook(&bytes);
        prop_assert!(!read.kept.contains("110123456789"), "{}", read.kept);
        prop_assert_eq!(read_webhook(read.kept.as_bytes()).webhook.kind(), read.webhook.kind());
    }

    #[test]
    fn any_json_is_a_webhook_of_some_kind(json in any_json()) {
        let kind = read_webhook(json.to_string().as_bytes()).webhook.kind();
        prop_assert!(["payment", "deposit", "other", "unreadable"].contains(&kind));
    }
}
