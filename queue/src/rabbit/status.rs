//! How the connections are: for health checks and for the decision to give up, and one log line
//! when a connection goes and one when it is back. Not here: making them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// What a connection is for. Publishing has one of its own because the broker stops reading from
/// connections that publish while it is short of memory or disk, acknowledgements included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Takes messages to the broker.
    Publisher,
    /// Brings messages from the broker.
    Consumer,
    /// Brings what the broker gave up.
    DeadLetters,
}

impl Role {
    /// The word for logs, metrics, and the connection's name at the broker.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Role::Publisher => "publisher",
            Role::Consumer => "consumer",
            Role::DeadLetters => "dead_letters",
        }
    }
}

/// How one connection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// Not connected, trying.
    Connecting {
        /// Since when there is no connection.
        since: Instant,
        /// Why the last try failed, or how the last connection was lost.
        last_error: Option<String>,
    },
    /// Working.
    Connected {
        /// Since when.
        since: Instant,
    },
    /// Connected, and the broker takes no messages: it is short of memory or disk.
    Blocked {
        /// Since when.
        since: Instant,
        /// The broker's words.
        reason: String,
    },
    /// A queue or an exchange exists with other arguments than ours. It is tried again, slowly, but
    /// a person has to change something: the message names the queue and the argument.
    Refused {
        /// Since when there is no connection.
        since: Instant,
        /// The broker's words.
        reason: String,
    },
    /// Closed by us.
    Closed,
}

impl Link {
    /// Whether it works now.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        match self {
            Link::Connected { .. } => true,
            Link::Connecting { .. }
            | Link::Blocked { .. }
            | Link::Refused { .. }
            | Link::Closed => false,
        }
    }

    /// Of several links, the one to show.
    pub(super) const fn severity(&self) -> u8 {
        match self {
            Link::Refused { .. } => 4,
            Link::Connecting { .. } => 3,
            Link::Blocked { .. } => 2,
            Link::Connected { .. } => 1,
            Link::Closed => 0,
        }
    }

    /// Since when there is no connection; `None` while there is one, also a blocked one, and after
    /// it was closed by us.
    #[must_use]
    pub const fn down_since(&self) -> Option<Instant> {
        match self {
            Link::Connecting { since, .. } | Link::Refused { since, .. } => Some(*since),
            Link::Connected { .. } | Link::Blocked { .. } | Link::Closed => None,
        }
    }
}

/// How the connections of a [`crate::RabbitQueue`] are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RabbitStatus {
    /// The publisher's.
    pub publisher: Link,
    /// The consumer's, and of several the one that is worst off; `None` when there is no consumer.
    pub consumer: Option<Link>,
    /// That of the dead letters; `None` when nobody reads them.
    pub dead_letters: Option<Link>,
}

/// Why there is no connection, or none any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    /// It may work the next time.
    #[error("{0}")]
    Passing(String),
    /// The broker does not let us in. It may know our user a moment later, when it has just begun.
    #[error("{0}")]
    Denied(String),
    /// Something is declared there with other arguments: it will not work until a person changes something.
    #[error("{0}")]
    Refused(String),
}

/// One connection's state, shared between who keeps it and who asks.
#[derive(Debug)]
pub(super) struct Board {
    role: Role,
    link: Mutex<Link>,
}

impl Board {
    pub(super) fn new(role: Role) -> Board {
        let link = Link::Connecting { since: Instant::now(), last_error: None };
        let board = Board { role, link: Mutex::new(link) };
        // Zero from the beginning: an alert cannot see a series that is not there.
        board.gauge().increment(0.0);
        board
    }

    pub(super) const fn role(&self) -> Role {
        self.role
    }

    pub(super) fn link(&self) -> Link {
        self.lock().clone()
    }

    pub(super) fn is_connected(&self) -> bool {
        self.lock().is_connected()
    }

    /// Why nothing can be published now; `None` when it can.
    pub(super) fn obstacle(&self) -> Option<String> {
        match &*self.lock() {
            Link::Connected { .. } => None,
            Link::Connecting { last_error: None, .. } => Some("not connected yet".to_owned()),
            Link::Connecting { last_error: Some(error), .. } => {
                Some(format!("not connected: {error}"))
            }
            Link::Blocked { reason, .. } => Some(blocked(reason)),
            Link::Refused { reason, .. } => Some(format!("refused by the broker: {reason}")),
            Link::Closed => Some("the queue is closed".to_owned()),
        }
    }

