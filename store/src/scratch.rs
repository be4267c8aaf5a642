//! Databases for tests, each with a database of its own that is gone afterwards. Compiled with the feature `test-control`.
//!
//! Which kind of database, the environment says: `SEUNGIN_TEST_ON=servers` takes PostgreSQL at `SEUNGIN_TEST_DATABASE_URL`, everything
//! else a file of SQLite. So the same suites run on both.

#![expect(clippy::expect_used, clippy::panic, reason = "what fails here fails a test")]

use std::sync::mpsc;
use std::time::Duration;

use domain::id::IdSource as _;
use sea_orm::{ConnectionTrait as _, Database};

use crate::ids::RandomIds;

/// A database that lives as long as this value.
#[derive(Debug)]
pub struct Scratch {
    url: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    File(#[expect(dead_code, reason = "removed when dropped")] tempfile::TempDir),
    Server(ServerDatabase),
}

/// A database on the server, dropped with this value.
#[derive(Debug)]
struct ServerDatabase {
    admin_url: String,
    name: String,
}

/// The server that `scripts/servers start` provides.
const SERVER: &str = "postgres://seungin:seungin@127.0.0.1:5432/postgres";

/// For how long the end of a test waits until its database is gone.
const BLOCKED_MAX: Duration = Duration::from_secs(1);

/// A variable of the environment.
#[expect(clippy::disallowed_methods, reason = "tests choose their servers by the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether tests run on PostgreSQL and RabbitMQ.
#[must_use]
pub fn is_on_servers() -> bool {
    variable("SEUNGIN_TEST_ON").is_some_and(|on| on == "servers")
}

impl Scratch {
    /// An empty database of the kind that the environment asks for.
    ///
    /// # Panics
    /// When the server does not answer; the message says how to start one.
    pub async fn make() -> Scratch {
        if is_on_servers() { Scratch::on_postgres().await } else { Scratch::on_sqlite() }
    }

    /// An empty file of SQLite.
    ///
    /// # Panics
    /// When there is no room for temporary files.
    #[must_use]
    pub fn on_sqlite() -> Scratch {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("scratch.db").display());
        Scratch { url, place: Place::File(folder) }
    }

    /// An empty database of PostgreSQL.
    ///
    /// # Panics
    /// When the server does not answer; the message says how to start one.
    pub async fn on_postgres() -> Scratch {
        let admin_url = variable("SEUNGIN_TEST_DATABASE_URL").unwrap_or_else(|| SERVER.to_owned());
        let name = format!("seungin_test_{}", RandomIds.new_id().replace('-', ""));
        run_as_admin(&admin_url, &format!("CREATE DATABASE {name}")).await;
        Scratch::of_server(admin_url, name)
    }

    fn of_server(admin_url: String, name: String) -> Scratch {
        let (server, _) = admin_url.rsplit_once('/').expect("an address with a database");
        let url = format!("{server}/{name}");
        Scratch { url, place: Place::Server(ServerDatabase { admin_url, name }) }
    }

    /// Another database with what is in this one, as a backup would have it. On PostgreSQL whoever is connected to this one loses that
    /// connection.
    ///
    /// # Panics
    /// When it cannot be copied.
    pub async fn copy(&self) -> Scratch {
        let Place::Server(database) = &self.place else {
            let copy = Scratch::on_sqlite();
            let path = copy.url.trim_start_matches("sqlite://").trim_end_matches("?mode=rwc");
            run_as_admin(&self.url, &format!("VACUUM INTO '{path}'")).await;
            return copy;
        };
        let (admin_url, from) = (database.admin_url.clone(), &database.name);
        let name = format!("seungin_test_{}", RandomIds.new_id().replace('-', ""));
        // The server's own cleaner leaves by itself.
        let others = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{from}' AND backend_type = 'client backend'"
        );
        run_as_admin(&admin_url, &others).await;
        run_as_admin(&admin_url, &format!("CREATE DATABASE {name} TEMPLATE {from}")).await;
        Scratch::of_server(admin_url, name)
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

async fn run_as_admin(admin_url: &str, sql: &str) {
    let mut options = sea_orm::ConnectOptions::new(admin_url);
    options.max_connections(1).sqlx_logging(false);
    let admin = Database::connect(options).await.unwrap_or_else(|error| {
        panic!("PostgreSQL does not answer ({error}): start it by `scripts/servers start`")
    });
    admin.execute_unprepared(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    admin.close().await.expect("the administrator's connection closes");
}

/// The server's own cleaner may be at work in it, whom nobody but the server can send away.
async fn drop_database(admin_url: &str, name: &str) {
    let mut options = sea_orm::ConnectOptions::new(admin_url);
    options.max_connections(1).sqlx_logging(false);
    let admin = Database::connect(options).await.expect("the server still answers");
    let mut last_error = None;
    for _ in 0..50 {
        match admin.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await {
            Ok(_) => return,
            Err(error) => last_error = Some(error),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("{name} was not removed: {last_error:?}");
}

impl Drop for ServerDatabase {
    fn drop(&mut self) {
        let (admin_url, name) = (self.admin_url.clone(), self.name.clone());
        // A thread of its own, because the test's runtime may be about to end.
        let (done, is_done) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(drop_database(&admin_url, &name));
            // Nobody hears it who did not wait any more.
            done.send(()).ok();
        });
        match is_done.recv_timeout(BLOCKED_MAX) {
            // A connection that the test itself is making waits for this very thread, and the server for that connection. It ends with
            // the test's runtime, and then the database goes.
            Ok(()) | Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                assert!(std::thread::panicking(), "a test's database was not removed");
            }
        }
    }
}
