//! Accepting confirms together: those that come while others are being committed share the next commit. Nobody waits for company: the first
//! one begins at once.
//!
//! What is accepted is handed to the queue here as well: whoever asked may have gone by then.

use std::sync::Arc;

use store::{AcceptConfirm, AcceptConfirmError, AcceptedConfirm, Store};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{Semaphore, oneshot};

use crate::publishing::Publishing;

/// How many wait for their turn; more wait for room.
const WAITING_MAX: usize = 1_024;
/// How many share a commit.
const TOGETHER_MAX: usize = 32;
/// How many commits are under way at once: one whose order somebody else holds must not keep back all others.
const COMMITS_MAX: usize = 2;

/// Accepts confirms. Ends with the last sender.
#[derive(Debug)]
pub(crate) struct Accepting {
    asked: Sender<Asked>,
}

type Accepted = Result<AcceptedConfirm, AcceptConfirmError>;

#[derive(Debug)]
struct Asked {
    confirm: AcceptConfirm,
    answer: oneshot::Sender<Accepted>,
}

impl Accepting {
    pub(crate) fn start(store: Store, publishing: Arc<Publishing>) -> Accepting {
        let (asked, waiting) = channel(WAITING_MAX);
        tokio::spawn(accept(store, publishing, waiting));
        Accepting { asked }
    }

    /// Accepts one. `None` when nobody does any more.
    pub(crate) async fn accept(&self, confirm: AcceptConfirm) -> Option<Accepted> {
        let (answer, answered) = oneshot::channel();
        self.asked.send(Asked { confirm, answer }).await.ok()?;
        answered.await.ok()
    }
}

async fn accept(store: Store, publishing: Arc<Publishing>, mut waiting: Receiver<Asked>) {
    let commits = Arc::new(Semaphore::new(COMMITS_MAX));
    let mut asked = Vec::new();
    while let Ok(commit) = Arc::clone(&commits).acquire_owned().await {
        if waiting.recv_many(&mut asked, TOGETHER_MAX).await == 0 {
            return;
        }
        // Whoever gave up while waiting was told so, and asks again.
        asked.retain(|one| !one.answer.is_closed());
        if asked.is_empty() {
            continue;
        }
        let (store, publishing) = (store.clone(), Arc::clone(&publishing));
        let together = std::mem::take(&mut asked);
        tokio::spawn(async move {
            let (confirms, answers): (Vec<_>, Vec<_>) =
                together.into_iter().map(|one| (one.confirm, one.answer)).unzip();
            let mut accepted = store.accept_confirms(&confirms).await;
            drop(commit);
            let jobs = accepted.iter_mut().flatten().filter_map(|one| one.job.take());
            publishing.publish(jobs.collect());
            // Toss is waited for longer than we are: the jobs are on their way before answers are written.
            tokio::task::yield_now().await;
            for (one, answer) in accepted.into_iter().zip(answers) {
                // Whoever asked may have gone.
                drop(answer.send(one));
            }
        });
    }
}
