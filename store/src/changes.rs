//! Who waits for a change of an order: long polls and event streams are woken right after the commit that changed it.
//!
//! The wake-up is a hint. Those of other processes come by way of `announce`, and what nobody told is found by `look`, which looks at the
//! database for all who wait together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;

/// Wakes those who wait for an order.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    room: Mutex<Room>,
    /// Somebody should look for those who wait, and not only when it is time.
    pub(crate) look: Notify,
}

#[derive(Debug, Default)]
struct Room {
    waiting: HashMap<String, Waiting>,
    has_looker: bool,
}

/// Those who wait for one order.
#[derive(Debug)]
struct Waiting {
    notify: Weak<Notify>,
    /// The version that one of them saw last.
    seen: Option<i64>,
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
        let mut room = self.room();
        let known = room.waiting.get(order_id).and_then(|waiting| waiting.notify.upgrade());
        let notify = known.unwrap_or_else(|| {
            let notify = Arc::new(Notify::new());
            let waiting = Waiting { notify: Arc::downgrade(&notify), seen: None };
            room.waiting.insert(order_id.to_owned(), waiting);
            notify
        });
        Watch { notify, order_id: order_id.to_owned(), changes: Arc::clone(self) }
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wake(&self, order_id: &str) {
        if let Some(waiting) = self.room().waiting.get(order_id) {
            waiting.wake();
        }
    }

    /// Something may have changed that nobody named: has those woken whose order is another, and at once those who have not said what they saw.
    pub(crate) fn wake_outdated(&self) {
        let room = self.room();
        room.waiting.values().filter(|it| it.seen.is_none()).for_each(Waiting::wake);
        self.look.notify_one();
    }

    /// Keeps what somebody saw who waits. Gives whether nobody looks for those who wait: whoever asked must begin.
    pub(crate) fn note_seen(&self, watch: &Watch, version: i64) -> bool {
        let mut room = self.room();
        if let Some(waiting) = room.waiting.get_mut(&watch.order_id) {
            let seen = waiting.seen.replace(version);
            if seen.is_some_and(|seen| seen != version) {
                // Somebody else saw another one: the two cannot both be right.
                waiting.wake();
            }
        }
        !std::mem::replace(&mut room.has_looker, true)
    }

    /// What those saw who wait; `None` when nobody is left, and the looker ends.
    pub(crate) fn seen(&self) -> Option<Vec<(String, i64)>> {
        let mut room = self.room();
        room.has_looker = !room.waiting.is_empty();
        let seen = |(id, waiting): (&String, &Waiting)| Some((id.clone(), waiting.seen?));
        room.has_looker.then(|| room.waiting.iter().filter_map(seen).collect())
    }
}

impl Waiting {
    fn wake(&self) {
        if let Some(notify) = self.notify.upgrade() {
            notify.notify_waiters();
        }
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
        let mut room = self.changes.room();
        // Under the lock nobody else can come in: ours is the last one when only this `Arc` is left.
        if Arc::strong_count(&self.notify) == 1 {
            room.waiting.remove(&self.order_id);
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
        assert!(changes.room().waiting.is_empty());
    }

    /// Whether a wake-up has come; the next one is waited for afterwards.
    async fn is_woken(woken: std::pin::Pin<&mut tokio::sync::futures::Notified<'_>>) -> bool {
        tokio::time::timeout(std::time::Duration::ZERO, woken).await.is_ok()
    }

    #[tokio::test]
    async fn whoever_saw_an_old_version_is_woken_when_somebody_sees_another() {
        let changes = Arc::new(Changes::default());
        let watch = changes.watch("order");
        assert!(changes.note_seen(&watch, 1), "somebody must begin to look");
        assert!(!changes.note_seen(&watch, 1), "somebody does");
        let changed = watch.changed();
        tokio::pin!(changed);
        changed.as_mut().enable();
        changes.note_seen(&watch, 1);
        assert!(!is_woken(changed.as_mut()).await, "the same");
        changes.note_seen(&watch, 2);
        assert!(is_woken(changed.as_mut()).await);
        assert_eq!(changes.seen(), Some(vec![("order".to_owned(), 2)]));
    }

    #[tokio::test]
    async fn what_nobody_named_wakes_those_who_said_nothing_and_is_looked_for_otherwise() {
        let changes = Arc::new(Changes::default());
        let (silent, told) = (changes.watch("silent"), changes.watch("told"));
        changes.note_seen(&told, 1);
        {
            let (first, second) = (silent.changed(), told.changed());
            tokio::pin!(first, second);
            first.as_mut().enable();
            second.as_mut().enable();
            changes.wake_outdated();
            assert!(is_woken(first).await);
            assert!(!is_woken(second).await);
        }
        changes.look.notified().await;
        drop((silent, told));
        assert_eq!(changes.seen(), None, "nobody is left to look for");
    }
}
