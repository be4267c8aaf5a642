//! Every code of the catalogue is produced here, by a request. A new code does not compile without one.

use std::time::Duration;

use api::{ProblemCode, Rate};
use axum::body::Body;
use axum::http::{Method, StatusCode};
use domain::answer::{Answer as Told, FailureClass, TossStatus, VirtualAccount};
use domain::limits::MENU_PRODUCTS_MAX;
use domain::{ProductId, StoreId};
use serde_json::{Value, json};
use store::Actor;
use store::catalogue::{Catalogue, CatalogueStore, MissingProducts, PutProduct};

use crate::app::{Answer, As, TestApp, gimbap_order, order_body, product, request, with};
use crate::toss::{done, failure};

#[tokio::test]
async fn every_code_is_produced_with_its_status_and_a_text_in_both_languages() {
    for code in ProblemCode::ALL {
        let answer = Box::pin(produce(*code)).await;
        assert_eq!(answer.code(), code.word(), "{} {}", answer.status, answer.body);
        assert_eq!(answer.body["status"], answer.status.as_u16());
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.text("type"), format!("https://shop.example/problems#{}", code.word()));
        assert_eq!(answer.text("requestId"), answer.header("x-request-id"));
        assert!(!answer.text("title").is_empty() && !answer.text("detail").is_empty());
        assert_eq!(answer.header("content-language"), "ko");
    }
}

async fn produce(code: ProblemCode) -> Answer {
    use ProblemCode as C;
    match code {
        C::InvalidRequest
        | C::Unauthorized
        | C::TicketExpired
        | C::Forbidden
        | C::NotFound
        | C::MethodNotAllowed
        | C::BodyTooLarge
        | C::UnsupportedMediaType
        | C::IdempotencyKeyMissing
        | C::IdempotencyKeyInvalid
        | C::IdempotencyKeyReused => of_requests(code).await,
        C::TooManyRequests | C::Overloaded | C::TimedOut | C::Unavailable | C::Internal => {
            of_bounds(code).await
        }
        C::StoreUnknown
        | C::EmptyCart
        | C::CartTooLarge
        | C::QuantityOutOfRange
        | C::ProductUnknown
        | C::ProductOfOtherStore
        | C::ProductUnavailable
        | C::OptionUnknown
        | C::OptionUnavailable
        | C::OptionDuplicate
        | C::TooManyOptions
        | C::TooFewChoices
        | C::TooManyChoices
        | C::StoreClosed
        | C::BelowMinimumOrder
        | C::AmountTooLarge
        | C::AmountTooSmall
        | C::AmountMismatch => of_carts(code).await,
        C::OrderUnknown
        | C::OrderIdTaken
        | C::ConfirmAmountMismatch
        | C::ConfirmConflict
        | C::PaymentKeyTaken
        | C::OrderClosed
        | C::OrderLapsed
        | C::OrderHasPayment => of_orders(code).await,
        C::CancelUnknown
        | C::CancelBeforePayment
        | C::CancelUndecided
        | C::CancelNothingTaken
        | C::CancelNothingLeft
        | C::CancelExceedsBalance
        | C::CancelZero
        | C::CancelWholeOnly
        | C::CancelTooMany => of_cancels(code).await,
        C::JobUnknown
        | C::JobEnded
        | C::JobDeclined
        | C::JobUnderWay
        | C::JobLookUpOnly
        | C::JobWindowOver
        | C::JobNotParked
        | C::JobOutcomeUnknown => of_jobs(code).await,
        C::ProductIdTaken | C::MenuFull => of_catalogue(code).await,
    }
}

