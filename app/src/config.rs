//! The configuration: where it comes from, what is valid, and the types that the rest of `app`
//! works with. Nothing else in the product reads the environment or a configuration file.
//!
//! Precedence: flag, environment, file, default. `keys` is the table of keys, `layers` merges the
//! sources, `read` parses, this file knows which values fit together.

mod environment;
mod example;
mod keys;
mod layers;
mod merchants;
mod problem;
mod queue;
mod read;
mod reconcile;
mod retention;
#[cfg(test)]
mod tests;
mod toss;
mod values;
mod worker;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use ::worker::DailyReconciliation;
use api::{Network, Rate, TokenKey};
use domain::order::LateApproval;
use secrecy::{ExposeSecret as _, SecretString};
use store::PruneAges;
use tracing_subscriber::EnvFilter;

pub(crate) use self::environment::Environment;
pub(crate) use self::example::{example, print, shown};
pub(crate) use self::layers::{Flags, Settings};
pub(crate) use self::merchants::{KeyPair, Merchants, default_of};
pub(crate) use self::problem::InvalidConfig;
pub(crate) use self::queue::QueueChoice;
pub(crate) use self::toss::{CallLimits, SimulatorConfig, TossChoice};
pub(crate) use self::values::{Address, Deployment, LogFormat, Redirect, decode_token_key};
pub(crate) use self::worker::WorkerConfig;

use self::problem::Problem;
use self::read::Reader;

/// A configuration that fits together.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) deployment: Deployment,
    pub(crate) data_dir: PathBuf,
    pub(crate) api: ApiConfig,
    pub(crate) database: DatabaseConfig,
    pub(crate) queue: QueueChoice,
    pub(crate) worker: WorkerConfig,
    pub(crate) toss: TossChoice,
    pub(crate) call_limits: CallLimits,
    pub(crate) simulator: SimulatorConfig,
    pub(crate) retention: PruneAges,
    /// When our records are compared with Toss's; `None`: never.
    pub(crate) reconciliation: Option<DailyReconciliation>,
    /// Where health and metrics are served besides; `None`: nowhere.
    pub(crate) health_listen: Option<SocketAddr>,
    pub(crate) checkout: CheckoutConfig,
    /// `None`: generate one into the data directory.
    pub(crate) token_key: Option<TokenKey>,
    /// Whether a new database gets something to try out. Never in production.
    pub(crate) seeds_demo: bool,
    pub(crate) log: LogConfig,
    /// `None`: nothing is exported.
    pub(crate) traces: Option<TracesConfig>,
}

/// The API's side.
#[derive(Debug)]
pub(crate) struct ApiConfig {
    pub(crate) listen: SocketAddr,
    /// `None`: the address that was got.
    pub(crate) public_url: Option<Address>,
    pub(crate) allowed_origins: Vec<Address>,
    pub(crate) webhook_sources: Vec<Network>,
    /// Won: the largest cancel that needs no typing of its amount at the console.
    pub(crate) confirm_amount_above: i64,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) trusted_callers: Vec<Network>,
    pub(crate) requests_max: usize,
    pub(crate) polls_max: usize,
    pub(crate) streams_max: usize,
    pub(crate) public_rate: Rate,
    pub(crate) staff_rate: Rate,
    pub(crate) has_shop: bool,
}

/// Connections beside those of waiting polls and streams.
const OTHER_CONNECTIONS: usize = 1_024;

impl ApiConfig {
    /// Connections at once: everybody who may wait has one, and there are others.
    pub(crate) fn connections_max(&self) -> usize {
        let waiting = self.polls_max.saturating_add(self.streams_max);
        waiting.saturating_add(OTHER_CONNECTIONS).max(api::Limits::default().connections_max)
    }
}

/// Where the rows are.
#[derive(Debug)]
pub(crate) struct DatabaseConfig {
    /// `None`: a file in the data directory. May hold a password.
    pub(crate) url: Option<SecretString>,
    pub(crate) connections_max: u32,
}

impl DatabaseConfig {
    /// Whether it is a server that several processes share.
    pub(crate) fn is_postgres(&self) -> bool {
        self.url.as_ref().is_some_and(|url| store::is_postgres(url.expose_secret()))
    }
}

/// The customer's way to the payment window and back.
#[derive(Debug)]
pub(crate) struct CheckoutConfig {
    pub(crate) success_redirect: Redirect,
    pub(crate) fail_redirect: Redirect,
    pub(crate) pay_by_ms: i64,
    /// What becomes of money that is taken after its order was given up.
    pub(crate) on_late_approval: LateApproval,
}

/// What is logged, and how.
#[derive(Debug, Clone)]
pub(crate) struct LogConfig {
    /// Valid directives.
    pub(crate) filter: String,
    pub(crate) format: LogFormat,
}

