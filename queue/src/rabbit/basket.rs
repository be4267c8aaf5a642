//! What the broker has delivered and nobody has taken yet, by source. Bounded by the prefetch: the
//! broker sends no more than that. Not here: whose turn it is, and acknowledging.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::ConsumerEnded;

/// Shared between the task that fills it and the consumer that takes from it.
#[derive(Debug)]
pub(super) struct Basket<K, T> {
    contents: Mutex<Contents<K, T>>,
    /// Woken when something arrives, and when the basket closes. One waits at most.
    arrived: Notify,
}

#[derive(Debug)]
pub(super) struct Contents<K, T> {
    sources: HashMap<K, VecDeque<T>>,
    is_closed: bool,
}

impl<K: Eq + Hash, T> Contents<K, T> {
    pub(super) fn has(&self, source: K) -> bool {
        self.sources.get(&source).is_some_and(|waiting| !waiting.is_empty())
    }

    pub(super) fn pop(&mut self, source: K) -> Option<T> {
        self.sources.get_mut(&source)?.pop_front()
    }
}

impl<K: Eq + Hash, T> Basket<K, T> {
    pub(super) fn new() -> Basket<K, T> {
        let contents = Contents { sources: HashMap::new(), is_closed: false };
        Basket { contents: Mutex::new(contents), arrived: Notify::new() }
    }

    pub(super) fn put(&self, source: K, item: T) {
        self.lock().sources.entry(source).or_default().push_back(item);
        self.arrived.notify_one();
    }

    /// Forgets what is in it: dropped, each item gives itself back.
    pub(super) fn clear(&self) {
        // Outside of the lock, because dropping an item does things of its own.
        let forgotten = std::mem::take(&mut self.lock().sources);
        drop(forgotten);
    }

    /// Ends who waits, now and later.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.arrived.notify_one();
        self.clear();
    }

    /// Waits until `choose` finds something. Dropping the future loses nothing: there is no await
    /// between taking and returning.
    pub(super) async fn take(
        &self,
        mut choose: impl FnMut(&mut Contents<K, T>) -> Vec<T>,
    ) -> Result<Vec<T>, ConsumerEnded> {
        loop {
            {
                let mut contents = self.lock();
                if contents.is_closed {
                    return Err(ConsumerEnded);
                }
                let chosen = choose(&mut contents);
                if !chosen.is_empty() {
                    return Ok(chosen);
                }
            }
            // What arrived since the look left a permit behind.
            self.arrived.notified().await;
        }
    }

    /// The contents are whole whenever the lock is free, so a panic elsewhere does not spoil them.
    fn lock(&self) -> MutexGuard<'_, Contents<K, T>> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_arrives_before_or_while_one_waits_is_taken_and_a_closed_basket_ends_it() {
        let basket = std::sync::Arc::new(Basket::<u8, &str>::new());
        basket.put(1, "early");
        let one = |contents: &mut Contents<u8, &'static str>| contents.pop(1).into_iter().collect();
        assert_eq!(basket.take(one).await, Ok(vec!["early"]));
        let waiting = tokio::spawn({
            let basket = std::sync::Arc::clone(&basket);
            async move { basket.take(one).await }
        });
        tokio::task::yield_now().await;
        basket.put(2, "another source");
        basket.put(1, "late");
        assert_eq!(waiting.await.unwrap(), Ok(vec!["late"]));
        basket.put(1, "forgotten");
        basket.close();
        assert_eq!(basket.take(one).await, Err(ConsumerEnded));
        assert!(!basket.lock().has(2));
    }
}
