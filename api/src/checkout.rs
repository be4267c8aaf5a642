//! The checkout: what a page needs to open the payment window, and where the window sends the browser afterwards.
//!
//! The two redirect targets take whatever the window appends, believe none of it, and redirect to the configured places only. A
//! checkout token in the address names and opens the order: card apps return in other browsers, and who merely knows an order id
//! must not be able to confirm it.

use axum::Json;
use axum::extract::{Extension, Query, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use domain::method::Method;
use domain::{OrderId, PaymentKey, Won};
use serde::Serialize;
use store::Origin;
use utoipa::ToSchema;

use crate::confirm::{Confirm, accept, digits, is_payment_type};
use crate::context::Api;
use crate::extract::Answer;
use crate::problem::{Problem, ProblemCode};
use crate::rates::Client;
use crate::views::CURRENCY;

/// The longest code of the window that is passed on.
const CODE_CHARS_MAX: usize = 64;

/// What the page is told when the token opens no order.
const UNKNOWN_ORDER: (&str, &str) = ("problem", ProblemCode::OrderUnknown.word());

/// What a page needs to open the payment window.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CheckoutConfigView {
    /// simulator, test or live: whether real money moves.
    pub(crate) mode: &'static str,
    /// The window's public key; null where there are several merchants. The answer that made an order has the order's own.
    #[schema(required = true)]
    pub(crate) client_key: Option<String>,
    /// The script to load.
    pub(crate) sdk_url: String,
    /// Always KRW.
    pub(crate) currency: &'static str,
    /// The window's methods, and what each takes at the least. A quote names those that take its amount.
    pub(crate) methods: Vec<MethodView>,
}

/// A method of the payment window.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MethodView {
    /// Toss's name of it.
    pub(crate) method: &'static str,
    /// The smallest payment, in won.
    pub(crate) amount_min: i64,
}

/// Every method.
pub(crate) fn methods() -> Vec<MethodView> {
    let all = Method::ALL.into_iter();
    all.map(|it| MethodView { method: it.word(), amount_min: it.amount_min() }).collect()
}

/// Read the checkout's configuration
///
/// Which script opens the payment window, and under which public key.
#[utoipa::path(
    get, path = "/v1/checkout/config", operation_id = "checkoutConfig", tag = "Shop",
    responses((status = 200, description = "The configuration", body = CheckoutConfigView))
)]
pub(crate) async fn checkout_config(State(api): State<Api>) -> Answer<CheckoutConfigView> {
    Ok(Json(CheckoutConfigView {
        mode: api.settings.mode.word(),
        client_key: api.settings.merchants.only_client_key().map(str::to_owned),
        sdk_url: api.settings.sdk_url.clone(),
        currency: CURRENCY,
        methods: methods(),
    }))
}

/// Return from the payment window
///
/// An order's `successUrl`. Accepts the confirm and sends the browser on, with `orderId` in the query and a ticket in the fragment;
/// when it was refused, with the problem's code in `problem`. Loading it again changes nothing.
#[utoipa::path(
    get, path = "/checkout/success", operation_id = "checkoutSuccess", tag = "Checkout",
    params(
        ("token" = String, Query, description = "The checkout token that the order's `successUrl` carries"),
        ("paymentKey" = String, Query, description = "Appended by the window"),
        ("orderId" = String, Query, description = "Appended by the window"),
        ("amount" = String, Query, description = "Appended by the window, digits"),
        ("paymentType" = Option<String>, Query, description = "Appended by some windows"),
    ),
    responses((status = 303, description = "To the configured page",
        headers(("Location" = String, description = "`{successRedirect}?orderId=…#ticket=…`"))))
)]
pub(crate) async fn checkout_success(
    State(api): State<Api>,
    Extension(origin): Extension<Origin>,
    client: Client,
    uri: Uri,
) -> Response {
    let query = Redirected::read(&uri);
    let target = &api.settings.success_redirect;
    let Some(order_id) = query.order(&api) else {
        return send_on(&api, target, None, &[UNKNOWN_ORDER]).await;
    };
    let refused = confirm(&api, &query, &order_id, origin, client).await.err().map(|problem| {
        if let Some(cause) = problem.cause_text() {
            tracing::error!(code = problem.code().word(), cause, "a confirm failed inside");
        }
        ("problem", problem.code().word())
    });
    send_on(&api, target, Some(&order_id), refused.as_slice()).await
}