async fn of_requests(code: ProblemCode) -> Answer {
    let app = TestApp::start().await;
    let order = app.order().await;
    match code {
        ProblemCode::InvalidRequest => app.post(As::Nobody, "/v1/orders", json!([])).await,
        ProblemCode::Unauthorized => app.get(As::Nobody, &order.path()).await,
        ProblemCode::TicketExpired => {
            app.store.advance_clock(15 * 60_000);
            app.get(As::Token(&order.ticket), &order.path()).await
        }
        ProblemCode::Forbidden => app.get(As::Owner, "/v1/audit").await,
        ProblemCode::NotFound => app.get(As::Nobody, "/v2/orders").await,
        ProblemCode::MethodNotAllowed => {
            let answer =
                app.send(request(Method::DELETE, As::Nobody, "/v1/orders", &[], None)).await;
            assert_eq!(answer.header("allow"), "POST,GET,HEAD");
            answer
        }
        ProblemCode::BodyTooLarge => {
            app.post(As::Nobody, "/v1/orders", json!({ "note": "x".repeat(70_000) })).await
        }
        ProblemCode::UnsupportedMediaType => {
            let mut request = request(Method::POST, As::Nobody, "/v1/quotes", &[], None);
            *request.body_mut() = Body::from("storeId=gimbap");
            app.send(request).await
        }
        ProblemCode::IdempotencyKeyMissing => {
            app.post(As::Manager, &order.path_to("cancels"), json!({ "reason": "x" })).await
        }
        ProblemCode::IdempotencyKeyInvalid => {
            let long = "x".repeat(256);
            app.post_with(As::Nobody, "/v1/orders", &[("idempotency-key", &long)], gimbap_order())
                .await
        }
        _ => {
            let key = [("idempotency-key", "key-1")];
            app.post_with(As::Nobody, "/v1/orders", &key, gimbap_order()).await;
            let other = with(gimbap_order(), "/delivery/note", json!("other"));
            app.post_with(As::Nobody, "/v1/orders", &key, other).await
        }
    }
}

async fn of_bounds(code: ProblemCode) -> Answer {
    match code {
        ProblemCode::TooManyRequests => {
            let app =
                TestApp::start_with(|settings| settings.limits.public_rate = Rate::new(1, 1)).await;
            app.post(As::Nobody, "/v1/orders", gimbap_order()).await;
            let answer = app.post(As::Nobody, "/v1/orders", gimbap_order()).await;
            assert_eq!(answer.header("retry-after"), "1");
            answer
        }
        ProblemCode::Overloaded => {
            let app =
                TestApp::start_with(|settings| settings.limits.requests_in_flight_max = 0).await;
            assert_eq!(app.get(As::Nobody, "/livez").await.status, StatusCode::OK);
            app.get(As::Nobody, "/v1/stores").await
        }
        ProblemCode::TimedOut => {
            let limit = Duration::from_millis(100);
            let app = TestApp::start_with(|settings| settings.limits.request_timeout = limit).await;
            // Somebody else writes and does not end.
            app.sql("BEGIN IMMEDIATE").await;
            app.post(As::Nobody, "/v1/orders", gimbap_order()).await
        }
        ProblemCode::Unavailable => {
            let app = TestApp::start().await;
            app.store.fail_commits(1_000);
            let answer = app.post(As::Nobody, "/v1/orders", gimbap_order()).await;
            assert_eq!(answer.header("retry-after"), "2");
            assert!(
                !String::from_utf8_lossy(&answer.bytes).contains("conflict"),
                "the cause stays inside"
            );
            answer
        }
        _ => {
            let app = TestApp::start().await;
            let order = app.order().await;
            app.sql("UPDATE order_lines SET options = 'rubbish'").await;
            let answer = app.get(As::Token(&order.access), &order.path()).await;
            assert!(
                !String::from_utf8_lossy(&answer.bytes).contains("rubbish"),
                "the cause stays inside"
            );
            answer
        }
    }
}

async fn of_carts(code: ProblemCode) -> Answer {
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
        _ => ("gimbap", gimbap(2)),
    };
    let quoted =
        app.post(As::Nobody, "/v1/quotes", json!({ "storeId": store, "items": items })).await;
    let ordered = app.post(As::Nobody, "/v1/orders", order_body(store, items, 4_000)).await;
    if code != C::AmountMismatch {
        assert_eq!(quoted.code(), ordered.code(), "a quote is refused as an order is");
    }
    ordered
}

async fn of_orders(code: ProblemCode) -> Answer {
    let app = TestApp::start().await;
    let (order, other) = (app.order().await, app.order().await);
    let confirm = order.path_to("confirm");
    match code {
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
        _ => {
            app.confirm(&order).await;
            app.post(As::Token(&order.access), &order.path_to("close"), json!({})).await
        }
    }
}

