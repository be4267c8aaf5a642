//! Who gets in. Closed by default: every route of the document is tried without a credential, and with everybody else's.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{As, Ordered, TestApp, request};

/// What anybody may call.
const PUBLIC: [&str; 9] = [
    "live",
    "ready",
    "checkoutConfig",
    "listStores",
    "readMenu",
    "quote",
    "createOrder",
    // It believes nothing; see its own tests.
    "takeWebhook",
    // They show nothing and do nothing without a token in their address; see the checkout's own tests.
    "checkoutSuccess",
];
/// What members of staff read of their own stores, and of no other.
const OF_WHAT_IS_THEIRS: [&str; 7] = [
    "listOrders",
    "listJobs",
    "countJobs",
    "groupJobs",
    "exportJobs",
    "readOverview",
    "listBulkRuns",
];
const REDIRECT: &str = "checkoutFail";

struct Route {
    id: String,
    method: Method,
    path: String,
}

/// Every route, its parameters filled with what exists.
fn routes(order: &Ordered, job: &str, cancel: &str, run: &str) -> Vec<Route> {
    let document = serde_json::to_value(api::openapi()).unwrap();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let path = path
                .replace("{orderId}", &order.id)
                .replace("{jobId}", job)
                .replace("{cancelId}", cancel)
                .replace("{runId}", run)
                .replace("{storeId}", "gimbap")
                .replace("{productId}", "gimbap");
            routes.push(Route {
                id: operation["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase().parse().unwrap(),
                path,
            });
        }
    }
    assert!(routes.len() >= 37, "{}", routes.len());
    routes
}

/// A body that each route would take.
fn body(route: &Route) -> Option<Value> {
    if route.method == Method::GET {
        return None;
    }
    Some(match route.id.as_str() {
        "confirmOrder" => json!({ "paymentKey": "key-1", "amount": 4_000 }),
        "cancelOrder" | "discardJob" => json!({ "reason": "because" }),
        "pauseCalls" | "resumeCalls" => json!({ "reason": "because" }),
        "changeDueTime" => {
            json!({ "dueAt": "2026-01-01T00:00:00Z", "seenDueAt": "2026-01-01T00:00:00Z" })
        }
        "closeReview" => json!({ "reason": "because", "paymentVersion": 1 }),
        "matchCancel" => json!({ "reason": "because", "paymentVersion": 1, "none": true }),
        "previewBulkRun" => json!({ "action": "retry", "filter": {} }),
        "createBulkRun" => json!({ "action": "retry", "reason": "because", "filter": {} }),
        "putStore" => json!({ "name": "x", "deliveryFee": 0, "minimumOrder": 0, "open": true }),
        "putProduct" => json!({ "name": "x", "price": 1, "available": true }),
        _ => json!({}),
    })
}

#[tokio::test]
async fn no_route_but_the_public_ones_opens_without_the_right_credential() {
    let app = TestApp::start().await;
    let order = app.paid_order().await;
    let other = app.order().await;
    let cancel = app.cancel(As::Manager, &order, "cancel-1", json!({ "reason": "x" })).await;
    let job = app.job_of(&order, "cancel").await;
    let run = app.begin_run(As::Manager, json!({ "jobIds": [&job] })).await;
    let routes = routes(&order, &job, cancel.text("cancelId"), run.text("runId"));
    let forged_ticket = other.ticket.replace("otk_", "otk_A");
    let strangers = [
        As::Nobody,
        As::Token("nonsense"),
        As::Token("sst_unknown"),
        As::Token("oat_unknown"),
        As::Token(&other.access),
        As::Token(&other.checkout),
        As::Token(&other.ticket),
        As::Token(&forged_ticket),
        // Staff of another store.
        As::Owner,
    ];
    let closed =
        routes.iter().filter(|route| !PUBLIC.contains(&route.id.as_str()) && route.id != REDIRECT);
    for route in closed {
        for stranger in strangers {
            // Lists show staff what is theirs: here, nothing of the other store.
            if matches!(stranger, As::Owner) && OF_WHAT_IS_THEIRS.contains(&route.id.as_str()) {
                let answer = app.get(stranger, &route.path).await;
                assert_eq!(answer.status, StatusCode::OK, "{}", route.id);
                let text = String::from_utf8(answer.bytes).unwrap();
                let is_told = text.contains(&order.id) || text.contains(&job);
                assert!(!is_told && !text.contains("default"), "{}: {text}", route.id);
                continue;
            }
            let headers = [("idempotency-key", "key-1")];
            // Of all jobs, none is theirs.
            if matches!(stranger, As::Owner)
                && ["previewBulkRun", "createBulkRun"].contains(&route.id.as_str())
            {
                let answer = app.post(stranger, &route.path, body(route).unwrap()).await;
                assert_eq!(answer.code(), "bulk_empty", "{}", route.id);
                continue;
            }
            let answer = app
                .send(request(route.method.clone(), stranger, &route.path, &headers, body(route)))
                .await;
            let is_closed =
                [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::NOT_FOUND]
                    .contains(&answer.status);
            assert!(is_closed, "{} {stranger:?}: {} {}", route.id, answer.status, answer.body);
            assert!(
                answer.body["orderId"].is_null() && answer.body["data"].is_null(),
                "{}",
                route.id
            );
        }
    }
    let view = app.get(As::Token(&order.access), &order.path()).await;
    assert_eq!(view.body["cancels"].as_array().unwrap().len(), 1, "nothing was done");
}

