//! The roles of a process in production: `seungin api`, `seungin console` and `seungin worker`, each any number of times, on PostgreSQL and RabbitMQ.
//!
//! A role starts whatever is away: it waits for its servers, says so, and exits only when it is stopped or its configuration cannot be
//! used. Every role relays, so that due jobs are published as long as any process lives. Not here: the embedded product.

use crate::config::{self, Config, Deployment, QueueChoice};
use crate::exit::Failure;
use crate::health::{self, Ends, Health};
use crate::lifecycle::Lifecycle;
use crate::output::print;
use crate::parts::{self, ApiParts, Listener, Part, Queue, Serves, Simulated, Toss};
use crate::shutdown;

/// `seungin api`: takes requests and hands jobs over.
///
/// # Errors
/// The configuration cannot be used, the port is taken, or a part ended by itself.
pub(crate) async fn run_api(config: &Config) -> Result<(), Failure> {
    serve(config, Serves::Api).await
}

/// `seungin console`: the operators' pages alone, for a network that customers do not reach.
///
/// # Errors
/// As [`run_api`].
pub(crate) async fn run_console(config: &Config) -> Result<(), Failure> {
    serve(config, Serves::ConsoleAlone).await
}

async fn serve(config: &Config, serves: Serves) -> Result<(), Failure> {
    let (role, what) = match serves {
        Serves::Api => ("seungin api", "API"),
        Serves::ConsoleAlone => ("seungin console", "console"),
    };
    check_servers(config, role)?;
    let token_key = config.token_key.clone().ok_or_else(|| {
        let reason = "every API process needs the same one: openssl rand -hex 32";
        config::invalid("security.token_key", reason)
    })?;
    let shutdown = shutdown::on_signal()?;
    let listener = parts::listen(config.api.listen, "--listen").await?;
    let store = parts::open_store_lazily(config).await?;
    let toss = Toss::choose(config, Some(simulated(config)))?;
    let queue = Queue::open(config);
    let health_listener = parts::listen_for_health(config).await?;
    print(&format!("the {what} listens on {}\n", listener.url()))?;
    tell_of_health(health_listener.as_ref())?;

    let mut parts = Lifecycle::default();
    let health = Health::start(&store, health::watch(&queue, Ends::Publisher), parts.stopping())?;
    parts.serve_health(health_listener, &health);
    let stop = parts.stop_token(Part::Relay);
    parts.spawn(Part::Relay, parts::relay(store.clone(), queue.publisher(), stop));
    let stop = parts.stop_token(Part::Changes);
    parts.spawn(Part::Changes, parts::changes(store.clone(), stop));
    if config.deployment == Deployment::Production {
        let stop = parts.stop_token(Part::Guard);
        parts.spawn(Part::Guard, parts::guard_production(store.clone(), stop));
    }
    let stop = parts.stop_token(Part::Api);
    let (store_of_api, publisher) = (store.clone(), queue.publisher());
    let api_parts = ApiParts { listener, store: store_of_api, publisher, token_key, health };
    parts.spawn(Part::Api, parts::api(config, api_parts, serves, &toss, stop)?);
    Ok(parts.run(&shutdown, queue, store).await?)
}

/// `seungin worker`: takes jobs and calls Toss.
///
/// # Errors
/// The configuration cannot be used, or a part ended by itself.
pub(crate) async fn run_worker(config: &Config) -> Result<(), Failure> {
    check_servers(config, "seungin worker")?;
    let shutdown = shutdown::on_signal()?;
    let store = parts::open_store_lazily(config).await?;
    let toss = Toss::choose(config, Some(simulated(config)))?;
    let health_listener = parts::listen_for_health(config).await?;
    let queue = Queue::open(config);
    tell_of_health(health_listener.as_ref())?;

    let mut parts = Lifecycle::default();
    let health = Health::start(&store, health::watch(&queue, Ends::Worker), parts.stopping())?;
    parts.serve_health(health_listener, &health);
    let stop = parts.stop_token(Part::Relay);
    parts.spawn(Part::Relay, parts::relay(store.clone(), queue.publisher(), stop));
    let stop = parts.stop_token(Part::Worker);
    parts.spawn(Part::Worker, parts::worker(config, store.clone(), &queue, &toss, stop)?);
    Ok(parts.run(&shutdown, queue, store).await?)
}

fn tell_of_health(listener: Option<&Listener>) -> std::io::Result<()> {
    listener
        .map_or(Ok(()), |listener| print(&format!("health and metrics on {}\n", listener.url())))
}

fn simulated(config: &Config) -> Simulated {
    Simulated::at(config.simulator.url.as_str().to_owned(), config)
}

/// Several processes need servers between them.
fn check_servers(config: &Config, role: &str) -> Result<(), Failure> {
    if !config.database.is_postgres() {
        let reason = format!(
            "`{role}` works with other processes and needs postgres://…; `seungin` alone is whole on SQLite"
        );
        return Err(config::invalid("database.url", reason).into());
    }
    match config.queue {
        QueueChoice::Rabbit(_) => Ok(()),
        QueueChoice::Memory(_) => {
            let reason =
                format!("`{role}` works with other processes and needs RabbitMQ: amqp://…");
            Err(config::invalid("queue.url", reason).into())
        }
    }
}
