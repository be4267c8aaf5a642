//! What a measurement stands on: servers of its own with the product's schema, the stub of Toss, and what all of them have cost so far.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail, ensure};
use hyper::Method;
use serde_json::Value;
use system_tests::{Answer, Client, Home, Process, Servers, Signal, Variables, send};
use tokio::time::sleep;
use tokio_postgres::NoTls;

use crate::books::{self, Books};
use crate::stub::CONTROL;
use crate::{cost, token};

/// Stores and menus for everybody who tries the product out.
pub(crate) const CATALOGUE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../config/demo-catalogue.json");
pub(crate) const QUEUE_PREFIX: &str = "bench";
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
/// A process that did nothing for so long does nothing any more.
const STANDSTILL: Duration = Duration::from_secs(30);

/// All of it. Processes end with it, then the servers.
#[derive(Debug)]
pub(crate) struct Bed {
    stub: Process,
    /// `http://host:port` of the stub.
    pub(crate) toss: String,
    http: Client,
    /// The database that everybody works on.
    pub(crate) database: tokio_postgres::Client,
    pub(crate) database_url: String,
    pub(crate) home: Home,
    /// The product.
    binary: PathBuf,
    pub(crate) servers: Servers,
}

/// How much there was of each until a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Costs {
    pub(crate) commits: Option<u64>,
    pub(crate) postgres_ms: Option<u64>,
    pub(crate) broker_ms: Option<u64>,
    pub(crate) stub_ms: Option<u64>,
}

impl Costs {
    /// What came on top since an earlier moment.
    pub(crate) fn since(self, earlier: Costs) -> Costs {
        let more = |now: Option<u64>, then: Option<u64>| now?.checked_sub(then?);
        Costs {
            commits: more(self.commits, earlier.commits),
            postgres_ms: more(self.postgres_ms, earlier.postgres_ms),
            broker_ms: more(self.broker_ms, earlier.broker_ms),
            stub_ms: more(self.stub_ms, earlier.stub_ms),
        }
    }
}

impl Bed {
    /// Starts it below a directory, for measurements of this binary.
    pub(crate) async fn open(directory: &Path, binary: &Path) -> anyhow::Result<Bed> {
        let binary = binary.canonicalize().with_context(|| binary.display().to_string())?;
        std::fs::create_dir_all(directory)?;
        let directory = directory.canonicalize()?;
        let home = Home::inside(&directory)?;
        let servers = Servers::start(&directory.join("servers")).map_err(|error| anyhow!(error))?;
        let mut stub = start(&own_program()?, &["stub"], &home, "stub", &[]);
        let toss = address_of(&mut stub);
        let database_url = servers.database_url.clone();
        let database = connect(&database_url).await?;
        let http = Client::new();
        let bed = Bed { stub, toss, http, database, database_url, home, binary, servers };
        bed.prepare()?;
        Ok(bed)
    }

    /// Has everybody work on another database of the same server from now on.
    pub(crate) async fn turn_to(&mut self, database_url: &str) -> anyhow::Result<()> {
        self.database = connect(database_url).await?;
        database_url.clone_into(&mut self.database_url);
        Ok(())
    }

    /// Gives the database its schema and a menu.
    pub(crate) fn prepare(&self) -> anyhow::Result<()> {
        for words in [&["migrate"][..], &["import", CATALOGUE]] {
            self.run_product(words, &self.variables())?;
        }
        Ok(())
    }

