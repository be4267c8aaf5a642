//! Opening a payment window: the form that the browser script posts, checked again, because anybody may post it.

use serde::Deserialize;

use crate::codes::{self, Code};
use crate::http::redirect::is_redirect_url;
use crate::ids;
use crate::merchant::KeyId;
use crate::method::Method;
use crate::payment::Window;
use crate::payment::amount::parse_digits;
use crate::payment::session::NewPayment;
use crate::refusal::{Language, Refusal};

/// What the browser script posts to `/window`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct OpenForm {
    client_key: String,
    method: String,
    easy_pay: String,
    currency: String,
    value: String,
    order_id: String,
    order_name: String,
    success_url: String,
    fail_url: String,
    customer_name: String,
    customer_mobile_phone: String,
    tax_free_amount: String,
    tax_exemption_amount: String,
    use_escrow: String,
    valid_hours: String,
    due_date: String,
    cash_receipt_type: String,
    metadata: String,
    lang: String,
}

impl OpenForm {
    /// # Errors
    /// The first value that is not allowed, with the code that Toss's browser script has for it.
    pub(crate) fn check(self) -> Result<(KeyId, NewPayment, Window), Refusal> {
        let key = KeyId::beside_client_key(&self.client_key)?;
        let refuse = |code: Code| Err(Refusal::new(code));
        if self.currency != "KRW" {
            return refuse(codes::INVALID_AMOUNT_CURRENCY);
        }
        let Some(amount) = parse_digits(&self.value) else {
            return refuse(codes::INVALID_AMOUNT_VALUE);
        };
        let method =
            Method::parse(&self.method).ok_or(Refusal::new(codes::NOT_SUPPORTED_METHOD))?;
        if !is_redirect_url(&self.success_url) {
            return refuse(codes::INCORRECT_SUCCESS_URL_FORMAT);
        }
        if !is_redirect_url(&self.fail_url) {
            return refuse(codes::INCORRECT_FAIL_URL_FORMAT);
        }
        let new = NewPayment {
            // The wallet asked for, if it is one that we know; the buyer may still take another.
            method: Method::parse(&self.easy_pay).or(Some(method)),
            escrow: self.use_escrow == "true",
            tax_free_amount: amount_or_zero(&self.tax_free_amount)?,
            tax_exemption_amount: amount_or_zero(&self.tax_exemption_amount)?,
            customer_name: non_empty(self.customer_name),
            customer_mobile_phone: non_empty(self.customer_mobile_phone),
            valid_hours: non_empty(self.valid_hours)
                .map(|hours| parse_digits(&hours).ok_or(Refusal::new(codes::INVALID_PARAMETERS)))
                .transpose()?,
            due_date: non_empty(self.due_date),
            // Source: Toss, its script has a word for none.
            cash_receipt_type: non_empty(self.cash_receipt_type).filter(|kind| kind != "미발행"),
            metadata: parse_metadata(&self.metadata)?,
            ..NewPayment::new(&self.order_id, &self.order_name, amount)
        };
        let window = Window {
            id: ids::window_id(),
            success_url: self.success_url,
            fail_url: self.fail_url,
            language: language_named(&self.lang),
        };
        Ok((key, new, window))
    }
}

/// `ko` or `en`, with or without a region.
pub(crate) fn language_named(name: &str) -> Option<Language> {
    match name.split('-').next() {
        Some("ko") => Some(Language::Korean),
        Some("en") => Some(Language::English),
        Some(_) | None => None,
    }
}

fn amount_or_zero(text: &str) -> Result<i64, Refusal> {
    if text.is_empty() {
        return Ok(0);
    }
    parse_digits(text).ok_or(Refusal::new(codes::INVALID_AMOUNT_VALUE))
}

fn non_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn parse_metadata(
    text: &str,
) -> Result<Option<serde_json::Map<String, serde_json::Value>>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    serde_json::from_str(text).map(Some).map_err(|_| Refusal::new(codes::INVALID_METADATA))
}