    pub(super) fn connected(&self) {
        let before = self.replace(Link::Connected { since: Instant::now() });
        let role = self.role.word();
        if let Link::Connecting { since, .. } | Link::Refused { since, .. } = before {
            let away_ms = since.elapsed().as_millis();
            tracing::info!(role, away_ms, "connected to the queue's broker");
            self.gauge().increment(1.0);
        }
    }

    pub(super) fn blocked(&self, reason: String) {
        tracing::warn!(role = self.role.word(), reason, "the broker takes no messages for now");
        self.replace(Link::Blocked { since: Instant::now(), reason });
    }

    pub(super) fn unblocked(&self) {
        if let Link::Blocked { since, .. } = self.link() {
            let blocked_ms = since.elapsed().as_millis();
            tracing::info!(role = self.role.word(), blocked_ms, "the broker takes messages again");
            self.replace(Link::Connected { since: Instant::now() });
        }
    }

    /// There is no connection. Logged when that is new, or when the reason became a lasting one.
    pub(super) fn lost(&self, trouble: Trouble) {
        let before = self.link();
        let role = self.role.word();
        let since = before.down_since().unwrap_or_else(Instant::now);
        if let Link::Connected { .. } | Link::Blocked { .. } = before {
            self.gauge().decrement(1.0);
            metrics::counter!(crate::meters::RECONNECTS, "role" => role).increment(1);
        }
        match trouble {
            Trouble::Refused(reason) => {
                let is_known =
                    matches!(&before, Link::Refused { reason: known, .. } if *known == reason);
                if !is_known {
                    tracing::error!(
                        role,
                        reason,
                        alert = "queue_refused",
                        "the broker has a queue or an exchange with other arguments than ours. If \
                         another application uses it, choose another queue.prefix. If it is ours, \
                         from before queue.capacity_per_lane was changed, delete it when it is empty"
                    );
                }
                self.replace(Link::Refused { since, reason });
            }
            Trouble::Passing(error) | Trouble::Denied(error) => {
                let is_known = matches!(&before, Link::Connecting { last_error: Some(_), .. });
                if !is_known {
                    tracing::warn!(role, error, "no connection to the queue's broker; trying on");
                }
                self.replace(Link::Connecting { since, last_error: Some(error) });
            }
        }
    }

    pub(super) fn closed(&self) {
        if let Link::Connected { .. } | Link::Blocked { .. } = self.replace(Link::Closed) {
            self.gauge().decrement(1.0);
        }
    }

    fn gauge(&self) -> metrics::Gauge {
        metrics::gauge!(crate::meters::CONNECTED, "role" => self.role.word())
    }

    fn replace(&self, link: Link) -> Link {
        std::mem::replace(&mut *self.lock(), link)
    }

    /// A link is whole whenever the lock is free, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why nothing is published while the broker is short of something.
pub(super) fn blocked(reason: &str) -> String {
    format!("blocked by the broker: {reason}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_link_is_down_from_its_loss_until_it_is_back_however_often_it_is_tried() {
        let board = Board::new(Role::Consumer);
        board.connected();
        assert_eq!(board.link().down_since(), None);
        advance(Duration::from_secs(5)).await;
        let lost_at = Instant::now();
        for error in ["reset", "refused", "refused"] {
            board.lost(Trouble::Passing(error.to_owned()));
            advance(Duration::from_secs(1)).await;
        }
        board.lost(Trouble::Refused("other arguments".to_owned()));
        assert_eq!(board.link().down_since(), Some(lost_at));
        assert!(!board.is_connected());
        board.connected();
        assert_eq!(board.link().down_since(), None);
    }

    #[test]
    fn a_blocked_link_is_not_down_and_not_ready_either() {
        let board = Board::new(Role::Publisher);
        assert_eq!(board.obstacle().unwrap(), "not connected yet");
        board.connected();
        assert_eq!(board.obstacle(), None);
        board.blocked("low on memory".to_owned());
        assert_eq!(board.link().down_since(), None);
        assert!(!board.is_connected());
        assert_eq!(board.obstacle().unwrap(), "blocked by the broker: low on memory");
        board.unblocked();
        assert!(board.is_connected());
    }
}
