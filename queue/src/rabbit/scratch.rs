//! A corner of a real broker for one test, with names of its own that are gone afterwards, also after a panic. Compiled with the feature
//! `test-control`.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};
use lapin::{Connection, ConnectionProperties};
use tokio::time::timeout;

use crate::Lane;
use crate::rabbit::config::RabbitConfig;
use crate::rabbit::topology::Topology;

/// The broker that `scripts/servers start` provides.
const BROKER: &str = "amqp://seungin:seungin@127.0.0.1:5672/%2f";
/// How long the broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A prefix of names that nobody else has. What is declared under it goes with this value: drop it after the queues that use it.
#[derive(Debug)]
pub struct Scratch {
    url: String,
    prefix: String,
}

impl Scratch {
    /// A new corner of the broker at `SEUNGIN_TEST_AMQP_URL`.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "tests find their broker by the environment")]
    pub fn make() -> Scratch {
        let url = std::env::var("SEUNGIN_TEST_AMQP_URL").unwrap_or_else(|_| BROKER.to_owned());
        let prefix = format!("test-{:016x}", RandomState::new().hash_one(0));
        Scratch { url, prefix }
    }

    /// The broker's address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What names begin with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The configuration of a queue in this corner.
    ///
    /// # Panics
    /// When the address makes no sense.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test's configuration")]
    pub fn config(&self) -> RabbitConfig {
        RabbitConfig::parse(&self.url, &self.prefix).expect("a broker's address")
    }
}

impl Drop for Scratch {
    /// On a thread of its own, because a test that panics is in no state to wait.
    fn drop(&mut self) {
        let (url, topology) = (self.url.clone(), Topology::new(&self.config()));
        let cleaning = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| {
                runtime.block_on(async { timeout(PATIENCE, delete(&url, &topology)).await })
            })
        });
        let is_clean = matches!(cleaning.join(), Ok(Ok(Ok(Ok(())))));
        // A second panic while the first is under way would end the process without a word.
        #[expect(clippy::panic, reason = "a test's clean-up must not fail in silence")]
        if !is_clean && !std::thread::panicking() {
            panic!("the broker was not cleaned up: start one by `scripts/servers start`");
        }
    }
}

async fn delete(url: &str, topology: &Topology) -> lapin::Result<()> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let lanes = Lane::ALL.map(|lane| topology.queue(lane));
    for name in lanes.into_iter().chain([topology.dead_letter_queue()]) {
        channel.queue_delete(name, QueueDeleteOptions::default()).await?;
    }
    for name in [topology.exchange(), topology.dead_letter_exchange()] {
        channel.exchange_delete(name, ExchangeDeleteOptions::default()).await?;
    }
    connection.close(200, "done".into()).await
}
