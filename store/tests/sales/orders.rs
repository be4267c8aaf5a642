//! Orders: priced and made at once, closed before they are paid, read as one instant.

use std::time::Duration;

use domain::cart::CartProblem;
use domain::job::JobState;
use domain::order::{NotPayable, OrderState};
use domain::payment::PaymentState;
use domain::role::Role;
use domain::status::CustomerStatus;
use entities::payment;
use sea_orm::EntityTrait as _;
use sea_orm::sea_query::Expr;
use store::catalogue::PutStore;
use store::orders::{CloseOrderError, CreateOrder, CreateOrderError};
use store::{AcceptCancel, AcceptConfirmError};

use crate::fixture::{
    GIMBAP, MALA, Shop, caller_key, confirm_of, gimbap_order, line, malatang, order_id, owner,
    product, put_store, store_id, won,
};

#[tokio::test]
async fn an_order_keeps_the_names_and_prices_that_it_was_made_with() {
    let shop = Shop::open().await;
    let wanted = CreateOrder {
        store: store_id(MALA),
        lines: vec![line("malatang", 2, &["beef", "hot"]), line("guobaorou", 1, &[])],
        expected_amount: won(46_000),
        ..gimbap_order()
    };
    let made = shop.store.create_order(&wanted).await.unwrap();
    assert!(!made.is_replay);
    let quote = shop.store.quote(&wanted.store, &wanted.lines).await.unwrap();
    let dearer = store::catalogue::PutProduct { price: won(1), ..malatang() };
    shop.store.put_product(&owner(), &store_id(MALA), &dearer).await.unwrap();
    let renamed = PutStore { name: "new name".to_owned(), ..put_store(MALA, 0, 0) };
    shop.store.put_store(&owner(), &renamed, true).await.unwrap();

    let read = shop.store.find_order(&made.order.order.id).await.unwrap().unwrap();
    assert_eq!((&read.order, &read.lines), (&made.order.order, &made.order.lines));
    assert_eq!(read.lines, quote.lines);
    let order = &read.order;
    assert_eq!((order.items_amount, order.delivery_fee), (won(43_000), won(3_000)));
    assert_eq!((order.amount, order.version), (won(46_000), 1));
    assert_eq!(
        (order.store_name.as_str(), order.order_name.as_str()),
        ("mala house", "malatang 외 1건")
    );
    assert_eq!(
        (order.customer_name.as_str(), order.customer_phone.as_str()),
        ("김하나", "01012345678")
    );
    assert_eq!(order.note.as_deref(), Some("문 앞에"));
    assert_eq!(order.pay_by_ms, order.created_at_ms + 60_000);
    assert_eq!(read.view().status, CustomerStatus::AwaitingPayment);
    assert_eq!(order.id.as_str().len(), 36);
}

#[tokio::test]
async fn an_amount_that_differs_is_refused_with_the_whole_calculation() {
    let shop = Shop::open().await;
    let wanted = CreateOrder {
        expected_amount: won(3_999),
        idempotency: Some(caller_key("key", "body")),
        ..gimbap_order()
    };
    match shop.store.create_order(&wanted).await {
        Err(CreateOrderError::AmountMismatch { quote }) => {
            assert_eq!((quote.amount, quote.lines.len()), (won(4_000), 1));
        }
        other => panic!("{other:?}"),
    }
    // Nothing was written: the corrected request may use the key.
    let corrected = CreateOrder {
        expected_amount: won(4_000),
        idempotency: Some(caller_key("key", "corrected body")),
        ..gimbap_order()
    };
    assert!(!shop.store.create_order(&corrected).await.unwrap().is_replay);
}

