//! What clients wrote down: every request, every 2xx and what it promised. It is compared with the books in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Instant;

use reqwest::RequestBuilder;

use crate::client::{Answer, try_send};

/// A cancel that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cancel {
    pub(crate) order_id: String,
    pub(crate) cancel_id: String,
    /// Nothing for all that was left.
    pub(crate) amount: Option<i64>,
}

/// One action of an operator: how often it was answered well, and how often nobody knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Acted {
    pub(crate) done: u64,
    pub(crate) unknown: u64,
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorded {
    pub(crate) requests: u64,
    pub(crate) unanswered: u64,
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// Codes of what was refused.
    pub(crate) refusals: BTreeMap<String, u64>,
    /// Orders that were made, with their amounts.
    pub(crate) orders: BTreeMap<String, i64>,
    /// What customers show that an order is theirs.
    pub(crate) tokens: BTreeSet<String>,
    /// How many keys orders were asked for with.
    pub(crate) order_keys: usize,
    /// The same of each order's cancels.
    pub(crate) cancel_keys: BTreeMap<String, usize>,
    /// Webhooks of which the simulator has said that they were answered with 200.
    pub(crate) heard: BTreeSet<String>,
    /// Confirms that were accepted: order and payment key.
    pub(crate) confirms: BTreeMap<String, String>,
    pub(crate) cancels: Vec<Cancel>,
    /// The last word that its customer was told of an order.
    pub(crate) told: BTreeMap<String, String>,
    /// When a confirm was accepted, and when its customer knew that it is paid.
    pub(crate) paid: Vec<(Instant, Instant)>,
    pub(crate) acted: BTreeMap<&'static str, Acted>,
    /// What no client should ever see.
    pub(crate) broken: Vec<String>,
}

impl Recorded {
    pub(crate) fn answered_well(&self) -> u64 {
        self.statuses.range(200..300).map(|(_, count)| count).sum()
    }
}

/// The record, which everybody writes into.
#[derive(Debug, Default)]
pub(crate) struct Record(Mutex<Recorded>);

impl Record {
    /// Writes something down.
    pub(crate) fn note<T>(&self, write: impl FnOnce(&mut Recorded) -> T) -> T {
        write(&mut self.0.lock().expect("nobody panics while writing"))
    }

    /// Sends a request to the product and counts what comes of it.
    pub(crate) async fn ask(&self, request: RequestBuilder) -> Option<Answer> {
        let answer = try_send(request).await.ok();
        self.note(|it| {
            it.requests += 1;
            let Some(answer) = &answer else {
                it.unanswered += 1;
                return;
            };
            *it.statuses.entry(answer.status).or_default() += 1;
            if (400..500).contains(&answer.status) {
                let code = answer.body["code"].as_str().unwrap_or("without a code");
                *it.refusals.entry(code.to_owned()).or_default() += 1;
            }
            // What is away is told as 503; anything else of this kind is a fault of the product.
            if answer.status >= 500 && answer.status != 503 {
                it.broken.push(format!("answered with {}: {}", answer.status, answer.body));
            }
        });
        answer
    }
}
