//! Codes about what staff do.

use api::ProblemCode;
use domain::answer::{Answer as Told, FailureClass, TossStatus, VirtualAccount};
use serde_json::json;

use crate::app::{Answer, As, TestApp, with};
use crate::toss::{done, failure};

#[expect(clippy::wildcard_enum_match_arm, reason = "`produce` decides which codes come here")]
pub(super) async fn of_cancels(code: ProblemCode) -> Answer {
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
        ProblemCode::CancelExceedsBalance | ProblemCode::CancelZero => {
            let order = app.paid_order().await;
            let amount = if code == ProblemCode::CancelZero { 0 } else { 4_001 };
            app.cancel(As::Manager, &order, "key-1", with(whole, "/amount", json!(amount))).await
        }
        ProblemCode::CancelWholeOnly => cancel_part_before_the_deposit(&app, whole).await,
        ProblemCode::CancelTaxFreePart => {
            let order = app.paid_order().await;
            let part = with(with(whole, "/amount", json!(1_000)), "/taxFreeAmount", json!(1));
            let refused = app.cancel(As::Manager, &order, "key-1", part).await;
            assert_eq!((&refused.body["least"], &refused.body["most"]), (&json!(0), &json!(0)));
            refused
        }
        ProblemCode::CancelMayRepeatLost => {
            let order = app.paid_order().await;
            app.found_lost_cancel(&order, 1_000).await;
            app.cancel(As::Manager, &order, "key-1", whole).await
        }
        ProblemCode::CancelAccountNeeded => {
            let order = app.paid_order().await;
            app.sql("UPDATE payments SET bank_code = '20', account_number = 'X1'").await;
            app.cancel(As::Manager, &order, "key-1", whole).await
        }
        ProblemCode::CancelAccountUnwanted => {
            let order = app.paid_order().await;
            let account =
                json!({ "bankCode": "20", "accountNumber": "1002-123", "holderName": "김하나" });
            app.cancel(As::Manager, &order, "key-1", with(whole, "/refundAccount", account)).await
        }
        ProblemCode::CancelTooMany => {
            let order = app.paid_order().await;
            app.cancel_to_the_limit(&order).await;
            app.cancel(As::Manager, &order, "key-1", whole).await
        }
        other => panic!("{other:?} is produced elsewhere"),
    }
}

async fn cancel_part_before_the_deposit(app: &TestApp, whole: serde_json::Value) -> Answer {
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
        is_expired: false,
        refund_status: None,
    });
    app.work(&job, Told::Payment(Box::new(issued))).await;
    let view = app.get(As::Token(&order.access), &order.path()).await;
    assert_eq!(view.body["payment"]["virtualAccount"]["accountNumber"], "X6505636518308");
    app.cancel(As::Manager, &order, "key-1", with(whole, "/amount", json!(1_000))).await
}

#[expect(clippy::wildcard_enum_match_arm, reason = "`produce` decides which codes come here")]
pub(super) async fn of_jobs(code: ProblemCode) -> Answer {
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
        ProblemCode::JobOutcomeUnknown => {
            let (_, job) = app.unknown_order().await;
            act(&job, "discard").await
        }
        other => panic!("{other:?} is produced elsewhere"),
    }
}
