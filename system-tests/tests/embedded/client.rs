//! Requests as a shop's server makes them.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

/// A client that keeps its connections and follows no redirect.
#[derive(Debug, Clone)]
pub(crate) struct Client(reqwest::Client);

/// An answer with its body read; `Null` when that is no JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Client {
    pub(crate) fn new() -> Client {
        // Another test of this process may have been first.
        drop(rustls::crypto::ring::default_provider().install_default());
        let builder = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(40));
        Client(builder.redirect(reqwest::redirect::Policy::none()).build().unwrap())
    }

    pub(crate) fn request(&self, method: Method, url: &str) -> RequestBuilder {
        self.0.request(method, url)
    }

    pub(crate) async fn get(&self, url: &str) -> Answer {
        send(self.request(Method::GET, url)).await
    }
}

/// Sends a request and reads the answer to its end.
pub(crate) async fn send(request: RequestBuilder) -> Answer {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let bytes = answer.bytes().await.unwrap();
    Answer { status, body: serde_json::from_slice(&bytes).unwrap_or_default() }
}
