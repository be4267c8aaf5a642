//! What holds calls to Toss back, for masters: seeing it, pausing and resuming a merchant or one kind of its calls.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use store::PauseScope;
use utoipa::ToSchema;

use crate::cancels::read_reason;
use crate::context::Api;
use crate::credential::{ActingStaff, Staff};
use crate::extract::{Answer, Checks, JsonBody, body};
use crate::problem::{Problem, ProblemCode};
use crate::views::hold::HoldsView;
use crate::words::Text;

const NOT_A_MERCHANT: Text =
    Text { ko: "설정에 없는 상점 계정입니다.", en: "No such merchant is configured." };
const NOT_A_SCOPE: Text = Text {
    ko: "all, confirm, cancel, look_up 중 하나여야 합니다.",
    en: "This is all, confirm, cancel or look_up.",
};

/// Which calls, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct HoldRequest {
    /// Whose calls; may be left out where there is one merchant.
    merchant: Option<String>,
    /// all, confirm, cancel or look_up; all by default.
    scope: Option<String>,
    /// 1 to 170 characters.
    reason: String,
}

/// What is asked for, read.
struct Wanted {
    merchant: String,
    scope: PauseScope,
    reason: String,
}

/// Read what holds calls back
///
/// Open circuit breakers, pauses and suspicions. For masters.
#[utoipa::path(
    get, path = "/v1/holds", operation_id = "listHolds", tag = "Staff",
    responses((status = 200, description = "All of them", body = HoldsView)),
    security(("staffToken" = []))
)]
pub(crate) async fn list_holds(State(api): State<Api>, staff: Staff) -> Answer<HoldsView> {
    check_master(&staff)?;
    Ok(Json(HoldsView::new(api.store.read_holds().await?)))
}

/// Pause calls
///
/// What is under way ends, what is accepted waits, everywhere within a second. For masters.
#[utoipa::path(
    post, path = "/v1/holds/pause", operation_id = "pauseCalls", tag = "Staff",
    request_body = HoldRequest,
    responses((status = 200, description = "What holds calls back now", body = HoldsView)),
    security(("staffToken" = []))
)]
pub(crate) async fn pause_calls(
    State(api): State<Api>,
    ActingStaff(staff): ActingStaff,
    JsonBody(request): JsonBody<HoldRequest>,
) -> Answer<HoldsView> {
    let Wanted { merchant, scope, reason } = read(&api, &staff, request)?;
    let is_changed = api.store.pause_merchant(&merchant, scope, &staff.actor(), &reason).await?;
    changed(&api, is_changed, ProblemCode::HoldExists).await
}

/// Resume calls
///
/// Ends a pause; what waited for it goes on at once. For masters.
#[utoipa::path(
    post, path = "/v1/holds/resume", operation_id = "resumeCalls", tag = "Staff",
    request_body = HoldRequest,
    responses((status = 200, description = "What holds calls back now", body = HoldsView)),
    security(("staffToken" = []))
)]
pub(crate) async fn resume_calls(
    State(api): State<Api>,
    ActingStaff(staff): ActingStaff,
    JsonBody(request): JsonBody<HoldRequest>,
) -> Answer<HoldsView> {
    let Wanted { merchant, scope, reason } = read(&api, &staff, request)?;
    let is_changed = api.store.resume_merchant(&merchant, scope, &staff.actor(), &reason).await?;
    changed(&api, is_changed, ProblemCode::HoldUnknown).await
}

/// What holds calls back now, or why it was so before.
async fn changed(api: &Api, is_changed: bool, code: ProblemCode) -> Answer<HoldsView> {
    if !is_changed {
        return Err(Problem::new(code));
    }
    Ok(Json(HoldsView::new(api.store.read_holds().await?)))
}

fn check_master(staff: &Staff) -> Result<(), Problem> {
    if staff.is_master() { Ok(()) } else { Err(Problem::new(ProblemCode::Forbidden)) }
}

fn read(api: &Api, staff: &Staff, request: HoldRequest) -> Result<Wanted, Problem> {
    check_master(staff)?;
    let mut checks = Checks::default();
    let merchants = &api.settings.merchants;
    let merchant = match request.merchant {
        Some(name) => Some(name).filter(|name| merchants.knows(name)),
        None => merchants.only_name().map(str::to_owned),
    };
    let merchant = checks.known(body("/merchant"), merchant, NOT_A_MERCHANT);
    let scope = match request.scope {
        Some(word) => checks.known(body("/scope"), PauseScope::from_word(&word), NOT_A_SCOPE),
        None => Some(PauseScope::All),
    };
    let reason = read_reason(&request.reason).map_err(|wrong| checks.refuse(wrong)).ok();
    match (merchant, scope, reason) {
        (Some(merchant), Some(scope), Some(reason)) => Ok(Wanted { merchant, scope, reason }),
        _ => Err(checks.problem()),
    }
}
