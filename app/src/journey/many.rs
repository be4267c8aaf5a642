//! Many journeys, some at the same time: totals, latencies and the first differences.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinSet;

use crate::banner::Style;
use crate::cli::TryArgs;
use crate::output::print;

use super::narrator::{Narrator, milliseconds, seconds, won};
use super::report;
use super::story::{Journey, Outcome, Plan};

/// How many differences are told one by one.
const FAILURES_TOLD_MAX: usize = 5;

/// All journeys together.
#[derive(Debug)]
pub(super) struct Totals {
    pub(super) outcomes: Vec<Outcome>,
    pub(super) took: Duration,
}

/// Latencies of one step, sorted.
#[derive(Debug)]
pub(super) struct Latencies(Vec<Duration>);

impl Totals {
    pub(super) fn failures(&self) -> impl Iterator<Item = (&Outcome, &str)> {
        self.outcomes.iter().filter_map(|one| Some((one, one.failure.as_deref()?)))
    }

    pub(super) fn cancelled_amount(&self) -> u64 {
        let cancels = self.outcomes.iter().flat_map(|outcome| &outcome.cancels);
        cancels.map(|cancel| cancel.amount).sum()
    }

    /// The amounts of the orders that were paid.
    pub(super) fn paid_amount(&self) -> u64 {
        let paid = |one: &&Outcome| one.states.iter().any(|state| state == "paid");
        self.outcomes.iter().filter(paid).map(|outcome| outcome.amount).sum()
    }

    pub(super) fn accepting(&self) -> Latencies {
        Latencies::of(self.outcomes.iter().filter_map(|outcome| outcome.accepting))
    }

    pub(super) fn confirming(&self) -> Latencies {
        Latencies::of(self.outcomes.iter().filter_map(|outcome| outcome.confirming))
    }

    pub(super) fn cancelling(&self) -> Latencies {
        let cancels = self.outcomes.iter().flat_map(|outcome| &outcome.cancels);
        Latencies::of(cancels.map(|cancel| cancel.took))
    }
}

impl Latencies {
    fn of(times: impl Iterator<Item = Duration>) -> Latencies {
        let mut times: Vec<Duration> = times.collect();
        times.sort_unstable();
        Latencies(times)
    }

    /// The time that `percent` of them did not exceed; zero when there are none.
    pub(super) fn percentile(&self, percent: usize) -> Duration {
        let rank = self.0.len().saturating_mul(percent).div_ceil(100);
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }
}

/// Runs them all.
///
/// # Errors
/// At least one journey differed from what it should be.
pub(super) async fn run(plan: &Arc<Plan>, args: &TryArgs, style: Style) -> anyhow::Result<()> {
    // Drawn to stderr, and only on a terminal.
    let bar = ProgressBar::new(args.count.into());
    let look = "  {bar:32} {pos}/{len} journeys, {per_sec}, {eta} left";
    bar.set_style(ProgressStyle::with_template(look).context("the progress bar")?);
    let began = Instant::now();
    let next = Arc::new(AtomicU32::new(0));
    let mut runners = JoinSet::new();
    for _ in 0..args.concurrency.min(args.count) {
        let (plan, next, bar, count) =
            (Arc::clone(plan), Arc::clone(&next), bar.clone(), args.count);
        runners.spawn(async move {
            let mut outcomes = Vec::new();
            while next.fetch_add(1, Ordering::Relaxed) < count {
                outcomes.push(Journey::new(&plan, Narrator::Silent).run().await);
                bar.inc(1);
            }
            outcomes
        });
    }
    let outcomes = runners.join_all().await.into_iter().flatten().collect();
    bar.finish_and_clear();
    let totals = Totals { outcomes, took: began.elapsed() };
    let text = if args.json { report::of_many(&totals).to_string() } else { tell(&totals, style) };
    print(&format!("{text}\n")).context("standard output cannot be written to")?;
    let failed = totals.failures().count();
    anyhow::ensure!(failed == 0, "{failed} of {} journeys differed", totals.outcomes.len());
    Ok(())
}

fn tell(totals: &Totals, style: Style) -> String {
    let failed = totals.failures().count();
    let good = totals.outcomes.len().saturating_sub(failed);
    let mut lines = vec![
        format!(
            "\n  {} journeys as they should be, {failed} different, in {}",
            style.green(&good.to_string()),
            seconds(totals.took)
        ),
        format!(
            "  paid {}, given back {}",
            won(totals.paid_amount()),
            won(totals.cancelled_amount())
        ),
        format!("\n  {:24} {:>10} {:>10} {:>10}", "", "p50", "p95", "p99"),
    ];
    for (name, latencies) in [
        ("accepting a confirm", totals.accepting()),
        ("confirm to final word", totals.confirming()),
        ("cancel", totals.cancelling()),
    ] {
        let [p50, p95, p99] =
            [50, 95, 99].map(|percent| milliseconds(latencies.percentile(percent)));
        lines.push(format!("  {name:24} {p50:>10} {p95:>10} {p99:>10}"));
    }
    for (outcome, failure) in totals.failures().take(FAILURES_TOLD_MAX) {
        let order = outcome.order_id.as_deref().unwrap_or("no order");
        lines.push(format!("  {} {order}: {failure}", style.red("✗")));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_times() {
        let times = (1..=200_u64).rev().map(Duration::from_millis);
        let latencies = Latencies::of(times);
        assert_eq!(
            [50, 95, 99, 100].map(|it| latencies.percentile(it).as_millis()),
            [100, 190, 198, 200]
        );
        assert_eq!(Latencies::of(std::iter::empty()).percentile(99), Duration::ZERO);
    }
}
