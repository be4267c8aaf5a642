//! Who waits for a change of an order: long polls and event streams are woken right after the commit that changed it.
//!
//! The wake-up is a hint. Those of other processes come by way of `announce`; waiters look at the database anyway, and now and then
//! without being woken.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Notify;

/// Wakes those who wait for an order.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    waiting: Mutex<HashMap<String, Weak<Notify>>>,
}

/// A place in the waiting room of one order. Dropping it leaves.
#[derive(Debug)]
pub struct Watch {
    notify: Arc<Notify>,
    order_id: String,
    changes: Arc<Changes>,
}

impl Changes {
    pub(crate) fn watch(self: &Arc<Self>, order_id: &str) -> Watch {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let notify = waiting.get(order_id).and_then(Weak::upgrade).unwrap_or_else(|| {
            let notify = Arc::new(Notify::new());
            waiting.insert(order_id.to_owned(), Arc::downgrade(&notify));
            notify
        });
        Watch { notify, order_id: order_id.to_owned(), changes: Arc::clone(self) }
    }

    pub(crate) fn wake(&self, order_id: &str) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(notify) = waiting.get(order_id).and_then(Weak::upgrade) {
            notify.notify_waiters();
        }
    }

    /// Wakes everybody: something may have changed that nobody named.
    pub(crate) fn wake_all(&self) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.values().filter_map(Weak::upgrade).for_each(|notify| notify.notify_waiters());
    }
}

impl Watch {
    /// A future that ends at the next change. Make it, and `enable` it, *before* reading the order, so that no change falls between.
    pub fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.notify.notified()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut waiting = self.changes.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock nobody else can come in: ours is the last one when only this `Arc` is left.
        if Arc::strong_count(&self.notify) == 1 {
            waiting.remove(&self.order_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everybody_who_waits_is_woken_and_nobody_is_kept_in_memory() {
        let changes = Arc::new(Changes::default());
        let (one, two) = (changes.watch("order"), changes.watch("order"));
        {
            let (first, second) = (one.changed(), two.changed());
            tokio::pin!(first, second);
            first.as_mut().enable();
            second.as_mut().enable();
            changes.wake("another");
            changes.wake("order");
            first.await;
            second.await;
        }
        drop((one, two));
        assert!(changes.waiting.lock().unwrap().is_empty());
    }
}
