//! What the queue gave up is set aside in the database, where a person sees it, and only then taken out of the queue.

use std::time::Duration;

use queue::{DeadLetter, DeadLetters};
use store::{PoisonMessage, Store};

/// How many are set aside in one transaction.
const BATCH_MAX: usize = 16;
/// The pause after a failure of the database.
const PAUSE: Duration = Duration::from_secs(2);

/// Sets dead letters aside until the queue is closed.
pub(crate) async fn set_aside(store: Store, mut dead_letters: Box<dyn DeadLetters>) {
    while let Ok(letters) = dead_letters.receive(BATCH_MAX).await {
        let messages: Vec<PoisonMessage> = letters.iter().map(poison_message).collect();
        match store.set_aside(&messages).await {
            Ok(()) => {
                tracing::error!(
                    count = messages.len(),
                    alert = "poison_message",
                    "the queue gave messages up: set aside"
                );
                letters.into_iter().for_each(DeadLetter::ack);
            }
            Err(error) => {
                tracing::warn!(error = error.with_causes(), "not set aside: they come again");
                drop(letters);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn poison_message(letter: &DeadLetter) -> PoisonMessage {
    PoisonMessage {
        reason: letter.reason.clone(),
        source: letter.queue.clone(),
        body: String::from_utf8_lossy(&letter.body).into_owned(),
        detail: Some(letter.detail.clone()),
    }
}
