//! How fast anybody may guess: tries per client address, and tries at once. Pauses per name are `store`'s, and hold over all processes.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;

/// Tries to sign in per minute and address, after as many at once. A whole office may have one address.
const TRIES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(30).unwrap();
/// Sign-ins that are tried at once: hashing a password takes 19 MiB and a core.
const PLACES: usize = 4;
/// Sign-ins that wait for a place. Those beyond are told to come again: a flood of them holds neither memory nor the places of pages.
const WAITING_MAX: usize = 16;
/// How long a sign-in waits for a place. Twenty hashes take a second or two.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// After how many addresses those are forgotten who have been quiet.
const ADDRESSES_MAX: usize = 10_000;
/// The part of an IPv6 address that names the network.
const NETWORK_BITS: u128 = 0xffff_ffff_ffff_ffff_0000_0000_0000_0000;

/// What slows guessing down in this process.
pub(crate) struct Guard {
    tries: DefaultKeyedRateLimiter<IpAddr>,
    places: Arc<Semaphore>,
    line: Semaphore,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}

impl Guard {
    pub(crate) fn new() -> Guard {
        Guard {
            tries: RateLimiter::keyed(Quota::per_minute(TRIES_PER_MINUTE)),
            places: Arc::new(Semaphore::new(PLACES)),
            line: Semaphore::new(WAITING_MAX),
        }
    }

    /// Whether this address may try once more now.
    pub(crate) fn may_try(&self, address: IpAddr) -> bool {
        if self.tries.len() > ADDRESSES_MAX {
            self.tries.retain_recent();
        }
        self.tries.check_key(&household(address)).is_ok()
    }

    /// A place to try a sign-in, waited for a little; `None` when too many try.
    pub(crate) async fn place(&self) -> Option<Place> {
        let _in_line = self.line.try_acquire().ok()?;
        let place = Arc::clone(&self.places).acquire_owned();
        Some(Place(tokio::time::timeout(WAIT_MAX, place).await.ok()?.ok()?))
    }
}

/// The place of one try.
#[derive(Debug)]
pub(crate) struct Place(OwnedSemaphorePermit);

impl Place {
    /// Whether the password is the one of the hash; it is hashed off the threads that serve pages.
    pub(crate) async fn compare(self, password: String, hash: Option<String>) -> bool {
        let compare = move || crate::password::is_right(&password, hash.as_deref());
        self.work(compare).await.unwrap_or(false)
    }

    /// Does what cannot be stopped; so the place is taken until it is done, whether or not somebody still waits for it.
    async fn work<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop(self.0);
            done
        })
        .await
    }
}

/// Who counts as one: an IPv4 address, or the IPv6 network that one connection is given.
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & NETWORK_BITS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_guesses_fast_is_stopped_and_others_are_not() {
        let guard = Guard::new();
        let one: IpAddr = "203.0.113.1".parse().unwrap();
        for _ in 0..TRIES_PER_MINUTE.get() {
            assert!(guard.may_try(one));
        }
        assert!(!guard.may_try(one));
        assert!(guard.may_try("203.0.113.2".parse().unwrap()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_try_waits_for_a_place_a_little_and_no_longer() {
        let guard = Guard::new();
        let mut places = Vec::new();
        for _ in 0..PLACES {
            places.push(guard.place().await.unwrap());
        }
        let began = tokio::time::Instant::now();
        assert!(guard.place().await.is_none());
        assert_eq!(began.elapsed().as_secs(), WAIT_MAX.as_secs());
        let (place, ()) = tokio::join!(guard.place(), async { drop(places.pop()) });
        assert!(place.is_some(), "whoever waits gets the first place that is left");
    }

    #[tokio::test(start_paused = true)]
    async fn the_line_has_an_end() {
        let guard = Arc::new(Guard::new());
        let ask = |guard: &Arc<Guard>| {
            let guard = Arc::clone(guard);
            tokio::spawn(async move { guard.place().await })
        };
        let mut places = Vec::new();
        for _ in 0..PLACES {
            places.push(guard.place().await.unwrap());
        }
        let waiting: Vec<_> = (0..WAITING_MAX).map(|_| ask(&guard)).collect();
        tokio::task::yield_now().await;
        let began = tokio::time::Instant::now();
        assert!(guard.place().await.is_none());
        assert_eq!(began.elapsed(), Duration::ZERO, "it is told at once");
        drop(places);
        for place in waiting {
            assert!(place.await.unwrap().is_some(), "places go down the line");
        }
        assert!(guard.place().await.is_some());
    }

    #[tokio::test]
    async fn whoever_goes_away_leaves_the_place_taken_until_the_hash_is_done() {
        let guard = Guard::new();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let place = guard.place().await.unwrap();
        let trying = tokio::spawn(place.work(move || ended.recv()));
        tokio::task::yield_now().await;
        trying.abort();
        assert!(trying.await.unwrap_err().is_cancelled());
        assert_eq!(guard.places.available_permits(), PLACES - 1);
        drop(end);
        let all = u32::try_from(PLACES).unwrap();
        assert!(guard.places.acquire_many(all).await.is_ok(), "then it is free");
    }
}
