//! The payment window of the simulator, gone through as a browser does: the form that the browser
//! script posts, and the buyer's choice.

use reqwest::{Method, StatusCode, Url};

use anyhow::Context as _;

use super::http::Http;
use super::views::CreatedOrder;

/// What the buyer does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Choice<'a> {
    Pay,
    /// Authenticated, and declined at the confirm with this code.
    Decline(&'a str),
}

/// Opens the window and chooses; gives the address that the browser is sent to.
pub(super) async fn go_through(
    http: &Http,
    simulator: &str,
    order: &CreatedOrder,
    choice: Choice<'_>,
) -> anyhow::Result<Url> {
    let value = order.amount.to_string();
    let phone = order.customer_mobile_phone.as_deref().unwrap_or_default();
    let form = [
        ("clientKey", order.client_key.as_str()),
        ("method", "CARD"),
        ("currency", "KRW"),
        ("value", &value),
        ("orderId", &order.order_id),
        ("orderName", &order.order_name),
        ("successUrl", &order.success_url),
        ("failUrl", &order.fail_url),
        ("customerName", &order.customer_name),
        ("customerMobilePhone", phone),
    ];
    let open = format!("{simulator}/window");
    let opened = http.send(Method::POST, &open, |request| request.form(&form)).await?;
    let opened = opened.expect(StatusCode::SEE_OTHER)?;
    let window = Url::parse(&open)?.join(opened.location()?)?;
    let choices: &[(&str, &str)] = match &choice {
        Choice::Pay => &[("action", "pay"), ("method", "CARD")],
        Choice::Decline(code) => &[("action", "fail"), ("method", "CARD"), ("code", code)],
    };
    let chosen = http.send(Method::POST, window.as_str(), |request| request.form(choices)).await?;
    if let (Choice::Decline(code), StatusCode::BAD_REQUEST) = (choice, chosen.status) {
        anyhow::bail!(
            "the simulator knows no code {code} to decline with; `try --help` names some"
        );
    }
    let chosen = chosen.expect(StatusCode::SEE_OTHER)?;
    Url::parse(chosen.location()?).context("the window sent the browser to no address")
}

/// A query parameter of the address.
pub(super) fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}
