//! Keeps one connection alive for ever: connects, lets its duty be done, and connects again after
//! any trouble, with growing and jittered pauses. Not here: what the connection is for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::rabbit::config::RabbitConfig;
use crate::rabbit::line::Line;
use crate::rabbit::status::{Board, Trouble};
use crate::rabbit::topology::Topology;

/// The shortest pause before a new try.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest. Work has to flow again within 5 s after the broker's return, so the time that a
/// failed try took counts as a part of the pause after it.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// The pause after a refusal that only a person can end.
const PAUSE_REFUSED: Duration = Duration::from_secs(10);
/// A connection that lasted so long was a good one: the pauses begin small again.
const GOOD_AFTER: Duration = Duration::from_secs(10);

/// Where jitter comes from: a duration that is evenly spread between zero and the one given.
///
/// Many processes lose a broker in the same moment; they must not all come back in the same one.
#[derive(Clone)]
pub struct Jitter(Arc<dyn Fn(Duration) -> Duration + Send + Sync>);

impl Jitter {
    /// Takes the source. What it gives above its argument is cut.
    pub fn new(spread: impl Fn(Duration) -> Duration + Send + Sync + 'static) -> Jitter {
        Jitter(Arc::new(spread))
    }

    fn spread(&self, most: Duration) -> Duration {
        (self.0)(most).min(most)
    }
}

impl fmt::Debug for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jitter")
    }
}

/// What a connection is for.
pub(super) trait Duty: Send {
    /// Does it until the line is of no more use, and tells the board when it has begun. Whoever
    /// calls closes the line.
    fn serve(&mut self, line: &mut Line) -> impl Future<Output = Ended> + Send;

    /// Whether anybody still wants it done.
    fn is_needed(&self) -> bool;
}

/// Why a duty ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// Make a new connection.
    Trouble(Trouble),
    /// It is not needed any more.
    Done,
}

/// Keeps a connection until its duty is done or `closing` is cancelled.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) config: Arc<RabbitConfig>,
    pub(super) board: Arc<Board>,
    pub(super) jitter: Jitter,
    pub(super) closing: CancellationToken,
}

impl Keeper {
    pub(super) async fn keep(self, mut duty: impl Duty) {
        let mut pauses = Pauses { jitter: self.jitter.clone(), tries: 0 };
        while duty.is_needed() {
            let begun = Instant::now();
            let opened = tokio::select! {
                () = self.closing.cancelled() => break,
                opened = self.open() => opened,
            };
            let pause = match opened {
                Ok(line) => {
                    let ended = self.serve(&mut duty, line).await;
                    let Ended::Trouble(trouble) = ended else { break };
                    pauses.note_connection(begun.elapsed());
                    pauses.next(&trouble)
                }
                Err(trouble) => {
                    let pause = pauses.next(&trouble).saturating_sub(begun.elapsed());
                    self.board.lost(trouble);
                    pause.max(PAUSE_MIN)
                }
            };
            tokio::select! {
                () = self.closing.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn serve(&self, duty: &mut impl Duty, mut line: Line) -> Ended {
        let ended = duty.serve(&mut line).await;
        if let Ended::Trouble(trouble) = &ended {
            // Before the goodbye, which may take a moment.
            self.board.lost(trouble.clone());
        }
        line.close().await;
        ended
    }

    async fn open(&self) -> Result<Line, Trouble> {
        let line = Line::open(&self.config, self.board.role()).await?;
        Topology::new(&self.config).declare(&line.channel).await?;
        Ok(line)
    }
}

impl Drop for Keeper {
    /// Nobody tries any more, even when the reason is a panic.
    fn drop(&mut self) {
        self.board.closed();
    }
}

/// How long to wait before each try.
#[derive(Debug)]
struct Pauses {
    jitter: Jitter,
    tries: u32,
}

impl Pauses {
    fn next(&mut self, trouble: &Trouble) -> Duration {
        match trouble {
            Trouble::Refused(_) => PAUSE_REFUSED,
            // Also when we are not let in: a broker that starts may not know its users yet.
            Trouble::Passing(_) | Trouble::Denied(_) => {
                self.tries = self.tries.saturating_add(1);
                let doubled = 2_u32.saturating_pow(self.tries);
                let most = PAUSE_MIN.saturating_mul(doubled).min(PAUSE_MAX);
                PAUSE_MIN.saturating_add(self.jitter.spread(most.saturating_sub(PAUSE_MIN)))
            }
        }
    }

    fn note_connection(&mut self, lasted: Duration) {
        if lasted >= GOOD_AFTER {
            self.tries = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passing() -> Trouble {
        Trouble::Passing("away".to_owned())
    }

    #[test]
    fn pauses_grow_to_two_seconds_and_begin_small_again_after_a_good_connection() {
        let mut pauses = Pauses { jitter: Jitter::new(|most| most), tries: 0 };
        let grown: Vec<u128> = (0..8).map(|_| pauses.next(&passing()).as_millis()).collect();
        assert_eq!(grown, [200, 400, 800, 1_600, 2_000, 2_000, 2_000, 2_000]);
        pauses.note_connection(Duration::from_secs(1));
        assert_eq!(pauses.next(&passing()), PAUSE_MAX);
        pauses.note_connection(GOOD_AFTER);
        assert_eq!(pauses.next(&passing()), Duration::from_millis(200));
    }

    #[test]
    fn jitter_spreads_a_pause_over_its_whole_length_but_never_to_nothing() {
        let mut none = Pauses { jitter: Jitter::new(|_| Duration::ZERO), tries: 0 };
        assert!((0..40).all(|_| none.next(&passing()) == PAUSE_MIN));
        let mut wild = Pauses { jitter: Jitter::new(|_| Duration::MAX), tries: 0 };
        assert!((0..40).all(|_| wild.next(&passing()) <= PAUSE_MAX));
        assert_eq!(wild.next(&Trouble::Refused("other arguments".to_owned())), PAUSE_REFUSED);
    }
}
