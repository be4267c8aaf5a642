//! What may be chosen to pay with, and paying by deposit: the account, its bank and its due time, and what comes of it.

use serde_json::json;

use crate::driven::Screen;
use crate::visitor::{Visitor, visit};

#[tokio::test]
async fn a_visitor_with_a_phone_is_told_where_to_deposit_and_sees_that_it_arrived() {
    visit("deposit", Screen::Phone, deposit).await;
}

#[tokio::test]
async fn a_visitor_at_a_desk_is_told_where_to_deposit_and_sees_that_it_arrived() {
    visit("deposit-wide", Screen::Desktop, deposit).await;
}

async fn deposit(visitor: &Visitor) {
    visitor.go_to_window().await;
    visitor.click("label:has([value=VIRTUAL_ACCOUNT])").await;
    visitor.click("button[value=pay]").await;
    let order_id = visitor.come_back().await;
    visitor.see_status("waiting_for_deposit").await;
    visitor.look("6-account").await;

    let order = visitor.order_of(&order_id).await;
    let account = &order["payment"]["virtualAccount"];
    let told = visitor.read(".card.account").await;
    let number = account["accountNumber"].as_str().expect("an account");
    assert!(told.contains(number), "the number {number} is missing: {told}");
    assert!(told.contains("은행") || told.contains("뱅크"), "no bank by its name: {told}");
    for word in ["입금 금액", "23,000원", "입금 기한", "예금주"] {
        assert!(told.contains(word), "{word} is missing: {told}");
    }
    let issued = visitor.ledger(&order_id).await;
    assert_eq!(issued["charged"], 0, "nothing was paid yet");

    visitor.deposit(issued["paymentKey"].as_str().expect("a key")).await;
    visitor.see_status("paid").await;
    visitor.see_none(".card.account").await;
    visitor.look("6-deposited").await;
    assert_eq!(visitor.ledger(&order_id).await["charged"], 23_000);
}

#[tokio::test]
async fn methods_that_do_not_take_the_amount_are_not_offered() {
    visit("small", Screen::Phone, async |visitor| {
        let store = json!({"name": "사탕 가게", "deliveryFee": 0, "minimumOrder": 0, "open": true});
        visitor.put_by_staff("/v1/stores/sweets", &store).await;
        let sweet = json!({"name": "알사탕", "price": 150, "available": true});
        visitor.put_by_staff("/v1/stores/sweets/products/sweet", &sweet).await;

        visitor.open("/shop/stores/sweets").await;
        visitor.click("[data-product=sweet]").await;
        visitor.click("dialog button[type=submit]").await;
        visitor.see_none("dialog").await;
        visitor.click("a.bar").await;
        visitor.arrive("/checkout").await;
        visitor.see("form button[type=submit]:enabled").await;
        visitor.look("4-small").await;
        assert_eq!(offered(visitor).await, json!(["CARD"]), "150 won go by card only");
    })
    .await;
}

#[tokio::test]
async fn an_amount_that_everything_takes_is_offered_by_every_method() {
    visit("methods", Screen::Phone, async |visitor| {
        visitor.fill_cart().await;
        visitor.check_out().await;
        assert_eq!(offered(visitor).await, json!(["CARD", "TRANSFER", "VIRTUAL_ACCOUNT"]));
    })
    .await;
}

/// The methods that can be seen at the checkout.
async fn offered(visitor: &Visitor) -> serde_json::Value {
    let script = "return [...document.querySelectorAll('[name=method]')] \
        .filter((input) => input.closest('label').offsetParent !== null) \
        .map((input) => input.value)";
    visitor.eval(script).await
}
