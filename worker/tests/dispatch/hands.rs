//! More hands for the shop: faults by table, single steps of dispatch, staff, and what Toss saw.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::cancellation::CancellationState;
use domain::job::{JobKind, JobState};
use domain::role::Scope;
use domain::{CancellationId, JobId, limits};
use serde_json::{Value, json};
use simulator::RecordedRequest;
use store::{
    ActError, ActedJob, AttemptResult, AttemptRow, JobFilter, JobRow, JobSort, Settled,
    StartedAttempt,
};
use worker::Dispatcher;

use crate::shop::{Paying, SECRET_KEY, Shop, gateways, staff};

/// Longer than any call of a dead worker may still be under way, and than any lease.
pub(crate) const LONG_PAUSE_MS: i64 = limits::UNFINISHED_CALL_MS + limits::LEASE_MS;

impl Shop {
    /// Another worker of the same shop.
    pub(crate) fn worker(&self, name: &str) -> Dispatcher {
        Dispatcher { worker: name.to_owned(), ..self.dispatcher.clone() }
    }

    /// A worker that cannot connect to Toss: nobody listens where it calls.
    pub(crate) async fn cut_off(&self, name: &str) -> Dispatcher {
        let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = nobody.local_addr().unwrap();
        drop(nobody);
        Dispatcher { gateways: gateways(&format!("http://{address}"), 2_000), ..self.worker(name) }
    }

    /// Claims one job and returns the attempt that is recorded for it.
    pub(crate) async fn claim(&self, worker: &Dispatcher, job: &JobId) -> StartedAttempt {
        let mut claimed = worker.claim(std::slice::from_ref(job)).await.unwrap();
        assert_eq!(claimed.len(), 1, "{:?}", self.job(job).await);
        claimed.remove(0)
    }

    /// Claims one job and makes its call; nothing is written of the answer.
    pub(crate) async fn claim_and_call(&self, worker: &Dispatcher, job: &JobId) -> AttemptResult {
        let attempt = self.claim(worker, job).await;
        worker.call(attempt).await
    }

    /// Claims, calls and settles one job, once.
    pub(crate) async fn step(&self, job: &JobId) -> Settled {
        let result = self.claim_and_call(&self.dispatcher, job).await;
        self.dispatcher.settle(result).await.unwrap()
    }

    /// Moves both clocks to when the job is due.
    pub(crate) async fn advance_to(&self, job: &JobId) {
        let wait_ms = self.job(job).await.due_at - self.store.now_ms().await.unwrap();
        if wait_ms > 0 {
            self.advance(wait_ms);
        }
    }

    /// Somebody confirms the payment past us, under a key of their own. The HTTP status that Toss answers with.
    pub(crate) async fn rival_confirm(&self, paying: &Paying) -> u16 {
        let body = json!({
            "paymentKey": paying.payment_key.as_str(), "orderId": paying.order_id.as_str(), "amount": paying.amount.get(),
        });
        let request = reqwest::Client::builder().timeout(Duration::from_secs(5)).build().unwrap();
        let request = request.post(format!("{}/v1/payments/confirm", self.toss_url));
        let key = format!("rival-of-{}", paying.order_id);
        let request =
            request.basic_auth(SECRET_KEY, Some("")).header("Idempotency-Key", key).json(&body);
        request.send().await.unwrap().status().as_u16()
    }

    /// The payment as Toss shows it, in Toss's own words.
    pub(crate) async fn shown_by_toss(&self, paying: &Paying) -> Value {
        let request = reqwest::Client::builder().timeout(Duration::from_secs(5)).build().unwrap();
        let request =
            request.get(format!("{}/v1/payments/{}", self.toss_url, paying.payment_key.as_str()));
        request.basic_auth(SECRET_KEY, Some("")).send().await.unwrap().json().await.unwrap()
    }

    pub(crate) async fn attempts(&self, job: &JobId) -> Vec<AttemptRow> {
        self.store.list_attempts(job).await.unwrap()
    }

