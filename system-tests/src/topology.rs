//! Production's topology for campaign and load: two APIs, three workers and a simulator as processes, and between each of them and each server
//! a network that can fail, or none. What goes wrong is not here.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::client::{Client, try_send};
use crate::log::Log;
use crate::process::Process;
use crate::product::{Home, binary};
use crate::proxy::{Proxy, Trouble, server_of};
use crate::role::Variables;
use crate::servers::Servers;

/// Stores and menus for everybody who tries the product out.
const CATALOGUE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/demo-catalogue.json");
/// Protects nothing: the topology's own.
const TOKEN_KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// Ports of processes that come back to them: below those that systems give to outgoing connections.
const PORTS: std::ops::Range<u16> = 21_000..30_000;
/// How long the simulator's control may take to do something, while it is killed and stopped as well.
const CONTROL_MAX: Duration = Duration::from_secs(120);
const CONTROL_TRY_MAX: Duration = Duration::from_secs(3);
/// How long a killed process may keep its port.
const PORT_MAX: Duration = Duration::from_secs(5);
const BETWEEN_PORTS: Duration = Duration::from_millis(10);
const BETWEEN_TRIES: Duration = Duration::from_millis(200);
/// It is quiet when there is nothing to be done for so long.
const QUIET: Duration = Duration::from_secs(4);
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// Jobs that go on by themselves; what waits behind a parked one does not.
const UNFINISHED: &str = "select id, kind, state, last_code, due_at from jobs \
    where state in ('queued', 'running', 'waiting') and not (state = 'waiting' and exists \
    (select 1 from jobs parked where parked.order_id = jobs.order_id and parked.state = 'parked'))";
const APIS: usize = 2;
const WORKERS: usize = 3;
pub(crate) const QUEUE_PREFIX: &str = "campaign";

/// A process of the topology.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Api(usize),
    Worker(usize),
    Simulator,
}

/// What is at the other end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    Database,
    Broker,
    Toss,
    /// The API itself, for its clients and for webhooks.
    Api,
}

impl Part {
    pub(crate) fn name(self) -> String {
        match self {
            Part::Api(number) => format!("api-{}", number + 1),
            Part::Worker(number) => format!("worker-{}", number + 1),
            Part::Simulator => "simulator".to_owned(),
        }
    }

    pub(crate) fn kind(self) -> &'static str {
        match self {
            Part::Api(_) => "an API",
            Part::Worker(_) => "a worker",
            Part::Simulator => "the simulator",
        }
    }

    fn all() -> Vec<Part> {
        let apis = (0..APIS).map(Part::Api);
        apis.chain((0..WORKERS).map(Part::Worker)).chain([Part::Simulator]).collect()
    }
}

/// What is between the processes and their servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wiring {
    /// Proxies that can fail.
    Breakable,
    /// Nothing: for measurements.
    Straight,
}

/// One process, which may be away just now. Who holds it does something to it, and nobody else does.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) part: Part,
    /// `http://host:port` where it tells of its health.
    pub(crate) health: String,
    arguments: Vec<String>,
    variables: Variables,
    pub(crate) process: Option<Process>,
}

#[derive(Debug)]
struct Link {
    part: Part,
    to: Server,
    proxy: Proxy,
}

/// All of it. Processes end with it, then the servers.
#[derive(Debug)]
pub(crate) struct Topology {
    pub(crate) slots: Vec<Mutex<Slot>>,
    links: Vec<Link>,
    /// `http://host:port` of each API, by way of its own proxy.
    pub(crate) apis: Vec<String>,
    /// `http://host:port` of the simulator, straight.
    pub(crate) simulator: String,
    pub(crate) master_token: String,
    pub(crate) client: Client,
    began: Instant,
    /// Memory of APIs and workers in KiB, with the time since the beginning.
    sizes: std::sync::Mutex<Vec<(Part, Duration, u64)>>,
    home: Home,
    pub(crate) servers: Servers,
}

