//! Making an order.

use axum::Json;
use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use domain::customer::{
    Customer, CustomerKey, CustomerProblem, Delivery, DeliveryProblem, EmailProblem, GUEST_KEY,
    PhoneProblem, TextProblem,
};
use domain::{OrderId, StoreId};
use serde::{Deserialize, Serialize};
use store::idempotency::CallerKey;
use store::orders::{CreateOrder, CreateOrderError, OrderDetail};
use store::sha256_hex;
use utoipa::ToSchema;

use crate::context::Api;
use crate::extract::{CONTROL_CHARACTER, Checks, IdempotencyKey, JsonBody, body};
use crate::layers::IDEMPOTENT_REPLAYED;
use crate::problem::{FieldProblem, Place, Problem, ProblemCode};
use crate::quotes::{ItemRequest, cart};
use crate::rates::Client;
use crate::views::order::OrderView;
use crate::views::quote::QuoteView;
use crate::views::{CURRENCY, instant};
use crate::words::{Language, Text};

/// Callers without credentials share one scope, which is why keys should be UUIDs.
const IDEMPOTENCY_SCOPE: &str = "anonymous POST /v1/orders";

/// An order to make.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct OrderRequest {
    /// The store.
    store_id: String,
    /// An id of the caller's choice, 6 to 64 letters, digits, '-' or '_'; made when it is left out.
    order_id: Option<String>,
    /// The cart, 1 to 50 lines.
    items: Vec<ItemRequest>,
    /// What the customer was shown, in won; compared with what the cart costs now.
    #[schema(minimum = 0)]
    amount: i64,
    /// The shop's own random name of a signed-in customer, 2 to 50 letters, digits and `-_=.@`; a guest has none. BRANDPAY needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_key: Option<String>,
    /// Who orders.
    customer: CustomerRequest,
    /// Where it goes.
    delivery: DeliveryRequest,
}

/// Who orders.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CustomerRequest {
    /// 1 to 100 characters.
    name: String,
    /// At most 100 characters.
    email: Option<String>,
    /// 8 to 15 digits; spaces, hyphens and +82 are taken.
    phone: String,
}

/// Where an order goes.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DeliveryRequest {
    /// 1 to 200 characters.
    address: String,
    /// Floor, flat, door: at most 100 characters.
    detail: Option<String>,
    /// For the courier: at most 300 characters.
    note: Option<String>,
}

/// An order that was made, with all that the payment window needs. Pass the values on unchanged.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreatedOrderView {
    /// For the window.
    pub(crate) order_id: String,
    /// For the window.
    pub(crate) order_name: String,
    /// For the window, in won.
    pub(crate) amount: i64,
    /// For the window: what of it is free of tax.
    pub(crate) tax_free_amount: i64,
    /// Always KRW.
    pub(crate) currency: &'static str,
    /// For the window.
    pub(crate) customer_name: String,
    /// For the window.
    #[schema(required = true)]
    pub(crate) customer_email: Option<String>,
    /// For the window, digits.
    pub(crate) customer_mobile_phone: String,
    /// For the window: the customer key of the request, or a guest's.
    pub(crate) customer_key: String,
    /// For the window: the public key.
    pub(crate) client_key: String,
    /// For the window: where it sends the browser after authentication.
    pub(crate) success_url: String,
    /// For the window: where it sends the browser otherwise.
    pub(crate) fail_url: String,
    /// Opens this order. Keep it; a repeat with the same `Idempotency-Key` returns it again.
    pub(crate) access_token: String,
    /// Until when the order may be paid.
    #[schema(format = DateTime)]
    pub(crate) pay_by: String,
    /// The order itself.
    pub(crate) order: OrderView,
}

