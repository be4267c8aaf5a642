//! Workload *idle*: one worker on empty tables and an empty queue, and nobody who wants anything of it. What it costs that it is there: its
//! looks for due jobs, its heartbeats, its sweeps. There is nothing that it is compared with.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::time::sleep;

use crate::bed::{Bed, QUEUE_PREFIX};
use crate::drain::start_worker;
use crate::figures::{Figure, Figures, Run};
use crate::plan::Plan;
use crate::quiet::Quiet;
use crate::{backlog, cost};

const FIGURES: [Figure; 5] = [
    Figure { key: "commits_per_min", title: "commits per minute" },
    Figure { key: "cpu_ms_per_min", title: "CPU of the worker, ms per minute" },
    Figure { key: "postgres_cpu_ms_per_min", title: "CPU of PostgreSQL, ms per minute" },
    Figure { key: "resident_kib", title: "memory of the worker at the end, KiB" },
    Figure { key: "peak_kib", title: "peak memory of the worker, KiB" },
];

/// After this much a worker that got ready has done what it does once.
const SETTLED: Duration = Duration::from_secs(10);
const SMOKE_SETTLED: Duration = Duration::from_secs(2);
const LENGTH: Duration = Duration::from_secs(30);
const SMOKE_LENGTH: Duration = Duration::from_secs(5);
const MINUTE_MS: u64 = 60_000;
/// Half of a hundredth of a core.
const CPU_MS_PER_MIN_MAX: u64 = MINUTE_MS / 200;
const RESIDENT_KIB_MAX: u64 = 40 * 1_024;

/// Measures it as often as the plan says.
pub(crate) async fn idle(bed: &Bed, plan: &Plan) -> anyhow::Result<Figures> {
    let (settled, length) =
        if plan.is_smoke { (SMOKE_SETTLED, SMOKE_LENGTH) } else { (SETTLED, LENGTH) };
    let title = format!("idle: a worker for {length:?}, medians of {}", plan.rounds);
    let mut figures = Figures::new(title, &FIGURES, &["product"]);
    for _ in 0..plan.rounds {
        figures.add("product", run(bed, plan, settled, length).await?);
    }
    Ok(figures)
}

/// Says whether it costs little enough that it is there.
pub(crate) fn check(figures: &Figures) -> anyhow::Result<()> {
    for (key, most) in [("cpu_ms_per_min", CPU_MS_PER_MIN_MAX), ("resident_kib", RESIDENT_KIB_MAX)]
    {
        let is = figures.median("product", key).with_context(|| format!("there is no {key}"))?;
        ensure!(
            is < most,
            "{key} of a worker with nothing to do is {is}, and has to be below {most}"
        );
    }
    Ok(())
}

async fn run(bed: &Bed, plan: &Plan, settled: Duration, length: Duration) -> anyhow::Result<Run> {
    backlog::fill(&bed.database, 0).await?;
    backlog::publish(&bed.servers.amqp_url, QUEUE_PREFIX, 0..0).await?;
    let mut worker = start_worker(bed, plan.concurrency, plan.connections);
    bed.ready(&mut worker).await?;
    sleep(settled).await;
    let quiet = Quiet::of(bed, worker.id(), length).await?;
    let (resident_kib, _) = worker.size();
    let peak_kib = cost::peak_kib(worker.id());
    bed.stop(worker)?;
    Ok([&quiet.per_ms(MINUTE_MS)[..], &[Some(resident_kib), peak_kib]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_with_nothing_to_do_is_small_and_takes_next_to_no_time() {
        for (cpu_ms, resident_kib, is_well) in
            [(299, 40_959, true), (300, 40_959, false), (299, 40_960, false)]
        {
            let mut figures = Figures::new(String::new(), &FIGURES, &["product"]);
            figures.add("product", vec![None, Some(cpu_ms), None, Some(resident_kib), None]);
            assert_eq!(check(&figures).is_ok(), is_well, "{cpu_ms} {resident_kib}");
        }
    }
}
