//! Webhooks: who wants them, and the queue of those to be sent, tried again or remembered.
//!
//! Source: Toss, webhooks: one POST per event and registered address; anything but a 200 within 10 seconds is tried
//! again up to seven times on a fixed ladder. This file decides what is due; `sender.rs` sends it, `body.rs` writes it.

pub(crate) mod body;
pub(crate) mod endpoints;
pub(crate) mod sender;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::endpoints::Endpoints;
use crate::clock::Moment;
use crate::codes;
use crate::ids;
use crate::limits::{
    MINUTE_MS, WEBHOOK_ATTEMPTS_MAX, WEBHOOK_LADDER_MINUTES, WEBHOOK_OVERTAKEN_MS, WEBHOOKS_MAX,
    WEBHOOKS_OVER_MAX,
};
use crate::payment::Status;
use crate::refusal::Refusal;
use crate::settings::Settings;

/// What a webhook tells of. Source: Toss, webhook events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WebhookEvent {
    /// A payment is DONE, CANCELED, PARTIAL_CANCELED, ABORTED or EXPIRED.
    PaymentStatusChanged,
    /// A virtual account was issued, deposited, reversed or cancelled. Its body is flat.
    DepositCallback,
    /// An asynchronous cancel ended. The simulator has no such method, so none is ever sent.
    CancelStatusChanged,
}

/// One webhook for one address.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Delivery {
    pub(crate) sequence: u64,
    /// `whtrans_…`, equal over all tries.
    pub(crate) id: String,
    pub(crate) endpoint: u64,
    pub(crate) event: WebhookEvent,
    pub(crate) payment_key: String,
    pub(crate) status: Status,
    pub(crate) body: String,
    pub(crate) created_at: Moment,
    /// When it is sent next; None once it is over.
    pub(crate) due_at: Option<Moment>,
    pub(crate) is_delivered: bool,
    /// Tries after the first, as its header counts them.
    pub(crate) retries: u32,
    /// How often it is sent again although it was taken.
    pub(crate) duplicates_left: u32,
    /// The younger one that has to overtake it first.
    pub(crate) behind: Option<u64>,
    pub(crate) attempts: Vec<WebhookAttempt>,
}

/// One sending of a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookAttempt {
    /// When its end was known, on the simulator's clock, `+09:00`.
    pub at: String,
    /// HTTP status of the answer; None if there was none.
    pub status: Option<u16>,
    /// Why there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A change of the queue that can be stored.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WebhookChange {
    Put(Arc<Delivery>),
    Gone(u64),
}

/// What the sender needs of a due webhook.
#[derive(Debug, Clone)]
pub(crate) struct Due {
    pub(crate) sequence: u64,
    pub(crate) url: String,
    pub(crate) id: String,
    pub(crate) retries: u32,
    pub(crate) body: String,
}

#[derive(Debug, Default)]
pub(crate) struct Webhooks {
    pub(crate) endpoints: Endpoints,
    deliveries: BTreeMap<u64, Arc<Delivery>>,
    /// Those that are not over.
    open: BTreeSet<u64>,
    in_flight: HashSet<u64>,
    next_sequence: u64,
    changed: BTreeSet<u64>,
}

/// What is to be told about a payment.
#[derive(Debug)]
pub(crate) struct News<'a> {
    pub(crate) endpoint: u64,
    pub(crate) event: WebhookEvent,
    pub(crate) payment_key: &'a str,
    pub(crate) status: Status,
    pub(crate) body: String,
    pub(crate) now: Moment,
}

impl Webhooks {
    pub(crate) fn all(&self) -> impl DoubleEndedIterator<Item = &Arc<Delivery>> {
        self.deliveries.values()
    }

    pub(crate) fn find(&self, sequence: u64) -> Option<&Delivery> {
        self.deliveries.get(&sequence).map(Arc::as_ref)
    }

    pub(crate) fn has_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// The changes since the last call.
    pub(crate) fn take_changes(&mut self) -> Vec<WebhookChange> {
        let changed = std::mem::take(&mut self.changed).into_iter();
        let change_of = |sequence| match self.deliveries.get(&sequence) {
            Some(delivery) => WebhookChange::Put(Arc::clone(delivery)),
            None => WebhookChange::Gone(sequence),
        };
        changed.map(change_of).collect()
    }

    /// Carries a stored change out again. Not a change itself.
    pub(crate) fn redo(&mut self, change: WebhookChange) {
        match change {
            WebhookChange::Put(delivery) => self.put_back(delivery),
            WebhookChange::Gone(sequence) => self.take_out(sequence),
        }
    }