async fn of_cancels(code: ProblemCode) -> Answer {
    let app = TestApp::start().await;
    let whole = json!({ "reason": "품절" });
    match code {
        ProblemCode::CancelUnknown => {
            let order = app.paid_order().await;
            app.get(As::Manager, &order.path_to("cancels/no-such-cancel")).await
        }
        ProblemCode::CancelBeforePayment => {
            let order = app.order().await;
            app.cancel(As::Manager, &order, "key-1", whole).await
        }
        ProblemCode::CancelUndecided => {
            let order = app.order().await;
            app.confirm(&order).await;
            app.cancel(As::Manager, &order, "key-1", whole).await
        }
        ProblemCode::CancelNothingTaken => {
            let (order, _) = app.declined_order().await;
            app.cancel(As::Manager, &order, "key-1", whole).await
        }
        ProblemCode::CancelNothingLeft => {
            let order = app.paid_order().await;
            app.cancel(As::Manager, &order, "key-1", whole.clone()).await;
            app.cancel(As::Manager, &order, "key-2", whole).await
        }
        ProblemCode::CancelExceedsBalance => {
            let order = app.paid_order().await;
            app.cancel(As::Manager, &order, "key-1", with(whole, "/amount", json!(4_001))).await
        }
        ProblemCode::CancelZero => {
            let order = app.paid_order().await;
            app.cancel(As::Manager, &order, "key-1", with(whole, "/amount", json!(0))).await
        }
        ProblemCode::CancelWholeOnly => {
            let order = app.order().await;
            let job = app.confirm(&order).await;
            let mut issued = done(&order.order_id(), order.amount);
            issued.status = TossStatus::WaitingForDeposit;
            issued.approved_at_ms = None;
            issued.virtual_account = Some(VirtualAccount {
                bank_code: "20".to_owned(),
                account_number: "X6505636518308".to_owned(),
                customer_name: Some("김하나".to_owned()),
                due_at_ms: Some(1_795_600_000_000),
            });
            app.work(&job, Told::Payment(Box::new(issued))).await;
            let view = app.get(As::Token(&order.access), &order.path()).await;
            assert_eq!(view.body["payment"]["virtualAccount"]["accountNumber"], "X6505636518308");
            app.cancel(As::Manager, &order, "key-1", with(whole, "/amount", json!(1_000))).await
        }
        _ => {
            let order = app.paid_order().await;
            app.cancel_to_the_limit(&order).await;
            app.cancel(As::Manager, &order, "key-1", whole).await
        }
    }
}

async fn of_jobs(code: ProblemCode) -> Answer {
    let app = TestApp::start().await;
    let act = async |job: &str, action: &str| {
        app.post(As::Manager, &format!("/v1/jobs/{job}/{action}"), json!({ "reason": "because" }))
            .await
    };
    match code {
        ProblemCode::JobUnknown => act("no-such-job", "retry").await,
        ProblemCode::JobEnded => {
            let order = app.paid_order().await;
            act(&app.job_of(&order, "confirm").await, "retry").await
        }
        ProblemCode::JobDeclined => {
            let (_, job) = app.declined_order().await;
            act(&job, "retry").await
        }
        ProblemCode::JobUnderWay => {
            let order = app.order().await;
            act(&app.confirm(&order).await, "retry").await
        }
        ProblemCode::JobLookUpOnly => {
            let (order, job) = app.parked_order().await;
            act(&job, "look-up").await;
            let look_up = app.job_of(&order, "look_up").await;
            app.work(&look_up, failure(FailureClass::Unanswered, "NO_ANSWER")).await;
            act(&look_up, "retry").await
        }
        ProblemCode::JobWindowOver => {
            let (_, job) = app.parked_order().await;
            app.store.advance_clock(10 * 60_000);
            act(&job, "retry").await
        }
        ProblemCode::JobNotParked => {
            let order = app.order().await;
            act(&app.confirm(&order).await, "discard").await
        }
        _ => {
            let (_, job) = app.unknown_order().await;
            act(&job, "discard").await
        }
    }
}

async fn of_catalogue(code: ProblemCode) -> Answer {
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
