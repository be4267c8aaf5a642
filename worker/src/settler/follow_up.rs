//! What follows from written answers and may take its time: publishing the jobs that they made, and taking their signs into account. Neither
//! holds up the writing; what is too much is made up for by the relay, and by the signs of later answers.

use std::sync::Arc;

use queue::Publisher;
use store::{AttemptResult, PublishedJob, Store};
use tokio::sync::mpsc;

use crate::signs::Signs;

/// How many batches may wait.
const WAITING_MAX: usize = 64;

/// Where it is handed over. Never waits.
#[derive(Debug)]
pub(super) struct FollowUp {
    jobs: mpsc::Sender<Vec<PublishedJob>>,
    results: mpsc::Sender<Vec<AttemptResult>>,
}

/// Both ends; the future does it until the other end is gone and nothing is left.
pub(super) fn start(
    store: Store,
    publisher: Arc<dyn Publisher>,
    mut signs: Signs,
) -> (FollowUp, impl Future<Output = ()>) {
    let (jobs, mut made) = mpsc::channel::<Vec<PublishedJob>>(WAITING_MAX);
    let (results, mut written) = mpsc::channel::<Vec<AttemptResult>>(WAITING_MAX);
    let publishing = async move {
        while let Some(jobs) = made.recv().await {
            relay::publish_now(&store, publisher.as_ref(), &jobs).await;
        }
    };
    let noting = async move {
        while let Some(results) = written.recv().await {
            signs.note(&results).await;
        }
    };
    let both = async {
        tokio::join!(Box::pin(publishing), Box::pin(noting));
    };
    (FollowUp { jobs, results }, both)
}

impl FollowUp {
    /// Has jobs published that were just committed.
    pub(super) fn publish(&self, jobs: Vec<PublishedJob>) {
        if !jobs.is_empty() && self.jobs.try_send(jobs).is_err() {
            tracing::warn!("too many jobs to publish at once: some are left to the relay");
        }
    }

    /// Has the signs of written answers taken into account, in the order in which they came.
    pub(super) fn note(&self, mut results: Vec<AttemptResult>) {
        for result in &mut results {
            // Nobody reads it for a sign, and it may be long.
            result.body = None;
        }
        if self.results.try_send(results).is_err() {
            tracing::warn!("too many answers at once: what some say about Toss is not recorded");
        }
    }
}