/// Make an order
///
/// The cart is priced again. An `amount` that differs is refused with the whole calculation. With an `Idempotency-Key` a repeat
/// answers with the order that the first request made.
#[utoipa::path(
    post, path = "/v1/orders", operation_id = "createOrder", tag = "Shop",
    params(("Idempotency-Key" = Option<String>, Header, description = "A UUID per meant order; the same one for a repeat")),
    request_body = OrderRequest,
    responses((status = 201, description = "The order, and what the payment window needs", body = CreatedOrderView,
        headers(
            ("Location" = String, description = "The order"),
            ("Idempotent-Replayed" = String, description = "`true` when an earlier request made it"),
        )))
)]
pub(crate) async fn create_order(
    State(api): State<Api>,
    language: Language,
    client: Client,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(request): JsonBody<OrderRequest>,
) -> Result<Response, Problem> {
    api.rates.check_client(client)?;
    let idempotency = key.map(|key| caller_key(key, &request)).transpose()?;
    let order = read_request(&api, request, idempotency)?;
    match api.store.create_order(&order).await {
        Ok(created) => answer(&api, &created.order, created.is_replay, language),
        Err(error) => Err(refusal(&api, error, &order).await),
    }
}

fn caller_key(key: String, request: &OrderRequest) -> Result<CallerKey, Problem> {
    // What was understood is compared, not how it was written: spaces and the order of fields do not count.
    let canonical = serde_json::to_vec(request)
        .map_err(|error| Problem::new(ProblemCode::Internal).caused_by(error))?;
    Ok(CallerKey { scope: IDEMPOTENCY_SCOPE.to_owned(), key, fingerprint: sha256_hex(canonical) })
}

fn read_request(
    api: &Api,
    request: OrderRequest,
    idempotency: Option<CallerKey>,
) -> Result<CreateOrder, Problem> {
    let mut checks = Checks::default();
    let store = checks.id(body("/storeId"), StoreId::parse(request.store_id));
    let proposed_id =
        request.order_id.and_then(|id| checks.id(body("/orderId"), OrderId::parse(id)));
    let lines = cart(&mut checks, request.items);
    let amount = checks.amount(body("/amount"), request.amount);
    let customer_key = request.customer_key.and_then(|text| {
        checks.known(body("/customerKey"), CustomerKey::parse(&text).ok(), CUSTOMER_KEY)
    });
    let customer = request.customer;
    let customer = Customer::parse(&customer.name, customer.email.as_deref(), &customer.phone)
        .map_err(|problems| {
            problems.into_iter().map(customer_problem).for_each(|wrong| checks.refuse(wrong))
        });
    let delivery = request.delivery;
    let delivery =
        Delivery::parse(&delivery.address, delivery.detail.as_deref(), delivery.note.as_deref())
            .map_err(|problems| {
                problems.into_iter().map(delivery_problem).for_each(|wrong| checks.refuse(wrong))
            });
    let (Some(store), Some(expected_amount), Ok(customer), Ok(delivery)) =
        (store, amount, customer, delivery)
    else {
        return Err(checks.problem());
    };
    checks.finish()?;
    let pay_within_ms = api.settings.pay_by_ms;
    Ok(CreateOrder {
        proposed_id,
        store,
        lines,
        expected_amount,
        customer,
        customer_key,
        delivery,
        pay_within_ms,
        idempotency,
        current_keys: api.settings.merchants.current(),
    })
}

