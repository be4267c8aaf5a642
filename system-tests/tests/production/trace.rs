//! One request's ids, from the API's process through the queue to a worker's process and on to Toss.

use reqwest::Method;
use serde_json::{Value, json};
use system_tests::{Process, send};

use crate::fleet::{Shape, on_a_fleet};

const REQUEST: &str = "checkout-across-processes";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const OF_CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The line of a process that tells this of the request.
fn told(process: &mut Process, message: &str) -> Value {
    process.wait_for(message, |process| {
        let said = process.said();
        let lines = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut mine = lines.filter(|line| line["span"]["request_id"] == REQUEST);
        mine.find(|line| line["message"] == message)
    })
}

/// Trace and span of a `traceparent`.
fn ids(traceparent: &Value) -> (Value, Value) {
    let mut parts = traceparent.as_str().expect("a traceparent").split('-').skip(1);
    (parts.next().into(), parts.next().into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_followed_by_its_ids_over_every_process_that_it_passes() {
    on_a_fleet(Shape::with_workers(1), async |fleet| {
        let mut copies = fleet.operator.listen("confirm").await;
        let checkout = fleet.prepare(1).await.remove(0);
        let url = format!("{}/v1/orders/{}/confirm", fleet.apis[0].url, checkout.order.id);
        let request = fleet.client.request(Method::POST, &url).bearer_auth(&checkout.order.token);
        let request = request.header("x-request-id", REQUEST).header("traceparent", OF_CALLER);
        let body = json!({"paymentKey": checkout.payment_key, "amount": checkout.order.amount});
        assert_eq!(send(request.json(&body)).await.status, 202);

        let answered = told(&mut fleet.apis[0].process, "answered");
        assert_eq!(answered["span"]["trace_id"], TRACE);
        let span_of_request = answered["span"]["span_id"].clone();

        let headers = copies.next().await;
        assert_eq!(headers["x-request-id"], REQUEST);
        assert_eq!(
            ids(&headers["traceparent"].clone().into()),
            (TRACE.into(), span_of_request.clone())
        );

        let settled = told(&mut fleet.workers[0], "settled");
        assert_eq!(settled["span"]["order_id"], checkout.order.id.as_str());
        assert_eq!(settled["span"]["trace_id"], TRACE);
        assert_eq!(settled["span"]["parent_span_id"], span_of_request);

        let call = fleet.ledger_entry(&checkout.order.id).await["requests"][0].clone();
        assert_eq!(call["requestId"], REQUEST);
        let span_of_attempt = settled["span"]["span_id"].clone();
        assert_eq!(ids(&call["traceparent"]), (TRACE.into(), span_of_attempt));
    })
    .await;
}
