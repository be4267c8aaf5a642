//! What a payment must have, what it may lack, and that nothing makes the reader panic.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn smallest() -> Value {
    json!({ "paymentKey": "pk", "orderId": "order-1", "status": "DONE", "totalAmount": 15000, "balanceAmount": 15000 })
}

fn with(changes: Value) -> Value {
    let mut payment = smallest();
    let fields = payment.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        fields.insert(name.clone(), value.clone());
    }
    payment
}

fn won(amount: i64) -> Won {
    Won::new(amount).unwrap()
}

#[test]
fn what_tells_things_apart_has_no_control_characters_and_elsewhere_they_are_spaces() {
    for (name, value) in [("paymentKey", "pk\u{0}"), ("orderId", "order-1\n"), ("status", "\u{0}")]
    {
        let unreadable = read_payment(&with(json!({ name: value }))).unwrap_err();
        assert_eq!(unreadable, Unreadable::Text(name));
    }
    let cancel = |key: &str| json!([{ "transactionKey": key, "cancelAmount": 1, "cancelReason": "a\u{0}b [tag]" }]);
    assert_eq!(
        read_payment(&with(json!({ "cancels": cancel("t\u{0}") }))),
        Err(Unreadable::Cancels)
    );
    let changes = json!({ "cancels": cancel("t"), "method": "카\u{0}드", "currency": "KRW\u{0}" });
    let payment = read_payment(&with(changes)).unwrap();
    assert_eq!(payment.cancels[0].reason, "a b [tag]");
    assert_eq!((payment.method.as_deref(), payment.currency.as_str()), (Some("카 드"), "KRW "));
}

#[test]
fn a_whole_card_payment_is_read() {
    let payment = read_payment(&with(json!({
        "version": "2022-11-16", "type": "NORMAL", "orderName": "마라탕 외 2건", "mId": "tvivarepublica", "currency": "KRW",
        "method": "카드", "status": "PARTIAL_CANCELED", "balanceAmount": 14000, "requestedAt": "2024-02-13T12:17:57+09:00",
        "approvedAt": "2024-02-13T12:18:14+09:00", "useEscrow": false, "lastTransactionKey": "B7103F204998813B889C77C043D09502",
        "suppliedAmount": 12728, "vat": 1272, "taxFreeAmount": 0, "secret": "ps_1", "failure": null, "virtualAccount": null,
        "cancels": [{
            "transactionKey": "B7103F204998813B889C77C043D09502", "cancelReason": "고객 변심 [0123456789ab]", "cancelAmount": 1000,
            "canceledAt": "2024-02-13T12:20:23.5+09:00", "refundableAmount": 14000, "taxFreeAmount": 300, "cancelStatus": "DONE", "receiptKey": null,
        }],
        "receipt": { "url": "https://dashboard.tosspayments.com/receipt/1" }, "isPartialCancelable": true,
        "card": { "number": "12345678****789*", "issuerCode": "61", "installmentPlanMonths": 3 },
        "easyPay": { "provider": "토스페이", "amount": 0, "discountAmount": 0 }, "transfer": { "bankCode": "88" },
    })))
    .unwrap();
    assert_eq!(
        payment,
        TossPayment {
            payment_key: "pk".into(),
            order_id: "order-1".into(),
            status: TossStatus::PartialCanceled,
            total: won(15_000),
            balance: won(14_000),
            currency: "KRW".into(),
            method: Some("카드".into()),
            approved_at_ms: Some(1_707_794_294_000),
            last_transaction_key: Some("B7103F204998813B889C77C043D09502".into()),
            secret: Some("ps_1".into()),
            receipt_url: Some("https://dashboard.tosspayments.com/receipt/1".into()),
            failure: None,
            cancels: vec![TossCancel {
                transaction_key: "B7103F204998813B889C77C043D09502".into(),
                amount: won(1_000),
                tax_free_amount: won(300),
                reason: "고객 변심 [0123456789ab]".into(),
                cancelled_at_ms: Some(1_707_794_423_500),
                is_done: true,
            }],
            virtual_account: None,
            means: Means {
                easy_pay_provider: Some("토스페이".into()),
                card_issuer: Some("61".into()),
                card_number: Some("12345678****789*".into()),
                card_installment_months: Some(3),
                transfer_bank: Some("88".into()),
                is_partial_cancelable: Some(true),
                tax_free_amount: Some(won(300)),
            },
        }
    );
}

