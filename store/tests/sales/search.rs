//! Finding orders and jobs by what people have in hand, through indexes, and nobody who was erased.

use domain::customer::Customer;
use domain::policy::ReviewReason;
use domain::role::Scope;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use store::orders::{CreateOrder, OrderFilter, ReviewFilter};
use store::{Actor, CANDIDATES_MAX, JobFilter, JobSort, SearchText};

use crate::fixture::{GIMBAP, MALA, Shop, confirm_of, gimbap_order, order_id, store_id};

async fn order_of(shop: &Shop, id: &str, name: &str, phone: &str) {
    let customer = Customer::parse(name, None, phone).unwrap();
    let wanted = CreateOrder { proposed_id: Some(order_id(id)), customer, ..gimbap_order() };
    shop.store.create_order(&wanted).await.unwrap();
}

fn text(typed: &str) -> Option<SearchText> {
    Some(SearchText::parse(typed).unwrap())
}

async fn found(shop: &Shop, scope: Scope, typed: &str) -> Vec<String> {
    let filter = OrderFilter { text: text(typed), ..OrderFilter::all(scope) };
    let page = shop.store.list_orders(&filter, None, 200).await.unwrap();
    let mut ids: Vec<_> = page.rows.into_iter().map(|order| order.order.id.into_string()).collect();
    ids.sort();
    ids
}

async fn shop_with_customers() -> Shop {
    let shop = Shop::open().await;
    order_of(&shop, "order-hana", "김하나", "010-1234-5678").await;
    order_of(&shop, "order-hajun", "김하준", "010-9999-5678").await;
    order_of(&shop, "order-100pct", "100%_able", "010-1111-2222").await;
    for id in ["order-hana", "order-hajun"] {
        shop.store.accept_confirm(&confirm_of(id)).await.unwrap();
    }
    shop
}

#[tokio::test]
async fn orders_are_found_by_id_payment_key_end_of_the_phone_number_and_beginning_of_the_name() {
    let shop = shop_with_customers().await;
    let both = ["order-hajun", "order-hana"];
    for (typed, expected) in [
        ("order-hana", &["order-hana"][..]),
        ("order-han", &[]),
        ("key-of-order-hana", &["order-hana"]),
        ("key-of-order-ha", &both),
        ("5678", &both),
        ("12345678", &["order-hana"]),
        ("1234-5678", &["order-hana"]),
        ("010-1234-5678", &["order-hana"]),
        ("567", &[]),
        ("1234", &[]),
        ("김하", &both),
        ("김하나", &["order-hana"]),
        ("하나", &[]),
        (" 김하나 ", &["order-hana"]),
        // What means something in patterns means nothing here.
        ("100%", &["order-100pct"]),
        ("100%_", &["order-100pct"]),
        ("%", &[]),
        ("____", &[]),
        ("' OR 1=1 --", &[]),
    ] {
        assert_eq!(found(&shop, Scope::Every, typed).await, expected, "{typed}");
    }
    let filter = JobFilter { text: text("5678"), ..JobFilter::all(Scope::Every) };
    let jobs = shop.store.list_jobs(&filter, JobSort::Newest, None, 10).await.unwrap().rows;
    assert_eq!(jobs.len(), 2);
}

#[tokio::test]
async fn a_search_finds_nothing_of_stores_that_the_caller_does_not_act_for() {
    let shop = shop_with_customers().await;
    for typed in ["order-hana", "key-of-order-hana", "5678", "김하나"] {
        let scope = |store| Scope::Stores(vec![store_id(store)]);
        assert!(found(&shop, scope(MALA), typed).await.is_empty(), "{typed}");
        assert!(!found(&shop, scope(GIMBAP), typed).await.is_empty(), "{typed}");
    }
}

#[tokio::test]
async fn erased_customers_are_found_neither_by_name_nor_by_number() {
    let shop = Shop::open().await;
    order_of(&shop, "order-hana", "김하나", "010-1234-5678").await;
    shop.store.advance_clock(120_000);
    shop.store.erase_order(&order_id("order-hana"), &Actor::system(), "asked").await.unwrap();
    for typed in ["5678", "12345678", "김하나", "김", "0000"] {
        assert!(found(&shop, Scope::Every, typed).await.is_empty(), "{typed}");
    }
    assert_eq!(found(&shop, Scope::Every, "order-hana").await, ["order-hana"]);
}

#[tokio::test]
async fn whoever_finds_too_many_is_told_to_say_more() {
    let shop = Shop::open().await;
    order_of(&shop, "seed-order", "김하나", "010-1234-5678").await;
    let scope = Scope::Every;
    assert!(!shop.store.is_search_cut(&scope, &text("김").unwrap()).await.unwrap());
    copy_orders(&shop, CANDIDATES_MAX).await;
    assert!(shop.store.is_search_cut(&scope, &text("김").unwrap()).await.unwrap());
    let filter = OrderFilter { text: text("5678"), ..OrderFilter::all(scope) };
    assert_eq!(shop.store.count_orders(&filter).await.unwrap().count, 1_000);
}

