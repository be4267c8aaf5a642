//! PostgreSQL and RabbitMQ of one's own, by `scripts/servers`: started, treated as a campaign wants it, asked and dumped. What is done to them and
//! when is not here.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The project's root.
const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The database that new servers have.
const DATABASE: &str = "seungin";

/// Both servers, with their data in one directory. Dropped, they stop and the data is gone.
#[derive(Debug)]
pub struct Servers {
    directory: PathBuf,
    /// Where the product's database is.
    pub database_url: String,
    /// Where the broker is.
    pub amqp_url: String,
}

impl Servers {
    /// Starts them with no data, below an absolute directory.
    ///
    /// # Errors
    /// What `scripts/servers` says when one of them does not start.
    pub fn start(directory: &Path) -> Result<Servers, String> {
        let mut servers = Servers {
            directory: directory.to_owned(),
            database_url: String::new(),
            amqp_url: String::new(),
        };
        servers.run(&["stop", "--wipe"])?;
        servers.run(&["start"])?;
        let addresses = servers.run(&["env"])?;
        let address = |name: &str| {
            let line = addresses.lines().find_map(|line| line.strip_prefix(name));
            line.map(str::to_owned).ok_or_else(|| format!("no address of a server in {addresses}"))
        };
        let admin_url = address("export SEUNGIN_TEST_DATABASE_URL=")?;
        let (server, _) = admin_url.rsplit_once('/').ok_or("no database in its address")?;
        servers.database_url = format!("{server}/{DATABASE}");
        servers.amqp_url = address("export SEUNGIN_TEST_AMQP_URL=")?;
        Ok(servers)
    }

    /// Runs `scripts/servers` with these words; gives what it printed.
    pub(crate) fn run(&self, words: &[&str]) -> Result<String, String> {
        let output = Command::new(format!("{PROJECT}/scripts/servers"))
            .args(words)
            .current_dir(PROJECT)
            .env("SEUNGIN_SERVERS_DIR", &self.directory)
            // Proxies know one port: a broker that lost everything comes back to it.
            .envs(port_of(&self.amqp_url).map(|port| ("SEUNGIN_SERVERS_AMQP_PORT", port)))
            .output()
            .map_err(|error| format!("scripts/servers: {error}"))?;
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            Ok(said(&output.stdout))
        } else {
            Err(format!(
                "scripts/servers {words:?}: {}{}",
                said(&output.stdout),
                said(&output.stderr)
            ))
        }
    }

    /// The process of a server (`postgres`, `rabbitmq`) whose children do its work. `None` where it is not a process of this machine's own.
    #[must_use]
    pub fn process_of(&self, server: &str) -> Option<u32> {
        std::fs::read_to_string(self.directory.join(server).join("pid")).ok()?.trim().parse().ok()
    }

    /// What a query gives, one object per row.
    pub(crate) fn rows(&self, sql: &str) -> Result<Vec<Value>, String> {
        let as_json =
            format!("select coalesce(json_agg(row_to_json(rows)), '[]') from ({sql}) rows");
        let said = self.run(&["psql", DATABASE, "-qAtc", &as_json])?;
        serde_json::from_str(&said).map_err(|error| format!("{error} in {said}"))
    }

    /// Everything in the database, as SQL, into a file.
    pub(crate) fn dump(&self, file: &Path) -> Result<(), String> {
        let dump = self.run(&["dump", DATABASE])?;
        std::fs::write(file, dump).map_err(|error| format!("{}: {error}", file.display()))
    }
}

fn port_of(url: &str) -> Option<&str> {
    let (_, port) = url.split('/').nth(2)?.rsplit_once(':')?;
    Some(port)
}

impl Drop for Servers {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _stopped = self.run(&["stop", "--wipe"]);
    }
}
