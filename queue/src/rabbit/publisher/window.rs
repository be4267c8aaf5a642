//! A window of messages: sent all at once, confirmed all together, judged as a whole. The next one
//! begins when it is over, so a confirm or a returned message always belongs to the one window that
//! is under way.
//!
//! Each confirm is awaited for itself: lapin's `wait_for_confirms` reports success for refused
//! messages. Which message came back is read from the returned message, never from the confirm that
//! lapin attached it to, which may be another one's.

use futures_util::future::join_all;
use lapin::message::BasicReturnMessage;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Confirmation};
use tokio::sync::{mpsc, oneshot};

use crate::rabbit::wire::{self, Undecodable};
use crate::{Lane, Message, Published};

/// How many messages of one caller go into a window. With several callers it has fewer than twice
/// as many. Confirms of a hundred messages take about as long as that of one.
pub(super) const WINDOW_MAX: usize = 256;

/// Where a caller waits.
pub(super) type Answer = oneshot::Receiver<Vec<Published>>;

/// What one caller wants published, at most [`WINDOW_MAX`] messages.
#[derive(Debug)]
pub(super) struct Request {
    messages: Vec<Outgoing>,
    answer: oneshot::Sender<Vec<Published>>,
}

#[derive(Debug)]
struct Outgoing {
    lane: Lane,
    job_id: String,
    encoded: Result<(Vec<u8>, BasicProperties), Undecodable>,
}

impl Request {
    pub(super) fn new(messages: &[Message]) -> (Request, Answer) {
        let (answer, answered) = oneshot::channel();
        let messages = messages
            .iter()
            .map(|message| Outgoing {
                lane: message.lane,
                job_id: message.job_id.clone(),
                encoded: wire::encode(message),
            })
            .collect();
        (Request { messages, answer }, answered)
    }
}

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The broker has it.
    Confirmed,
    /// No queue is bound for it.
    Returned,
    /// The broker refused it: its queue is full, or not available.
    Nacked,
    /// Nobody knows.
    Unknown(String),
    /// It was never sent.
    Unsent(String),
}

impl Outcome {
    pub(super) fn is_returned(&self) -> bool {
        *self == Outcome::Returned
    }

    /// The word for metrics.
    const fn word(&self) -> &'static str {
        match self {
            Outcome::Confirmed => "confirmed",
            Outcome::Returned => "returned",
            Outcome::Nacked => "nacked",
            Outcome::Unknown(_) => "unknown",
            Outcome::Unsent(_) => "unsent",
        }
    }

    fn published(self, lane: Lane) -> Published {
        let why = match self {
            Outcome::Confirmed => return Published::Confirmed,
            Outcome::Returned => format!("no queue is bound for lane {}", lane.word()),
            Outcome::Nacked => format!("lane {} is full or not available", lane.word()),
            Outcome::Unknown(why) | Outcome::Unsent(why) => why,
        };
        Published::NotConfirmed(why)
    }
}

/// Counts messages that were not even tried, because it was known to be of no use.
pub(super) fn count_unsent(messages: &[Message]) {
    for message in messages {
        count(message.lane, "unsent");
    }
}

fn count(lane: Lane, outcome: &'static str) {
    metrics::counter!(
        crate::meters::PUBLISHED, "lane" => lane.word(), "outcome" => outcome
    )
    .increment(1);
}

/// The requests that are sent together.
#[derive(Debug)]
pub(super) struct Window {
    requests: Vec<Request>,
}

impl Window {
    /// Takes the requests that wait, until there are [`WINDOW_MAX`] messages. Those whose caller
    /// has given up are left out.
    pub(super) fn gather(first: Request, waiting: &mut mpsc::Receiver<Request>) -> Window {
        let mut requests = Vec::new();
        let mut count: usize = 0;
        let mut next = Some(first);
        while let Some(request) = next {
            if !request.answer.is_closed() {
                count = count.saturating_add(request.messages.len());
                requests.push(request);
            }
            next = if count < WINDOW_MAX { waiting.try_recv().ok() } else { None };
        }
        Window { requests }
    }

