//! What operators do beyond one job: due times, telling cancels apart, reviews, holds and bulk runs.

use axum::http::StatusCode;
use domain::CancellationId;
use domain::answer::{Answer as Told, FailureClass, TossCancel, TossStatus};
use domain::cancellation::tagged_reason;
use domain::limits;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::app::{Answer, As, Ordered, TestApp, won};
use crate::toss::{done, failure};

/// A cancel at Toss of so much, with a reason that is not ours.
fn entry(key: &str, amount: i64, reason: &str) -> TossCancel {
    TossCancel {
        transaction_key: key.to_owned(),
        amount: won(amount),
        tax_free_amount: won(0),
        reason: reason.to_owned(),
        cancelled_at_ms: Some(1_795_000_100_000),
        is_done: true,
    }
}

impl TestApp {
    /// The time by the store's clock and so much more, as requests carry it.
    pub(crate) async fn in_ms(&self, more: i64) -> String {
        let ms = self.store.now_ms().await.unwrap() + more;
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).unwrap();
        at.format(&Rfc3339).unwrap()
    }

    /// A confirm that waits for its next try, and when.
    pub(crate) async fn waiting_job(&self) -> (String, String) {
        let order = self.order().await;
        let job = self.confirm(&order).await;
        self.work(&job, failure(FailureClass::Unsent, "CONNECT_FAILED")).await;
        let view = self.get(As::Manager, &format!("/v1/jobs/{job}")).await;
        (job, view.text("dueAt").to_owned())
    }

    pub(crate) async fn put_off(&self, job: &str, due_at: &str, seen: &str) -> Answer {
        let body = json!({ "dueAt": due_at, "seenDueAt": seen, "reason": "은행 점검" });
        self.post(As::Manager, &format!("/v1/jobs/{job}/due-time"), body).await
    }

    /// A cancel of 1,000 won that cannot be told apart from one of the console, which shows another of 500 beside it; with `tag` the
    /// first carries ours, and so does a third.
    pub(crate) async fn ambiguous_cancel(&self, has_tag: bool) -> (Ordered, String, String) {
        let order = self.paid_order().await;
        let body = json!({ "reason": "품절", "amount": 1_000 });
        let cancel = self.cancel(As::Manager, &order, "key-1", body).await;
        let cancel = cancel.text("cancelId").to_owned();
        let job = self.job_of(&order, "cancel").await;
        self.work(&job, failure(FailureClass::Unanswered, "NO_ANSWER")).await;
        let id = CancellationId::parse(cancel.as_str()).unwrap();
        let ours = tagged_reason("품절", id.as_str());
        let mut told = done(&order.order_id(), order.amount);
        told.status = TossStatus::PartialCanceled;
        told.balance = won(2_500);
        told.cancels = vec![entry("t-1", 1_000, "콘솔"), entry("t-2", 500, "콘솔")];
        if has_tag {
            told.balance = won(1_500);
            told.cancels = vec![entry("t-1", 1_000, &ours), entry("t-3", 1_000, &ours)];
        }
        self.work(&job, Told::Payment(Box::new(told))).await;
        let view = self.get(As::Manager, &format!("/v1/jobs/{job}")).await;
        assert_eq!(view.text("parkReason"), "ambiguous_cancels", "{}", view.body);
        (order, cancel, job)
    }

    pub(crate) async fn candidates(&self, order: &Ordered, cancel: &str) -> Value {
        let path = order.path_to(&format!("cancels/{cancel}/candidates"));
        let answer = self.get(As::Manager, &path).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.body
    }

    /// Says which entry is ours, or with `None` that none is.
    pub(crate) async fn match_to(
        &self,
        order: &Ordered,
        cancel: &str,
        key: Option<&str>,
        version: &Value,
    ) -> Answer {
        let mut body = json!({ "reason": "토스에 확인", "paymentVersion": version });
        match key {
            Some(key) => body["transactionKey"] = json!(key),
            None => body["none"] = json!(true),
        }
        let path = order.path_to(&format!("cancels/{cancel}/match"));
        self.post(As::Manager, &path, body).await
    }

    pub(crate) async fn actions(&self, order: &Ordered) -> Value {
        let answer = self.get(As::Manager, &order.path_to("actions")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.body
    }

    pub(crate) async fn close_review(&self, order: &Ordered, version: &Value) -> Answer {
        let body = json!({ "reason": "확인함", "paymentVersion": version });
        self.post(As::Manager, &order.path_to("review/close"), body).await
    }

    pub(crate) async fn begin_run(&self, who: As<'_>, selection: Value) -> Answer {
        let mut body = selection;
        body["action"] = json!("retry");
        body["reason"] = json!("키 교체");
        self.post(who, "/v1/bulk-runs", body).await
    }

    /// Does a run as a worker would.
    async fn perform_run(&self) {
        let held = self.store.take_bulk_run("worker-1").await.unwrap().unwrap();
        while !matches!(
            self.store.perform_bulk_item(&held).await.unwrap(),
            store::bulk::BulkStep::Over
        ) {}
    }
}

