//! Customers: orders that are ready to be confirmed, and confirms at a steady pace, whatever happens meanwhile.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::iter;
use serde_json::Value;
use system_tests::{Answer, Order, Places};

use crate::fleet::Fleet;

/// How many customers order at the same time.
const AT_ONCE: usize = 8;
/// The pace of confirms under load.
pub(crate) const PACE: Duration = Duration::from_millis(100);

/// An order whose payment was authenticated and is not confirmed yet.
#[derive(Debug, Clone)]
pub(crate) struct Checkout {
    pub(crate) order: Order,
    pub(crate) payment_key: String,
}

/// How a confirm went for the customer.
#[derive(Debug)]
pub(crate) struct Confirmed {
    /// `None`: no answer came.
    pub(crate) answer: Option<Answer>,
    pub(crate) took: Duration,
}

impl Confirmed {
    pub(crate) fn status(&self) -> Option<u16> {
        self.answer.as_ref().map(|answer| answer.status)
    }
}

/// The ids of the orders.
pub(crate) fn ids(checkouts: &[Checkout]) -> Vec<&str> {
    checkouts.iter().map(|checkout| checkout.order.id.as_str()).collect()
}

/// The time in the middle.
pub(crate) fn median(confirmed: &[Confirmed]) -> Duration {
    let mut took: Vec<Duration> = confirmed.iter().map(|one| one.took).collect();
    took.sort_unstable();
    took[took.len() / 2]
}

/// Confirms at one API at a steady pace, on a task of its own; gives the statuses.
pub(crate) async fn confirm_at(places: Places, checkouts: Vec<Checkout>) -> Vec<u16> {
    let mut pace = tokio::time::interval(PACE);
    let mut statuses = Vec::new();
    for Checkout { order, payment_key } in &checkouts {
        pace.tick().await;
        statuses.push(places.confirm(order, payment_key).await.status);
    }
    statuses
}

impl Fleet {
    /// Makes orders that are ready to be confirmed; no two in a row have the same amount.
    pub(crate) async fn prepare(&self, count: usize) -> Vec<Checkout> {
        self.prepare_with(count, &Value::Null).await
    }

    /// The same, and lets something happen to each one's first confirm at the simulator.
    pub(crate) async fn prepare_with(&self, count: usize, fault: &Value) -> Vec<Checkout> {
        let places = self.places(0);
        let prepare = async |number: usize| {
            let order = places.order(2, 1 + number % 50).await;
            let payment_key = places.authenticate(&order, "CARD").await;
            if !fault.is_null() {
                places.script_confirm(&order, fault.clone()).await;
            }
            Checkout { order, payment_key }
        };
        iter(0..count).map(prepare).buffered(AT_ONCE).collect().await
    }

    /// Confirms at one of the APIs.
    pub(crate) async fn confirm(&self, api: usize, checkout: &Checkout) -> Confirmed {
        let began = Instant::now();
        let places = self.places(api);
        let answer = places.try_confirm(&checkout.order, &checkout.payment_key).await;
        let confirmed = Confirmed { answer: answer.ok(), took: began.elapsed() };
        if confirmed.status() == Some(202) {
            self.accepted.lock().unwrap().push(checkout.order.id.clone());
        }
        confirmed
    }

    /// Confirms at a steady pace, at all APIs in turn; nobody waits for the one before.
    pub(crate) async fn confirm_all(&self, checkouts: &[Checkout]) -> Vec<Confirmed> {
        let began = tokio::time::Instant::now();
        let confirm = async |(number, checkout): (usize, &Checkout)| {
            tokio::time::sleep_until(began + PACE * u32::try_from(number).unwrap()).await;
            self.confirm(number % self.apis.len(), checkout).await
        };
        join_all(checkouts.iter().enumerate().map(confirm)).await
    }

    /// The same, and insists that every one of them is accepted.
    pub(crate) async fn accept_all(&self, checkouts: &[Checkout]) -> Vec<Confirmed> {
        let confirmed = self.confirm_all(checkouts).await;
        for one in &confirmed {
            assert_eq!(one.status(), Some(202), "{one:?}");
        }
        confirmed
    }

    /// Prepares orders, confirms them, and waits until they are paid.
    pub(crate) async fn pay(&self, count: usize) -> Vec<Confirmed> {
        let checkouts = self.prepare(count).await;
        let confirmed = self.accept_all(&checkouts).await;
        self.rows.wait_for_paid(&ids(&checkouts), count, Instant::now()).await;
        confirmed
    }

    /// Waits until the simulator has been called for this order so often.
    pub(crate) async fn wait_for_call(&self, checkout: &Checkout) {
        self.rows
            .wait_for("call at the simulator", async || {
                let entry = self.ledger_entry(&checkout.order.id).await;
                (entry["calls"]["confirm"].as_u64()? > 0).then_some(())
            })
            .await;
    }
}