    fn messages(&self) -> impl Iterator<Item = &Outgoing> {
        self.requests.iter().flat_map(|request| &request.messages)
    }

    /// Sends everything and waits for all confirms. The outcomes are in the messages' order.
    ///
    /// Given up or failed, nothing is known of any message, and the channel must not be used again.
    pub(super) async fn send(
        &self,
        channel: &Channel,
        exchange: &ShortString,
    ) -> lapin::Result<Vec<Outcome>> {
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        let publishing = self.messages().filter_map(|message| {
            let (body, properties) = message.encoded.as_ref().ok()?;
            let key = message.lane.word().into();
            Some(channel.basic_publish(exchange.clone(), key, options, body, properties.clone()))
        });
        // All frames are queued before the first is waited for: one write takes many.
        let written = join_all(publishing).await.into_iter().collect::<lapin::Result<Vec<_>>>()?;
        crash::point!("relay 7", "messages are written to the broker", "their confirmation");
        let confirmed = join_all(written).await.into_iter().collect::<lapin::Result<Vec<_>>>()?;
        Ok(self.judge(confirmed))
    }

    fn judge(&self, confirmed: Vec<Confirmation>) -> Vec<Outcome> {
        let is_nacked: Vec<bool> = confirmed.iter().map(|one| !one.is_ack()).collect();
        let returned: Vec<Returned> = confirmed
            .into_iter()
            .filter_map(Confirmation::take_message)
            .map(|message| Returned::new(&message))
            .collect();
        let mut is_nacked = is_nacked.into_iter();
        self.messages()
            .map(|message| {
                if let Err(error) = &message.encoded {
                    return Outcome::Unsent(format!("not a message that can be sent: {error}"));
                }
                // A confirm that is missing is none.
                let is_nacked = is_nacked.next().unwrap_or(true);
                if returned.iter().any(|one| one.may_be(message)) {
                    Outcome::Returned
                } else if is_nacked {
                    Outcome::Nacked
                } else {
                    Outcome::Confirmed
                }
            })
            .collect()
    }

    /// Tells every caller what became of its messages.
    pub(super) fn answer(self, outcomes: Vec<Outcome>) {
        let mut outcomes = outcomes.into_iter();
        for Request { messages, answer } in self.requests {
            let published = messages
                .iter()
                .map(|message| {
                    let missing = || Outcome::Unknown("it has no outcome".to_owned());
                    let outcome = outcomes.next().unwrap_or_else(missing);
                    count(message.lane, outcome.word());
                    outcome.published(message.lane)
                })
                .collect();
            // A caller that has gone away publishes again some day.
            let _gone = answer.send(published);
        }
    }

    /// Tells every caller that nobody knows.
    pub(super) fn give_up(self, why: &str) {
        let outcomes = self.messages().map(|_| Outcome::Unknown(why.to_owned())).collect();
        self.answer(outcomes);
    }
}

/// A message that came back.
struct Returned {
    key: String,
    /// `None` would be a message that is not ours: then it may be any.
    job_id: Option<String>,
}

impl Returned {
    fn new(message: &BasicReturnMessage) -> Returned {
        let id = message.delivery.properties.message_id();
        Returned {
            key: message.delivery.routing_key.to_string(),
            job_id: id.as_ref().map(ToString::to_string),
        }
    }

    fn may_be(&self, message: &Outgoing) -> bool {
        self.key == message.lane.word()
            && self.job_id.as_ref().is_none_or(|job_id| *job_id == message.job_id)
    }
}

#[cfg(test)]
mod tests {
    use lapin::message::Delivery;

    use super::*;
    use crate::Trace;

    fn message(lane: Lane, job_id: &str) -> Message {
        Message { job_id: job_id.to_owned(), lane, trace: Trace::default() }
    }

