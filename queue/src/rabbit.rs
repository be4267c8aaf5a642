//! The queue at a RabbitMQ broker, 3.10 and later, shared by any number of processes.
//!
//! [`RabbitQueue::start`] returns at once. A task per connection connects, declares what is missing,
//! and connects again for ever, so it does not matter who starts first or who goes away. Publishing
//! has a connection of its own: a broker that is short of memory or disk stops reading from
//! connections that publish, and acknowledgements must not wait behind that.
//!
//! lapin's own recovery is off: it can wait for ever without a word (`rabbit/line.rs` says more). Its
//! log lines say nothing that ours do not; the program may leave them out.
//!
//! A published message is confirmed when the broker has it on disk. A message is acknowledged after
//! its job was settled, so it comes again when anything is lost in between. What cannot be read, or
//! came back too often, becomes a dead letter ([`RabbitQueue::dead_letters`]).

mod basket;
mod config;
mod consumer;
mod dead_letters;
mod intake;
mod keeper;
mod line;
mod publisher;
#[cfg(feature = "test-control")]
pub mod scratch;
mod shallow;
mod slip;
mod status;
mod topology;
mod wire;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::rabbit::keeper::{Duty, Keeper};
use crate::rabbit::status::Board;
use crate::{DeadLetters, Lane};

pub use crate::rabbit::config::{
    CAPACITY_PER_LANE, HEARTBEAT_S, InvalidRabbitConfig, PREFETCH, PREFIX_BYTES_MAX, RabbitConfig,
};
pub use crate::rabbit::consumer::RabbitConsumer;
pub use crate::rabbit::dead_letters::{DEAD_LETTER_BODY_BYTES_MAX, DEAD_LETTER_DETAIL_BYTES_MAX};
pub use crate::rabbit::keeper::Jitter;
pub use crate::rabbit::publisher::RabbitPublisher;
pub use crate::rabbit::status::{Link, RabbitStatus, Role};
pub use crate::rabbit::topology::DELIVERY_LIMIT;

/// How long closing may take: a window that is under way, acknowledgements, and a goodbye.
const CLOSE_WITHIN: Duration = Duration::from_secs(6);

/// A queue at a RabbitMQ broker. Clones share it and its connections.
#[derive(Debug, Clone)]
pub struct RabbitQueue {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: Arc<RabbitConfig>,
    jitter: Jitter,
    publisher: RabbitPublisher,
    publisher_board: Arc<Board>,
    /// Those of consumers and of dead letters, as long as their connection is kept.
    boards: Mutex<Vec<Weak<Board>>>,
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl RabbitQueue {
    /// Starts to connect, for ever, and returns at once: [`RabbitQueue::status`] says how it goes.
    ///
    /// Needs a tokio runtime with time and I/O.
    #[must_use]
    pub fn start(config: RabbitConfig, jitter: Jitter) -> RabbitQueue {
        tracing::info!(
            broker = config.address(),
            prefix = config.prefix,
            "the queue is at a broker"
        );
        let (tasks, closing) = (TaskTracker::new(), CancellationToken::new());
        let config = Arc::new(config);
        let board = Arc::new(Board::new(Role::Publisher));
        let (publisher, publishing) =
            publisher::publisher(&config, Arc::clone(&board), closing.clone());
        let shared = Shared {
            config,
            jitter,
            publisher,
            publisher_board: Arc::clone(&board),
            boards: Mutex::default(),
            tasks,
            closing,
        };
        shared.keep(board, publishing);
        RabbitQueue { shared: Arc::new(shared) }
    }

    /// The end that takes messages.
    #[must_use]
    pub fn publisher(&self) -> RabbitPublisher {
        self.shared.publisher.clone()
    }

    /// An end that gives the messages of these lanes, over a connection of its own.
    #[must_use]
    pub fn consumer(&self, lanes: &[Lane]) -> RabbitConsumer {
        let board = self.shared.add_board(Role::Consumer);
        let closing = self.shared.closing.clone();
        let (consumer, intake) =
            consumer::consumer(&self.shared.config, lanes, Arc::clone(&board), closing);
        self.shared.keep(board, intake);
        consumer
    }

    /// The end that gives what the broker gave up, over a connection of its own.
    #[must_use]
    pub fn dead_letters(&self) -> Box<dyn DeadLetters> {
        let board = self.shared.add_board(Role::DeadLetters);
        let closing = self.shared.closing.clone();
        let (reader, intake) =
            dead_letters::dead_letters(&self.shared.config, Arc::clone(&board), closing);
        self.shared.keep(board, intake);
        Box::new(reader)
    }

    /// How the connections are now.
    #[must_use]
    pub fn status(&self) -> RabbitStatus {
        let links = |role| {
            let boards = self.shared.lock();
            let boards: Vec<Arc<Board>> = boards.iter().filter_map(Weak::upgrade).collect();
            let links = boards.iter().filter(move |board| board.role() == role).map(|b| b.link());
            links.max_by_key(Link::severity)
        };
        RabbitStatus {
            publisher: self.shared.publisher_board.link(),
            consumer: links(Role::Consumer),
            dead_letters: links(Role::DeadLetters),
        }
    }

    /// Closes the queue: publishers are not ready any more, consumers end, acknowledgements given
    /// so far are written, connections are closed. What was handed out and not acknowledged is
    /// delivered again, to others. Takes a few seconds at the most.
    pub async fn close(&self) {
        self.shared.closing.cancel();
        self.shared.tasks.close();
        if timeout(CLOSE_WITHIN, self.shared.tasks.wait()).await.is_err() {
            tracing::warn!("the queue's connections were not closed in time: left to the broker");
        }
    }
}

impl Shared {
    /// Keeps a connection for a duty.
    fn keep(&self, board: Arc<Board>, duty: impl Duty + 'static) {
        let keeper = Keeper {
            config: Arc::clone(&self.config),
            board,
            jitter: self.jitter.clone(),
            closing: self.closing.clone(),
        };
        self.tasks.spawn(async move { keeper.keep(duty).await });
    }

    fn add_board(&self, role: Role) -> Arc<Board> {
        let board = Arc::new(Board::new(role));
        let mut boards = self.lock();
        boards.retain(|known| known.strong_count() > 0);
        boards.push(Arc::downgrade(&board));
        board
    }

    /// The list is whole whenever the lock is free, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Board>>> {
        self.boards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
