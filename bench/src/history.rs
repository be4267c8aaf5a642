//! Workload *history*: the same backlog and the same steady confirms on tables that have nothing else in them, and on tables that have been
//! in use for long: two databases of one server, in turn. What is older than the work at hand should cost it nothing.

use anyhow::{Context as _, ensure};

use crate::bed::Bed;
use crate::figures::{Figure, Figures, percent};
use crate::latency::UNWATCHED;
use crate::plan::Plan;
use crate::{drain, latency, past};

/// The database with the past.
const DATABASE: &str = "seungin_past";
const EMPTY: &str = "empty";
const WITH_PAST: &str = "history";
/// For how many seconds confirms come in one run.
const SECONDS: u32 = 20;
const SMOKE_SECONDS: u32 = 3;
/// A drain with a past makes at least so many hundredths of the payments of one without.
const PERCENT_MIN: u64 = 95;

/// Measures both in turn, as often as the plan says. The bed is turned back to its own database then.
pub(crate) async fn history(bed: &mut Bed, plan: &Plan) -> anyhow::Result<Figures> {
    let empty = bed.database_url.clone();
    let measured = measure(bed, plan, &empty).await;
    bed.turn_to(&empty).await?;
    measured
}

/// Says whether the past costs little enough.
pub(crate) fn check(figures: &Figures) -> anyhow::Result<()> {
    let rate = |name| figures.median(name, "jobs_per_s").unwrap_or(0);
    let share = percent(rate(WITH_PAST), rate(EMPTY)).unwrap_or(0);
    ensure!(
        share >= PERCENT_MIN,
        "with finished jobs in its tables the product makes {share} % of the payments that it makes without, and has to make {PERCENT_MIN} %"
    );
    Ok(())
}

async fn measure(bed: &mut Bed, plan: &Plan, empty: &str) -> anyhow::Result<Figures> {
    let Plan { jobs, rounds, history_rows, .. } = plan;
    let (server, _) = empty.rsplit_once('/').context("no database in its address")?;
    let with_past = format!("{server}/{DATABASE}");
    past::leave_one(bed, plan).await?;
    // What an earlier call of this workload has left is of no use.
    bed.database.batch_execute(&format!("DROP DATABASE IF EXISTS {DATABASE}")).await?;
    bed.database.batch_execute(&format!("CREATE DATABASE {DATABASE}")).await?;
    bed.turn_to(&with_past).await?;
    bed.prepare()?;
    past::leave_one(bed, plan).await?;
    past::fill(bed, *history_rows).await?;
    let title = format!(
        "history: {jobs} confirms, and some per second, with {history_rows} finished jobs in the tables, medians of {rounds}"
    );
    let mut figures = Figures::new(title, &all_figures(), &[EMPTY, WITH_PAST]);
    for _ in 0..*rounds {
        for (name, url) in [(EMPTY, empty), (WITH_PAST, &with_past)] {
            bed.turn_to(url).await?;
            let drained = drain::run(bed, plan, drain::Contender::Product).await?;
            let seconds = if plan.is_smoke { SMOKE_SECONDS } else { SECONDS };
            let paced = latency::run(bed, plan, latency::Contender::Product, seconds).await?;
            figures
                .add(name, drained.into_iter().chain(paced.into_iter().take(UNWATCHED)).collect());
        }
    }
    Ok(figures)
}

fn all_figures() -> Vec<Figure> {
    [&drain::FIGURES[..], &latency::FIGURES[..UNWATCHED]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_past_may_take_a_twentieth_of_the_payments() {
        let check_of = |rate: u64| {
            let mut figures = Figures::new(String::new(), &all_figures(), &[EMPTY, WITH_PAST]);
            for (name, rate) in [(EMPTY, 2_000), (WITH_PAST, rate)] {
                let mut run = vec![None; all_figures().len()];
                run[0] = Some(rate);
                figures.add(name, run);
            }
            check(&figures).map_err(|error| error.to_string())
        };
        assert_eq!(check_of(1_900), Ok(()));
        assert!(check_of(1_899).unwrap_err().contains("94 %"));
    }
}
