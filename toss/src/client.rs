//! The client: its configuration, the calls about one payment, and the one line that each leaves in the log. Not here: what an answer
//! means, and the list of transactions.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::TraceContext;
use domain::answer::{Answer, Failure, FailureClass};
use domain::attempt::Operation;
use domain::limits::{CALL_DEADLINE_MS, CONNECT_TIMEOUT_MS};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, http};
use rustls::crypto::CryptoProvider;
use serde_json::Value;
use url::Url;

use crate::answer::{read_json, unreadable_answer};
use crate::call::{
    CancelCall, ConfirmCall, cancel_body, confirm_body, confirm_path, is_sendable_key, order_path,
    payment_path,
};
use crate::connect::{self, BoxError, Http};
use crate::key::SecretKey;
use crate::redact::{redact, redact_json};
use crate::transport::{self, Body, Joining, Received};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// How to reach Toss for one merchant. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct TossConfig {
    /// `https://api.tosspayments.com`, or where a simulator listens.
    pub base_url: String,
    /// The merchant's secret key.
    pub secret_key: SecretKey,
    /// How long connecting may take, TLS included. Shorter than the whole call.
    pub connect_timeout: Duration,
    /// How long a call may take from its start to the last byte of the answer.
    pub call_deadline: Duration,
}

impl TossConfig {
    /// A configuration with the times of `domain`'s limits.
    #[must_use]
    pub fn new(base_url: impl Into<String>, secret_key: SecretKey) -> TossConfig {
        TossConfig {
            base_url: base_url.into(),
            secret_key,
            connect_timeout: Duration::from_millis(CONNECT_TIMEOUT_MS.unsigned_abs()),
            call_deadline: Duration::from_millis(CALL_DEADLINE_MS.unsigned_abs()),
        }
    }
}

/// Why no client can be made of a configuration. Stop the start with it.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The address is none.
    #[error("Toss's address must be http(s)://host[:port][/path], without user, query or fragment")]
    BaseUrl,
    /// A live key would travel in the clear.
    #[error("a live key is sent over https only")]
    LiveKeyInTheClear,
    /// The times contradict each other.
    #[error("connecting must be given some time, and less than the whole call")]
    Times,
    /// The process has no TLS.
    #[error("no TLS provider is installed in this process")]
    NoTlsProvider,
    /// The HTTP stack refused, for example because the system's certificates cannot be read.
    #[error("the HTTP client cannot be built")]
    Http(#[source] BoxError),
}

/// One merchant's client. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct TossClient {
    merchant: Arc<Merchant>,
    joining: Joining,
}

/// What the clones have in common.
struct Merchant {
    http: Http,
    base: Url,
    secret_key: SecretKey,
    authorization: HeaderValue,
    call_deadline: Duration,
}

impl fmt::Debug for TossClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TossClient")
            .field("base", &self.merchant.base.as_str())
            .field("secret_key", &self.merchant.secret_key)
            .finish_non_exhaustive()
    }
}

/// What a call brought, and what is recorded of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallResult {
    /// What it means.
    pub answer: Answer,
    /// The HTTP status, if one came; also when the body broke off behind it.
    pub http_status: Option<u16>,
    /// Toss's name of the exchange, for its support.
    pub trace_id: Option<String>,
    /// The redacted body, at most [`KEPT_BYTES_MAX`](crate::KEPT_BYTES_MAX) bytes: JSON, or text where none came. `None` without a
    /// whole body.
    pub body: Option<String>,
    /// How long the answer asks to wait, in milliseconds, at most an hour.
    pub retry_after_ms: Option<i64>,
    /// How long the call took, in milliseconds.
    pub duration_ms: i64,
}

