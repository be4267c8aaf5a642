//! How fast anybody may guess: tries per client address, and hashes at once. Pauses per name are `store`'s, and hold over all processes.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::Semaphore;

/// Tries to sign in per minute and address, after as many at once. A whole office may have one address.
const TRIES_PER_MINUTE: NonZeroU32 = NonZeroU32::new(30).unwrap();
/// Passwords that are hashed at once: each takes 19 MiB and a core.
const HASHES_MAX: usize = 4;
/// After how many addresses those are forgotten who have been quiet.
const ADDRESSES_MAX: usize = 10_000;
/// The part of an IPv6 address that names the network.
const NETWORK_BITS: u128 = 0xffff_ffff_ffff_ffff_0000_0000_0000_0000;

/// What slows guessing down in this process.
pub(crate) struct Guard {
    tries: DefaultKeyedRateLimiter<IpAddr>,
    hashes: Semaphore,
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
            hashes: Semaphore::new(HASHES_MAX),
        }
    }

    /// Whether this address may try once more now.
    pub(crate) fn may_try(&self, address: IpAddr) -> bool {
        if self.tries.len() > ADDRESSES_MAX {
            self.tries.retain_recent();
        }
        self.tries.check_key(&household(address)).is_ok()
    }

    /// Compares a password, off the threads that serve pages.
    pub(crate) async fn is_right(&self, password: String, hash: Option<String>) -> bool {
        let Ok(_place) = self.hashes.acquire().await else { return false };
        let compare = move || crate::password::is_right(&password, hash.as_deref());
        tokio::task::spawn_blocking(compare).await.unwrap_or(false)
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
}
