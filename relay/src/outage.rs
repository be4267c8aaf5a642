//! How long something has been away: one log line when it goes, one when it is back, and growing
//! pauses between. Not here: what the relay does.

use std::error::Error;

use domain::limits::RELAY_POLL_MS;
use tokio::time::Instant;

use crate::pass::Passed;

/// What is away, if anything.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    since: Option<(What, Instant)>,
    tries: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Queue,
    Database,
}

impl Outage {
    /// Takes a pass into account, and logs when something went away or came back.
    pub(crate) fn note(&mut self, passed: &Passed) {
        match passed {
            Passed::More | Passed::Empty => self.end(),
            Passed::NotReady => self.begin(What::Queue, "it is not ready", None),
            Passed::PartlyRefused(reason) => {
                self.begin(What::Queue, reason, None);
                // It does take messages, so there is no reason to slow down.
                self.tries = 0;
            }
            Passed::Refused(reason) => self.begin(What::Queue, reason, None),
            Passed::DatabaseFailed(error) => {
                self.begin(What::Database, "due jobs cannot be taken or given back", Some(error));
            }
        }
    }

    /// The pause before the next try, in milliseconds: it doubles from [`RELAY_POLL_MS`] to `most`.
    pub(crate) fn pause_ms(&self, most: i64) -> i64 {
        let doublings = self.tries.saturating_sub(1).min(16);
        RELAY_POLL_MS.saturating_mul(1_i64.checked_shl(doublings).unwrap_or(i64::MAX)).min(most)
    }

    fn begin(&mut self, what: What, reason: &str, error: Option<&(dyn Error + 'static)>) {
        self.tries = self.tries.saturating_add(1);
        if self.since.is_some_and(|(known, _)| known == what) {
            return;
        }
        self.since = Some((what, Instant::now()));
        match what {
            What::Queue => tracing::warn!(reason, "the queue does not take jobs; trying on"),
            What::Database => {
                tracing::error!(error, reason, "the relay cannot use the database; trying on");
            }
        }
    }

    fn end(&mut self) {
        self.tries = 0;
        if let Some((what, since)) = self.since.take() {
            let away_ms = since.elapsed().as_millis();
            match what {
                What::Queue => tracing::info!(away_ms, "the queue takes jobs again"),
                What::Database => tracing::info!(away_ms, "the relay can use the database again"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_limit_and_start_again_after_a_good_pass() {
        let mut outage = Outage::default();
        let mut pauses = Vec::new();
        for _ in 0..70 {
            outage.note(&Passed::NotReady);
            pauses.push(outage.pause_ms(5_000));
        }
        assert_eq!(pauses[..6], [250, 500, 1_000, 2_000, 4_000, 5_000]);
        assert!(pauses[6..].iter().all(|pause| *pause == 5_000));
        outage.note(&Passed::Empty);
        outage.note(&Passed::NotReady);
        assert_eq!(outage.pause_ms(5_000), 250);
    }
}
