//! `seungin` as a newcomer runs it: on free ports, in a directory of its own, with nothing of the user's environment.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::process::Process;

/// How the variables begin that cargo sets for a test about its own crate.
const TOLD: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_"];

/// A directory for the data of one product, over restarts.
#[derive(Debug)]
pub struct Home(pub(crate) TempDir);

/// A running product.
#[derive(Debug)]
pub struct Product {
    process: Process,
    /// `http://host:port` of the API and the shop.
    pub api: String,
    /// `http://host:port` of the bundled simulator; empty if it was not started.
    pub simulator: String,
    /// The token of the demo staff that may act for every store.
    pub master_token: String,
    /// The demo staff: name, role, stores, token, login and password of each.
    pub staff: Vec<Value>,
}

/// A simulator that runs alone, so that it lives on when the product is killed.
#[derive(Debug)]
pub struct Simulator {
    _process: Process,
    /// `http://host:port`.
    pub url: String,
}

impl Home {
    /// A new, empty one, removed when it is dropped.
    ///
    /// # Panics
    /// The system's temporary directory cannot be written to.
    #[must_use]
    pub fn new() -> Home {
        Home(TempDir::with_prefix("seungin-test-").unwrap())
    }

    /// A new, empty one inside of a directory, which stays.
    ///
    /// # Errors
    /// The directory cannot be written to.
    pub fn inside(directory: &Path) -> std::io::Result<Home> {
        let mut home = TempDir::with_prefix_in("run-", directory)?;
        home.disable_cleanup(true);
        Ok(Home(home))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Starts everything with `--ephemeral`.
    #[must_use]
    pub fn start_ephemeral(&self) -> Product {
        // The product makes its own directory for temporary data; it is the only one in here.
        let temporary = self.0.path().join("tmp");
        std::fs::create_dir_all(&temporary).unwrap();
        let mut command = self.command_of(binary());
        command
            .args(["--ephemeral", "--simulator-listen", "127.0.0.1:0"])
            .env("TMPDIR", &temporary);
        self.start(command, &|| only_directory_of(&temporary))
    }

    /// Starts the product on the data that it had before, with these variables instead of the bundled simulator's keys.
    #[must_use]
    pub fn start_with(&self, variables: &[(&str, &str)]) -> Product {
        self.start_behind(&[], variables)
    }

    /// The same behind another command, which is given the binary as its last word, and becomes it.
    #[must_use]
    pub fn start_behind(&self, wrapper: &[&str], variables: &[(&str, &str)]) -> Product {
        self.start_on_data(self.prepared(behind(wrapper)), variables)
    }

    pub(crate) fn start_on_data(
        &self,
        mut command: Command,
        variables: &[(&str, &str)],
    ) -> Product {
        let data = self.data();
        command.arg("--data-dir").arg(&data).envs(variables.iter().copied());
        self.start(command, &|| Some(data.clone()))
    }

    /// Where the data of the product is that is started again and again.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// Starts the simulator alone.
    #[must_use]
    pub fn start_simulator(&self) -> Simulator {
        let mut command = Command::new(binary());
        command.args(["simulator", "--listen", "127.0.0.1:0", "--log", "warn"]);
        command.current_dir(self.0.path()).env_clear();
        let mut process = Process::start(command, self.0.path(), "simulator", "it was just built");
        let url = process.wait_for("address", |process| {
            let said = process.said();
            let (first, _) = said.split_once('\n')?;
            first.starts_with("http://").then(|| first.to_owned())
        });
        Simulator { _process: process, url }
    }

    /// Runs a command to its end on the same data, with these variables; gives what it printed.
    ///
    /// # Panics
    /// It failed.
    #[must_use]
    pub fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> String {
        let mut command = Command::new(binary());
        command.args(arguments).arg("--data-dir").arg(self.data());
        command.current_dir(self.0.path()).env_clear().envs(variables.iter().copied());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub(crate) fn command_of(&self, binary: &Path) -> Command {
        self.prepared(Command::new(binary))
    }

    fn prepared(&self, mut command: Command) -> Command {
        command.args(["--listen", "127.0.0.1:0", "--log", "warn"]);
        command.current_dir(self.0.path()).env_clear();
        command
    }

    fn start(&self, command: Command, data: &dyn Fn() -> Option<PathBuf>) -> Product {
        let mut process = Process::start(command, self.0.path(), "seungin", "it was just built");
        let (data, instance) = process.wait_for("address", |process| {
            let data = data()?;
            let instance = read_json(&data.join("instance.json"))?;
            // One that was killed may have left its own.
            (instance["pid"] == process.id()).then_some((data, instance))
        });
        let demo = read_json(&data.join("demo.json")).expect("a new product has demo staff");
        let staff = demo["staff"].as_array().expect("demo staff");
        let master = staff.iter().find(|member| member["role"] == "master").expect("a master");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Product {
            process,
            api: text(&instance["api"]),
            simulator: text(&instance["simulator"]),
            master_token: text(&master["token"]),
            staff: staff.clone(),
        }
    }
}

impl Default for Home {
    fn default() -> Home {
        Home::new()
    }
}

impl Product {
    /// The process itself.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The id of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it has said so far, at all its starts.
    #[must_use]
    pub fn said(&self) -> String {
        self.process.said()
    }

    /// See [`Process::insist_well`].
    ///
    /// # Panics
    /// It is not well.
    pub fn insist_well(&mut self) {
        self.process.insist_well();
    }

    /// How much memory it has, in KiB.
    #[must_use]
    pub fn resident_kib(&self) -> u64 {
        self.process.size().0
    }

    /// Ends it as a power cut would.
    pub fn kill(self) {
        self.process.kill();
    }
}

fn only_directory_of(parent: &Path) -> Option<PathBuf> {
    std::fs::read_dir(parent).ok()?.next()?.ok().map(|entry| entry.path())
}

/// The file's content, once it is there and whole.
fn read_json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// The binary behind another command, if one is given.
pub(crate) fn behind(wrapper: &[&str]) -> Command {
    let [program, words @ ..] = wrapper else { return Command::new(binary()) };
    let mut command = Command::new(program);
    command.args(words).arg(binary());
    command
}

/// The binary of the source as it is now, built at the first call.
///
/// # Panics
/// It cannot be built.
#[must_use]
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    // As this program itself was built.
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    BINARY.get_or_init(|| build(&["--profile", profile], None))
}

/// Builds the product with these arguments more; with `intermediate`, what is between sources and binary is there.
pub(crate) fn build(arguments: &[&str], intermediate: Option<&Path>) -> PathBuf {
    let mut command = cargo(&["build", "--quiet", "--package", "app", "--message-format", "json"]);
    command.args(arguments);
    command.envs(intermediate.map(|directory| ("CARGO_BUILD_BUILD_DIR", directory)));
    let messages = answers_of(command);
    let mut built = messages.iter().filter_map(|message| message["executable"].as_str());
    built.next_back().expect("cargo names the executable").into()
}

/// Where cargo keeps what is between sources and binaries.
pub(crate) fn build_directory() -> PathBuf {
    let metadata = answers_of(cargo(&["metadata", "--no-deps", "--format-version", "1"]));
    metadata[0]["build_directory"].as_str().expect("cargo names its directories").into()
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    // What the cargo that runs this test tells it about this crate: with that, `ring`'s build script would run again, and most of the
    // rest be built anew, at each turn from this cargo to that one.
    let told = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in told.filter(|name| TOLD.iter().any(|begin| name.starts_with(begin))) {
        command.env_remove(name);
    }
    command
}

/// What it says, one JSON text in a line.
fn answers_of(mut command: Command) -> Vec<Value> {
    let output = command.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}
