//! Workload *polls*: thousands of customers wait at one API process, half of them by long polls and half by event streams, each for an
//! order of their own. First nothing happens, and what their waiting costs is measured; then one order after the other changes, as another
//! process would change it: its version, and PostgreSQL's announcement. How long it takes from there to the customer is measured.
//!
//! The product's bounds of polls and streams are raised to what is asked for.

use std::ops::Range;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures_util::StreamExt as _;
use http_body_util::BodyDataStream;
use hyper::header::{ETAG, IF_NONE_MATCH};
use hyper::{Request, StatusCode};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::bed::Bed;
use crate::figures::{Figure, Figures, Run, quantile};
use crate::plan::Plan;
use crate::quiet::Quiet;
use crate::stub::now_us;
use crate::wire::{Wire, without_body};
use crate::{backlog, cost, token};

const FIGURES: [Figure; 9] = [
    Figure { key: "kib_per_poll", title: "memory of the API per long poll, KiB" },
    Figure { key: "kib_per_stream", title: "memory of the API per event stream, KiB" },
    Figure { key: "commits_per_s", title: "commits/s while nothing happens" },
    Figure { key: "api_cpu_ms_per_s", title: "CPU of the API meanwhile, ms per s" },
    Figure { key: "postgres_cpu_ms_per_s", title: "CPU of PostgreSQL meanwhile, ms per s" },
    Figure { key: "poll_p50_us", title: "announced → long poll answered, p50, µs" },
    Figure { key: "poll_p99_us", title: "announced → long poll answered, p99, µs" },
    Figure { key: "stream_p50_us", title: "announced → event received, p50, µs" },
    Figure { key: "stream_p99_us", title: "announced → event received, p99, µs" },
];

/// How many wait by each way, and of a smoke test.
const WAITERS: u32 = 5_000;
const SMOKE_WAITERS: u32 = 500;
/// Open files of a process besides those who wait.
const OTHER_FILES: u32 = 500;
/// How many come at once.
const COMING: usize = 64;
/// After this much all of them have come to rest.
const REST: Duration = Duration::from_secs(3);
/// For how long nothing happens.
const QUIET_SECONDS: u64 = 20;
const SMOKE_QUIET_SECONDS: u64 = 5;
/// How many orders change by each way, and how long after one the next.
const CHANGES: u32 = 500;
const BETWEEN_CHANGES: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(60);

/// A way to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Poll,
    Stream,
}

/// Somebody was told about their order.
#[derive(Debug)]
struct Told {
    order: u32,
    at_us: u64,
}

/// Measures it as often as the plan says.
pub(crate) async fn polls(bed: &Bed, plan: &Plan) -> anyhow::Result<Figures> {
    let wanted = if plan.is_smoke { SMOKE_WAITERS } else { WAITERS };
    let possible = cost::open_files_max().unwrap_or(u32::MAX).saturating_sub(OTHER_FILES) / 2;
    let waiters = wanted.min(possible);
    let why = if waiters < wanted { ", as many as files may be open" } else { "" };
    let title = format!(
        "polls: {waiters} long polls and {waiters} event streams at one API{why}, medians of {}",
        plan.rounds
    );
    let mut figures = Figures::new(title, &FIGURES, &["product"]);
    for _ in 0..plan.rounds {
        figures.add("product", run(bed, plan, waiters).await?);
    }
    Ok(figures)
}

async fn run(bed: &Bed, plan: &Plan, waiters: u32) -> anyhow::Result<Run> {
    backlog::fill(&bed.database, 2 * waiters).await?;
    let most = waiters.to_string();
    let bounds =
        [("SEUNGIN__API__POLLS_MAX", most.as_str()), ("SEUNGIN__API__STREAMS_MAX", most.as_str())];
    let (api, url) = bed.start_api(plan.connections, &bounds).await?;
    let mut crowd = Crowd::at(url.trim_start_matches("http://"));
    sleep(REST).await;
    let (alone_kib, _) = api.size();
    crowd.come(Way::Poll, 0..waiters).await?;
    let (with_polls_kib, _) = api.size();
    crowd.come(Way::Stream, waiters..2 * waiters).await?;
    let (with_all_kib, _) = api.size();
    let seconds = if plan.is_smoke { SMOKE_QUIET_SECONDS } else { QUIET_SECONDS };
    let quiet = Quiet::of(bed, api.id(), Duration::from_secs(seconds)).await?.per_ms(1_000);
    // As far apart as there is room.
    let step = usize::try_from(waiters.div_ceil(CHANGES))?;
    let polls = crowd.wake(bed, (0..waiters).step_by(step)).await?;
    let streams = crowd.wake(bed, (waiters..2 * waiters).step_by(step)).await?;
    drop(crowd);
    bed.stop(api)?;
    let each = |more: u64, fewer: u64| more.saturating_sub(fewer).checked_div(u64::from(waiters));
    let memory = [each(with_polls_kib, alone_kib), each(with_all_kib, with_polls_kib)];
    let of = |values: &[u64]| [quantile(values, 500), quantile(values, 990)];
    Ok([&memory[..], &quiet, &of(&polls), &of(&streams)].concat())
}

