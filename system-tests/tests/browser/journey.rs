//! The way from the first page to a paid order, step by step, on a phone and on a desktop.

use crate::driven::Screen;
use crate::visitor::{Visitor, visit};

const CHICKEN: &str = "chicken-yeonnam";

impl Visitor {
    /// From the first page to the filled cart: a dish with a choice that has to be made.
    pub(crate) async fn fill_cart(&self) {
        self.open("/").await;
        self.see("a.store").await;
        assert_eq!(self.count("a.store").await, 2, "the demo has two stores");
        self.look("1-stores").await;
        self.click(&format!("a.store[href$='{CHICKEN}']")).await;
        self.see("[data-product=half-half]").await;
        self.look("2-menu").await;
        self.click("[data-product=half-half]").await;
        self.see("dialog[open] fieldset").await;
        // Two flavours are required, and none is chosen yet.
        self.click("dialog button[type=submit]").await;
        self.see("dialog[open] fieldset.is-missing").await;
        self.click("dialog label:has([value=half-yangnyeom])").await;
        self.click("dialog label:has([value=half-cheese])").await;
        self.see_none("dialog fieldset.is-missing").await;
        self.look("3-dish").await;
        self.click("dialog button[type=submit]").await;
        self.see_none("dialog").await;
    }

    /// From the menu to the checkout, by what the screen offers for it.
    pub(crate) async fn check_out(&self) {
        let way = match self.screen {
            Screen::Phone => "a.bar",
            Screen::Desktop => ".slip a[href$='/checkout']",
        };
        self.click(way).await;
        self.arrive("/checkout").await;
        self.see("form button[type=submit]:enabled").await;
        self.look("4-checkout").await;
    }

    /// Orders a filled cart and arrives in the payment window.
    async fn order(&self) {
        self.check_out().await;
        self.fill("[name=name]", "김한상").await;
        self.click("form button[type=submit]:enabled").await;
        self.arrive("/window/").await;
        self.see("button[value=pay]").await;
    }

    /// Everything from the first page to the payment window.
    pub(crate) async fn go_to_window(&self) {
        self.fill_cart().await;
        self.order().await;
    }

    /// Pays by card in the window and arrives at the order's page, whose id is returned.
    pub(crate) async fn pay_by_card(&self) -> String {
        self.click("label:has([value=CARD])").await;
        self.click("button[value=pay]").await;
        self.come_back().await
    }

    /// Arrives at the order's page after the window; gives the order's id.
    pub(crate) async fn come_back(&self) -> String {
        self.arrive("/shop/orders/").await;
        let address = self.address().await;
        assert!(!address.contains("otk_"), "a ticket stays in the address bar: {address}");
        address.rsplit('/').next().unwrap().to_owned()
    }

    /// Waits until the order's page tells this status.
    pub(crate) async fn see_status(&self, status: &str) {
        self.see(&format!("[data-status={status}]")).await;
        assert_eq!(self.count("main .bone").await, 0, "something is drawn as still being loaded");
    }
}

#[tokio::test]
async fn a_visitor_with_a_phone_orders_pays_and_watches_the_order_turn_paid() {
    visit("phone", Screen::Phone, pay_and_watch).await;
}

#[tokio::test]
async fn a_visitor_at_a_desk_orders_pays_and_watches_the_order_turn_paid() {
    visit("desktop", Screen::Desktop, pay_and_watch).await;
}

async fn pay_and_watch(visitor: &Visitor) {
    visitor.go_to_window().await;
    visitor.look("5-window").await;
    // The answer to the confirm comes late, so that there is something to watch.
    visitor.click("details:has([name=fault]) summary").await;
    visitor.click("label:has([value=delay])").await;
    visitor.fill("[name=delay_seconds]", "2").await;
    let order_id = visitor.pay_by_card().await;

    visitor.see_status("confirming").await;
    let document = "return [performance.timeOrigin, window.isMarked === true]";
    visitor.eval("window.isMarked = true").await;
    let landed = visitor.eval(document).await;
    visitor.look("6-confirming").await;
    visitor.see_status("paid").await;
    assert_eq!(visitor.eval(document).await, landed, "the page was loaded again");
    visitor.look("6-paid").await;
    assert!(!visitor.read(".now-title").await.is_empty());

    let ledger = visitor.ledger(&order_id).await;
    assert_eq!((&ledger["charges"], &ledger["charged"]), (&1.into(), &23_000.into()));

    let receipt = visitor.see("a[data-key=receipt]").await.attr("href").await.unwrap().unwrap();
    assert_eq!(visitor.status_of(&receipt).await, 200, "{receipt}");
    visitor.click("a.top-link[href='/shop/orders']").await;
    // The list has its words when the API has told them.
    visitor.see(&format!("li:has(a[href$='{order_id}']) .chip-good")).await;
    visitor.look("7-orders").await;
}
