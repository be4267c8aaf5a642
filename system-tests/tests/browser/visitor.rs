//! Somebody in front of the demo shop: what they can do on its pages, and what they see there.

use std::panic::{AssertUnwindSafe, resume_unwind};

use futures_util::FutureExt as _;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use system_tests::{Client, Home, Places, Product, SIMULATOR_KEY};
use thirtyfour::prelude::*;

use crate::axe;
use crate::driven::{Driven, Screen, until};
use crate::screenshots;

/// A visitor with a product and a browser of their own.
#[derive(Debug)]
pub(crate) struct Visitor {
    /// Names the directory of the screenshots.
    test: &'static str,
    pub(crate) product: Product,
    pub(crate) screen: Screen,
    browser: Driven,
    client: Client,
}

/// Starts a product and a browser, lets the visitor make their journey, and takes everything down again.
///
/// # Panics
/// Where the journey does, or when the console complained.
pub(crate) async fn visit(test: &'static str, screen: Screen, journey: impl AsyncFnOnce(&Visitor)) {
    let client = Client::new();
    let home = Home::new();
    let product = home.start_ephemeral();
    let browser = Driven::start(screen).await;
    let visitor = Visitor { test, product, screen, browser, client };
    let outcome = AssertUnwindSafe(journey(&visitor)).catch_unwind().await;
    if outcome.is_err() {
        visitor.screenshot("failed").await;
    }
    let complaints = visitor.browser.complaints().await;
    visitor.browser.quit().await;
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
    assert!(complaints.is_empty(), "the browser complained: {complaints:#?}");
}

impl Visitor {
    /// Goes to a page of the shop by its address.
    pub(crate) async fn open(&self, path: &str) {
        self.browser.driver().goto(format!("{}{path}", self.product.api)).await.unwrap();
    }

    pub(crate) async fn address(&self) -> String {
        self.browser.driver().current_url().await.unwrap().to_string()
    }

    /// Waits until the address contains a text.
    pub(crate) async fn arrive(&self, part: &str) {
        until(part, async || self.address().await.contains(part).then_some(())).await;
    }

    /// Waits for an element that can be seen.
    pub(crate) async fn see(&self, css: &str) -> WebElement {
        until(css, async || {
            let element = self.browser.driver().find(By::Css(css)).await.ok()?;
            element.is_displayed().await.is_ok_and(|it| it).then_some(element)
        })
        .await
    }

    /// The text of an element.
    pub(crate) async fn read(&self, css: &str) -> String {
        self.see(css).await;
        let text = self.eval(&format!("return document.querySelector({css:?}).innerText")).await;
        text.as_str().unwrap_or_default().trim().to_owned()
    }

    pub(crate) async fn count(&self, css: &str) -> usize {
        self.browser.driver().find_all(By::Css(css)).await.unwrap().len()
    }

    /// Waits until nothing on the page is like this.
    pub(crate) async fn see_none(&self, css: &str) {
        until(css, async || (self.count(css).await == 0).then_some(())).await;
    }

    /// Clicks as soon as something is there, can be clicked, and nothing lies above it.
    pub(crate) async fn click(&self, css: &str) {
        until(css, async || {
            let element = self.browser.driver().find(By::Css(css)).await.ok()?;
            let is_inert = element.attr("aria-disabled").await.ok()?.is_some_and(|it| it == "true");
            if is_inert || !element.is_enabled().await.ok()? {
                return None;
            }
            // Into the middle: bars at the edges may lie above what is there.
            element.scroll_into_view().await.ok()?;
            element.click().await.ok()
        })
        .await;
    }