#[tokio::test]
async fn a_cart_that_cannot_be_ordered_makes_no_order() {
    let shop = Shop::open().await;
    let small = CreateOrder {
        proposed_id: Some(order_id("small-order")),
        store: store_id(MALA),
        lines: vec![line("malatang", 1, &["mild"])],
        ..gimbap_order()
    };
    let error = shop.store.create_order(&small).await.unwrap_err();
    assert!(
        matches!(error, CreateOrderError::Cart(CartProblem::BelowMinimumOrder { .. })),
        "{error:?}"
    );
    let nowhere = CreateOrder { store: store_id("nowhere"), ..gimbap_order() };
    let error = shop.store.create_order(&nowhere).await.unwrap_err();
    assert!(matches!(error, CreateOrderError::UnknownStore), "{error:?}");
    let closed = PutStore { is_open: false, ..put_store(GIMBAP, 0, 0) };
    shop.store.put_store(&owner(), &closed, false).await.unwrap();
    let error = shop.store.create_order(&gimbap_order()).await.unwrap_err();
    assert!(matches!(error, CreateOrderError::Cart(CartProblem::StoreClosed { .. })), "{error:?}");
    assert!(shop.store.find_order(&order_id("small-order")).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_at_once_makes_one_order() {
    let shop = Shop::open().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let store = shop.store.clone();
        let wanted =
            CreateOrder { idempotency: Some(caller_key("one-order", "body")), ..gimbap_order() };
        tasks.spawn(async move { store.create_order(&wanted).await.unwrap() });
    }
    let made = tasks.join_all().await;
    assert_eq!(made.iter().filter(|order| !order.is_replay).count(), 1);
    assert!(made.iter().all(|order| order.order.order == made[0].order.order));
    let other =
        CreateOrder { idempotency: Some(caller_key("one-order", "other")), ..gimbap_order() };
    let error = shop.store.create_order(&other).await.unwrap_err();
    assert!(matches!(error, CreateOrderError::KeyReused), "{error:?}");
}

#[tokio::test]
async fn a_key_finds_its_order_even_when_the_order_could_not_be_made_any_more() {
    let shop = Shop::open().await;
    let wanted = CreateOrder { idempotency: Some(caller_key("key", "body")), ..gimbap_order() };
    let made = shop.store.create_order(&wanted).await.unwrap();
    shop.store.put_product(&owner(), &store_id(GIMBAP), &product("gimbap", 9_000)).await.unwrap();
    shop.store.close_order(&made.order.order.id, None).await.unwrap();
    let again = shop.store.create_order(&wanted).await.unwrap();
    assert!(again.is_replay);
    assert_eq!(again.order.order.state, OrderState::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_given_to_one_order_only() {
    let shop = Shop::open().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = shop.store.clone();
        let wanted = CreateOrder { proposed_id: Some(order_id("my-order")), ..gimbap_order() };
        tasks.spawn(async move { store.create_order(&wanted).await });
    }
    let (made, refused): (Vec<_>, Vec<_>) =
        tasks.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    assert!(refused.iter().all(|order| matches!(order, Err(CreateOrderError::OrderIdTaken))));
}

#[tokio::test]
async fn an_order_whose_commit_met_another_write_is_made_once() {
    let shop = Shop::open().await;
    shop.store.fail_commits(3);
    let wanted = CreateOrder {
        proposed_id: Some(order_id("contended")),
        idempotency: Some(caller_key("key", "body")),
        ..gimbap_order()
    };
    let made = shop.store.create_order(&wanted).await.unwrap();
    assert!(!made.is_replay);
    let read = shop.store.find_order(&order_id("contended")).await.unwrap().unwrap();
    assert_eq!(read.lines.len(), 1);
}

#[tokio::test]
async fn closing_ends_an_open_order_and_closing_again_changes_nothing() {
    let shop = Shop::open().await;
    shop.order("closing").await;
    let watch = shop.store.watch("closing");
    let changed = watch.changed();
    tokio::pin!(changed);
    changed.as_mut().enable();
    let closed = shop.store.close_order(&order_id("closing"), Some(&owner())).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), changed).await.expect("those who wait are woken");
    assert_eq!((closed.order.state, closed.order.version), (OrderState::Closed, 2));
    assert_eq!(closed.view().status, CustomerStatus::Closed);
    let again = shop.store.close_order(&order_id("closing"), Some(&owner())).await.unwrap();
    assert_eq!(again.order, closed.order);
    assert_eq!(shop.store.order_version(&order_id("closing")).await.unwrap(), Some(2));
    assert_eq!(shop.audited("order.close").await, 1);
    shop.order("by-customer").await;
    shop.store.close_order(&order_id("by-customer"), None).await.unwrap();
    assert_eq!(shop.audited("order.close").await, 1);

    let error = shop.store.accept_confirm(&confirm_of("closing")).await.unwrap_err();
    assert!(matches!(error, AcceptConfirmError::NotPayable(NotPayable::Closed)), "{error:?}");
}

