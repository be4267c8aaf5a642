//! The queue: reachable, taking messages, and declared there as this program needs it.

use std::time::Duration;

use queue::rabbit::{Link, RabbitConfig, RabbitStatus};
use tokio::time::Instant;

use crate::config::{Config, QueueChoice};
use crate::parts::Queue;

use super::Finding;

const NAME: &str = "queue";
/// How long connecting and declaring may take: several tries, one of which would have to work.
const PATIENCE: Duration = Duration::from_secs(10);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Looks at it. What is missing at the broker is declared, as every process does that starts.
pub(super) async fn check(config: &Config) -> Finding {
    let queue = Queue::open(config);
    let (QueueChoice::Rabbit(rabbit), Queue::Rabbit(connected)) = (&config.queue, &queue) else {
        return Finding::ok(NAME, "within the process");
    };
    let until = Instant::now().checked_add(PATIENCE);
    let status = loop {
        let status = connected.status();
        let is_over = until.is_none_or(|until| Instant::now() >= until);
        if is_decided(&status.publisher) || is_over {
            break status;
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    };
    queue.close().await;
    judge(rabbit, &status)
}

/// Whether waiting longer would change nothing.
fn is_decided(link: &Link) -> bool {
    match link {
        Link::Connected { .. } | Link::Blocked { .. } | Link::Refused { .. } | Link::Closed => true,
        Link::Connecting { .. } => false,
    }
}

fn judge(config: &RabbitConfig, status: &RabbitStatus) -> Finding {
    let address = config.address();
    match &status.publisher {
        Link::Connected { .. } => {
            Finding::ok(NAME, format!("RabbitMQ at {address}, with everything declared"))
        }
        Link::Blocked { reason, .. } => {
            let advice = "free memory or disk of the broker (rabbitmq-diagnostics alarms); until then jobs wait in the database";
            Finding::warn(NAME, format!("{address} takes no messages: {reason}"), advice)
        }
        Link::Refused { reason, .. } => {
            let advice = "delete the queue that is named there once it is empty, or choose another queue.prefix";
            Finding::fail(NAME, format!("{address} does not fit: {reason}"), advice)
        }
        Link::Connecting { last_error, .. } => {
            let why = last_error.as_deref().unwrap_or("it does not answer");
            let advice = "start RabbitMQ, and correct queue.url if need be: host, port, user, password, vhost, TLS";
            Finding::fail(NAME, format!("{address} is not reached: {why}"), advice)
        }
        Link::Closed => Finding::fail(NAME, format!("{address} was closed"), "look again"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::doctor::Verdict;

    #[test]
    fn every_state_of_the_connection_is_told_with_what_to_do_and_without_the_password() {
        let config = RabbitConfig::parse("amqp://user:hush@broker.example/", "shop").unwrap();
        let judge = |publisher: Link| {
            let status = RabbitStatus { publisher, consumer: None, dead_letters: None };
            judge(&config, &status)
        };
        let since = Instant::now();
        let well = judge(Link::Connected { since });
        assert_eq!((well.status, &well.advice), (Verdict::Ok, &None));
        let blocked = judge(Link::Blocked { since, reason: "low on memory".to_owned() });
        assert_eq!(blocked.status, Verdict::Warn);
        let refused = judge(Link::Refused { since, reason: "inequivalent arg".to_owned() });
        assert!(refused.advice.as_ref().unwrap().contains("queue.prefix"));
        let last_error = Some("connection refused".to_owned());
        let away = judge(Link::Connecting { since, last_error });
        assert!(away.found.contains("connection refused"), "{away:?}");
        for found in [well, blocked, refused, away] {
            assert!(found.found.contains("broker.example") && !found.found.contains("hush"));
        }
    }
}