#[tokio::test]
async fn a_job_says_every_action_and_why_it_is_not_allowed() {
    let app = TestApp::start().await;
    let (_, job) = app.parked_order().await;
    let view = app.get(As::Manager, &format!("/v1/jobs/{job}")).await;
    let told: Vec<(&str, bool, &Value)> = view.body["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (one["action"].as_str().unwrap(), one["allowed"].as_bool().unwrap(), &one["code"])
        })
        .collect();
    assert_eq!(
        told,
        [
            ("look_up", true, &Value::Null),
            ("retry", true, &Value::Null),
            ("discard", true, &Value::Null),
            ("change_due_time", false, &json!("job_not_waiting")),
            ("match", false, &json!("match_nothing")),
        ]
    );
    let reason = |answer: &Answer| answer.body["actions"][3]["reason"].as_str().unwrap().to_owned();
    assert!(reason(&view).contains("시각"));
    let english = [("accept-language", "en")];
    let english = app.get_with(As::Manager, &format!("/v1/jobs/{job}"), &english).await;
    assert_eq!(reason(&english), "Only a waiting job has a due time to change.");
}

#[tokio::test]
async fn of_two_who_put_a_job_off_one_is_told_that_it_has_changed() {
    let app = TestApp::start().await;
    let (job, seen) = app.waiting_job().await;
    let (one, two) = (app.in_ms(60_000).await, app.in_ms(120_000).await);
    let (first, second) =
        tokio::join!(app.put_off(&job, &one, &seen), app.put_off(&job, &two, &seen));
    let (done, told) =
        if first.status == StatusCode::OK { (first, second) } else { (second, first) };
    assert_eq!(done.text("state"), "waiting", "{}", done.body);
    assert_eq!((told.status, told.code()), (StatusCode::CONFLICT, "job_changed"));
    assert_eq!(told.text("dueAt"), done.text("dueAt"));
    let audit = app.get(As::Master, &format!("/v1/audit?subject={job}")).await;
    let entry = &audit.body["data"][0];
    assert_eq!(entry["action"], "job.due_time");
    assert!(entry["detail"]["before"].is_i64() && entry["detail"]["after"].is_i64());
    assert_eq!(app.put_off(&job, "tomorrow", &seen).await.body["errors"][0]["pointer"], "/dueAt");
}

