//! Workload *latency*: twenty confirms per second at a steady pace, whether or not those before were answered. What is measured begins with
//! the moment at which a confirm has its turn, before anything of it is sent, and ends
//!
//! - with the moment at which the stub of Toss had read the head of the call that takes the money, by the same machine's clock; against the
//!   floor, which is the bare handler and, behind the queue, the minimal program;
//! - with the answer that says `paid` to somebody who waits for the order by long poll and asks again for each change. That is measured by
//!   itself, as `watched`, so that nobody's waiting counts against the product in what it is compared by.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use hyper::header::{ETAG, IF_NONE_MATCH};
use hyper::{Request, StatusCode};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::accept::{confirm, start_bare};
use crate::bed::{Bed, QUEUE_PREFIX};
use crate::drain::{start_floor, start_worker};
use crate::figures::{Figure, Figures, Run, percent, quantile};
use crate::plan::Plan;
use crate::stub::now_us;
use crate::wire::{Wire, without_body};
use crate::{backlog, books, token};

pub(crate) const FIGURES: [Figure; 6] = [
    Figure { key: "answer_p50_us", title: "accept → answered, p50, µs" },
    Figure { key: "answer_p99_us", title: "accept → answered, p99, µs" },
    Figure { key: "stub_p50_us", title: "accept → stub received, p50, µs" },
    Figure { key: "stub_p99_us", title: "accept → stub received, p99, µs" },
    Figure { key: "poll_p50_us", title: "accept → paid in a waiting poll, p50, µs" },
    Figure { key: "poll_p99_us", title: "accept → paid in a waiting poll, p99, µs" },
];

/// So many of them have a meaning when nobody waits.
pub(crate) const UNWATCHED: usize = 4;

const PER_SECOND: u32 = 20;
/// How long one run goes on, and one of a smoke test.
const SECONDS: u32 = 30;
const SMOKE_SECONDS: u32 = 3;
/// The first confirms open connections and prepare statements.
const WARM: u32 = 2 * PER_SECOND;
/// How long somebody has been waiting for an order before its confirm comes, in turns.
const EARLIER: usize = 20;
/// The product takes at most so many hundredths of the floor's time.
const P50_PERCENT_MAX: u64 = 150;
const P99_PERCENT_MAX: u64 = 200;
/// The longest that somebody waits for one order.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who is measured, in the order of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contender {
    Watched,
    Floor,
    Product,
}

impl Contender {
    const ALL: [Contender; 3] = [Contender::Watched, Contender::Floor, Contender::Product];

    const fn name(self) -> &'static str {
        match self {
            Contender::Watched => "watched",
            Contender::Floor => "floor",
            Contender::Product => "product",
        }
    }
}

/// Measures all contenders in turn, as often as the plan says.
pub(crate) async fn latency(bed: &Bed, plan: &Plan) -> anyhow::Result<Figures> {
    let seconds = if plan.is_smoke { SMOKE_SECONDS } else { SECONDS };
    let title = format!(
        "latency: {PER_SECOND} confirms per second for {seconds} s, medians of {}; watched: the product with a long poll per order",
        plan.rounds
    );
    let mut figures = Figures::new(title, &FIGURES, &Contender::ALL.map(Contender::name));
    for _ in 0..plan.rounds {
        for contender in Contender::ALL {
            let run = run(bed, plan, contender, seconds).await?;
            figures.add(contender.name(), run);
        }
    }
    Ok(figures)
}

/// Says whether the product is quick enough.
pub(crate) fn check(figures: &Figures) -> anyhow::Result<()> {
    for (key, percent_max) in [("stub_p50_us", P50_PERCENT_MAX), ("stub_p99_us", P99_PERCENT_MAX)] {
        let (product, floor) = (figures.median("product", key), figures.median("floor", key));
        let ratio = product.zip(floor).and_then(|(product, floor)| percent(product, floor));
        let ratio = ratio.with_context(|| format!("there is no {key}"))?;
        ensure!(
            ratio <= percent_max,
            "{key} is {ratio} % of the floor's, and may be {percent_max} %"
        );
    }
    Ok(())
}

/// Paces confirms for so many seconds once; in the order of [`FIGURES`].
pub(crate) async fn run(
    bed: &Bed,
    plan: &Plan,
    contender: Contender,
    seconds: u32,
) -> anyhow::Result<Run> {
    let confirms = seconds * PER_SECOND;
    let all = WARM + confirms;
    backlog::fill_open(&bed.database, all).await?;
    bed.reset_stub(0).await?;
    backlog::publish(&bed.servers.amqp_url, QUEUE_PREFIX, 0..0).await?;
    let (mut worker, (api, url)) = match contender {
        Contender::Floor => (start_floor(bed, plan)?, start_bare(bed, plan)?),
        Contender::Watched | Contender::Product => {
            let worker = start_worker(bed, plan.concurrency, plan.connections);
            (worker, bed.start_api(plan.connections, &[]).await?)
        }
    };
    let host = url.trim_start_matches("http://");
    let seen = pace(host, all, contender == Contender::Watched).await?;
    bed.wait_for_jobs(&bed.database, all, &mut worker).await?;
    let receipts = receipts(bed).await?;
    match contender {
        Contender::Floor => [worker, api].into_iter().for_each(system_tests::Process::kill),
        Contender::Watched | Contender::Product => {
            bed.stop(worker)?;
            bed.stop(api)?;
        }
    }
    books::insist_paid(&bed.database, all).await?;
    let measured = seen.iter().filter(|one| one.number >= WARM);
    let (mut answers, mut stub, mut polls) = (Vec::new(), Vec::new(), Vec::new());
    for one in measured {
        let received = receipts.get(&backlog::order_id(one.number));
        let received = received.with_context(|| format!("{one:?} is unknown to the stub"))?;
        answers.push(one.answered_us.saturating_sub(one.began_us));
        stub.push(received.saturating_sub(one.began_us));
        polls.extend(one.paid_us.map(|paid_us| paid_us.saturating_sub(one.began_us)));
    }
    ensure!(stub.len() == usize::try_from(confirms)?, "{} confirms of {confirms}", stub.len());
    let of = |values: &[u64]| [quantile(values, 500), quantile(values, 990)];
    Ok([of(&answers), of(&stub), of(&polls)].concat())
}

