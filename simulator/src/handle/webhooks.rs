//! Webhooks: registering addresses, seeing what was sent, sending again.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Handle;
use crate::merchant::KeyId;
use crate::payment::Status;
use crate::refusal::Refusal;
use crate::webhooks::endpoints::{NewWebhookEndpoint, WebhookEndpoint};
use crate::webhooks::{Delivery, WebhookAttempt, WebhookEvent};
use crate::world::World;

/// Where a webhook stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookState {
    /// It will be sent, for the first time or again.
    Waiting,
    /// It was answered with 200.
    Delivered,
    /// It is given up.
    Failed,
}

/// A webhook for one address, as `/_sim/webhooks` shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookView {
    /// `whtrans_…`, equal over all tries.
    pub id: String,
    /// Where it goes; None if that address is not registered any more.
    pub url: Option<String>,
    /// What it tells of.
    pub event: WebhookEvent,
    /// The payment.
    pub payment_key: String,
    /// The payment's status that it tells.
    pub status: Status,
    /// What is sent.
    pub body: Value,
    /// When it came to be, `+09:00`.
    pub created_at: String,
    /// When it is sent next, if it is.
    pub due_at: Option<String>,
    /// Where it stands.
    pub state: WebhookState,
    /// Its sendings, oldest first.
    pub attempts: Vec<WebhookAttempt>,
}

/// Which webhooks to show.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WebhookQuery {
    /// Only those of this payment.
    pub payment_key: Option<String>,
}

impl Handle {
    /// Registers an address for webhooks; one that is there already only gets the new events.
    ///
    /// # Errors
    /// It is no web address, its key is none, or there are too many.
    pub fn register_webhook(&self, new: NewWebhookEndpoint) -> Result<WebhookEndpoint, Refusal> {
        self.change(|world| {
            let key = new.secret_key.as_deref().map(KeyId::of_secret_key).transpose()?;
            let merchant = key.map(|key| world.merchant_of(key)).transpose()?;
            world.webhooks.endpoints.register(new, merchant)
        })
    }

    /// Every address that webhooks go to.
    pub fn webhook_endpoints(&self) -> Vec<WebhookEndpoint> {
        self.shared.read(|world| world.webhooks.endpoints.list())
    }

    /// Forgets a registered address.
    ///
    /// # Errors
    /// 404 if there is none of that number.
    pub fn remove_webhook_endpoint(&self, id: u64) -> Result<(), Refusal> {
        self.change(|world| world.webhooks.endpoints.remove(id))
    }

    /// The webhooks that are remembered, oldest first.
    pub fn webhooks(&self, query: &WebhookQuery) -> Vec<WebhookView> {
        let is_asked_for = |it: &&std::sync::Arc<Delivery>| {
            query.payment_key.as_ref().is_none_or(|key| *key == it.payment_key)
        };
        self.shared.read(|world| {
            let all = world.webhooks.all().filter(is_asked_for);
            all.map(|delivery| view(world, delivery)).collect()
        })
    }

    /// The newest webhooks, newest first.
    pub(crate) fn newest_webhooks(&self, count: usize) -> Vec<WebhookView> {
        self.shared.read(|world| {
            let newest = world.webhooks.all().rev().take(count);
            newest.map(|delivery| view(world, delivery)).collect()
        })
    }

    /// Sends a webhook once more, whatever became of it, by its id.
    ///
    /// # Errors
    /// 404 if it is not remembered.
    pub fn resend_webhook(&self, id: &str) -> Result<WebhookView, Refusal> {
        self.change(|world| {
            let now = world.now();
            let sequence = world.webhooks.resend(id, now)?;
            let delivery = world.webhooks.find(sequence);
            let gone = || Refusal::about(crate::codes::NOT_FOUND, "webhook");
            delivery.map(|delivery| view(world, delivery)).ok_or_else(gone)
        })
    }

    /// Waits until no webhook is due or on its way: everything of now was tried. Never ends while webhooks are paused
    /// and one is due, or if the simulator is not served.
    pub async fn webhooks_settled(&self) {
        loop {
            let sent = self.shared.webhook_sent.notified();
            tokio::pin!(sent);
            // Before the look, so that nothing is missed between the two.
            sent.as_mut().enable();
            if !self.shared.read(|world| world.webhooks.is_busy(world.now())) {
                return;
            }
            sent.await;
        }
    }
}

fn view(world: &World, delivery: &Delivery) -> WebhookView {
    let endpoint = world.webhooks.endpoints.find(delivery.endpoint);
    WebhookView {
        id: delivery.id.clone(),
        url: endpoint.map(|endpoint| endpoint.url.clone()),
        event: delivery.event,
        payment_key: delivery.payment_key.clone(),
        status: delivery.status,
        // It was written by `serde_json`.
        body: serde_json::from_str(&delivery.body).unwrap_or_default(),
        created_at: delivery.created_at.to_kst(),
        due_at: delivery.due_at.map(|at| at.to_kst()),
        state: match (delivery.due_at, delivery.is_delivered) {
            (Some(_), _) => WebhookState::Waiting,
            (None, true) => WebhookState::Delivered,
            (None, false) => WebhookState::Failed,
        },
        attempts: delivery.attempts.clone(),
    }
}
