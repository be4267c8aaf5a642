//! Workload *slow*: queued confirms, and a stub that answers late, so that one worker has as many calls under way as it is allowed. How near
//! it comes to what that many calls can make, which is their number in each answer's time; and what a job under way costs in memory.
//!
//! The worker is as an operator would set it for that: calls at once in all, and as many for one merchant. What follows from them, such as
//! how many messages it holds, it decides itself. It is there before its work is, so that its memory without work is known. Then it gets a few
//! jobs, and only what it grows by beyond its size after those counts as the memory of the jobs under way: with its first jobs a worker
//! connects to the database, prepares its statements and reads its own code, and that is there once, however many jobs come. What those few
//! jobs took stays with the worker, their connections to Toss above all, so it is divided among the others only.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::time::sleep;

use crate::bed::{Bed, QUEUE_PREFIX};
use crate::drain::{self, Own, start_worker};
use crate::figures::{Figure, Figures, Run, percent};
use crate::plan::Plan;
use crate::{backlog, books, cost};

const OWN_FIGURES: [Figure; 4] = [
    Figure { key: "percent_of_ideal", title: "of what so many calls can make, %" },
    Figure { key: "idle_kib", title: "memory of the worker without work, KiB" },
    Figure { key: "warm_kib", title: "memory of the worker after its first 64 jobs, KiB" },
    Figure { key: "bytes_per_job", title: "memory per job under way, bytes" },
];

/// How late the stub answers, and how many calls are under way meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slowness {
    name: &'static str,
    answer_ms: u32,
    concurrency: u16,
    /// The worker makes at least so many hundredths of what the calls can make.
    percent_min: u64,
}

const ALL: [Slowness; 2] = [
    Slowness { name: "300 ms", answer_ms: 300, concurrency: 256, percent_min: 95 },
    Slowness { name: "2 s", answer_ms: 2_000, concurrency: 2_048, percent_min: 90 },
];

/// How long the whole backlog takes at the best: the two thirds of it that count take 20 s then, which is ten waves of the longest answers.
const LENGTH_MS: u32 = 30_000;
const SMOKE_LENGTH_MS: u32 = 6_000;
/// After this much a worker that got ready is as large as it stays without work.
const REST: Duration = Duration::from_secs(5);
const SMOKE_REST: Duration = Duration::from_secs(1);
/// As many jobs as one batch has, so that the worker does everything once and nothing often.
const FIRST_JOBS: u32 = 64;
/// Open files of a process besides its calls.
const OTHER_FILES: u32 = 200;
const BYTES_PER_JOB_MAX: u64 = 40 * 1_024;

impl Slowness {
    /// As many as are answered in this time when all places are always taken.
    fn jobs(self, length_ms: u32) -> u32 {
        length_ms / self.answer_ms * u32::from(self.concurrency)
    }

    /// Hundredths of what the calls can make that so many jobs in so many milliseconds are.
    fn percent_of_ideal(self, jobs: u64, ms: u64) -> Option<u64> {
        percent(jobs * u64::from(self.answer_ms), ms * u64::from(self.concurrency))
    }
}

/// Measures both in turn, as often as the plan says.
pub(crate) async fn slow(bed: &Bed, plan: &Plan) -> anyhow::Result<Figures> {
    let title = format!(
        "slow: answers after 300 ms with 256 calls at once, and after 2 s with 2,048, {} connections, medians of {}",
        plan.connections, plan.rounds
    );
    let all = [&drain::FIGURES[..], &OWN_FIGURES].concat();
    let mut figures = Figures::new(title, &all, &ALL.map(|slowness| slowness.name)).apart();
    for _ in 0..plan.rounds {
        for slowness in ALL {
            figures.add(slowness.name, run(bed, plan, slowness).await?);
        }
    }
    Ok(figures)
}

/// Says whether the worker makes enough of so many calls, and is small enough meanwhile.
pub(crate) fn check(figures: &Figures) -> anyhow::Result<()> {
    for Slowness { name, concurrency, percent_min, .. } in ALL {
        let of = |key| figures.median(name, key).with_context(|| format!("there is no {key}"));
        let (share, bytes) = (of("percent_of_ideal")?, of("bytes_per_job")?);
        ensure!(
            share >= percent_min,
            "with answers after {name} the worker makes {share} % of what {concurrency} calls can make, and has to make {percent_min} %"
        );
        ensure!(
            bytes <= BYTES_PER_JOB_MAX,
            "with answers after {name} a job under way takes {bytes} bytes, and may take {BYTES_PER_JOB_MAX}"
        );
    }
    Ok(())
}

