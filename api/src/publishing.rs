//! Handing accepted jobs to the queue, after the commit and behind the answer's back. Nobody waits for it and nobody fails because of
//! it: a job that does not arrive is due at once, and published by the relay as soon as the queue is there.

use std::sync::Arc;

use queue::Publisher;
use store::{PublishedJob, Store};
use tokio::sync::Semaphore;

/// Hands jobs to the queue.
#[derive(Debug)]
pub struct Publishing {
    store: Store,
    publisher: Arc<dyn Publisher>,
    room: Arc<Semaphore>,
}

impl Publishing {
    /// Hands over at most so many jobs at once.
    #[must_use]
    pub fn new(store: Store, publisher: Arc<dyn Publisher>, at_once_max: usize) -> Publishing {
        Publishing {
            store,
            publisher,
            room: Arc::new(Semaphore::new(at_once_max.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// Starts handing over jobs, as many as there is room for, and returns at once.
    pub fn publish(&self, jobs: Vec<PublishedJob>) {
        let mut permits = Vec::with_capacity(jobs.len());
        let mut handed = Vec::with_capacity(jobs.len());
        for job in jobs {
            if let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() {
                permits.push(permit);
                handed.push(job);
            } else {
                tracing::warn!(
                    job_id = job.id,
                    request_id = job.origin.request_id,
                    "the queue is slow; the relay will publish this job"
                );
            }
        }
        if handed.is_empty() {
            return;
        }
        let (store, publisher) = (self.store.clone(), Arc::clone(&self.publisher));
        tokio::spawn(async move {
            relay::publish_now(&store, publisher.as_ref(), &handed).await;
            drop(permits);
        });
    }
}