fn answer(
    api: &Api,
    order: &OrderDetail,
    is_replay: bool,
    language: Language,
) -> Result<Response, Problem> {
    let row = &order.order;
    // An earlier request may have made it with a pair that is gone by now.
    let client_key = api.settings.merchants.client_key(row).ok_or_else(no_keys)?.to_owned();
    let token = api.tokens.checkout(&row.id);
    let public_url = &api.settings.public_url;
    let view = CreatedOrderView {
        order_id: row.id.as_str().to_owned(),
        order_name: row.order_name.clone(),
        amount: row.amount.get(),
        tax_free_amount: row.tax_free_amount.get(),
        currency: CURRENCY,
        customer_name: row.customer_name.clone(),
        customer_email: row.customer_email.clone(),
        customer_mobile_phone: row.customer_phone.clone(),
        customer_key: row.customer_key.clone().unwrap_or_else(|| GUEST_KEY.to_owned()),
        client_key,
        success_url: format!("{public_url}/checkout/success?token={token}"),
        fail_url: format!("{public_url}/checkout/fail?token={token}"),
        access_token: api.tokens.access(&row.id),
        pay_by: instant(row.pay_by_ms),
        order: OrderView::for_customer(order, &api.tokens, language),
    };
    let mut response = (StatusCode::CREATED, Json(view)).into_response();
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::try_from(format!("/v1/orders/{}", row.id)) {
        headers.insert(LOCATION, location);
    }
    if is_replay {
        headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// The order's merchant, or the pair of keys that it is pinned to, is not configured here.
fn no_keys() -> Problem {
    Problem::new(ProblemCode::MerchantKeysMissing)
}

async fn refusal(api: &Api, error: CreateOrderError, order: &CreateOrder) -> Problem {
    match error {
        CreateOrderError::UnknownStore => Problem::new(ProblemCode::StoreUnknown),
        CreateOrderError::Cart(problem) => problem.into(),
        CreateOrderError::AmountMismatch { quote } => {
            match api.store.find_store(&order.store).await {
                Ok(Some(store)) => {
                    let quote =
                        serde_json::to_value(QuoteView::new(&store, &quote)).unwrap_or_default();
                    Problem::new(ProblemCode::AmountMismatch)
                        .with("quotedAmount", order.expected_amount.get())
                        .with("quote", quote)
                }
                Ok(None) => Problem::new(ProblemCode::StoreUnknown),
                Err(error) => error.into(),
            }
        }
        CreateOrderError::MerchantUnknown { .. } => no_keys().caused_by(error),
        CreateOrderError::OrderIdTaken => Problem::new(ProblemCode::OrderIdTaken),
        CreateOrderError::KeyReused => Problem::new(ProblemCode::IdempotencyKeyReused),
        CreateOrderError::Store(error) => error.into(),
    }
}

const BLANK: Text = Text { ko: "비워 둘 수 없습니다.", en: "This must not be blank." };
const TOO_LONG: Text = Text { ko: "너무 깁니다.", en: "This is too long." };
const CUSTOMER_KEY: Text = Text {
    ko: "영문, 숫자와 - _ = . @ 로 된 2~50자여야 합니다.",
    en: "This must be 2 to 50 letters, digits and - _ = . @.",
};
const EMAIL: Text =
    Text { ko: "이메일 주소가 아닙니다.", en: "This is not an e-mail address." };
const PHONE: Text = Text {
    ko: "숫자 8~15자리 전화번호여야 합니다.",
    en: "This is not a phone number of 8 to 15 digits.",
};

fn customer_problem(problem: CustomerProblem) -> FieldProblem {
    match problem {
        CustomerProblem::Name(problem) => text_problem(body("/customer/name"), problem),
        CustomerProblem::Email(EmailProblem::TooLong { most }) => {
            FieldProblem::new(body("/customer/email"), "too_long", TOO_LONG)
                .note(format!("≤ {most}"))
        }
        CustomerProblem::Email(EmailProblem::Malformed) => {
            FieldProblem::new(body("/customer/email"), "malformed", EMAIL)
        }
        CustomerProblem::Phone(
            PhoneProblem::UnexpectedCharacter | PhoneProblem::DigitCount { .. },
        ) => FieldProblem::new(body("/customer/phone"), "malformed", PHONE),
    }
}

fn delivery_problem(problem: DeliveryProblem) -> FieldProblem {
    match problem {
        DeliveryProblem::Address(problem) => text_problem(body("/delivery/address"), problem),
        DeliveryProblem::Detail(problem) => text_problem(body("/delivery/detail"), problem),
        DeliveryProblem::Note(problem) => text_problem(body("/delivery/note"), problem),
    }
}

fn text_problem(place: Place, problem: TextProblem) -> FieldProblem {
    match problem {
        TextProblem::Missing => FieldProblem::new(place, "blank", BLANK),
        TextProblem::TooLong { most } => {
            FieldProblem::new(place, "too_long", TOO_LONG).note(format!("≤ {most}"))
        }
        TextProblem::ControlCharacter => {
            FieldProblem::new(place, "control_character", CONTROL_CHARACTER)
        }
    }
}
