//! Reconciliation: goes through what Toss has on record and through what we have, and keeps what differs as findings.
//!
//! A window of some hours at a time: Toss's list says what may differ ([`feed`]), a look-up of each such payment says what does ([`look`]),
//! and what the list did not have of ours is looked up as well. A payment of ours that differs gets a look-up in the usual way first, whose
//! answer is settled like any other; what differs still is a finding. Nothing else is changed, and no money is moved.
//!
//! A run that is cut off goes on with the window in which it was. When all workers together do it daily is in [`daily`].

mod daily;
mod feed;
mod look;

pub use daily::DailyReconciliation;
pub(crate) use daily::keep;

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use domain::answer::{Failure, FailureClass};
use domain::limits::{
    RECONCILE_PATIENCE_MS, RECONCILE_PAUSE_MS, RECONCILE_RETRY_MS, RECONCILE_TRIES_MAX,
    RECONCILE_WINDOW_MS,
};
use domain::reconcile::{Range, TossTransaction, agrees};
use store::reconcile::{OurRecord, Reconciliation};
use store::{Page, Store, StoreError};
use toss::TossClient;

/// The longest that an answer's `Retry-After` can make a run wait.
const RETRY_AFTER_MS_MAX: u64 = 600_000;

/// Why a run stopped before it was through. The next run of the same range goes on where it was.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Toss did not answer, or not with what was asked for.
    #[error("Toss did not tell what was asked for: {} ({})", .0.code, .0.message)]
    Toss(Failure),
    /// More payments differ than differences are looked for.
    #[error(
        "more than {look_ups_max} payments differ: is this the key of the merchant that they were paid to?"
    )]
    TooManyDifferences {
        /// How many payments Toss may be asked about.
        look_ups_max: u32,
    },
    /// Toss's list does not end.
    #[error("Toss lists too many transactions of one window")]
    TooManyTransactions,
}

impl ReconcileError {
    /// A stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            ReconcileError::Store(_) => "DATABASE",
            ReconcileError::Toss(failure) => &failure.code,
            ReconcileError::TooManyDifferences { .. } => "TOO_MANY_DIFFERENCES",
            ReconcileError::TooManyTransactions => "TOO_MANY_TRANSACTIONS",
        }
    }

    /// Whether it may be over by itself.
    fn is_passing(&self) -> bool {
        match self {
            ReconcileError::Store(_) => true,
            ReconcileError::Toss(failure) => is_passing(failure.class),
            ReconcileError::TooManyDifferences { .. } | ReconcileError::TooManyTransactions => {
                false
            }
        }
    }
}

/// How fast a run goes.
#[derive(Debug, Clone, Copy)]
pub struct Tempo {
    /// Between two calls.
    pub pause: Duration,
    /// Before the second try of a call that brought nothing; each further one waits twice as long.
    pub retry: Duration,
    /// For look-ups that were asked for.
    pub patience: Duration,
}

impl Default for Tempo {
    fn default() -> Tempo {
        Tempo {
            pause: Duration::from_millis(RECONCILE_PAUSE_MS),
            retry: Duration::from_millis(RECONCILE_RETRY_MS),
            patience: Duration::from_millis(RECONCILE_PATIENCE_MS),
        }
    }
}

/// Compares one merchant's payments.
#[derive(Debug, Clone)]
pub struct Reconciler {
    /// The database.
    pub store: Store,
    /// The merchant's client.
    pub client: TossClient,
    /// Whose payments.
    pub merchant: String,
    /// How fast.
    pub tempo: Tempo,
    /// How many payments Toss may be asked about before something general is taken to be wrong: see [`domain::limits::RECONCILE_LOOK_UPS_MAX`].
    pub look_ups_max: u32,
}

/// How far a run came.
#[derive(Debug)]
struct Progress {
    run: Reconciliation,
    /// How many payments Toss may still be asked about, before something general is taken to be wrong.
    look_ups_left: u32,
}

/// Payments that may differ, each with when that happened which raised it.
type Suspects = BTreeMap<String, i64>;

impl Reconciler {
    /// Compares everything of a range. It has to be settled: what is under way would be taken for a difference.
    ///
    /// # Errors
    /// [`ReconcileError`]; what was found by then is kept.
    pub async fn run(&self, range: Range) -> Result<Reconciliation, ReconcileError> {
        let run = self.store.begin_reconciliation(&self.merchant, range).await?;
        let mut progress = Progress { run, look_ups_left: self.look_ups_max };
        while progress.run.compared_to_ms < range.to_ms {
            let from_ms = progress.run.compared_to_ms;
            let to_ms = from_ms.saturating_add(RECONCILE_WINDOW_MS).min(range.to_ms);
            if let Err(error) = self.compare(&mut progress, Range { from_ms, to_ms }).await {
                self.store.stop_reconciliation(&progress.run, error.code()).await?;
                return Err(error);
            }
            progress.run.compared_to_ms = to_ms;
            self.store.keep_reconciliation(&progress.run).await?;
        }
        self.store.end_reconciliation(&mut progress.run).await?;
        Ok(progress.run)
    }