#[tokio::test]
async fn an_order_that_is_paid_lapsed_or_unknown_is_not_closed() {
    let shop = Shop::open().await;
    for id in ["paid-order", "late-order"] {
        shop.order(id).await;
    }
    shop.store.accept_confirm(&confirm_of("paid-order")).await.unwrap();
    let error = shop.store.close_order(&order_id("paid-order"), None).await.unwrap_err();
    assert!(matches!(error, CloseOrderError::HasPayment), "{error:?}");
    shop.store.advance_clock(60_000);
    let error = shop.store.close_order(&order_id("late-order"), None).await.unwrap_err();
    assert!(matches!(error, CloseOrderError::Lapsed), "{error:?}");
    let late = shop.store.find_order(&order_id("late-order")).await.unwrap().unwrap();
    assert_eq!(late.view().status, CustomerStatus::Expired);
    let error = shop.store.close_order(&order_id("no-such-order"), None).await.unwrap_err();
    assert!(matches!(error, CloseOrderError::UnknownOrder), "{error:?}");
    assert_eq!(shop.store.order_version(&order_id("no-such-order")).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_closing_and_paying_at_once_exactly_one_wins() {
    let shop = Shop::open().await;
    for round in 0..20 {
        let id = format!("round-{round}");
        shop.order(&id).await;
        let (store, confirm) = (shop.store.clone(), confirm_of(&id));
        let paying = tokio::spawn(async move { store.accept_confirm(&confirm).await });
        let closed = shop.store.close_order(&order_id(&id), None).await;
        let paid = paying.await.unwrap();
        let order = shop.store.find_order(&order_id(&id)).await.unwrap().unwrap();
        match (closed, paid) {
            (Ok(_), Err(AcceptConfirmError::NotPayable(NotPayable::Closed))) => {
                assert_eq!((order.order.state, order.payment), (OrderState::Closed, None));
            }
            (Err(CloseOrderError::HasPayment), Ok(_)) => {
                assert_eq!(order.order.state, OrderState::Paying);
                assert!(order.payment.is_some());
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_order_is_read_with_its_payment_its_job_and_its_cancellations() {
    let shop = Shop::open().await;
    for id in ["whole-order", "other-order"] {
        shop.order(id).await;
    }
    shop.store.accept_confirm(&confirm_of("whole-order")).await.unwrap();
    let confirming = shop.store.find_order(&order_id("whole-order")).await.unwrap().unwrap();
    assert_eq!(confirming.view().status, CustomerStatus::Confirming);
    assert_eq!(confirming.confirm_job, Some(JobState::Queued));
    assert_eq!(confirming.order.version, 2);

    payment::Entity::update_many()
        .col_expr(payment::Column::State, Expr::value(PaymentState::Confirmed.word()))
        .col_expr(payment::Column::Balance, Expr::value(4_000))
        .col_expr(payment::Column::Method, Expr::value("카드"))
        .exec(&shop.rows)
        .await
        .unwrap();
    let cancel = |amount| AcceptCancel {
        refund_account: None,
        order_id: order_id("whole-order"),
        amount: Some(won(amount)),
        tax_free_amount: None,
        reason: "품절".to_owned(),
        is_another: false,
        actor: owner(),
        key: caller_key(&format!("cancel {amount}"), "body"),
    };
    let first = shop.store.accept_cancel(&cancel(1_000)).await.unwrap().cancellation_id;
    let second = shop.store.accept_cancel(&cancel(2_500)).await.unwrap().cancellation_id;

    let read = shop.store.find_order(&order_id("whole-order")).await.unwrap().unwrap();
    assert_eq!(read.view().status, CustomerStatus::Paid);
    let payment = read.payment.as_ref().unwrap();
    assert_eq!((payment.state, payment.balance), (PaymentState::Confirmed, won(4_000)));
    assert_eq!(
        (payment.payment_key.as_str(), payment.method.as_deref()),
        ("key-of-whole-order", Some("카드"))
    );
    assert_eq!((&payment.failure, &payment.virtual_account), (&None, &None));
    let ids: Vec<_> = read.cancellations.iter().map(|row| row.id.clone()).collect();
    assert_eq!(ids, [first.clone(), second]);
    assert!(read.standing.open_cancel_since_ms.is_some() && !read.standing.is_refunding);
    assert_eq!(read.cancelled_amount(), won(0));

    let id = order_id("whole-order");
    assert_eq!(shop.store.find_cancellations(&id).await.unwrap(), read.cancellations);
    let one = shop.store.find_cancellation(&id, &first).await.unwrap().unwrap();
    assert_eq!(
        (one.amount, one.role, one.reason.as_str()),
        (won(1_000), Some(Role::Owner), "품절")
    );
    assert_eq!(shop.store.find_cancellation(&order_id("other-order"), &first).await.unwrap(), None);
    assert!(shop.store.find_cancellations(&order_id("other-order")).await.unwrap().is_empty());
}
