//! Who answers the calls: Toss with the keys of merchants, or a simulator; and how many calls a merchant may be asked for.

use std::net::SocketAddr;
use std::num::NonZeroU32;

use store::KeyPairId;

use super::merchants::{DEFAULT, FIRST, Merchants, parse_merchants};
use super::read::Reader;
use super::values::Address;

/// Who answers the calls.
#[derive(Debug)]
pub(crate) enum TossChoice {
    /// The bundled simulator.
    Simulator,
    /// Toss itself.
    Toss { merchants: Merchants, base_url: Address, sdk_url: Address },
}

impl TossChoice {
    /// The names that stores may sell under; the simulator has one merchant.
    pub(crate) fn merchant_names(&self) -> Vec<&str> {
        match self {
            TossChoice::Simulator => vec![DEFAULT],
            TossChoice::Toss { merchants, .. } => merchants.iter().map(|(name, _)| name).collect(),
        }
    }

    /// Every pair of keys, and whether new orders take it; the simulator has one.
    pub(crate) fn key_pairs(&self) -> Vec<(KeyPairId, bool)> {
        let pair = |merchant: &str, number| KeyPairId { merchant: merchant.to_owned(), number };
        match self {
            TossChoice::Simulator => vec![(pair(DEFAULT, FIRST), true)],
            TossChoice::Toss { merchants, .. } => {
                let all = merchants.iter().flat_map(|(name, merchant)| {
                    let numbers = merchant.pairs.keys().copied();
                    numbers.map(move |number| (pair(name, number), number == merchant.current))
                });
                all.collect()
            }
        }
    }
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
    let Some(merchants) = parse_merchants(reader)? else { return Some(TossChoice::Simulator) };
    let (base_url, sdk_url) = (base_url?, sdk_url?);
    if merchants.are_live() && !base_url.is_secure() {
        reader.refuse("toss.base_url", "a live key is sent over https only");
        return None;
    }
    if merchants.are_live() && !sdk_url.is_secure() {
        reader.refuse("toss.sdk_url", "a script that takes real money is loaded over https only");
        return None;
    }
    Some(TossChoice::Toss { merchants, base_url, sdk_url })
}