    pub(crate) fn put_back(&mut self, delivery: Arc<Delivery>) {
        let sequence = delivery.sequence;
        self.next_sequence = self.next_sequence.max(sequence.saturating_add(1));
        match delivery.due_at {
            Some(_) => self.open.insert(sequence),
            None => self.open.remove(&sequence),
        };
        self.deliveries.insert(sequence, delivery);
    }

    fn take_out(&mut self, sequence: u64) {
        self.deliveries.remove(&sequence);
        self.open.remove(&sequence);
    }

    /// Puts a webhook into the queue.
    pub(crate) fn add(&mut self, news: News<'_>, settings: &Settings) {
        self.make_room();
        let sequence = self.next_sequence;
        self.next_sequence = sequence.saturating_add(1);
        let overtaken = if settings.reorder_webhooks {
            self.last_waiting_for_company(news.endpoint, news.payment_key)
        } else {
            None
        };
        let waits_for_company = settings.reorder_webhooks && overtaken.is_none();
        let wait_ms = if waits_for_company { WEBHOOK_OVERTAKEN_MS } else { 0 };
        if let Some(older) = overtaken {
            self.update(older, |older| {
                older.due_at = Some(news.now);
                older.behind = Some(sequence);
            });
        }
        let delivery = Delivery {
            sequence,
            id: ids::transmission_id(),
            endpoint: news.endpoint,
            event: news.event,
            payment_key: news.payment_key.to_owned(),
            status: news.status,
            body: news.body,
            created_at: news.now,
            due_at: Some(news.now.plus_ms(wait_ms)),
            is_delivered: false,
            retries: 0,
            duplicates_left: u32::from(settings.duplicate_webhooks),
            behind: None,
            attempts: Vec::new(),
        };
        self.put_back(Arc::new(delivery));
        self.changed.insert(sequence);
    }

    /// The webhook that waits to be overtaken by another one of that payment.
    fn last_waiting_for_company(&self, endpoint: u64, payment_key: &str) -> Option<u64> {
        let is_it = |delivery: &&Delivery| {
            delivery.endpoint == endpoint
                && delivery.payment_key == payment_key
                && delivery.attempts.is_empty()
                && delivery.behind.is_none()
                && !self.in_flight.contains(&delivery.sequence)
                && delivery.due_at.is_some_and(|due| due > delivery.created_at)
        };
        let open = self.open.iter().rev().filter_map(|sequence| self.find(*sequence));
        open.filter(is_it).map(|delivery| delivery.sequence).next()
    }

    fn make_room(&mut self) {
        let over = self.deliveries.len().saturating_sub(self.open.len());
        let is_full = self.deliveries.len() >= WEBHOOKS_MAX;
        if over < WEBHOOKS_OVER_MAX && !is_full {
            return;
        }
        let oldest_over = self.deliveries.keys().find(|it| !self.open.contains(it)).copied();
        let oldest = oldest_over.or_else(|| self.deliveries.keys().next().copied());
        if let Some(sequence) = oldest {
            if oldest_over.is_none() {
                tracing::warn!(sequence, "too many webhooks wait: the oldest is given up");
            }
            self.take_out(sequence);
            self.changed.insert(sequence);
        }
    }

    fn update(&mut self, sequence: u64, change: impl FnOnce(&mut Delivery)) {
        if let Some(delivery) = self.deliveries.get_mut(&sequence) {
            let delivery = Arc::make_mut(delivery);
            change(delivery);
            match delivery.due_at {
                Some(_) => self.open.insert(sequence),
                None => self.open.remove(&sequence),
            };
            self.changed.insert(sequence);
        }
    }

