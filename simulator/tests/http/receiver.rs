//! A shop's address for webhooks: it notes what comes and answers as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use tokio_util::task::AbortOnDropHandle;

/// A webhook as it came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        let name = format!("tosspayments-webhook-transmission-{name}");
        self.headers[&name].to_str().expect("text")
    }

    pub(crate) fn status(&self) -> &str {
        let of_payment = self.body["data"]["status"].as_str();
        of_payment.or(self.body["status"].as_str()).expect("a status")
    }
}

#[derive(Debug, Default)]
struct Notes {
    received: Vec<Received>,
    /// The next answers; 200 once there are none left.
    answers: VecDeque<u16>,
}

/// Stops when it is dropped.
pub(crate) struct Receiver {
    pub(crate) url: String,
    notes: Arc<Mutex<Notes>>,
    _server: AbortOnDropHandle<()>,
}

pub(crate) async fn receive() -> Receiver {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/webhooks", listener.local_addr().expect("an address"));
    let notes = Arc::new(Mutex::new(Notes::default()));
    let router = Router::new().route("/webhooks", post(note)).with_state(Arc::clone(&notes));
    let server = async move { axum::serve(listener, router).await.expect("it goes on for ever") };
    Receiver { url, notes, _server: AbortOnDropHandle::new(tokio::spawn(server)) }
}

async fn note(
    State(notes): State<Arc<Mutex<Notes>>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let body = serde_json::from_slice(&body).expect("JSON");
    let mut notes = notes.lock().expect("no panic");
    notes.received.push(Received { headers, body });
    StatusCode::from_u16(notes.answers.pop_front().unwrap_or(200)).expect("a status")
}

impl Receiver {
    pub(crate) fn received(&self) -> Vec<Received> {
        self.notes.lock().expect("no panic").received.clone()
    }

    /// The statuses that were told, in the order in which they came.
    pub(crate) fn statuses(&self) -> Vec<String> {
        self.received().iter().map(|it| it.status().to_owned()).collect()
    }

    pub(crate) fn answer(&self, statuses: impl IntoIterator<Item = u16>) {
        self.notes.lock().expect("no panic").answers.extend(statuses);
    }
}
