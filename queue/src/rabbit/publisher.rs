//! The end that takes messages: callers hand their batches to one task, which sends them in windows
//! (see [`window`]) and gives each caller its answer.
//!
//! One task, because lapin numbers a publication and queues its frames in two steps: two tasks on
//! one channel could swap their confirms.

mod window;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lapin::options::ConfirmSelectOptions;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::rabbit::config::RabbitConfig;
use crate::rabbit::keeper::{Duty, Ended};
use crate::rabbit::line::{ANSWER_WITHIN, Happening, Line, within};
use crate::rabbit::publisher::window::{Answer, Outcome, Request, WINDOW_MAX, Window};
use crate::rabbit::status::{Board, Trouble, blocked};
use crate::rabbit::topology::Topology;
use crate::{Message, Published, Publisher};

/// How long a publication may take altogether. The API and the relay go on without an answer then;
/// the database has the jobs.
const PUBLISH_WITHIN: Duration = Duration::from_secs(5);
/// How long the broker may take to confirm a window: shorter than [`PUBLISH_WITHIN`], so that the
/// callers whose messages are in it still hear why.
const CONFIRM_WITHIN: Duration = Duration::from_secs(4);
/// How many requests wait for the next window. Whoever finds no room waits too, within its time.
const REQUESTS_MAX: usize = 1_024;

/// Publishes to RabbitMQ. Clones share one channel; any number of tasks may publish at once.
///
/// A job id must have 1 to 128 bytes; a message with another one is never confirmed. Trace values
/// above 256 bytes are left out.
#[derive(Debug, Clone)]
pub struct RabbitPublisher {
    board: Arc<Board>,
    requests: mpsc::Sender<Request>,
}

/// The task's side of a [`RabbitPublisher`].
#[derive(Debug)]
pub(super) struct Publishing {
    board: Arc<Board>,
    topology: Topology,
    requests: mpsc::Receiver<Request>,
    closing: CancellationToken,
}

/// Makes both sides.
pub(super) fn publisher(
    config: &RabbitConfig,
    board: Arc<Board>,
    closing: CancellationToken,
) -> (RabbitPublisher, Publishing) {
    let (sender, requests) = mpsc::channel(REQUESTS_MAX);
    let topology = Topology::new(config);
    let publishing = Publishing { board: Arc::clone(&board), topology, requests, closing };
    (RabbitPublisher { board, requests: sender }, publishing)
}

#[async_trait]
impl Publisher for RabbitPublisher {
    async fn publish(&self, batch: &[Message]) -> Vec<Published> {
        if let Some(obstacle) = self.board.obstacle() {
            window::count_unsent(batch);
            return batch.iter().map(|_| Published::NotConfirmed(obstacle.clone())).collect();
        }
        let begun = Instant::now();
        let until = begun.checked_add(PUBLISH_WITHIN).unwrap_or(begun);
        let mut answers = Vec::new();
        for part in batch.chunks(WINDOW_MAX) {
            answers.push((part, self.request(part, until).await));
        }
        let mut published = Vec::with_capacity(batch.len());
        for (part, answer) in answers {
            published.extend(self.wait(part, answer, until).await);
        }
        published
    }

    fn is_ready(&self) -> bool {
        self.board.is_connected()
    }
}

impl RabbitPublisher {
    /// Hands a part of a batch to the task; `None` when there is no room in time.
    async fn request(&self, part: &[Message], until: Instant) -> Option<Answer> {
        let (request, answered) = Request::new(part);
        match timeout_at(until, self.requests.send(request)).await {
            Ok(Ok(())) => Some(answered),
            Ok(Err(_closed)) => None,
            Err(_elapsed) => None,
        }
    }

    async fn wait(
        &self,
        part: &[Message],
        answer: Option<Answer>,
        until: Instant,
    ) -> Vec<Published> {
        let answered = match answer {
            Some(answer) => timeout_at(until, answer).await,
            None => return self.unanswered(part),
        };
        match answered {
            Ok(Ok(published)) => published,
            Ok(Err(_dropped)) => self.unanswered(part),
            Err(_elapsed) => self.unanswered(part),
        }
    }

    fn unanswered(&self, part: &[Message]) -> Vec<Published> {
        let why = self.board.obstacle().unwrap_or_else(|| {
            format!("no answer from the broker within {} ms", PUBLISH_WITHIN.as_millis())
        });
        part.iter().map(|_| Published::NotConfirmed(why.clone())).collect()
    }
}

