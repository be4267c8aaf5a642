//! The overview, for staff.

use axum::Json;
use axum::extract::State;

use crate::context::Api;
use crate::credential::Staff;
use crate::extract::Answer;
use crate::views::overview::OverviewView;

/// Read the overview
///
/// What needs a person, what waits, how it goes and who works, for the stores that the staff token acts for. Workers and merchants are
/// told to those who act for every store.
#[utoipa::path(
    get, path = "/v1/overview", operation_id = "readOverview", tag = "Staff",
    responses((status = 200, description = "How everything stands", body = OverviewView)),
    security(("staffToken" = []))
)]
pub(crate) async fn read_overview(State(api): State<Api>, staff: Staff) -> Answer<OverviewView> {
    let overview = api.store.read_overview(&staff.scope()).await?;
    Ok(Json(OverviewView::new(overview)))
}