    pub(crate) async fn jobs(&self, kind: JobKind) -> Vec<JobRow> {
        let scope = Scope::Every;
        let filter = JobFilter { kind: Some(kind), ..JobFilter::all(scope) };
        self.store
            .list_jobs(&filter, JobSort::Newest, None, limits::PAGE_ROWS_MAX)
            .await
            .unwrap()
            .rows
    }

    pub(crate) async fn look_up(&self, job: &JobId) -> JobId {
        let acted = self.store.look_up_job(job, &staff(), Some("고객 문의")).await.unwrap();
        JobId::parse(acted.job.id).unwrap()
    }

    pub(crate) async fn retry(&self, job: &JobId) -> Result<ActedJob, ActError> {
        self.store.retry_job(job, &staff(), Some("다시")).await
    }

    pub(crate) async fn discard(&self, job: &JobId) -> Result<ActedJob, ActError> {
        self.store.discard_job(job, &staff(), "포기").await
    }

    pub(crate) async fn cancellation(
        &self,
        paying: &Paying,
        id: &CancellationId,
    ) -> CancellationState {
        let detail = self.detail(paying).await;
        detail.cancellations.iter().find(|one| one.id == *id).unwrap().state
    }

    pub(crate) async fn review(&self, paying: &Paying) -> Option<String> {
        self.detail(paying).await.payment.unwrap().review_reason
    }

    /// Every confirm and cancel that arrived at Toss for this payment, oldest first.
    pub(crate) fn posts(&self, paying: &Paying) -> Vec<RecordedRequest> {
        self.ledger(paying)
            .requests
            .into_iter()
            .filter(|request| request.method == "POST")
            .collect()
    }

    /// The idempotency keys of the cancels, each once, in the order of their first use.
    pub(crate) fn keys(&self, paying: &Paying) -> Vec<String> {
        let mut keys = Vec::new();
        for key in self.posts(paying).into_iter().filter_map(|post| post.idempotency_key) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    /// No key was ever sent with two bodies or to two addresses, and every call had one.
    pub(crate) fn assert_keys_are_sound(&self, paying: &Paying) {
        let mut sent: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for post in self.posts(paying) {
            let what = format!("{} {}", post.path, post.body);
            sent.entry(post.idempotency_key.expect("a key")).or_default().insert(what);
        }
        for (key, bodies) in sent {
            assert_eq!(bodies.len(), 1, "one key, several bodies: {key} {bodies:?}");
        }
    }

    /// The job ended or stopped like this, both ledgers agree, and Toss was not asked too often to move money.
    pub(crate) async fn assert_ended(
        &self,
        paying: &Paying,
        job: &JobId,
        state: JobState,
        posts: u64,
    ) {
        let row = self.job(job).await;
        assert_eq!(row.state, state, "{row:?}");
        let calls = self.ledger(paying).calls;
        assert_eq!(calls.confirm + calls.cancel, posts, "{:?}", self.posts(paying));
        self.assert_money_is_conserved(paying).await;
    }
}

/// A fault with what belongs to it.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) kind: &'static str,
    pub(crate) more: Value,
}

impl Fault {
    pub(crate) fn new(kind: &'static str) -> Fault {
        Fault { kind, more: json!({}) }
    }

    /// Toss answers with a code and has done nothing.
    pub(crate) fn code(code: &str) -> Fault {
        Fault { kind: "answer_code", more: json!({ "code": code }) }
    }

    /// Toss answers with a code although it has done the work.
    pub(crate) fn code_after(code: &str) -> Fault {
        Fault { kind: "answer_code", more: json!({ "code": code, "after_charge": true }) }
    }

    pub(crate) fn with(mut self, key: &str, value: Value) -> Fault {
        self.more[key] = value;
        self
    }

    pub(crate) fn times(self, times: u32) -> Fault {
        self.with("times", json!(times))
    }
}

impl Shop {
    pub(crate) fn goes_wrong(&self, paying: &Paying, operation: &str, fault: &Fault) {
        self.fault(paying, operation, fault.kind, fault.more.clone());
    }
}
