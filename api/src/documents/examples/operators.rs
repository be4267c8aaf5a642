//! What operators do beyond one job, as examples.

use serde_json::{Value, json};

use super::orders::ORDER;
use super::staff::{JOB, STAFF, look_up, verdict};
use super::{page, value};
use crate::problem::ProblemCode;
use crate::views::bulk::{
    BulkGroupView, BulkItemView, BulkPreviewView, BulkRunDetailView, BulkRunView,
};
use crate::views::candidate::{CandidateView, CandidatesView};
use crate::views::hold::{HoldsView, PauseView};
use crate::views::job::JobView;
use crate::views::payment_actions::{CancelOfferView, PaymentActionsView};
use crate::views::{CURRENCY, PageView};

const RUN: &str = "019ab1d4-5555-7000-8000-00000000000d";
const ENTRY: &str = "09C1D5A4E6F7B8A9C0D1E2F3A4B5C6D7";

/// What is sent.
pub(super) fn request(operation: &str) -> Option<Value> {
    Some(match operation {
        "changeDueTime" => json!({
            "dueAt": "2026-11-23T12:30:00.000Z", "seenDueAt": "2026-11-23T11:52:10.000Z", "reason": "은행 점검",
        }),
        "closeReview" => json!({ "reason": "고객과 통화, 배달 완료", "paymentVersion": 7 }),
        "matchCancel" => json!({
            "transactionKey": ENTRY, "paymentVersion": 7, "reason": "토스 고객센터에서 확인",
        }),
        "pauseCalls" | "resumeCalls" => {
            json!({ "merchant": "default", "scope": "cancel", "reason": "토스 점검" })
        }
        "previewBulkRun" => {
            json!({ "action": "retry", "filter": { "state": "parked", "code": "UNAUTHORIZED_KEY" } })
        }
        "createBulkRun" => json!({
            "action": "retry", "reason": "키 교체 완료",
            "filter": { "state": "parked", "code": "UNAUTHORIZED_KEY" },
        }),
        _ => return None,
    })
}

/// What is answered on success.
pub(super) fn answer(operation: &str) -> Option<Value> {
    match operation {
        "changeDueTime" => value(JobView {
            state: "waiting",
            due_at: Some("2026-11-23T12:30:00.000Z".to_owned()),
            ..look_up()
        }),
        "lookUpOrder" => value(look_up()),
        "readPaymentActions" | "closeReview" => value(actions()),
        "listCandidates" => value(candidates()),
        "matchCancel" => value(JobView {
            state: "succeeded",
            kind: "cancel",
            due_at: None,
            ended_at: Some("2026-11-23T11:52:00.000Z".to_owned()),
            ..look_up()
        }),
        "listHolds" | "pauseCalls" | "resumeCalls" => value(holds()),
        "previewBulkRun" => value(preview()),
        "createBulkRun" => value(run("running", 0)),
        "listBulkRuns" => value(page(run("done", 2))),
        "readBulkRun" => value(BulkRunDetailView {
            run: run("done", 2),
            jobs: PageView { data: vec![item()], next_cursor: Some("1".to_owned()) },
        }),
        "stopBulkRun" => value(BulkRunView { skipped: 1, pending: 0, ..run("stopped", 1) }),
        _ => None,
    }
}

fn actions() -> PaymentActionsView {
    PaymentActionsView {
        order_id: ORDER.to_owned(),
        payment_version: 7,
        payment_state: "confirmed",
        review_reason: Some("late_approval".to_owned()),
        review_since: Some("2026-11-23T11:52:00.000Z".to_owned()),
        look_up: verdict(None),
        close_review: verdict(None),
        cancel: CancelOfferView {
            verdict: verdict(None),
            available: 27_500,
            tax_free_available: 0,
            currency: CURRENCY,
            whole_only: false,
            refund_account_needed: false,
            confirm_amount_above: 100_000,
        },
    }
}

fn candidates() -> CandidatesView {
    CandidatesView {
        payment_version: 7,
        amount: 9_000,
        currency: CURRENCY,
        r#match: verdict(None),
        none: verdict(Some(ProblemCode::MatchNotSettled)),
        data: vec![CandidateView {
            transaction_key: ENTRY.to_owned(),
            amount: 9_000,
            tax_free_amount: 0,
            cancelled_at: Some("2026-11-23T11:45:05.000Z".to_owned()),
            reason: "고객 요청".to_owned(),
            fits: true,
            seen_at: "2026-11-23T11:46:10.000Z".to_owned(),
        }],
    }
}

fn holds() -> HoldsView {
    HoldsView {
        breakers: vec![],
        pauses: vec![PauseView {
            merchant: "default".to_owned(),
            scope: "cancel",
            in_force: true,
            reason: "토스 점검".to_owned(),
            paused_by: STAFF.to_owned(),
            since: "2026-11-23T11:52:00.000Z".to_owned(),
        }],
    }
}

fn preview() -> BulkPreviewView {
    let group = |jobs, refused: Option<ProblemCode>| BulkGroupView {
        kind: Some("confirm"),
        state: Some("parked"),
        code: Some("UNAUTHORIZED_KEY".to_owned()),
        jobs,
        examples: vec![JOB.to_owned()],
        verdict: verdict(refused),
    };
    let groups = vec![group(1, None), group(1, Some(ProblemCode::JobWindowOver))];
    let as_of = "2026-11-23T11:52:00.000Z".to_owned();
    BulkPreviewView { as_of, jobs: 2, allowed: 1, refused: 1, groups }
}

fn run(state: &'static str, over: i64) -> BulkRunView {
    BulkRunView {
        run_id: RUN.to_owned(),
        action: "retry",
        reason: "키 교체 완료".to_owned(),
        selection: json!({ "filter": {
            "kind": null, "state": "parked", "code": "UNAUTHORIZED_KEY", "storeId": null,
        }}),
        state,
        started_by: STAFF.to_owned(),
        started_by_name: Some("김점주".to_owned()),
        items: 2,
        pending: 2_i64.saturating_sub(over),
        done: over.min(1),
        refused: over.saturating_sub(1).max(0),
        failed: 0,
        skipped: 0,
        stopped_by: (state == "stopped").then(|| STAFF.to_owned()),
        created_at: "2026-11-23T11:52:00.000Z".to_owned(),
        updated_at: "2026-11-23T11:52:01.000Z".to_owned(),
        ended_at: (state != "running").then(|| "2026-11-23T11:52:01.000Z".to_owned()),
    }
}

fn item() -> BulkItemView {
    BulkItemView {
        number: 1,
        job_id: JOB.to_owned(),
        order_id: Some(ORDER.to_owned()),
        state: "done",
        code: None,
        ended_at: Some("2026-11-23T11:52:01.000Z".to_owned()),
    }
}