#[test]
fn a_card_number_that_is_not_masked_is_not_taken() {
    for number in ["1234567812345678", "****", "12345678****789*12345"] {
        let payment = read_payment(&with(json!({ "card": { "number": number } }))).unwrap();
        assert_eq!(payment.means.card_number.is_some(), number == "****", "{number}");
    }
}

#[test]
fn five_fields_are_enough() {
    let payment = read_payment(&smallest()).unwrap();
    assert_eq!(
        (payment.currency.as_str(), payment.cancels.len(), payment.method),
        ("KRW", 0, None)
    );
}

#[test]
fn each_of_the_five_fields_is_needed() {
    for name in ["paymentKey", "orderId", "status", "totalAmount", "balanceAmount"] {
        let mut payment = smallest();
        payment.as_object_mut().unwrap().remove(name);
        let error = read_payment(&payment).unwrap_err().to_string();
        assert!(error.starts_with(name), "{error}");
        for malformed in [json!(null), json!(""), json!([]), json!(true), json!("x".repeat(3_000))]
        {
            assert!(read_payment(&with(json!({ name: malformed }))).is_err(), "{name} {malformed}");
        }
    }
}

#[test]
fn malformed_details_never_hide_a_charged_payment() {
    for wrong in [
        json!(7),
        json!([]),
        json!({}),
        json!("x"),
        json!(true),
        json!(null),
        json!([[]]),
        json!("x".repeat(9_000)),
    ] {
        let payment = read_payment(&with(json!({
            "method": wrong, "approvedAt": wrong, "lastTransactionKey": wrong, "secret": wrong, "receipt": wrong,
            "failure": wrong, "virtualAccount": wrong, "card": wrong, "somethingNew": wrong, "easyPay": wrong, "transfer": wrong,
            "isPartialCancelable": wrong.as_str(),
        })));
        let payment = payment.unwrap();
        assert_eq!((payment.status, payment.approved_at_ms), (TossStatus::Done, None), "{wrong}");
        assert_eq!(
            (payment.receipt_url, payment.failure, payment.virtual_account),
            (None, None, None),
            "{wrong}"
        );
    }
}

#[test]
fn a_status_of_the_future_is_kept() {
    let payment = read_payment(&with(json!({ "status": "PAUSED" }))).unwrap();
    assert_eq!(payment.status, TossStatus::Unknown("PAUSED".into()));
}

