//! The parts of the product and how each is started: database, simulator, worker, relay, API.
//!
//! A role of the process is a choice of parts; the embedded one takes all. Not here: which parts a
//! role takes, and in which order they end.

mod listener;
mod queue;
mod toss;

use std::collections::HashSet;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::queue::Publisher;
use anyhow::Context as _;
use api::{ApiContext, ApiSettings, Limits, TokenKey};
use domain::id::IdSource as _;
use secrecy::ExposeSecret as _;
use store::{KeyPairId, OpenError, RandomIds, Store, StoreOptions};
use tokio_util::sync::CancellationToken;

pub(crate) use self::listener::{Listener, listen, listen_for_health};
pub(crate) use self::queue::Queue;
pub(crate) use self::toss::{Simulated, Toss};
use crate::config::{self, Address, Config, Deployment};
use crate::data_dir::{database_url, make_database};
use crate::demo;
use crate::exit::Failure;
use crate::health::{self, Health};

/// The pause between two looks for a database that is away.
const DATABASE_PAUSE: Duration = Duration::from_secs(1);

/// Opens the database; `may_create` also makes a missing file in the data directory.
///
/// # Errors
/// It does not answer, or the path of the data directory cannot be used.
pub(crate) async fn open_store(
    config: &Config,
    data_dir: &Path,
    may_create: bool,
) -> Result<Store, Failure> {
    let options = store_options(config, data_dir, may_create)?;
    let store = Store::open(&options).await.map_err(not_opened)?;
    Ok(with_rules(store, config))
}

fn not_opened(error: OpenError) -> Failure {
    match error {
        // What the configuration did not find, if there is such a thing: trying again does not help.
        OpenError::Address(invalid) => config::invalid("database.url", invalid.to_string()).into(),
        OpenError::Unanswered { .. } => Failure::Unreachable(error.into()),
        OpenError::Refused(error) => Failure::Unreachable(
            anyhow::Error::from(error).context("the database cannot be opened"),
        ),
    }
}

/// The same without reaching it: it is connected to when it is there.
///
/// # Errors
/// Its address makes no sense.
pub(crate) async fn open_store_lazily(config: &Config) -> Result<Store, Failure> {
    let options = StoreOptions { is_lazy: true, ..store_options(config, &config.data_dir, false)? };
    let store = Store::open(&options).await.map_err(not_opened)?;
    Ok(with_rules(store, config))
}

/// What a deployment chooses about what the database is told.
fn with_rules(store: Store, config: &Config) -> Store {
    store
        .with_seal_key(config.token_key.as_ref().and_then(TokenKey::seal_key))
        .with_late_approval(config.checkout.on_late_approval)
}

fn store_options(
    config: &Config,
    data_dir: &Path,
    may_create: bool,
) -> Result<StoreOptions, Failure> {
    let url = match &config.database.url {
        Some(url) => url.expose_secret().to_owned(),
        None => {
            if may_create {
                make_database(data_dir)?;
            }
            database_url(data_dir, may_create)?
        }
    };
    let connections_max = config.database.connections_max;
    Ok(StoreOptions { connections_max, ..StoreOptions::new(url) })
}

/// The simulator on its listener; with `webhook_url`, it sends webhooks of every event there.
///
/// # Errors
/// Its state file is damaged, or the address is none.
pub(crate) fn simulator(
    config: &Config,
    listener: Listener,
    state_file: Option<std::path::PathBuf>,
    webhook_url: Option<String>,
    stop: CancellationToken,
) -> anyhow::Result<impl Future<Output = anyhow::Result<()>> + Send + 'static> {
    let public_url = Some(config.simulator.public_url(listener.url()));
    let config =
        simulator::Config { state_file, public_url, webhook_url, ..simulator::Config::default() };
    let simulator = simulator::Simulator::new(config).context("the simulator")?;
    Ok(async move {
        simulator::serve(listener.into_socket(), simulator, stop).await.context("the simulator")
    })
}

