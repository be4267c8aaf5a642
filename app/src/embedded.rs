//! The whole product in one process: SQLite, the in-process queue, the worker, the relay, the API
//! with the demo shop, and the simulator in the place of Toss, reached over real HTTP.
//!
//! Starting takes ports and the data directory first, so that a refusal changes nothing. Stopping
//! goes the other way round: no new requests, then no new jobs, then the calls under way, then the
//! simulator that answers them.

use anyhow::Context as _;
use api::{Mode, TokenKey};
use store::Store;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Deployment, TossChoice};
use crate::data_dir::DataDir;
use crate::data_dir::instance::{self, Announcement, Instance};
use crate::demo::{self, Demo};
use crate::exit::Failure;
use crate::health::{self, Ends, Health};
use crate::lifecycle::Lifecycle;
use crate::parts::{self, ApiParts, Listener, Part, Queue, Serves, Simulated, Toss};

/// The ports that the product listens on.
#[derive(Debug)]
pub(crate) struct Ports {
    api: Listener,
    /// `None` when Toss itself is used.
    simulator: Option<Listener>,
    /// For health and metrics alone, if somebody wants it.
    health: Option<Listener>,
}

impl Ports {
    /// Takes them.
    ///
    /// # Errors
    /// One is taken or not allowed; the message names the flag that chooses another.
    pub(crate) async fn take(config: &Config) -> Result<Ports, Failure> {
        let api = parts::listen(config.api.listen, "--listen").await?;
        let simulator = match config.toss {
            TossChoice::Simulator => {
                Some(parts::listen(config.simulator.listen, "--simulator-listen").await?)
            }
            TossChoice::Toss { .. } => None,
        };
        Ok(Ports { api, simulator, health: parts::listen_for_health(config).await? })
    }
}

/// A running product. Stop it with [`Running::stop`].
#[derive(Debug)]
pub(crate) struct Running {
    /// Where it listens.
    pub(crate) instance: Instance,
    /// Whether money moves.
    pub(crate) mode: Mode,
    /// The demo staff, if this data directory has any.
    pub(crate) demo: Option<Demo>,
    parts: Lifecycle,
    queue: Queue,
    store: Store,
    // Dropped last, in this order: other commands learn that it is gone, then may use the directory.
    _announcement: Announcement,
    _data_dir: DataDir,
}

/// Starts everything and returns when it listens.
///
/// # Errors
/// The database does not answer, a file is damaged, or the database holds demo staff in production.
pub(crate) async fn start(
    config: &Config,
    ports: Ports,
    data_dir: DataDir,
) -> Result<Running, Failure> {
    let Ports { api: listener, simulator: simulator_listener, health: health_listener } = ports;
    let store = parts::open_store(config, data_dir.path(), true).await?;
    let token_key = match &config.token_key {
        Some(key) => key.clone(),
        None => TokenKey::new(data_dir.token_key()?),
    };
    let store = store.with_seal_key(token_key.seal_key());
    store.migrate().await.context("the database's schema cannot be brought up to date")?;
    let demo = prepare_demo(config, &store, &data_dir).await?;
    let simulator = simulator_listener.as_ref().map(Listener::url);
    let toss = Toss::choose(config, simulator.clone().map(|url| Simulated::at(url, config)))?;
    let api = listener.url();
    let health_url = health_listener.as_ref().map(Listener::url);
    let instance = Instance { pid: std::process::id(), api, simulator, health: health_url };
    let queue = Queue::open(config);

    let mut parts = Lifecycle::default();
    let health = Health::start(&store, health::watch(&queue, Ends::Both), parts.stopping())?;
    parts.serve_health(health_listener, &health);
    if let Some(listener) = simulator_listener {
        let stop = parts.stop_token(Part::Simulator);
        let webhook_url = format!("{}{}", instance.api, api::WEBHOOK_PATH);
        let webhook_url = config.simulator.sends_webhooks.then_some(webhook_url);
        let state_file = Some(data_dir.simulator_file());
        let simulator = parts::simulator(config, listener, state_file, webhook_url, stop)?;
        parts.spawn(Part::Simulator, simulator);
    }
    let stop = parts.stop_token(Part::Relay);
    parts.spawn(Part::Relay, parts::relay(store.clone(), queue.publisher(), stop));
    let stop = parts.stop_token(Part::Worker);
    parts.spawn(Part::Worker, parts::worker(config, store.clone(), &queue, &toss, stop)?);
    let stop = parts.stop_token(Part::Changes);
    parts.spawn(Part::Changes, parts::changes(store.clone(), stop));
    let stop = parts.stop_token(Part::Api);
    let (store_of_api, publisher) = (store.clone(), queue.publisher());
    let api_parts = ApiParts { listener, store: store_of_api, publisher, token_key, health };
    parts.spawn(Part::Api, parts::api(config, api_parts, Serves::Api, &toss, stop)?);

    let announcement = instance::announce(data_dir.path(), &instance)?;
    Ok(Running {
        instance,
        mode: toss.mode(),
        demo,
        parts,
        queue,
        store,
        _announcement: announcement,
        _data_dir: data_dir,
    })
}

/// Seeds what a trial needs, or makes sure that production has none of it.
async fn prepare_demo(
    config: &Config,
    store: &Store,
    data_dir: &DataDir,
) -> Result<Option<Demo>, Failure> {
    match config.deployment {
        Deployment::Development if config.seeds_demo => {
            Ok(demo::seed(store, data_dir.path(), &config.toss.merchant_names()).await?)
        }
        Deployment::Development => Ok(demo::find(data_dir.path())?),
        Deployment::Production => {
            demo::refuse_demo_staff(store).await?;
            Ok(None)
        }
    }
}

impl Running {
    /// Whether its data directory goes away with it.
    pub(crate) fn is_ephemeral(&self) -> bool {
        self._data_dir.is_ephemeral()
    }

    /// Runs until `shutdown`, or until a part ends by itself, and then stops.
    ///
    /// # Errors
    /// Why a part ended by itself, or could not end well.
    pub(crate) async fn run(self, shutdown: &CancellationToken) -> anyhow::Result<()> {
        self.parts.run(shutdown, self.queue, self.store).await
    }

    /// Stops.
    ///
    /// # Errors
    /// The first part that did not end well; all are stopped nevertheless.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.parts.stop(self.queue, self.store).await
    }
}
