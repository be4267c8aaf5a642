//! Reading one order, now or when it changes, and closing it.

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::header::{ETAG, IF_NONE_MATCH, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use domain::role::Action;
use serde::Deserialize;
use store::orders::{CloseOrderError, OrderDetail};
use utoipa::IntoParams;

use crate::context::Api;
use crate::credential::{CloserOf, Reader, ReaderOf, TICKET_MS, unknown_order};
use crate::extract::{Answer, Params};
use crate::layers::PREFERENCE_APPLIED;
use crate::layers::bounds::{Patience, Place};
use crate::problem::{Problem, ProblemCode};
use crate::views::order::OrderView;
use crate::waiting::{Wait, wait_for_change};
use crate::words::Language;

/// How to read an order.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReadParams {
    /// How many seconds to wait for a change; more than 25 count as 25. The same as `Prefer: wait=N`.
    #[param(value_type = Option<u32>)]
    wait: Option<String>,
    /// A ticket, instead of a header.
    #[expect(
        dead_code,
        reason = "a known parameter; the credential check reads it from the address"
    )]
    ticket: Option<String>,
}

/// Read an order
///
/// Where an order stands. With `wait`, or `Prefer: wait=N`, the answer comes when the order changes, or after N seconds: with
/// `If-None-Match` when it differs from that version, else from the version at arrival. When `keepPolling` is false, nothing more
/// comes by itself and the answer comes at once; who expects a cancel by staff asks again now and then. In each process at most 16 wait for
/// one order; whoever comes on top of them is answered at once, without `Preference-Applied`.
#[utoipa::path(
    get, path = "/v1/orders/{orderId}", operation_id = "readOrder", tag = "Orders",
    params(
        ("orderId" = String, Path, description = "The order", example = "019ab1c2-7d3e-7f00-8a4b-5c6d7e8f9012"),
        ReadParams,
        ("Prefer" = Option<String>, Header, description = "`wait=N`: answer when the order changes, after N seconds at the latest"),
        ("If-None-Match" = Option<String>, Header, description = "The version that the caller has"),
    ),
    responses(
        (status = 200, description = "The order", body = OrderView, headers(
            ("ETag" = String, description = "The version"),
            ("Retry-After" = u32, description = "Seconds after which to ask again, while `keepPolling`"),
            ("Preference-Applied" = String, description = "`wait=N` when the answer could wait"),
        )),
        (status = 304, description = "The order is still the version in `If-None-Match`"),
    ),
    security(("orderToken" = []), ("ticket" = []), ("staffToken" = []))
)]
pub(crate) async fn read_order(
    State(api): State<Api>,
    language: Language,
    ReaderOf { order: id, reader }: ReaderOf,
    Params(params): Params<ReadParams>,
    Extension(place): Extension<Place>,
    Extension(patience): Extension<Patience>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let wait = Wait::asked(params.wait.as_deref(), &headers)?;
    let known = headers.get_all(IF_NONE_MATCH);
    let known: Vec<&str> = known.iter().filter_map(|value| value.to_str().ok()).collect();
    let watch = api.store.watch(id.as_str());
    let mut order = find(&api, &reader, &id).await?;
    let is_known = known.iter().any(|known| matches(known, &etag(&order, language)));
    let mut applied = None;
    let may_wait = order.view().ask_again_s.is_some() && (is_known || known.is_empty());
    if let Some(wait) = wait.filter(|_| may_wait) {
        patience.extend(wait.duration());
        if let Some(changed) = wait_for_change(&api, &watch, order.clone(), wait, &place).await? {
            order = changed;
            reader.check(&order)?;
            applied = Some(wait);
        }
    }
    let tag = etag(&order, language);
    let is_known = known.iter().any(|known| matches(known, &tag));
    let mut response = if is_known && !needs_ticket(&reader, &order) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Json(view(&api, &reader, &order, language)).into_response()
    };
    add_headers(&mut response, &order, &tag);
    if let Some(applied) = applied.and_then(|wait| HeaderValue::try_from(wait.preference()).ok()) {
        response.headers_mut().insert(PREFERENCE_APPLIED, applied);
    }
    Ok(response)
}