    async fn compare(&self, progress: &mut Progress, window: Range) -> Result<(), ReconcileError> {
        let mut feed = feed::Feed::of(self, window);
        let mut listed = Listed::default();
        while let Some(records) = feed.next_page(progress).await? {
            for record in &records {
                listed.add(record);
            }
            let suspects = self.suspects_of(&records, window).await?;
            self.look_into(progress, &suspects).await?;
        }
        let mut after = None;
        loop {
            let merchant = &self.merchant;
            let page = self.store.list_our_charges(merchant, window, after.as_deref()).await?;
            after = self.look_into_unlisted(progress, page, &listed).await?;
            if after.is_none() {
                break;
            }
        }
        loop {
            let merchant = &self.merchant;
            let page = self.store.list_our_cancels(merchant, window, after.as_deref()).await?;
            after = self.look_into_unlisted(progress, page, &listed).await?;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// The payments of a page that have a record within the window without its counterpart here.
    async fn suspects_of(
        &self,
        records: &[TossTransaction],
        window: Range,
    ) -> Result<Suspects, ReconcileError> {
        let keys: HashSet<&str> = records.iter().map(|it| it.payment_key.as_str()).collect();
        let keys: Vec<&str> = keys.into_iter().collect();
        let ours = self.store.find_our_payments(&self.merchant, &keys).await?;
        let mut suspects = Suspects::new();
        for record in records {
            // One without a time cannot be told to be of another window.
            let at_ms = record.at_ms.unwrap_or(window.from_ms);
            let known = ours.get(&record.payment_key).and_then(|alike| alike.first());
            if window.contains(at_ms) && !agrees(known, record) {
                suspects.entry(record.payment_key.clone()).or_insert(at_ms);
            }
        }
        Ok(suspects)
    }

    /// Looks into what we have on record and Toss did not list. Returns where the next page starts.
    async fn look_into_unlisted(
        &self,
        progress: &mut Progress,
        page: Page<OurRecord>,
        listed: &Listed,
    ) -> Result<Option<String>, ReconcileError> {
        let mut suspects = Suspects::new();
        for record in page.rows.into_iter().filter(|record| !listed.has(record)) {
            suspects.entry(record.payment_key).or_insert(record.at_ms);
        }
        self.look_into(progress, &suspects).await?;
        Ok(page.next)
    }

    /// Makes a call until it brings something, or until it is clear that it will not for now.
    async fn patiently<T, Fut>(&self, call: impl Fn() -> Fut) -> Result<T, Failure>
    where
        Fut: Future<Output = (Result<T, Failure>, Option<i64>)>,
    {
        let mut delay = self.tempo.retry;
        let mut tries_left = RECONCILE_TRIES_MAX;
        loop {
            tokio::time::sleep(self.tempo.pause).await;
            let (outcome, retry_after_ms) = call().await;
            tries_left = tries_left.saturating_sub(1);
            match outcome {
                Err(failure) if is_passing(failure.class) && tries_left > 0 => {
                    let asked_ms = retry_after_ms.and_then(|ms| u64::try_from(ms).ok());
                    let asked_ms = asked_ms.unwrap_or(0).min(RETRY_AFTER_MS_MAX);
                    tokio::time::sleep(delay.max(Duration::from_millis(asked_ms))).await;
                    delay = delay.saturating_mul(2);
                }
                outcome => return outcome,
            }
        }
    }
}

/// What Toss listed around one window.
#[derive(Debug, Default)]
struct Listed {
    /// Payments with a record that is no cancel.
    charges: HashSet<String>,
    /// Transaction keys.
    records: HashSet<String>,
}

impl Listed {
    fn add(&mut self, record: &TossTransaction) {
        use domain::answer::TossStatus as Status;
        let is_charge = match &record.status {
            Status::Done => true,
            Status::Ready
            | Status::InProgress
            | Status::WaitingForDeposit
            | Status::Canceled
            | Status::PartialCanceled
            | Status::Aborted
            | Status::Expired
            | Status::Unknown(_) => false,
        };
        if is_charge {
            self.charges.insert(record.payment_key.clone());
        }
        self.records.insert(record.transaction_key.clone());
    }

    fn has(&self, record: &OurRecord) -> bool {
        match &record.transaction_key {
            Some(key) => self.records.contains(key),
            None => self.charges.contains(&record.payment_key),
        }
    }
}

/// Whether asking again may bring what was asked for.
const fn is_passing(class: FailureClass) -> bool {
    match class {
        FailureClass::Unsent
        | FailureClass::Unanswered
        | FailureClass::InProgress
        | FailureClass::Throttled
        | FailureClass::Ambiguous
        | FailureClass::Limited => true,
        FailureClass::BankClosed
        | FailureClass::Contradictory
        | FailureClass::Disputed
        | FailureClass::Refused
        | FailureClass::Absent
        | FailureClass::Broken => false,
    }
}
