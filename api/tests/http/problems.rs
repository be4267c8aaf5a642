//! Every code of the catalogue is produced here, by a request. A new code does not compile without one.

mod operators;
mod shop;
mod staff;

use std::time::Duration;

use api::{ProblemCode, Rate};
use axum::body::Body;
use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::app::{Answer, As, TestApp, endless_order, gimbap_order, request, with};

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

#[expect(clippy::too_many_lines, reason = "a table: every code has its line")]
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
        C::TooManyRequests
        | C::Overloaded
        | C::TimedOut
        | C::BodyTimedOut
        | C::Unavailable
        | C::Internal => Box::pin(of_bounds(code)).await,
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
        | C::AmountMismatch => shop::of_carts(code).await,
        C::MerchantKeysMissing
        | C::OrderUnknown
        | C::OrderIdTaken
        | C::ConfirmAmountMismatch
        | C::ConfirmConflict
        | C::PaymentKeyTaken
        | C::OrderClosed
        | C::OrderLapsed
        | C::OrderHasPayment => shop::of_orders(code).await,
        C::CancelUnknown
        | C::CancelBeforePayment
        | C::CancelUndecided
        | C::CancelNothingTaken
        | C::CancelNothingLeft
        | C::CancelExceedsBalance
        | C::CancelZero
        | C::CancelWholeOnly
        | C::CancelMayRepeatLost
        | C::CancelTaxFreePart
        | C::CancelAccountNeeded
        | C::CancelAccountUnwanted
        | C::CancelTooMany => staff::of_cancels(code).await,
        C::JobUnknown
        | C::JobEnded
        | C::JobDeclined
        | C::JobUnderWay
        | C::JobLookUpOnly
        | C::JobWindowOver
        | C::JobNotParked
        | C::JobOutcomeUnknown => staff::of_jobs(code).await,
        C::JobNotWaiting | C::DueTooEarly | C::DueTooLate | C::JobChanged => {
            operators::of_due_times(code).await
        }
        C::MatchNothing
        | C::MatchEntryUnknown
        | C::MatchAmountDiffers
        | C::MatchNotSettled
        | C::MatchCarriesTag => operators::of_matches(code).await,
        C::PaymentChanged | C::ReviewNone | C::ReviewJobFirst | C::ReviewEndsByProof => {
            operators::of_reviews(code).await
        }
        C::HoldExists | C::HoldUnknown => operators::of_holds(code).await,
        C::BulkRunUnknown
        | C::BulkRunEnded
        | C::BulkEmpty
        | C::BulkTooMany
        | C::BulkBusy
        | C::BulkChanged => operators::of_bulk_runs(code).await,
        C::ProductIdTaken | C::MenuFull => shop::of_catalogue(code).await,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "`produce` decides which codes come here")]
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
        ProblemCode::IdempotencyKeyReused => {
            let key = [("idempotency-key", "key-1")];
            app.post_with(As::Nobody, "/v1/orders", &key, gimbap_order()).await;
            let other = with(gimbap_order(), "/delivery/note", json!("other"));
            app.post_with(As::Nobody, "/v1/orders", &key, other).await
        }
        other => panic!("{other:?} is produced elsewhere"),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "`produce` decides which codes come here")]
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
            let _locked = app.orders_locked().await;
            app.post(As::Nobody, "/v1/orders", gimbap_order()).await
        }
        ProblemCode::BodyTimedOut => {
            let limit = Duration::from_millis(50);
            let app = TestApp::start_with(|settings| settings.limits.body_timeout = limit).await;
            let answer = app.send(endless_order()).await;
            assert_eq!(answer.header("connection"), "close");
            answer
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
        ProblemCode::Internal => {
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
        other => panic!("{other:?} is produced elsewhere"),
    }
}
