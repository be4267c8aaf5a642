//! A closed loop: so many clients, each of which asks again as soon as it was answered.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use hyper::StatusCode;
use tokio::task::JoinSet;

use crate::bed::Costs;
use crate::figures::{Figure, Run, quantile};
use crate::wire::{Whole, Wire};

/// Clients of the workloads that only the API works on.
pub(crate) const CLIENTS: u16 = 32;

/// What it came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) per_s: u64,
    pub(crate) p50_us: Option<u64>,
    pub(crate) p99_us: Option<u64>,
}

/// What is measured of such a loop, with the rate first.
pub(crate) const fn figures(rate: Figure) -> [Figure; 6] {
    [
        rate,
        Figure { key: "p50_us", title: "answer, p50, µs" },
        Figure { key: "p99_us", title: "answer, p99, µs" },
        Figure { key: "cpu_ms_per_1000", title: "CPU of the API, ms per 1,000" },
        Figure { key: "postgres_cpu_ms_per_1000", title: "CPU of PostgreSQL, ms per 1,000" },
        Figure { key: "commits_per_1000", title: "commits per 1,000" },
    ]
}

impl Load {
    /// In the order of [`figures`], with what all of so many requests have cost, those before the loop included.
    pub(crate) fn run(self, cpu_ms: Option<u64>, costs: Costs, requests: u32) -> Run {
        let per_1000 = |value: Option<u64>| (value? * 1_000).checked_div(u64::from(requests));
        vec![
            Some(self.per_s),
            self.p50_us,
            self.p99_us,
            per_1000(cpu_ms),
            per_1000(costs.postgres_ms),
            per_1000(costs.commits),
        ]
    }
}

/// Makes the requests of these numbers, so many at a time. All have to be answered with this status.
pub(crate) async fn closed_loop(
    host: &str,
    clients: u16,
    numbers: Range<u32>,
    wanted: StatusCode,
    request_of: impl Fn(u32) -> anyhow::Result<Whole> + Send + Sync + 'static,
) -> anyhow::Result<Load> {
    let (next, request_of) = (Arc::new(AtomicU32::new(numbers.start)), Arc::new(request_of));
    let mut wires = Vec::new();
    for _ in 0..clients {
        wires.push(Wire::connect(host).await?);
    }
    let mut tasks = JoinSet::new();
    let began = Instant::now();
    for mut wire in wires {
        let (next, request_of) = (Arc::clone(&next), Arc::clone(&request_of));
        tasks.spawn(async move {
            let mut took = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= numbers.end {
                    return anyhow::Ok(took);
                }
                let request = request_of(number)?;
                let asked = Instant::now();
                let reply = wire.ask(request).await?;
                took.push(micros(asked.elapsed())?);
                let said = String::from_utf8_lossy(&reply.body);
                ensure!(reply.status == wanted, "request {number}: {} {said}", reply.status);
            }
        });
    }
    let mut all = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        all.extend(ended??);
    }
    let elapsed_us = micros(began.elapsed())?;
    let count = u64::try_from(all.len())?;
    let per_s = (count * 1_000_000).checked_div(elapsed_us).context("no time went by")?;
    Ok(Load { per_s, p50_us: quantile(&all, 500), p99_us: quantile(&all, 990) })
}

/// A duration in whole microseconds.
pub(crate) fn micros(duration: Duration) -> anyhow::Result<u64> {
    Ok(u64::try_from(duration.as_micros())?)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::Router;
    use axum::extract::Path;
    use axum::routing::get;
    use hyper::Request;
    use tokio::net::TcpListener;

    use super::*;
    use crate::wire::without_body;

    /// Somewhere that answers numbers below a limit, and keeps which it was asked.
    async fn answers_below(limit: u32) -> (String, Arc<Mutex<Vec<u32>>>) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        let answer = get(move |Path(number): Path<u32>| async move {
            kept.lock().unwrap().push(number);
            if number < limit { StatusCode::OK } else { StatusCode::NOT_FOUND }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let router = Router::new().route("/{number}", answer);
        tokio::spawn(async move { axum::serve(listener, router).await });
        (host, asked)
    }

    fn request(number: u32) -> anyhow::Result<Whole> {
        without_body(Request::get(format!("/{number}")), "")
    }

    #[tokio::test]
    async fn every_request_is_made_once() {
        let (host, asked) = answers_below(20).await;
        let load = closed_loop(&host, 3, 5..20, StatusCode::OK, request).await.unwrap();
        assert!(load.per_s > 0 && load.p50_us <= load.p99_us, "{load:?}");
        let mut asked = asked.lock().unwrap().clone();
        asked.sort_unstable();
        assert_eq!(asked, (5..20).collect::<Vec<u32>>());
    }

    #[tokio::test]
    async fn an_answer_that_was_not_wanted_ends_it() {
        let (host, _) = answers_below(19).await;
        let ended = closed_loop(&host, 3, 5..20, StatusCode::OK, request).await;
        assert!(ended.unwrap_err().to_string().contains("request 19: 404"));
    }
}