impl Topology {
    /// Starts everything below a directory, with a log of what happens.
    pub(crate) async fn open(
        directory: &Path,
        what: &str,
        wiring: Wiring,
    ) -> Result<(Topology, Log), String> {
        let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
        std::fs::create_dir_all(directory).map_err(failed)?;
        let directory = directory.canonicalize().map_err(failed)?;
        let home = Home::inside(&directory).map_err(failed)?;
        let log = Log::begin(&home.path().join("log.txt")).map_err(failed)?;
        log.say(&format!("{what}, in {}", home.path().display()));
        log.say(&format!("of {}", binary().display()));
        let servers = Servers::start(&directory.join("servers"))?;
        Ok((Topology::start(home, servers, wiring).await?, log))
    }

    /// Removes the directory if all is well; else adds the database as it is to what is there.
    pub(crate) fn tidy_up(&self, is_well: bool, log: &Log) {
        if is_well {
            // What stays is in nobody's way.
            let _removed = std::fs::remove_dir_all(self.directory());
            return;
        }
        if let Err(error) = self.servers.dump(&self.directory().join("database.sql")) {
            log.say(&error);
        }
        log.say(&format!("logs, ledger and database are in {}", self.directory().display()));
    }

    async fn start(home: Home, servers: Servers, wiring: Wiring) -> Result<Topology, String> {
        let addresses = addresses()?;
        let simulator = addresses
            .iter()
            .find_map(|(part, own)| (*part == Part::Simulator).then(|| own.clone()))
            .expect("every part has an address");
        let mut links = Vec::new();
        let mut link = |part: Part, to: Server, url: &str| {
            if wiring == Wiring::Straight {
                return url.to_owned();
            }
            let proxy = Proxy::start(server_of(url), true);
            let by_way_of = proxy.instead_of(url);
            links.push(Link { part, to, proxy });
            by_way_of
        };
        let mut slots = Vec::new();
        let mut apis = Vec::new();
        for (part, own) in addresses {
            let mut variables = Vec::new();
            let mut set = |name: &str, value: String| variables.push((name.to_owned(), value));
            if part != Part::Simulator {
                set("DATABASE_URL", link(part, Server::Database, &servers.database_url));
                set("AMQP_URL", link(part, Server::Broker, &servers.amqp_url));
                set("SEUNGIN__QUEUE__PREFIX", QUEUE_PREFIX.to_owned());
                set("SEUNGIN__SECURITY__TOKEN_KEY", TOKEN_KEY.to_owned());
            }
            let words: Vec<String> = match part {
                Part::Api(_) => {
                    apis.push(link(part, Server::Api, &format!("http://{own}")));
                    set("SEUNGIN__SIMULATOR__URL", format!("http://{simulator}"));
                    ["api", "--listen", &own].map(str::to_owned).into()
                }
                Part::Worker(_) => {
                    let toss = link(part, Server::Toss, &format!("http://{simulator}"));
                    set("SEUNGIN__SIMULATOR__URL", toss);
                    ["worker", "--health-listen", &own].map(str::to_owned).into()
                }
                Part::Simulator => {
                    let words = ["simulator", "--listen", &own, "--state-file", "simulator.json"];
                    words.map(str::to_owned).into()
                }
            };
            let health = format!("http://{own}");
            let slot = Slot { part, health, arguments: words, variables, process: None };
            slots.push(Mutex::new(slot));
        }
        let simulator = format!("http://{simulator}");
        let mut topology = Topology {
            slots,
            links,
            apis,
            simulator,
            master_token: String::new(),
            client: Client::new(),
            began: Instant::now(),
            sizes: std::sync::Mutex::default(),
            home,
            servers,
        };
        topology.prepare()?;
        for slot in &topology.slots {
            topology.start_process(&mut *slot.lock().await, &[]);
        }
        Ok(topology)
    }

