//! The ends of the queue, as readiness knows them. Reasons are words for anybody; what the broker says is in the log.

use std::sync::Arc;

use api::Watched;
use queue::Publisher as _;
use queue::rabbit::{Link, RabbitQueue};

use crate::parts::Queue;

/// Which ends a process has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// It hands jobs over, and serves customers also when it cannot: the database keeps what was accepted.
    Publisher,
    /// It also takes jobs, and is of no use when it cannot.
    Worker,
    /// It does both, and serves customers whatever the queue does.
    Both,
}

/// What to watch.
pub(crate) fn watch(queue: &Queue, ends: Ends) -> Vec<Watched> {
    let mut watched = vec![Watched {
        name: "queue_publisher",
        is_needed: false,
        look: match queue.clone() {
            Queue::Memory(queue) => {
                let publisher = queue.publisher();
                Arc::new(move || if publisher.is_ready() { Ok(()) } else { closed() })
            }
            Queue::Rabbit(queue) => Arc::new(move || well(Some(&queue.status().publisher))),
        },
    }];
    let is_needed = match ends {
        Ends::Publisher => return watched,
        Ends::Worker => true,
        Ends::Both => false,
    };
    watched.push(Watched {
        name: "queue_consumer",
        is_needed,
        look: match queue.clone() {
            // Within the process there is nothing to lose.
            Queue::Memory(queue) => {
                let publisher = queue.publisher();
                Arc::new(move || if publisher.is_ready() { Ok(()) } else { closed() })
            }
            Queue::Rabbit(queue) => consumer(queue),
        },
    });
    watched
}

fn consumer(queue: RabbitQueue) -> api::Look {
    Arc::new(move || well(queue.status().consumer.as_ref()))
}

fn closed() -> Result<(), String> {
    Err("it is closed".to_owned())
}

fn well(link: Option<&Link>) -> Result<(), String> {
    Err(match link {
        Some(Link::Connected { .. }) => return Ok(()),
        Some(Link::Connecting { .. }) => "the broker is not connected".to_owned(),
        Some(Link::Blocked { .. }) => {
            "the broker takes no messages: it is short of memory or disk".to_owned()
        }
        Some(Link::Refused { .. }) => {
            "the broker has a queue with other arguments than ours".to_owned()
        }
        Some(Link::Closed) => return closed(),
        None => "it has not been begun".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[test]
    fn only_a_connected_end_is_well_and_no_reason_names_the_broker() {
        let since = Instant::now();
        let error = Some("amqp://user:password@broker: refused".to_owned());
        let reason = "queue shop.confirm of broker.example".to_owned();
        assert_eq!(well(Some(&Link::Connected { since })), Ok(()));
        for link in [
            Some(Link::Connecting { since, last_error: error }),
            Some(Link::Blocked { since, reason: reason.clone() }),
            Some(Link::Refused { since, reason }),
            Some(Link::Closed),
            None,
        ] {
            let why = well(link.as_ref()).unwrap_err();
            assert!(!why.contains("password") && !why.contains("example"), "{why}");
        }
    }
}