/// One confirm's moments, in microseconds since 1970.
#[derive(Debug, Clone, Copy)]
struct Seen {
    number: u32,
    began_us: u64,
    answered_us: u64,
    paid_us: Option<u64>,
}

/// Confirms every order when it has its turn.
async fn pace(host: &str, orders: u32, is_watched: bool) -> anyhow::Result<Vec<Seen>> {
    // Each has rested for a second when it has its turn again: no confirm waits for the one before.
    let mut wires = Vec::new();
    for _ in 0..PER_SECOND {
        wires.push(Arc::new(Mutex::new(Wire::connect(host).await?)));
    }
    let (mut confirms, mut watchers) = (JoinSet::new(), JoinSet::new());
    let mut watched = (0..orders).filter(|_| is_watched);
    watched.by_ref().take(EARLIER).for_each(|number| watch(&mut watchers, host, number));
    let mut turns = interval(Duration::from_secs(1) / PER_SECOND);
    turns.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for (number, wire) in (0..orders).zip(wires.iter().cycle()) {
        turns.tick().await;
        watched.by_ref().take(1).for_each(|number| watch(&mut watchers, host, number));
        let wire = Arc::clone(wire);
        confirms.spawn(async move {
            let began_us = now_us();
            let reply = wire.lock().await.ask(confirm(number)?).await?;
            ensure!(reply.status == StatusCode::ACCEPTED, "confirm {number}: {}", reply.status);
            Ok(Seen { number, began_us, answered_us: now_us(), paid_us: None })
        });
    }
    let mut paid = HashMap::new();
    while let Some(ended) = watchers.join_next().await {
        let (number, paid_us) = ended??;
        paid.insert(number, paid_us);
    }
    let mut seen = Vec::new();
    while let Some(ended) = confirms.join_next().await {
        let one = ended??;
        seen.push(Seen { paid_us: paid.get(&one.number).copied(), ..one });
    }
    Ok(seen)
}

/// Who waits for orders; each gives the order's number, and when it was told to be paid.
type Watchers = JoinSet<anyhow::Result<(u32, u64)>>;

fn watch(watchers: &mut Watchers, host: &str, number: u32) {
    let host = host.to_owned();
    watchers.spawn(async move { Ok((number, paid_at(&host, number).await?)) });
}

/// Waits for an order by long poll until it is paid; gives when that was told.
async fn paid_at(host: &str, number: u32) -> anyhow::Result<u64> {
    let order_id = backlog::order_id(number);
    let (path, credential) = (format!("/v1/orders/{order_id}?wait=25"), token::bearer(&order_id));
    let waiting = async {
        let mut wire = Wire::connect(host).await?;
        let mut known = None;
        loop {
            let mut request = Request::get(&path);
            if let Some(tag) = known.take() {
                request = request.header(IF_NONE_MATCH, tag);
            }
            let reply = wire.ask(without_body(request, &credential)?).await?;
            let now_us = now_us();
            known = reply.headers.get(ETAG).cloned();
            if reply.status == StatusCode::NOT_MODIFIED {
                continue;
            }
            ensure!(reply.status == StatusCode::OK, "order {number}: {}", reply.status);
            let order: Value = serde_json::from_slice(&reply.body)?;
            if order["status"] == "paid" {
                return Ok(now_us);
            }
        }
    };
    timeout(PATIENCE, waiting).await.with_context(|| format!("order {number} is not paid"))?
}

/// When the stub had read the head of each order's confirm.
async fn receipts(bed: &Bed) -> anyhow::Result<HashMap<String, u64>> {
    let receipts: Vec<(String, u64)> = serde_json::from_value(bed.ask_stub("receipts").await?)?;
    Ok(receipts.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(p50_us: u64, p99_us: u64) -> Figures {
        let mut figures =
            Figures::new(String::new(), &FIGURES, &Contender::ALL.map(Contender::name));
        for (name, p50_us, p99_us) in [("floor", 1_000, 4_000), ("product", p50_us, p99_us)] {
            figures.add(name, vec![None, None, Some(p50_us), Some(p99_us), None, None]);
        }
        figures
    }

    #[test]
    fn the_product_may_take_half_as_long_again_usually_and_twice_as_long_rarely() {
        assert!(check(&figures(1_500, 8_000)).is_ok());
        for (p50_us, p99_us) in [(1_510, 8_000), (1_500, 8_040)] {
            assert!(check(&figures(p50_us, p99_us)).is_err(), "{p50_us} {p99_us}");
        }
    }
}
