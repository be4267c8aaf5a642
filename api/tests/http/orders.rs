//! Making, reading, listing and closing orders.

use axum::http::StatusCode;
use serde_json::json;

use crate::app::{As, TestApp, gimbap_order, merchants, order_body, with};

#[tokio::test]
async fn an_order_carries_what_the_payment_window_needs() {
    let app = TestApp::start().await;
    let items = json!([
        { "productId": "malatang", "quantity": 2, "options": ["hot", "beef"] },
        { "productId": "guobaorou", "quantity": 1 },
    ]);
    let amount = 2 * (9_000 + 500 + 3_000) + 18_000 + 3_000;
    let answer = app.post(As::Nobody, "/v1/orders", order_body("mala", items, amount)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let id = answer.text("orderId").to_owned();
    assert_eq!(answer.header("location"), format!("/v1/orders/{id}"));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.text("orderName"), "malatang 외 1건");
    assert_eq!(answer.body["amount"], amount);
    assert_eq!(answer.text("customerMobilePhone"), "01012345678");
    assert_eq!(answer.text("customerKey"), "@@ANONYMOUS");
    assert_eq!(answer.text("clientKey"), "test_ck_1");
    for (name, path) in [("successUrl", "success"), ("failUrl", "fail")] {
        assert!(
            answer
                .text(name)
                .starts_with(&format!("https://shop.example/checkout/{path}?token=cot_")),
            "{name}"
        );
    }
    assert!(answer.text("accessToken").starts_with("oat_"));
    let order = &answer.body["order"];
    assert_eq!(order["status"], "awaiting_payment");
    assert_eq!(order["lines"][0]["options"][1]["optionId"], "beef");
    assert_eq!(order["lines"][0]["amount"], 25_000);
    assert_eq!(
        order["itemsAmount"].as_i64().unwrap() + order["deliveryFee"].as_i64().unwrap(),
        amount
    );
    assert!(order.get("customer").is_none(), "a customer's view does not repeat who they are");
}

#[tokio::test]
async fn a_quote_costs_what_the_order_costs() {
    let app = TestApp::start().await;
    let items = json!([{ "productId": "guobaorou", "quantity": 1 }]);
    let quote =
        app.post(As::Nobody, "/v1/quotes", json!({ "storeId": "mala", "items": items })).await;
    assert_eq!(quote.status, StatusCode::OK);
    assert_eq!(quote.body["amount"], 21_000);
    assert_eq!(quote.body["minimumOrder"], 15_000);
    let amount = quote.body["amount"].as_i64().unwrap();
    app.order_of(order_body("mala", items, amount)).await;
}

#[tokio::test]
async fn a_differing_amount_is_refused_with_the_whole_calculation() {
    let app = TestApp::start().await;
    let items = json!([{ "productId": "guobaorou", "quantity": 1 }]);
    let answer = app.post(As::Nobody, "/v1/orders", order_body("mala", items, 20_000)).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.code(), "amount_mismatch");
    assert_eq!(answer.body["quotedAmount"], 20_000);
    let quote = &answer.body["quote"];
    assert_eq!(quote["amount"], 21_000);
    assert_eq!(quote["deliveryFee"], 3_000);
    assert_eq!(quote["lines"][0]["unitPrice"], 18_000);
    assert_eq!(quote["minimumOrder"], 15_000);
}

#[tokio::test]
async fn everything_wrong_with_a_form_is_told_at_once() {
    let app = TestApp::start().await;
    let mut body = gimbap_order();
    body["orderId"] = json!("짧음");
    body["amount"] = json!(-1);
    body["customer"] = json!({ "name": " ", "email": "nobody", "phone": "call me" });
    body["delivery"] = json!({ "address": "a\u{7}", "note": "x".repeat(301) });
    let answer = app.post(As::Nobody, "/v1/orders", body).await;
    assert_eq!(answer.code(), "invalid_request");
    let pointers: Vec<_> = answer.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(
        pointers,
        [
            "/orderId",
            "/amount",
            "/customer/name",
            "/customer/email",
            "/customer/phone",
            "/delivery/address",
            "/delivery/note"
        ]
    );
}

#[tokio::test]
async fn an_unknown_field_is_refused_and_named() {
    let app = TestApp::start().await;
    let answer =
        app.post(As::Nobody, "/v1/orders", with(gimbap_order(), "/delivery/floor", json!(3))).await;
    assert_eq!(answer.code(), "invalid_request");
    assert_eq!(answer.body["errors"][0]["pointer"], "/delivery/floor");
    assert_eq!(answer.body["errors"][0]["code"], "unknown_field");
}

