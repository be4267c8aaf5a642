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
        let left = match store.set_aside(&messages).await {
            Ok(()) => {
                tell(messages.len());
                letters.into_iter().for_each(DeadLetter::ack);
                0
            }
            // One that the database does not take must not keep the others.
            Err(error) if error.is_refusal() && letters.len() > 1 => {
                set_aside_each(&store, letters, &messages).await
            }
            Err(error) => {
                tracing::warn!(error = error.with_causes(), "not set aside: they come again");
                letters.len()
            }
        };
        if left > 0 {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// How many are left, to come again.
async fn set_aside_each(
    store: &Store,
    letters: Vec<DeadLetter>,
    messages: &[PoisonMessage],
) -> usize {
    let (mut kept, mut left) = (0_usize, 0_usize);
    for (letter, message) in letters.into_iter().zip(messages) {
        match store.set_aside(std::slice::from_ref(message)).await {
            Ok(()) => {
                kept = kept.saturating_add(1);
                letter.ack();
            }
            Err(error) => {
                left = left.saturating_add(1);
                tracing::warn!(error = error.with_causes(), "not set aside: it comes again");
            }
        }
    }
    if kept > 0 {
        tell(kept);
    }
    left
}

fn tell(count: usize) {
    tracing::error!(count, alert = "poison_message", "the queue gave messages up: set aside");
}

fn poison_message(letter: &DeadLetter) -> PoisonMessage {
    PoisonMessage {
        reason: letter.reason.clone(),
        source: letter.queue.clone(),
        body: String::from_utf8_lossy(&letter.body).into_owned(),
        detail: Some(letter.detail.clone()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    use async_trait::async_trait;
    use queue::{ConsumerEnded, Receipt};
    use store::StoreOptions;
    use store::scratch::Scratch;

    use super::*;

    #[derive(Debug)]
    struct Noted(&'static str, Arc<Mutex<Vec<&'static str>>>);

    impl Receipt for Noted {
        fn ack(self: Box<Self>) {
            self.1.lock().unwrap().push(self.0);
        }
    }

    #[derive(Debug)]
    struct Batches(VecDeque<Vec<DeadLetter>>);

    #[async_trait]
    impl DeadLetters for Batches {
        async fn receive(&mut self, _most: usize) -> Result<Vec<DeadLetter>, ConsumerEnded> {
            self.0.pop_front().ok_or(ConsumerEnded)
        }
    }

    #[tokio::test]
    async fn one_that_the_database_does_not_take_does_not_keep_the_others() {
        let scratch = Scratch::on_sqlite();
        let store = Store::open(&StoreOptions::new(scratch.url())).await.unwrap();
        store.migrate().await.unwrap();
        store.refuse_poison("refused").await;
        let acked = Arc::default();
        let letter = |body: &'static str| {
            let (queue, reason, detail) = ("q\0".to_owned(), "re\0ason".to_owned(), String::new());
            let receipt = Box::new(Noted(body, Arc::clone(&acked)));
            DeadLetter::new(queue, reason, body.as_bytes().to_vec(), detail, None, receipt)
        };
        let batch = vec![letter("one"), letter("refused"), letter("two")];
        set_aside(store.clone(), Box::new(Batches(VecDeque::from([batch])))).await;
        assert_eq!(*acked.lock().unwrap(), ["one", "two"]);
        let kept = store.list_poison(10).await.unwrap();
        let sources: Vec<&str> = kept.iter().map(|row| row.message.source.as_str()).collect();
        assert_eq!(sources, ["q", "q"]);
    }
}
