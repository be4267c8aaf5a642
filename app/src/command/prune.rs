//! `seungin prune`: deletes what was kept long enough, now instead of once a day.

use std::time::Duration;

use anyhow::Context as _;
use domain::limits::{PRUNE_BATCH_ROWS_MAX, PRUNE_PAUSE_MS};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};
use store::{PruneCounts, PruneMode, PruneRun, PrunedTable};

use crate::config::Config;
use crate::exit::Failure;
use crate::output::print;

/// What to delete. How old it has to be stands in the configuration.
#[derive(Debug, clap::Args)]
pub(crate) struct PruneArgs {
    /// Count what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Stop after so many rows; the next run goes on
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    max_rows: u64,
}

/// Runs over all tables, or until as much was deleted as this run may.
///
/// # Errors
/// The database does not answer, or fails; what was deleted by then stays deleted.
pub(crate) async fn run(config: &Config, args: &PruneArgs) -> Result<(), Failure> {
    let store = super::open_store(config).await?;
    let mode = if args.dry_run { PruneMode::Count } else { PruneMode::Delete };
    let mut run = store.prune(&config.retention, mode).await.context("nothing was deleted")?;
    // Drawn to stderr, and only on a terminal.
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("  {spinner} {msg}").context("the progress")?);
    let ended = go_through(&mut run, args, &bar).await;
    bar.finish_and_clear();
    if let Err(error) = ended {
        let gone = in_words(run.counts());
        return Err(error
            .context(format!("it stopped half-way; deleted until then: {gone}"))
            .into());
    }
    print(&report(&run, args))?;
    Ok(())
}

async fn go_through(
    run: &mut PruneRun<'_>,
    args: &PruneArgs,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    // Others have work for the database, too.
    let pause = Duration::from_millis(PRUNE_PAUSE_MS);
    loop {
        let left = args.max_rows.saturating_sub(run.counts().total());
        if left == 0 || run.next_batch(left.min(PRUNE_BATCH_ROWS_MAX)).await?.is_none() {
            return Ok(());
        }
        bar.set_message(in_words(run.counts()));
        bar.tick();
        if !args.dry_run {
            tokio::time::sleep(pause).await;
        }
    }
}

fn report(run: &PruneRun<'_>, args: &PruneArgs) -> String {
    if args.json {
        let rows: Map<String, Value> = PrunedTable::ALL
            .into_iter()
            .map(|table| (table.word().to_owned(), run.counts().of(table).into()))
            .collect();
        let report = json!({ "dryRun": args.dry_run, "rows": rows, "finished": run.is_over() });
        return format!("{report:#}\n");
    }
    let verb = if args.dry_run { "would be deleted" } else { "deleted" };
    let more = if run.is_over() { "" } else { "there is more: run it again\n" };
    format!("{verb}: {}\n{more}", in_words(run.counts()))
}

/// `3 attempts, 2 jobs, …`; the tables without any are left out.
fn in_words(counts: &PruneCounts) -> String {
    let some = PrunedTable::ALL.into_iter().filter(|table| counts.of(*table) > 0);
    let words: Vec<String> =
        some.map(|table| format!("{} {}", counts.of(table), table.word())).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}
