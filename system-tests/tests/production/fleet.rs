//! A fleet: two APIs, workers and a simulator on a database and queues of their own, and a network between them that can fail.

use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;
use store::scratch::Scratch as Database;
use system_tests::crash::Trap;
use system_tests::{
    Client, Finished, Home, Places, Process, Proxy, SIMULATOR_KEY, Signal, Simulator, Variables,
    server_of,
};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use queue::rabbit::scratch::Scratch as Broker;

use crate::messages::Operator;
use crate::rows::Rows;

/// How many fleets there are at the same time: each has half a dozen processes.
const FLEETS_MAX: usize = 2;
static FLEETS: Semaphore = Semaphore::const_new(FLEETS_MAX);
/// How long one test may take with everything.
const TEST_MAX: Duration = Duration::from_secs(150);
/// Work flows again within this time when a server is back.
pub(crate) const RECOVERY_MAX: Duration = Duration::from_secs(5);
/// The time after which nobody owns the jobs of a worker that is gone.
pub(crate) const LEASE: Duration = Duration::from_secs(20);
/// How many log lines of each process a failed test shows.
const LINES_SHOWN: usize = 15;
/// How much of each.
const LINE_CHARS_SHOWN: usize = 300;
/// Stores and menus for everybody who tries the product out.
const CATALOGUE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/demo-catalogue.json");
/// Connections of one process to the database: there are many processes, and PostgreSQL takes a hundred from all tests together.
const CONNECTIONS_MAX: usize = 4;
/// Protects nothing: the tests' own.
const TOKEN_KEY: &str = "5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e";

/// What is there when a test begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Whether database and broker can be reached.
    pub(crate) has_servers: bool,
    /// How many APIs run.
    pub(crate) apis: usize,
    /// How many workers run.
    pub(crate) workers: usize,
}

impl Shape {
    /// Two APIs and so many workers, on servers that are there.
    pub(crate) fn with_workers(workers: usize) -> Shape {
        Shape { has_servers: true, apis: 2, workers }
    }
}

/// An API with its address.
#[derive(Debug)]
pub(crate) struct ApiProcess {
    pub(crate) process: Process,
    pub(crate) url: String,
}

/// Processes, servers, and what is between them. Processes go first when it is dropped.
pub(crate) struct Fleet {
    pub(crate) apis: Vec<ApiProcess>,
    pub(crate) workers: Vec<Process>,
    pub(crate) simulator: Simulator,
    pub(crate) to_database: Proxy,
    pub(crate) to_broker: Proxy,
    pub(crate) to_simulator: Proxy,
    pub(crate) rows: Rows,
    pub(crate) operator: Operator,
    pub(crate) client: Client,
    /// Orders that were answered 202.
    pub(crate) accepted: Mutex<Vec<String>>,
    home: Home,
    variables: Variables,
    started: usize,
    _broker: Broker,
    database: Database,
}

/// Starts a fleet, lets something happen to it, and insists that all books agree afterwards. At most two at the same time.
pub(crate) async fn on_a_fleet(shape: Shape, scenario: impl AsyncFnOnce(&mut Fleet)) {
    let _place = FLEETS.acquire().await.unwrap();
    let mut fleet = Fleet::start(shape).await;
    let whole = Box::pin(async {
        scenario(&mut fleet).await;
        fleet.insist_all_is_well().await;
    });
    timeout(TEST_MAX, whole).await.expect("the test takes too long");
}

impl Fleet {
    async fn start(shape: Shape) -> Fleet {
        let (database, broker, home) = (Database::on_postgres().await, Broker::make(), Home::new());
        let to_database = Proxy::start(server_of(database.url()), shape.has_servers);
        let to_broker = Proxy::start(server_of(broker.url()), shape.has_servers);
        let simulator = home.start_simulator();
        let to_simulator = Proxy::start(simulator.url.trim_start_matches("http://"), true);
        let text = |name: &str, value: String| (name.to_owned(), value);
        let variables = vec![
            text("DATABASE_URL", to_database.instead_of(database.url())),
            text("AMQP_URL", to_broker.instead_of(broker.url())),
            text("SEUNGIN__QUEUE__PREFIX", broker.prefix().to_owned()),
            text("SEUNGIN__DATABASE__CONNECTIONS_MAX", CONNECTIONS_MAX.to_string()),
            text("SEUNGIN__SECURITY__TOKEN_KEY", TOKEN_KEY.to_owned()),
            text("SEUNGIN__SIMULATOR__URL", format!("http://{}", to_simulator.address())),
        ];
        let mut fleet = Fleet {
            apis: Vec::new(),
            workers: Vec::new(),
            simulator,
            to_database,
            to_broker,
            to_simulator,
            rows: Rows::open(database.url()).await,
            operator: Operator::connect(broker.url(), broker.prefix()).await,
            client: Client::new(),
            accepted: Mutex::default(),
            home,
            variables,
            started: 0,
            _broker: broker,
            database,
        };
        if shape.has_servers {
            fleet.migrate_and_import();
        }
        (0..shape.apis).for_each(|_| fleet.start_api());
        (0..shape.workers).for_each(|_| fleet.start_worker(&[]));
        if shape.has_servers {
            fleet.wait_until_ready().await;
        }
        fleet
    }

