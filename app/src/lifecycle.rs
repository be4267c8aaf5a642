//! The parts of a process: started one after the other, and stopped in the opposite order, each as soon as those that need it are gone.
//!
//! A part that ends by itself ends the process: whoever watches it starts a whole one again. Not here: what the parts do.

use anyhow::Context as _;
use store::Store;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::parts::{Part, Queue};

/// The parts that were started. Dropped, it takes them down at once.
#[derive(Debug, Default)]
pub(crate) struct Lifecycle {
    parts: Vec<(Part, CancellationToken)>,
    tasks: JoinSet<(Part, anyhow::Result<()>)>,
    ended: Vec<Part>,
}

impl Lifecycle {
    /// The token that will stop a part. Parts stop in the opposite order.
    pub(crate) fn stop_token(&mut self, part: Part) -> CancellationToken {
        let stop = CancellationToken::new();
        self.parts.push((part, stop.clone()));
        stop
    }

    /// Starts a part.
    pub(crate) fn spawn(
        &mut self,
        part: Part,
        work: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        // A task of its own, so that a panic is told apart by its part.
        let work = AbortOnDropHandle::new(tokio::spawn(work));
        self.tasks
            .spawn(async move { (part, work.await.unwrap_or_else(|error| Err(error.into()))) });
    }

    /// Runs until `shutdown`, or until a part ends by itself, and then stops all of them, the queue and the database.
    ///
    /// # Errors
    /// Why a part ended by itself, or could not end well.
    pub(crate) async fn run(
        mut self,
        shutdown: &CancellationToken,
        queue: Queue,
        store: Store,
    ) -> anyhow::Result<()> {
        let early = tokio::select! {
            () = shutdown.cancelled() => None,
            ended = self.tasks.join_next() => ended,
        };
        let Some(early) = early else { return self.stop(queue, store).await };
        let (part, result) = early.context("a part was ended")?;
        self.ended.push(part);
        let stopped = self.stop(queue, store).await;
        let why = result.err().unwrap_or_else(|| anyhow::anyhow!("without a reason"));
        if let Err(error) = stopped {
            tracing::error!("the rest did not stop well: {error:#}");
        }
        Err(why.context(format!("the {part} ended by itself")))
    }

    /// Stops one part after the other, then the queue, then the database.
    ///
    /// # Errors
    /// The first part that did not end well; all are stopped nevertheless.
    pub(crate) async fn stop(mut self, queue: Queue, store: Store) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        for (part, stop) in std::mem::take(&mut self.parts).into_iter().rev() {
            stop.cancel();
            while !self.ended.contains(&part) {
                let Some(ended) = self.tasks.join_next().await else { break };
                let (ended, result) = ended.context("a part was ended")?;
                tracing::debug!(part = %ended, "stopped");
                self.ended.push(ended);
                outcome = outcome.and(result);
            }
        }
        queue.close().await;
        store.close().await.context("the database did not close well")?;
        outcome
    }
}