#[tokio::test]
async fn strangers_cannot_tell_an_order_that_exists_from_one_that_does_not() {
    let app = TestApp::start().await;
    let (order, other) = (app.order().await, app.order().await);
    let missing = "/v1/orders/no-such-order";
    for path in ["", "/events", "/confirm", "/close"] {
        let method =
            if ["/confirm", "/close"].contains(&path) { Method::POST } else { Method::GET };
        for who in [As::Nobody, As::Token(&other.access), As::Owner] {
            let body = (method == Method::POST).then(|| json!({ "paymentKey": "k", "amount": 1 }));
            let there = app
                .send(request(
                    method.clone(),
                    who,
                    &format!("{}{path}", order.path()),
                    &[],
                    body.clone(),
                ))
                .await;
            let not_there = app
                .send(request(method.clone(), who, &format!("{missing}{path}"), &[], body))
                .await;
            assert_eq!(there.status, not_there.status, "{path} {who:?}");
            assert_eq!(there.code(), not_there.code(), "{path} {who:?}");
        }
    }
}

#[tokio::test]
async fn each_token_opens_what_it_is_for() {
    let app = TestApp::start().await;
    let order = app.order().await;
    for token in [&order.access, &order.ticket] {
        assert_eq!(app.get(As::Token(token), &order.path()).await.status, StatusCode::OK);
    }
    let by_query = app.get(As::Nobody, &format!("{}?ticket={}", order.path(), order.ticket)).await;
    assert_eq!(by_query.status, StatusCode::OK);
    assert_eq!(app.get(As::Token(&order.checkout), &order.path()).await.code(), "order_unknown");
    let closing = app.post(As::Token(&order.ticket), &order.path_to("close"), json!({})).await;
    assert_eq!(closing.code(), "order_unknown", "a ticket only reads");
    for staff in [As::Manager, As::Master] {
        assert_eq!(app.get(staff, &order.path()).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn the_address_carries_tickets_and_no_other_credential() {
    let app = TestApp::start().await;
    let order = app.order().await;
    for path in [order.path(), order.path_to("events")] {
        for token in [&order.access, &order.checkout, "sst_manager", "sst_master", "otk", "x"] {
            let answer = app.get(As::Nobody, &format!("{path}?ticket={token}")).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path} {token}");
            assert_eq!(answer.code(), "unauthorized", "{path} {token}");
        }
    }
    let by_header = format!("{}?ticket={}", order.path(), order.access);
    assert_eq!(
        app.get(As::Token(&order.access), &by_header).await.status,
        StatusCode::OK,
        "a header goes before the address"
    );
}

#[tokio::test]
async fn a_ticket_expires_by_the_stores_clock_and_is_renewed_in_time() {
    let app = TestApp::start().await;
    let order = app.order().await;
    app.store.advance_clock(10 * 60_000);
    let first = app.get(As::Token(&order.ticket), &order.path()).await;
    let renewed = first.text("ticket").to_owned();
    let same_version = [("if-none-match", first.header("etag"))];
    let again = app.get_with(As::Token(&order.ticket), &order.path(), &same_version).await;
    assert_eq!(
        again.status,
        StatusCode::OK,
        "a ticket past half its time is renewed though nothing changed"
    );
    let fresh = app.get_with(As::Token(&renewed), &order.path(), &same_version).await;
    assert_eq!(fresh.status, StatusCode::NOT_MODIFIED);
    app.store.advance_clock(6 * 60_000);
    let expired = app.get(As::Token(&order.ticket), &order.path()).await;
    assert_eq!((expired.status, expired.code()), (StatusCode::UNAUTHORIZED, "ticket_expired"));
    assert_eq!(expired.header("www-authenticate"), "Bearer");
    assert_eq!(app.get(As::Token(&renewed), &order.path()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn disabled_staff_are_nobody() {
    let app = TestApp::start().await;
    let staff = app.store.list_staff(None, 10).await.unwrap().rows;
    let owner = staff.iter().find(|member| member.name == "owner").unwrap();
    assert_eq!(app.get(As::Owner, "/v1/orders").await.status, StatusCode::OK);
    app.store.disable_staff(&owner.id, &store::Actor::system()).await.unwrap();
    assert_eq!(app.get(As::Owner, "/v1/orders").await.code(), "unauthorized");
}
