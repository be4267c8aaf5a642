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
use crate::extract::{Checks, Params, parameter, read_amount, read_search, read_time};
use crate::paging;
use crate::problem::Problem;
use crate::views::PageView;
use crate::views::order::OrderView;
use crate::words::{Language, Text};

const NOT_A_STATUS: Text =
    Text { ko: "알 수 없는 상태입니다.", en: "This is not a status." };
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
    /// Only those of so many won or more.
    #[param(value_type = Option<i64>)]
    amount_min: Option<String>,
    /// Only those of so many won or less.
    #[param(value_type = Option<i64>)]
    amount_max: Option<String>,
    /// An order id, a payment key or its beginning, the last four or more digits of a phone number, or a customer's name or its beginning.
    /// It finds a thousand orders at the most.
    text: Option<String>,
    /// How many, 1 to 200, 50 by default. A page may have fewer and not be the last.
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
    let (from_ms, to_ms) = (
        read_time(&mut checks, parameter("from"), params.from.as_deref()),
        read_time(&mut checks, parameter("to"), params.to.as_deref()),
    );
    let amount_min = read_amount(&mut checks, parameter("amountMin"), params.amount_min.as_deref());
    let amount_max = read_amount(&mut checks, parameter("amountMax"), params.amount_max.as_deref());
    let text = read_search(&mut checks, parameter("text"), params.text.as_deref());
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
    let page = api.store.list_orders(&filter, wanted.after.as_deref(), wanted.limit).await?;
    Ok(paging::answer(page.map(|order| OrderView::for_staff(&order, language)), &uri))
}