impl Duty for Publishing {
    async fn serve(&mut self, line: &mut Line) -> Ended {
        let ended = self.publish_until_trouble(line).await;
        if let Ended::Trouble(trouble) = &ended {
            self.give_up_waiting(&trouble.to_string());
        }
        ended
    }

    fn is_needed(&self) -> bool {
        !self.requests.is_closed()
    }
}

impl Publishing {
    async fn publish_until_trouble(&mut self, line: &mut Line) -> Ended {
        let confirming = line.channel.confirm_select(ConfirmSelectOptions::default());
        if let Err(trouble) = within(ANSWER_WITHIN, "publisher confirms", confirming).await {
            return Ended::Trouble(trouble);
        }
        self.board.connected();
        loop {
            tokio::select! {
                () = self.closing.cancelled() => return Ended::Done,
                happening = line.happening() => match happening {
                    Happening::Lost(trouble) => return Ended::Trouble(trouble),
                    Happening::Blocked(reason) => return self.sit_out(line, reason).await,
                    Happening::Unblocked => {}
                },
                request = self.requests.recv() => {
                    let Some(request) = request else { return Ended::Done };
                    let window = Window::gather(request, &mut self.requests);
                    if let Err(ended) = self.send(line, window).await {
                        return ended;
                    }
                }
            }
        }
    }

    /// Answers those who wait for the next window: there is none soon.
    fn give_up_waiting(&mut self, why: &str) {
        while let Ok(request) = self.requests.try_recv() {
            Window::gather(request, &mut self.requests).give_up(why);
        }
    }

    /// Sends a window and answers its callers. An error means that the line is of no more use.
    async fn send(&mut self, line: &mut Line, window: Window) -> Result<(), Ended> {
        // A channel is a handle: sending on it does not borrow the line.
        let channel = line.channel.clone();
        let exchange = self.topology.exchange();
        let sending = within(CONFIRM_WITHIN, "confirms", window.send(&channel, &exchange));
        let happening = tokio::select! {
            sent = sending => return match sent {
                Ok(outcomes) => answer(window, outcomes),
                Err(trouble) => {
                    window.give_up(&trouble.to_string());
                    Err(Ended::Trouble(trouble))
                }
            },
            happening = line.happening() => happening,
        };
        match happening {
            Happening::Lost(trouble) => {
                window.give_up(&trouble.to_string());
                Err(Ended::Trouble(trouble))
            }
            Happening::Blocked(reason) => {
                window.give_up(&blocked(&reason));
                Err(self.sit_out(line, reason).await)
            }
            // Only who was blocked is unblocked, and then the line was given up.
            Happening::Unblocked => {
                window.give_up("unblocked by the broker in the middle of it");
                Err(afresh())
            }
        }
    }

    /// Waits until the broker reads again. The line is not used after that: frames of a window that
    /// was given up may still wait in it, and their late confirms would be mistaken for others.
    async fn sit_out(&mut self, line: &mut Line, reason: String) -> Ended {
        self.board.blocked(reason.clone());
        let why = blocked(&reason);
        loop {
            tokio::select! {
                () = self.closing.cancelled() => return Ended::Done,
                happening = line.happening() => match happening {
                    Happening::Lost(trouble) => return Ended::Trouble(trouble),
                    Happening::Blocked(_) => {}
                    Happening::Unblocked => return afresh(),
                },
                // It came before the block was known.
                request = self.requests.recv() => match request {
                    Some(request) => Window::gather(request, &mut self.requests).give_up(&why),
                    None => return Ended::Done,
                },
            }
        }
    }
}

fn answer(window: Window, outcomes: Vec<Outcome>) -> Result<(), Ended> {
    let is_unroutable = outcomes.iter().any(Outcome::is_returned);
    window.answer(outcomes);
    if is_unroutable {
        // A new connection declares the missing queue or binding.
        let words = "messages came back: a queue or its binding is missing".to_owned();
        return Err(Ended::Trouble(Trouble::Passing(words)));
    }
    Ok(())
}

fn afresh() -> Ended {
    Ended::Trouble(Trouble::Passing("the broker takes messages again: connecting afresh".into()))
}