impl TossClient {
    /// Checks the configuration and prepares the connections; nothing is sent.
    ///
    /// # Errors
    /// [`BuildError`]; stop the start with it.
    pub fn new(config: TossConfig) -> Result<TossClient, BuildError> {
        let base = parse_base(&config.base_url)?;
        if config.secret_key.is_live() && base.scheme() != "https" {
            return Err(BuildError::LiveKeyInTheClear);
        }
        if config.connect_timeout.is_zero() || config.connect_timeout >= config.call_deadline {
            return Err(BuildError::Times);
        }
        let provider = CryptoProvider::get_default().ok_or(BuildError::NoTlsProvider)?;
        let http = connect::build(provider.clone(), config.connect_timeout)
            .map_err(|error| BuildError::Http(error.into()))?;
        let merchant = Merchant {
            http,
            base,
            authorization: authorization(&config.secret_key)?,
            secret_key: config.secret_key,
            call_deadline: config.call_deadline,
        };
        Ok(TossClient { merchant: Arc::new(merchant), joining: Joining::default() })
    }

    /// The same client on behalf of a request: its calls carry this trace context, and the request's id if that is made of letters,
    /// digits, `-`, `_` and `.`. They are for logs on the way; Toss takes no notice of them.
    #[must_use]
    pub fn on_behalf_of(&self, trace: &TraceContext, request_id: Option<&str>) -> TossClient {
        TossClient { merchant: self.merchant.clone(), joining: Joining::new(trace, request_id) }
    }

    /// Takes the money of an authenticated payment. Sends [`confirm_body`] exactly, at most once.
    ///
    /// Source: Toss core API, `POST /v1/payments/confirm`, `POST /v1/brandpay/payments/confirm`.
    pub async fn confirm(&self, call: &ConfirmCall<'_>) -> CallResult {
        let path = Some(confirm_path(call).to_owned());
        self.post(Operation::Confirm, path, call.idempotency_key, confirm_body(call)).await
    }

    /// Gives money back. Sends [`cancel_body`] exactly, at most once.
    ///
    /// Source: Toss core API, `POST /v1/payments/{paymentKey}/cancel`.
    pub async fn cancel(&self, call: &CancelCall<'_>) -> CallResult {
        let path = payment_path(call.payment_key).map(|path| format!("{path}/cancel"));
        self.post(Operation::Cancel, path, call.idempotency_key, cancel_body(call)).await
    }

    /// Asks what became of a payment. Moves nothing.
    ///
    /// Source: Toss core API, `GET /v1/payments/{paymentKey}`.
    pub async fn look_up(&self, payment_key: &str) -> CallResult {
        self.get(payment_path(payment_key)).await
    }

    /// Asks what became of an order's payment. Toss is said to find approved payments only by this way, so its "absent" is weaker than
    /// [`look_up`](TossClient::look_up)'s: prefer that one wherever the payment key is known.
    ///
    /// Source: Toss core API, `GET /v1/payments/orders/{orderId}`.
    pub async fn look_up_by_order(&self, order_id: &str) -> CallResult {
        self.get(order_path(order_id)).await
    }

    async fn post(
        &self,
        operation: Operation,
        path: Option<String>,
        idempotency_key: &str,
        body: String,
    ) -> CallResult {
        if !is_sendable_key(idempotency_key) {
            let why = "an idempotency key has 1 to 300 visible ASCII characters";
            return unsendable(operation, "INVALID_IDEMPOTENCY_KEY", why);
        }
        let content = Some((idempotency_key, body));
        self.call(operation, Method::POST, path, content).await
    }

    async fn get(&self, path: Option<String>) -> CallResult {
        self.call(Operation::LookUp, Method::GET, path, None).await
    }

    async fn call(
        &self,
        operation: Operation,
        method: Method,
        path: Option<String>,
        content: Option<(&str, String)>,
    ) -> CallResult {
        let Some(path) = path else {
            return unsendable(
                operation,
                "UNSENDABLE_CALL",
                "no address can hold this payment key or order id",
            );
        };
        let request = self.request(method, &self.address(&path), content);
        let started = Instant::now();
        let outcome = self.exchange(request, self.merchant.call_deadline).await;
        let duration_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
        let result = CallResult { duration_ms, ..interpret(operation, outcome) };
        log(operation, &result);
        result
    }

    /// Where this path is.
    pub(crate) fn address(&self, path: &str) -> Url {
        let mut url = self.merchant.base.clone();
        url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
        url
    }

