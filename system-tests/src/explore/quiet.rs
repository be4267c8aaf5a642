//! The end of a journey: Toss is well again, everybody wakes up, time passes, people work off what waits for them, and both ledgers are
//! compared.

use std::time::Duration;

use domain::limits::{DEPOSIT_TAIL_MS, RECONCILE_LAG_MS, RECONCILE_LOOK_UPS_MAX};
use domain::payment::PaymentState;
use domain::reconcile::Range;
use store::KeyPairId;
use worker::{Reconciler, Tempo};

use super::journey::Journey;
use super::site::PAIRS;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// Instants this close are compared in one range.
const TOGETHER_MS: i64 = 3 * HOUR_MS;
/// How long after an instant that happened which it stands for.
const AFTER_MS: i64 = 2 * MINUTE_MS;

impl Journey<'_> {
    /// Brings everything to its end.
    pub(crate) async fn come_to_rest(&mut self) {
        self.note("— quiet —".to_owned());
        self.shop.toss.clear_faults();
        while !self.asleep.is_empty() || !self.unwritten.is_empty() {
            self.wake_somebody_up().await;
        }
        // Now and then every webhook that was not heard is lost.
        if !self.luck.one_in(4) {
            self.hear_the_rest().await;
        }
        self.drain(2 * HOUR_MS).await;
        // What people do may show what else is to be done.
        for _ in 0..2 {
            if self.parked().await.is_empty() {
                break;
            }
            self.work_off().await;
        }
        self.outlast_accounts().await;
        self.sweep().await;
        self.drain(48 * HOUR_MS).await;
        self.advance(RECONCILE_LAG_MS + 5 * MINUTE_MS);
        // The first run asks for look-ups of what we are behind with; the second one tells what differs still.
        if self.reconcile().await == 0 {
            return;
        }
        self.drain(2 * HOUR_MS).await;
        self.advance(RECONCILE_LAG_MS + 5 * MINUTE_MS);
        self.reconcile().await;
        self.drain(2 * HOUR_MS).await;
    }

    /// The time of every account passes.
    async fn outlast_accounts(&mut self) {
        let mut last_ms = 0;
        for paying in &self.payings {
            let payment = self.detail(&paying.order_id).await.payment;
            let waiting =
                payment.filter(|payment| payment.state == PaymentState::WaitingForDeposit);
            let due = waiting.and_then(|payment| payment.virtual_account?.due_at_ms);
            last_ms = last_ms.max(due.unwrap_or(0));
        }
        let wait_ms = last_ms + DEPOSIT_TAIL_MS + 1 - self.shop.now_ms;
        if last_ms > 0 && wait_ms > 0 {
            self.note(format!("clock: {wait_ms} ms pass, until every account's time is over"));
            self.advance(wait_ms);
        }
    }

    /// Compares both ledgers over every time at which something may have happened. How many payments may have differed.
    async fn reconcile(&mut self) -> i64 {
        let ranges = self.busy_ranges();
        let mut looked_up = 0;
        for (merchant, newest) in [("default", 2), ("other", 1)] {
            let is_own = |key: &str| {
                PAIRS.iter().any(|(name, _, secret_key)| *name == merchant && *secret_key == key)
            };
            if !self.payings.iter().any(|paying| is_own(paying.secret_key)) {
                continue;
            }
            let pair = KeyPairId { merchant: merchant.to_owned(), number: newest };
            let reconciler = Reconciler {
                store: self.shop.store.clone(),
                client: self.site.clients[&pair].clone(),
                merchant: merchant.to_owned(),
                look_ups_max: RECONCILE_LOOK_UPS_MAX,
                tempo: Tempo {
                    pause: Duration::ZERO,
                    retry: Duration::ZERO,
                    patience: Duration::ZERO,
                },
            };
            for range in &ranges {
                match reconciler.run(*range).await {
                    Ok(run) => looked_up += run.looked_up,
                    Err(error) => self.breaks(format!("the reconciliation stops: {error}")),
                }
            }
        }
        self.note(format!("reconciliation of {} ranges: {looked_up} looked up", ranges.len()));
        looked_up
    }

    fn busy_ranges(&self) -> Vec<Range> {
        let settled_ms = self.shop.now_ms - RECONCILE_LAG_MS;
        let mut ranges: Vec<Range> = Vec::new();
        for at_ms in &self.busy {
            let (from_ms, to_ms) = (at_ms - MINUTE_MS, (at_ms + AFTER_MS).min(settled_ms));
            match ranges.last_mut() {
                Some(last) if from_ms <= last.to_ms + TOGETHER_MS => last.to_ms = to_ms,
                Some(_) | None if from_ms < to_ms => ranges.push(Range { from_ms, to_ms }),
                Some(_) | None => {}
            }
        }
        ranges
    }

    pub(crate) async fn detail(&self, order_id: &str) -> store::orders::OrderDetail {
        let order_id = domain::OrderId::parse(order_id).unwrap();
        self.shop.store.find_order(&order_id).await.unwrap().unwrap()
    }
}
