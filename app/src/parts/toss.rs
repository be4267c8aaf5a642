//! Whom the product pays through: Toss, or the bundled simulator in its place.

use ::toss::{SecretKey, TossClient, TossConfig};
use anyhow::Context as _;
use api::{MerchantKeys, Mode};
use store::KeyPairId;

use crate::config::{Config, KeyPair, Merchants, TossChoice, default_of};

/// The keys that calls to the bundled simulator are made with. They protect nothing: it moves no
/// money and listens on loopback.
const SIMULATOR_SECRET_KEY: &str = "test_sk_seungin_simulator";
const SIMULATOR_CLIENT_KEY: &str = "test_ck_seungin_simulator";

/// Whom the product talks to, and what the browser needs for it.
#[derive(Debug)]
pub(crate) struct Toss {
    pub(super) mode: Mode,
    merchants: Merchants,
    pub(super) base_url: String,
    pub(super) sdk_url: String,
    /// The origin of the payment window when the simulator serves it.
    pub(super) simulator: Option<String>,
}

/// Where a simulator that runs is found.
#[derive(Debug)]
pub(crate) struct Simulated {
    /// By the worker.
    pub(crate) url: String,
    /// By browsers.
    pub(crate) public_url: String,
}

impl Simulated {
    /// One that this process finds at `url`.
    pub(crate) fn at(url: String, config: &Config) -> Simulated {
        Simulated { public_url: config.simulator.public_url(url.clone()), url }
    }
}

impl Toss {
    /// Toss as configured; `simulator` is where the bundled one listens, if it is used.
    ///
    /// # Errors
    /// None in practice: the simulator's key is valid.
    pub(crate) fn choose(config: &Config, simulator: Option<Simulated>) -> anyhow::Result<Toss> {
        match (&config.toss, simulator) {
            (TossChoice::Toss { merchants, base_url, sdk_url }, _) => Ok(Toss {
                mode: if merchants.are_live() { Mode::Live } else { Mode::Test },
                merchants: merchants.clone(),
                base_url: base_url.as_str().to_owned(),
                sdk_url: sdk_url.as_str().to_owned(),
                simulator: None,
            }),
            (TossChoice::Simulator, Some(simulator)) => Ok(Toss {
                mode: Mode::Simulator,
                merchants: Merchants::single(KeyPair {
                    secret_key: SecretKey::parse(SIMULATOR_SECRET_KEY)?,
                    client_key: SIMULATOR_CLIENT_KEY.to_owned(),
                }),
                base_url: simulator.url,
                sdk_url: format!("{}/v2/standard", simulator.public_url),
                simulator: Some(simulator.public_url),
            }),
            (TossChoice::Simulator, None) => anyhow::bail!("the simulator is not running"),
        }
    }

    /// A client for each pair of keys.
    ///
    /// # Errors
    /// No client can be made of the configuration.
    pub(crate) fn gateways(&self) -> anyhow::Result<worker::Gateways> {
        let clients = self.merchants.pairs().map(|(merchant, number, pair)| {
            let config = TossConfig::new(&self.base_url, pair.secret_key.clone());
            let client = TossClient::new(config).context("the client of Toss")?;
            Ok((KeyPairId { merchant: merchant.to_owned(), number }, client))
        });
        Ok(worker::Gateways::new(clients.collect::<anyhow::Result<_>>()?))
    }

    /// What the API knows of the merchants: no secret.
    pub(super) fn api_merchants(&self) -> api::Merchants {
        let names: Vec<&str> = self.merchants.iter().map(|(name, _)| name).collect();
        let keys = self.merchants.iter().map(|(name, merchant)| {
            let client_keys =
                merchant.pairs.iter().map(|(number, pair)| (*number, pair.client_key.clone()));
            let keys =
                MerchantKeys { current: merchant.current, client_keys: client_keys.collect() };
            (name.to_owned(), keys)
        });
        api::Merchants::new(keys.collect(), default_of(&names).map(str::to_owned))
    }

    /// The word for what moves: simulator, test or live.
    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }
}
