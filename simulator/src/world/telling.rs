//! Telling merchants of what became of their payments, and what is to be sent by now.

use std::time::Duration;

use super::World;
use crate::payment::view::Rendering;
use crate::refusal::Language;
use crate::webhooks::{Due, News, body};

impl World {
    /// Queues the webhooks of what the payment has become.
    pub(super) fn tell(&mut self, payment_key: &str) {
        if self.webhooks.endpoints.is_empty() {
            return;
        }
        let Some(payment) = self.payments.find(payment_key) else { return };
        let settings = self.settings().clone();
        let rendering = Rendering {
            now: self.now(),
            // Source: Toss, Korean is what is written to nobody in particular.
            language: Language::Korean,
            origin: &self.origin,
            provider_codes: settings.provider_codes,
        };
        for event in body::events_of(payment) {
            for endpoint in self.webhooks.endpoints.for_event(&payment.merchant, event) {
                let news = News {
                    endpoint,
                    event,
                    payment_key,
                    status: payment.status,
                    body: body::write(event, payment, rendering, settings.unknown_values),
                    now: rendering.now,
                };
                self.webhooks.add(news, &settings);
            }
        }
    }

    /// Whether an answer lets the webhooks of its payment go first.
    pub(crate) fn tells_early(&self) -> bool {
        let settings = self.settings();
        settings.early_webhooks && !settings.pause_webhooks && !self.webhooks.endpoints.is_empty()
    }

    /// Whether a webhook of the payment has still to go out before an answer may.
    pub(crate) fn has_early_news(&self, payment_key: &str) -> bool {
        self.tells_early() && self.webhooks.has_unsent(payment_key, self.now())
    }

    /// Tells of payments whose time ran out without anybody looking at them, if somebody wants to be told.
    pub(crate) fn refresh_for_webhooks(&mut self) {
        if !self.webhooks.endpoints.is_empty() {
            self.refresh_all();
        }
    }

    /// Takes up to `count` webhooks that are due, and tells how long there will be no other; None for as long as nothing
    /// happens.
    pub(crate) fn webhooks_due(&mut self, count: usize) -> (Vec<Due>, Option<Duration>) {
        if self.settings().pause_webhooks {
            return (Vec::new(), None);
        }
        let (now, is_early) = (self.now(), self.settings().early_webhooks);
        let busy = &self.busy;
        let due = self.webhooks.take_due(now, count, |key| !is_early && busy.contains(key));
        let next = self.webhooks.next_due_at().map(|at| at.ms_since(now));
        // What is due and not taken waits for something else to end, which rings.
        let pause = next.filter(|ms| *ms > 0).and_then(|ms| u64::try_from(ms).ok());
        (due, pause.map(Duration::from_millis))
    }
}