#[tokio::test]
async fn a_cancel_is_told_apart_by_its_entry_at_toss() {
    let app = TestApp::start().await;
    let (order, cancel, job) = app.ambiguous_cancel(false).await;
    let seen = app.candidates(&order, &cancel).await;
    assert_eq!(seen["match"]["allowed"], true);
    assert_eq!(seen["none"]["code"], "match_not_settled");
    let fits: Vec<_> = seen["data"].as_array().unwrap().iter().map(|one| &one["fits"]).collect();
    assert_eq!(fits, [true, false]);
    let version = &seen["paymentVersion"];
    let stale = app.match_to(&order, &cancel, Some("t-1"), &json!(1)).await;
    assert_eq!(stale.code(), "payment_changed");
    let (one, two) = tokio::join!(
        app.match_to(&order, &cancel, Some("t-1"), version),
        app.match_to(&order, &cancel, Some("t-1"), version)
    );
    let (done, told) = if one.status == StatusCode::OK { (one, two) } else { (two, one) };
    assert_eq!((done.text("jobId"), done.text("state")), (job.as_str(), "succeeded"));
    assert_eq!((told.status, told.code()), (StatusCode::CONFLICT, "job_ended"));
    let view = app.get(As::Manager, &order.path_to(&format!("cancels/{cancel}"))).await;
    assert_eq!((view.text("status"), view.text("transactionKey")), ("done", "t-1"));
    let both = json!({ "transactionKey": "t-1", "none": true, "paymentVersion": 1, "reason": "x" });
    let path = order.path_to(&format!("cancels/{cancel}/match"));
    let both = app.post(As::Manager, &path, both).await;
    assert_eq!(both.body["errors"][0]["pointer"], "/transactionKey");
}

#[tokio::test]
async fn none_of_the_entries_is_ours_once_all_that_ours_could_do_is_in_sight() {
    let app = TestApp::start().await;
    let (order, cancel, job) = app.ambiguous_cancel(false).await;
    app.store.advance_clock(limits::UNFINISHED_CALL_MS);
    app.post(As::Manager, &format!("/v1/jobs/{job}/retry"), json!({})).await;
    let mut told = done(&order.order_id(), order.amount);
    told.status = TossStatus::PartialCanceled;
    told.balance = won(3_000);
    told.cancels = vec![entry("t-1", 1_000, "콘솔")];
    app.work(&job, Told::Payment(Box::new(told))).await;
    let seen = app.candidates(&order, &cancel).await;
    assert_eq!(seen["none"]["allowed"], true, "{seen}");
    let done = app.match_to(&order, &cancel, None, &seen["paymentVersion"]).await;
    assert_eq!((done.status, done.text("state")), (StatusCode::OK, "queued"), "{}", done.body);
    let cancels = app.get(As::Manager, &order.path_to("cancels")).await;
    let by: Vec<_> =
        cancels.body["data"].as_array().unwrap().iter().map(|one| &one["requestedBy"]).collect();
    assert!(by.contains(&&json!("toss")), "{by:?}");
    assert_eq!(app.candidates(&order, &cancel).await["data"], json!([]));
}

#[tokio::test]
async fn a_review_is_closed_once_with_a_reason_and_leaves_the_money_alone() {
    let app = TestApp::start().await;
    let order = app.paid_order().await;
    app.sql("UPDATE payments SET review_reason = 'unexpected_state', review_since = 1").await;
    let before = app.actions(&order).await;
    assert_eq!(before["reviewReason"], "unexpected_state");
    assert_eq!(
        (&before["closeReview"]["allowed"], &before["lookUp"]["allowed"]),
        (&json!(true), &json!(true))
    );
    let version = &before["paymentVersion"];
    let path = order.path_to("review/close");
    let missing = app.post(As::Manager, &path, json!({ "paymentVersion": version })).await;
    assert_eq!(missing.body["errors"][0]["pointer"], "/reason");
    let (one, two) =
        tokio::join!(app.close_review(&order, version), app.close_review(&order, version));
    let (done, told) = if one.status == StatusCode::OK { (one, two) } else { (two, one) };
    assert!(done.body["reviewReason"].is_null());
    assert_eq!((told.status, told.code()), (StatusCode::CONFLICT, "review_none"));
    let after = app.actions(&order).await;
    assert_eq!(
        (&after["paymentState"], &after["cancel"]),
        (&json!("confirmed"), &before["cancel"])
    );
    let audit = app.get(As::Master, &format!("/v1/audit?subject={}", order.id)).await;
    assert_eq!(audit.body["data"][0]["detail"]["reviewReason"], "unexpected_state");
}

