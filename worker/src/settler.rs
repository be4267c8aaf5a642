//! The settler: writes answers to the database in batches, and does not let go of one until it is written.
//!
//! What could not be written goes on in [`mender`], so that an answer that the database does not take holds up no other.

mod follow_up;
mod mender;

use std::sync::Arc;

use domain::policy::Pacing;
use queue::{Delivery, Publisher};
use store::{AttemptResult, Store, StoreError};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;

use self::follow_up::FollowUp;
use crate::lease::Leases;
use crate::meters;
use crate::signs::Signs;
use crate::trace::AttemptTrace;

/// How many answers are settled in one transaction at the most.
const BATCH_MAX: usize = 64;

/// An answer on its way to the database, with what is given back when it is there.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) result: AttemptResult,
    pub(crate) trace: AttemptTrace,
    pub(crate) held: Held,
}

/// What is given back when an answer is written.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) delivery: Delivery,
    /// Its place among the jobs in hand.
    pub(crate) _hand: OwnedSemaphorePermit,
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

/// Writes answers.
#[derive(Debug)]
struct Writer {
    store: Store,
    pacing: Arc<dyn Pacing>,
    leases: Leases,
    follow_up: FollowUp,
}

impl Settler {
    /// Settles what comes until all senders are gone.
    pub(crate) async fn run(self, finished: mpsc::Receiver<Finished>) {
        let Settler { store, pacing, publisher, leases, signs, give_up } = self;
        let (follow_up, following_up) = follow_up::start(store.clone(), publisher, signs);
        let writer = Arc::new(Writer { store, pacing, leases, follow_up });
        // Each answer in it holds its place among the jobs in hand: there are never more.
        let (unwritten, kept) = mpsc::channel(finished.max_capacity());
        let settling = settle(Arc::clone(&writer), finished, unwritten);
        let mending = mender::mend(writer, kept, give_up.clone());
        let following_up = async {
            tokio::select! {
                () = give_up.cancelled() => {}
                () = following_up => {}
            }
        };
        // Each ends when nothing more can come from the one before it.
        tokio::join!(Box::pin(settling), Box::pin(mending), following_up);
    }
}

async fn settle(
    writer: Arc<Writer>,
    mut finished: mpsc::Receiver<Finished>,
    unwritten: mpsc::Sender<Finished>,
) {
    let mut batch = Vec::with_capacity(BATCH_MAX);
    // A batch is what has come meanwhile: alone when it is quiet, many when it is busy, and nobody waits for company.
    while finished.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let (mut results, mut traces, mut held) = (Vec::new(), Vec::new(), Vec::new());
        for one in batch.drain(..) {
            results.push(one.result);
            traces.push(one.trace);
            held.push(one.held);
        }
        let Err(error) = writer.record(&results, &traces).await else {
            results.iter().zip(held).for_each(|(result, held)| writer.let_go(result, held));
            writer.follow_up.note(results);
            continue;
        };
        tracing::warn!(
            error = error.with_causes(),
            count = results.len(),
            "a batch was not settled: it is tried apart from the others"
        );
        for ((result, trace), held) in results.into_iter().zip(traces).zip(held) {
            // The receiver ends early only when it is time to give up.
            let _kept = unwritten.send(Finished { result, trace, held }).await;
        }
    }
}

impl Writer {
    /// Writes answers in one transaction; once they are written, each leaves its line, and the jobs that they made are published.
    async fn record(
        &self,
        results: &[AttemptResult],
        traces: &[AttemptTrace],
    ) -> Result<(), StoreError> {
        crash::point!("settle 1", "the settler has Toss's answer", "its transaction");
        let (settled, publish) = self.store.settle_attempts(results, self.pacing.as_ref()).await?;
        for ((result, trace), settled) in results.iter().zip(traces).zip(&settled) {
            meters::settled(settled);
            trace.log_settled(result, settled);
        }
        self.follow_up.publish(publish);
        Ok(())
    }

    /// Gives back what the answer held.
    fn let_go(&self, result: &AttemptResult, held: Held) {
        self.leases.release(result.attempt.job_id(), result.attempt.claim());
        crash::point!("settle 4", "an answer's jobs are being published", "the acknowledgement");
        held.delivery.ack();
        crash::point!("settle 5", "a delivery is acknowledged", "the broker knows");
    }
}
