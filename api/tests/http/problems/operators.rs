//! Codes about what operators do beyond one job.

use api::ProblemCode;
use domain::answer::FailureClass;
use serde_json::json;

use crate::app::{Answer, As, TestApp};
use crate::toss::failure;

#[expect(clippy::wildcard_enum_match_arm, reason = "`produce` decides which codes come here")]
pub(super) async fn of_due_times(code: ProblemCode) -> Answer {
    let app = TestApp::start().await;
    if code == ProblemCode::JobNotWaiting {
        let (_, job) = app.parked_order().await;
        return app.put_off(&job, &app.in_ms(1_000).await, &app.in_ms(0).await).await;
    }
    let (job, seen) = app.waiting_job().await;
    let due_at = match code {
        ProblemCode::DueTooEarly => app.in_ms(-60_000).await,
        ProblemCode::DueTooLate => app.in_ms(11 * 60_000).await,
        ProblemCode::JobChanged => {
            let due_at = app.in_ms(60_000).await;
            return app.put_off(&job, &due_at, &app.in_ms(1).await).await;
        }
        other => panic!("{other:?} is produced elsewhere"),
    };
    app.put_off(&job, &due_at, &seen).await
}

#[expect(clippy::wildcard_enum_match_arm, reason = "`produce` decides which codes come here")]
pub(super) async fn of_matches(code: ProblemCode) -> Answer {
    let app = TestApp::start().await;
    if code == ProblemCode::MatchNothing {
        let order = app.paid_order().await;
        let cancel = app.cancel(As::Manager, &order, "key-1", json!({ "reason": "x" })).await;
        let job = app.job_of(&order, "cancel").await;
        app.work(&job, failure(FailureClass::Broken, "UNAUTHORIZED_KEY")).await;
        return app.match_to(&order, cancel.text("cancelId"), Some("t-1"), &json!(1)).await;
    }
    let (order, cancel, _) = app.ambiguous_cancel(code == ProblemCode::MatchCarriesTag).await;
    let version = app.candidates(&order, &cancel).await["paymentVersion"].clone();
    let key = match code {
        ProblemCode::MatchEntryUnknown => Some("t-9"),
        ProblemCode::MatchAmountDiffers => Some("t-2"),
        ProblemCode::MatchNotSettled | ProblemCode::MatchCarriesTag => None,
        other => panic!("{other:?} is produced elsewhere"),
    };
    app.match_to(&order, &cancel, key, &version).await
}

#[expect(clippy::wildcard_enum_match_arm, reason = "`produce` decides which codes come here")]
pub(super) async fn of_reviews(code: ProblemCode) -> Answer {
    let app = TestApp::start().await;
    let order = app.paid_order().await;
    match code {
        ProblemCode::ReviewNone => {}
        ProblemCode::PaymentChanged => {
            app.sql("UPDATE payments SET review_reason = 'setup', review_since = 1").await;
            return app.close_review(&order, &json!(0)).await;
        }
        ProblemCode::ReviewJobFirst => {
            app.cancel(As::Manager, &order, "key-1", json!({ "reason": "x" })).await;
            let job = app.job_of(&order, "cancel").await;
            app.work(&job, failure(FailureClass::Broken, "UNAUTHORIZED_KEY")).await;
        }
        ProblemCode::ReviewEndsByProof => {
            app.post(As::Manager, &order.path_to("look-up"), json!({})).await;
            let job = app.job_of(&order, "look_up").await;
            app.work(&job, failure(FailureClass::Absent, "NOT_FOUND_PAYMENT")).await;
        }
        other => panic!("{other:?} is produced elsewhere"),
    }
    let version = app.actions(&order).await["paymentVersion"].clone();
    app.close_review(&order, &version).await
}

#[expect(clippy::wildcard_enum_match_arm, reason = "`produce` decides which codes come here")]
pub(super) async fn of_holds(code: ProblemCode) -> Answer {
    let app = TestApp::start().await;
    let body = json!({ "reason": "점검" });
    match code {
        ProblemCode::HoldExists => {
            app.post(As::Master, "/v1/holds/pause", body.clone()).await;
            app.post(As::Master, "/v1/holds/pause", body).await
        }
        ProblemCode::HoldUnknown => app.post(As::Master, "/v1/holds/resume", body).await,
        other => panic!("{other:?} is produced elsewhere"),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "`produce` decides which codes come here")]
pub(super) async fn of_bulk_runs(code: ProblemCode) -> Answer {
    let app = TestApp::start().await;
    let (_, job) = app.parked_order().await;
    let one = json!({ "jobIds": [job] });
    match code {
        ProblemCode::BulkRunUnknown => app.get(As::Master, "/v1/bulk-runs/no-such-run").await,
        ProblemCode::BulkRunEnded => {
            let run = app.begin_run(As::Manager, one).await;
            let stop = format!("{}/stop", run.header("location"));
            app.post(As::Manager, &stop, json!({})).await;
            app.post(As::Manager, &stop, json!({})).await
        }
        ProblemCode::BulkEmpty => {
            app.begin_run(As::Manager, json!({ "filter": { "code": "NO_SUCH_CODE" } })).await
        }
        ProblemCode::BulkTooMany => {
            let ids: Vec<String> = (0..1_001).map(|number| format!("job-{number}")).collect();
            let refused = app.begin_run(As::Manager, json!({ "jobIds": ids })).await;
            assert_eq!(refused.body["most"], 1_000);
            refused
        }
        ProblemCode::BulkChanged => {
            let mut body = one;
            body["action"] = "look_up".into();
            let seen = app.post(As::Manager, "/v1/bulk-runs/preview", body.clone()).await;
            let count = seen.body["jobs"].as_u64().unwrap() + 1;
            body["reason"] = "because".into();
            body["previewed"] = json!({ "jobs": count, "asOf": seen.body["asOf"] });
            let refused = app.post(As::Manager, "/v1/bulk-runs", body.clone()).await;
            body["previewed"]["jobs"] = seen.body["jobs"].clone();
            let begun = app.post(As::Manager, "/v1/bulk-runs", body).await;
            assert_eq!(begun.status, 202, "{}", begun.body);
            refused
        }
        ProblemCode::BulkBusy => {
            for _ in 0..domain::limits::BULK_RUNS_MAX {
                app.begin_run(As::Manager, one.clone()).await;
            }
            app.begin_run(As::Manager, one).await
        }
        other => panic!("{other:?} is produced elsewhere"),
    }
}
