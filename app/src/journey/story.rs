//! One journey. Each step says what it should find, and a difference ends the journey with the
//! step's name. Not here: the cart and the payment window.

mod endings;
mod requests;

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use reqwest::{StatusCode, Url};
use serde_json::json;

use super::cart;
use super::http::Http;
use super::narrator::{Narrator, won};
use super::target::Target;
use super::views::{CheckoutConfig, CreatedOrder, Menu, Quote, StoreView, Stores};
use super::window::{self, Choice};

/// What all journeys of a run have in common.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) target: Target,
    pub(super) http: Http,
    /// The code that the simulator declines with.
    pub(super) decline: Option<String>,
    /// How long one journey may take.
    pub(super) timeout: Duration,
}

/// How a journey went.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) order_id: Option<String>,
    /// The words that a customer saw, in their order.
    pub(super) states: Vec<String>,
    pub(super) cancels: Vec<Cancelled>,
    pub(super) amount: u64,
    /// From the redirect of the window to the API's answer.
    pub(super) accepting: Option<Duration>,
    /// From that answer to the final word.
    pub(super) confirming: Option<Duration>,
    pub(super) took: Duration,
    /// Which step differed, and how.
    pub(super) failure: Option<String>,
}

/// A cancel that was carried out.
#[derive(Debug)]
pub(super) struct Cancelled {
    pub(super) cancel_id: String,
    pub(super) amount: u64,
    pub(super) took: Duration,
}

/// A journey under way.
#[derive(Debug)]
pub(super) struct Journey<'p> {
    plan: &'p Plan,
    narrator: Narrator,
    began: Instant,
    step_began: Instant,
    step: &'static str,
    outcome: Outcome,
}

impl<'p> Journey<'p> {
    pub(super) fn new(plan: &'p Plan, narrator: Narrator) -> Journey<'p> {
        let now = Instant::now();
        let outcome = Outcome::default();
        Journey { plan, narrator, began: now, step_began: now, step: "start", outcome }
    }

    /// Goes through all of it. Never fails: what differs is part of the outcome.
    pub(super) async fn run(mut self) -> Outcome {
        let limit = self.plan.timeout;
        let went = match tokio::time::timeout(limit, Box::pin(self.go())).await {
            Ok(went) => went,
            Err(_) => Err(anyhow::anyhow!("not done within {} s", limit.as_secs())),
        };
        self.outcome.took = self.began.elapsed();
        self.outcome.failure = went.err().map(|error| format!("{}: {error:#}", self.step));
        self.outcome
    }

    async fn go(&mut self) -> anyhow::Result<()> {
        let simulator = self.find_simulator().await?;
        let order = self.order().await?;
        match self.plan.decline.as_deref() {
            None => self.pay_and_cancel(&simulator, &order).await,
            Some(code) => self.decline(&simulator, &order, code).await,
        }
    }

    /// Where the payment window is. Without the simulator nobody could pay here.
    async fn find_simulator(&mut self) -> anyhow::Result<String> {
        self.begin("checkout");
        let config: CheckoutConfig = self.get("/v1/checkout/config").await?;
        ensure!(
            config.mode == "simulator",
            "the API is in mode {:?}: try needs the simulator",
            config.mode
        );
        ensure!(!config.client_key.is_empty(), "there is no client key");
        let sdk = Url::parse(&config.sdk_url).context("sdkUrl is no address")?;
        let simulator = sdk.origin().ascii_serialization();
        self.told(&format!("the payment window is the simulator's at {simulator}"));
        Ok(simulator)
    }

    /// From the list of stores to an order.
    async fn order(&mut self) -> anyhow::Result<CreatedOrder> {
        self.begin("menu");
        let stores: Stores = self.get("/v1/stores").await?;
        let (store, menu, cart) = self.find_cart(stores).await?;
        self.told(&format!("{}, {} products", store.name, menu.products.len()));

        self.begin("quote");
        let cart_json = json!({"storeId": menu.store_id, "items": cart.items});
        let quote: Quote =
            self.post("/v1/quotes", &cart_json).await?.expect(StatusCode::OK)?.json()?;
        let by_us = cart.items_amount.saturating_add(menu.delivery_fee);
        ensure!(
            quote.items_amount == cart.items_amount
                && quote.delivery_fee == menu.delivery_fee
                && quote.amount == by_us,
            "the menu's prices make {by_us}, the quote says {}",
            quote.amount
        );
        self.told(&format!(
            "{}: {} + delivery {} = {}",
            quote.order_name,
            won(quote.items_amount),
            won(quote.delivery_fee),
            won(quote.amount)
        ));

        self.begin("order");
        let body = json!({
            "storeId": menu.store_id,
            "items": cart.items,
            "amount": quote.amount,
            "customer": {"name": "시험 손님", "phone": "010-1234-5678", "email": "try@example.com"},
            "delivery": {"address": "서울 마포구 와우산로 1", "detail": "2층", "note": "seungin try"},
        });
        let created = self.post("/v1/orders", &body).await?.expect(StatusCode::CREATED)?;
        let order: CreatedOrder = created.json()?;
        self.outcome.order_id = Some(order.order_id.clone());
        self.outcome.amount = order.amount;
        ensure!(
            order.amount == quote.amount,
            "the order costs {}, not {}",
            order.amount,
            quote.amount
        );
        self.saw(&order.order);
        self.expect_status(&order.order, &["awaiting_payment"])?;
        self.told(&format!("{} for {}", order.order_id, won(order.amount)));
        Ok(order)
    }

    /// The first open store whose menu has something to order.
    async fn find_cart(&self, stores: Stores) -> anyhow::Result<(StoreView, Menu, cart::Cart)> {
        for store in stores.data.into_iter().filter(|store| store.open) {
            let menu: Menu = self.get(&format!("/v1/stores/{}/menu", store.store_id)).await?;
            if let Some(cart) = cart::fill(&menu) {
                return Ok((store, menu, cart));
            }
        }
        anyhow::bail!("no open store has anything to order: seungin import loads a catalogue")
    }

    /// Through the window and back by the redirect; gives the ticket that the browser gets there.
    async fn pay(
        &mut self,
        simulator: &str,
        order: &CreatedOrder,
        choice: Choice<'_>,
    ) -> anyhow::Result<String> {
        self.begin("window");
        let back = window::go_through(&self.plan.http, simulator, order, choice).await?;
        let left_with = window::parameter(&back, "code");
        ensure!(
            left_with.is_none(),
            "the window was left without a payment: {}",
            left_with.unwrap_or_default()
        );
        self.told("chose a card; the window sends the browser back");

        self.begin("accept");
        let accepted = self.plan.http.get(back.as_str()).await?.expect(StatusCode::SEE_OTHER)?;
        self.outcome.accepting = Some(self.step_began.elapsed());
        let shop = back.join(accepted.location()?)?;
        if let Some(problem) = window::parameter(&shop, "problem") {
            anyhow::bail!("the confirm was refused: {problem}");
        }
        let ticket = shop.fragment().and_then(|fragment| fragment.strip_prefix("ticket="));
        let ticket = ticket.context("the browser gets no ticket")?.to_owned();
        self.told("the confirm is accepted; the rest happens behind the queue");
        Ok(ticket)
    }
}
