//! The shop without a pointer, and without the browser that ordered.

use thirtyfour::prelude::*;

use crate::driven::{Screen, until};
use crate::visitor::{Visitor, visit};

/// More than any page has controls.
const TABS_MAX: usize = 80;

impl Visitor {
    /// Presses Tab until the focus is on such an element, and insists that it can be seen there.
    async fn tab_to(&self, css: &str) {
        until(css, async || (self.count(css).await > 0).then_some(())).await;
        for _ in 0..TABS_MAX {
            self.press(Key::Tab).await;
            let script = format!(
                "const it = document.activeElement; if (!it.matches({css:?})) return null; \
                 const marked = [it, it.nextElementSibling].filter(Boolean).map((one) => getComputedStyle(one)); \
                 return marked.some((style) => style.outlineStyle !== 'none' || style.boxShadow !== 'none')"
            );
            match self.eval(&script).await.as_bool() {
                Some(is_marked) => return assert!(is_marked, "{css} does not show its focus"),
                None => continue,
            }
        }
        panic!("{css} cannot be reached by Tab");
    }
}

#[tokio::test]
async fn everything_from_the_first_page_to_the_payment_can_be_done_by_keyboard() {
    visit("keyboard", Screen::Desktop, async |visitor| {
        visitor.open("/").await;
        visitor.tab_to("a.store[href$=chicken-yeonnam]").await;
        visitor.press(Key::Enter).await;
        visitor.tab_to("[data-product=half-half]").await;
        visitor.press(Key::Enter).await;
        visitor.tab_to("dialog [value=half-fried]").await;
        visitor.press(Key::Space).await;
        visitor.tab_to("dialog [value=half-soy]").await;
        visitor.press(Key::Space).await;
        visitor.tab_to("dialog button[type=submit]").await;
        visitor.press(Key::Enter).await;
        visitor.see_none("dialog").await;
        visitor.tab_to(".slip a[href$='/checkout']:not([aria-disabled=true])").await;
        visitor.press(Key::Enter).await;
        visitor.see("form button[type=submit]:enabled").await;
        visitor.tab_to("form button[type=submit]").await;
        visitor.press(Key::Enter).await;
        visitor.arrive("/window/").await;
        visitor.tab_to("[name=method]").await;
        visitor.tab_to("button[value=pay]").await;
        visitor.press(Key::Enter).await;
        visitor.come_back().await;
        visitor.see_status("paid").await;
        visitor.tab_to("a[data-key=receipt]").await;
    })
    .await;
}

#[tokio::test]
async fn another_browser_sees_the_order_by_the_ticket_in_its_address_and_without_it_not() {
    visit("ticket", Screen::Desktop, async |visitor| {
        visitor.go_to_window().await;
        let order_id = visitor.pay_by_card().await;
        visitor.see_status("paid").await;
        let script =
            format!("return JSON.parse(sessionStorage.getItem('seungin.ticket.{order_id}'))");
        let ticket = visitor.eval(&script).await.as_str().expect("a ticket").to_owned();

        // A browser that knows nothing.
        visitor.eval("localStorage.clear(); sessionStorage.clear()").await;
        visitor.open(&format!("/shop/return?orderId={order_id}#ticket={ticket}")).await;
        assert_eq!(visitor.come_back().await, order_id);
        visitor.see_status("paid").await;

        visitor.eval("localStorage.clear(); sessionStorage.clear()").await;
        visitor.open(&format!("/shop/orders/{order_id}")).await;
        visitor.see("[role=alert]").await;
        assert_eq!(visitor.count("[data-status]").await, 0);
        visitor.expect_complaint("401").await;
    })
    .await;
}