#[tokio::test]
async fn what_is_left_to_cancel_is_told_with_the_amount_above_which_it_is_typed() {
    let app = TestApp::start_with(|settings| settings.confirm_amount_above = 3_000).await;
    let order = app.paid_order().await;
    let body = json!({ "reason": "품절", "amount": 1_000 });
    app.cancel(As::Manager, &order, "key-1", body).await;
    let cancel = app.actions(&order).await["cancel"].clone();
    assert_eq!((&cancel["available"], &cancel["taxFreeAvailable"]), (&json!(3_000), &json!(0)));
    assert_eq!((&cancel["allowed"], &cancel["wholeOnly"]), (&json!(true), &json!(false)));
    assert_eq!(cancel["confirmAmountAbove"], 3_000);
    let (declined, _) = app.declined_order().await;
    let cancel = app.actions(&declined).await["cancel"].clone();
    assert_eq!(
        (&cancel["available"], &cancel["code"]),
        (&json!(0), &json!("cancel_nothing_taken"))
    );
}

#[tokio::test]
async fn a_payment_is_looked_up_by_its_order() {
    let app = TestApp::start().await;
    let order = app.paid_order().await;
    let answer = app.post(As::Manager, &order.path_to("look-up"), json!({})).await;
    assert_eq!((answer.status, answer.text("kind")), (StatusCode::OK, "look_up"));
    let foreign = app.post(As::Owner, &order.path_to("look-up"), json!({})).await;
    assert_eq!(foreign.code(), "order_unknown");
}

#[tokio::test]
async fn calls_are_paused_and_resumed_by_masters_only_and_once() {
    let app = TestApp::start().await;
    for who in [As::Owner, As::Manager] {
        assert_eq!(app.get(who, "/v1/holds").await.code(), "forbidden");
        let body = json!({ "reason": "점검" });
        assert_eq!(app.post(who, "/v1/holds/pause", body.clone()).await.code(), "forbidden");
        assert_eq!(app.post(who, "/v1/holds/resume", body).await.code(), "forbidden");
    }
    let body = json!({ "scope": "cancel", "reason": "점검" });
    let pause = || app.post(As::Master, "/v1/holds/pause", body.clone());
    let (one, two) = tokio::join!(pause(), pause());
    let (done, told) = if one.status == StatusCode::OK { (one, two) } else { (two, one) };
    assert_eq!(done.body["pauses"][0]["scope"], "cancel");
    assert_eq!((told.status, told.code()), (StatusCode::CONFLICT, "hold_exists"));
    let held = app.get(As::Master, "/v1/holds").await;
    assert_eq!(
        (&held.body["pauses"][0]["inForce"], &held.body["breakers"]),
        (&json!(true), &json!([]))
    );
    let resumed = app.post(As::Master, "/v1/holds/resume", body.clone()).await;
    assert_eq!(resumed.body["pauses"], json!([]));
    let again = app.post(As::Master, "/v1/holds/resume", body).await;
    assert_eq!((again.status, again.code()), (StatusCode::NOT_FOUND, "hold_unknown"));
    let wrong = json!({ "merchant": "nobody", "scope": "refund", "reason": "" });
    let wrong = app.post(As::Master, "/v1/holds/pause", wrong).await;
    assert_eq!(wrong.body["errors"].as_array().unwrap().len(), 3, "{}", wrong.body);
}

