//! Where the broker is and what is asked of it, parsed into a form that cannot be invalid.
//! Not here: reading files or the environment, which is the program's part.

use std::fmt;
use std::num::{NonZeroU16, NonZeroUsize};

use lapin::uri::{AMQPScheme, AMQPUri};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::Lane;

/// Longest prefix, in bytes: the longest name made of it stays far below AMQP's 255.
pub const PREFIX_BYTES_MAX: usize = 64;
/// Longest name of a virtual host, in bytes. Source: AMQP 0-9-1, short strings.
const VHOST_BYTES_MAX: usize = 255;
/// Seconds between heartbeats unless the URL says otherwise. Silence counts as a lost connection
/// after two to three times as long: sooner than the lease of a job, so that what the broker has
/// given to a machine that vanished is with others when they may claim it. The broker's own default
/// would be two minutes.
pub const HEARTBEAT_S: u16 = 5;
/// How many messages wait in a lane at the most, unless the configuration says otherwise.
pub const CAPACITY_PER_LANE: NonZeroUsize = NonZeroUsize::new(1_000_000).unwrap();
/// How many confirms a consumer holds unless the configuration says otherwise: twice what a worker
/// of the usual size has under way, so that it never waits for the network.
pub const PREFETCH: NonZeroU16 = NonZeroU16::new(128).unwrap();

/// A RabbitMQ virtual host, and the names and limits used there.
///
/// Printing it shows no password.
#[derive(Clone)]
pub struct RabbitConfig {
    pub(super) uri: AMQPUri,
    pub(super) prefix: String,
    pub(super) capacity_per_lane: NonZeroUsize,
    pub(super) prefetch: NonZeroU16,
    pub(super) prefetch_max: NonZeroU16,
    /// The only certificate authorities that are trusted; `None` trusts those of the system.
    pub(super) authorities: Option<Vec<CertificateDer<'static>>>,
}

/// Why a configuration was refused. Never contains the URL, which has a password in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRabbitConfig {
    /// Not a URL of the form `amqp://user:password@host:port/vhost`.
    #[error("the broker's URL must be amqp:// or amqps:// with a host: {0}")]
    Url(String),
    /// The host is an IP address of version 6, which the AMQP client would mistake for `localhost`.
    #[error("the broker's host must be a name or an IPv4 address, not an IPv6 address")]
    Ipv6Host,
    /// Heartbeats were switched off.
    #[error("heartbeat=0 would let a dead connection go unnoticed for ever: leave it out")]
    NoHeartbeat,
    /// The prefix has another form.
    #[error(
        "the queue's prefix must have 1 to {PREFIX_BYTES_MAX} characters of a-z, 0-9, '.', '_', \
         '-', begin with a letter or a digit, and not with 'amq.'"
    )]
    Prefix,
    /// No certificate in what should be the certificate authority's.
    #[error("the certificate authority's file holds no certificate in PEM form")]
    Authority,
}

impl RabbitConfig {
    /// Parses a URL such as `amqps://user:password@host:5671/vhost`, and the prefix of all names.
    ///
    /// The virtual host is the path, percent-encoded: `/%2f` or nothing is the default one, named
    /// `/`. The port defaults to 5672, or 5671 with TLS. `?heartbeat=` takes seconds, from 1.
    ///
    /// # Errors
    /// [`InvalidRabbitConfig`] says what is wrong, without the URL.
    pub fn parse(url: &str, prefix: &str) -> Result<RabbitConfig, InvalidRabbitConfig> {
        let host = host_of(url)
            .ok_or_else(|| InvalidRabbitConfig::Url("it has no scheme, or no host".to_owned()))?;
        if host.starts_with('[') {
            return Err(InvalidRabbitConfig::Ipv6Host);
        }
        // The parser's own message may repeat the URL.
        let mut uri: AMQPUri = url
            .parse()
            .map_err(|_: String| InvalidRabbitConfig::Url("it cannot be parsed".to_owned()))?;
        if uri.query.heartbeat == Some(0) {
            return Err(InvalidRabbitConfig::NoHeartbeat);
        }
        uri.query.heartbeat.get_or_insert(HEARTBEAT_S);
        if uri.vhost.is_empty() {
            "/".clone_into(&mut uri.vhost);
        }
        if uri.vhost.len() > VHOST_BYTES_MAX {
            return Err(InvalidRabbitConfig::Url("its virtual host is too long".to_owned()));
        }
        if !is_prefix(prefix) {
            return Err(InvalidRabbitConfig::Prefix);
        }
        Ok(RabbitConfig {
            uri,
            prefix: prefix.to_owned(),
            capacity_per_lane: CAPACITY_PER_LANE,
            prefetch: PREFETCH,
            prefetch_max: NonZeroU16::MAX,
            authorities: None,
        })
    }

