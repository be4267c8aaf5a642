//! What staff read besides single rows: filtered lists, counts, groups, tables, the overview and timelines.

use axum::http::StatusCode;
use domain::answer::FailureClass;
use serde_json::{Value, json};

use crate::app::{Answer, As, TestApp};
use crate::toss::failure;

fn rows(answer: &Answer) -> &Vec<Value> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body["data"].as_array().unwrap()
}

fn count(counts: &Answer, state: &str) -> u64 {
    let counts = counts.body["counts"].as_array().unwrap();
    counts.iter().find(|one| one["state"] == state).unwrap()["count"].as_u64().unwrap()
}

#[tokio::test]
async fn jobs_are_filtered_by_whatever_the_console_asks_for() {
    let app = TestApp::start().await;
    let (parked, job) = app.parked_order().await;
    app.paid_order().await;
    app.declined_order().await;
    for (query, expected) in [
        ("", 3),
        ("state=failed", 2),
        ("state=all", 3),
        ("state=parked", 1),
        ("state=failed&class=broken", 1),
        ("class=throttled", 0),
        ("merchant=default", 3),
        ("merchant=other", 0),
        ("amountMin=4000&amountMax=4000", 3),
        ("amountMin=4001", 0),
        ("from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z", 3),
        ("to=2020-01-01T00:00:00Z", 0),
        ("text=nobody", 0),
        (&format!("text={}", parked.id), 1),
        ("sort=amount", 3),
        ("sort=last_change&state=failed", 2),
        // Those that have ended wait for nothing.
        ("sort=oldest_waiting", 1),
    ] {
        let answer = app.get(As::Manager, &format!("/v1/jobs?{query}")).await;
        assert_eq!(rows(&answer).len(), expected, "{query}");
    }
    let page = app.get(As::Manager, "/v1/jobs?state=parked").await;
    let row = &rows(&page)[0];
    assert_eq!((&row["jobId"], &row["class"]), (&json!(job), &json!("broken")));
    assert_eq!((&row["amount"], &row["merchant"]), (&json!(4_000), &json!("default")));
}

#[tokio::test]
async fn a_filter_that_cannot_be_is_refused_with_its_name() {
    let app = TestApp::start().await;
    for (path, parameter) in [
        ("/v1/jobs?sort=best", "sort"),
        ("/v1/jobs?class=bad", "class"),
        ("/v1/jobs?state=gone", "state"),
        ("/v1/jobs?merchant=a%20b", "merchant"),
        ("/v1/jobs?from=yesterday", "from"),
        ("/v1/jobs?amountMin=-1", "amountMin"),
        ("/v1/jobs?amountMax=1.5", "amountMax"),
        ("/v1/jobs?text=%20", "text"),
        ("/v1/jobs?cursor=1.x%20", "cursor"),
        ("/v1/jobs?cursor=nonsense", "cursor"),
        ("/v1/jobs/counts?limit=1", "limit"),
        ("/v1/jobs/groups?sort=newest", "sort"),
        ("/v1/jobs.csv?cursor=1.x", "cursor"),
        ("/v1/orders?text=", "text"),
        ("/v1/orders?amountMin=x", "amountMin"),
        ("/v1/audit?action=DROP%20TABLE", "action"),
        ("/v1/audit?to=then", "to"),
    ] {
        let answer = app.get(As::Master, path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}: {}", answer.body);
        assert_eq!(answer.body["errors"][0]["parameter"], parameter, "{path}");
    }
}

#[tokio::test]
async fn jobs_are_counted_by_state_and_grouped_by_code() {
    let app = TestApp::start().await;
    app.parked_order().await;
    app.paid_order().await;
    app.declined_order().await;
    let counts = app.get(As::Manager, "/v1/jobs/counts").await;
    let of = ["all", "failed", "parked", "succeeded", "declined", "queued"];
    assert_eq!(of.map(|state| count(&counts, state)), [3, 2, 1, 1, 1, 0]);
    assert!(counts.body["counts"].as_array().unwrap().iter().all(|one| one["more"] == false));
    let cancels = app.get(As::Manager, "/v1/jobs/counts?kind=cancel").await;
    assert_eq!(count(&cancels, "all"), 0);
    let foreign = app.get(As::Owner, "/v1/jobs/counts").await;
    assert_eq!(count(&foreign, "all"), 0);
    let groups = app.get(As::Manager, "/v1/jobs/groups?state=failed").await;
    let groups = groups.body["groups"].as_array().unwrap().clone();
    assert_eq!(groups.len(), 2);
    assert!(groups.iter().all(|group| group["count"] == 1 && group["kind"] == "confirm"));
    let parked = groups.iter().find(|group| group["code"] == "UNAUTHORIZED_KEY").unwrap();
    assert_eq!(parked["class"], "broken");
}

