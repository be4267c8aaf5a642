//! Listing orders, for staff: how a kitchen learns what is paid.

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use domain::StoreId;
use domain::status::CustomerStatus;
use serde::Deserialize;
use store::orders::OrderFilter;
use utoipa::IntoParams;

use crate::context::Api;
use crate::credential::Staff;
use crate::extract::{Checks, Params, parameter};
use crate::paging;
use crate::problem::Problem;
use crate::views::order::OrderView;
use crate::views::{PageView, read_instant};
use crate::words::{Language, Text};

const NOT_A_STATUS: Text =
    Text { ko: "알 수 없는 상태입니다.", en: "This is not a status." };
const NOT_AN_INSTANT: Text = Text {
    ko: "RFC 3339 형식의 시각이어야 합니다.",
    en: "This is not an instant in the form of RFC 3339.",
};

/// Which orders to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OrderListParams {
    /// Only of this store.
    store_id: Option<String>,
    /// Only with this status.
    status: Option<String>,
    /// Only those made then or later.
    #[param(format = DateTime)]
    from: Option<String>,
    /// Only those made before then.
    #[param(format = DateTime)]
    to: Option<String>,
    /// How many, 1 to 200, 50 by default.
    #[param(value_type = Option<u32>)]
    limit: Option<String>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
}

/// List orders
///
/// The orders of the stores that the staff token acts for, newest first.
#[utoipa::path(
    get, path = "/v1/orders", operation_id = "listOrders", tag = "Staff",
    params(OrderListParams),
    responses((status = 200, description = "One page", body = PageView<OrderView>,
        headers(("Link" = String, description = "The next page, `rel=\"next\"`")))),
    security(("staffToken" = []))
)]
pub(crate) async fn list_orders(
    State(api): State<Api>,
    language: Language,
    staff: Staff,
    OriginalUri(uri): OriginalUri,
    Params(params): Params<OrderListParams>,
) -> Result<Response, Problem> {
    let mut checks = Checks::default();
    let wanted = paging::wanted(&mut checks, params.limit.as_deref(), params.cursor);
    let store = params.store_id.and_then(|id| checks.id(parameter("storeId"), StoreId::parse(id)));
    let status = params.status.and_then(|word| {
        checks.known(parameter("status"), CustomerStatus::from_word(&word), NOT_A_STATUS)
    });
    let mut instant = |name: &str, text: Option<String>| {
        text.and_then(|text| checks.known(parameter(name), read_instant(&text), NOT_AN_INSTANT))
    };
    let (from_ms, to_ms) = (instant("from", params.from), instant("to", params.to));
    checks.finish()?;
    let filter = OrderFilter {
        store,
        status,
        from_ms,
        to_ms,
        amount_min,
        amount_max,
        text,
        ..OrderFilter::all(staff.scope())
    };
    let page = api.store.list_orders(&filter, wanted.after.as_deref(), wanted.limit).await;
    let page = page.map_err(|error| match error {
        ListOrdersError::UnknownCursor => Problem::invalid(vec![paging::bad_cursor()]),
        ListOrdersError::Store(error) => error.into(),
    })?;
    Ok(paging::answer(page.map(|order| OrderView::for_staff(&order, language)), &uri))
}
