//! What a deployment chooses about the API. Plain values: reading and checking configuration is `app`'s work.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretBox};
use sha2::Sha256;

use crate::merchants::Merchants;

/// What a deployment chooses. [`ApiSettings::new`] fills in defaults that suit development.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// Where browsers reach this API: scheme, host and port, no slash at the end.
    pub public_url: String,
    /// Whether real money moves.
    pub mode: Mode,
    /// The script that opens the payment window.
    pub sdk_url: String,
    /// Where `/checkout/success` sends the browser: a path of `public_url`, or an absolute URL.
    pub success_redirect: String,
    /// Where `/checkout/fail` sends the browser.
    pub fail_redirect: String,
    /// What order tokens are made with. Changing it makes every token that was given out worthless.
    pub token_key: TokenKey,
    /// Whom payments may go to: a store can be given no other merchant.
    pub merchants: Merchants,
    /// How long a new order may be paid, in milliseconds.
    pub pay_by_ms: i64,
    /// Origins whose pages may call the API from a browser. None by default: the demo shop is of the same origin.
    pub cors_origins: Vec<String>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Callers with a rate limit of their own, such as a shop's own server. Whoever comes through a proxy that is not among
    /// `trusted_proxies` is none of them.
    pub trusted_callers: Vec<Network>,
    /// Where webhooks may come from; anybody's are taken, within a rate, when there is none.
    pub webhook_sources: Vec<Network>,
    /// The largest cancel, in won, that operators begin without typing its amount. A rule of pages: the API itself takes any.
    pub confirm_amount_above: i64,
    /// What is taken at once, and how fast.
    pub limits: Limits,
}

/// Whether real money moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The bundled simulator stands in for Toss.
    Simulator,
    /// Toss with test keys: the window is real, the money is not.
    Test,
    /// Toss with live keys.
    Live,
}

impl Mode {
    /// The word for answers and configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Mode::Simulator => "simulator",
            Mode::Test => "test",
            Mode::Live => "live",
        }
    }
}

/// What the API takes at once, and how fast.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest request body, in bytes.
    pub body_bytes_max: usize,
    /// Connections at once. Further ones wait to be accepted.
    pub connections_max: usize,
    /// Requests at once, without those that only wait. Further ones get 503.
    pub requests_in_flight_max: usize,
    /// Pages and forms of the console at once, apart from all others. Further ones get 503.
    pub console_requests_max: usize,
    /// Long polls that wait at once. Further ones are answered at once.
    pub waiting_polls_max: usize,
    /// Event streams at once. Further ones get 503, and the client polls.
    pub event_streams_max: usize,
    /// Long polls that wait for one order, and event streams of it. Of a customer there are a few windows; further polls are answered at once,
    /// further streams get 429.
    pub waiting_per_order_max: usize,
    /// Jobs being handed to the queue at once. Those beyond are left to the relay.
    pub publishing_max: usize,
    /// How long a client may take to send a request's head; also how long a connection may be idle.
    pub header_timeout: Duration,
    /// How long a client may take to send a request's body.
    pub body_timeout: Duration,
    /// How long a request may take, without the time that it asked to wait.
    pub request_timeout: Duration,
    /// How long connections may take to end at shutdown.
    pub drain_timeout: Duration,
    /// Quotes and orders, per client address.
    pub public_rate: Rate,
    /// Everything of a trusted caller, per address: one server acts for many customers and staff.
    pub trusted_rate: Rate,
    /// Confirms and closings, per order.
    pub order_rate: Rate,
    /// Changes by staff, per member.
    pub staff_rate: Rate,
}

/// A rate: so many at once, refilled so fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Refilled per second.
    pub per_second: NonZeroU32,
    /// At once.
    pub burst: NonZeroU32,
}

impl Rate {
    /// A rate of so many per second and at once; zero counts as one.
    #[must_use]
    pub const fn new(per_second: u32, burst: u32) -> Rate {
        Rate { per_second: at_least_one(per_second), burst: at_least_one(burst) }
    }
}

const fn at_least_one(count: u32) -> NonZeroU32 {
    match NonZeroU32::new(count) {
        Some(count) => count,
        None => NonZeroU32::MIN,
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            body_bytes_max: 64 * 1024,
            connections_max: 4_096,
            requests_in_flight_max: 512,
            console_requests_max: 128,
            waiting_polls_max: 2_048,
            event_streams_max: 1_024,
            waiting_per_order_max: 16,
            publishing_max: 1_024,
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(20),
            request_timeout: Duration::from_secs(20),
            drain_timeout: Duration::from_secs(10),
            public_rate: Rate::new(10, 40),
            trusted_rate: Rate::new(2_000, 4_000),
            order_rate: Rate::new(2, 20),
            staff_rate: Rate::new(20, 60),
        }
    }
}

