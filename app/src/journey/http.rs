//! Requests as a browser or a shop makes them, with the answers checked. Being told to slow down is
//! followed, not reported: it is what the API asks of every client.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;

use super::views::Problem;
use crate::unanswered;

/// How long one request may take; long polls wait up to 25 s.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(40);
/// How often a request is made again after 429 or 503.
const SLOW_DOWNS_MAX: u32 = 100;

/// A client that follows no redirect by itself, so that each can be looked at.
#[derive(Debug, Clone)]
pub(super) struct Http(reqwest::Client);

/// An answer with its body read.
#[derive(Debug)]
pub(super) struct Answer {
    /// What was asked, for messages.
    asked: String,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: String,
}

impl Http {
    pub(super) fn new() -> anyhow::Result<Http> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(REQUEST_TIMEOUT)
            .user_agent(concat!("seungin-try/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("the HTTP client")?;
        Ok(Http(client))
    }

    pub(super) async fn get(&self, url: &str) -> anyhow::Result<Answer> {
        self.send(Method::GET, url, |request| request).await
    }

    /// Sends until the answer is not "slow down". `prepare` adds headers and body.
    pub(super) async fn send(
        &self,
        method: Method,
        url: &str,
        prepare: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> anyhow::Result<Answer> {
        // Queries hold tokens: messages name the path alone.
        let path = url.split('?').next().unwrap_or(url);
        let asked = format!("{method} {path}");
        let mut slow_downs = 0_u32;
        loop {
            let request = prepare(self.0.request(method.clone(), url));
            let response = request.send().await.map_err(|error| {
                anyhow::anyhow!("{asked} was not answered: {}", unanswered::why(&error))
            })?;
            let is_slow_down = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE]
                .contains(&response.status());
            if !is_slow_down || slow_downs >= SLOW_DOWNS_MAX {
                return Answer::read(asked, response).await;
            }
            slow_downs = slow_downs.saturating_add(1);
            tokio::time::sleep(pause_asked_for(&response)).await;
        }
    }
}

fn pause_asked_for(response: &Response) -> Duration {
    let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let seconds = header.and_then(|text| text.parse().ok()).unwrap_or(1_u64);
    Duration::from_secs(seconds.clamp(1, 30))
}

impl Answer {
    async fn read(asked: String, response: Response) -> anyhow::Result<Answer> {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.text().await.map_err(|error| {
            anyhow::anyhow!("the answer to {asked} broke off: {}", unanswered::why(&error))
        })?;
        Ok(Answer { asked, status, headers, body })
    }

    /// Insists on a status.
    pub(super) fn expect(self, status: StatusCode) -> anyhow::Result<Answer> {
        if self.status == status {
            return Ok(self);
        }
        let told = self.told().map(|told| format!(": {told}")).unwrap_or_default();
        anyhow::bail!("{} should answer {status} and answered {}{told}", self.asked, self.status)
    }

    /// What a refusal says for people. Pages say it in HTML, which nobody wants to read here.
    fn told(&self) -> Option<String> {
        let problem: Problem = self.json().ok()?;
        Some(format!("{} ({})", problem.detail, problem.code))
    }

    /// The body as JSON of a known shape.
    pub(super) fn json<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        serde_json::from_str(&self.body)
            .with_context(|| format!("the answer to {} has an unexpected shape", self.asked))
    }

    /// A header that must be there.
    pub(super) fn header(&self, name: impl AsRef<str>) -> anyhow::Result<&str> {
        let name = name.as_ref();
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.with_context(|| format!("the answer to {} has no {name}", self.asked))
    }

    /// Where the browser is sent.
    pub(super) fn location(&self) -> anyhow::Result<&str> {
        self.header(LOCATION)
    }
}