#[tokio::test]
async fn jobs_are_exported_as_a_table_in_which_nothing_is_a_formula() {
    let app = TestApp::start().await;
    let (order, job) = app.parked_order().await;
    app.sql(&format!("UPDATE jobs SET last_message = '=HYPERLINK(\"x\"),1' WHERE id = '{job}'"))
        .await;
    let answer = app.get(As::Manager, "/v1/jobs.csv?state=failed").await;
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"jobs.csv\"");
    assert!(answer.headers.get("x-truncated").is_none());
    let text = String::from_utf8(answer.bytes).unwrap();
    let lines: Vec<_> = text.trim_start_matches('\u{feff}').split("\r\n").collect();
    assert_eq!(lines.len(), 3, "a head, a job, and the end of the last line");
    assert!(lines[0].starts_with("\"jobId\",\"kind\",\"state\""));
    assert!(lines[1].starts_with(&format!("\"{job}\",\"confirm\",\"parked\",\"{}\"", order.id)));
    assert!(lines[1].contains("\"'=HYPERLINK(\"\"x\"\"),1\""), "{text}");
    let foreign = app.get(As::Owner, "/v1/jobs.csv").await;
    assert_eq!(String::from_utf8(foreign.bytes).unwrap().lines().count(), 1);
}

#[tokio::test]
async fn orders_are_found_by_the_customers_name_and_number() {
    let app = TestApp::start().await;
    let order = app.paid_order().await;
    let own = app.get(As::Token(&order.access), &order.path()).await;
    assert!(own.body["customer"].is_null());
    let staff = app.get(As::Manager, &order.path()).await;
    let phone = staff.body["customer"]["phone"].as_str().unwrap().to_owned();
    let end = &phone[phone.len() - 4..];
    for query in [format!("text={end}"), format!("text={}", order.id), "amountMax=4000".to_owned()]
    {
        let found = app.get(As::Manager, &format!("/v1/orders?{query}")).await;
        assert_eq!(rows(&found).len(), 1, "{query}");
        let foreign = app.get(As::Owner, &format!("/v1/orders?{query}")).await;
        assert!(rows(&foreign).is_empty(), "{query}");
    }
}

#[tokio::test]
async fn the_overview_tells_what_needs_a_person_and_how_it_goes() {
    let app = TestApp::start().await;
    app.parked_order().await;
    app.paid_order().await;
    app.declined_order().await;
    let own = app.get(As::Manager, "/v1/overview").await;
    assert_eq!(own.status, StatusCode::OK, "{}", own.body);
    assert_eq!(
        own.body["needsPerson"]["parked"],
        json!([{ "reason": "setup", "count": 1, "more": false }])
    );
    assert_eq!(
        (&own.body["hour"]["succeeded"], &own.body["hour"]["failed"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(own.body["day"]["successPerHundredThousand"], 50_000);
    assert_eq!(own.body["hour"]["points"].as_array().unwrap().len(), 60);
    assert_eq!(own.body["merchants"], json!([]));
    let all = app.get(As::Master, "/v1/overview").await;
    let latency = &all.body["merchants"][0]["latency"][0];
    assert_eq!((&latency["operation"], &latency["calls"]), (&json!("confirm"), &json!(3)));
    let foreign = app.get(As::Owner, "/v1/overview").await;
    assert_eq!(foreign.body["needsPerson"]["parked"], json!([]));
    assert_eq!(foreign.body["hour"]["succeeded"], 0);
}

#[tokio::test]
async fn a_timeline_tells_staff_what_happened_and_nobody_else() {
    let app = TestApp::start().await;
    let order = app.order().await;
    let job = app.confirm(&order).await;
    app.work(&job, failure(FailureClass::Unsent, "CONNECT_FAILED")).await;
    app.post(As::Manager, &format!("/v1/jobs/{job}/look-up"), json!({ "reason": "asked" })).await;
    let path = format!("{}/timeline", order.path());
    let told = app.get(As::Manager, &path).await;
    assert_eq!(told.status, StatusCode::OK, "{}", told.body);
    let entries = told.body["entries"].as_array().unwrap();
    let words: Vec<_> = entries.iter().map(|entry| entry["what"].as_str().unwrap()).collect();
    for word in ["order_made", "confirm_accepted", "job_made", "called", "acted"] {
        assert!(words.contains(&word), "{word}: {words:?}");
    }
    let called = entries.iter().find(|entry| entry["what"] == "called").unwrap();
    assert_eq!(
        (&called["jobId"], &called["attempt"]["code"]),
        (&json!(job), &json!("CONNECT_FAILED"))
    );
    assert!(called["attempt"]["request"]["payment_key"].as_str().unwrap().starts_with('…'));
    assert_eq!(told.body["jobs"].as_array().unwrap().len(), 2);
    assert_eq!(app.get(As::Owner, &path).await.code(), "order_unknown");
    for customer in [&order.access, &order.ticket, &order.checkout] {
        let refused = app.get(As::Token(customer), &path).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    }
}
