//! The settler: writes answers to the database in batches, and does not let go of one until it is written.

use std::sync::Arc;
use std::time::Duration;

use domain::policy::Pacing;
use queue::{Delivery, Publisher};
use store::{AttemptResult, Store, StoreError};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;

use crate::lease::Leases;
use crate::meters;
use crate::signs::Signs;
use crate::trace::AttemptTrace;

/// How many answers are settled in one transaction at the most.
const BATCH_MAX: usize = 64;
/// The longest pause between two tries to write an answer.
const PAUSE_MS_MAX: u64 = 2_000;

/// An answer on its way to the database, with what is given back when it is there.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) result: AttemptResult,
    pub(crate) trace: AttemptTrace,
    pub(crate) delivery: Delivery,
    pub(crate) permits: Permits,
}

/// The places that a call takes; given back when it is settled.
#[derive(Debug)]
pub(crate) struct Permits {
    /// Among all calls of the worker.
    pub(crate) _whole: OwnedSemaphorePermit,
    /// Among those for its merchant.
    pub(crate) _of_merchant: Option<OwnedSemaphorePermit>,
}

/// The code of a call that was not begun because its lease was nearly over: it says nothing about Toss.
pub(crate) const LEASE_TOO_SHORT: &str = "LEASE_TOO_SHORT";

/// What the settler works with.
#[derive(Debug)]
pub(crate) struct Settler {
    pub(crate) store: Store,
    pub(crate) pacing: Arc<dyn Pacing>,
    pub(crate) publisher: Arc<dyn Publisher>,
    pub(crate) leases: Leases,
    /// What the answers say about Toss itself.
    pub(crate) signs: Signs,
    /// Cancelled when the time to finish is over: what is not written by then is looked up by whoever comes next.
    pub(crate) give_up: CancellationToken,
}

impl Settler {
    /// Settles what comes until all senders are gone.
    pub(crate) async fn run(mut self, mut finished: mpsc::Receiver<Finished>) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        // A batch is what has come meanwhile: alone when it is quiet, many when it is busy, and nobody waits for company.
        while finished.recv_many(&mut batch, BATCH_MAX).await > 0 {
            self.settle(std::mem::take(&mut batch)).await;
        }
    }

    async fn settle(&mut self, batch: Vec<Finished>) {
        let results: Vec<AttemptResult> = batch.iter().map(|one| one.result.clone()).collect();
        let traces: Vec<AttemptTrace> = batch.iter().map(|one| one.trace.clone()).collect();
        self.write(&results, &traces).await;
        for one in batch {
            self.leases.release(one.result.attempt.job_id(), one.result.attempt.claim());
            one.delivery.ack();
            drop(one.permits);
        }
        self.signs.note(&results).await;
    }

    /// Writes the batch; when that fails, each answer by itself, so that a bad one harms only its own job.
    async fn write(&self, results: &[AttemptResult], traces: &[AttemptTrace]) {
        let Err(error) = self.try_write(results, traces).await else { return };
        tracing::warn!(
            error = error.with_causes(),
            count = results.len(),
            "a batch was not settled"
        );
        for (result, trace) in results.iter().zip(traces) {
            self.write_one(result, trace).await;
        }
    }

    /// An answer of Toss is not to be lost: tried until it is written, or until the time to finish is over.
    async fn write_one(&self, result: &AttemptResult, trace: &AttemptTrace) {
        let mut pause_ms = 50_u64;
        loop {
            let (results, traces) = (std::slice::from_ref(result), std::slice::from_ref(trace));
            match self.try_write(results, traces).await {
                Ok(()) => return,
                Err(error @ (StoreError::UnreadableRow { .. } | StoreError::Schema(_))) => {
                    tracing::error!(
                        parent: &trace.span,
                        alert = "unreadable_row",
                        error = error.with_causes(),
                        "an answer cannot be settled: its job stays unfinished"
                    );
                    return;
                }
                Err(error) => {
                    tracing::error!(
                        parent: &trace.span,
                        error = error.with_causes(),
                        "an answer was not settled, trying again"
                    );
                }
            }
            tokio::select! {
                () = self.give_up.cancelled() => return,
                () = tokio::time::sleep(Duration::from_millis(pause_ms)) => {}
            }
            pause_ms = pause_ms.saturating_mul(2).min(PAUSE_MS_MAX);
        }
    }

    /// Writes answers in one transaction; once they are written, each leaves its line, and the jobs that they made are published.
    async fn try_write(
        &self,
        results: &[AttemptResult],
        traces: &[AttemptTrace],
    ) -> Result<(), StoreError> {
        let (settled, publish) = self.store.settle_attempts(results, self.pacing.as_ref()).await?;
        for ((result, trace), settled) in results.iter().zip(traces).zip(&settled) {
            meters::settled(settled);
            trace.log_settled(result, settled);
        }
        relay::publish_now(&self.store, self.publisher.as_ref(), &publish).await;
        Ok(())
    }
}