    /// What every process of the product is told.
    pub(crate) fn variables(&self) -> Variables {
        let token_key = token::key_text();
        [
            ("DATABASE_URL", self.database_url.as_str()),
            ("AMQP_URL", self.servers.amqp_url.as_str()),
            ("SEUNGIN__QUEUE__PREFIX", QUEUE_PREFIX),
            ("SEUNGIN__SECURITY__TOKEN_KEY", token_key.as_str()),
            ("SEUNGIN__SIMULATOR__URL", self.toss.as_str()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// Starts another part of this program.
    pub(crate) fn start_own(&self, words: &[&str], name: &str) -> anyhow::Result<Process> {
        Ok(start(&own_program()?, words, &self.home, name, &self.variables()))
    }

    /// Starts the product with a command.
    pub(crate) fn start_product(
        &self,
        words: &[&str],
        name: &str,
        variables: &Variables,
    ) -> Process {
        start(&self.binary, words, &self.home, name, variables)
    }

    /// Runs a command of the product to its end.
    pub(crate) fn run_product(&self, words: &[&str], variables: &Variables) -> anyhow::Result<()> {
        let mut process = self.start_product(words, words[0], variables);
        let (code, _) = process.wait_for_end();
        ensure!(code == 0, "{words:?}: {}", process.said());
        Ok(())
    }

    /// Starts the API with so many connections to the database and these variables more; and `http://host:port` of it, where it answers
    /// by now. Whoever measures is a customer like any other, but for how many of them come from one address.
    pub(crate) async fn start_api(
        &self,
        connections: u16,
        more: &[(&str, &str)],
    ) -> anyhow::Result<(Process, String)> {
        let connections = connections.to_string();
        let own = [
            ("SEUNGIN__DATABASE__CONNECTIONS_MAX", connections.as_str()),
            // None of ours: one that is trusted has a rate of its own.
            ("SEUNGIN__API__TRUSTED_CALLERS", "192.0.2.1"),
            ("SEUNGIN__API__PUBLIC_PER_SECOND", "1000000"),
            ("SEUNGIN__API__PUBLIC_BURST", "1000000"),
        ];
        let more = own.iter().chain(more).map(|(name, value)| ((*name).into(), (*value).into()));
        let mut variables = self.variables();
        variables.extend(more);
        let words = ["api", "--listen", "127.0.0.1:0"];
        let mut api = self.start_product(&words, "api", &variables);
        let url = self.ready(&mut api).await?;
        Ok((api, url))
    }

    /// Waits until a process of the product is ready; gives `http://host:port` of where it says so.
    pub(crate) async fn ready(&self, process: &mut Process) -> anyhow::Result<String> {
        let url = address_of(process);
        let began = Instant::now();
        while self.http.get(&format!("{url}/readyz")).await.status != 200 {
            let (name, said) = (process.name(), process.said());
            ensure!(began.elapsed() < STANDSTILL, "{name} does not get ready: {said}");
            sleep(BETWEEN_LOOKS).await;
        }
        Ok(url)
    }

    /// Asks for something of the API by a text of JSON.
    pub(crate) async fn post(&self, url: &str, body: &Value) -> Answer {
        send(self.http.request(Method::POST, url).json(body)).await
    }

    /// Has the stub forget everything, and take this long for an answer from now on.
    pub(crate) async fn reset_stub(&self, delay_ms: u64) -> anyhow::Result<()> {
        self.ask_stub(&format!("reset?delay_ms={delay_ms}")).await.map(drop)
    }

    /// What the stub says.
    pub(crate) async fn ask_stub(&self, what: &str) -> anyhow::Result<Value> {
        let answer = self.http.get(&format!("{}{CONTROL}{what}", self.toss)).await;
        ensure!(answer.status == 200, "the stub answers {what} with {}", answer.status);
        Ok(answer.body)
    }

    /// Waits until the stub took the money for so many jobs and all jobs of these books are over.
    pub(crate) async fn wait_for_jobs(
        &self,
        books: &impl Books,
        jobs: u32,
        worker: &mut Process,
    ) -> anyhow::Result<()> {
        let mut progress = (0, Instant::now());
        loop {
            // The database is not asked before it has to: that would cost it something.
            let confirms = self.ask_stub("counts").await?["confirms"].as_u64().unwrap_or(0);
            if confirms >= u64::from(jobs) && books::unfinished(books).await? == 0 {
                return Ok(());
            }
            if confirms > progress.0 {
                progress = (confirms, Instant::now());
            }
            let is_over = worker.ended().is_some() || progress.1.elapsed() > STANDSTILL;
            ensure!(
                !is_over,
                "{} stopped at {confirms} of {jobs} jobs: {}",
                worker.name(),
                worker.said()
            );
            sleep(BETWEEN_LOOKS).await;
        }
    }

    /// Insists that the stub took the money for so many jobs, and was asked for none of it twice.
    pub(crate) async fn insist_asked_once(&self, jobs: u32) -> anyhow::Result<()> {
        let counts = self.ask_stub("counts").await?;
        let is_once = counts["confirms"] == jobs && counts["repeats"] == 0;
        ensure!(is_once, "the stub was asked for {counts}");
        Ok(())
    }

    /// What everybody but the workers has cost so far. Nobody else may have a connection to the database: sessions tell what they
    /// did when they end.
    pub(crate) async fn costs(&self) -> anyhow::Result<Costs> {
        let began = Instant::now();
        while books::count(&self.database, SESSIONS).await? > 0 {
            ensure!(began.elapsed() < STANDSTILL, "somebody stays connected to the database");
            sleep(BETWEEN_LOOKS).await;
        }
        let family = |server| cost::family_cpu_ms(self.servers.process_of(server)?);
        Ok(Costs {
            commits: self.commits().await?,
            postgres_ms: family("postgres"),
            broker_ms: family("rabbitmq"),
            stub_ms: self.stub_cpu_ms(),
        })
    }

    /// What the stub has cost so far.
    pub(crate) fn stub_cpu_ms(&self) -> Option<u64> {
        cost::cpu_ms(self.stub.id())
    }

    /// How many transactions were committed so far, as far as sessions have told: at their ends, else about once a second.
    pub(crate) async fn commits(&self) -> anyhow::Result<Option<u64>> {
        let commits = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()";
        let commits: i64 = self.database.query_one(commits, &[]).await?.get(0);
        Ok(u64::try_from(commits).ok())
    }

    /// Ends a process of the product in good order.
    pub(crate) fn stop(&self, mut process: Process) -> anyhow::Result<()> {
        process.signal(Signal::Terminate);
        let (code, _) = process.wait_for_end();
        if code != 0 {
            bail!("{} ended with {code}: {}", process.name(), process.said());
        }
        Ok(())
    }

    /// Ends all of it, and removes what is in nobody's way.
    pub(crate) fn close(self) {
        let directory: PathBuf = self.home.path().to_owned();
        drop(self);
        // What stays is in nobody's way either.
        let _removed = std::fs::remove_dir_all(directory);
    }
}

const SESSIONS: &str = "pg_stat_activity WHERE datname = current_database() \
    AND pid <> pg_backend_pid() AND backend_type = 'client backend'";

/// Connects to a database for as long as the client is kept.
pub(crate) async fn connect(database_url: &str) -> anyhow::Result<tokio_postgres::Client> {
    let (database, connection) = tokio_postgres::connect(database_url, NoTls).await?;
    tokio::spawn(connection);
    Ok(database)
}

/// Where a process listens, by the first address that it names.
pub(crate) fn address_of(process: &mut Process) -> String {
    process.wait_for("address", |process| {
        let said = process.said();
        let (_, rest) = said.split_once("http://")?;
        rest.split_once('\n').map(|(host, _)| format!("http://{host}"))
    })
}

fn own_program() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("the program's own path")
}

/// Starts a program with these variables and no others.
fn start(
    program: &Path,
    words: &[&str],
    home: &Home,
    name: &str,
    variables: &[(String, String)],
) -> Process {
    // What one of the same name said earlier is not what this one says.
    let _removed = std::fs::remove_file(home.path().join(format!("{name}.log")));
    let mut command = Command::new(program);
    command.args(words).current_dir(home.path()).env_clear();
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    Process::start(command, home.path(), name, "it was just built")
}