async fn run(bed: &Bed, plan: &Plan, slowness: Slowness) -> anyhow::Result<Run> {
    let Slowness { answer_ms, concurrency, .. } = slowness;
    let possible = cost::open_files_max().unwrap_or(u32::MAX);
    let files = u32::from(concurrency) + OTHER_FILES;
    ensure!(possible >= files, "{possible} files may be open, and {files} are needed: ulimit -n");
    let (length_ms, rest) =
        if plan.is_smoke { (SMOKE_LENGTH_MS, SMOKE_REST) } else { (LENGTH_MS, REST) };
    let jobs = slowness.jobs(length_ms);
    backlog::fill(&bed.database, jobs).await?;
    bed.reset_stub(answer_ms.into()).await?;
    backlog::publish(&bed.servers.amqp_url, QUEUE_PREFIX, 0..0).await?;
    let before = bed.costs().await?;
    let mut worker = start_worker(bed, concurrency, plan.connections);
    bed.ready(&mut worker).await?;
    sleep(rest).await;
    let (idle_kib, _) = worker.size();
    backlog::publish(&bed.servers.amqp_url, QUEUE_PREFIX, 0..FIRST_JOBS).await?;
    let left = jobs.saturating_sub(FIRST_JOBS);
    bed.wait_for_some(&bed.database, FIRST_JOBS, left, &mut worker).await?;
    let (warm_kib, _) = worker.size();
    backlog::publish(&bed.servers.amqp_url, QUEUE_PREFIX, FIRST_JOBS..jobs).await?;
    bed.wait_for_jobs(&bed.database, jobs, &mut worker).await?;
    let own = Own::of(&worker);
    bed.stop(worker)?;
    let costs = bed.costs().await?.since(before);
    books::insist_paid(&bed.database, jobs).await?;
    bed.insist_asked_once(jobs).await?;
    let (ended, ms) = books::pace(&bed.database, concurrency.into()).await?;
    let grown_kib = own.peak_kib.and_then(|peak_kib| peak_kib.checked_sub(warm_kib));
    let others = u64::from(concurrency) - u64::from(FIRST_JOBS);
    let bytes_per_job = grown_kib.map(|kib| kib * 1_024 / others);
    let share = slowness.percent_of_ideal(ended, ms);
    let usual = drain::figures_of(ended * 1_000 / ms, own, costs, u64::from(jobs));
    Ok([&usual[..], &[share, Some(idle_kib), Some(warm_kib), bytes_per_job]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ideal_is_as_many_jobs_as_calls_in_each_answers_time() {
        let [short, long] = ALL;
        assert_eq!((short.jobs(LENGTH_MS), long.jobs(LENGTH_MS)), (25_600, 30_720));
        assert_eq!(short.percent_of_ideal(17_066, 20_000), Some(99));
        assert_eq!(long.percent_of_ideal(20_480, 20_000), Some(100));
        assert_eq!(long.percent_of_ideal(20_480, 22_000), Some(90));
    }

    #[test]
    fn few_jobs_and_large_ones_are_told_of_with_the_answers_time() {
        let check_of = |short: (u64, u64), long: (u64, u64)| {
            let mut figures =
                Figures::new(String::new(), &OWN_FIGURES, &ALL.map(|slowness| slowness.name));
            for (slowness, (share, bytes)) in ALL.into_iter().zip([short, long]) {
                figures.add(slowness.name, vec![Some(share), None, None, Some(bytes)]);
            }
            check(&figures).map_err(|error| error.to_string())
        };
        assert_eq!(check_of((95, 40_960), (90, 40_960)), Ok(()));
        assert!(check_of((94, 40_960), (90, 40_960)).unwrap_err().contains("300 ms"));
        assert!(check_of((95, 40_960), (89, 40_960)).unwrap_err().contains("2 s"));
        assert!(check_of((95, 40_960), (90, 40_961)).unwrap_err().contains("40961 bytes"));
    }
}