/// Return from a window that did not authenticate
///
/// An order's `failUrl`. Changes nothing and sends the browser on, with the window's code; with `problem` when the token opens no
/// order. Whatever the query is, the browser gets to the configured page.
#[utoipa::path(
    get, path = "/checkout/fail", operation_id = "checkoutFail", tag = "Checkout",
    params(
        ("token" = String, Query, description = "The checkout token that the order's `failUrl` carries"),
        ("code" = Option<String>, Query, description = "Appended by the window"),
        ("message" = Option<String>, Query, description = "Appended by the window; passed over"),
        ("orderId" = Option<String>, Query, description = "Appended by the window, except when the customer cancelled"),
    ),
    responses((status = 303, description = "To the configured page",
        headers(("Location" = String, description = "`{failRedirect}?orderId=…&code=…#ticket=…`"))))
)]
pub(crate) async fn checkout_fail(State(api): State<Api>, uri: Uri) -> Response {
    let query = Redirected::read(&uri);
    let order_id = query.order(&api);
    let code = query.get("code").filter(|code| is_code(code)).map(|code| ("code", code));
    let problem = order_id.is_none().then_some(UNKNOWN_ORDER);
    let also: Vec<_> = code.into_iter().chain(problem).collect();
    send_on(&api, &api.settings.fail_redirect, order_id.as_ref(), &also).await
}

async fn confirm(
    api: &Api,
    query: &Redirected,
    order_id: &OrderId,
    origin: Origin,
    client: Client,
) -> Result<(), Problem> {
    api.rates.check_order(order_id, client)?;
    let confirm =
        query.confirm(order_id).ok_or_else(|| Problem::new(ProblemCode::InvalidRequest))?;
    accept(api, confirm, origin).await.map(drop)
}

/// The query of a redirect. Of a parameter that stands there twice the first counts: ours stood there before the window appended.
#[derive(Debug)]
struct Redirected {
    parameters: Vec<(String, String)>,
}

impl Redirected {
    fn read(uri: &Uri) -> Redirected {
        let parameters =
            Query::try_from_uri(uri).map_or_else(|_| Vec::new(), |Query(parameters)| parameters);
        Redirected { parameters }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The order that the token opens, unless the window names another one.
    fn order(&self, api: &Api) -> Option<OrderId> {
        let order = api.tokens.checkout_order(self.get("token")?)?;
        self.get("orderId").is_none_or(|named| named == order.as_str()).then_some(order)
    }

    fn confirm(&self, order_id: &OrderId) -> Option<Confirm> {
        let payment_type = self.get("paymentType").filter(|text| is_payment_type(text));
        Some(Confirm {
            order_id: order_id.clone(),
            payment_key: PaymentKey::parse(self.get("paymentKey")?).ok()?,
            amount: Won::new(digits(self.get("amount")?)?).ok()?,
            payment_type: payment_type.map(str::to_owned),
        })
    }
}

/// Whether this looks like a code of the window. Anything else is not passed on: the address is anybody's to write.
fn is_code(text: &str) -> bool {
    (1..=CODE_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// To a configured place. The ticket stands in the fragment, which no server and no referrer sees.
async fn send_on(
    api: &Api,
    target: &str,
    order: Option<&OrderId>,
    also: &[(&str, &str)],
) -> Response {
    let mut address = target.to_owned();
    // Ids and codes consist of characters that need no escape.
    let order_pair = order.map(|order| ("orderId", order.as_str()));
    for (name, value) in order_pair.iter().chain(also) {
        address.push(if address.contains('?') { '&' } else { '?' });
        address.push_str(&format!("{name}={value}"));
    }
    if let (Some(order), Ok(now_ms)) = (order, api.store.now_ms().await) {
        address.push_str(&format!("#ticket={}", api.tokens.ticket(order, now_ms)));
    }
    match HeaderValue::try_from(address) {
        Ok(address) => (StatusCode::SEE_OTHER, [(LOCATION, address)]).into_response(),
        Err(error) => Problem::new(ProblemCode::Internal).caused_by(error).into_response(),
    }
}
