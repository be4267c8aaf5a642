//! Who answers the calls: Toss with a pair of keys, or a simulator; and how many calls a merchant may be asked for.

use std::net::SocketAddr;
use std::num::NonZeroU32;

use toss::SecretKey;

use super::read::Reader;
use super::values::Address;

/// Who answers the calls.
#[derive(Debug)]
pub(crate) enum TossChoice {
    /// The bundled simulator.
    Simulator,
    /// Toss itself.
    Toss { secret_key: SecretKey, client_key: String, base_url: Address, sdk_url: Address },
}

/// Where the simulator is.
#[derive(Debug)]
pub(crate) struct SimulatorConfig {
    /// Where the bundled one listens, if it is used.
    pub(crate) listen: SocketAddr,
    /// How the roles reach one that runs by itself.
    pub(crate) url: Address,
    /// How browsers reach it; `None`: at the same address.
    pub(crate) public_url: Option<Address>,
    /// Whether the bundled one tells the API of payments.
    pub(crate) sends_webhooks: bool,
}

impl SimulatorConfig {
    /// How browsers reach the one that this machine reaches at `url`.
    pub(crate) fn public_url(&self, url: String) -> String {
        self.public_url.as_ref().map_or(url, |public| public.as_str().to_owned())
    }
}

/// How much Toss is asked for, per merchant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallLimits {
    /// Calls that one worker makes at once.
    pub(crate) concurrency: usize,
    /// Calls of one kind per minute, of all workers together; `None` for as many as come.
    pub(crate) per_minute: Option<NonZeroU32>,
}

pub(super) fn parse_simulator(reader: &mut Reader<'_>) -> Option<SimulatorConfig> {
    let listen: Option<SocketAddr> = reader.parsed("simulator.listen");
    let url: Option<Address> = reader.parsed("simulator.url");
    let public_url: Option<Address> = reader.parsed("simulator.public_url");
    let sends_webhooks = reader.flag("simulator.webhooks");
    let listen = listen?;
    let at_listener = || format!("http://{listen}").parse().ok();
    let url = url.or_else(at_listener)?;
    Some(SimulatorConfig { listen, url, public_url, sends_webhooks: sends_webhooks? })
}

pub(super) fn parse_limits(reader: &mut Reader<'_>) -> Option<CallLimits> {
    let concurrency = reader.number("toss.concurrency", 1, 10_000);
    let per_minute = reader.number("toss.calls_per_minute", 0, 6_000_000);
    Some(CallLimits {
        concurrency: usize::try_from(concurrency?).ok()?,
        per_minute: NonZeroU32::new(per_minute?),
    })
}

pub(super) fn parse_toss(reader: &mut Reader<'_>) -> Option<TossChoice> {
    let base_url: Option<Address> = reader.parsed("toss.base_url");
    let sdk_url: Option<Address> = reader.parsed("toss.sdk_url");
    let secret_key = reader.text("toss.secret_key");
    let client_key = reader.text("toss.client_key");
    match (secret_key, client_key) {
        (None, None) => Some(TossChoice::Simulator),
        (Some(_), None) => {
            reader.refuse("toss.client_key", "a secret key needs the client key of the same pair");
            None
        }
        (None, Some(_)) => {
            reader.refuse("toss.secret_key", "a client key needs the secret key of the same pair");
            None
        }
        (Some(secret), Some(client_key)) => {
            // The message names what is wrong and does not repeat the key.
            let secret_key = SecretKey::parse(&secret)
                .map_err(|reason| reader.refuse("toss.secret_key", reason.to_string()));
            if !is_pair(&secret, &client_key) {
                let reason = "it must be the client key of the same pair: test_ck_… with test_sk_…, \
                              live_ck_… with live_sk_…, …gck_ with …gsk_";
                reader.refuse("toss.client_key", reason);
                return None;
            }
            let secret_key = secret_key.ok()?;
            let (base_url, sdk_url) = (base_url?, sdk_url?);
            if secret_key.is_live() && !base_url.is_secure() {
                reader.refuse("toss.base_url", "a live key is sent over https only");
                return None;
            }
            Some(TossChoice::Toss { secret_key, client_key, base_url, sdk_url })
        }
    }
}

/// Whether the prefixes belong together; that the rest does, only Toss knows.
fn is_pair(secret_key: &str, client_key: &str) -> bool {
    [
        ("test_sk_", "test_ck_"),
        ("live_sk_", "live_ck_"),
        ("test_gsk_", "test_gck_"),
        ("live_gsk_", "live_gck_"),
    ]
    .iter()
    .any(|(secret, client)| {
        let is_plain = |rest: &str| {
            !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        secret_key.starts_with(secret) && client_key.strip_prefix(client).is_some_and(is_plain)
    })
}