/// Where traces go.
#[derive(Debug, Clone)]
#[cfg_attr(
    not(feature = "otlp"),
    expect(dead_code, reason = "it is checked, and refused at the start")
)]
pub(crate) struct TracesConfig {
    /// The collector, without the path that its protocol adds.
    pub(crate) endpoint: Address,
    pub(crate) service_name: String,
    /// How many of a thousand are exported.
    pub(crate) sample_permille: u32,
}

/// Merges and checks all sources. `directory` is where the usual file is looked for.
///
/// # Errors
/// Everything that is wrong; stop the start with it.
pub(crate) fn load(
    environment: &Environment,
    flags: &Flags,
    directory: &Path,
) -> Result<(Config, Settings), InvalidConfig> {
    let settings = layers::merge(environment, flags, directory).map_err(InvalidConfig)?;
    let mut reader = Reader::new(&settings);
    let config = parse(&mut reader);
    match (config, reader.into_problems()) {
        (Some(config), problems) if problems.is_empty() => Ok((config, settings)),
        (_, problems) => Err(InvalidConfig(problems)),
    }
}

/// Reads every section before giving up, so that all problems are found.
fn parse(reader: &mut Reader<'_>) -> Option<Config> {
    let deployment = reader.parsed("environment");
    let data_dir = reader.text("data_dir").map(PathBuf::from);
    let api = parse_api(reader);
    let database = parse_database(reader);
    let queue = queue::parse_queue(reader);
    let worker = worker::parse_worker(reader);
    let toss = toss::parse_toss(reader);
    let call_limits = toss::parse_limits(reader);
    let simulator = toss::parse_simulator(reader);
    let retention = retention::parse_retention(reader);
    let reconciliation = reconcile::parse_reconciliation(reader);
    let health_listen = reader.parsed("health.listen");
    let checkout = parse_checkout(reader);
    let token_key = parse_token_key(reader);
    let seeds_demo = reader.flag("demo.seed");
    let log = parse_log(reader);
    let traces = parse_traces(reader);
    let deployment = deployment?;
    if deployment == Deployment::Production {
        refuse_trial_settings(reader, toss.as_ref(), token_key.is_some(), seeds_demo);
        let is_clear =
            |api: &ApiConfig| api.public_url.as_ref().is_some_and(|url| !url.is_secure());
        if api.as_ref().is_some_and(is_clear) {
            reader.refuse(
                "api.public_url",
                "production is reached over https: tokens and sessions travel with every request",
            );
        }
    }
    Some(Config {
        deployment,
        data_dir: data_dir?,
        api: api?,
        database: database?,
        queue: queue?,
        worker: worker?,
        toss: toss?,
        call_limits: call_limits?,
        simulator: simulator?,
        retention: retention?,
        reconciliation: reconciliation?,
        health_listen,
        checkout: checkout?,
        token_key,
        seeds_demo: seeds_demo? && deployment == Deployment::Development,
        log: log?,
        traces: traces?,
    })
}

fn count(number: u32) -> Option<usize> {
    usize::try_from(number).ok()
}

fn parse_api(reader: &mut Reader<'_>) -> Option<ApiConfig> {
    let listen = reader.parsed("api.listen");
    let public_url = reader.parsed("api.public_url");
    let allowed_origins = reader.list("api.allowed_origins");
    let trusted_proxies = reader.list("api.trusted_proxies");
    let webhook_sources = reader.list("api.webhook_sources");
    let trusted_callers = reader.list("api.trusted_callers");
    let requests_max = reader.number("api.requests_max", 1, 1_000_000);
    let polls_max = reader.number("api.polls_max", 0, 1_000_000);
    let streams_max = reader.number("api.streams_max", 0, 1_000_000);
    let public_rate = parse_rate(reader, "api.public_per_second", "api.public_burst");
    let staff_rate = parse_rate(reader, "api.staff_per_second", "api.staff_burst");
    let has_shop = reader.flag("api.shop");
    let amount_max = u32::try_from(domain::limits::ORDER_AMOUNT_MAX).unwrap_or(u32::MAX);
    let confirm_amount_above = reader.number("console.confirm_amount_above", 0, amount_max);
    Some(ApiConfig {
        listen: listen?,
        public_url,
        allowed_origins: allowed_origins?,
        trusted_proxies: trusted_proxies?,
        webhook_sources: webhook_sources?,
        trusted_callers: trusted_callers?,
        requests_max: count(requests_max?)?,
        polls_max: count(polls_max?)?,
        streams_max: count(streams_max?)?,
        public_rate: public_rate?,
        staff_rate: staff_rate?,
        has_shop: has_shop?,
        confirm_amount_above: i64::from(confirm_amount_above?),
    })
}

fn parse_rate(reader: &mut Reader<'_>, per_second: &str, burst: &str) -> Option<Rate> {
    let per_second = reader.number(per_second, 1, 1_000_000);
    let burst = reader.number(burst, 1, 1_000_000);
    Some(Rate::new(per_second?, burst?))
}

