//! How the pages look to those who want them otherwise: in English, in the dark.

use crate::driven::Screen;
use crate::visitor::{Visitor, visit};

/// Measures how light the page is and which text on it is hard to read.
const CONTRAST: &str = include_str!("contrast.js");

#[tokio::test]
async fn one_button_turns_the_shop_english_and_the_payment_window_with_it() {
    visit("english", Screen::Phone, async |visitor| {
        visitor.open("/").await;
        assert_eq!(visitor.eval("return document.documentElement.lang").await, "ko");
        visitor.click("[data-key=language]").await;
        visitor.see("html[lang=en] .hero-title").await;
        assert!(visitor.read(".hero-title").await.is_ascii(), "the first page speaks Korean");

        visitor.go_to_window().await;
        visitor.see("html[lang=en]").await;
        assert!(visitor.read("legend").await.is_ascii(), "the window speaks Korean");
        visitor.look("5-window").await;
        visitor.pay_by_card().await;
        visitor.see_status("paid").await;
        for text in [".now-title", ".line-more"] {
            assert!(visitor.read(text).await.is_ascii(), "the status speaks Korean in {text}");
        }
        visitor.look("6-paid").await;
    })
    .await;
}

#[tokio::test]
async fn at_night_every_page_is_dark_and_can_be_read() {
    visit("dark", Screen::Phone, async |visitor| {
        visitor.prefer("dark").await;
        tour(visitor, "dark", |luminance| luminance < 0.1).await;
    })
    .await;
}

#[tokio::test]
async fn by_day_every_page_is_light_and_can_be_read() {
    visit("light", Screen::Desktop, async |visitor| {
        tour(visitor, "light", |luminance| luminance > 0.6).await;
    })
    .await;
}

/// Looks at every page of the way to a paid order.
async fn tour(visitor: &Visitor, theme: &str, is_right: impl Fn(f64) -> bool) {
    let look = async |page: &str| {
        visitor.look(page).await;
        let measured = visitor.eval(CONTRAST).await;
        let ground = measured["ground"].as_f64().unwrap();
        assert!(is_right(ground), "{page} is not {theme}: {ground}");
        assert_eq!(measured["faint"], serde_json::json!([]), "text of {page} is hard to read");
    };
    visitor.open("/").await;
    visitor.see("a.store").await;
    look("stores").await;
    visitor.open("/shop/stores/malatang-hongdae").await;
    visitor.click("[data-product=lamb-skewer]").await;
    visitor.see("dialog[open]").await;
    look("dish").await;
    visitor.click("dialog button[type=submit]").await;
    visitor.see_none("dialog, .slip.is-asking").await;
    look("menu").await;
    visitor.open("/shop/stores/malatang-hongdae/checkout").await;
    visitor.see("form button[type=submit]:enabled").await;
    look("checkout").await;
    visitor.click("form button[type=submit]:enabled").await;
    visitor.arrive("/window/").await;
    visitor.see("button[value=pay]").await;
    look("window").await;
    visitor.pay_by_card().await;
    visitor.see_status("paid").await;
    look("paid").await;
}
