//! Handing accepted jobs to the queue, after the commit and behind the answer's back. Nobody waits for it and nobody fails because of
//! it: a job that does not arrive is published by the relay when its grace is over.

use std::sync::Arc;

use queue::{Published, Publisher};
use store::PublishedJob;
use tokio::sync::Semaphore;

/// Hands jobs to the queue.
#[derive(Debug)]
pub(crate) struct Publishing {
    publisher: Arc<dyn Publisher>,
    room: Arc<Semaphore>,
}

impl Publishing {
    /// Hands over at most so many jobs at once.
    pub(crate) fn new(publisher: Arc<dyn Publisher>, at_once_max: usize) -> Publishing {
        Publishing {
            publisher,
            room: Arc::new(Semaphore::new(at_once_max.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// Starts handing over a job and returns at once.
    pub(crate) fn publish(&self, job: PublishedJob) {
        if !self.publisher.is_ready() {
            return;
        }
        let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() else {
            tracing::warn!(
                job_id = job.id,
                request_id = job.origin.request_id,
                "the queue is slow; the relay will publish this job"
            );
            return;
        };
        let publisher = Arc::clone(&self.publisher);
        tokio::spawn(async move {
            let message = relay::message(&job);
            for outcome in publisher.publish(std::slice::from_ref(&message)).await {
                if let Published::NotConfirmed(why) = outcome {
                    tracing::warn!(
                        job_id = message.job_id,
                        request_id = message.trace.request_id,
                        why,
                        "not published; the relay will publish this job"
                    );
                }
            }
            drop(permit);
        });
    }
}
