//! The queue of a journey: it takes every message and delivers it when, and as often, as the journey likes.

use std::sync::Mutex;

use domain::JobId;
use queue::{Message, Published, Publisher};

use crate::luck::Luck;

/// Messages on their way.
#[derive(Debug, Default)]
pub(crate) struct Mail(Mutex<Vec<Message>>);

#[async_trait::async_trait]
impl Publisher for Mail {
    async fn publish(&self, batch: &[Message]) -> Vec<Published> {
        self.0.lock().unwrap().extend_from_slice(batch);
        batch.iter().map(|_| Published::Confirmed).collect()
    }

    fn is_ready(&self) -> bool {
        true
    }
}

impl Mail {
    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Delivers at most so many, in the order in which they came.
    pub(crate) fn deliver(&self, most: usize) -> Vec<JobId> {
        let mut waiting = self.0.lock().unwrap();
        let count = waiting.len().min(most);
        waiting.drain(..count).map(|message| JobId::parse(message.job_id).unwrap()).collect()
    }

    /// Something happens to what is on its way; a word for it.
    pub(crate) fn tamper(&self, luck: &mut Luck) -> &'static str {
        let mut waiting = self.0.lock().unwrap();
        match luck.below(3) {
            0 => {
                waiting.clear();
                "lost"
            }
            1 => {
                let again = waiting.clone();
                waiting.extend(again);
                "doubled"
            }
            _ => {
                waiting.reverse();
                "turned round"
            }
        }
    }
}