/// Scenario 20.
#[tokio::test]
async fn the_same_key_twice_at_once_makes_one_order_and_another_body_is_refused() {
    let app = TestApp::start().await;
    let key = [("idempotency-key", "0b9f3a66-6c7d-4b3e-9a53-6a1d6f3f2a10")];
    let (one, two) = tokio::join!(
        app.post_with(As::Nobody, "/v1/orders", &key, gimbap_order()),
        app.post_with(As::Nobody, "/v1/orders", &key, gimbap_order()),
    );
    assert_eq!((one.status, two.status), (StatusCode::CREATED, StatusCode::CREATED));
    assert_eq!(one.text("orderId"), two.text("orderId"));
    assert_eq!(one.text("accessToken"), two.text("accessToken"));
    let replays = [&one, &two].map(|answer| answer.header("idempotent-replayed") == "true");
    assert_eq!(replays.iter().filter(|is_replay| **is_replay).count(), 1);
    let spelled_otherwise = json!({
        "items": [{ "quantity": 1, "productId": "gimbap", "options": [] }],
        "delivery": gimbap_order()["delivery"], "customer": gimbap_order()["customer"],
        "amount": 4_000, "storeId": "gimbap",
    });
    let same = app.post_with(As::Nobody, "/v1/orders", &key, spelled_otherwise).await;
    assert_eq!(same.text("orderId"), one.text("orderId"));
    let other = with(gimbap_order(), "/customer/name", json!("박둘"));
    let refused = app.post_with(As::Nobody, "/v1/orders", &key, other).await;
    assert_eq!(refused.code(), "idempotency_key_reused");
    let orders = app.get(As::Master, "/v1/orders").await;
    assert_eq!(orders.body["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_proposed_order_id_is_taken_once() {
    let app = TestApp::start().await;
    let body = with(gimbap_order(), "/orderId", json!("my-order_1"));
    assert_eq!(app.order_of(body.clone()).await.id, "my-order_1");
    let again = app.post(As::Nobody, "/v1/orders", body).await;
    assert_eq!((again.status, again.code()), (StatusCode::CONFLICT, "order_id_taken"));
}

#[tokio::test]
async fn a_closed_order_takes_no_payment_and_closing_it_again_answers_the_same() {
    let app = TestApp::start().await;
    let order = app.order().await;
    for _ in 0..2 {
        let closed = app.post(As::Token(&order.access), &order.path_to("close"), json!({})).await;
        assert_eq!(closed.status, StatusCode::OK);
        assert_eq!(closed.text("status"), "closed");
        assert_eq!(closed.body["keepPolling"], false);
    }
    let confirm =
        app.post(As::Token(&order.access), &order.path_to("confirm"), order.confirm()).await;
    assert_eq!(confirm.code(), "order_closed");
    assert_eq!(app.job_count().await, 0);
}

#[tokio::test]
async fn staff_close_orders_of_their_own_store_and_it_is_audited() {
    let app = TestApp::start().await;
    let order = app.order().await;
    let foreign = app.post(As::Owner, &order.path_to("close"), json!({})).await;
    assert_eq!(foreign.code(), "order_unknown");
    let closed = app.post(As::Manager, &order.path_to("close"), json!({})).await;
    assert_eq!(closed.text("status"), "closed");
    assert_eq!(closed.body["delivery"]["address"], "서울 강남구 테헤란로 1");
    let audit = app.get(As::Master, &format!("/v1/audit?subject={}", order.id)).await;
    assert_eq!(audit.body["data"][0]["action"], "order.close");
    assert_eq!(audit.body["data"][0]["actorName"], "manager");
}

#[tokio::test]
async fn staff_list_the_orders_of_their_stores_page_by_page() {
    let app = TestApp::start().await;
    let mut mine = Vec::new();
    for _ in 0..5 {
        mine.push(app.order().await.id);
    }
    let items = json!([{ "productId": "guobaorou", "quantity": 1 }]);
    app.order_of(order_body("mala", items, 21_000)).await;
    let mut seen = Vec::new();
    let mut path = "/v1/orders?limit=2&status=awaiting_payment".to_owned();
    loop {
        let page = app.get(As::Manager, &path).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        seen.extend(
            page.body["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|order| order["orderId"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page.body["nextCursor"].as_str() else { break };
        path = format!("/v1/orders?limit=2&status=awaiting_payment&cursor={cursor}");
        assert_eq!(page.header("link"), format!("<{path}>; rel=\"next\""));
    }
    seen.reverse();
    assert_eq!(seen, mine);
    assert_eq!(app.get(As::Master, "/v1/orders").await.body["data"].as_array().unwrap().len(), 6);
    let none = app.get(As::Manager, "/v1/orders?to=2020-01-01T00:00:00Z").await;
    assert_eq!(none.body["data"], json!([]));
}

#[tokio::test]
async fn a_misspelt_filter_is_refused() {
    let app = TestApp::start().await;
    for (query, parameter) in [
        ("statuz=paid", "statuz"),
        ("status=done", "status"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("cursor=nonsense", "cursor"),
        ("cursor=%3Cscript%3E", "cursor"),
        ("from=monday", "from"),
        ("storeId=%20", "storeId"),
    ] {
        let answer = app.get(As::Master, &format!("/v1/orders?{query}")).await;
        assert_eq!(answer.code(), "invalid_request", "{query}");
        assert_eq!(answer.body["errors"][0]["parameter"], parameter, "{query}");
    }
}

/// Scenario 17, as far as it shows here: an honest word, asked about slowly.
#[tokio::test]
async fn a_parked_payment_is_being_checked_and_nobody_is_told_to_pay_again() {
    let app = TestApp::start().await;
    let (order, _) = app.unknown_order().await;
    let english = [("accept-language", "en")];
    let view = app.get_with(As::Token(&order.access), &order.path(), &english).await;
    assert_eq!(view.text("status"), "checking");
    assert_eq!(view.body["keepPolling"], true);
    assert_eq!(view.header("retry-after"), "30");
    assert!(view.text("nextStep").contains("Do not pay again"));
    assert!(view.body["payment"]["failure"].is_null());
}

#[tokio::test]
async fn a_decline_is_explained_to_customers_and_quoted_to_staff() {
    let app = TestApp::start().await;
    let (order, _) = app.declined_order().await;
    let customer = app.get(As::Token(&order.access), &order.path()).await;
    assert_eq!(customer.text("status"), "failed");
    let failure = &customer.body["payment"]["failure"];
    assert_eq!(failure["code"], "REJECT_CARD_PAYMENT");
    assert_eq!(failure["message"], "카드 한도나 잔액이 부족합니다.");
    assert!(!String::from_utf8_lossy(&customer.bytes).contains("토스의 문장"));
    let staff = app.get(As::Manager, &order.path()).await;
    assert_eq!(staff.body["payment"]["failure"]["tossMessage"], "토스의 문장");
    assert!(staff.body["ticket"].is_null());
}

#[tokio::test]
async fn an_erased_order_says_so_in_the_place_of_what_was_erased() {
    let app = TestApp::start().await;
    let (order, _) = app.declined_order().await;
    let before = app.get(As::Token(&order.access), &order.path()).await;
    assert!(before.body["personalDataErasedAt"].is_null());
    let id = domain::OrderId::parse(order.id.as_str()).unwrap();
    app.store.erase_order(&id, &store::Actor::system(), "requested").await.unwrap();

    let customer = app.get(As::Token(&order.access), &order.path()).await;
    assert_eq!(customer.status, StatusCode::OK);
    assert!(customer.text("personalDataErasedAt").ends_with('Z'));
    assert_eq!((customer.text("status"), &customer.body["amount"]), ("failed", &json!(4_000)));
    assert_ne!(customer.header("etag"), before.header("etag"));
    for (language, sentence) in [("ko", "(개인정보 삭제됨)"), ("en", "(personal data erased)")]
    {
        let staff =
            app.get_with(As::Manager, &order.path(), &[("accept-language", language)]).await;
        let whom = json!({ "name": sentence, "email": null, "phone": sentence });
        assert_eq!(staff.body["customer"], whom);
        let whither = json!({ "address": sentence, "detail": null, "note": null });
        assert_eq!(staff.body["delivery"], whither);
    }
    let listed = app.get(As::Manager, "/v1/orders").await;
    assert_eq!(listed.body["data"][0]["customer"]["name"], "(개인정보 삭제됨)");
}

#[tokio::test]
async fn an_order_is_opened_with_the_current_key_of_its_own_store_and_stays_with_it() {
    let app = TestApp::start_with(|settings| {
        settings.merchants =
            merchants(&[("default", &["test_ck_1", "test_ck_2"]), ("second", &["test_ck_3"])]);
    })
    .await;
    let order = async |key: &str| {
        let headers = [("idempotency-key", key)];
        app.post_with(As::Nobody, "/v1/orders", &headers, gimbap_order()).await
    };
    assert_eq!(order("0b8e2f3a-one").await.text("clientKey"), "test_ck_1");
    assert!(app.get(As::Nobody, "/v1/checkout/config").await.body["clientKey"].is_null());
    let moved = json!({ "name": "김밥", "deliveryFee": 0, "minimumOrder": 0, "open": true, "merchant": "second" });
    assert_eq!(app.put(As::Master, "/v1/stores/gimbap", moved).await.status, StatusCode::OK);
    assert_eq!(order("0b8e2f3a-two").await.text("clientKey"), "test_ck_3");
    let replayed = order("0b8e2f3a-one").await;
    assert_eq!(replayed.text("clientKey"), "test_ck_1", "{}", replayed.body);
    let single = TestApp::start().await.get(As::Nobody, "/v1/checkout/config").await;
    assert_eq!(single.text("clientKey"), "test_ck_1");
}

#[tokio::test]
async fn what_is_free_of_tax_is_quoted_ordered_and_handed_to_the_window() {
    let app = TestApp::start().await;
    let gimbap = json!({ "name": "김밥", "price": 4_000, "available": true, "taxFree": true });
    app.put(As::Manager, "/v1/stores/gimbap/products/gimbap", gimbap).await;
    let menu = app.get(As::Nobody, "/v1/stores/gimbap/menu").await;
    let products = menu.body["products"].as_array().unwrap();
    let free =
        |id: &str| products.iter().find(|it| it["productId"] == id).unwrap()["taxFree"].clone();
    assert_eq!((free("gimbap"), free("candy")), (json!(true), json!(false)));
    let items =
        json!([{ "productId": "gimbap", "quantity": 2 }, { "productId": "candy", "quantity": 3 }]);
    let quote = json!({ "storeId": "gimbap", "items": items });
    let quote = app.post(As::Nobody, "/v1/quotes", quote).await;
    assert_eq!(quote.body["taxFreeAmount"], 8_000);
    let amount = quote.body["amount"].as_i64().unwrap();
    assert!(amount > 8_000, "{}", quote.body);
    let created = app.post(As::Nobody, "/v1/orders", order_body("gimbap", items, amount)).await;
    assert_eq!(created.body["taxFreeAmount"], 8_000);
    assert_eq!(created.body["order"]["taxFreeAmount"], 8_000);
    let lines = &created.body["order"]["lines"];
    assert_eq!((&lines[0]["taxFree"], &lines[1]["taxFree"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn a_quote_names_the_methods_that_take_its_amount() {
    let app = TestApp::start().await;
    let methods = async |quantity: i64| {
        let items = json!([{ "productId": "candy", "quantity": quantity }]);
        let quote = json!({ "storeId": "gimbap", "items": items });
        let quote = app.post(As::Nobody, "/v1/quotes", quote).await;
        (quote.body["amount"].as_i64().unwrap(), quote.body["methods"].clone())
    };
    let (few, small) = methods(2).await;
    let (many, large) = methods(20).await;
    assert!((100..200).contains(&few) && many >= 200, "{few} {many}");
    let has = |methods: &serde_json::Value, name: &str| {
        methods.as_array().unwrap().contains(&json!(name))
    };
    assert!(has(&small, "CARD") && !has(&small, "TRANSFER") && !has(&small, "VIRTUAL_ACCOUNT"));
    assert!(has(&large, "CARD") && has(&large, "TRANSFER") && has(&large, "VIRTUAL_ACCOUNT"));
    let config = app.get(As::Nobody, "/v1/checkout/config").await;
    let known = config.body["methods"].as_array().unwrap();
    let minimum =
        |name: &str| known.iter().find(|it| it["method"] == name).unwrap()["amountMin"].clone();
    assert_eq!((minimum("CARD"), minimum("TRANSFER")), (json!(100), json!(200)));
}

#[tokio::test]
async fn a_signed_in_customers_key_is_handed_to_the_window_and_a_guest_has_none() {
    let app = TestApp::start().await;
    let guest = app.post(As::Nobody, "/v1/orders", gimbap_order()).await;
    assert_eq!(guest.text("customerKey"), "@@ANONYMOUS");
    let known = with(gimbap_order(), "/customerKey", json!("0193a5c2-7d3e"));
    assert_eq!(
        app.post(As::Nobody, "/v1/orders", known).await.text("customerKey"),
        "0193a5c2-7d3e"
    );
    for bad in ["", "a", "@@ANONYMOUS", "김토스"] {
        let order = with(gimbap_order(), "/customerKey", json!(bad));
        let refused = app.post(As::Nobody, "/v1/orders", order).await;
        assert_eq!(refused.body["errors"][0]["pointer"], "/customerKey", "{bad}");
    }
}
