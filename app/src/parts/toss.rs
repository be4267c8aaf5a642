//! Whom the product pays through: Toss, or the bundled simulator in its place.

use ::toss::{SecretKey, TossClient, TossConfig};
use anyhow::Context as _;
use api::Mode;

use crate::config::{Config, TossChoice};

/// The keys that calls to the bundled simulator are made with. They protect nothing: it moves no
/// money and listens on loopback.
const SIMULATOR_SECRET_KEY: &str = "test_sk_seungin_simulator";
const SIMULATOR_CLIENT_KEY: &str = "test_ck_seungin_simulator";

/// Whom the product talks to, and what the browser needs for it.
#[derive(Debug)]
pub(crate) struct Toss {
    pub(super) mode: Mode,
    pub(super) secret_key: SecretKey,
    pub(super) client_key: String,
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
            (TossChoice::Toss { secret_key, client_key, base_url, sdk_url }, _) => Ok(Toss {
                mode: if secret_key.is_live() { Mode::Live } else { Mode::Test },
                secret_key: secret_key.clone(),
                client_key: client_key.clone(),
                base_url: base_url.as_str().to_owned(),
                sdk_url: sdk_url.as_str().to_owned(),
                simulator: None,
            }),
            (TossChoice::Simulator, Some(simulator)) => Ok(Toss {
                mode: Mode::Simulator,
                secret_key: SecretKey::parse(SIMULATOR_SECRET_KEY)?,
                client_key: SIMULATOR_CLIENT_KEY.to_owned(),
                base_url: simulator.url,
                sdk_url: format!("{}/v2/standard", simulator.public_url),
                simulator: Some(simulator.public_url),
            }),
            (TossChoice::Simulator, None) => anyhow::bail!("the simulator is not running"),
        }
    }

    /// A client with these keys.
    ///
    /// # Errors
    /// No client can be made of the configuration.
    pub(crate) fn client(&self) -> anyhow::Result<TossClient> {
        TossClient::new(TossConfig::new(&self.base_url, self.secret_key.clone()))
            .context("the client of Toss")
    }

    /// The word for what moves: simulator, test or live.
    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }
}