/// All who wait.
struct Crowd {
    host: String,
    tell: Sender<Told>,
    told: Receiver<Told>,
    waiting: JoinSet<anyhow::Result<()>>,
}

impl Crowd {
    fn at(host: &str) -> Crowd {
        let (tell, told) = channel(COMING);
        Crowd { host: host.to_owned(), tell, told, waiting: JoinSet::new() }
    }

    /// Has somebody come for each of these orders, until all of them have come to rest.
    async fn come(&mut self, way: Way, orders: Range<u32>) -> anyhow::Result<()> {
        let mut coming = 0;
        for order in orders {
            let (host, tell) = (self.host.clone(), self.tell.clone());
            self.waiting.spawn(async move {
                match way {
                    Way::Poll => poll(&host, order, &tell).await,
                    Way::Stream => follow(&host, order, &tell).await,
                }
            });
            coming += 1;
            if coming == COMING {
                self.next().await?;
                coming -= 1;
            }
        }
        for _ in 0..coming {
            self.next().await?;
        }
        sleep(REST).await;
        Ok(())
    }

    /// Changes these orders one after the other; gives after how many microseconds those were told who waited for them.
    async fn wake(
        &mut self,
        bed: &Bed,
        orders: impl Iterator<Item = u32>,
    ) -> anyhow::Result<Vec<u64>> {
        let mut waited = Vec::new();
        for order in orders {
            let announced_us = change(bed, order).await?;
            let told_us = loop {
                let told = self.next().await?;
                if told.order == order {
                    break told.at_us;
                }
            };
            waited.push(told_us.saturating_sub(announced_us));
            sleep(BETWEEN_CHANGES).await;
        }
        Ok(waited)
    }

    /// The next one who was told.
    async fn next(&mut self) -> anyhow::Result<Told> {
        tokio::select! {
            told = self.told.recv() => told.context("nobody waits"),
            ended = self.waiting.join_next() => match ended {
                Some(ended) => bail!("somebody has stopped waiting: {:?}", ended?),
                None => bail!("nobody waits"),
            },
            () = sleep(PATIENCE) => bail!("nobody was told for {PATIENCE:?}"),
        }
    }
}

/// Changes an order and announces it, as a process does that settles its job; gives when it was announced. Source: `store`, announcements.
async fn change(bed: &Bed, order: u32) -> anyhow::Result<u64> {
    let id = backlog::order_id(order);
    let raise = "UPDATE orders SET version = version + 1 WHERE id = $1";
    let raised = bed.database.execute(raise, &[&id]).await?;
    ensure!(raised == 1, "there is no order {id}");
    let announced_us = now_us();
    bed.database.execute("SELECT pg_notify('seungin_changed_orders', $1)", &[&id]).await?;
    Ok(announced_us)
}

/// Waits for an order by long polls. Tells first that it knows the order.
async fn poll(host: &str, order: u32, tell: &Sender<Told>) -> anyhow::Result<()> {
    let id = backlog::order_id(order);
    let (path, credential) = (format!("/v1/orders/{id}"), token::bearer(&id));
    let mut wire = Wire::connect(host).await?;
    let first = wire.ask(without_body(Request::get(&path), &credential)?).await?;
    ensure!(first.status == StatusCode::OK, "order {order}: {}", first.status);
    let mut known = first.headers.get(ETAG).cloned().context("an order without its version")?;
    tell.send(Told { order, at_us: now_us() }).await?;
    loop {
        let request = Request::get(format!("{path}?wait=25")).header(IF_NONE_MATCH, &known);
        let reply = wire.ask(without_body(request, &credential)?).await?;
        let at_us = now_us();
        let has_waited = reply.headers.contains_key("preference-applied");
        ensure!(has_waited, "order {order}: {} without waiting", reply.status);
        if reply.status != StatusCode::NOT_MODIFIED {
            known = reply.headers.get(ETAG).cloned().context("an order without its version")?;
            tell.send(Told { order, at_us }).await?;
        }
    }
}

/// Waits for an order by an event stream. Tells of its first event, too.
async fn follow(host: &str, order: u32, tell: &Sender<Told>) -> anyhow::Result<()> {
    let id = backlog::order_id(order);
    let mut wire = Wire::connect(host).await?;
    let request = Request::get(format!("/v1/orders/{id}/events"));
    let answer = wire.begin(without_body(request, &token::bearer(&id))?).await?;
    ensure!(answer.status() == StatusCode::OK, "order {order}: {}", answer.status());
    let mut events = BodyDataStream::new(answer.into_body());
    // An event comes in one piece: it is written as one, and short.
    while let Some(event) = events.next().await {
        let at_us = now_us();
        if event?.starts_with(b"event: order") {
            tell.send(Told { order, at_us }).await?;
        }
    }
    bail!("the stream of order {order} has ended")
}
