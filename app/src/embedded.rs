//! The whole product in one process: SQLite, the in-process queue, the worker, the relay, the API
//! with the demo shop, and the simulator in the place of Toss, reached over real HTTP.
//!
//! Starting takes ports and the data directory first, so that a refusal changes nothing. Stopping
//! goes the other way round: no new requests, then no new jobs, then the calls under way, then the
//! simulator that answers them.

use std::sync::Arc;

use anyhow::Context as _;
use api::{Mode, TokenKey};
use queue::{MemoryQueue, Publisher};
use store::Store;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::config::{self, Config, Deployment, TossChoice};
use crate::data_dir::DataDir;
use crate::data_dir::instance::{self, Announcement, Instance};
use crate::demo::{self, Demo};
use crate::exit::Failure;
use crate::parts::{self, Listener, Part, Toss};

/// The ports that the product listens on.
#[derive(Debug)]
pub(crate) struct Ports {
    api: Listener,
    /// `None` when Toss itself is used.
    simulator: Option<Listener>,
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
                Some(parts::listen(config.simulator_listen, "--simulator-listen").await?)
            }
            TossChoice::Toss { .. } => None,
        };
        Ok(Ports { api, simulator })
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
    parts: Vec<(Part, CancellationToken)>,
    tasks: JoinSet<(Part, anyhow::Result<()>)>,
    ended: Vec<Part>,
    queue: MemoryQueue,
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
    let Ports { api: listener, simulator: simulator_listener } = ports;
    let store = parts::open_store(config, data_dir.path(), true).await?;
    store.migrate().await.context("the database's schema cannot be brought up to date")?;
    let demo = prepare_demo(config, &store, &data_dir).await?;
    let token_key = match &config.token_key {
        Some(key) => key.clone(),
        None => TokenKey::new(data_dir.token_key()?),
    };
    let simulator = simulator_listener.as_ref().map(Listener::url);
    let toss = Toss::choose(config, simulator.as_deref())?;
    let api = listener.url();
    let instance = Instance { pid: std::process::id(), api, simulator };
    let queue = MemoryQueue::new(config.queue_capacity_per_lane);
    let publisher: Arc<dyn Publisher> = Arc::new(queue.publisher());

    let mut starting = Starting::default();
    if let Some(listener) = simulator_listener {
        let stop = starting.stop(Part::Simulator);
        let simulator = parts::simulator(listener, Some(data_dir.simulator_file()), stop)?;
        starting.spawn(Part::Simulator, simulator);
    }
    let stop = starting.stop(Part::Relay);
    let relay = parts::relay(store.clone(), Arc::clone(&publisher), stop);
    let stop = starting.stop(Part::Worker);
    let worker = parts::worker(config, store.clone(), &queue, &toss, stop)?;
    let stop = starting.stop(Part::Api);
    let served = parts::api(config, listener, store.clone(), publisher, &toss, token_key, stop)?;
    starting.spawn(Part::Relay, relay);
    starting.spawn(Part::Worker, worker);
    starting.spawn(Part::Api, served);

    let announcement = instance::announce(data_dir.path(), &instance)?;
    Ok(Running {
        instance,
        mode: toss.mode(),
        demo,
        parts: starting.parts,
        tasks: starting.tasks,
        ended: Vec::new(),
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
            Ok(demo::seed(store, data_dir.path()).await?)
        }
        Deployment::Development => Ok(demo::find(data_dir.path())?),
        Deployment::Production => {
            let names = demo::find_active_staff(store).await?;
            if names.is_empty() {
                return Ok(None);
            }
            let reason = format!(
                "production, and the database has demo staff: {}. Disable them by `seungin staff disable`",
                names.join(", ")
            );
            Err(config::invalid("environment", reason).into())
        }
    }
}

/// The parts that were started so far. Dropped, it takes them down again.
#[derive(Debug, Default)]
struct Starting {
    parts: Vec<(Part, CancellationToken)>,
    tasks: JoinSet<(Part, anyhow::Result<()>)>,
}

impl Starting {
    /// The token that will stop a part. Parts stop in the opposite order.
    fn stop(&mut self, part: Part) -> CancellationToken {
        let stop = CancellationToken::new();
        self.parts.push((part, stop.clone()));
        stop
    }

    fn spawn(
        &mut self,
        part: Part,
        work: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        // A task of its own, so that a panic is told apart by its part.
        let work = AbortOnDropHandle::new(tokio::spawn(work));
        self.tasks
            .spawn(async move { (part, work.await.unwrap_or_else(|error| Err(error.into()))) });
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
    pub(crate) async fn run(mut self, shutdown: &CancellationToken) -> anyhow::Result<()> {
        let early = tokio::select! {
            () = shutdown.cancelled() => None,
            ended = self.tasks.join_next() => ended,
        };
        let Some(early) = early else { return self.stop().await };
        let (part, result) = early.context("a part was ended")?;
        self.ended.push(part);
        let stopped = self.stop().await;
        let why = result.err().unwrap_or_else(|| anyhow::anyhow!("without a reason"));
        if let Err(error) = stopped {
            tracing::error!("the rest did not stop well: {error:#}");
        }
        Err(why.context(format!("the {part} ended by itself")))
    }

    /// Stops one part after the other, each as soon as those that need it are gone.
    ///
    /// # Errors
    /// The first part that did not end well; all are stopped nevertheless.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        for (part, stop) in std::mem::take(&mut self.parts).into_iter().rev() {
            stop.cancel();
            while !self.ended.contains(&part) {
                let Some(ended) = self.tasks.join_next().await else { break };
                let (ended, result) = ended.context("a part was ended")?;
                tracing::debug!(part = %ended, "stopped");
                self.ended.push(ended);
                outcome = outcome.and(result);
            }
        }
        self.queue.close();
        self.store.close().await.context("the database did not close well")?;
        outcome
    }
}
