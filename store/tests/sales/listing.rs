//! Lists of orders: complete page by page, held to the caller's stores, and exact for every word that customers are told.

use std::collections::HashMap;

use domain::cancellation::CancellationState;
use domain::job::JobState;
use domain::order::OrderState;
use domain::payment::PaymentState;
use domain::role::Scope;
use domain::status::CustomerStatus;
use entities::{cancellation, job, order, payment};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _,
};
use store::ListError;
use store::orders::{CreateOrder, OrderFilter};

use crate::fixture::{GIMBAP, MALA, Shop, confirm_of, gimbap_order, line, order_id, store_id, won};

/// Turns all pages and returns the ids in the order in which they came.
async fn listed(shop: &Shop, filter: &OrderFilter, limit: u64) -> Vec<String> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = shop.store.list_orders(filter, after.as_deref(), limit).await.unwrap();
        assert!(page.rows.len() <= usize::try_from(limit).unwrap());
        ids.extend(page.rows.into_iter().map(|order| order.order.id.into_string()));
        assert!(ids.len() <= 1_000, "the pages do not end");
        after = page.next;
        if after.is_none() {
            return ids;
        }
    }
}

async fn set_created_at(shop: &Shop, id: &str, at_ms: i64) {
    order::Entity::update_many()
        .col_expr(order::Column::CreatedAt, Expr::value(at_ms))
        .filter(order::Column::Id.eq(id))
        .exec(&shop.rows)
        .await
        .unwrap();
}

#[tokio::test]
async fn pages_are_newest_first_without_gaps_or_doubles_even_within_one_millisecond() {
    let shop = Shop::open().await;
    let mut expected = Vec::new();
    for number in 0..23 {
        let id = format!("order-{:02}", (number * 7) % 23);
        shop.order(&id).await;
        // Five orders share each millisecond.
        let at_ms = 1_000 + number / 5;
        set_created_at(&shop, &id, at_ms).await;
        expected.push((at_ms, id));
    }
    expected.sort();
    expected.reverse();
    let expected: Vec<_> = expected.into_iter().map(|(_, id)| id).collect();
    let filter = OrderFilter::all(Scope::Every);
    for limit in [1, 4, 5, 22, 23, 200] {
        assert_eq!(listed(&shop, &filter, limit).await, expected, "{limit} a page");
    }
    // An order that comes while the pages are turned moves none of the others.
    let first = shop.store.list_orders(&filter, None, 4).await.unwrap();
    shop.order("newcomer").await;
    let second = shop.store.list_orders(&filter, first.next.as_deref(), 200).await.unwrap();
    let rest: Vec<_> = second.rows.iter().map(|order| order.order.id.as_str()).collect();
    assert_eq!(rest, expected[4..]);
}

#[tokio::test]
async fn a_cursor_that_is_none_of_ours_is_refused() {
    let shop = Shop::open().await;
    for cursor in ["", "x", "12", "12.", "x.order-1", "12.a b", "9999999999999999999.order-1"] {
        let listed =
            shop.store.list_orders(&OrderFilter::all(Scope::Every), Some(cursor), 10).await;
        assert!(matches!(listed, Err(ListError::UnknownCursor)), "{cursor:?}");
    }
}

#[tokio::test]
async fn a_list_is_held_to_the_callers_stores_and_the_asked_time() {
    let shop = Shop::open().await;
    for (number, id) in (1..).zip(["gimbap-1", "gimbap-2", "gimbap-3"]) {
        shop.order(id).await;
        set_created_at(&shop, id, number * 1_000).await;
    }
    let mala = CreateOrder {
        proposed_id: Some(order_id("mala-1")),
        store: store_id(MALA),
        lines: vec![line("guobaorou", 1, &[])],
        expected_amount: won(21_000),
        ..gimbap_order()
    };
    shop.store.create_order(&mala).await.unwrap();
    set_created_at(&shop, "mala-1", 2_500).await;

    let scope = |stores: &[&str]| Scope::Stores(stores.iter().map(|id| store_id(id)).collect());
    let all = OrderFilter::all(Scope::Every);
    assert_eq!(listed(&shop, &all, 2).await, ["gimbap-3", "mala-1", "gimbap-2", "gimbap-1"]);
    assert_eq!(listed(&shop, &OrderFilter::all(scope(&[MALA])), 2).await, ["mala-1"]);
    assert!(listed(&shop, &OrderFilter::all(scope(&[])), 2).await.is_empty());
    let one =
        OrderFilter { store: Some(store_id(MALA)), ..OrderFilter::all(scope(&[MALA, GIMBAP])) };
    assert_eq!(listed(&shop, &one, 2).await, ["mala-1"]);
    let not_theirs =
        OrderFilter { store: Some(store_id(GIMBAP)), ..OrderFilter::all(scope(&[MALA])) };
    assert!(listed(&shop, &not_theirs, 2).await.is_empty());
    // From then on, and before then.
    let between = OrderFilter { from_ms: Some(2_000), to_ms: Some(3_000), ..all };
    assert_eq!(listed(&shop, &between, 2).await, ["mala-1", "gimbap-2"]);
}