    /// A request to this address, as this merchant; with an idempotency key and a body if it moves anything.
    pub(crate) fn request(
        &self,
        method: Method,
        url: &Url,
        content: Option<(&str, String)>,
    ) -> http::Result<Request<Full<Bytes>>> {
        let mut request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .header(AUTHORIZATION, &self.merchant.authorization);
        for (name, value) in self.joining.headers() {
            request = request.header(name, value);
        }
        let mut body = Full::default();
        if let Some((idempotency_key, text)) = content {
            request = request
                .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .header(IDEMPOTENCY_KEY, idempotency_key);
            body = Full::from(text);
        }
        let agent = concat!("seungin/", env!("CARGO_PKG_VERSION"));
        request
            .header(ACCEPT, HeaderValue::from_static("*/*"))
            .header(USER_AGENT, HeaderValue::from_static(agent))
            .body(body)
    }

    /// Sends it over this merchant's connections.
    pub(crate) fn exchange(
        &self,
        request: http::Result<Request<Full<Bytes>>>,
        within: Duration,
    ) -> impl Future<Output = Result<Received, Failure>> + Send + use<> {
        transport::exchange(&self.merchant.http, request, within)
    }
}

/// The key as the user of HTTP's basic authentication, without a password. Who prints headers does not see it.
///
/// Source: Toss Payments, API keys.
fn authorization(key: &SecretKey) -> Result<HeaderValue, BuildError> {
    let encoded = BASE64_STANDARD.encode(format!("{}:", key.expose()));
    let mut value = HeaderValue::try_from(format!("Basic {encoded}"))
        .map_err(|error| BuildError::Http(error.into()))?;
    value.set_sensitive(true);
    Ok(value)
}

fn parse_base(text: &str) -> Result<Url, BuildError> {
    let url = Url::parse(text.trim()).map_err(|_| BuildError::BaseUrl)?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if is_plain { Ok(url) } else { Err(BuildError::BaseUrl) }
}

/// A call that no request can be made of. Nothing was sent and nothing ever will be, so a person has to look.
fn unsendable(operation: Operation, code: &str, why: &str) -> CallResult {
    let failure = Failure {
        class: FailureClass::Broken,
        code: code.to_owned(),
        message: format!("nothing was sent: {why}"),
    };
    let result = without_answer(failure);
    log(operation, &result);
    result
}

fn without_answer(failure: Failure) -> CallResult {
    CallResult {
        answer: Answer::Failure(failure),
        http_status: None,
        trace_id: None,
        body: None,
        retry_after_ms: None,
        duration_ms: 0,
    }
}

fn interpret(operation: Operation, outcome: Result<Received, Failure>) -> CallResult {
    let received = match outcome {
        Ok(received) => received,
        Err(failure) => return without_answer(failure),
    };
    let status = received.http_status;
    let (answer, body) = match received.body {
        Body::Whole(bytes) => {
            let json: Option<Value> = serde_json::from_slice(&bytes).ok();
            let answer = read_json(operation, status, json.as_ref());
            (answer, Some(json.map_or_else(|| redact(&bytes), redact_json)))
        }
        Body::TooLong => {
            (unreadable_answer(operation, status, "the answer is longer than a mebibyte"), None)
        }
        // Refused before any work, or still at work: the status says it all, whatever broke off behind it.
        Body::Broken(_) if matches!(status, 409 | 429) => {
            (unreadable_answer(operation, status, "the answer broke off"), None)
        }
        Body::Broken(failure) => (Answer::Failure(failure), None),
    };
    CallResult {
        answer,
        http_status: Some(status),
        trace_id: received.trace_id,
        body,
        retry_after_ms: received.retry_after_ms,
        duration_ms: 0,
    }
}

/// One line per call for those who ask for it; neither bodies nor keys are in it. What became of the attempt is the caller's to log.
fn log(operation: Operation, result: &CallResult) {
    let (outcome, code) = match &result.answer {
        Answer::Payment(payment) => ("payment", payment.status.word()),
        Answer::Failure(failure) => (failure.class.word(), failure.code.as_str()),
    };
    tracing::debug!(
        operation = operation.word(),
        http_status = result.http_status,
        outcome,
        code,
        toss_trace_id = result.trace_id.as_deref(),
        duration_ms = result.duration_ms,
        "called Toss"
    );
}

#[cfg(test)]
mod tests;