fn parse_database(reader: &mut Reader<'_>) -> Option<DatabaseConfig> {
    let url = reader.text("database.url");
    if let Some(Err(invalid)) = url.as_deref().map(store::check_address) {
        // The message says what to change and does not repeat the address, which may hold a password.
        reader.refuse("database.url", invalid.to_string());
        return None;
    }
    let connections_max = reader.number("database.connections_max", 1, 1_000)?;
    Some(DatabaseConfig { url: url.map(SecretString::from), connections_max })
}

fn parse_checkout(reader: &mut Reader<'_>) -> Option<CheckoutConfig> {
    let success_redirect = reader.parsed("checkout.success_redirect");
    let fail_redirect = reader.parsed("checkout.fail_redirect");
    let late = reader.text("checkout.on_late_approval")?;
    let on_late_approval = LateApproval::from_word(&late);
    if on_late_approval.is_none() {
        reader.refuse("checkout.on_late_approval", "it must be \"cancel\" or \"keep\"");
    }
    let minutes = reader.number("checkout.pay_by_minutes", 1, 24 * 60)?;
    let pay_by_ms = i64::from(minutes).checked_mul(60_000)?;
    Some(CheckoutConfig {
        success_redirect: success_redirect?,
        fail_redirect: fail_redirect?,
        pay_by_ms,
        on_late_approval: on_late_approval?,
    })
}

fn parse_token_key(reader: &mut Reader<'_>) -> Option<TokenKey> {
    let text = SecretString::from(reader.text("security.token_key")?);
    let key = decode_token_key(text.expose_secret());
    if key.is_none() {
        reader.refuse("security.token_key", "it must be 64 hexadecimal digits");
    }
    key.map(TokenKey::new)
}

fn parse_log(reader: &mut Reader<'_>) -> Option<LogConfig> {
    let filter = reader.text("log.filter");
    if let Some(Err(error)) = filter.as_ref().map(|filter| EnvFilter::builder().parse(filter)) {
        reader.refuse("log.filter", error.to_string());
        return None;
    }
    let format = reader.parsed("log.format");
    Some(LogConfig { filter: filter?, format: format? })
}

/// `Some(None)` when no collector is named.
fn parse_traces(reader: &mut Reader<'_>) -> Option<Option<TracesConfig>> {
    let is_wanted = reader.is_set("telemetry.otlp_endpoint");
    let endpoint = reader.parsed("telemetry.otlp_endpoint");
    let service_name = reader.text("telemetry.service_name");
    let sample_permille = reader.number("telemetry.sample_permille", 0, 1_000);
    let (service_name, sample_permille) = (service_name?, sample_permille?);
    if !is_wanted {
        return Some(None);
    }
    Some(Some(TracesConfig { endpoint: endpoint?, service_name, sample_permille }))
}

/// Production must not run on what is only for trying out.
fn refuse_trial_settings(
    reader: &mut Reader<'_>,
    toss: Option<&TossChoice>,
    has_token_key: bool,
    seeds_demo: Option<bool>,
) {
    match toss {
        Some(TossChoice::Simulator) => {
            reader.refuse(
                "toss.secret_key",
                "production needs Toss's keys: the simulator moves no money",
            );
        }
        Some(TossChoice::Toss { merchants, .. }) if !merchants.are_live() => {
            reader.refuse(
                "toss.secret_key",
                "production needs a live key: a test key moves no money",
            );
        }
        Some(TossChoice::Toss { .. }) | None => {}
    }
    if !has_token_key && !reader.is_set("security.token_key") {
        reader.refuse("security.token_key", "production needs one: openssl rand -hex 32");
    }
    if seeds_demo == Some(true) && reader.is_set("demo.seed") {
        reader.refuse("demo.seed", "production starts without demo staff");
    }
    if !reader.is_set("api.public_url") {
        reader.refuse("api.public_url", "production needs the address that browsers reach it at");
    }
}

/// A problem of a value that is found when it meets what is stored already.
pub(crate) fn invalid(name: &str, reason: impl Into<String>) -> InvalidConfig {
    InvalidConfig(vec![Problem::key(name, "checked at the start", reason)])
}

/// Whether nobody set the key.
pub(crate) fn is_default(settings: &Settings, name: &str) -> bool {
    settings.get(name).is_none_or(|setting| setting.origin == layers::DEFAULT_ORIGIN)
}

/// Messages per lane of a trial's queue.
const TRIAL_QUEUE: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();

impl Config {
    /// The same for a trial that touches nothing of the user's: free ports on loopback, the
    /// simulator, a database of its own with demo staff.
    pub(crate) fn into_trial(self) -> Config {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let database = DatabaseConfig { url: None, ..self.database };
        let api = ApiConfig { listen: loopback, public_url: None, ..self.api };
        Config {
            deployment: Deployment::Development,
            api,
            database,
            queue: QueueChoice::Memory(TRIAL_QUEUE),
            toss: TossChoice::Simulator,
            simulator: SimulatorConfig { listen: loopback, ..self.simulator },
            health_listen: None,
            seeds_demo: true,
            ..self
        }
    }
}