    /// The schema, something to sell, and somebody who may give money back.
    fn prepare(&mut self) -> Result<(), String> {
        let variables = vec![
            ("DATABASE_URL".to_owned(), self.servers.database_url.clone()),
            ("AMQP_URL".to_owned(), self.servers.amqp_url.clone()),
            ("SEUNGIN__SECURITY__TOKEN_KEY".to_owned(), TOKEN_KEY.to_owned()),
        ];
        let run = |words: &[&str]| {
            let finished = self.home.finish(words[0], words, &variables);
            if finished.code == 0 { Ok(finished.said) } else { Err(finished.said) }
        };
        run(&["migrate"])?;
        run(&["import", CATALOGUE])?;
        let said = run(&["staff", "add", "--name", "Kim", "--role", "master"])?;
        said.lines().last().unwrap_or_default().clone_into(&mut self.master_token);
        Ok(())
    }

    /// Starts what is not running, behind another command if there is one.
    pub(crate) fn start_process(&self, slot: &mut Slot, wrapper: &[&str]) {
        wait_for_port(server_of(&slot.health));
        let arguments: Vec<&str> = slot.arguments.iter().map(String::as_str).collect();
        let name = slot.part.name();
        let process = self.home.start_wrapped(wrapper, &name, &arguments, &slot.variables);
        slot.process = Some(process);
    }

    /// The slot of a part.
    pub(crate) fn slot(&self, part: Part) -> &Mutex<Slot> {
        let index = Part::all().iter().position(|one| *one == part);
        &self.slots[index.expect("every part has a slot")]
    }

    /// Lets a link get into trouble.
    pub(crate) fn disturb(&self, part: Part, to: Server, trouble: Trouble) {
        self.proxy(part, to).disturb(trouble);
    }

    /// Ends a link's trouble.
    pub(crate) fn mend(&self, part: Part, to: Server) {
        self.proxy(part, to).restore();
    }

    /// The number of a link, for who wants it to themselves.
    pub(crate) fn link_number(&self, part: Part, to: Server) -> usize {
        let found = self.links.iter().position(|link| link.part == part && link.to == to);
        found.expect("only links that there are get into trouble")
    }

    fn proxy(&self, part: Part, to: Server) -> &Proxy {
        &self.links[self.link_number(part, to)].proxy
    }

    /// How many links there are.
    pub(crate) fn link_count(&self) -> usize {
        self.links.len()
    }

    /// Where logs and data are.
    pub(crate) fn directory(&self) -> &Path {
        self.home.path()
    }

    /// Changes the simulator's settings, for as long as it takes to reach it.
    pub(crate) async fn set_simulator(&self, settings: &Value) -> Result<(), String> {
        self.post_to_simulator("/_sim/settings", settings).await
    }

    /// Posts to the simulator's control, for as long as it takes to reach it.
    pub(crate) async fn post_to_simulator(&self, path: &str, body: &Value) -> Result<(), String> {
        let began = Instant::now();
        let url = format!("{}{path}", self.simulator);
        loop {
            let request = self.client.request(Method::POST, &url).timeout(CONTROL_TRY_MAX);
            match try_send(request.json(body)).await {
                Ok(answer) if answer.status == 200 => return Ok(()),
                Ok(answer) => return Err(format!("the simulator refuses {body}: {}", answer.body)),
                Err(_) if began.elapsed() < CONTROL_MAX => sleep(BETWEEN_TRIES).await,
                Err(error) => return Err(format!("the simulator does not answer: {error}")),
            }
        }
    }

    /// Gets something from the simulator, which is well.
    pub(crate) async fn ask_simulator(&self, path: &str) -> Result<Value, String> {
        let answer = self.client.get(&format!("{}{path}", self.simulator)).await;
        if answer.status == 200 {
            Ok(answer.body)
        } else {
            Err(format!("{path}: {}", answer.status))
        }
    }

