//! Quotes: what a cart costs now, without ordering it.

use axum::Json;
use axum::extract::State;
use domain::cart::CartLine;
use domain::{ProductId, StoreId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::context::Api;
use crate::extract::{Answer, Checks, JsonBody, body};
use crate::problem::{Problem, ProblemCode};
use crate::rates::Client;
use crate::views::quote::QuoteView;

/// A cart to price.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct QuoteRequest {
    /// The store.
    store_id: String,
    /// The cart, 1 to 50 lines.
    items: Vec<ItemRequest>,
}

/// One line of a cart. The same product may be on several lines.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ItemRequest {
    /// The product.
    product_id: String,
    /// How many, 1 to 99.
    #[schema(minimum = 1, maximum = 99)]
    quantity: i64,
    /// The chosen options, each once.
    #[serde(default)]
    options: Vec<String>,
}

/// Price a cart
///
/// Itemises what a cart costs now. Nothing is reserved: an order is priced again when it is made.
#[utoipa::path(
    post, path = "/v1/quotes", operation_id = "quote", tag = "Shop",
    request_body = QuoteRequest,
    responses((status = 200, description = "The calculation", body = QuoteView))
)]
pub(crate) async fn quote(
    State(api): State<Api>,
    client: Client,
    JsonBody(request): JsonBody<QuoteRequest>,
) -> Answer<QuoteView> {
    api.rates.check_client(client)?;
    let mut checks = Checks::default();
    let store_id = checks.id(body("/storeId"), StoreId::parse(request.store_id));
    let lines = cart(&mut checks, request.items);
    let Some(store_id) = store_id else { return Err(checks.problem()) };
    checks.finish()?;
    let store = api.store.find_store(&store_id).await?;
    let store = store.ok_or_else(|| Problem::new(ProblemCode::StoreUnknown))?;
    let quote = api.store.quote(&store_id, &lines).await?;
    Ok(Json(QuoteView::new(&store, &quote)))
}

/// Reads the lines of a cart. Whether they can be ordered is the store's to say.
pub(crate) fn cart(checks: &mut Checks, items: Vec<ItemRequest>) -> Vec<CartLine> {
    let mut lines = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        let product =
            checks.id(body(format!("/items/{index}/productId")), ProductId::parse(item.product_id));
        let mut options = Vec::with_capacity(item.options.len());
        for (option, id) in item.options.into_iter().enumerate() {
            options.extend(
                checks.id(body(format!("/items/{index}/options/{option}")), ProductId::parse(id)),
            );
        }
        // What is no quantity at all is out of range like 0, and too large stays too large.
        let quantity =
            u32::try_from(item.quantity).unwrap_or(if item.quantity < 0 { 0 } else { u32::MAX });
        lines.extend(product.map(|product_id| CartLine { product_id, quantity, options }));
    }
    lines
}