    /// Lets at most so many messages wait in each lane. It is an argument of the queues, so every
    /// process must name the same; to change it, delete the empty queues or take another prefix.
    #[must_use]
    pub fn with_capacity_per_lane(self, capacity: NonZeroUsize) -> RabbitConfig {
        RabbitConfig { capacity_per_lane: capacity, ..self }
    }

    /// Lets a consumer hold so many confirms that are not acknowledged. The other lanes have their
    /// share by weight, and at least one.
    #[must_use]
    pub fn with_prefetch(self, prefetch: NonZeroU16) -> RabbitConfig {
        RabbitConfig { prefetch, ..self }
    }

    /// Lets a consumer hold no more than so many of any lane.
    #[must_use]
    pub fn with_prefetch_max(self, prefetch_max: NonZeroU16) -> RabbitConfig {
        RabbitConfig { prefetch_max, ..self }
    }

    /// Trusts only servers whose certificate comes from these authorities (PEM, one or more),
    /// instead of the system's. Matters with `amqps://` only.
    ///
    /// # Errors
    /// [`InvalidRabbitConfig::Authority`] when there is no certificate in it.
    pub fn with_authorities(self, pem: &[u8]) -> Result<RabbitConfig, InvalidRabbitConfig> {
        let authorities: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|_| InvalidRabbitConfig::Authority)?;
        if authorities.is_empty() {
            return Err(InvalidRabbitConfig::Authority);
        }
        Ok(RabbitConfig { authorities: Some(authorities), ..self })
    }

    /// Where the broker is, without the password: `amqp://host:5672/%2f` as `amqp://host:5672 /`.
    #[must_use]
    pub fn address(&self) -> String {
        let AMQPUri { scheme, authority, vhost, .. } = &self.uri;
        format!("{scheme}://{}:{} {vhost}", authority.host, authority.port)
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.uri.scheme == AMQPScheme::AMQPS
    }

    /// How many messages of a lane a consumer of these lanes holds: its most urgent lane has all, the others by their weights.
    pub(super) fn prefetch_of(&self, lane: Lane, lanes: &[Lane]) -> NonZeroU16 {
        let heaviest = lanes.iter().copied().map(Lane::weight).max().unwrap_or(lane.weight());
        let share = u32::from(self.prefetch.get())
            .saturating_mul(lane.weight())
            .checked_div(heaviest)
            .unwrap_or(0);
        let share = NonZeroU16::new(u16::try_from(share).unwrap_or(u16::MAX));
        share.unwrap_or(NonZeroU16::MIN).min(self.prefetch_max)
    }
}

impl fmt::Debug for RabbitConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitConfig")
            .field("address", &self.address())
            .field("user", &self.uri.authority.userinfo.username)
            .field("prefix", &self.prefix)
            .field("capacity_per_lane", &self.capacity_per_lane)
            .field("prefetch", &self.prefetch)
            .field("prefetch_max", &self.prefetch_max)
            .field("authorities", &self.authorities.as_ref().map(Vec::len))
            .finish()
    }
}

/// The host as it is written. The URL parser puts `localhost` where it finds none.
fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    (!host.is_empty() && !host.starts_with(':')).then_some(host)
}