/// Makes one order for every way in which an order can stand, the way the tables keep it.
async fn make_every_standing(shop: &Shop) -> usize {
    let mut made = 0;
    for state in [OrderState::Open, OrderState::Closed, OrderState::Lapsed] {
        for pay_by_ms in [1, i64::MAX] {
            let id = format!("unpaid-{made}");
            shop.order(&id).await;
            order::Entity::update_many()
                .col_expr(order::Column::State, Expr::value(state.word()))
                .col_expr(order::Column::PayBy, Expr::value(pay_by_ms))
                .filter(order::Column::Id.eq(id))
                .exec(&shop.rows)
                .await
                .unwrap();
            made += 1;
        }
    }
    let cancels = [
        None,
        Some(("owner", CancellationState::Sending)),
        Some(("system", CancellationState::Requested)),
        Some(("system", CancellationState::Unresolved)),
        Some(("system", CancellationState::Done)),
        Some(("system", CancellationState::Refused)),
    ];
    for payment in PaymentState::ALL {
        for confirm_job in [JobState::Running, JobState::Parked, JobState::Succeeded] {
            for cancel in cancels {
                make_paying(shop, &format!("paying-{made}"), payment, confirm_job, cancel).await;
                made += 1;
            }
        }
    }
    made
}

async fn make_paying(
    shop: &Shop,
    id: &str,
    state: PaymentState,
    confirm_job: JobState,
    cancel: Option<(&str, CancellationState)>,
) {
    shop.order(id).await;
    shop.store.accept_confirm(&confirm_of(id)).await.unwrap();
    payment::Entity::update_many()
        .col_expr(payment::Column::State, Expr::value(state.word()))
        .filter(payment::Column::OrderId.eq(id))
        .exec(&shop.rows)
        .await
        .unwrap();
    job::Entity::update_many()
        .col_expr(job::Column::State, Expr::value(confirm_job.word()))
        .filter(job::Column::OrderId.eq(id))
        .exec(&shop.rows)
        .await
        .unwrap();
    let Some((role, state)) = cancel else { return };
    let row = cancellation::Model {
        id: format!("cancel-of-{id}"),
        order_id: id.to_owned(),
        amount: 1_000,
        reason: "because".to_owned(),
        requested_by: "somebody".to_owned(),
        role: role.to_owned(),
        state: state.word().to_owned(),
        transaction_key: None,
        requested_at: 1,
        cancelled_at: None,
        failure_code: None,
        failure_message: None,
        updated_at: 1,
        tax_free_amount: None,
        refund_account: None,
    };
    row.into_active_model().reset_all().insert(&shop.rows).await.unwrap();
}

#[tokio::test]
async fn a_list_by_status_has_exactly_the_orders_that_customers_are_told_it_of() {
    let shop = Shop::open().await;
    let made = make_every_standing(&shop).await;
    let mut told: HashMap<CustomerStatus, Vec<String>> = HashMap::new();
    for id in listed(&shop, &OrderFilter::all(Scope::Every), 50).await {
        let order = shop.store.find_order(&order_id(&id)).await.unwrap().unwrap();
        told.entry(order.view().status).or_default().push(id);
    }
    assert_eq!(told.values().map(Vec::len).sum::<usize>(), made);
    for status in CustomerStatus::ALL {
        let filter = OrderFilter { status: Some(status), ..OrderFilter::all(Scope::Every) };
        let expected = told.remove(&status).unwrap_or_default();
        assert!(!expected.is_empty(), "no order is {}", status.word());
        assert_eq!(listed(&shop, &filter, 7).await, expected, "{}", status.word());
    }
}

#[tokio::test]
async fn a_page_has_the_same_details_as_each_order_by_itself() {
    let shop = Shop::open().await;
    make_every_standing(&shop).await;
    let page = shop.store.list_orders(&OrderFilter::all(Scope::Every), None, 200).await.unwrap();
    for mut from_list in page.rows {
        let by_itself = shop.store.find_order(&from_list.order.id).await.unwrap().unwrap();
        from_list.now_ms = by_itself.now_ms;
        assert_eq!(from_list, by_itself);
    }
}