    /// Makes the schema and the menu.
    pub(crate) fn migrate_and_import(&self) {
        for arguments in [&["migrate"][..], &["import", CATALOGUE]] {
            let finished = self.command(arguments);
            assert_eq!(finished.code, 0, "{arguments:?}: {}", finished.said);
        }
    }

    /// The database's own address, past the proxy.
    pub(crate) fn database_url(&self) -> String {
        self.database.url().to_owned()
    }

    /// Runs a command to its end, in the fleet's environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Finished {
        self.home.finish(arguments[0], arguments, &self.variables)
    }

    /// Adds somebody who may act for every store; gives their token.
    pub(crate) fn add_master(&self) -> String {
        let finished = self.command(&["staff", "add", "--name", "Kim", "--role", "master"]);
        assert_eq!(finished.code, 0, "{}", finished.said);
        finished.said.lines().last().expect("a token").to_owned()
    }

    /// Starts a command that is to be waited for later.
    pub(crate) fn start_command(&self, name: &str, arguments: &[&str]) -> Process {
        self.home.start_role(name, arguments, &self.variables)
    }

    /// Starts one more API on a free port.
    pub(crate) fn start_api(&mut self) {
        self.started += 1;
        let (name, arguments) =
            (format!("api-{}", self.started), ["api", "--listen", "127.0.0.1:0"]);
        let process = self.home.start_role(&name, &arguments, &self.variables);
        self.add_api(process);
    }

    /// Starts one more API, which dies in the trap.
    pub(crate) fn start_api_over(&mut self, trap: &Trap) {
        self.started += 1;
        let (name, arguments) =
            (format!("api-{}", self.started), ["api", "--listen", "127.0.0.1:0"]);
        let process = self.home.start_role_over_trap(&name, &arguments, &self.variables, trap);
        self.add_api(process);
    }

    fn add_api(&mut self, mut process: Process) {
        let url = address_in(&mut process, "the API listens on ");
        self.apis.push(ApiProcess { process, url });
    }

    /// Starts one more worker, which dies in the trap.
    pub(crate) fn start_worker_over(&mut self, trap: &Trap) {
        self.started += 1;
        let (name, arguments) =
            (format!("worker-{}", self.started), ["worker", "--health-listen", "127.0.0.1:0"]);
        let process = self.home.start_role_over_trap(&name, &arguments, &self.variables, trap);
        self.workers.push(process);
    }

    /// A trap of this name.
    pub(crate) fn trap(&self, name: &str) -> Trap {
        Trap::new(&self.home, name)
    }

    /// Starts one more worker.
    pub(crate) fn start_worker(&mut self, arguments: &[&str]) {
        self.start_worker_behind(&[], arguments);
    }

    /// The same behind another command.
    pub(crate) fn start_worker_behind(&mut self, wrapper: &[&str], arguments: &[&str]) {
        self.started += 1;
        let name = format!("worker-{}", self.started);
        let arguments = [&["worker", "--health-listen", "127.0.0.1:0"], arguments].concat();
        let process = self.home.start_wrapped(wrapper, &name, &arguments, &self.variables);
        self.workers.push(process);
    }

    /// Waits until every API takes requests and every worker takes jobs.
    pub(crate) async fn wait_until_ready(&self) {
        for api in &self.apis {
            self.wait_for_ready(&api.url, 200).await;
        }
        if !self.workers.is_empty() {
            let count = u32::try_from(self.workers.len()).unwrap();
            self.rows
                .wait_for("worker that takes jobs", async || {
                    (self.operator.depth("confirm").await.consumers >= count).then_some(())
                })
                .await;
        }
    }

    /// Where the worker tells of its health.
    pub(crate) fn health_of(&mut self, worker: usize) -> String {
        address_in(&mut self.workers[worker], "health and metrics on ")
    }

    /// Waits until a process says by this status whether it takes requests.
    pub(crate) async fn wait_for_ready(&self, url: &str, status: u16) {
        let url = format!("{url}/readyz");
        self.rows
            .wait_for("process that is as ready as it should be", async || {
                (self.client.get(&url).await.status == status).then_some(())
            })
            .await;
    }

    /// The customer's view of one of the APIs.
    pub(crate) fn places(&self, api: usize) -> Places {
        Places {
            client: self.client.clone(),
            api: self.apis[api].url.clone(),
            simulator: self.simulator.url.clone(),
            secret_key: SIMULATOR_KEY,
        }
    }

    /// Ends an API in good order and insists that it does so.
    pub(crate) fn stop_api(&mut self, api: usize) {
        end_well(self.apis.remove(api).process);
    }

    /// Ends a worker in good order and insists that it does so.
    pub(crate) fn stop_worker(&mut self, worker: usize) {
        end_well(self.workers.remove(worker));
    }

    /// Insists that every job ended, that the simulator took exactly the money that the database says, once for each order, that whatever
    /// was accepted is paid, and that every process still runs.
    async fn insist_all_is_well(&mut self) {
        self.rows
            .wait_for("end of all jobs", async || {
                self.rows.unfinished().await.is_empty().then_some(())
            })
            .await;
        for job in self.rows.jobs().await {
            assert!(job.ended_at.is_some() && job.state == "succeeded", "{job:?}");
        }
        let payments = self.rows.payments().await;
        let ledger = self.places_of_simulator().ledger().await;
        let mut charged = 0;
        for entry in ledger.iter().filter(|entry| entry["charges"] != 0) {
            charged += 1;
            assert_eq!(entry["charges"], 1, "charged more than once: {entry}");
            let order_id = entry["orderId"].as_str().unwrap();
            let payment = payments.get(order_id).expect("a payment that was charged is known");
            let won = |field: &str| entry[field].as_i64().unwrap();
            assert_eq!(payment.balance, won("charged") - won("cancelled"), "{entry} {payment:?}");
            assert_eq!(payment.amount, won("charged"), "{entry} {payment:?}");
            let state = if payment.balance == 0 { "cancelled" } else { "confirmed" };
            assert_eq!(payment.state, state, "{entry} {payment:?}");
        }
        assert_eq!(charged, payments.len(), "every payment that we know was charged");
        for order_id in self.accepted.lock().unwrap().iter() {
            assert!(payments.contains_key(order_id), "{order_id} was accepted and is lost");
        }
        self.apis.iter_mut().for_each(|api| api.process.insist_well());
        self.workers.iter_mut().for_each(Process::insist_well);
    }

    fn places_of_simulator(&self) -> Places {
        Places {
            client: self.client.clone(),
            api: String::new(),
            simulator: self.simulator.url.clone(),
            secret_key: SIMULATOR_KEY,
        }
    }

    /// The ledger's entries by order.
    pub(crate) async fn ledger_entry(&self, order_id: &str) -> Value {
        let url = format!("{}/_sim/ledger?orderId={order_id}", self.simulator.url);
        self.client.get(&url).await.body["payments"][0].clone()
    }
}

impl Drop for Fleet {
    /// A test that fails shows what its processes said last.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let apis = self.apis.iter().map(|api| &api.process);
        for process in apis.chain(&self.workers) {
            let said = process.said();
            let last = said.lines().count().saturating_sub(LINES_SHOWN);
            println!("--- {}", process.name());
            for line in said.lines().skip(last) {
                println!("{}", line.chars().take(LINE_CHARS_SHOWN).collect::<String>());
            }
        }
    }
}

fn end_well(mut process: Process) {
    process.insist_well();
    process.signal(Signal::Terminate);
    let (code, _) = process.wait_for_end();
    assert_eq!(code, 0, "{}", process.said());
}

/// The address that a process says behind these words.
pub(crate) fn address_in(process: &mut Process, words: &str) -> String {
    process.wait_for("address", |process| {
        let said = process.said();
        let (_, rest) = said.split_once(words)?;
        rest.split_once('\n').map(|(url, _)| url.to_owned())
    })
}