fn is_prefix(prefix: &str) -> bool {
    let is_allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-')
    };
    prefix.len() <= PREFIX_BYTES_MAX
        && prefix.bytes().all(is_allowed)
        && prefix.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        && !prefix.starts_with("amq.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<RabbitConfig, InvalidRabbitConfig> {
        RabbitConfig::parse(url, "seungin")
    }

    #[test]
    fn a_url_says_where_the_broker_is() {
        let config = parse("amqps://us%40er:pa%2fss@broker.example/sh%2fop?heartbeat=5").unwrap();
        assert_eq!(config.address(), "amqps://broker.example:5671 sh/op");
        assert_eq!(config.uri.authority.userinfo.username, "us@er");
        assert_eq!(config.uri.authority.userinfo.password, "pa/ss");
        assert_eq!(config.uri.query.heartbeat, Some(5));
        assert!(config.is_encrypted());
        for default_vhost in ["amqp://127.0.0.1", "amqp://127.0.0.1/", "amqp://127.0.0.1/%2f"] {
            let config = parse(default_vhost).unwrap();
            assert_eq!(config.address(), "amqp://127.0.0.1:5672 /");
            assert_eq!(config.uri.query.heartbeat, Some(HEARTBEAT_S));
            assert!(!config.is_encrypted());
        }
    }

    #[test]
    fn a_url_that_means_something_else_than_it_seems_to_is_refused() {
        for not_a_url in [
            "",
            "broker:5672",
            "http://broker/",
            "amqp://",
            "amqp:///vhost",
            "amqp://u:p@/v",
            "amqp://:5672/v",
            "amqp://broker:port/",
        ] {
            assert!(matches!(parse(not_a_url), Err(InvalidRabbitConfig::Url(_))), "{not_a_url}");
        }
        let long = format!("amqp://broker/{}", "v".repeat(256));
        assert!(matches!(parse(&long), Err(InvalidRabbitConfig::Url(_))));
        assert_eq!(parse("amqp://u:p@[::1]:5672/").unwrap_err(), InvalidRabbitConfig::Ipv6Host);
        assert_eq!(
            parse("amqp://broker/?heartbeat=0").unwrap_err(),
            InvalidRabbitConfig::NoHeartbeat
        );
    }

    #[test]
    fn neither_a_printed_configuration_nor_an_error_shows_the_password() {
        let config = parse("amqp://user:hush-hush@broker/").unwrap();
        assert!(!format!("{config:?}").contains("hush-hush"), "{config:?}");
        for broken in ["amqp://user:hush-hush@broker:x/", "http://user:hush-hush@broker"] {
            let error = parse(broken).unwrap_err();
            assert!(!format!("{error:?} {error}").contains("hush-hush"), "{error:?}");
        }
    }

    #[test]
    fn a_prefix_makes_names_that_every_tool_can_handle() {
        for good in ["seungin", "a", "shop-1.test_2", "1", &"x".repeat(64)] {
            assert!(RabbitConfig::parse("amqp://broker", good).is_ok(), "{good}");
        }
        for bad in ["", "-a", ".a", "Shop", "a b", "결제", "a/b", "a*", "amq.x", &"x".repeat(65)]
        {
            let refused = RabbitConfig::parse("amqp://broker", bad).unwrap_err();
            assert_eq!(refused, InvalidRabbitConfig::Prefix, "{bad}");
        }
    }

    #[test]
    fn every_lane_has_its_share_of_the_prefetch_and_at_least_one() {
        let shares = |prefetch: u16| {
            let config = parse("amqp://broker").unwrap();
            let config = config.with_prefetch(NonZeroU16::new(prefetch).unwrap());
            Lane::ALL.map(|lane| config.prefetch_of(lane, &Lane::ALL).get())
        };
        assert_eq!(shares(128), [128, 32, 32, 8]);
        assert_eq!(shares(1), [1, 1, 1, 1]);
        assert_eq!(shares(u16::MAX), [65_535, 16_383, 16_383, 4_095]);
        let config = parse("amqp://broker").unwrap();
        let alone = config.prefetch_of(Lane::Bulk, &[Lane::Bulk]);
        assert_eq!(alone, PREFETCH, "a lane alone has all of it");
        let bounded = config.with_prefetch_max(NonZeroU16::new(100).unwrap());
        let shares = Lane::ALL.map(|lane| bounded.prefetch_of(lane, &Lane::ALL).get());
        assert_eq!(shares, [100, 32, 32, 8]);
    }

    #[test]
    fn a_file_without_a_certificate_is_no_authority() {
        for empty in ["", "hello", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"] {
            let refused = parse("amqps://broker").unwrap().with_authorities(empty.as_bytes());
            assert_eq!(refused.unwrap_err(), InvalidRabbitConfig::Authority, "{empty}");
        }
    }
}
