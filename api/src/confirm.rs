//! Accepting a confirm: the values that the payment window's redirect carries, checked and recorded. A worker does the rest.

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use domain::{OrderId, PaymentKey, Won};
use serde::Deserialize;
use serde::de::{Deserializer, Unexpected, Visitor};
use store::orders::OrderDetail;
use store::{AcceptConfirm, Origin};
use utoipa::ToSchema;

use crate::context::Api;
use crate::credential::{PayerOf, unknown_order};
use crate::extract::{Checks, JsonBody, body};
use crate::problem::{FieldProblem, Problem, ProblemCode};
use crate::views::order::OrderView;
use crate::words::{Language, Text};

/// The longest `paymentType` that is kept. Toss sends NORMAL or BRANDPAY.
const PAYMENT_TYPE_CHARS_MAX: usize = 40;

const OTHER_ORDER: Text =
    Text { ko: "주소의 주문과 다릅니다.", en: "This is not the order of the address." };
const NOT_A_TYPE: Text =
    Text { ko: "알 수 없는 값입니다.", en: "This is not a payment type." };

/// What the redirect from the payment window carried.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ConfirmRequest {
    /// Toss's name of the authenticated payment.
    payment_key: String,
    /// What was authenticated, in won; a number, or digits as the redirect has them.
    #[schema(value_type = i64, minimum = 0)]
    amount: AmountOrDigits,
    /// The order, if it is to be compared with the address.
    order_id: Option<String>,
    /// As the redirect has it.
    payment_type: Option<String>,
}

/// Confirm a payment
///
/// Accepts the confirm of an authenticated payment. The money is taken in the background: poll the order. A repeat answers the same;
/// another payment key or amount is refused.
#[utoipa::path(
    post, path = "/v1/orders/{orderId}/confirm", operation_id = "confirmOrder", tag = "Orders",
    params(("orderId" = String, Path, description = "The order", example = "019ab1c2-7d3e-7f00-8a4b-5c6d7e8f9012")),
    request_body = ConfirmRequest,
    responses((status = 202, description = "Accepted; the order as it stands", body = OrderView, headers(
        ("Location" = String, description = "What to poll"),
        ("Retry-After" = u32, description = "Seconds after which to ask"),
    ))),
    security(("orderToken" = []), ("checkoutToken" = []))
)]
pub(crate) async fn confirm_order(
    State(api): State<Api>,
    language: Language,
    PayerOf { order: order_id }: PayerOf,
    Extension(origin): Extension<Origin>,
    JsonBody(request): JsonBody<ConfirmRequest>,
) -> Result<Response, Problem> {
    let mut checks = Checks::default();
    let payment_key = checks.id(body("/paymentKey"), PaymentKey::parse(request.payment_key));
    let amount = checks.amount(body("/amount"), request.amount.0);
    if request.order_id.is_some_and(|id| id != order_id.as_str()) {
        checks.refuse(FieldProblem::new(body("/orderId"), "differs", OTHER_ORDER));
    }
    let payment_type = request.payment_type.and_then(|text| {
        let known = Some(text).filter(|text| is_payment_type(text));
        checks.known(body("/paymentType"), known, NOT_A_TYPE)
    });
    let (Some(payment_key), Some(amount)) = (payment_key, amount) else {
        return Err(checks.problem());
    };
    checks.finish()?;
    let confirm = Confirm { order_id, payment_key, amount, payment_type };
    let order = accept(&api, confirm, origin).await?;
    let ask_again_s = order.view().ask_again_s;
    let view = OrderView::for_customer(&order, &api.tokens, language);
    let mut response = (StatusCode::ACCEPTED, Json(view)).into_response();
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::try_from(format!("/v1/orders/{}", order.order.id)) {
        headers.insert(LOCATION, location);
    }
    if let Some(seconds) = ask_again_s {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

/// A confirm whose parts were read.
#[derive(Debug)]
pub(crate) struct Confirm {
    pub(crate) order_id: OrderId,
    pub(crate) payment_key: PaymentKey,
    pub(crate) amount: Won,
    pub(crate) payment_type: Option<String>,
}

/// Records a confirm, starts handing its job over, and reads the order back.
pub(crate) async fn accept(
    api: &Api,
    confirm: Confirm,
    origin: Origin,
) -> Result<OrderDetail, Problem> {
    let Confirm { order_id, payment_key, amount, payment_type } = confirm;
    let confirm =
        AcceptConfirm { order_id: order_id.clone(), payment_key, amount, payment_type, origin };
    let accepted = api.accepting.accept(confirm).await;
    let accepted = accepted.ok_or_else(|| Problem::new(ProblemCode::Internal))??;
    let order = match accepted.order {
        Some(order) => order,
        None => api.store.find_order(&order_id).await?.ok_or_else(unknown_order)?,
    };
    crash::point!("accept 3", "a confirm is committed, and being published", "the answer");
    Ok(order)
}

/// Whether this may be a payment type.
pub(crate) fn is_payment_type(text: &str) -> bool {
    (1..=PAYMENT_TYPE_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// An integer, or a text of digits.
#[derive(Debug, Clone, Copy)]
struct AmountOrDigits(i64);

impl<'de> Deserialize<'de> for AmountOrDigits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<AmountOrDigits, D::Error> {
        deserializer.deserialize_any(AmountVisitor).map(AmountOrDigits)
    }
}

struct AmountVisitor;

impl Visitor<'_> for AmountVisitor {
    type Value = i64;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<i64, E> {
        Ok(number)
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<i64, E> {
        i64::try_from(number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<i64, E> {
        digits(text).ok_or_else(|| E::invalid_value(Unexpected::Str("text"), &self))
    }
}

/// Reads an amount as a redirect has it.
pub(crate) fn digits(text: &str) -> Option<i64> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(json: &str) -> Option<i64> {
        serde_json::from_str::<AmountOrDigits>(json).ok().map(|amount| amount.0)
    }

    #[test]
    fn an_amount_is_a_whole_number_or_digits() {
        assert_eq!(amount("15000"), Some(15_000));
        assert_eq!(amount("\"15000\""), Some(15_000));
        assert_eq!(amount("-1"), Some(-1), "refused later, by its range");
        for json in [
            "15000.0",
            "\"15,000\"",
            "\"+5\"",
            "\"-1\"",
            "\"\"",
            "null",
            "true",
            "99999999999999999999",
        ] {
            assert_eq!(amount(json), None, "{json}");
        }
    }
}
