//! What the servers' passwords do in a log at the loudest level: nothing.

use store::scratch::Scratch as Database;
use system_tests::{Home, Signal};

use queue::rabbit::scratch::Scratch as Broker;

/// The address with another password, which the server refuses.
fn with_password(url: &str, password: &str) -> String {
    let (scheme, rest) = url.split_once("://").expect("an address");
    let (login, server) = rest.split_once('@').expect("a user");
    let user = login.split(':').next().unwrap_or_default();
    format!("{scheme}://{user}:{password}@{server}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_passwords_of_database_and_broker_are_in_no_line_of_the_loudest_log() {
    let (database, broker, home) = (Database::on_postgres().await, Broker::make(), Home::new());
    let token_key = "5ec2e7".repeat(11)[..64].to_owned();
    let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let variables = vec![
        text("DATABASE_URL", &with_password(database.url(), "HUSH-of-database")),
        text("AMQP_URL", &with_password(broker.url(), "HUSH-of-broker")),
        text("SEUNGIN__QUEUE__PREFIX", broker.prefix()),
        text("SEUNGIN__SECURITY__TOKEN_KEY", &token_key),
        text("SEUNGIN__HEALTH__LISTEN", "127.0.0.1:0"),
    ];
    for (role, arguments) in [
        ("worker", &["worker", "--log", "trace"][..]),
        ("api", &["api", "--listen", "127.0.0.1:0", "--log", "trace"]),
    ] {
        let mut process = home.start_role(role, arguments, &variables);
        process.wait_for("word of both servers", |it| {
            let said = it.said();
            // Where the server takes every password, there is no schema in the database.
            let of_database = said.contains("the database") || said.contains("seungin migrate");
            (of_database && said.contains("broker")).then_some(())
        });
        process.signal(Signal::Terminate);
        process.wait_for_end();
        let said = process.said();
        for secret in ["HUSH", "5ec2e7", "SFVTSC"] {
            let line = said.lines().find(|line| line.contains(secret));
            assert!(line.is_none(), "{role} tells {secret}: {line:?}");
        }
    }
}
