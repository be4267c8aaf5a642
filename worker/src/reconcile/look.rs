//! Looking into payments that may differ: Toss is asked about each, and what it says is compared with what we have.

use std::time::Duration;

use domain::answer::{Answer, Failure, FailureClass, TossPayment};
use domain::reconcile::{Difference, FindingKind, OurPayment, differences};
use store::findings::NewFinding;
use tokio::time::Instant;

use super::{Progress, ReconcileError, Reconciler, Suspects};

/// How often it is looked whether the look-ups that were asked for are done.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What Toss says about a payment.
enum Told {
    Payment(Box<TossPayment>),
    /// There is none.
    Nothing,
    /// Something else than what was asked for.
    Unusable(String),
}

/// A payment as both sides have it.
struct Sides {
    payment_key: String,
    happened_at_ms: i64,
    /// Ours with this key, the charged one first.
    ours: Vec<OurPayment>,
    told: Told,
}

impl Reconciler {
    /// Looks into payments, and writes what differs, also when it cannot look into all of them.
    pub(super) async fn look_into(
        &self,
        progress: &mut Progress,
        suspects: &Suspects,
    ) -> Result<(), ReconcileError> {
        let mut found = Vec::new();
        let outcome = self.look_at_all(progress, suspects, &mut found).await;
        let opened = self.store.write_findings(&found).await?;
        progress.run.opened = progress.run.opened.saturating_add(i64::from(opened));
        outcome
    }

    async fn look_at_all(
        &self,
        progress: &mut Progress,
        suspects: &Suspects,
        found: &mut Vec<NewFinding>,
    ) -> Result<(), ReconcileError> {
        let mut behind = Suspects::new();
        let mut orders: Vec<String> = Vec::new();
        for (payment_key, at_ms) in suspects {
            let sides = self.look_at(progress, payment_key, *at_ms).await?;
            let findings = sides.findings(&self.merchant);
            if findings.iter().any(|finding| finding.kind.may_be_caught_up()) {
                orders.extend(sides.ours.into_iter().map(|payment| payment.order_id));
                behind.insert(payment_key.clone(), *at_ms);
            } else {
                found.extend(findings);
            }
        }
        if !behind.is_empty() {
            let orders: Vec<&str> = orders.iter().map(String::as_str).collect();
            self.catch_up(&orders).await?;
            for (payment_key, at_ms) in behind {
                let sides = self.look_at(progress, &payment_key, at_ms).await?;
                found.extend(sides.findings(&self.merchant));
            }
        }
        Ok(())
    }

