//! Stores and menus.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::app::{As, TestApp, merchants};

fn store(name: &str) -> Value {
    json!({ "name": name, "deliveryFee": 2_000, "minimumOrder": 10_000, "open": true })
}

#[tokio::test]
async fn everybody_reads_stores_and_menus() {
    let app = TestApp::start().await;
    let stores = app.get(As::Nobody, "/v1/stores?limit=2").await;
    assert_eq!(stores.body["data"].as_array().unwrap().len(), 2);
    assert!(stores.body["data"][0].get("merchant").is_none());
    let rest =
        app.get(As::Nobody, &format!("/v1/stores?cursor={}", stores.text("nextCursor"))).await;
    assert_eq!(rest.body["data"].as_array().unwrap().len(), 1);
    assert!(rest.body["nextCursor"].is_null());
    let menu = app.get(As::Nobody, "/v1/stores/mala/menu").await;
    assert_eq!(menu.body["deliveryFee"], 3_000);
    let malatang = &menu.body["products"][0];
    assert_eq!(malatang["optionGroups"][0]["minChoices"], 1);
    assert_eq!(malatang["optionGroups"][1]["options"][3]["available"], false);
}

#[tokio::test]
async fn only_masters_create_stores_and_choose_merchants() {
    let app = TestApp::start_with(|settings| {
        settings.merchants = merchants(&[("default", &["test_ck_1"]), ("second", &["test_ck_2"])]);
    })
    .await;
    let refused = app.put(As::Owner, "/v1/stores/new", store("새 가게")).await;
    assert_eq!(refused.code(), "store_unknown");
    let created = app.put(As::Master, "/v1/stores/new", store("새 가게")).await;
    assert_eq!((created.status, created.text("merchant")), (StatusCode::CREATED, "default"));
    let mut changed = store("새 가게");
    changed["merchant"] = json!("second");
    let changed = app.put(As::Master, "/v1/stores/new", changed).await;
    assert_eq!((changed.status, changed.text("merchant")), (StatusCode::OK, "second"));
    let mut unknown = store("새 가게");
    unknown["merchant"] = json!("third");
    let unknown = app.put(As::Master, "/v1/stores/new", unknown).await;
    assert_eq!(unknown.body["errors"][0]["pointer"], "/merchant");
    let mut theft = store("말라");
    theft["merchant"] = json!("second");
    let theft = app.put(As::Owner, "/v1/stores/mala", theft).await;
    assert_eq!((theft.status, theft.code()), (StatusCode::FORBIDDEN, "forbidden"));
    let own = app.put(As::Owner, "/v1/stores/mala", store("말라")).await;
    assert_eq!(own.status, StatusCode::OK);
    assert!(own.body.get("merchant").is_none());
}

#[tokio::test]
async fn a_price_change_is_audited_and_counts_at_once() {
    let app = TestApp::start().await;
    let gimbap = json!({ "name": "김밥", "price": 4_500, "available": true });
    let put = app.put(As::Manager, "/v1/stores/gimbap/products/gimbap", gimbap).await;
    assert_eq!((put.status, put.body["price"].clone()), (StatusCode::OK, json!(4_500)));
    let old = app.post(As::Nobody, "/v1/orders", crate::app::gimbap_order()).await;
    assert_eq!(old.code(), "amount_mismatch");
    let audit = app.get(As::Master, "/v1/audit?subject=gimbap").await;
    let entry = &audit.body["data"][0];
    assert_eq!(entry["actorName"], "manager");
    let detail = entry["detail"].to_string();
    assert!(detail.contains("4000") && detail.contains("4500"), "{detail}");
}

#[tokio::test]
async fn a_product_that_is_not_sound_is_refused_with_its_place() {
    let app = TestApp::start().await;
    let path = "/v1/stores/gimbap/products/set";
    let group = |min, max, price| {
        json!({ "groupId": "drink", "name": "음료", "minChoices": min, "maxChoices": max,
            "options": [{ "optionId": "cola", "name": "콜라", "price": price, "available": true }] })
    };
    let product = |name: &str, price: i64, group: Value| json!({ "name": name, "price": price, "available": true, "optionGroups": [group] });
    for (body, pointer) in [
        (product("", 1, group(0, 1, 0)), "/name"),
        (product("세트", 10_000_001, group(0, 1, 0)), "/price"),
        (product("세트", -1, group(0, 1, 0)), "/price"),
        (product("세트", 1, group(1, 0, 0)), "/optionGroups"),
        (product("세트", 1, group(0, 2, 0)), "/optionGroups"),
        (product("세트", 1, group(0, 1, -5)), "/optionGroups/0/options/0/price"),
    ] {
        let answer = app.put(As::Manager, path, body.clone()).await;
        assert_eq!(answer.body["errors"][0]["pointer"], pointer, "{body}");
    }
    // PostgreSQL takes no NUL, and nobody should read a menu from right to left.
    for hidden in ["한 끼\0", "\u{202e}한 끼"] {
        let mut body = product("세트", 1, group(0, 1, 0));
        body["description"] = json!(hidden);
        let answer = app.put(As::Manager, path, body).await;
        assert_eq!(answer.body["errors"][0]["pointer"], "/description", "{hidden:?}");
    }
    let good = app.put(As::Manager, path, product("세트", 6_000, group(1, 1, 500))).await;
    assert_eq!(good.status, StatusCode::CREATED);
    let bad_id = app
        .put(As::Manager, "/v1/stores/gimbap/products/a.b", product("세트", 1, group(0, 1, 0)))
        .await;
    assert_eq!(bad_id.body["errors"][0]["parameter"], "productId");
}