#[tokio::test]
async fn a_bulk_run_does_what_its_preview_said_and_reports_each_job() {
    let app = TestApp::start().await;
    let mut jobs = Vec::new();
    for _ in 0..3 {
        jobs.push(app.parked_order().await.1);
    }
    let (_, declined) = app.declined_order().await;
    let ids = json!({ "jobIds": [&jobs[0], &jobs[1], &declined, "no-such-job", &jobs[0]] });
    let mut body = ids.clone();
    body["action"] = json!("retry");
    let preview = app.post(As::Manager, "/v1/bulk-runs/preview", body).await;
    let figures =
        |body: &Value| (body["jobs"].clone(), body["allowed"].clone(), body["refused"].clone());
    assert_eq!(figures(&preview.body), (json!(4), json!(2), json!(2)), "{}", preview.body);
    let groups = preview.body["groups"].as_array().unwrap();
    let refused: Vec<_> = groups.iter().map(|group| &group["verdict"]["code"]).collect();
    assert_eq!(refused, [&json!("job_unknown"), &json!("job_declined"), &Value::Null]);
    assert_eq!(groups[2]["examples"].as_array().unwrap().len(), 2);

    let begun = app.begin_run(As::Manager, ids).await;
    assert_eq!((begun.status, begun.text("state")), (StatusCode::ACCEPTED, "running"));
    let path = begun.header("location").to_owned();
    app.perform_run().await;
    let run = app.get(As::Manager, &format!("{path}?limit=2")).await;
    assert_eq!(
        (&run.body["done"], &run.body["refused"], &run.body["pending"]),
        (&json!(2), &json!(2), &json!(0))
    );
    assert_eq!((run.text("startedByName"), &run.body["items"]), ("manager", &json!(4)));
    let cursor = run.body["jobs"]["nextCursor"].as_str().unwrap();
    let rest = app.get(As::Manager, &format!("{path}?cursor={cursor}")).await;
    let codes: Vec<_> =
        rest.body["jobs"]["data"].as_array().unwrap().iter().map(|item| &item["code"]).collect();
    assert_eq!(codes, ["job_declined", "job_unknown"]);
    let audit = app.get(As::Master, &format!("/v1/audit?subject={}", jobs[0])).await;
    let entry = &audit.body["data"][0];
    assert_eq!((&entry["action"], &entry["reason"]), (&json!("job.retry"), &json!("키 교체")));
    assert_eq!(entry["detail"]["bulkRunId"], run.body["runId"]);

    // All that match, and only of the stores that one acts for.
    let all = json!({ "filter": { "state": "parked", "kind": "confirm" } });
    assert_eq!(app.begin_run(As::Owner, all.clone()).await.code(), "bulk_empty");
    let begun = app.begin_run(As::Master, all).await;
    assert_eq!(
        (&begun.body["items"], &begun.body["selection"]["filter"]["state"]),
        (&json!(1), &json!("parked"))
    );
    // One sees one's own; a master everybody's.
    let count = |answer: Answer| answer.body["data"].as_array().unwrap().len();
    assert_eq!(count(app.get(As::Master, "/v1/bulk-runs").await), 2);
    assert_eq!(count(app.get(As::Manager, "/v1/bulk-runs").await), 1);
    assert_eq!(count(app.get(As::Owner, "/v1/bulk-runs").await), 0);
    let master = begun.header("location");
    for who in [As::Manager, As::Owner] {
        assert_eq!(app.get(who, master).await.code(), "bulk_run_unknown");
        assert_eq!(
            app.post(who, &format!("{master}/stop"), json!({})).await.code(),
            "bulk_run_unknown"
        );
    }
    let stopped = app.post(As::Master, &format!("{master}/stop"), json!({})).await;
    assert_eq!((stopped.text("state"), &stopped.body["skipped"]), ("stopped", &json!(1)));
    let skipped = app.get(As::Master, &format!("{master}?state=skipped")).await;
    assert_eq!(skipped.body["jobs"]["data"][0]["jobId"], jobs[2].as_str());
}

#[tokio::test]
async fn a_preview_of_discards_knows_what_is_unknown() {
    let app = TestApp::start().await;
    let (_, known) = app.parked_order().await;
    let (_, unknown) = app.unknown_order().await;
    let body = json!({ "action": "discard", "filter": { "state": "parked" } });
    let preview = app.post(As::Manager, "/v1/bulk-runs/preview", body).await;
    let told: Vec<_> = preview.body["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| (group["examples"][0].as_str().unwrap(), &group["verdict"]["code"]))
        .collect();
    assert!(told.contains(&(known.as_str(), &Value::Null)), "{told:?}");
    assert!(told.contains(&(unknown.as_str(), &json!("job_outcome_unknown"))), "{told:?}");
    let both = json!({ "action": "discard", "filter": {}, "jobIds": [] });
    let both = app.post(As::Manager, "/v1/bulk-runs/preview", both).await;
    assert_eq!(both.body["errors"][0]["pointer"], "/jobIds");
}
