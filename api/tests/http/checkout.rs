//! The browser's way back from the payment window.

use axum::http::StatusCode;

use crate::app::{As, Ordered, TestApp};

fn success(order: &Ordered, amount: &str) -> String {
    format!(
        "/checkout/success?token={}&paymentType=NORMAL&orderId={}&paymentKey=key-of-{}&amount={amount}&utm=x",
        order.checkout, order.id, order.id
    )
}

/// The ticket in the fragment of a redirect.
fn ticket(location: &str) -> &str {
    location.split_once("#ticket=").unwrap().1
}

#[tokio::test]
async fn a_page_learns_which_script_opens_the_window() {
    let app = TestApp::start().await;
    let config = app.get(As::Nobody, "/v1/checkout/config").await;
    assert_eq!(config.text("mode"), "simulator");
    assert_eq!(config.text("clientKey"), "test_ck_1");
    assert_eq!(config.text("sdkUrl"), "http://127.0.0.1:8081/v2/standard");
}

/// Scenario 55.
#[tokio::test]
async fn a_customer_who_returns_in_another_browser_is_confirmed_and_can_follow() {
    let app = TestApp::start().await;
    let order = app.order().await;
    let back = app.get(As::Nobody, &success(&order, "4000")).await;
    assert_eq!(back.status, StatusCode::SEE_OTHER);
    let location = back.header("location").to_owned();
    assert!(
        location.starts_with(&format!("/shop/return?orderId={}#ticket=otk_", order.id)),
        "{location}"
    );
    assert_eq!(back.header("referrer-policy"), "no-referrer");
    assert_eq!(back.header("cache-control"), "no-store");
    let view = app.get(As::Nobody, &format!("{}?ticket={}", order.path(), ticket(&location))).await;
    assert_eq!(view.text("status"), "confirming");
}

/// Scenario 3.
#[tokio::test]
async fn refreshing_the_success_page_starts_nothing_new() {
    let app = TestApp::start().await;
    let order = app.order().await;
    for _ in 0..3 {
        let back = app.get(As::Nobody, &success(&order, "4000")).await;
        assert!(!back.header("location").contains("problem="), "{}", back.header("location"));
    }
    assert_eq!(app.job_count().await, 1);
}

#[tokio::test]
async fn a_tampered_redirect_is_told_and_confirms_nothing() {
    let app = TestApp::start().await;
    let (order, other) = (app.order().await, app.order().await);
    let tampered = app.get(As::Nobody, &success(&order, "100")).await;
    let location = tampered.header("location");
    assert!(location.contains("&problem=confirm_amount_mismatch#ticket="), "{location}");
    for amount in ["", "4%2C000", "-1", "99999999999999999999"] {
        let answer = app.get(As::Nobody, &success(&order, amount)).await;
        assert!(answer.header("location").contains("&problem=invalid_request"), "{amount}");
    }
    let swapped = success(&order, "4000").replace(&order.checkout, &other.checkout);
    let answer = app.get(As::Nobody, &swapped).await;
    assert_eq!(answer.header("location"), "/shop/return?problem=order_unknown");
    let no_token =
        app.get(As::Nobody, "/checkout/success?orderId=order-1&paymentKey=k&amount=1").await;
    assert_eq!(no_token.header("location"), "/shop/return?problem=order_unknown");
    assert_eq!(app.job_count().await, 0);
}

#[tokio::test]
async fn a_cancelled_window_changes_nothing_and_leads_back_to_the_order() {
    let app = TestApp::start().await;
    let order = app.order().await;
    // Toss leaves the order id out when the customer closed the window.
    let path =
        format!("/checkout/fail?token={}&code=PAY_PROCESS_CANCELED&message=x%20y", order.checkout);
    let back = app.get(As::Nobody, &path).await;
    let location = back.header("location").to_owned();
    let expected =
        format!("/shop/return?orderId={}&code=PAY_PROCESS_CANCELED#ticket=otk_", order.id);
    assert!(location.starts_with(&expected), "{location}");
    let view = app.get(As::Token(ticket(&location)), &order.path()).await;
    assert_eq!(view.text("status"), "awaiting_payment");
    assert_eq!(app.job_count().await, 0);
}

#[tokio::test]
async fn redirects_lead_to_configured_places_only() {
    let app = TestApp::start_with(|settings| {
        settings.fail_redirect = "https://pay.example/failed?from=api".to_owned();
    })
    .await;
    let order = app.order().await;
    let path = format!(
        "/checkout/fail?token={}&code=%22%3E%3Cscript%3E&orderId={}&failRedirect=https://evil.example&message=https://evil.example",
        order.checkout, order.id
    );
    let back = app.get(As::Nobody, &path).await;
    let location = back.header("location");
    let expected = format!("https://pay.example/failed?from=api&orderId={}#ticket=otk_", order.id);
    assert!(location.starts_with(&expected), "{location}");
    let forged =
        app.get(As::Nobody, "/checkout/fail?token=cot_x.order-1&code=A%0D%0ASet-Cookie:x").await;
    assert_eq!(
        forged.header("location"),
        "https://pay.example/failed?from=api&problem=order_unknown"
    );
}

#[tokio::test]
async fn whatever_the_query_is_the_browser_gets_to_the_configured_page() {
    let app = TestApp::start().await;
    let order = app.order().await;
    let token = format!("token={}", order.checkout);
    let home = format!("/shop/return?orderId={}", order.id);
    for rest in ["", "&code", "&code=%ZZ&message=%", "&&&==", "&message=%FF%FE", "&code=A&code=B"] {
        let back = app.get(As::Nobody, &format!("/checkout/fail?{token}{rest}")).await;
        assert_eq!(back.status, StatusCode::SEE_OTHER, "{rest}");
        let location = back.header("location");
        assert!(location.starts_with(&home) && !location.contains("problem="), "{location}");
        assert!(location.contains("#ticket=otk_"), "{location}");
    }
    for query in ["", "?", "?%", "?token", "?token=%FF", "?code=%ZZ", "?token=cot_x.order-1"] {
        let back = app.get(As::Nobody, &format!("/checkout/fail{query}")).await;
        assert_eq!(back.status, StatusCode::SEE_OTHER, "{query}");
        assert_eq!(back.header("location"), "/shop/return?problem=order_unknown", "{query}");
    }
    let left = app.get(As::Nobody, "/checkout/fail?code=PAY_PROCESS_CANCELED").await;
    assert_eq!(
        left.header("location"),
        "/shop/return?code=PAY_PROCESS_CANCELED&problem=order_unknown"
    );
}
