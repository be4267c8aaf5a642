//! Looking for those who wait: whether an order is another by now than they saw, for all of them together, now and then.
//!
//! So a change is noticed that nobody told of, and thousands who wait cost a few statements every two seconds. Each looking for itself would
//! cost as many statements as there are, and keep the connections from those who pay.

use std::collections::HashMap;
use std::time::Duration;

use entities::order;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _};

use crate::changes::Watch;
use crate::connection::Store;
use crate::error::StoreError;

/// How often somebody looks.
const EVERY: Duration = Duration::from_secs(2);
/// How many orders one statement asks about.
const ASKED_MAX: usize = 500;

impl Store {
    /// Has those woken who wait at this watch when the order is found to have another version, though nobody told of the change. Say it after
    /// each look: the others who wait for the order are woken when theirs was another.
    pub fn watch_from(&self, watch: &Watch, version: i64) {
        if self.changes.note_seen(watch, version) {
            tokio::spawn(look(self.clone()));
        }
    }

    /// Wakes those whose order is another than they saw.
    async fn wake_who_saw(&self, seen: &[(String, i64)]) -> Result<(), StoreError> {
        for some in seen.chunks(ASKED_MAX) {
            let asked = order::Entity::find()
                .select_only()
                .columns([order::Column::Id, order::Column::Version])
                .filter(order::Column::Id.is_in(some.iter().map(|(id, _)| id.as_str())))
                .into_tuple::<(String, i64)>();
            let found = async { Ok::<_, StoreError>(asked.all(&self.db).await?) };
            let found: HashMap<String, i64> = self.bounded(found).await?.into_iter().collect();
            let is_other =
                |(id, seen): &&(String, i64)| found.get(id).is_some_and(|found| found != seen);
            some.iter().filter(is_other).for_each(|(id, _)| self.changes.wake(id));
        }
        Ok(())
    }
}

/// Looks until nobody waits any more.
async fn look(store: Store) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = store.changes.look.notified() => {}
        }
        let Some(seen) = store.changes.seen() else { return };
        if let Err(error) = store.wake_who_saw(&seen).await {
            tracing::debug!(
                error = error.with_causes(),
                "looked in vain for those who wait: the next look is soon"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::open::StoreOptions;
    use crate::scratch::Scratch;

    #[tokio::test]
    async fn thousands_who_wait_cost_a_statement_per_some_hundreds() {
        let scratch = Scratch::make().await;
        let mut store = Store::open(&StoreOptions::new(scratch.url())).await.unwrap();
        store.migrate().await.unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        store.db.set_metric_callback(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        let seen: Vec<(String, i64)> =
            (0..1_200).map(|number| (format!("order-{number}"), 1)).collect();
        store.wake_who_saw(&seen).await.unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 3);
    }
}