    fn returned(lane: Lane, job_id: Option<&str>) -> Returned {
        Returned { key: lane.word().to_owned(), job_id: job_id.map(str::to_owned) }
    }

    #[test]
    fn a_window_takes_what_waits_up_to_its_size_and_leaves_out_who_has_gone() {
        let (sender, mut waiting) = mpsc::channel(100);
        let one = [message(Lane::Confirm, "one")];
        let half: Vec<Message> = vec![message(Lane::Bulk, "half"); WINDOW_MAX / 2];
        let mut answers = Vec::new();
        for part in [&half[..], &half[..], &one[..]] {
            let (request, answer) = Request::new(part);
            sender.try_send(request).unwrap();
            answers.push(answer);
        }
        let (gone, answer) = Request::new(&one);
        drop(answer);
        let window = Window::gather(gone, &mut waiting);
        assert_eq!(window.messages().count(), WINDOW_MAX);
        assert_eq!(Window::gather(waiting.try_recv().unwrap(), &mut waiting).requests.len(), 1);
    }

    #[test]
    fn every_caller_hears_of_its_own_messages() {
        let (_sender, mut waiting) = mpsc::channel(1);
        let (first, mut first_answer) = Request::new(&[message(Lane::Confirm, "a")]);
        let (second, mut second_answer) =
            Request::new(&[message(Lane::Bulk, "b"), message(Lane::Bulk, "")]);
        let mut window = Window::gather(first, &mut waiting);
        window.requests.push(second);
        let outcomes = window.judge(vec![Confirmation::Ack(None), Confirmation::Nack(None)]);
        assert_eq!(outcomes[..2], [Outcome::Confirmed, Outcome::Nacked]);
        assert!(matches!(outcomes[2], Outcome::Unsent(_)));
        window.answer(outcomes);
        assert_eq!(first_answer.try_recv().unwrap(), [Published::Confirmed]);
        let second = second_answer.try_recv().unwrap();
        assert!(second.iter().all(|one| !one.is_confirmed()) && second.len() == 2, "{second:?}");
    }

    #[test]
    fn a_returned_message_is_found_however_it_was_attached() {
        let (_sender, mut waiting) = mpsc::channel(1);
        let lanes = [Lane::Confirm, Lane::LookUp, Lane::Confirm];
        let (request, _answer) = Request::new(&lanes.map(|lane| message(lane, lane.word())));
        let window = Window::gather(request, &mut waiting);
        let mut delivery =
            Delivery::mock(0, "jobs".into(), Lane::LookUp.word().into(), false, Vec::new());
        delivery.properties =
            BasicProperties::default().with_message_id(Lane::LookUp.word().into());
        let returned =
            BasicReturnMessage { delivery, reply_code: 312, reply_text: "NO_ROUTE".into() };
        let confirmed = vec![
            Confirmation::Ack(Some(returned)),
            Confirmation::Ack(None),
            Confirmation::Ack(None),
        ];
        let expected = [Outcome::Confirmed, Outcome::Returned, Outcome::Confirmed];
        assert_eq!(window.judge(confirmed), expected);
    }

    #[test]
    fn a_missing_confirm_confirms_nothing() {
        let (_sender, mut waiting) = mpsc::channel(1);
        let (request, _answer) = Request::new(&[message(Lane::Confirm, "a")]);
        assert_eq!(Window::gather(request, &mut waiting).judge(vec![]), [Outcome::Nacked]);
    }

    #[test]
    fn a_returned_message_is_told_by_its_own_words() {
        let (request, _answer) = Request::new(&[message(Lane::Confirm, "a")]);
        let ours = &request.messages[0];
        assert!(returned(Lane::Confirm, Some("a")).may_be(ours));
        assert!(returned(Lane::Confirm, None).may_be(ours));
        assert!(!returned(Lane::Bulk, Some("a")).may_be(ours));
        assert!(!returned(Lane::Confirm, Some("b")).may_be(ours));
    }
}