    /// Takes up to `count` webhooks that are due; each is ended with [`Webhooks::finish`].
    /// Those of one payment and address go one after the other; those of an `is_busy` payment wait for its answer.
    pub(crate) fn take_due(
        &mut self,
        now: Moment,
        count: usize,
        is_busy: impl Fn(&str) -> bool,
    ) -> Vec<Due> {
        let mut due = Vec::new();
        let mut taken: HashSet<(u64, String)> = self
            .in_flight
            .iter()
            .filter_map(|sequence| self.find(*sequence))
            .map(|it| (it.endpoint, it.payment_key.clone()))
            .collect();
        let mut unreachable = Vec::new();
        for sequence in &self.open {
            if due.len() >= count {
                break;
            }
            let Some(delivery) = self.find(*sequence) else { continue };
            let is_behind = delivery.behind.and_then(|younger| self.find(younger));
            let is_behind = is_behind.is_some_and(|younger| younger.attempts.is_empty());
            let is_due = delivery.due_at.is_some_and(|due| due <= now) && !is_behind;
            if !is_due || self.in_flight.contains(sequence) || is_busy(&delivery.payment_key) {
                continue;
            }
            let line = (delivery.endpoint, delivery.payment_key.clone());
            if taken.contains(&line) {
                continue;
            }
            let Some(endpoint) = self.endpoints.find(delivery.endpoint) else {
                unreachable.push(*sequence);
                continue;
            };
            taken.insert(line);
            due.push(Due {
                sequence: *sequence,
                url: endpoint.url.clone(),
                id: delivery.id.clone(),
                retries: delivery.retries,
                body: delivery.body.clone(),
            });
        }
        self.in_flight.extend(due.iter().map(|it| it.sequence));
        for sequence in unreachable {
            self.update(sequence, |delivery| delivery.due_at = None);
        }
        due
    }

    /// When the next of those that wait is due.
    pub(crate) fn next_due_at(&self) -> Option<Moment> {
        let waiting = self.open.iter().filter(|sequence| !self.in_flight.contains(sequence));
        waiting.filter_map(|sequence| self.find(*sequence)?.due_at).min()
    }

    /// Notes how a sending ended and what follows from it.
    pub(crate) fn finish(&mut self, sequence: u64, attempt: WebhookAttempt, now: Moment) {
        self.in_flight.remove(&sequence);
        self.update(sequence, |delivery| {
            // Source: Toss, a webhook is taken if it is answered with exactly 200.
            let is_taken = attempt.status == Some(200);
            if delivery.attempts.len() >= WEBHOOK_ATTEMPTS_MAX {
                delivery.attempts.remove(0);
            }
            delivery.attempts.push(attempt);
            delivery.is_delivered |= is_taken;
            let step = usize::try_from(delivery.retries).unwrap_or(usize::MAX);
            let pause = WEBHOOK_LADDER_MINUTES.get(step).map(|it| it.saturating_mul(MINUTE_MS));
            delivery.due_at = match (is_taken, pause) {
                (true, _) if delivery.duplicates_left > 0 => {
                    delivery.duplicates_left = delivery.duplicates_left.saturating_sub(1);
                    Some(now)
                }
                (true, _) | (false, None) => None,
                (false, Some(pause)) => {
                    delivery.retries = delivery.retries.saturating_add(1);
                    Some(now.plus_ms(pause))
                }
            };
        });
    }

    /// Sends one again, by its `whtrans_…` id. Source: Toss, the button in the developer centre.
    ///
    /// # Errors
    /// 404 if it is not remembered any more.
    pub(crate) fn resend(&mut self, id: &str, now: Moment) -> Result<u64, Refusal> {
        let found = self.deliveries.values().find(|delivery| delivery.id == id);
        let sequence = found.map(|delivery| delivery.sequence);
        let sequence = sequence.ok_or_else(|| Refusal::about(codes::NOT_FOUND, "webhook"))?;
        self.update(sequence, |delivery| {
            delivery.due_at = Some(now);
            delivery.behind = None;
        });
        Ok(sequence)
    }

    /// Lets go of those that wait to be overtaken.
    pub(crate) fn release_waiting(&mut self, now: Moment) {
        let is_waiting = |delivery: &&Delivery| delivery.attempts.is_empty();
        let open = self.open.iter().filter_map(|sequence| self.find(*sequence));
        let waiting: Vec<u64> = open.filter(is_waiting).map(|it| it.sequence).collect();
        for sequence in waiting {
            self.update(sequence, |delivery| delivery.due_at = Some(now));
        }
    }

    /// Whether a webhook of that payment is due for the first time.
    pub(crate) fn has_unsent(&self, payment_key: &str, now: Moment) -> bool {
        let mut open = self.open.iter().filter_map(|sequence| self.find(*sequence));
        let is_due = |it: &Delivery| it.due_at.is_some_and(|due| due <= now);
        open.any(|it| it.payment_key == payment_key && it.attempts.is_empty() && is_due(it))
    }

    /// Whether anything is due or on its way.
    pub(crate) fn is_busy(&self, now: Moment) -> bool {
        let mut open = self.open.iter().filter_map(|sequence| self.find(*sequence));
        !self.in_flight.is_empty() || open.any(|it| it.due_at.is_some_and(|due| due <= now))
    }
}

#[cfg(test)]
mod tests;
