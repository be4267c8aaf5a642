//! The product as one journey has it: the API as a router, a worker's steps, the database, a simulator behind real HTTP, and one clock
//! for all of them that moves only when it is moved.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::{ApiContext, ApiSettings, MerchantKeys, Merchants, Rate, Readiness, TokenKey};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, Method, Request};
use serde_json::Value;
use simulator::{Config, Handle, LedgerEntry, NewWebhookEndpoint, Simulator};
use store::Store;
use store::scratch::Scratch;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use worker::{Dispatcher, PlainPacing};

use super::mail::Mail;
use super::site::{BEGINNING_MS, PAIRS, Site};
use crate::client::Answer;

/// A shop under test.
#[derive(Debug)]
pub(crate) struct Shop {
    pub(crate) store: Store,
    pub(crate) toss: Handle,
    /// Every path of the simulator, for those who call it past the product.
    pub(crate) toss_paths: Router,
    pub(crate) dispatcher: Dispatcher,
    pub(crate) mail: Arc<Mail>,
    api: Router,
    /// Milliseconds since 1970.
    pub(crate) now_ms: i64,
    /// Its database, where that is one on a server.
    _scratch: Option<Scratch>,
}

impl Shop {
    pub(crate) async fn open(site: &Site, store_5xx: bool, later_ms: i64) -> Shop {
        let (store, scratch) = site.database().await;
        let merchants = PAIRS.iter().map(|(merchant, _, secret_key)| (*merchant, *secret_key));
        let mut keys: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        merchants.for_each(|(name, key)| keys.entry(name).or_default().push(key.to_owned()));
        let merchants = keys.into_iter().map(|(name, secret_keys)| simulator::MerchantKeys {
            m_id: Some(format!("m-{name}")),
            secret_keys,
            client_keys: vec![],
        });
        let config = Config {
            store_5xx,
            consecutive_cancel_pause: Duration::ZERO,
            merchants: merchants.collect(),
            ..Config::default()
        };
        let simulator = Simulator::new(config).unwrap();
        let (toss, toss_paths) = (simulator.handle(), simulator.router());
        site.put_simulator(toss_paths.clone());
        // Nobody sends what is for this address: the journey hands it over itself.
        let endpoint = serde_json::json!({ "url": "http://127.0.0.1:9/webhooks" });
        let endpoint: NewWebhookEndpoint = serde_json::from_value(endpoint).unwrap();
        toss.register_webhook(endpoint).unwrap();
        let mail = Arc::new(Mail::default());
        let dispatcher = Dispatcher {
            store: store.clone(),
            gateways: site.gateways(),
            pacing: Arc::new(PlainPacing),
            worker: "worker-1".to_owned(),
        };
        let api = router(&store, &mail, 1);
        let now_ms = BEGINNING_MS + later_ms;
        store.stop_clock(now_ms);
        let shop =
            Shop { store, toss, toss_paths, dispatcher, mail, api, now_ms, _scratch: scratch };
        shop.tell_toss_the_time();
        shop
    }

    /// Starts the API anew with this pair of keys as the first merchant's current one.
    pub(crate) fn restart_api(&mut self, current: u32) {
        self.api = router(&self.store, &self.mail, current);
    }

    /// Moves everybody's clock.
    pub(crate) fn advance(&mut self, by_ms: i64) {
        self.now_ms += by_ms;
        self.store.stop_clock(self.now_ms);
        self.tell_toss_the_time();
    }

    /// Toss's clock runs by itself, so it is set again before every step.
    pub(crate) fn tell_toss_the_time(&self) {
        self.toss.set_clock(&rfc3339(self.now_ms)).unwrap();
    }

    /// Asks the API; what it publishes is in the mail afterwards.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let content = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let mut request = Request::new(content);
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().unwrap();
        if body.is_some() {
            request.headers_mut().insert(CONTENT_TYPE, "application/json".parse().unwrap());
        }
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let response = self.api.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let has_retry_after = response.headers().contains_key(RETRY_AFTER);
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        // Publishing is a task of its own, behind the answer.
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Answer { status, body, has_retry_after }
    }

    /// The same with a token.
    pub(crate) async fn ask_as(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        let bearer = format!("Bearer {token}");
        self.ask(method, path, &[(AUTHORIZATION.as_str(), &bearer)], body).await
    }

    /// What really happened at Toss.
    pub(crate) fn ledger(&self, payment_key: &str) -> LedgerEntry {
        self.toss.ledger_of(payment_key).unwrap()
    }

    pub(crate) async fn close(self) {
        self.store.close().await.unwrap();
    }
}

fn rfc3339(at_ms: i64) -> String {
    let nanos = i128::from(at_ms) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap().format(&Rfc3339).unwrap()
}

fn router(store: &Store, mail: &Arc<Mail>, current: u32) -> Router {
    let mut by_name: BTreeMap<String, MerchantKeys> = BTreeMap::new();
    for (merchant, number, _) in PAIRS {
        let current = if merchant == "default" { current } else { 1 };
        let keys = by_name.entry(merchant.to_owned());
        let keys = keys.or_insert(MerchantKeys { current, client_keys: BTreeMap::new() });
        keys.client_keys.insert(number, format!("test_ck_explore_{merchant}_{number}"));
    }
    let mut settings = ApiSettings::new("https://shop.example", TokenKey::new([7; 32]));
    settings.merchants = Merchants::new(by_name, Some("default".to_owned()));
    // Rates are kept by the real clock, in which a journey takes no time.
    let limits = &mut settings.limits;
    for rate in [
        &mut limits.public_rate,
        &mut limits.trusted_rate,
        &mut limits.order_rate,
        &mut limits.staff_rate,
    ] {
        *rate = Rate::new(1_000_000, 1_000_000);
    }
    let shutdown = CancellationToken::new();
    let readiness = Readiness::new(store.clone(), vec![], shutdown.clone());
    api::router(
        ApiContext {
            store: store.clone(),
            publisher: Arc::<Mail>::clone(mail),
            settings,
            read_webhook: toss::read_webhook,
            readiness: Arc::new(readiness),
            shutdown,
        },
        None,
    )
}
