//! Stores and menus: for everybody to read, for staff to change.

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::StoreId;
use serde::Deserialize;
use utoipa::IntoParams;

mod put;

pub(crate) use put::{__path_put_product, __path_put_store, put_product, put_store};
#[cfg(test)]
pub(crate) use put::{PutProductRequest, PutStoreRequest};

use crate::context::Api;
use crate::extract::{Answer, Checks, IdInPath, Params};
use crate::paging;
use crate::problem::{Problem, ProblemCode};
use crate::views::PageView;
use crate::views::catalogue::{MenuView, StoreView};

/// Which stores to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StoreListParams {
    /// How many, 1 to 200, 50 by default.
    #[param(value_type = Option<u32>)]
    limit: Option<String>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
}

/// List stores
#[utoipa::path(
    get, path = "/v1/stores", operation_id = "listStores", tag = "Shop",
    params(StoreListParams),
    responses((status = 200, description = "One page", body = PageView<StoreView>,
        headers(("Link" = String, description = "The next page, `rel=\"next\"`"))))
)]
pub(crate) async fn list_stores(
    State(api): State<Api>,
    OriginalUri(uri): OriginalUri,
    Params(params): Params<StoreListParams>,
) -> Result<Response, Problem> {
    let mut checks = Checks::default();
    let wanted = paging::wanted(&mut checks, params.limit.as_deref(), params.cursor);
    checks.finish()?;
    let page = api.store.list_stores(wanted.after.as_deref(), wanted.limit).await?;
    Ok(paging::answer(page.map(|store| StoreView::public(&store)), &uri))
}

/// Read a menu
///
/// A store with all its products, also those that are sold out.
#[utoipa::path(
    get, path = "/v1/stores/{storeId}/menu", operation_id = "readMenu", tag = "Shop",
    params(("storeId" = String, Path, description = "The store", example = "hongdae-mala")),
    responses((status = 200, description = "The menu", body = MenuView))
)]
pub(crate) async fn read_menu(
    State(api): State<Api>,
    IdInPath(store_id): IdInPath<StoreId>,
) -> Answer<MenuView> {
    let menu = api.store.find_menu(&store_id).await?;
    let (store, menu) = menu.ok_or_else(|| Problem::new(ProblemCode::StoreUnknown))?;
    Ok(Json(MenuView::new(&store, &menu)))
}

/// The status of an answer to a change.
const fn status_of(is_created: bool) -> StatusCode {
    if is_created { StatusCode::CREATED } else { StatusCode::OK }
}
