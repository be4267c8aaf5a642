//! Going on after a restart.

use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use simulator::{Config, FaultKind, FaultRequest, Operation, Simulator};

use crate::support::{Running, send, start_with, window_form};

fn config(path: &Path) -> Config {
    Config {
        state_file: Some(path.to_owned()),
        consecutive_cancel_pause: Duration::ZERO,
        ..Config::default()
    }
}

async fn stop(mut toss: Running) {
    toss.shutdown.cancel();
    toss.server.take().expect("a server").await.expect("no panic").expect("a clean end");
}

#[tokio::test]
async fn payments_ledger_answers_faults_and_the_clock_survive_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deeper").join("simulator.json");
    let toss = start_with(config(&path)).await;
    let (paid, open) = (toss.paid("order-0001").await, toss.payment("order-0002"));
    let part = json!({"cancelReason": "일부", "cancelAmount": 1_000});
    let cancelled = toss.cancel(&paid, "k1", part.clone()).await;
    let throttle = FaultRequest::for_order("order-0002", Operation::Confirm, FaultKind::Throttle);
    toss.add_fault(FaultRequest { retry_after_seconds: Some(3), ..throttle }.times(2));
    let clock = toss.handle.advance_clock(Duration::from_secs(300)).expect("moved");
    let ledger = toss.handle.ledger_of(&paid);
    stop(toss).await;

    let toss = start_with(config(&path)).await;
    assert_eq!(toss.handle.ledger_of(&paid), ledger);
    assert_eq!(toss.handle.clock().offset_ms, clock.offset_ms);
    assert_eq!(toss.cancel(&paid, "k1", part).await.text, cancelled.text, "replayed");
    assert_eq!(toss.truth(&paid), (15_000, 1, 1_000));
    for status in [429, 429, 200] {
        assert_eq!(toss.confirm(&open, "order-0002", "k2").await.status, status);
    }
    assert_eq!(toss.get("/v1/payments/orders/order-0001").await.body["paymentKey"], paid.as_str());
}

#[tokio::test]
async fn a_window_stays_open_over_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("simulator.json");
    let toss = start_with(config(&path)).await;
    let form = window_form("test_ck_shop1");
    let opened = toss.client.post(format!("{}/window", toss.url)).form(&form).send().await;
    let window =
        opened.expect("an answer").headers()["location"].to_str().expect("text").to_owned();
    stop(toss).await;
    let toss = start_with(config(&path)).await;
    let page = toss.client.get(format!("{}{window}", toss.url)).send().await.expect("a page");
    assert_eq!(page.status(), 200);
}

#[tokio::test]
async fn the_state_is_written_soon_after_a_change_without_waiting_for_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("simulator.json");
    let toss = start_with(config(&path)).await;
    let key = toss.paid("order-0001").await;
    let mut is_written = false;
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        is_written = std::fs::read_to_string(&path).is_ok_and(|text| text.contains(&key));
        if is_written {
            break;
        }
    }
    assert!(is_written);
    let copy = folder.path().join("as-after-a-crash.json");
    std::fs::copy(&path, &copy).expect("a copy");
    let revived = Simulator::new(config(&copy)).expect("readable at any time");
    assert_eq!(revived.handle().ledger_of(&key).map(|entry| entry.charged), Some(15_000));
}

#[tokio::test]
async fn a_request_cut_off_by_the_end_leaves_its_key_free() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("simulator.json");
    let toss = start_with(config(&path)).await;
    let key = toss.payment("order-0001");
    let delay = FaultRequest::for_order("order-0001", Operation::Confirm, FaultKind::Delay);
    toss.add_fault(delay.with_ms(60_000));
    let body = json!({"paymentKey": key, "orderId": "order-0001", "amount": 15_000});
    let request = toss.request(Method::POST, "/v1/payments/confirm");
    let pending = tokio::spawn(send(request.header("idempotency-key", "k").json(&body)));
    tokio::time::sleep(Duration::from_millis(100)).await;
    stop(toss).await;
    assert!(pending.await.expect("no panic").is_err());
    let toss = start_with(config(&path)).await;
    assert_eq!(toss.confirm(&key, "order-0001", "k").await.status, 200);
    assert_eq!(toss.truth(&key), (15_000, 1, 0));
}

#[test]
fn a_damaged_or_foreign_file_is_a_clear_error_and_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("simulator.json");
    for (text, expected) in [
        ("", "damaged"),
        ("{\"format\": 1", "damaged"),
        ("{\"format\": 1}", "damaged"),
        ("{\"format\": 2, \"whatever\": []}", "format 2"),
    ] {
        std::fs::write(&path, text).expect("written");
        let error = Simulator::new(config(&path)).expect_err("an error").to_string();
        assert!(error.contains(expected) && error.contains("simulator.json"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).expect("still there"), text);
    }
    let error = Simulator::new(config(folder.path())).expect_err("an error").to_string();
    assert!(error.contains("cannot be read"), "{error}");
}