async fn copy_orders(shop: &Shop, count: usize) {
    let columns = "store_id, store_name, merchant, customer_name, customer_phone, address, items_amount, delivery_fee, amount, \
         tax_free_amount, order_name, state, pay_by, version, updated_at";
    let numbers = if shop.rows.get_database_backend() == DbBackend::Postgres {
        format!("SELECT n FROM generate_series(1, {count}) AS n")
    } else {
        format!(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count}) SELECT n FROM numbers"
        )
    };
    let sql = format!(
        "INSERT INTO orders (id, created_at, {columns}) SELECT 'copy-' || n, n, {columns} FROM orders CROSS JOIN ({numbers}) AS numbered \
         WHERE id = 'seed-order'"
    );
    shop.rows.execute_unprepared(&sql).await.unwrap();
}

/// The statements are those of the search, with the planner's own numbers over many rows.
#[tokio::test]
async fn searches_go_through_their_indexes() {
    let shop = Shop::open().await;
    order_of(&shop, "seed-order", "김하나", "010-1234-5678").await;
    shop.store.accept_confirm(&confirm_of("seed-order")).await.unwrap();
    copy_orders(&shop, 20_000).await;
    let columns = "store_id, merchant, amount, balance, state, accepted_at, confirm_by, next_cancel_at, version, updated_at";
    let payments = format!(
        "INSERT INTO payments (order_id, payment_key, {columns}) SELECT copied.id, 'tgen_' || copied.id, {columns} \
         FROM (SELECT id FROM orders WHERE id <> 'seed-order') AS copied CROSS JOIN (SELECT {columns} FROM payments) AS seed"
    );
    shop.rows.execute_unprepared(&payments).await.unwrap();
    let backend = shop.rows.get_database_backend();
    let is_postgres = backend == DbBackend::Postgres;
    shop.rows
        .execute_unprepared(
            "UPDATE orders SET customer_phone = '010' || (10000000 + created_at % 80000000), customer_name = '김' || created_at",
        )
        .await
        .unwrap();
    shop.rows.execute_unprepared("ANALYZE").await.unwrap();
    let bytewise = if is_postgres { "COLLATE \"C\"" } else { "COLLATE BINARY" };
    for (sql, index) in [
        (
            "SELECT id FROM orders WHERE substr(customer_phone, length(customer_phone) - 3) = '5678' ORDER BY created_at DESC, id DESC LIMIT 1001"
                .to_owned(),
            "orders_by_phone_end",
        ),
        (
            format!(
                "SELECT id FROM orders WHERE customer_name {bytewise} >= '김12' AND customer_name {bytewise} < '김13' \
                 ORDER BY customer_name {bytewise} LIMIT 1001"
            ),
            "orders_by_customer",
        ),
        (
            format!(
                "SELECT order_id FROM payments WHERE payment_key {bytewise} >= 'tgen_1' AND payment_key {bytewise} < 'tgen_2' \
                 ORDER BY payment_key {bytewise} LIMIT 1001"
            ),
            "payments_by_key_start",
        ),
    ] {
        let explain = if is_postgres { "EXPLAIN" } else { "EXPLAIN QUERY PLAN" };
        let statement = Statement::from_string(backend, format!("{explain} {sql}"));
        let rows = shop.rows.query_all_raw(statement).await.unwrap();
        let column = if is_postgres { "QUERY PLAN" } else { "detail" };
        let plan: Vec<String> = rows.iter().map(|row| row.try_get("", column).unwrap()).collect();
        let plan = plan.join("\n");
        assert!(plan.contains(index) && !plan.contains("Seq Scan"), "{sql}\n{plan}");
    }
}

#[tokio::test]
async fn orders_in_review_are_listed_by_reason_and_by_store_and_counted() {
    let shop = shop_with_customers().await;
    for (id, reason) in [("order-hana", "gave_up"), ("order-hajun", "setup")] {
        let sql = format!(
            "UPDATE payments SET review_reason = '{reason}', review_since = 1 WHERE order_id = '{id}'"
        );
        shop.rows.execute_unprepared(&sql).await.unwrap();
    }
    let (any, gave_up) = (ReviewFilter::Any, ReviewFilter::For(ReviewReason::GaveUp));
    let absent = ReviewFilter::For(ReviewReason::Absent);
    let theirs = Scope::Stores(vec![store_id(GIMBAP)]);
    let others = Scope::Stores(vec![store_id(MALA)]);
    for (scope, review, expected) in [
        (Scope::Every, any, &["order-hajun", "order-hana"][..]),
        (Scope::Every, gave_up, &["order-hana"]),
        (Scope::Every, absent, &[]),
        (theirs, any, &["order-hajun", "order-hana"]),
        (others, any, &[]),
    ] {
        let filter = OrderFilter { review: Some(review), ..OrderFilter::all(scope) };
        let page = shop.store.list_orders(&filter, None, 200).await.unwrap();
        let mut ids: Vec<_> = page.rows.iter().map(|row| row.order.id.as_str()).collect();
        ids.sort_unstable();
        assert_eq!(ids, expected, "{filter:?}");
        let count = shop.store.count_orders(&filter).await.unwrap();
        assert_eq!(count.count, u64::try_from(expected.len()).unwrap(), "{filter:?}");
    }
}
