//! One pass of the relay: take a batch of due jobs, publish it, give back what the queue did not
//! take. Not here: when the next pass is.

use domain::job::JobKind;
use domain::limits::RELAY_BATCH_MAX;
use queue::{Lane, Message, Published, Publisher, Trace};
use store::{PublishedJob, Store, StoreError};

/// What the relay needs of the database. Its own trait, so that tests can take the database away.
pub(crate) trait DueJobs {
    /// See [`Store::take_due_jobs`].
    async fn take_due_jobs(&self, limit: u64) -> Result<Vec<PublishedJob>, StoreError>;
    /// See [`Store::return_unpublished`].
    async fn return_unpublished(&self, ids: &[String]) -> Result<(), StoreError>;
}

impl DueJobs for Store {
    async fn take_due_jobs(&self, limit: u64) -> Result<Vec<PublishedJob>, StoreError> {
        Store::take_due_jobs(self, limit).await
    }

    async fn return_unpublished(&self, ids: &[String]) -> Result<(), StoreError> {
        Store::return_unpublished(self, ids).await
    }
}

/// How a pass went.
#[derive(Debug)]
pub(crate) enum Passed {
    /// A whole batch was published: there may be more.
    More,
    /// All that was due was published.
    Empty,
    /// The publisher is away; nothing was taken.
    NotReady,
    /// The queue took some of the batch; the rest was given back. One of its reasons.
    PartlyRefused(String),
    /// The queue took nothing of the batch; all of it was given back. One of its reasons.
    Refused(String),
    /// The database did not answer. What was taken and not published comes back by its grace.
    DatabaseFailed(StoreError),
}

/// Does one pass.
pub(crate) async fn relay_once(jobs: &impl DueJobs, publisher: &dyn Publisher) -> Passed {
    if !publisher.is_ready() {
        return Passed::NotReady;
    }
    let taken = match jobs.take_due_jobs(RELAY_BATCH_MAX).await {
        Ok(taken) if taken.is_empty() => return Passed::Empty,
        Ok(taken) => taken,
        Err(error) => return Passed::DatabaseFailed(error),
    };
    let published = publisher.publish(&messages(&taken)).await;
    crash::point!("relay 3", "the queue has answered for due jobs", "what it refused is due");
    let (unpublished, reason) = unconfirmed(&taken, &published);
    let Some(reason) = reason else {
        let is_whole = u64::try_from(taken.len()).is_ok_and(|count| count >= RELAY_BATCH_MAX);
        return if is_whole { Passed::More } else { Passed::Empty };
    };
    if let Err(error) = jobs.return_unpublished(&unpublished).await {
        return Passed::DatabaseFailed(error);
    }
    if unpublished.len() == taken.len() {
        Passed::Refused(reason)
    } else {
        Passed::PartlyRefused(reason)
    }
}

/// The jobs that the queue may not have, and one reason. A missing answer is no confirmation.
fn unconfirmed(taken: &[PublishedJob], published: &[Published]) -> (Vec<String>, Option<String>) {
    let mut unpublished = Vec::new();
    let mut first_reason = None;
    for (number, job) in taken.iter().enumerate() {
        let reason = match published.get(number) {
            Some(Published::Confirmed) => continue,
            Some(Published::NotConfirmed(reason)) => reason.clone(),
            None => "the queue did not answer for it".to_owned(),
        };
        unpublished.push(job.id.clone());
        first_reason.get_or_insert(reason);
    }
    (unpublished, first_reason)
}

/// Publishes jobs that were just committed. What the queue does not take is due at once: the first relay that finds the queue there
/// publishes it. Nobody waits for a result.
pub async fn publish_now(store: &Store, publisher: &dyn Publisher, jobs: &[PublishedJob]) {
    if jobs.is_empty() {
        return;
    }
    crash::point!("relay 5", "jobs were just committed", "their publication");
    let published = publisher.publish(&messages(jobs)).await;
    crash::point!("relay 6", "the queue has answered for new jobs", "what it refused is due");
    let (unpublished, reason) = unconfirmed(jobs, &published);
    let Some(reason) = reason else { return };
    // Of a queue that is away every relay has said so already, once.
    if publisher.is_ready() {
        tracing::warn!(count = unpublished.len(), %reason, "jobs are left to the relay");
    }
    if let Err(error) = store.return_unpublished(&unpublished).await {
        let count = unpublished.len();
        tracing::warn!(count, error = error.with_causes(), "jobs are left to their grace");
    }
}

fn messages(jobs: &[PublishedJob]) -> Vec<Message> {
    jobs.iter().map(message).collect()
}

/// The wake-up call for a job.
pub fn message(job: &PublishedJob) -> Message {
    let trace = Trace {
        request_id: job.origin.request_id.clone(),
        traceparent: job.origin.trace.map(|trace| trace.to_string()),
    };
    Message { job_id: job.id.clone(), lane: lane(job.kind), trace }
}

const fn lane(kind: JobKind) -> Lane {
    match kind {
        JobKind::Confirm => Lane::Confirm,
        JobKind::Cancel => Lane::Cancel,
        JobKind::LookUp => Lane::LookUp,
    }
}
