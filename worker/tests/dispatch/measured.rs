//! What a running worker measures.

use domain::job::{JobKind, JobState};
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::hands::Fault;
use crate::running::{Running, SOON, has_ended, wait_for};
use crate::shop::Shop;

// One thread, because the recorder is that thread's own.
#[tokio::test]
async fn claims_calls_and_outcomes_are_counted_and_no_order_makes_a_series() {
    let recorder = PrometheusBuilder::new().set_buckets(&[1.0]).unwrap().build_recorder();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let shop = Shop::open().await;
    let running = Running::start(&shop, 4);
    let mut jobs = Vec::new();
    for fault in [None, Some(Fault::code("REJECT_CARD_COMPANY")), Some(Fault::new("cut_after"))] {
        let paying = shop.authenticated(23).await;
        if let Some(fault) = fault {
            shop.goes_wrong(&paying, "confirm", &fault);
        }
        let job = shop.accept(&paying).await;
        running.publish(&shop, &job, JobKind::Confirm).await;
        jobs.push(job);
    }
    for job in &jobs {
        wait_for("every confirm", SOON, async || has_ended(&shop, job).await).await;
    }
    // A message that comes again finds an ended job.
    running.publish(&shop, &jobs[0], JobKind::Confirm).await;
    let text = || recorder.handle().render();
    let again = "seungin_claims_total{outcome=\"not_now\"} 1";
    wait_for("the second delivery", SOON, async || text().contains(again)).await;

    let text = text();
    for line in [
        "seungin_claims_total{outcome=\"attempt\"} 4",
        "seungin_attempts_total{operation=\"confirm\",class=\"payment\"} 1",
        "seungin_attempts_total{operation=\"confirm\",class=\"refused\"} 1",
        "seungin_attempts_total{operation=\"confirm\",class=\"unanswered\"} 1",
        "seungin_attempts_total{operation=\"look_up\",class=\"payment\"} 1",
        "seungin_settlements_total{next=\"succeeded\"} 2",
        "seungin_settlements_total{next=\"declined\"} 1",
        "seungin_settlements_total{next=\"waiting\"} 1",
        "seungin_toss_call_duration_seconds_count{operation=\"confirm\"} 3",
        "seungin_toss_call_duration_seconds_count{operation=\"look_up\"} 1",
    ] {
        assert!(text.lines().any(|known| known == line), "no {line} in\n{text}");
    }
    for job in &jobs {
        let row = shop.job(job).await;
        assert!(row.state == JobState::Succeeded || row.state == JobState::Declined);
        assert!(!text.contains(&row.id) && !text.contains(&row.order_id), "{text}");
    }
    running.stop().await.unwrap();
    shop.close().await;
}

#[tokio::test]
async fn a_call_that_could_not_be_sent_is_an_attempt_and_no_fast_call() {
    let recorder = PrometheusBuilder::new().set_buckets(&[1.0]).unwrap().build_recorder();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let mut shop = Shop::open().await;
    let reaching = shop.dispatcher.clone();
    shop.dispatcher = shop.cut_off("cut-off").await;
    let running = Running::start(&shop, 1);
    let paying = shop.authenticated(23).await;
    let job = shop.accept(&paying).await;
    running.publish(&shop, &job, JobKind::Confirm).await;
    let text = || recorder.handle().render();
    let unsent = "seungin_attempts_total{operation=\"confirm\",class=\"unsent\"}";
    wait_for("an attempt", SOON, async || text().contains(unsent)).await;
    assert!(!text().contains("seungin_toss_call_duration_seconds"), "{}", text());
    running.stop().await.unwrap();
    shop.dispatcher = reaching;
    shop.drain().await;
    shop.close().await;
}
