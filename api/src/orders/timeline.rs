//! What happened to an order, for staff.

use axum::Json;
use axum::extract::State;
use domain::OrderId;

use crate::context::Api;
use crate::credential::{Staff, unknown_order};
use crate::extract::{Answer, IdInPath};
use crate::views::timeline::TimelineView;
use crate::words::Language;

/// Read an order's timeline
///
/// The order, and everything that happened to it and its payment in the order of time: requests, jobs, every call to Toss with what was sent
/// and answered, cancels, webhooks, findings of reconciliation, and what staff did. Toss's answers are redacted.
#[utoipa::path(
    get, path = "/v1/orders/{orderId}/timeline", operation_id = "readTimeline", tag = "Staff",
    params(("orderId" = String, Path, description = "The order", example = "019ab1c2-7d3e-7f00-8a4b-5c6d7e8f9012")),
    responses((status = 200, description = "The timeline", body = TimelineView)),
    security(("staffToken" = []))
)]
pub(crate) async fn read_timeline(
    State(api): State<Api>,
    language: Language,
    staff: Staff,
    IdInPath(order_id): IdInPath<OrderId>,
) -> Answer<TimelineView> {
    let timeline = api.store.read_timeline(&order_id, &staff.scope()).await?;
    let timeline = timeline.ok_or_else(unknown_order)?;
    Ok(Json(TimelineView::new(timeline, language)))
}
