//! The addresses that webhooks go to: whose events, and which.
//!
//! Source: Toss, webhooks are registered per MID; the simulator lets one address have those of every merchant, too.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::WebhookEvent;
use crate::codes;
use crate::http::redirect::is_redirect_url;
use crate::limits::WEBHOOK_ENDPOINTS_MAX;
use crate::merchant::Merchant;
use crate::refusal::Refusal;

/// The number of the address that [`crate::Config::webhook_url`] names.
const CONFIGURED: u64 = 0;
const EVENTS: [WebhookEvent; 3] = [
    WebhookEvent::PaymentStatusChanged,
    WebhookEvent::DepositCallback,
    WebhookEvent::CancelStatusChanged,
];

/// An address to be registered for webhooks.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewWebhookEndpoint {
    /// `http://…` or `https://…`.
    pub url: String,
    /// Which events; all if none are named.
    #[serde(default)]
    pub events: Vec<WebhookEvent>,
    /// Only those of the merchant that this key stands for. Default: those of every merchant.
    #[serde(default)]
    pub secret_key: Option<String>,
}

/// A registered address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookEndpoint {
    /// 0 for the one that was configured at the start.
    pub id: u64,
    /// Where it is.
    pub url: String,
    /// What it is told.
    pub events: Vec<WebhookEvent>,
    /// Whose events; None for those of every merchant.
    pub m_id: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Endpoint {
    pub(crate) url: String,
    events: Vec<WebhookEvent>,
    merchant: Option<Merchant>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Endpoints {
    by_id: BTreeMap<u64, Endpoint>,
    next_id: u64,
    #[serde(skip)]
    configured: Option<Endpoint>,
    #[serde(skip)]
    is_changed: bool,
}

impl Endpoints {
    /// What is kept, if it changed since the last call.
    pub(crate) fn take_change(&mut self) -> Option<Endpoints> {
        std::mem::take(&mut self.is_changed).then(|| self.clone())
    }

    /// Puts stored addresses in the place of these; what was configured stays.
    pub(crate) fn put_back(&mut self, stored: Endpoints) {
        (self.by_id, self.next_id) = (stored.by_id, stored.next_id);
    }

    /// Names the address that is there for this run only.
    ///
    /// # Errors
    /// It is no web address.
    pub(crate) fn configure(&mut self, url: &str) -> Result<(), Refusal> {
        if !is_redirect_url(url) {
            return Err(Refusal::about(codes::INVALID_REQUEST, "webhook_url"));
        }
        let events = EVENTS.to_vec();
        self.configured = Some(Endpoint { url: url.to_owned(), events, merchant: None });
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_id.is_empty() && self.configured.is_none()
    }

    pub(crate) fn find(&self, id: u64) -> Option<&Endpoint> {
        if id == CONFIGURED { self.configured.as_ref() } else { self.by_id.get(&id) }
    }

    fn all(&self) -> impl Iterator<Item = (u64, &Endpoint)> {
        let configured = self.configured.iter().map(|endpoint| (CONFIGURED, endpoint));
        configured.chain(self.by_id.iter().map(|(id, endpoint)| (*id, endpoint)))
    }

    /// Who is told of such an event of that merchant.
    pub(crate) fn for_event(&self, merchant: &Merchant, event: WebhookEvent) -> Vec<u64> {
        let is_told = |(_, endpoint): &(u64, &Endpoint)| {
            endpoint.events.contains(&event)
                && endpoint.merchant.as_ref().is_none_or(|own| own == merchant)
        };
        self.all().filter(is_told).map(|(id, _)| id).collect()
    }

    pub(crate) fn list(&self) -> Vec<WebhookEndpoint> {
        self.all().map(|(id, endpoint)| view(id, endpoint)).collect()
    }

    /// Registers an address; the same address of the same merchant again only changes its events.
    ///
    /// # Errors
    /// It is no web address, or there are too many.
    pub(crate) fn register(
        &mut self,
        new: NewWebhookEndpoint,
        merchant: Option<Merchant>,
    ) -> Result<WebhookEndpoint, Refusal> {
        if !is_redirect_url(&new.url) {
            return Err(Refusal::about(codes::INVALID_REQUEST, "url"));
        }
        let is_same = |(_, own): &(&u64, &Endpoint)| own.url == new.url && own.merchant == merchant;
        let known = self.by_id.iter().find(is_same).map(|(id, _)| *id);
        let id = match known {
            Some(id) => id,
            None if self.by_id.len() >= WEBHOOK_ENDPOINTS_MAX => {
                return Err(Refusal::about(codes::TOO_MANY_REQUESTS, "endpoints"));
            }
            None => self.next_id.max(CONFIGURED.saturating_add(1)),
        };
        self.next_id = self.next_id.max(id.saturating_add(1));
        let events = if new.events.is_empty() { EVENTS.to_vec() } else { new.events };
        let endpoint = Endpoint { url: new.url, events, merchant };
        let told = view(id, &endpoint);
        self.by_id.insert(id, endpoint);
        self.is_changed = true;
        Ok(told)
    }

    /// Forgets a registered address; what waits for it is given up.
    ///
    /// # Errors
    /// 404 if there is none of that number.
    pub(crate) fn remove(&mut self, id: u64) -> Result<(), Refusal> {
        let removed = self.by_id.remove(&id);
        self.is_changed |= removed.is_some();
        removed.map(drop).ok_or_else(|| Refusal::about(codes::NOT_FOUND, "endpoint"))
    }
}

fn view(id: u64, endpoint: &Endpoint) -> WebhookEndpoint {
    WebhookEndpoint {
        id,
        url: endpoint.url.clone(),
        events: endpoint.events.clone(),
        m_id: endpoint.merchant.as_ref().map(|merchant| merchant.m_id.clone()),
    }
}
