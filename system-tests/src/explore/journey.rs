//! A journey: some payments, some dozens of steps chosen by luck, a quiet end, and what was found to be broken.

use std::collections::BTreeSet;

use domain::job::{JobKind, JobState};
use domain::limits;
use domain::role::Scope;
use simulator::Method;
use store::{AttemptResult, JobFilter, JobRow, JobSort, StartedAttempt, sha256_hex};

use super::shop::Shop;
use super::site::Site;
use super::tally::Tally;
use crate::luck::Luck;

const STEPS_MIN: i64 = 20;
const STEPS_MAX: i64 = 40;
const HOUR_MS: i64 = 60 * 60_000;

/// What may happen on a journey besides what customers, staff and workers do every day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    /// Nothing goes wrong at Toss, nobody lies and nobody acts behind our back. Workers die now and then.
    Calm,
    /// Everything.
    Rough,
}

/// An order with its payments at Toss.
#[derive(Debug, Clone)]
pub(crate) struct Paying {
    pub(crate) order_id: String,
    /// What opens the order for its customer.
    pub(crate) token: String,
    /// Where the window sends the browser.
    pub(crate) success_path: String,
    pub(crate) amount: i64,
    pub(crate) tax_free: i64,
    pub(crate) method: Method,
    /// What the merchant's calls are made with.
    pub(crate) secret_key: &'static str,
    /// What the customer authenticated: usually one.
    pub(crate) payment_keys: Vec<String>,
    /// Callers' idempotency keys of cancels with what was asked for.
    pub(crate) cancel_keys: Vec<(String, String)>,
}

/// Something that a client was told is done, or will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Promise {
    Order { order_id: String },
    Confirm { order_id: String, payment_key: String },
    Cancel { order_id: String, cancel_id: String },
    Webhook { id: String },
    Act { action: &'static str, subject: String },
}

/// A journey under way.
#[derive(Debug)]
pub(crate) struct Journey<'a> {
    pub(crate) site: &'a Site,
    pub(crate) weather: Weather,
    pub(crate) luck: Luck,
    pub(crate) shop: Shop,
    pub(crate) payings: Vec<Paying>,
    /// Recorded attempts of workers that sleep before their call.
    pub(crate) asleep: Vec<StartedAttempt>,
    /// Answers of workers that sleep before they write them.
    pub(crate) unwritten: Vec<AttemptResult>,
    pub(crate) promises: Vec<Promise>,
    /// Webhooks that were delivered, by Toss's id.
    pub(crate) heard: BTreeSet<String>,
    /// The pair of keys that the first merchant's new orders take.
    pub(crate) current_pair: u32,
    /// Instants at which something may have happened, in milliseconds.
    pub(crate) busy: Vec<i64>,
    pub(crate) tally: Tally,
    /// What happened, a line for each.
    pub(crate) trace: Vec<String>,
    /// What must not be.
    pub(crate) broken: Vec<String>,
}

/// How a journey went.
#[derive(Debug, Clone)]
pub struct Travelled {
    /// What it counted.
    pub tally: Tally,
    /// What happened, a line for each step.
    pub trace: Vec<String>,
    /// What must not be; empty when all is well.
    pub broken: Vec<String>,
}

impl Travelled {
    /// Equal for two journeys in which the same happened.
    #[must_use]
    pub fn digest(&self) -> String {
        sha256_hex(self.trace.join("\n"))
    }
}

/// Makes the journey of a seed.
pub(crate) async fn travel(site: &Site, seed: u64) -> Travelled {
    let mut luck = Luck::new(seed);
    let weather = luck.weigh(&[(1, Weather::Calm), (3, Weather::Rough)]);
    let later_ms = luck.between(0, 30 * 24) * HOUR_MS;
    let store_5xx = luck.one_in(2);
    let shop = Shop::open(site, store_5xx, later_ms).await;
    let mut journey = Journey {
        site,
        weather,
        luck,
        shop,
        payings: Vec::new(),
        asleep: Vec::new(),
        unwritten: Vec::new(),
        promises: Vec::new(),
        heard: BTreeSet::new(),
        current_pair: 1,
        busy: Vec::new(),
        tally: Tally::default(),
        trace: Vec::new(),
        broken: Vec::new(),
    };
    journey.note(format!("{weather:?} weather; 5xx are kept under their key: {store_5xx}"));
    let steps = journey.luck.between(STEPS_MIN, STEPS_MAX);
    for _ in 0..journey.luck.between(1, 3) {
        journey.order().await;
    }
    for _ in 0..steps {
        if !journey.broken.is_empty() {
            break;
        }
        journey.shop.tell_toss_the_time();
        journey.step().await;
        journey.tally.steps += 1;
        journey.check_after_step();
    }
    if journey.broken.is_empty() {
        journey.come_to_rest().await;
        journey.check_at_rest().await;
    }
    journey.count_at_toss();
    let Journey { shop, tally, trace, broken, .. } = journey;
    shop.close().await;
    Travelled { tally, trace, broken }
}

impl Journey<'_> {
    /// Writes down what happened.
    pub(crate) fn note(&mut self, what: String) {
        self.trace.push(what);
    }

    /// Writes down what must not be.
    pub(crate) fn breaks(&mut self, what: String) {
        self.note(format!("BROKEN: {what}"));
        self.broken.push(what);
    }

    pub(crate) fn ensure(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.breaks(what());
        }
    }

    /// Moves the clock of database and simulator.
    pub(crate) fn advance(&mut self, by_ms: i64) {
        self.busy.push(self.shop.now_ms);
        self.shop.advance(by_ms);
    }

    /// Every job, newest first.
    pub(crate) async fn jobs(&self) -> Vec<JobRow> {
        let filter = JobFilter::all(Scope::Every);
        let page = self.shop.store.list_jobs(&filter, JobSort::Newest, None, limits::PAGE_ROWS_MAX);
        page.await.unwrap().rows
    }

    pub(crate) async fn parked(&self) -> Vec<JobRow> {
        self.jobs().await.into_iter().filter(|job| job.state == JobState::Parked).collect()
    }

    /// A job in words that are the same in every run.
    pub(crate) fn told(&self, kind: JobKind, order_id: &str) -> String {
        let number = self.payings.iter().position(|paying| paying.order_id == order_id);
        format!("{} of payment {}", kind.word(), number.map_or(0, |number| number + 1))
    }

    /// One of the payments, by its index.
    pub(crate) fn any_paying(&mut self) -> usize {
        self.luck.below(self.payings.len())
    }

    /// Mostly one of the payments for which there is something to do, now and then any.
    pub(crate) fn likely_paying(
        &mut self,
        has_to_do: impl Fn(&Journey<'_>, &Paying) -> bool,
    ) -> usize {
        let likely = (0..self.payings.len()).filter(|index| has_to_do(self, &self.payings[*index]));
        let likely: Vec<usize> = likely.collect();
        if likely.is_empty() || self.luck.one_in(4) {
            return self.any_paying();
        }
        *self.luck.pick(&likely)
    }

    /// Whether Toss holds money for any of the orders.
    pub(crate) fn is_any_held(&self) -> bool {
        self.payings.iter().any(|paying| self.is_held(paying))
    }

    /// Whether Toss holds money for the order.
    pub(crate) fn is_held(&self, paying: &Paying) -> bool {
        let ledgers = paying.payment_keys.iter().map(|key| self.shop.ledger(key));
        ledgers.into_iter().any(|ledger| ledger.charged > ledger.cancelled)
    }
}