#[test]
fn money_is_a_whole_number_of_won() {
    for (number, expected) in
        [("0", 0), ("15000", 15_000), ("15000.0", 15_000), ("1.5e4", 15_000), ("-0", 0)]
    {
        let json: Value = serde_json::from_str(&format!(r#"{{"a":{number}}}"#)).unwrap();
        assert_eq!(amount(json.as_object().unwrap(), "a"), Some(won(expected)), "{number}");
    }
    for number in [
        "-1",
        "0.5",
        "15000.01",
        "1e30",
        "18446744073709551615",
        "1000000000001",
        "\"15000\"",
        "null",
        "[1]",
    ] {
        let json: Value = serde_json::from_str(&format!(r#"{{"a":{number}}}"#)).unwrap();
        assert_eq!(amount(json.as_object().unwrap(), "a"), None, "{number}");
    }
}

#[test]
fn a_malformed_currency_is_not_taken_for_won() {
    assert_eq!(read_payment(&with(json!({ "currency": 410 }))).unwrap().currency, "410");
    assert_eq!(read_payment(&with(json!({ "currency": "USD" }))).unwrap().currency, "USD");
    assert_eq!(read_payment(&with(json!({ "currency": null }))).unwrap().currency, "KRW");
}

#[test]
fn cancels_that_cannot_be_told_apart_make_the_answer_unreadable() {
    for cancels in [
        json!([{ "cancelAmount": 1 }]),
        json!([{ "transactionKey": null, "cancelAmount": 1 }]),
        json!([{ "transactionKey": "t" }]),
        json!([{ "transactionKey": "t", "cancelAmount": "1" }]),
        json!([{ "transactionKey": "t", "cancelAmount": 1 }, null]),
        json!({ "transactionKey": "t", "cancelAmount": 1 }),
        json!("none"),
    ] {
        assert_eq!(
            read_payment(&with(json!({ "cancels": cancels }))),
            Err(Unreadable::Cancels),
            "{cancels}"
        );
    }
    for none in [json!(null), json!([])] {
        assert_eq!(read_payment(&with(json!({ "cancels": none }))).unwrap().cancels, vec![]);
    }
}

#[test]
fn a_cancel_without_a_status_is_done_and_one_with_another_is_not() {
    for (status, is_done) in [
        (json!(null), true),
        (json!("DONE"), true),
        (json!("IN_PROGRESS"), false),
        (json!("ABORTED"), false),
        (json!(1), false),
    ] {
        let entry = json!({ "transactionKey": "t", "cancelAmount": 1, "cancelStatus": status });
        let payment = read_payment(&with(json!({ "cancels": [entry] }))).unwrap();
        assert_eq!(payment.cancels[0].is_done, is_done, "{status}");
    }
    let payment =
        read_payment(&with(json!({ "cancels": [{ "transactionKey": "t", "cancelAmount": 1 }] })))
            .unwrap();
    assert!(payment.cancels[0].is_done);
}

#[test]
fn the_older_name_of_the_transaction_key_is_understood() {
    let key = |changes| read_payment(&with(changes)).unwrap().last_transaction_key;
    assert_eq!(key(json!({ "transactionKey": "a" })).as_deref(), Some("a"));
    assert_eq!(
        key(json!({ "transactionKey": "a", "lastTransactionKey": "b" })).as_deref(),
        Some("b")
    );
    assert_eq!(
        key(json!({ "transactionKey": "a", "lastTransactionKey": null })).as_deref(),
        Some("a")
    );
}

#[test]
fn an_account_has_its_due_date_with_and_without_an_offset() {
    for due in ["2025-11-30T15:17:19+09:00", "2025-11-30T15:17:19"] {
        let account = json!({ "accountNumber": "X6505636518308", "bankCode": "20", "customerName": "박토스", "dueDate": due });
        let payment = read_payment(&with(json!({ "virtualAccount": account }))).unwrap();
        let account = payment.virtual_account.unwrap();
        assert_eq!(
            (account.bank_code.as_str(), account.due_at_ms),
            ("20", Some(1_764_483_439_000))
        );
    }
}

#[test]
fn an_expired_payment_tells_why() {
    let failure = json!({ "code": "EXPIRED_PAYMENT", "message": "만료된 결제 건입니다." });
    let payment = read_payment(&with(
        json!({ "status": "EXPIRED", "method": null, "receipt": null, "failure": failure }),
    ));
    assert_eq!(payment.unwrap().failure.unwrap().code, "EXPIRED_PAYMENT");
}

#[test]
fn only_a_web_address_is_taken_for_a_receipt() {
    for bad in ["javascript:alert(1)", "http://evil.example/receipt"] {
        let payment = read_payment(&with(json!({ "receipt": { "url": bad } }))).unwrap();
        assert_eq!(payment.receipt_url, None, "{bad}");
    }
}

/// JSON made of the payment's own field names, so that the reader is reached in its depth.
fn payment_like() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["DONE", "KRW", "2024-02-13T12:00:00+09:00", "https://a"])
            .prop_map(Value::from),
    ];
    let names = prop::sample::select(vec![
        "paymentKey",
        "orderId",
        "status",
        "totalAmount",
        "balanceAmount",
        "currency",
        "method",
        "approvedAt",
        "cancels",
        "lastTransactionKey",
        "transactionKey",
        "secret",
        "receipt",
        "url",
        "failure",
        "code",
        "message",
        "virtualAccount",
        "accountNumber",
        "bankCode",
        "customerName",
        "dueDate",
        "cancelAmount",
        "cancelReason",
        "canceledAt",
        "cancelStatus",
    ]);
    leaf.prop_recursive(4, 64, 16, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..16).prop_map(|fields| fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_a_payment_or_not(json in payment_like(), changes in payment_like()) {
        let is_whole = ["paymentKey", "orderId", "status"].iter().all(|name| json[name].is_string());
        prop_assert!(is_whole || read_payment(&json).is_err());
        if changes.is_object() {
            let payment = with(changes);
            if let Ok(read) = read_payment(&payment) {
                prop_assert_eq!(Some(read.payment_key.as_str()), payment["paymentKey"].as_str());
                prop_assert_eq!(read.cancels.len(), payment["cancels"].as_array().map_or(0, Vec::len));
            }
        }
    }

    #[test]
    fn every_whole_amount_is_read_as_it_is(number in 0..=Won::MAX.get()) {
        prop_assert_eq!(read_payment(&with(json!({ "totalAmount": number }))).unwrap().total, won(number));
    }
}
