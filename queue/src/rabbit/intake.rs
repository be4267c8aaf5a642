//! The duty of a connection that brings messages: consumes its queues, opens what comes, and writes
//! acknowledgements. A lost connection takes everything with it: what waits is forgotten, what was
//! handed out is acknowledged into the void, and the broker delivers both again.
//!
//! Not here: what a message means, and who takes it out of the basket.

use std::fmt::Debug;
use std::hash::Hash;
use std::num::NonZeroU16;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::future::join_all;
use futures_util::stream::{SelectAll, select_all};
use futures_util::{FutureExt, Stream, StreamExt, stream};
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, message};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::rabbit::basket::Basket;
use crate::rabbit::keeper::{Duty, Ended};
use crate::rabbit::line::{ANSWER_WITHIN, Happening, Line, within};
use crate::rabbit::slip::{Settle, Slip};
use crate::rabbit::status::{Board, Trouble};

/// How many acknowledgements are written at once.
const SETTLE_BATCH_MAX: usize = 256;

/// A queue to consume.
#[derive(Debug, Clone)]
pub(super) struct Source<K> {
    pub(super) key: K,
    pub(super) queue: ShortString,
    /// How many messages the broker sends ahead of their acknowledgement.
    pub(super) prefetch: NonZeroU16,
}

/// What is done with what comes.
pub(super) trait Opener: Send + Sync {
    /// Tells the sources apart.
    type Key: Copy + Eq + Hash + Send + Sync + Debug + 'static;
    /// What is handed out.
    type Item: Send + Debug;

    /// Makes an item of a message; `None` when it was dealt with.
    fn open(&self, source: Self::Key, message: message::Delivery, slip: Slip)
    -> Option<Self::Item>;
}

/// Fills a basket.
#[derive(Debug)]
pub(super) struct Intake<O: Opener> {
    pub(super) sources: Vec<Source<O::Key>>,
    pub(super) opener: O,
    pub(super) basket: Arc<Basket<O::Key, O::Item>>,
    pub(super) board: Arc<Board>,
    /// Nobody takes from the basket any more; what was handed out may still be acknowledged.
    pub(super) leaving: CancellationToken,
    /// The whole queue closes.
    pub(super) closing: CancellationToken,
}

/// The sources' deliveries; each source's last item is `None`.
type Arrivals<K> = SelectAll<Pin<Box<dyn Stream<Item = (K, Option<Arrival>)> + Send>>>;
type Arrival = lapin::Result<message::Delivery>;

/// One connection's share of an [`Intake`].
struct Session<K> {
    channel: Channel,
    arrivals: Arrivals<K>,
    tags: Vec<ShortString>,
    slips: mpsc::Sender<Settle>,
    settles: mpsc::Receiver<Settle>,
}

impl<O: Opener> Duty for Intake<O> {
    async fn serve(&mut self, line: &mut Line) -> Ended {
        let ended = match self.begin(&line.channel).await {
            Ok(session) => {
                self.board.connected();
                self.run(line, session).await
            }
            Err(trouble) => Ended::Trouble(trouble),
        };
        self.basket.clear();
        ended
    }

    fn is_needed(&self) -> bool {
        !self.leaving.is_cancelled()
    }
}

impl<O: Opener> Intake<O> {
    /// Consumes every source.
    async fn begin(&self, channel: &Channel) -> Result<Session<O::Key>, Trouble> {
        let mut streams = Vec::new();
        let mut tags = Vec::new();
        let mut prefetched: usize = 0;
        for Source { key, queue, prefetch } in &self.sources {
            let prefetch = prefetch.get();
            // Not global: it counts for the consumers made after it, each for itself.
            let options = BasicQosOptions { global: false };
            within(ANSWER_WITHIN, "prefetch", channel.basic_qos(prefetch, options)).await?;
            let consuming = channel.basic_consume(
                queue.clone(),
                ShortString::default(),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            );
            let consumer = within(ANSWER_WITHIN, "consuming", consuming).await?;
            tags.push(consumer.tag());
            prefetched = prefetched.saturating_add(usize::from(prefetch));
            let key = *key;
            let arrivals = consumer.map(Some).chain(stream::once(async { None }));
            let arrivals: Pin<Box<dyn Stream<Item = _> + Send>> =
                Box::pin(arrivals.map(move |arrival| (key, arrival)));
            streams.push(arrivals);
        }
        // Room for every message that the broker may have sent: a slip never finds it full.
        let (slips, settles) = mpsc::channel(prefetched.max(1));
        let channel = channel.clone();
        Ok(Session { channel, arrivals: select_all(streams), tags, slips, settles })
    }

