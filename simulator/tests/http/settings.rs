//! Switches, faults for everybody, and faults by chance.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Chance, ChanceFault, FaultKind, FaultRequest, NewPayment, Operation};

use crate::support::{Answer, Running, send, start};

async fn post(toss: &Running, path: &str, body: Value) -> Answer {
    send(toss.request(Method::POST, path).json(&body)).await.expect("an answer")
}

#[tokio::test]
async fn one_switch_is_changed_and_all_are_shown() {
    let toss = start().await;
    let before = toss.get("/_sim/settings").await.body;
    assert_eq!((&before["store5xx"], &before["unknownValues"]), (&json!(true), &json!(false)));
    let after = post(&toss, "/_sim/settings", json!({"store5xx": false})).await;
    let mut expected = before;
    expected["store5xx"] = json!(false);
    assert_eq!((after.status, &after.body), (200, &expected));
    for bad in [json!({"store": true}), json!({"store5xx": 1}), json!([]), json!(null)] {
        assert_eq!(post(&toss, "/_sim/settings", bad).await.status, 400);
    }
    assert_eq!(toss.get("/_sim/settings").await.body, expected);
}

#[tokio::test]
async fn the_document_names_every_setting_and_every_kind_of_fault() {
    const DOCUMENT: &str = include_str!("../../../docs/simulator.md");
    let toss = start().await;
    let settings = toss.get("/_sim/settings").await.body;
    let names = settings.as_object().expect("an object").keys().cloned();
    let desk = send(toss.request(Method::GET, "/_sim?view=faults")).await.expect("a page").text;
    let kinds = desk.split("<select name=\"kind\">").nth(1).expect("a choice");
    let kinds = kinds.split("</select>").next().expect("its end");
    let values = kinds.split("value=\"").skip(1).map(|it| it.split('"').next().expect("a value"));
    let all: Vec<String> = names.chain(values.map(str::to_owned)).collect();
    assert!(all.len() > 25, "{all:?}");
    for name in all {
        assert!(DOCUMENT.contains(&format!("`{name}`")), "docs/simulator.md does not name {name}");
    }
}

#[tokio::test]
async fn whether_server_errors_are_kept_under_their_key_can_be_switched() {
    let toss = start().await;
    for (n, (store_5xx, again)) in [(true, 500), (false, 200)].into_iter().enumerate() {
        toss.handle.switch(|settings| settings.store_5xx = store_5xx).expect("switched");
        let order_id = format!("order-{n:04}");
        let key = toss.payment(&order_id);
        toss.fault(&order_id, Operation::Confirm, FaultKind::ServerErrorBefore);
        assert_eq!(toss.confirm(&key, &order_id, &order_id).await.status, 500);
        assert_eq!(toss.confirm(&key, &order_id, &order_id).await.status, again);
    }
}

#[tokio::test]
async fn in_the_mode_of_the_future_every_answer_has_what_no_document_knows() {
    let toss = start().await;
    let key = toss.paid("order-0001").await;
    toss.handle.switch(|settings| settings.unknown_values = true).expect("switched");
    let payment = toss.get(&format!("/v1/payments/{key}")).await.body;
    assert!(payment["futureField"].is_object() && payment["card"]["futureField"].is_boolean());
    assert_eq!(
        (&payment["type"], &payment["orderId"]),
        (&json!("FUTURE_TYPE"), &json!("order-0001"))
    );
    let feed = toss.get("/v1/transactions?startDate=2000-01-01&endDate=2199-01-01").await.body;
    assert!(feed[0]["futureField"].is_object(), "{feed}");
}

#[tokio::test]
async fn a_fault_for_everybody_hits_whoever_comes_and_is_switched_off_by_its_number() {
    let toss = start().await;
    let fault = FaultRequest::everywhere(Operation::LookUp, FaultKind::Throttle).times(1_000);
    let fault = toss.handle.add_fault(fault).expect("scripted");
    let key = toss.paid("order-0001").await;
    assert_eq!(toss.get(&format!("/v1/payments/{key}")).await.status, 429);
    assert_eq!(toss.get("/v1/payments/orders/order-0001").await.status, 429);
    let path = format!("/_sim/faults/{}", fault.sequence);
    for status in [200, 404] {
        let removed = send(toss.request(Method::DELETE, &path)).await.expect("an answer");
        assert_eq!(removed.status, status);
    }
    assert_eq!(toss.get(&format!("/v1/payments/{key}")).await.status, 200);
    toss.add_fault(FaultRequest::everywhere(Operation::List, FaultKind::ServerErrorBefore));
    let feed = "/v1/transactions?startDate=2000-01-01&endDate=2199-01-01";
    assert_eq!(toss.get(feed).await.status, 500);
    assert_eq!(toss.get(feed).await.status, 200);
}

#[tokio::test]
async fn calls_beyond_the_limit_of_a_minute_are_refused_until_the_next() {
    let toss = start().await;
    toss.handle.set_clock("2026-03-01T12:00:00+09:00").expect("set");
    let key = toss.paid("order-0001").await;
    toss.handle.switch(|settings| settings.calls_per_minute = Some(2)).expect("switched");
    let path = format!("/v1/payments/{key}");
    for expected in [200, 200, 429, 429] {
        assert_eq!(toss.get(&path).await.status, expected);
    }
    assert_eq!(toss.get("/v1/payments/orders/order-0001").await.status, 200, "another API");
    toss.handle.advance_clock(std::time::Duration::from_secs(60)).expect("moved");
    assert_eq!(toss.get(&path).await.status, 200);
}

async fn hits(toss: &Running, seed: u64, round: u64) -> Vec<bool> {
    let fault = ChanceFault {
        kind: FaultKind::Throttle,
        operation: Operation::Confirm,
        percent: 40,
        code: None,
        ms: None,
    };
    let chance = Some(Chance { seed, faults: vec![fault] });
    toss.handle.switch(|settings| settings.chance = chance).expect("switched");
    let mut hits = Vec::new();
    for n in 0..20 {
        let order_id = format!("order-{n:04}");
        let key = toss.payment_of(NewPayment::new(&order_id, "마라탕", 15_000));
        let answer = toss.confirm(&key, &order_id, &format!("{seed}-{round}-{n}")).await;
        hits.push(answer.status == 429);
    }
    hits
}

#[tokio::test]
async fn faults_by_chance_are_the_same_for_the_same_seed() {
    let toss = start().await;
    let first = hits(&toss, 1, 1).await;
    assert!(first.contains(&true) && first.contains(&false), "{first:?}");
    assert_eq!(hits(&toss, 1, 2).await, first);
    assert_ne!(hits(&toss, 2, 1).await, first);
    post(&toss, "/_sim/settings", json!({"chance": null})).await;
    toss.paid("order-9999").await;
    let store = toss.get("/_sim/idempotency").await.body;
    let newest = &store["keys"][0];
    assert_eq!((&newest["key"], &newest["status"]), (&json!("pay-order-9999"), &json!(200)));
    assert_eq!(
        (&newest["method"], &newest["path"]),
        (&json!("POST"), &json!("/v1/payments/confirm"))
    );
}
