//! Workload *slow*: queued confirms, and a stub that answers late, so that one worker has as many calls under way as it is allowed. How near
//! it comes to what that many calls can make, which is their number in each answer's time; and what a job under way costs in memory.
//!
//! The worker is as an operator would set it for that: calls at once in all, and as many for one merchant. What follows from them, such as
//! how many messages it holds, it decides itself. It is there before its work is, so that its memory without work is known. What it grows by
//! is divided among its jobs under way; but with its first jobs a worker connects to the database, prepares its statements and reads its own
//! code, and it writes in batches that are never larger than 64. What a job under way takes is therefore judged by how much larger a worker is
//! that has more of them; what is there once is told, and judged by nobody.

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
    Figure { key: "bytes_of_all", title: "what it grew by, per job under way, bytes" },
    Figure { key: "bytes_per_job", title: "memory per further job under way, bytes" },
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
        let mut smaller: Option<(Slowness, u64)> = None;
        for slowness in ALL {
            let (mut run, peak_kib) = run(bed, plan, slowness).await?;
            run.push(match smaller {
                Some((than, kib)) => {
                    let further = peak_kib.checked_sub(kib).context("more calls took less")?;
                    Some(further * 1_024 / u64::from(slowness.concurrency - than.concurrency))
                }
                None => None,
            });
            figures.add(slowness.name, run);
            smaller = Some((slowness, peak_kib));
        }
    }
    Ok(figures)
}

/// Says whether the worker makes enough of so many calls, and is small enough meanwhile.
pub(crate) fn check(figures: &Figures) -> anyhow::Result<()> {
    let of = |name, key| figures.median(name, key).with_context(|| format!("there is no {key}"));
    for Slowness { name, concurrency, percent_min, .. } in ALL {
        let share = of(name, "percent_of_ideal")?;
        ensure!(
            share >= percent_min,
            "with answers after {name} the worker makes {share} % of what {concurrency} calls can make, and has to make {percent_min} %"
        );
    }
    let [_, Slowness { name, .. }] = ALL;
    let bytes = of(name, "bytes_per_job")?;
    ensure!(
        bytes <= BYTES_PER_JOB_MAX,
        "a further job under way takes {bytes} bytes, and may take {BYTES_PER_JOB_MAX}"
    );
    Ok(())
}

/// All figures but the last, and the worker's size at its largest, in KiB.
async fn run(bed: &Bed, plan: &Plan, slowness: Slowness) -> anyhow::Result<(Run, u64)> {
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
    backlog::publish(&bed.servers.amqp_url, QUEUE_PREFIX, 0..jobs).await?;
    bed.wait_for_jobs(&bed.database, jobs, &mut worker).await?;
    let own = Own::of(&worker);
    bed.stop(worker)?;
    let costs = bed.costs().await?.since(before);
    books::insist_paid(&bed.database, jobs).await?;
    bed.insist_asked_once(jobs).await?;
    let (ended, ms) = books::pace(&bed.database, concurrency.into()).await?;
    let peak_kib = own.peak_kib.context("the worker's size is not known")?;
    let of_all = peak_kib.checked_sub(idle_kib).context("work made the worker smaller")?;
    let of_all = of_all * 1_024 / u64::from(concurrency);
    let share = slowness.percent_of_ideal(ended, ms);
    let usual = drain::figures_of(ended * 1_000 / ms, own, costs, u64::from(jobs));
    Ok(([&usual[..], &[share, Some(idle_kib), Some(of_all)]].concat(), peak_kib))
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
        let check_of = |short: u64, long: u64, bytes: u64| {
            let mut figures =
                Figures::new(String::new(), &OWN_FIGURES, &ALL.map(|slowness| slowness.name));
            for (slowness, (share, bytes)) in
                ALL.into_iter().zip([(short, None), (long, Some(bytes))])
            {
                figures.add(slowness.name, vec![Some(share), None, None, bytes]);
            }
            check(&figures).map_err(|error| error.to_string())
        };
        assert_eq!(check_of(95, 90, 40_960), Ok(()));
        assert!(check_of(94, 90, 40_960).unwrap_err().contains("300 ms"));
        assert!(check_of(95, 89, 40_960).unwrap_err().contains("2 s"));
        assert!(check_of(95, 90, 40_961).unwrap_err().contains("40961 bytes"));
    }
}