/// Close an order
///
/// Ends an order that nobody has tried to pay. Closing it again answers the same.
#[utoipa::path(
    post, path = "/v1/orders/{orderId}/close", operation_id = "closeOrder", tag = "Orders",
    params(("orderId" = String, Path, description = "The order", example = "019ab1c2-7d3e-7f00-8a4b-5c6d7e8f9012")),
    responses((status = 200, description = "The closed order", body = OrderView)),
    security(("orderToken" = []), ("staffToken" = []))
)]
pub(crate) async fn close_order(
    State(api): State<Api>,
    language: Language,
    CloserOf { order: id, reader }: CloserOf,
) -> Answer<OrderView> {
    let actor = match &reader {
        Reader::Customer { .. } => None,
        Reader::Staff(staff) => {
            let order = api.store.find_order(&id).await?.ok_or_else(unknown_order)?;
            staff.check_order(Action::Cancel, &order)?;
            Some(staff.actor())
        }
    };
    let closed = api.store.close_order(&id, actor.as_ref()).await.map_err(|error| match error {
        CloseOrderError::UnknownOrder => unknown_order(),
        CloseOrderError::HasPayment => Problem::new(ProblemCode::OrderHasPayment),
        CloseOrderError::Lapsed => Problem::new(ProblemCode::OrderLapsed),
        CloseOrderError::Store(error) => error.into(),
    })?;
    Ok(Json(view(&api, &reader, &closed, language)))
}

/// The order, if the reader may see it.
async fn find(api: &Api, reader: &Reader, id: &domain::OrderId) -> Result<OrderDetail, Problem> {
    let order = api.store.find_order(id).await?.ok_or_else(unknown_order)?;
    reader.check(&order)?;
    Ok(order)
}

/// The order as this reader sees it.
pub(crate) fn view(
    api: &Api,
    reader: &Reader,
    order: &OrderDetail,
    language: Language,
) -> OrderView {
    if reader.is_customer() {
        OrderView::for_customer(order, &api.tokens, language)
    } else {
        OrderView::for_staff(order, language)
    }
}

/// Names what the customer sees: the version, the word (time alone changes it), and the language. Weak, because every answer
/// carries a ticket of its own.
pub(crate) fn etag(order: &OrderDetail, language: Language) -> String {
    format!("W/\"v{}.{}.{}\"", order.order.version, order.view().status.word(), language.tag())
}

/// Whether one `If-None-Match` header names this tag. Source: RFC 9110, section 13.1.2: compared weakly.
fn matches(header: &str, tag: &str) -> bool {
    let strong = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    header.trim() == "*" || header.split(',').any(|known| strong(known) == strong(tag))
}

/// Whether the reader's ticket is past half its time: then even an unchanged order is sent, with a fresh one.
fn needs_ticket(reader: &Reader, order: &OrderDetail) -> bool {
    match reader {
        Reader::Customer { expires_at_ms: Some(expiry) } => {
            expiry.saturating_sub(order.now_ms) < TICKET_MS / 2
        }
        Reader::Customer { expires_at_ms: None } | Reader::Staff(_) => false,
    }
}

fn add_headers(response: &mut Response, order: &OrderDetail, tag: &str) {
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(ETAG, tag);
    }
    if let Some(seconds) = order.view().ask_again_s {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_weakly() {
        let tag = "W/\"v7.paid.ko\"";
        for same in [
            "W/\"v7.paid.ko\"",
            "\"v7.paid.ko\"",
            "*",
            "\"v6\", W/\"v7.paid.ko\"",
            " \"v7.paid.ko\" ",
        ] {
            assert!(matches(same, tag), "{same}");
        }
        for other in ["\"v7\"", "v7.paid.ko", "", "\"v7.paid.en\"", "**"] {
            assert!(!matches(other, tag), "{other}");
        }
    }
}
