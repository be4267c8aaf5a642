//! Telling cancels at Toss apart: which entry is a cancellation's own, in the word of a person.

use axum::Json;
use axum::extract::State;
use domain::role::Action;
use domain::{CancellationId, OrderId};
use serde::Deserialize;
use store::MatchCancellation;
use utoipa::ToSchema;

use crate::cancels::{find_order, read_reason};
use crate::context::Api;
use crate::credential::{ActingStaff, Staff};
use crate::extract::{Answer, Checks, IdInPath, JsonBody, body};
use crate::problem::{Problem, ProblemCode};
use crate::views::candidate::CandidatesView;
use crate::views::job::JobView;
use crate::words::{Language, Text};

const ONE_OF_BOTH: Text = Text {
    ko: "transactionKey와 none 중 하나만 보내 주세요.",
    en: "Send either transactionKey or none.",
};

/// Which cancel at Toss is this cancellation's.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MatchRequest {
    /// Toss's key of it, one of the candidates.
    transaction_key: Option<String>,
    /// `true`: none of the candidates is.
    none: Option<bool>,
    /// `paymentVersion` as it was seen with the candidates.
    payment_version: i64,
    /// How that is known, 1 to 170 characters.
    reason: String,
}

/// List what a cancel may be at Toss
///
/// The cancels that the last look-up showed and that no cancellation of ours has, for a cancel whose job is parked as
/// `ambiguous_cancels`.
#[utoipa::path(
    get, path = "/v1/orders/{orderId}/cancels/{cancelId}/candidates", operation_id = "listCandidates", tag = "Staff",
    params(
        ("orderId" = String, Path, description = "The order", example = "019ab1c2-7d3e-7f00-8a4b-5c6d7e8f9012"),
        ("cancelId" = String, Path, description = "The cancel", example = "019ab1c9-0b1c-7e00-9f4d-2a3b4c5d6e7f"),
    ),
    responses((status = 200, description = "The candidates", body = CandidatesView)),
    security(("staffToken" = []))
)]
pub(crate) async fn list_candidates(
    State(api): State<Api>,
    language: Language,
    staff: Staff,
    IdInPath((order_id, cancel_id)): IdInPath<(OrderId, CancellationId)>,
) -> Answer<CandidatesView> {
    find_order(&api, &staff, Action::Read, &order_id).await?;
    let found = api.store.list_cancel_candidates(&order_id, &cancel_id).await?;
    let found = found.ok_or_else(|| Problem::new(ProblemCode::CancelUnknown))?;
    Ok(Json(CandidatesView::new(found, language)))
}

/// Say which cancel at Toss is ours
///
/// With a `transactionKey` the cancel is done by that entry. With `none` the candidates are recorded as made in Toss's console, and the
/// job goes on: it looks again, and gives the money back if that is still owed.
#[utoipa::path(
    post, path = "/v1/orders/{orderId}/cancels/{cancelId}/match", operation_id = "matchCancel", tag = "Staff",
    params(
        ("orderId" = String, Path, description = "The order", example = "019ab1c2-7d3e-7f00-8a4b-5c6d7e8f9012"),
        ("cancelId" = String, Path, description = "The cancel", example = "019ab1c9-0b1c-7e00-9f4d-2a3b4c5d6e7f"),
    ),
    request_body = MatchRequest,
    responses((status = 200, description = "The cancel's job", body = JobView)),
    security(("staffToken" = []))
)]
pub(crate) async fn match_cancel(
    State(api): State<Api>,
    ActingStaff(staff): ActingStaff,
    IdInPath((order_id, cancellation_id)): IdInPath<(OrderId, CancellationId)>,
    JsonBody(request): JsonBody<MatchRequest>,
) -> Answer<JobView> {
    let mut checks = Checks::default();
    let reason = read_reason(&request.reason).map_err(|wrong| checks.refuse(wrong)).ok();
    let is_one = request.transaction_key.is_some() != (request.none == Some(true));
    checks.known(body("/transactionKey"), is_one.then_some(()), ONE_OF_BOTH);
    let (Some(reason), true) = (reason, is_one) else { return Err(checks.problem()) };
    find_order(&api, &staff, Action::ActOnJobs, &order_id).await?;
    let wanted = MatchCancellation {
        order_id,
        cancellation_id,
        transaction_key: request.transaction_key,
        seen_version: request.payment_version,
        actor: staff.actor(),
        reason,
    };
    let matched = api.store.match_cancellation(&wanted).await?;
    if let Some(job) = matched.publish {
        api.publishing.publish(vec![job]);
    }
    Ok(Json(JobView::new(&matched.job)))
}