/// A worker, once the database is there with its schema.
///
/// # Errors
/// No client can be made of the configuration.
pub(crate) fn worker(
    config: &Config,
    store: Store,
    queue: &Queue,
    toss: &Toss,
    stop: CancellationToken,
) -> anyhow::Result<impl Future<Output = anyhow::Result<()>> + Send + 'static> {
    let context = worker::WorkerContext {
        store,
        consumer: queue.consumer(&config.worker.lanes),
        dead_letters: queue.dead_letters(),
        publisher: queue.publisher(),
        gateways: toss.gateways()?,
        pacing: Arc::new(worker::JitteredPacing::new(Arc::new(RandomIds))),
        limits: worker::CallLimits {
            concurrency: config.worker.concurrency,
            merchant_concurrency: config.call_limits.concurrency,
            per_minute: config.call_limits.per_minute,
        },
        identity: worker::Identity {
            id: RandomIds.new_id(),
            host: host_name(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            lanes: config.worker.lanes.clone(),
        },
        retention: Some(config.retention),
        reconciliation: config.reconciliation,
    };
    let known = context.gateways.key_pairs();
    Ok(async move {
        if !database_is_there(&context.store, &stop).await {
            return Ok(());
        }
        tell_of_missing_keys(&context.store, &known).await;
        worker::run(context, stop).await.context("the worker")
    })
}

/// Says at once what would show by itself job by job: the database needs keys that are not configured.
async fn tell_of_missing_keys(store: &Store, known: &HashSet<KeyPairId>) {
    match store.needed_key_pairs().await {
        Ok(needed) => {
            for pair in needed.iter().filter(|pair| !known.contains(pair)) {
                tracing::error!(%pair, alert = "keys_missing", "keys that orders or payments need are not configured");
            }
        }
        Err(error) => {
            tracing::warn!(error = error.with_causes(), "which keys are needed is not known")
        }
    }
}

/// Waits for the database and its schema; `false` when it is time to stop. Says what it waits for, once per reason.
async fn database_is_there(store: &Store, stop: &CancellationToken) -> bool {
    let mut said = String::new();
    loop {
        let missing = match store.check().await {
            Ok(()) if said.is_empty() => return true,
            Ok(()) => {
                tracing::info!("the database is there");
                return true;
            }
            Err(error) => error.with_causes(),
        };
        if missing != said {
            tracing::warn!(missing, "waiting for the database");
            said = missing;
        }
        tokio::select! {
            () = stop.cancelled() => return false,
            () = tokio::time::sleep(DATABASE_PAUSE) => {}
        }
    }
}

/// Wakes those who wait in this process for what other processes change.
///
/// # Errors
/// None: it rides out whatever is away.
pub(crate) async fn changes(store: Store, stop: CancellationToken) -> anyhow::Result<()> {
    store.follow_changes(&stop).await;
    stop.cancelled().await;
    Ok(())
}

/// In production, ends the process when the database turns out to hold demo staff.
///
/// # Errors
/// It does.
pub(crate) async fn guard_production(store: Store, stop: CancellationToken) -> anyhow::Result<()> {
    while database_is_there(&store, &stop).await {
        match demo::refuse_demo_staff(&store).await {
            Ok(()) => break,
            Err(Failure::Config(invalid)) => anyhow::bail!(invalid),
            Err(Failure::Failed(_) | Failure::Usage(_) | Failure::Unreachable(_)) => {}
        }
    }
    stop.cancelled().await;
    Ok(())
}

/// What this machine or container is called.
fn host_name() -> String {
    hostname::get().ok().and_then(|name| name.into_string().ok()).unwrap_or_default()
}

/// The relay.
///
/// # Errors
/// None: it rides out whatever is away.
pub(crate) async fn relay(
    store: Store,
    publisher: Arc<dyn Publisher>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    relay::run(store, publisher, stop, None).await;
    Ok(())
}