    /// Replaces what stands in a field.
    pub(crate) async fn fill(&self, css: &str, text: &str) {
        let field = self.see(css).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Presses a key wherever the focus is.
    pub(crate) async fn press(&self, key: Key) {
        self.browser.driver().action_chain().send_keys(key).perform().await.unwrap();
    }

    /// What the machine-checked rules of accessibility say against the page: the rule, and where.
    pub(crate) async fn violations(&self) -> Vec<String> {
        let driver = self.browser.driver();
        driver.execute(axe::script(), Vec::new()).await.unwrap();
        let found = driver.execute_async(axe::RUN, Vec::new()).await.unwrap().json().clone();
        let found = found.as_array().unwrap_or_else(|| panic!("{found}")).clone();
        found.iter().map(|one| one.as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Has pages do without scripts, or with them again.
    pub(crate) async fn allow_scripts(&self, are_allowed: bool) {
        let wanted = json!({"value": !are_allowed});
        self.browser.tell_page("Emulation.setScriptExecutionDisabled", wanted).await;
    }

    /// The customers of the product's shop who use no browser.
    pub(crate) fn customers(&self) -> Places {
        Places {
            client: self.client.clone(),
            api: self.product.api.clone(),
            simulator: self.product.simulator.clone(),
            secret_key: SIMULATOR_KEY,
        }
    }

    /// Runs a script in the page and gives what it returns.
    pub(crate) async fn eval(&self, script: &str) -> Value {
        self.browser.driver().execute(script, Vec::new()).await.unwrap().json().clone()
    }

    /// Lets the page believe that its visitor prefers dark pages, or light ones.
    pub(crate) async fn prefer(&self, scheme: &str) {
        self.browser.prefer(scheme).await;
    }

    /// Keeps what the screen shows, and insists that nothing sticks out of it to the side.
    pub(crate) async fn look(&self, page: &str) {
        self.screenshot(page).await;
        let script = "const root = document.documentElement; \
            return [root.scrollWidth - root.clientWidth, Math.max(root.scrollWidth, innerWidth)]";
        let measured = self.eval(script).await;
        assert!(
            measured[0].as_i64().unwrap() <= 0,
            "{page} can be scrolled to the side: {measured}"
        );
        assert!(
            measured[1].as_u64().unwrap() <= self.screen.width(),
            "{page} is too wide: {measured}"
        );
    }

    async fn screenshot(&self, page: &str) {
        // Nothing looks as if the pointer were on it.
        self.browser.driver().action_chain().move_to(0, 0).perform().await.unwrap();
        let image = self.browser.driver().screenshot_as_png().await.unwrap();
        screenshots::keep(self.test, page, &image);
    }

    /// What the simulator's ledger says about an order's payment.
    pub(crate) async fn ledger(&self, order_id: &str) -> Value {
        let url = format!("{}/_sim/ledger?orderId={order_id}", self.product.simulator);
        let answer = self.client.get(&url).await;
        let payments = answer.body["payments"].as_array().expect("a ledger").clone();
        assert_eq!(payments.len(), 1, "one payment of the order");
        payments[0].clone()
    }

    /// Whether an address answers like a page.
    pub(crate) async fn status_of(&self, url: &str) -> u16 {
        self.client.get(url).await.status
    }

    /// Takes note that the console complained about this, and about nothing else.
    pub(crate) async fn expect_complaint(&self, part: &str) {
        let complaints = self.browser.complaints().await;
        let is_expected =
            |all: &[String]| !all.is_empty() && all.iter().all(|it| it.contains(part));
        assert!(is_expected(&complaints), "{part} was expected: {complaints:#?}");
    }

    /// Gives money back as a member of staff does, behind the visitor's back.
    pub(crate) async fn refund_by_staff(&self, order_id: &str, key: &str, body: &Value) {
        let path = format!("/v1/orders/{order_id}/cancels");
        let request = self.staff(Method::POST, &path).json(body).header("Idempotency-Key", key);
        let answer = system_tests::send(request).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
    }

    /// Changes the catalogue as a master does.
    pub(crate) async fn put_by_staff(&self, path: &str, body: &Value) {
        let answer = system_tests::send(self.staff(Method::PUT, path).json(body)).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    /// An order as staff see it.
    pub(crate) async fn order_of(&self, order_id: &str) -> Value {
        let request = self.staff(Method::GET, &format!("/v1/orders/{order_id}"));
        system_tests::send(request).await.body
    }

    /// What the API tells a master.
    pub(crate) async fn read_by_staff(&self, path: &str) -> Value {
        let answer = system_tests::send(self.staff(Method::GET, path)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }

    fn staff(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.product.api);
        self.client.request(method, &url).bearer_auth(&self.product.master_token)
    }

    /// Deposits what a virtual account asks for.
    pub(crate) async fn deposit(&self, payment_key: &str) {
        let url = format!("{}/_sim/payments/{payment_key}/deposit", self.product.simulator);
        let answer = system_tests::send(self.client.request(Method::POST, &url)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}
