//! Which queue carries the jobs' ids: RabbitMQ, or one within the process.

use std::num::NonZeroUsize;

use queue::rabbit::RabbitConfig;

use super::read::Reader;

/// Which queue.
#[derive(Debug)]
pub(crate) enum QueueChoice {
    /// One within this process.
    Memory(NonZeroUsize),
    /// RabbitMQ, for any number of processes.
    Rabbit(Box<RabbitConfig>),
}

pub(super) fn parse_queue(reader: &mut Reader<'_>) -> Option<QueueChoice> {
    let url = reader.text("queue.url");
    let prefix = reader.text("queue.prefix");
    let ca_file = reader.text("queue.ca_file");
    let capacity = reader.number("queue.capacity_per_lane", 1, 10_000_000)?;
    let capacity = NonZeroUsize::new(usize::try_from(capacity).ok()?)?;
    let Some(url) = url else { return Some(QueueChoice::Memory(capacity)) };
    let config = RabbitConfig::parse(&url, &prefix?).map_err(|invalid| {
        // The message names what is wrong and does not repeat the address, which may hold a password.
        reader.refuse("queue.url", invalid.to_string());
    });
    let config = config.ok()?;
    let Some(ca_file) = ca_file else { return Some(QueueChoice::Rabbit(Box::new(config))) };
    let pem = std::fs::read(&ca_file)
        .map_err(|error| reader.refuse("queue.ca_file", format!("{ca_file}: {error}")));
    match config.with_authorities(&pem.ok()?) {
        Ok(config) => Some(QueueChoice::Rabbit(Box::new(config))),
        Err(invalid) => {
            reader.refuse("queue.ca_file", format!("{ca_file}: {invalid}"));
            None
        }
    }
}
