//! How tolerant the reading of a list is, and where it has to give up.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn record() -> Value {
    json!({
        "mId": "tvivarepublica", "transactionKey": "B7103F204998813B889C77C043D09502", "paymentKey": "pk", "orderId": "order-1",
        "method": "카드", "customerKey": null, "useEscrow": false, "receiptUrl": "https://dashboard.tosspayments.com/receipt/1",
        "status": "DONE", "transactionAt": "2024-02-13T12:00:00+09:00", "currency": "KRW", "amount": 15000,
    })
}

fn with(changes: Value) -> Value {
    let mut record = record();
    for (name, value) in changes.as_object().unwrap() {
        record[name] = value.clone();
    }
    record
}

fn one(record: Value) -> TossTransaction {
    read(200, Some(&json!([record]))).unwrap().transactions.remove(0)
}

#[test]
fn a_record_is_read() {
    let seen = one(record());
    assert_eq!(
        (seen.transaction_key.as_str(), seen.payment_key.as_str(), seen.status),
        ("B7103F204998813B889C77C043D09502", "pk", TossStatus::Done)
    );
    assert_eq!((seen.amount.unwrap().get(), seen.at_ms), (15_000, Some(1_707_793_200_000)));
}

#[test]
fn what_toss_leaves_open_is_read_all_the_same() {
    assert_eq!(one(with(json!({ "amount": -4000 }))).amount.unwrap().get(), 4_000);
    assert_eq!(
        one(with(json!({ "amount": 0, "status": "WAITING_FOR_DEPOSIT" }))).amount,
        Some(Won::ZERO)
    );
    let local = one(with(json!({ "transactionAt": "2024-02-13T12:00:00", "method": null })));
    assert_eq!(local.at_ms, Some(1_707_793_200_000));
    let new = one(with(json!({ "status": "PAUSED", "somethingNew": [1] })));
    assert_eq!(new.status, TossStatus::Unknown("PAUSED".into()));
    for wrong in [json!(null), json!("15000"), json!(0.5), json!([])] {
        assert_eq!(one(with(json!({ "amount": wrong }))).amount, None);
    }
    assert_eq!(one(with(json!({ "currency": "USD" }))).amount, None);
    assert!(one(with(json!({ "currency": null }))).amount.is_some());
    assert_eq!(one(with(json!({ "transactionAt": "yesterday" }))).at_ms, None);
    assert_eq!(one(with(json!({ "status": 7 }))).status, TossStatus::Unknown(String::new()));
}

#[test]
fn a_record_that_says_not_whose_it_is_is_counted_and_hides_no_other() {
    let page = read(200, Some(&json!([{}, 7, with(json!({ "paymentKey": null })), record()])));
    let page = page.unwrap();
    assert_eq!((page.transactions.len(), page.unreadable), (1, 3));
    assert_eq!(page.last_key.as_deref(), Some("B7103F204998813B889C77C043D09502"));
}

#[test]
fn an_empty_list_is_the_end_and_one_whose_end_has_no_key_is_none() {
    assert_eq!(read(200, Some(&json!([]))), Ok(TransactionPage::default()));
    let failure = read(200, Some(&json!([record(), {}]))).unwrap_err();
    assert_eq!((failure.class, failure.code.as_str()), (FailureClass::Contradictory, UNREADABLE));
}

#[test]
fn a_failure_says_whether_asking_again_can_help() {
    let failed = |status, body: Value| {
        let failure = read(status, Some(&body)).unwrap_err();
        (failure.class, failure.code)
    };
    let toss = |code: &str| json!({ "code": code, "message": "…" });
    for (status, body, class, code) in [
        (400, toss("EXCEED_MAX_QUERY_LIMIT"), FailureClass::Broken, "EXCEED_MAX_QUERY_LIMIT"),
        (400, toss("INVALID_PAGING_KEY"), FailureClass::Broken, "INVALID_PAGING_KEY"),
        (401, toss("UNAUTHORIZED_KEY"), FailureClass::Broken, "UNAUTHORIZED_KEY"),
        (429, toss("SOMETHING"), FailureClass::Throttled, "SOMETHING"),
        (429, json!("<html>"), FailureClass::Throttled, "TOO_MANY_REQUESTS"),
        (500, toss("UNKNOWN_ERROR"), FailureClass::Ambiguous, "UNKNOWN_ERROR"),
        (503, json!("<html>"), FailureClass::Ambiguous, UNREADABLE),
        (400, toss("SOME_NEW_CODE"), FailureClass::Contradictory, "SOME_NEW_CODE"),
        (200, json!({}), FailureClass::Contradictory, UNREADABLE),
    ] {
        assert_eq!(failed(status, body), (class, code.to_owned()));
    }
    assert_eq!(read(200, None).unwrap_err().class, FailureClass::Contradictory);
}

proptest! {
    #[test]
    fn any_list_is_read_or_not(
        keys in prop::collection::vec(prop::option::of("[a-z]{0,4}"), 0..6), amount in any::<f64>(), status in ".{0,12}",
    ) {
        let records: Vec<Value> = keys
            .iter()
            .map(|key| with(json!({ "transactionKey": key, "amount": amount, "status": status })))
            .collect();
        if let Ok(page) = read(200, Some(&Value::from(records.clone()))) {
            let unreadable = usize::try_from(page.unreadable).unwrap();
            prop_assert_eq!(page.transactions.len() + unreadable, records.len());
        }
    }
}
