//! Requests as a shop's server makes them.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

/// A client that keeps its connections and follows no redirect.
#[derive(Debug, Clone)]
pub struct Client(reqwest::Client);

/// An answer with its body read; `Null` when that is no JSON.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
    /// Whether it says when to come back.
    pub has_retry_after: bool,
}

impl Client {
    /// A new one.
    ///
    /// # Panics
    /// The system has no randomness for TLS.
    #[must_use]
    pub fn new() -> Client {
        // Another test of this process may have been first.
        drop(rustls::crypto::ring::default_provider().install_default());
        let builder = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(40));
        Client(builder.redirect(reqwest::redirect::Policy::none()).build().unwrap())
    }

    /// A request to be sent.
    pub fn request(&self, method: Method, url: &str) -> RequestBuilder {
        self.0.request(method, url)
    }

    /// Gets what is there.
    ///
    /// # Panics
    /// See [`send`].
    pub async fn get(&self, url: &str) -> Answer {
        send(self.request(Method::GET, url)).await
    }
}

impl Default for Client {
    fn default() -> Client {
        Client::new()
    }
}

/// Sends a request and reads the answer to its end.
///
/// # Panics
/// No answer came.
pub async fn send(request: RequestBuilder) -> Answer {
    try_send(request).await.unwrap()
}

/// The same for those who know that the other end may be away.
///
/// # Errors
/// No answer came.
pub async fn try_send(request: RequestBuilder) -> Result<Answer, reqwest::Error> {
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    let has_retry_after = answer.headers().contains_key(reqwest::header::RETRY_AFTER);
    let bytes = answer.bytes().await?;
    Ok(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or_default(), has_retry_after })
}
