//! The real topology: two APIs, three workers and a simulator as processes, and a network of its own between each of them and each server.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use tokio::sync::Mutex;

use super::faults::Trouble;
use super::servers::Servers;
use crate::client::Client;
use crate::process::{Process, Signal};
use crate::product::Home;
use crate::proxy::{Proxy, server_of};
use crate::role::Variables;

/// Stores and menus for everybody who tries the product out.
const CATALOGUE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/demo-catalogue.json");
/// Protects nothing: the campaign's own.
const TOKEN_KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// Ports of processes that come back to them: below those that systems give to outgoing connections.
const PORTS: std::ops::Range<u16> = 21_000..30_000;
const APIS: usize = 2;
const WORKERS: usize = 3;
pub(super) const QUEUE_PREFIX: &str = "campaign";

/// A process of the topology.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Api(usize),
    Worker(usize),
    Simulator,
}

/// What is at the other end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Server {
    Database,
    Broker,
    Toss,
    /// The API itself, for its clients and for webhooks.
    Api,
}

impl Part {
    pub(super) fn name(self) -> String {
        match self {
            Part::Api(number) => format!("api-{}", number + 1),
            Part::Worker(number) => format!("worker-{}", number + 1),
            Part::Simulator => "simulator".to_owned(),
        }
    }

    pub(super) fn kind(self) -> &'static str {
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

/// One process, which may be away just now. Who holds it does something to it, and nobody else does.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) part: Part,
    /// `http://host:port` where it tells of its health.
    pub(super) health: String,
    arguments: Vec<String>,
    variables: Variables,
    pub(super) process: Option<Process>,
}

#[derive(Debug)]
struct Link {
    part: Part,
    to: Server,
    proxy: Proxy,
}

/// All of it. Processes end with it, then the servers.
#[derive(Debug)]
pub(super) struct Topology {
    pub(super) slots: Vec<Mutex<Slot>>,
    links: Vec<Link>,
    /// `http://host:port` of each API, by way of its own proxy.
    pub(super) apis: Vec<String>,
    /// `http://host:port` of the simulator, straight.
    pub(super) simulator: String,
    pub(super) master_token: String,
    pub(super) client: Client,
    home: Home,
    pub(super) servers: Servers,
}

impl Topology {
    /// Starts everything in a directory, where logs and data are.
    pub(super) async fn start(home: Home, servers: Servers) -> Result<Topology, String> {
        let mut ports = free_ports(APIS + WORKERS + 1)?;
        let mut next = || ports.pop().expect("as many as there are processes");
        let addresses: Vec<(Part, String)> =
            Part::all().into_iter().map(|part| (part, format!("127.0.0.1:{}", next()))).collect();
        let address = |wanted: Part| {
            let found = addresses.iter().find(|(part, _)| *part == wanted);
            found.map(|(_, address)| address.clone()).expect("every part has one")
        };
        let mut links = Vec::new();
        let mut link = |part: Part, to: Server, url: &str| {
            let proxy = Proxy::start(server_of(url), true);
            let by_way_of = proxy.instead_of(url);
            links.push(Link { part, to, proxy });
            by_way_of
        };
        let simulator = address(Part::Simulator);
        let mut slots = Vec::new();
        let mut apis = Vec::new();
        for part in Part::all() {
            let own = address(part);
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
    pub(super) fn start_process(&self, slot: &mut Slot, wrapper: &[&str]) {
        let arguments: Vec<&str> = slot.arguments.iter().map(String::as_str).collect();
        let name = slot.part.name();
        let process = self.home.start_wrapped(wrapper, &name, &arguments, &slot.variables);
        slot.process = Some(process);
    }

    /// The slot of a part.
    pub(super) fn slot(&self, part: Part) -> &Mutex<Slot> {
        let index = Part::all().iter().position(|one| *one == part);
        &self.slots[index.expect("every part has a slot")]
    }

    /// Lets a link get into trouble.
    pub(super) fn disturb(&self, part: Part, to: Server, trouble: Trouble) {
        let proxy = self.proxy(part, to);
        match trouble {
            Trouble::Cut => proxy.cut(),
            Trouble::Refused => proxy.take_away(),
            Trouble::Slow(by) => proxy.slow_down(by),
            Trouble::Silent => proxy.silence(),
            Trouble::Deaf => proxy.deafen(),
            Trouble::Mute => proxy.mute(),
            Trouble::HalfOpen => proxy.lose_the_server(),
        }
    }

    /// Ends a link's trouble.
    pub(super) fn mend(&self, part: Part, to: Server) {
        self.proxy(part, to).restore();
    }

    /// The number of a link, for who wants it to themselves.
    pub(super) fn link_number(&self, part: Part, to: Server) -> usize {
        let found = self.links.iter().position(|link| link.part == part && link.to == to);
        found.expect("only links that there are get into trouble")
    }

    fn proxy(&self, part: Part, to: Server) -> &Proxy {
        &self.links[self.link_number(part, to)].proxy
    }

    /// How many links there are.
    pub(super) fn link_count(&self) -> usize {
        self.links.len()
    }

    /// Where logs and data are.
    pub(super) fn directory(&self) -> &Path {
        self.home.path()
    }

    /// Keeps the directory when all is over.
    pub(super) fn keep_directory(&mut self) {
        self.home.keep();
    }

    /// Ends all processes in good order; tells of those that did not end so.
    pub(super) async fn stop(&self) -> Vec<String> {
        let mut told = Vec::new();
        for slot in &self.slots {
            if let Some(process) = &slot.lock().await.process {
                process.signal(Signal::Terminate);
            }
        }
        for slot in &self.slots {
            if let Some(mut process) = slot.lock().await.process.take() {
                let (code, _) = process.wait_for_end();
                if code != 0 {
                    told.push(format!("{} ended with {code}", process.name()));
                }
            }
        }
        told
    }
}

/// Ports that nobody listens on now.
fn free_ports(count: usize) -> Result<Vec<u16>, String> {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let free: Vec<u16> = PORTS.filter(is_free).take(count).collect();
    if free.len() == count { Ok(free) } else { Err(format!("no free ports in {PORTS:?}")) }
}
