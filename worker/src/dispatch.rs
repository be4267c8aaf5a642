//! Dispatch: the story of a delivered job. Claim it, make the one call that was recorded for it, settle what came of it.
//!
//! [`run`](crate::run()) does these steps for thousands of jobs at once and in batches; [`Dispatcher::dispatch`] does them for a few,
//! one after the other. Both use the same functions of `store` and the same [`Gateways`].

use std::sync::Arc;

use domain::JobId;
use domain::policy::Pacing;
use store::{AttemptResult, Claimed, Claimer, Settled, StartedAttempt, Store, StoreError};

use crate::gateway::Gateways;
use crate::trace::AttemptTrace;

/// What dispatch needs.
#[derive(Debug, Clone)]
pub struct Dispatcher {
    /// The database.
    pub store: Store,
    /// The clients of the merchants.
    pub gateways: Gateways,
    /// The delays.
    pub pacing: Arc<dyn Pacing>,
    /// This worker's name, unique among workers.
    pub worker: String,
}

impl Dispatcher {
    /// Claims jobs and returns the attempts to make. What is early, ended or somebody else's is left alone.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was claimed then.
    pub async fn claim(&self, ids: &[JobId]) -> Result<Vec<StartedAttempt>, StoreError> {
        let holds = self.store.read_holds().await?;
        let key_pairs = Some(self.gateways.key_pairs());
        let claimer = Claimer { holds, key_pairs, ..Claimer::unlimited(self.worker.as_str()) };
        let claimed = self.store.claim_jobs(ids, &claimer).await?;
        Ok(claimed
            .into_iter()
            .filter_map(|one| match one {
                Claimed::Attempt(attempt) => Some(*attempt),
                Claimed::Concluded | Claimed::NotNow | Claimed::Unknown => None,
            })
            .collect())
    }

    /// Makes a recorded attempt.
    pub async fn call(&self, attempt: StartedAttempt) -> AttemptResult {
        let trace = AttemptTrace::begin(&attempt);
        self.gateways.call(Box::new(attempt), &trace).await
    }

    /// Settles an answer.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was recorded then, and it is to be called again.
    pub async fn settle(&self, result: AttemptResult) -> Result<Settled, StoreError> {
        let (settled, _publish) =
            self.store.settle_attempts(&[result], self.pacing.as_ref()).await?;
        settled.into_iter().next().ok_or_else(|| StoreError::Schema("settled nothing".to_owned()))
    }

    /// Does all of it for these jobs, one after the other.
    ///
    /// # Errors
    /// [`StoreError`] of the first step that failed; the leases of the others run out.
    pub async fn dispatch(&self, ids: &[JobId]) -> Result<Vec<Settled>, StoreError> {
        let mut settled = Vec::new();
        for attempt in self.claim(ids).await? {
            let result = self.call(attempt).await;
            settled.push(self.settle(result).await?);
        }
        Ok(settled)
    }
}
