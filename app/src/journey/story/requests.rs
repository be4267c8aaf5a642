//! What every step needs: requests, polling, and telling how it goes.

use std::time::{Duration, Instant};

use anyhow::ensure;
use reqwest::header::{ETAG, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};

use super::Journey;
use crate::journey::http::Answer;
use crate::journey::views::{CreatedOrder, Ledger, OrderView};

/// How long one poll asks the API to wait.
const POLL_WAIT_SECONDS: u32 = 20;
/// How long at least between two polls that find nothing new.
const POLL_PAUSE: Duration = Duration::from_secs(1);

impl Journey<'_> {
    /// Polls until the API says that polling may end.
    pub(super) async fn follow_to_end(
        &mut self,
        order: &CreatedOrder,
        ticket: &str,
        name: &'static str,
    ) -> anyhow::Result<OrderView> {
        self.begin(name);
        self.follow(order, ticket, |view| Ok(!view.keep_polling)).await
    }

    /// Polls with long polls until `is_done`, and remembers every word on the way.
    pub(super) async fn follow(
        &mut self,
        order: &CreatedOrder,
        ticket: &str,
        is_done: impl Fn(&OrderView) -> anyhow::Result<bool>,
    ) -> anyhow::Result<OrderView> {
        let url = self.url(&format!("/v1/orders/{}", order.order_id));
        let mut known: Option<String> = None;
        loop {
            let asked_at = Instant::now();
            let answer = self.plan.http.send(Method::GET, &url, |request| {
                let request = request.bearer_auth(ticket);
                match &known {
                    Some(tag) => request
                        .header(IF_NONE_MATCH, tag)
                        .header("Prefer", format!("wait={POLL_WAIT_SECONDS}")),
                    None => request,
                }
            });
            let answer = answer.await?;
            if answer.status == StatusCode::NOT_MODIFIED {
                // Nobody waits for an order about which nothing more comes by itself: ask now and then.
                tokio::time::sleep(POLL_PAUSE.saturating_sub(asked_at.elapsed())).await;
                continue;
            }
            let answer = answer.expect(StatusCode::OK)?;
            known = Some(answer.header(ETAG)?.to_owned());
            let view: OrderView = answer.json()?;
            self.saw(&view);
            if is_done(&view)? {
                return Ok(view);
            }
        }
    }

    pub(super) async fn ledger(
        &self,
        simulator: &str,
        order: &CreatedOrder,
    ) -> anyhow::Result<Ledger> {
        let url = format!("{simulator}/_sim/ledger?orderId={}", order.order_id);
        self.plan.http.get(&url).await?.expect(StatusCode::OK)?.json()
    }

    pub(super) fn expect_status(&self, view: &OrderView, expected: &[&str]) -> anyhow::Result<()> {
        let is_expected = expected.contains(&view.status.as_str());
        ensure!(
            is_expected,
            "the order is {} ({}), not {}",
            view.status,
            view.status_text,
            expected.join(" or ")
        );
        Ok(())
    }

    pub(super) fn saw(&mut self, view: &OrderView) {
        if self.outcome.states.last() != Some(&view.status) {
            self.outcome.states.push(view.status.clone());
        }
    }

    pub(super) fn begin(&mut self, step: &'static str) {
        self.step = step;
        self.step_began = Instant::now();
    }

    pub(super) fn told(&self, what: &str) {
        self.narrator.step(self.began.elapsed(), self.step_began.elapsed(), self.step, what);
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.plan.target.api)
    }

    pub(super) async fn get<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
    ) -> anyhow::Result<T> {
        self.plan.http.get(&self.url(path)).await?.expect(StatusCode::OK)?.json()
    }

    pub(super) async fn post(
        &self,
        path: &str,
        body: &serde_json::Value,
    ) -> anyhow::Result<Answer> {
        self.send(Method::POST, path, None, body).await
    }

    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: &serde_json::Value,
    ) -> anyhow::Result<Answer> {
        let url = self.url(path);
        let sent = self.plan.http.send(method, &url, |request| {
            let request = request.json(body);
            match token {
                Some(token) => request.bearer_auth(token),
                None => request,
            }
        });
        sent.await
    }
}