impl ApiSettings {
    /// Settings with defaults: the simulator's mode, the demo shop's return page, one merchant, loopback trusted.
    #[must_use]
    pub fn new(public_url: impl Into<String>, token_key: TokenKey) -> ApiSettings {
        ApiSettings {
            public_url: public_url.into(),
            mode: Mode::Simulator,
            sdk_url: String::new(),
            success_redirect: "/shop/return".to_owned(),
            fail_redirect: "/shop/return".to_owned(),
            token_key,
            merchants: Merchants::single(String::new()),
            pay_by_ms: domain::limits::PAY_BY_MS,
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            trusted_callers: vec![
                Network { address: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), prefix: 8 },
                Network { address: IpAddr::V6(Ipv6Addr::LOCALHOST), prefix: 128 },
            ],
            webhook_sources: Vec::new(),
            confirm_amount_above: 100_000,
            limits: Limits::default(),
        }
    }
}

/// The secret that order tokens are made with: 32 random bytes.
#[derive(Clone)]
pub struct TokenKey(Arc<SecretBox<[u8; 32]>>);

impl TokenKey {
    /// Takes the secret.
    #[must_use]
    pub fn new(secret: [u8; 32]) -> TokenKey {
        TokenKey(Arc::new(SecretBox::new(Box::new(secret))))
    }

    /// What refund accounts are sealed with in the database: derived, so that one secret is enough.
    #[must_use]
    pub fn seal_key(&self) -> Option<store::SealKey> {
        store::SealKey::derive(self.expose())
    }

    /// A hash behind which nobody finds what was hashed without the key.
    #[must_use]
    pub fn fingerprint(&self, bytes: &[u8]) -> String {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.expose()) else {
            return String::new();
        };
        mac.update(b"f");
        mac.update(bytes);
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(redacted)")
    }
}

/// A range of addresses, as in `10.0.0.0/8`; a single address is a range of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

/// A text that is no range of addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a range of addresses such as 10.0.0.0/8 or ::1")]
pub struct InvalidNetwork(pub String);

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Network, InvalidNetwork> {
        let invalid = || InvalidNetwork(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => {
                prefix.parse().ok().filter(|prefix| *prefix <= bits).ok_or_else(invalid)?
            }
            None => bits,
        };
        Ok(Network { address, prefix })
    }
}

impl Network {
    /// Whether the address lies in it. An IPv4 address written as IPv6 counts as what it is.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        match (self.address.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(range), IpAddr::V4(address)) => {
                let shift = 32_u32.saturating_sub(self.prefix);
                let high = |address: Ipv4Addr| address.to_bits().checked_shr(shift).unwrap_or(0);
                high(range) == high(address)
            }
            (IpAddr::V6(range), IpAddr::V6(address)) => {
                let shift = 128_u32.saturating_sub(self.prefix);
                let high = |address: Ipv6Addr| address.to_bits().checked_shr(shift).unwrap_or(0);
                high(range) == high(address)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(network: &str, address: &str) -> bool {
        network.parse::<Network>().unwrap().has(address.parse().unwrap())
    }

    #[test]
    fn a_network_has_the_addresses_of_its_prefix() {
        assert!(has("10.0.0.0/8", "10.200.3.4"));
        assert!(!has("10.0.0.0/8", "11.0.0.1"));
        assert!(has("192.168.1.7", "192.168.1.7"));
        assert!(!has("192.168.1.7", "192.168.1.8"));
        assert!(has("0.0.0.0/0", "8.8.8.8"));
        assert!(!has("0.0.0.0/0", "2001:db8::1"));
        assert!(has("2001:db8::/32", "2001:db8:1::9"));
        assert!(has("127.0.0.0/8", "::ffff:127.0.0.1"));
        assert!(has("::/0", "::1"));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "10.0.0.0/33", "::1/129", "host", "10.0.0.0/-1", "10.0.0.0/8/8"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_token_key_is_never_shown() {
        let settings = ApiSettings::new("http://localhost", TokenKey::new([7; 32]));
        assert!(format!("{settings:?}").contains("TokenKey(redacted)"));
    }
}
