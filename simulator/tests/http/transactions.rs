//! The transactions feed and the settlements.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Method as Kind, NewPayment};

use crate::support::{Answer, Running, basic, send, start};

const ALL: &str = "startDate=2000-01-01&endDate=2199-12-31";

async fn feed(toss: &Running, query: &str) -> Answer {
    toss.get(&format!("/v1/transactions?{query}")).await
}

fn of_records(answer: &Answer, field: &str) -> Vec<Value> {
    let records = answer.body.as_array().expect("an array");
    records.iter().map(|record| record[field].clone()).collect()
}

#[tokio::test]
async fn every_approval_and_every_cancel_is_a_record_of_its_own() {
    let toss = start().await;
    let key = toss.paid("order-0001").await;
    let part = json!({"cancelReason": "일부", "cancelAmount": 4_000});
    toss.cancel(&key, "k1", part).await;
    let last = toss.cancel(&key, "k2", json!({"cancelReason": "나머지"})).await.body;
    let answer = feed(&toss, ALL).await;
    assert_eq!(of_records(&answer, "amount"), [15_000, 4_000, 11_000]);
    assert_eq!(of_records(&answer, "status"), ["DONE", "PARTIAL_CANCELED", "PARTIAL_CANCELED"]);
    assert!(of_records(&answer, "paymentKey").iter().all(|it| *it == key.as_str()));
    let record = &answer.body[2];
    assert_eq!(record["transactionKey"], last["lastTransactionKey"]);
    let expected = json!({
        "mId": last["mId"], "transactionKey": last["lastTransactionKey"], "paymentKey": key,
        "orderId": "order-0001", "method": "카드", "customerKey": null, "useEscrow": false,
        "receiptUrl": last["receipt"]["url"], "status": "PARTIAL_CANCELED",
        "transactionAt": last["cancels"][1]["canceledAt"], "currency": "KRW", "amount": 11_000,
    });
    assert_eq!(*record, expected);

    toss.handle.switch(|settings| settings.negative_cancels = true).expect("switched");
    assert_eq!(of_records(&feed(&toss, ALL).await, "amount"), [15_000, -4_000, -11_000]);
}

#[tokio::test]
async fn an_account_has_a_record_without_money_for_its_issue_and_for_a_reversal() {
    let toss = start().await;
    let new = NewPayment::new("order-0001", "마라탕", 15_000);
    let key = toss.paid_of(NewPayment { method: Some(Kind::VirtualAccount), ..new }).await;
    toss.handle.deposit(&key).expect("deposited");
    toss.handle.reverse_deposit(&key).expect("reversed");
    let answer = feed(&toss, ALL).await;
    assert_eq!(of_records(&answer, "amount"), [0, 15_000, 0]);
    let waiting = "WAITING_FOR_DEPOSIT";
    assert_eq!(of_records(&answer, "status"), [waiting, "DONE", waiting]);
    assert!(of_records(&answer, "method").iter().all(|method| method == "가상계좌"));
}

#[tokio::test]
async fn pages_follow_each_other_by_the_last_key() {
    let toss = start().await;
    for n in 0..7 {
        toss.paid(&format!("order-{n:04}")).await;
    }
    let all = of_records(&feed(&toss, ALL).await, "transactionKey");
    assert_eq!(all.len(), 7);
    let (mut walked, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = feed(&toss, &format!("{ALL}&limit=3{cursor}")).await;
        let keys = of_records(&page, "transactionKey");
        let Some(last) = keys.last() else { break };
        assert!(keys.len() <= 3);
        cursor = format!("&startingAfter={}", last.as_str().expect("a key"));
        walked.extend(keys);
    }
    assert_eq!(walked, all);
}

#[tokio::test]
async fn dates_are_those_of_korea_and_both_ends_count() {
    let toss = start().await;
    toss.handle.set_clock("2026-03-01T23:59:59+09:00").expect("set");
    toss.paid("order-0001").await;
    toss.handle.set_clock("2026-03-02T00:00:10+09:00").expect("set");
    toss.paid("order-0002").await;
    for (query, expected) in [
        ("startDate=2026-03-01T00:00:00&endDate=2026-03-01T23:59:59", vec!["order-0001"]),
        ("startDate=2026-03-02&endDate=2026-03-03", vec!["order-0002"]),
        ("startDate=2026-03-01&endDate=2026-03-01", vec![]),
        ("startDate=2026-03-01&endDate=2026-03-03", vec!["order-0001", "order-0002"]),
    ] {
        let answer = feed(&toss, query).await;
        assert_eq!(of_records(&answer, "orderId"), expected, "{query}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_merchant_sees_its_own_records_only_and_a_stranger_none() {
    let toss = start().await;
    toss.paid("order-0001").await;
    let request = toss.client.get(format!("{}/v1/transactions?{ALL}", toss.url));
    let stranger = send(request.header("authorization", basic("test_sk_shop2"))).await;
    assert_eq!(stranger.expect("an answer").body, json!([]));
    let nobody = send(toss.client.get(format!("{}/v1/transactions?{ALL}", toss.url))).await;
    assert_eq!(nobody.expect("an answer").code(), (401, "UNAUTHORIZED_KEY"));
}

#[tokio::test]
async fn queries_that_make_no_sense_are_refused() {
    let toss = start().await;
    for (query, code) in [
        ("", "INVALID_REQUIRED_PARAM"),
        ("startDate=2026-01-01", "INVALID_REQUIRED_PARAM"),
        ("startDate=yesterday&endDate=2026-01-01", "INVALID_DATE"),
        ("startDate=2026-01-02&endDate=2026-01-01", "INVALID_DATE"),
        ("startDate=2026-01-01&endDate=2026-01-02&limit=5001", "EXCEED_MAX_QUERY_LIMIT"),
        ("startDate=2026-01-01&endDate=2026-01-02&limit=many", "INVALID_REQUEST"),
        ("startDate=2026-01-01&endDate=2026-01-02&startingAfter=nobody", "INVALID_PAGING_KEY"),
    ] {
        assert_eq!(feed(&toss, query).await.code(), (400, code), "{query}");
    }
}

#[tokio::test]
async fn settlements_are_empty_and_their_query_is_checked() {
    let toss = start().await;
    let key = toss.paid("order-0001").await;
    toss.handle.advance_clock(Duration::from_secs(3 * 86_400)).expect("moved");
    let get = async |query: &str| toss.get(&format!("/v1/settlements?{query}")).await;
    let dates = "startDate=2000-01-01&endDate=2199-12-31";
    for more in ["", "&dateType=soldDate", "&dateType=paidOutDate&page=2&size=5000"] {
        let answer = get(&format!("{dates}{more}")).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, "[]"), "{more}");
    }
    for bad in ["&dateType=someday", "&page=0", "&size=5001", "&size=x"] {
        assert_eq!(get(&format!("{dates}{bad}")).await.status, 400, "{bad}");
    }
    let asked = toss.post("/v1/settlements", "k1", json!({"paymentKey": key})).await;
    assert_eq!((asked.status, asked.body), (200, json!({"result": true})));
    let unknown = toss.post("/v1/settlements", "k2", json!({"paymentKey": "x"})).await;
    assert_eq!(unknown.code(), (404, "NOT_FOUND_PAYMENT"));
    let wrong = send(toss.request(Method::PUT, "/v1/settlements")).await.expect("an answer");
    assert_eq!(wrong.code(), (404, "NOT_FOUND_HTTP_METHOD"));
}
