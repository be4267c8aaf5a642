//! The other ends of a payment: declined, given up, given back by the shop.

use serde_json::json;

use crate::driven::Screen;
use crate::visitor::visit;

#[tokio::test]
async fn a_declined_payment_is_explained_and_can_be_ordered_again() {
    visit("declined", Screen::Phone, async |visitor| {
        visitor.go_to_window().await;
        visitor.click("details:has([name=code]) summary").await;
        visitor.click("option[value=REJECT_CARD_COMPANY]").await;
        visitor.look("5-window").await;
        visitor.click("button[value=fail]").await;
        let order_id = visitor.come_back().await;

        visitor.see_status("failed").await;
        visitor.look("6-failed").await;
        for sentence in [".now-title", ".now-next"] {
            let text = visitor.read(sentence).await;
            assert!(text.contains(' ') && !text.contains('_'), "{sentence} is no sentence: {text}");
        }
        assert_eq!(visitor.ledger(&order_id).await["charges"], 0);

        visitor.click("[data-key=again]").await;
        visitor.arrive("/checkout").await;
        visitor.see("form button[type=submit]:enabled").await;
        assert_eq!(visitor.count(".slip-line").await, 1, "the cart is filled again");
    })
    .await;
}

#[tokio::test]
async fn a_visitor_who_leaves_the_window_comes_back_and_can_still_pay() {
    visit("cancelled", Screen::Desktop, async |visitor| {
        visitor.go_to_window().await;
        visitor.click("button[value=cancel]").await;
        let order_id = visitor.come_back().await;

        visitor.see_status("awaiting_payment").await;
        visitor.see(".note-warn").await;
        visitor.look("6-left").await;
        visitor.click("[data-key=pay]").await;
        visitor.arrive("/window/").await;
        assert_eq!(visitor.pay_by_card().await, order_id);
        visitor.see_status("paid").await;
        visitor.see_none(".note-warn").await;
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_is_shown_as_checking_and_ends_as_paid() {
    visit("lost", Screen::Phone, async |visitor| {
        visitor.go_to_window().await;
        visitor.click("details:has([name=fault]) summary").await;
        visitor.click("label:has([value=cut_after])").await;
        let order_id = visitor.pay_by_card().await;

        visitor.see_status("paid").await;
        let ledger = visitor.ledger(&order_id).await;
        assert_eq!((&ledger["charges"], &ledger["calls"]["confirm"]), (&1.into(), &1.into()));
    })
    .await;
}

#[tokio::test]
async fn what_the_shop_gives_back_shows_up_on_the_open_page() {
    visit("refunded", Screen::Desktop, async |visitor| {
        visitor.go_to_window().await;
        let order_id = visitor.pay_by_card().await;
        visitor.see_status("paid").await;
        visitor.eval("window.isMarked = true").await;

        let part = json!({"reason": "치즈 품절", "amount": 1_000});
        visitor.refund_by_staff(&order_id, "cheese-is-out", &part).await;
        visitor.see_status("partially_cancelled").await;
        visitor.look("6-partly-refunded").await;
        visitor.refund_by_staff(&order_id, "all-of-it", &json!({"reason": "조리 지연"})).await;
        visitor.see_status("cancelled").await;
        visitor.look("6-refunded").await;
        assert_eq!(visitor.eval("return window.isMarked").await, true, "the page was loaded again");
        assert_eq!(visitor.ledger(&order_id).await["cancelled"], 23_000);
    })
    .await;
}
