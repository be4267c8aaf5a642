//! What staff see, as examples.

use serde_json::json;

use super::orders::ORDER;
use crate::problem::{Problem, ProblemCode};
use crate::views::CURRENCY;
use crate::views::audit::AuditView;
use crate::views::cancel::CancelView;
use crate::views::job::{ActionView, AttemptView, JobDetailView, JobView, NamedActionView};
use crate::words::Language;
use crate::words::status::cancellation_text;
use domain::action::JobAction;
use domain::cancellation::CancellationState;

pub(super) const JOB: &str = "019ab1c3-1f2e-7c00-8d5f-6a7b8c9d0e1f";
const CANCEL: &str = "019ab1c9-0b1c-7e00-9f4d-2a3b4c5d6e7f";
pub(super) const STAFF: &str = "019ab0aa-1111-7000-8000-00000000000a";
const REQUEST: &str = "019ab1c2-0000-7000-8000-000000000000";

pub(super) fn cancel() -> CancelView {
    let state = CancellationState::Requested;
    CancelView {
        cancel_id: CANCEL.to_owned(),
        order_id: ORDER.to_owned(),
        amount: 9_000,
        tax_free_amount: 0,
        currency: CURRENCY,
        reason: "꿔바로우 품절".to_owned(),
        status: state.word(),
        status_text: cancellation_text(state).in_language(Language::Korean),
        requested_by: Some(STAFF.to_owned()),
        role: Some("owner"),
        requested_at: "2026-11-23T11:45:03.120Z".to_owned(),
        cancelled_at: None,
        transaction_key: None,
        failure: None,
    }
}

/// A confirm that waits for a person.
pub(super) fn job() -> JobView {
    JobView {
        job_id: JOB.to_owned(),
        kind: "confirm",
        state: "parked",
        order_id: ORDER.to_owned(),
        store_id: super::STORE.to_owned(),
        merchant: "default".to_owned(),
        amount: 27_500,
        cancel_id: None,
        class: Some("broken"),
        runnable_since: "2026-11-23T11:37:40.912Z".to_owned(),
        code: Some("UNAUTHORIZED_KEY".to_owned()),
        message: Some("인증되지 않은 시크릿 키입니다.".to_owned()),
        park_reason: Some("broken".to_owned()),
        due_at: None,
        claims: 1,
        worker: Some("worker-1".to_owned()),
        request_id: Some(REQUEST.to_owned()),
        created_at: "2026-11-23T11:37:40.912Z".to_owned(),
        updated_at: "2026-11-23T11:37:41.530Z".to_owned(),
        ended_at: None,
    }
}

pub(super) fn job_detail() -> JobDetailView {
    JobDetailView {
        attempts: vec![AttemptView {
            number: 1,
            operation: "confirm".to_owned(),
            started_at: "2026-11-23T11:37:40.980Z".to_owned(),
            finished_at: Some("2026-11-23T11:37:41.530Z".to_owned()),
            duration_ms: Some(548),
            http_status: Some(401),
            code: Some("UNAUTHORIZED_KEY".to_owned()),
            message: Some("인증되지 않은 시크릿 키입니다.".to_owned()),
            verdict: Some("broken".to_owned()),
            trace_id: Some("0af7651916cd43dd8448eb211c80319c".to_owned()),
            idempotency_key: Some("6f9619ff-8b86-5d01-b42d-00cf4fc964ff".to_owned()),
            key_generation: 1,
            request: Some(json!({
                "operation": "confirm", "payment_key": "…2AbCd1", "order_id": ORDER, "amount": 27_500,
            })),
            answer: Some(
                r#"{"code":"UNAUTHORIZED_KEY","message":"인증되지 않은 시크릿 키입니다."}"#
                    .to_owned(),
            ),
            stale: false,
            worker: "worker-1".to_owned(),
        }],
        retry: ActionView {
            allowed: false,
            code: Some(ProblemCode::JobWindowOver.word()),
            reason: Some(ProblemCode::JobWindowOver.info().detail.in_language(Language::Korean)),
        },
        discard: ActionView { allowed: true, code: None, reason: None },
        actions: [
            (JobAction::LookUp, None),
            (JobAction::Retry, Some(ProblemCode::JobWindowOver)),
            (JobAction::Discard, None),
            (JobAction::ChangeDueTime, Some(ProblemCode::JobNotWaiting)),
            (JobAction::Match, Some(ProblemCode::MatchNothing)),
        ]
        .map(|(action, refused)| NamedActionView {
            action: action.word(),
            verdict: verdict(refused),
        })
        .into(),
        job: job(),
    }
}

/// Allowed, or the problem that it would meet.
pub(super) fn verdict(refused: Option<ProblemCode>) -> ActionView {
    let refused = refused.map_or(Ok(()), |code| Err(Problem::new(code)));
    ActionView::new(refused, Language::Korean)
}

fn moving(state: &'static str) -> JobView {
    JobView {
        state,
        code: None,
        class: None,
        message: None,
        park_reason: None,
        due_at: Some("2026-11-23T11:52:10.000Z".to_owned()),
        updated_at: "2026-11-23T11:52:00.000Z".to_owned(),
        ..job()
    }
}

pub(super) fn look_up() -> JobView {
    JobView {
        job_id: "019ab1d0-2222-7000-8000-00000000000b".to_owned(),
        kind: "look_up",
        claims: 0,
        worker: None,
        ..moving("queued")
    }
}

pub(super) fn retried() -> JobView {
    moving("queued")
}

pub(super) fn discarded() -> JobView {
    JobView {
        state: "discarded",
        updated_at: "2026-11-23T11:52:00.000Z".to_owned(),
        ended_at: Some("2026-11-23T11:52:00.000Z".to_owned()),
        ..job()
    }
}

pub(super) fn audit() -> AuditView {
    AuditView {
        audit_id: "019ab1d0-3333-7000-8000-00000000000c".to_owned(),
        actor: STAFF.to_owned(),
        actor_name: Some("김점주".to_owned()),
        role: "owner".to_owned(),
        action: "cancel.request".to_owned(),
        subject: ORDER.to_owned(),
        store_id: Some(super::STORE.to_owned()),
        reason: Some("꿔바로우 품절".to_owned()),
        detail: Some(json!({ "amount": 9_000, "cancelId": CANCEL })),
        request_id: Some(REQUEST.to_owned()),
        at: "2026-11-23T11:45:03.120Z".to_owned(),
    }
}