    /// Has these payments looked up in the usual way, and waits for that, not for ever.
    async fn catch_up(&self, orders: &[&str]) -> Result<(), ReconcileError> {
        self.store.ask_look_ups(orders).await?;
        let began = Instant::now();
        while self.store.has_look_ups(orders).await? && began.elapsed() < self.tempo.patience {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    async fn look_at(
        &self,
        progress: &mut Progress,
        payment_key: &str,
        happened_at_ms: i64,
    ) -> Result<Sides, ReconcileError> {
        let left = progress.look_ups_left.checked_sub(1);
        progress.look_ups_left =
            left.ok_or(ReconcileError::TooManyDifferences { look_ups_max: self.look_ups_max })?;
        progress.run.looked_up = progress.run.looked_up.saturating_add(1);
        let told = self.ask_toss(payment_key).await?;
        let mut ours = self.store.find_our_payments(&self.merchant, &[payment_key]).await?;
        Ok(Sides {
            payment_key: payment_key.to_owned(),
            happened_at_ms,
            ours: ours.remove(payment_key).unwrap_or_default(),
            told,
        })
    }

    async fn ask_toss(&self, payment_key: &str) -> Result<Told, ReconcileError> {
        let answer = self.patiently(|| async move {
            let result = self.client.look_up(payment_key).await;
            let outcome = match result.answer {
                Answer::Payment(payment) => Ok(payment),
                Answer::Failure(failure) => Err(failure),
            };
            (outcome, result.retry_after_ms)
        });
        match answer.await {
            Ok(payment) if payment.payment_key == payment_key => Ok(Told::Payment(payment)),
            Ok(_) => Ok(Told::Unusable("it is about another payment".to_owned())),
            Err(failure) => told_by(failure),
        }
    }
}

/// What a failure tells about the payment; an error when it tells something about Toss or our key instead.
fn told_by(failure: Failure) -> Result<Told, ReconcileError> {
    match failure.class {
        FailureClass::Absent => Ok(Told::Nothing),
        FailureClass::Contradictory
        | FailureClass::Disputed
        | FailureClass::Refused
        | FailureClass::BankClosed => Ok(Told::Unusable(failure.code)),
        FailureClass::Unsent
        | FailureClass::Unanswered
        | FailureClass::InProgress
        | FailureClass::Throttled
        | FailureClass::Ambiguous
        | FailureClass::Limited
        | FailureClass::Broken => Err(ReconcileError::Toss(failure)),
    }
}

impl Sides {
    /// What differs, as findings.
    fn findings(&self, merchant: &str) -> Vec<NewFinding> {
        let told = match &self.told {
            Told::Payment(payment) => Some(payment.as_ref()),
            Told::Nothing => None,
            Told::Unusable(why) => return vec![self.undecided(merchant, why)],
        };
        let is_described =
            |ours: &&OurPayment| told.is_some_and(|told| told.order_id == ours.order_id);
        let described = self.ours.iter().find(is_described);
        let mut found = Vec::new();
        for difference in differences(described, told) {
            found.push(self.finding(merchant, described, told, difference));
        }
        // Others of ours that name this payment have none at Toss.
        for ours in self.ours.iter().filter(|ours| !is_described(ours)) {
            for difference in differences(Some(ours), None) {
                found.push(self.finding(merchant, Some(ours), None, difference));
            }
        }
        found
    }

    fn finding(
        &self,
        merchant: &str,
        ours: Option<&OurPayment>,
        told: Option<&TossPayment>,
        difference: Difference,
    ) -> NewFinding {
        let order_id = ours.map(|ours| &ours.order_id).or(told.map(|told| &told.order_id));
        NewFinding {
            kind: difference.kind,
            merchant: merchant.to_owned(),
            order_id: order_id.cloned(),
            payment_key: self.payment_key.clone(),
            transaction_key: difference.transaction_key,
            here: difference.here,
            there: difference.there,
            detail: detail(ours, told, difference.cancellation_id.as_deref()),
            happened_at_ms: self.happened_at_ms,
        }
    }

    fn undecided(&self, merchant: &str, why: &str) -> NewFinding {
        NewFinding {
            kind: FindingKind::Undecided,
            merchant: merchant.to_owned(),
            order_id: self.ours.first().map(|ours| ours.order_id.clone()),
            payment_key: self.payment_key.clone(),
            transaction_key: None,
            here: self.ours.first().map(|ours| ours.amount),
            there: None,
            detail: format!("Toss's answer cannot be used: {why}"),
            happened_at_ms: self.happened_at_ms,
        }
    }
}

/// How both sides stand, in one sentence.
fn detail(
    ours: Option<&OurPayment>,
    told: Option<&TossPayment>,
    cancellation_id: Option<&str>,
) -> String {
    let there = told.map_or("no such payment".to_owned(), |told| {
        let (status, currency) = (told.status.word(), &told.currency);
        format!("{status}, {} of {} {currency} left", told.balance, told.total)
    });
    let here = ours.map_or("no such payment".to_owned(), |ours| {
        format!("{}, {} of {} KRW left", ours.state.word(), ours.balance, ours.amount)
    });
    let cancellation = cancellation_id.map(|id| format!("; cancellation {id}"));
    format!("Toss: {there}; here: {here}{}", cancellation.unwrap_or_default())
}