    async fn run(&self, line: &mut Line, mut session: Session<O::Key>) -> Ended {
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                // An end before more work, and acknowledgements before more messages.
                biased;
                () = self.closing.cancelled() => return self.finish(session).await,
                () = self.leaving.cancelled() => return self.linger(line, session).await,
                happening = line.happening() => {
                    if let Err(trouble) = self.note(happening) {
                        return Ended::Trouble(trouble);
                    }
                }
                _ = session.settles.recv_many(&mut batch, SETTLE_BATCH_MAX) => {
                    if let Err(trouble) = settle(&session.channel, &mut batch).await {
                        return Ended::Trouble(trouble);
                    }
                }
                // Without sources there is nothing to wait for, as with a queue that stays empty.
                arrived = session.arrivals.next(), if !self.sources.is_empty() => match arrived {
                    Some((source, Some(Ok(message)))) => self.take_in(&session.slips, source, message),
                    Some((_, Some(Err(error)))) => return lost(error.to_string()),
                    Some((_, None)) | None => return lost("a queue was deleted".to_owned()),
                },
            }
        }
    }

    fn take_in(&self, slips: &mpsc::Sender<Settle>, source: O::Key, message: message::Delivery) {
        let slip = Slip::new(message.delivery_tag, slips.clone());
        if let Some(item) = self.opener.open(source, message, slip) {
            self.basket.put(source, item);
        }
    }

    fn note(&self, happening: Happening) -> Result<(), Trouble> {
        match happening {
            Happening::Lost(trouble) => return Err(trouble),
            Happening::Blocked(reason) => self.board.blocked(reason),
            Happening::Unblocked => self.board.unblocked(),
        }
        Ok(())
    }

    /// Gives back what was not handed out, and stays until what was is acknowledged or given back.
    async fn linger(&self, line: &mut Line, session: Session<O::Key>) -> Ended {
        let Session { channel, mut arrivals, tags, slips, mut settles } = session;
        for tag in tags {
            let cancelling = channel.basic_cancel(tag, BasicCancelOptions::default());
            if within(ANSWER_WITHIN, "cancelling", cancelling).await.is_err() {
                return Ended::Done;
            }
        }
        // What lapin still holds was delivered, and goes back like everything else. A cancelled
        // consumer's stream ends after that.
        let rest = async {
            while let Some((_, arrival)) = arrivals.next().await {
                if let Some(Ok(message)) = arrival {
                    drop(Slip::new(message.delivery_tag, slips.clone()));
                }
            }
        };
        if timeout(ANSWER_WITHIN, rest).await.is_err() {
            return Ended::Done;
        }
        self.basket.clear();
        // From here on the slips that were handed out are the only senders: the last one ends it.
        drop(slips);
        let mut batch = Vec::new();
        loop {
            let count = tokio::select! {
                () = self.closing.cancelled() => 0,
                happening = line.happening() => match self.note(happening) {
                    Ok(()) => continue,
                    Err(_trouble) => return Ended::Done,
                },
                count = settles.recv_many(&mut batch, SETTLE_BATCH_MAX) => count,
            };
            if count == 0 {
                settle_rest(&channel, &mut settles).await;
                return Ended::Done;
            }
            if settle(&channel, &mut batch).await.is_err() {
                return Ended::Done;
            }
        }
    }

    /// Writes the acknowledgements that were given so far. The end of the connection gives back
    /// everything else.
    async fn finish(&self, mut session: Session<O::Key>) -> Ended {
        self.basket.close();
        settle_rest(&session.channel, &mut session.settles).await;
        Ended::Done
    }
}

impl<O: Opener> Drop for Intake<O> {
    /// Nothing fills the basket any more.
    fn drop(&mut self) {
        self.basket.close();
    }
}

async fn settle_rest(channel: &Channel, settles: &mut mpsc::Receiver<Settle>) {
    settles.close();
    let mut batch = Vec::new();
    while settles.recv_many(&mut batch, SETTLE_BATCH_MAX).now_or_never().is_some_and(|n| n > 0) {
        if settle(channel, &mut batch).await.is_err() {
            return;
        }
    }
}

/// Writes a batch of acknowledgements, all frames at once.
///
/// A frame for each: `multiple` settles every lower tag too, and calls end in any order, so that
/// mostly one of those is still under way.
async fn settle(channel: &Channel, batch: &mut Vec<Settle>) -> Result<(), Trouble> {
    let acked = batch.iter().filter(|one| matches!(one, Settle::Ack(_))).count();
    let writing = batch.drain(..).map(|one| async move {
        match one {
            Settle::Ack(tag) => channel.basic_ack(tag, BasicAckOptions::default()).await,
            Settle::Requeue(tag) => channel.basic_nack(tag, nack(true)).await,
            Settle::Reject(tag) => channel.basic_nack(tag, nack(false)).await,
        }
    });
    let written = async { join_all(writing).await.into_iter().collect::<lapin::Result<()>>() };
    within(ANSWER_WITHIN, "acknowledging", written).await?;
    crash::point!("settle 6", "the broker has an acknowledgement", "more messages");
    metrics::counter!(crate::meters::ACKED).increment(u64::try_from(acked).unwrap_or(0));
    Ok(())
}

const fn nack(requeue: bool) -> BasicNackOptions {
    BasicNackOptions { requeue, multiple: false }
}

fn lost(words: String) -> Ended {
    Ended::Trouble(Trouble::Passing(words))
}