/// What the API is made of.
#[derive(Debug)]
pub(crate) struct ApiParts {
    pub(crate) listener: Listener,
    pub(crate) store: Store,
    pub(crate) publisher: Arc<dyn Publisher>,
    pub(crate) token_key: TokenKey,
    pub(crate) health: Health,
}

/// What a process that listens for requests serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Serves {
    /// The API with the console and, if it is wanted, the demo shop.
    Api,
    /// The console and nothing else.
    ConsoleAlone,
}

/// The API, with the demo shop if it is wanted, and with the metrics where nobody but its owner is a customer.
///
/// # Errors
/// The payment window's address is no origin.
pub(crate) fn api(
    config: &Config,
    parts: ApiParts,
    serves: Serves,
    toss: &Toss,
    stop: CancellationToken,
) -> anyhow::Result<impl Future<Output = anyhow::Result<()>> + Send + 'static> {
    let ApiParts { listener, store, publisher, token_key, health } = parts;
    let settings = api_settings(config, &listener, toss, token_key);
    let readiness = Arc::clone(&health.readiness);
    let console = staff_console::ConsoleContext {
        store: store.clone(),
        publisher: Arc::clone(&publisher),
        settings: settings.clone(),
        form_origin: config.api.public_url.as_ref().map(Address::origin),
    };
    let mut beside = staff_console::router(console);
    if config.api.has_shop && serves == Serves::Api {
        beside = beside.merge(shop::router(shop_settings(toss)?));
    }
    if config.deployment == Deployment::Development {
        beside = beside.merge(health::metrics_route(health));
    }
    let read_webhook = ::toss::read_webhook;
    let context =
        ApiContext { store, publisher, settings, read_webhook, readiness, shutdown: stop };
    Ok(async move {
        let socket = listener.into_socket();
        match serves {
            Serves::Api => api::run(context, socket, Some(beside)).await.context("the API"),
            Serves::ConsoleAlone => {
                api::run_alone(context, socket, beside).await.context("the console")
            }
        }
    })
}

fn api_settings(
    config: &Config,
    listener: &Listener,
    toss: &Toss,
    token_key: TokenKey,
) -> ApiSettings {
    let given = &config.api;
    let public_url =
        given.public_url.as_ref().map_or_else(|| listener.url(), |url| url.as_str().to_owned());
    ApiSettings {
        mode: toss.mode,
        sdk_url: toss.sdk_url.clone(),
        success_redirect: config.checkout.success_redirect.as_str().to_owned(),
        fail_redirect: config.checkout.fail_redirect.as_str().to_owned(),
        merchants: toss.api_merchants(),
        pay_by_ms: config.checkout.pay_by_ms,
        cors_origins: given.allowed_origins.iter().map(|it| it.as_str().to_owned()).collect(),
        trusted_proxies: given.trusted_proxies.clone(),
        trusted_callers: given.trusted_callers.clone(),
        webhook_sources: given.webhook_sources.clone(),
        confirm_amount_above: given.confirm_amount_above,
        limits: Limits {
            connections_max: given.connections_max(),
            requests_in_flight_max: given.requests_max,
            waiting_polls_max: given.polls_max,
            event_streams_max: given.streams_max,
            public_rate: given.public_rate,
            staff_rate: given.staff_rate,
            ..Limits::default()
        },
        ..ApiSettings::new(public_url, token_key)
    }
}

fn shop_settings(toss: &Toss) -> anyhow::Result<shop::Settings> {
    match &toss.simulator {
        Some(origin) => Ok(shop::Settings::one_origin(origin.parse()?)),
        None => Ok(shop::Settings::toss()),
    }
}

/// A part's name for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Api,
    Worker,
    Relay,
    Changes,
    Guard,
    Health,
    Simulator,
}

impl Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Part::Api => "API",
            Part::Worker => "worker",
            Part::Relay => "relay",
            Part::Changes => "listener for changes",
            Part::Guard => "check for demo staff",
            Part::Health => "health listener",
            Part::Simulator => "simulator",
        })
    }
}
