//! A stub of Toss, as a process of its own: answers every call about a payment with a whole Payment object, at once or after a delay, and
//! keeps when each confirm came. It knows no faults, no rules and no other merchant: the simulator has those, and costs more than what is
//! measured against it.

mod answers;
mod ledger;

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::net::TcpListener;

use self::answers::Answer;
use self::ledger::Ledger;

/// What the stub is told and asked by whoever measures.
pub(crate) const CONTROL: &str = "/_bench/";

/// Listens until the process is ended; says where in its first line.
///
/// # Errors
/// The address cannot be had.
pub(crate) async fn serve(listen: SocketAddr) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen).await.with_context(|| listen.to_string())?;
    writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
    let stub = Arc::new(Stub::default());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let stub = Arc::clone(&stub);
        let answering = service_fn(move |request| {
            let stub = Arc::clone(&stub);
            async move { Ok::<_, Infallible>(response(stub.answer(request).await)) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), answering);
        tokio::spawn(async move {
            // A client that went away is no trouble of the stub's.
            let _ended = connection.await;
        });
    }
}

#[derive(Debug, Default)]
struct Stub {
    ledger: Mutex<Ledger>,
}

impl Stub {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().expect("nobody panics with the ledger")
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let came_at_us = now_us();
        let (head, body) = request.into_parts();
        let Ok(body) = body.collect().await else { return Answer::bad_request() };
        let body = body.to_bytes();
        let path = head.uri.path();
        if let Some(control) = path.strip_prefix(CONTROL) {
            return self.control(control, head.uri.query().unwrap_or_default());
        }
        if !head.headers.contains_key(AUTHORIZATION) {
            return Answer::unauthorized();
        }
        let is_keyed = head.headers.contains_key("idempotency-key");
        let delay = self.ledger().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let mut ledger = self.ledger();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (&head.method, parts.as_slice()) {
            (&Method::POST, ["v1", "payments", "confirm"]) if is_keyed => read(&body)
                .map_or_else(Answer::bad_request, |asked| ledger.confirm(&asked, came_at_us)),
            (&Method::POST, ["v1", "payments", key, "cancel"]) if is_keyed => {
                read(&body).map_or_else(Answer::bad_request, |asked| ledger.cancel(key, &asked))
            }
            (&Method::GET, ["v1", "payments", "orders", order_id]) => {
                ledger.look_up_by_order(order_id)
            }
            (&Method::GET, ["v1", "payments", key]) => ledger.look_up(key),
            // What was taken for measurements is in nobody's books.
            (&Method::GET, ["v1", "transactions"]) => Answer::ok("[]".to_owned()),
            _ => Answer::bad_request(),
        }
    }

    fn control(&self, what: &str, query: &str) -> Answer {
        let mut ledger = self.ledger();
        match what {
            "counts" => Answer::ok(ledger.counts().to_string()),
            "receipts" => Answer::ok(ledger.receipts().to_string()),
            "reset" => {
                let delay_ms = query.strip_prefix("delay_ms=").and_then(|ms| ms.parse().ok());
                *ledger = Ledger::default();
                ledger.delay = Duration::from_millis(delay_ms.unwrap_or(0));
                Answer::ok("{}".to_owned())
            }
            _ => Answer::bad_request(),
        }
    }
}

fn read(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body).ok()
}

fn response(answer: Answer) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(answer.status).expect("the stub's own statuses");
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(answer.body)))
        .expect("a status, a type and a body make a response")
}

/// The machine's clock, which all processes of a measurement share, in microseconds.
#[expect(clippy::disallowed_methods, reason = "the stub has no database whose clock it could ask")]
pub(crate) fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
