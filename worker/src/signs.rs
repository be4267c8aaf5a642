//! What answers say about Toss itself: a row of silence opens the merchant's breaker, an answer to a probe closes it, and a key that is not
//! accepted for two payments stops the merchant. What follows for a job is the policy's business, not this one's.

use std::collections::{HashMap, HashSet};

use domain::answer::Answer;
use domain::breaker::{FailureRun, Sign};
use store::{AttemptResult, Store, StoreError};

use crate::holds::HoldsWatch;
use crate::settler::LEASE_TOO_SHORT;

/// Reads the signs in settled answers. Each process counts its own: the first that has enough opens the breaker for all.
#[derive(Debug)]
pub(crate) struct Signs {
    store: Store,
    holds: HoldsWatch,
    runs: HashMap<String, FailureRun>,
    /// Merchants whose keys came under suspicion here, of which `holds` may not know yet.
    suspected: HashSet<String>,
}

impl Signs {
    pub(crate) fn new(store: Store, holds: HoldsWatch) -> Signs {
        Signs { store, holds, runs: HashMap::new(), suspected: HashSet::new() }
    }

    /// Takes answers into account, in the order in which they came.
    pub(crate) async fn note(&mut self, results: &[AttemptResult]) {
        let mut has_changed = false;
        for result in results {
            match self.note_one(result).await {
                Ok(changed) => has_changed |= changed,
                Err(error) => {
                    tracing::warn!(
                        error = error.with_causes(),
                        "what an answer says about Toss was not recorded"
                    );
                }
            }
        }
        if has_changed {
            self.holds.look_again();
        }
    }

    async fn note_one(&mut self, result: &AttemptResult) -> Result<bool, StoreError> {
        let attempt = &result.attempt;
        let (merchant, job_id) = (attempt.merchant(), attempt.job_id());
        let (sign, code) = match &result.answer {
            Answer::Payment(_) => (Sign::Answers, None),
            Answer::Failure(failure) => (failure.class.sign(), Some(failure.code.as_str())),
        };
        let key_code = code.filter(|code| toss::is_key_refusal(code));
        if let Some(code) = key_code {
            self.store.suspect_key(merchant, attempt.order_id(), code).await?;
            self.suspected.insert(merchant.to_owned());
            return Ok(true);
        }
        let mut has_changed = false;
        let is_suspected = self.suspected.contains(merchant) || self.holds.is_suspected(merchant);
        if result.http_status.is_some() && is_suspected {
            self.store.clear_suspicion(merchant).await?;
            self.suspected.remove(merchant);
            has_changed = true;
        }
        if !attempt.operation().is_money() {
            return Ok(has_changed);
        }
        if attempt.is_probe() {
            let failure_code = code.filter(|_| sign == Sign::Fails);
            self.store.end_probe(merchant, job_id, failure_code).await?;
            return Ok(true);
        }
        if code == Some(LEASE_TOO_SHORT) {
            return Ok(has_changed);
        }
        if self.runs.entry(merchant.to_owned()).or_default().note(sign) {
            self.store.open_breaker(merchant, code.unwrap_or_default()).await?;
            has_changed = true;
        }
        Ok(has_changed)
    }
}