    /// Has the simulator send at once what it would send again in minutes, and then nothing more.
    pub(crate) async fn deliver_webhooks(&self, most: Duration) -> Result<(), String> {
        let began = Instant::now();
        loop {
            let webhooks = self.ask_simulator("/_sim/webhooks").await?;
            let all = webhooks["webhooks"].as_array().into_iter().flatten();
            let waiting: Vec<&str> = all
                .filter(|one| one["dueAt"].is_string())
                .filter_map(|one| one["id"].as_str())
                .collect();
            if waiting.is_empty() {
                return self.set_simulator(&serde_json::json!({"pauseWebhooks": true})).await;
            }
            if began.elapsed() > most {
                return Err(format!("webhooks that are not taken: {waiting:?}"));
            }
            for id in waiting {
                let path = format!("/_sim/webhooks/{id}/resend");
                self.post_to_simulator(&path, &serde_json::json!({})).await?;
            }
            sleep(BETWEEN_LOOKS).await;
        }
    }

    /// Notes how much memory APIs and workers have now.
    pub(crate) async fn note_sizes(&self) {
        for slot in &self.slots {
            let slot = slot.lock().await;
            if let Some(process) = slot.process.as_ref().filter(|_| slot.part != Part::Simulator) {
                let size = (slot.part, self.began.elapsed(), process.size().0);
                self.sizes.lock().expect("no panic while noting").push(size);
            }
        }
    }

    /// What was noted, by process.
    pub(crate) fn sizes(&self) -> Vec<(Part, Vec<(Duration, u64)>)> {
        let sizes = self.sizes.lock().expect("no panic while noting");
        let of = |part: Part| {
            let own = sizes.iter().filter(|(one, ..)| *one == part);
            own.map(|(_, at, kib)| (*at, *kib)).collect()
        };
        let parts = Part::all().into_iter().filter(|part| *part != Part::Simulator);
        parts.map(|part| (part, of(part))).collect()
    }

    /// Waits until no job is left that goes on by itself.
    pub(crate) async fn await_quiet(&self, most: Duration) -> Result<(), String> {
        let began = Instant::now();
        let mut quiet_since = None;
        loop {
            let rows = self.servers.rows(UNFINISHED)?;
            if rows.is_empty() {
                let since = quiet_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= QUIET {
                    return Ok(());
                }
            } else {
                quiet_since = None;
            }
            if began.elapsed() > most {
                return Err(format!("LOST: after {most:?} of calm there is still work: {rows:?}"));
            }
            sleep(BETWEEN_LOOKS).await;
        }
    }

    /// Ends all processes in good order; tells of those that did not end so.
    pub(crate) async fn stop(&self) -> Vec<String> {
        let mut told = Vec::new();
        for slot in &self.slots {
            if let Some(mut process) = slot.lock().await.process.take() {
                told.extend(process.stop().err());
            }
        }
        told
    }

    /// What must be in no log.
    pub(crate) fn secrets(&self) -> [&str; 2] {
        [TOKEN_KEY, &self.master_token]
    }
}

/// Where each part listens.
fn addresses() -> Result<Vec<(Part, String)>, String> {
    let parts = Part::all();
    let ports = free_ports(parts.len())?;
    let addresses = ports.into_iter().map(|port| format!("127.0.0.1:{port}"));
    Ok(parts.into_iter().zip(addresses).collect())
}

/// Of what was killed behind a wrapper only the wrapper is waited for: the process may keep its port for a moment. Whoever still finds it
/// taken says so.
fn wait_for_port(address: &str) {
    let began = Instant::now();
    while TcpListener::bind(address).is_err() && began.elapsed() < PORT_MAX {
        std::thread::sleep(BETWEEN_PORTS);
    }
}

/// Ports that nobody listens on now.
fn free_ports(count: usize) -> Result<Vec<u16>, String> {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let free: Vec<u16> = PORTS.filter(is_free).take(count).collect();
    if free.len() == count { Ok(free) } else { Err(format!("no free ports in {PORTS:?}")) }
}
