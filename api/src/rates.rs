//! Rate limits: how fast one client address, one order and one member of staff may cause work. Reading is not limited here; what is
//! at work at once is.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, Ordering};

use domain::OrderId;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::problem::{Problem, ProblemCode};
use crate::settings::{Limits, Rate};

/// The part of an IPv6 address that names the network: its first 64 bits.
const NETWORK_BITS: u128 = 0xffff_ffff_ffff_ffff_0000_0000_0000_0000;

/// After how many checks those are forgotten who have been quiet.
const CHECKS_PER_SWEEP: u32 = 4_096;

/// The rate limits with what they remember.
pub(crate) struct Rates {
    public: DefaultKeyedRateLimiter<IpAddr>,
    trusted: DefaultKeyedRateLimiter<IpAddr>,
    orders: DefaultKeyedRateLimiter<String>,
    staff: DefaultKeyedRateLimiter<String>,
    clock: DefaultClock,
    checks: AtomicU32,
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Client {
    /// Its address, as far as trusted proxies tell.
    pub(crate) address: IpAddr,
    /// Whether it has a limit of its own.
    pub(crate) is_trusted: bool,
}

impl std::fmt::Debug for Rates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rates").finish_non_exhaustive()
    }
}

impl Rates {
    pub(crate) fn new(limits: &Limits) -> Rates {
        Rates {
            public: RateLimiter::keyed(quota(limits.public_rate)),
            trusted: RateLimiter::keyed(quota(limits.trusted_rate)),
            orders: RateLimiter::keyed(quota(limits.order_rate)),
            staff: RateLimiter::keyed(quota(limits.staff_rate)),
            clock: DefaultClock::default(),
            checks: AtomicU32::new(0),
        }
    }

    /// Something that anybody may do.
    pub(crate) fn check_client(&self, client: Client) -> Result<(), Problem> {
        let limiter = if client.is_trusted { &self.trusted } else { &self.public };
        self.check(limiter, &household(client.address))
    }

    /// Something done with an order's token.
    pub(crate) fn check_order(&self, order: &OrderId, client: Client) -> Result<(), Problem> {
        if client.is_trusted {
            return self.check_client(client);
        }
        self.check(&self.orders, &order.as_str().to_owned())
    }

    /// Something that a member of staff does.
    pub(crate) fn check_staff(&self, staff_id: &str, client: Client) -> Result<(), Problem> {
        if client.is_trusted {
            return self.check_client(client);
        }
        self.check(&self.staff, &staff_id.to_owned())
    }

    fn check<K: Hash + Eq + Clone>(
        &self,
        limiter: &DefaultKeyedRateLimiter<K>,
        key: &K,
    ) -> Result<(), Problem> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % CHECKS_PER_SWEEP == CHECKS_PER_SWEEP - 1 {
            self.forget_the_quiet();
        }
        limiter.check_key(key).map_err(|refused| {
            let wait = refused.wait_time_from(self.clock.now());
            Problem::new(ProblemCode::TooManyRequests)
                .retry_after_s(wait.as_secs().saturating_add(1))
        })
    }

    fn forget_the_quiet(&self) {
        self.public.retain_recent();
        self.trusted.retain_recent();
        self.orders.retain_recent();
        self.staff.retain_recent();
    }
}

const fn quota(rate: Rate) -> Quota {
    Quota::per_second(rate.per_second).allow_burst(rate.burst)
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

    fn rates() -> Rates {
        Rates::new(&Limits { public_rate: Rate::new(1, 2), ..Limits::default() })
    }

    fn stranger(address: &str) -> Client {
        Client { address: address.parse().unwrap(), is_trusted: false }
    }

    #[test]
    fn one_address_uses_up_its_own_limit_only() {
        let rates = rates();
        let one = stranger("203.0.113.1");
        assert!(rates.check_client(one).is_ok());
        assert!(rates.check_client(one).is_ok());
        assert_eq!(rates.check_client(one).unwrap_err().code(), ProblemCode::TooManyRequests);
        assert!(rates.check_client(stranger("203.0.113.2")).is_ok());
        assert!(rates.check_client(Client { is_trusted: true, ..one }).is_ok());
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_count_as_one() {
        let rates = rates();
        assert!(rates.check_client(stranger("2001:db8::1")).is_ok());
        assert!(rates.check_client(stranger("2001:db8::2")).is_ok());
        assert!(rates.check_client(stranger("2001:db8::3")).is_err());
        assert!(rates.check_client(stranger("2001:db8:0:1::3")).is_ok());
    }
}
