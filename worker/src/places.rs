//! The places of a worker's calls, and how company is waited for: many claims and many answers are one transaction each, which costs far less
//! than one for each of them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How many jobs are claimed, and how many answers are settled, in one transaction at the most.
pub(crate) const BATCH_MAX: usize = 64;
/// With so many calls under way others come within a moment. With fewer nobody is waited for.
const BUSY: usize = 16;
/// That moment: next to what the calls themselves take, nothing.
pub(crate) const MOMENT: Duration = Duration::from_millis(4);

/// Places for calls. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    all: usize,
}

impl Places {
    pub(crate) fn new(all: usize) -> Places {
        Places { free: Arc::new(Semaphore::new(all)), all }
    }

    pub(crate) fn free(&self) -> usize {
        self.free.available_permits()
    }

    /// Waits for a place.
    pub(crate) async fn take(&self) -> Result<OwnedSemaphorePermit, AcquireError> {
        Arc::clone(&self.free).acquire_owned().await
    }

    /// Whether more calls are under way than those that are counted here, so that company is worth a moment.
    pub(crate) fn is_busy_beside(&self, counted: usize) -> bool {
        self.all.saturating_sub(self.free()) >= counted.saturating_add(BUSY)
    }

    /// When many calls are under way, waits a moment for so many places to be free.
    pub(crate) async fn gather(&self, wanted: usize) {
        if !self.is_busy_beside(0) || self.free() >= wanted {
            return;
        }
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
        // They are there for whoever takes them one by one.
        let _gathered = timeout(MOMENT, self.free.acquire_many(wanted)).await;
    }

    /// How many places are worth waiting for: of few, a part is free again before long.
    pub(crate) fn batch(&self) -> usize {
        BATCH_MAX.min(self.all.div_ceil(2))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    async fn taken(places: &Places, count: usize) -> Vec<OwnedSemaphorePermit> {
        let mut taken = Vec::new();
        for _ in 0..count {
            taken.push(places.take().await.unwrap());
        }
        taken
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_company_while_little_is_under_way() {
        let places = Places::new(32);
        let _few = taken(&places, BUSY - 1).await;
        let began = Instant::now();
        places.gather(32).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn company_is_waited_for_until_it_is_there_and_a_moment_at_the_most() {
        let places = Places::new(32);
        let mut many = taken(&places, 20).await;
        let began = Instant::now();
        places.gather(16).await;
        assert_eq!(began.elapsed(), MOMENT);
        let leaving = async {
            tokio::time::sleep(MOMENT / 2).await;
            many.truncate(16);
        };
        let began = Instant::now();
        tokio::join!(places.gather(16), leaving);
        assert_eq!(began.elapsed(), MOMENT / 2);
        // What was gathered is free.
        assert_eq!(places.free(), 16);
    }

    #[tokio::test]
    async fn answers_that_wait_are_no_company_of_themselves() {
        let places = Places::new(32);
        let _many = taken(&places, 20).await;
        assert!(places.is_busy_beside(4));
        assert!(!places.is_busy_beside(5));
    }
}
