//! Codes about carts, orders and the catalogue.

use api::ProblemCode;
use domain::limits::MENU_PRODUCTS_MAX;
use domain::{ProductId, StoreId};
use serde_json::{Value, json};
use store::Actor;
use store::catalogue::{Catalogue, CatalogueStore, MissingProducts, PutProduct};

use crate::app::{Answer, As, TestApp, gimbap_order, merchants, order_body, product, with};

#[expect(clippy::wildcard_enum_match_arm, reason = "`produce` decides which codes come here")]
pub(super) async fn of_carts(code: ProblemCode) -> Answer {
    use ProblemCode as C;
    let app = TestApp::start().await;
    let gimbap = |quantity: i64| json!([{ "productId": "gimbap", "quantity": quantity }]);
    let mala =
        |options: Value| json!([{ "productId": "malatang", "quantity": 2, "options": options }]);
    let (store, items) = match code {
        C::StoreUnknown => ("nowhere", gimbap(1)),
        C::EmptyCart => ("gimbap", json!([])),
        C::CartTooLarge => {
            ("gimbap", Value::Array(vec![json!({ "productId": "gimbap", "quantity": 1 }); 51]))
        }
        C::QuantityOutOfRange => ("gimbap", gimbap(100)),
        C::ProductUnknown => ("gimbap", json!([{ "productId": "nothing", "quantity": 1 }])),
        C::ProductOfOtherStore => ("mala", gimbap(1)),
        C::ProductUnavailable => ("mala", json!([{ "productId": "soda", "quantity": 1 }])),
        C::OptionUnknown => ("mala", mala(json!(["mild", "gold"]))),
        C::OptionUnavailable => ("mala", mala(json!(["mild", "tofu"]))),
        C::OptionDuplicate => ("mala", mala(json!(["mild", "mild"]))),
        C::TooManyOptions => ("mala", mala(Value::Array(vec![json!("mild"); 31]))),
        C::TooFewChoices => ("mala", mala(json!([]))),
        C::TooManyChoices => ("mala", mala(json!(["mild", "noodles", "beef", "quail"]))),
        C::StoreClosed => ("closed", json!([{ "productId": "kimchi", "quantity": 1 }])),
        C::BelowMinimumOrder => {
            ("mala", json!([{ "productId": "malatang", "quantity": 1, "options": ["mild"] }]))
        }
        C::AmountTooLarge => ("gimbap", json!([{ "productId": "feast", "quantity": 11 }])),
        C::AmountTooSmall => ("gimbap", json!([{ "productId": "candy", "quantity": 1 }])),
        C::AmountMismatch => ("gimbap", gimbap(2)),
        other => panic!("{other:?} is not about carts"),
    };
    let quoted =
        app.post(As::Nobody, "/v1/quotes", json!({ "storeId": store, "items": items })).await;
    let ordered = app.post(As::Nobody, "/v1/orders", order_body(store, items, 4_000)).await;
    if code != C::AmountMismatch {
        assert_eq!(quoted.code(), ordered.code(), "a quote is refused as an order is");
        for error in ordered.body["errors"].as_array().into_iter().flatten() {
            assert_eq!(error["code"], ordered.code(), "a place says what the problem says");
        }
    }
    ordered
}

#[expect(clippy::wildcard_enum_match_arm, reason = "`produce` decides which codes come here")]
pub(super) async fn of_orders(code: ProblemCode) -> Answer {
    let app = TestApp::start().await;
    let (order, other) = (app.order().await, app.order().await);
    let confirm = order.path_to("confirm");
    match code {
        ProblemCode::MerchantKeysMissing => {
            let app = TestApp::start_with(|settings| {
                settings.merchants = merchants(&[("another", &["test_ck_1"])]);
            })
            .await;
            app.post(As::Nobody, "/v1/orders", gimbap_order()).await
        }
        ProblemCode::OrderUnknown => app.get(As::Token(&other.access), &order.path()).await,
        ProblemCode::OrderIdTaken => {
            app.post(As::Nobody, "/v1/orders", with(gimbap_order(), "/orderId", json!(order.id)))
                .await
        }
        ProblemCode::ConfirmAmountMismatch => {
            app.post(As::Token(&order.access), &confirm, json!({ "paymentKey": "k", "amount": 1 }))
                .await
        }
        ProblemCode::ConfirmConflict => {
            app.confirm(&order).await;
            app.post(
                As::Token(&order.access),
                &confirm,
                json!({ "paymentKey": "k", "amount": 4_000 }),
            )
            .await
        }
        ProblemCode::PaymentKeyTaken => {
            app.confirm(&other).await;
            app.post(As::Token(&order.access), &confirm, other.confirm()).await
        }
        ProblemCode::OrderClosed => {
            app.post(As::Token(&order.access), &order.path_to("close"), json!({})).await;
            app.post(As::Token(&order.access), &confirm, order.confirm()).await
        }
        ProblemCode::OrderLapsed => {
            app.store.advance_clock(46 * 60_000);
            app.post(As::Token(&order.access), &confirm, order.confirm()).await
        }
        ProblemCode::OrderHasPayment => {
            app.confirm(&order).await;
            app.post(As::Token(&order.access), &order.path_to("close"), json!({})).await
        }
        other => panic!("{other:?} is produced elsewhere"),
    }
}

pub(super) async fn of_catalogue(code: ProblemCode) -> Answer {
    let app = TestApp::start().await;
    let body = json!({ "name": "x", "price": 1, "available": true });
    if code == ProblemCode::ProductIdTaken {
        return app.put(As::Manager, "/v1/stores/gimbap/products/malatang", body).await;
    }
    let gimbap = app.store.find_store(&StoreId::parse("gimbap").unwrap()).await.unwrap().unwrap();
    let many = (0..MENU_PRODUCTS_MAX.saturating_sub(4)).map(|number| PutProduct {
        id: ProductId::parse(format!("product-{number}")).unwrap(),
        ..product("x", 1)
    });
    let store = store::catalogue::PutStore {
        id: gimbap.id,
        name: gimbap.name,
        merchant: None,
        delivery_fee: gimbap.delivery_fee,
        minimum_order: gimbap.minimum_order,
        is_open: true,
    };
    let stores = vec![CatalogueStore { store, products: many.collect() }];
    let catalogue = Catalogue { stores, missing: MissingProducts::Keep };
    app.store.import_catalogue(&Actor::system(), &catalogue).await.unwrap();
    app.put(As::Manager, "/v1/stores/gimbap/products/one-more", body).await
}
