//! `system-tests`: what is done to the product for longer than a test may take.

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, Parser, Subcommand};
use system_tests::{Load, Plan, campaign, explore, load, travel};

/// Runs tests of Seungin that take as long as you like.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make random journeys, each repeated by its seed, and check that no money is lost or moved twice.
    Explore(Explore),
    /// Run production's shape under load while everything goes wrong, and check that nothing is lost or doubled.
    Campaign(Campaign),
    /// Run production's shape under a steady load, then under more than it can take, and measure.
    Load(Pace),
}

#[derive(Debug, Args)]
struct Pace {
    /// Requests per second.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    per_second: u64,
    /// For how long; at 200 requests per second the simulator remembers the payments of five minutes.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(2..=60))]
    minutes: u64,
    /// Where data is, and what is kept when something is wrong.
    #[arg(long, value_name = "DIR", default_value = ".load")]
    directory: PathBuf,
}

#[derive(Debug, Args)]
struct Campaign {
    /// For how long something goes wrong; afterwards it takes some minutes until all is quiet.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=600))]
    minutes: u64,
    /// What chooses the faults and when they come.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where data is, and what is kept when something is wrong.
    #[arg(long, value_name = "DIR", default_value = ".campaign")]
    directory: PathBuf,
}

#[derive(Debug, Args)]
struct Explore {
    /// How many journeys.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Only this seed, with every step of its journey.
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
}

fn main() -> ExitCode {
    let said = match Cli::parse().command {
        Command::Explore(Explore { seed: Some(seed), .. }) => show(seed),
        Command::Explore(Explore { seeds, from, .. }) => explore_many(seeds, from),
        Command::Campaign(Campaign { minutes, seed, directory }) => {
            told(campaign(Plan { minutes, seed }, &directory))
        }
        Command::Load(Pace { per_second, minutes, directory }) => {
            told(load(Load { per_second, minutes }, &directory))
        }
    };
    // Whoever closed the pipe has seen enough.
    said.unwrap_or(ExitCode::FAILURE)
}

/// Something of which a log tells while it goes on, and how it ended.
fn told(what: impl Future<Output = Result<bool, String>>) -> std::io::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(what);
    let mut out = std::io::stdout();
    match ended {
        Ok(true) => writeln!(out, "passed").map(|()| ExitCode::SUCCESS),
        Ok(false) => writeln!(out, "failed").map(|()| ExitCode::FAILURE),
        Err(error) => writeln!(out, "failed: {error}").map(|()| ExitCode::FAILURE),
    }
}

/// One journey, step by step.
fn show(seed: u64) -> std::io::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    let travelled = travel(seed);
    for line in &travelled.trace {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "digest {}", travelled.digest())?;
    Ok(if travelled.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Many journeys, and what they came to.
fn explore_many(seeds: u64, from: u64) -> std::io::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let began = Instant::now();
    writeln!(out, "{seeds} journeys from seed {from} on {threads} threads")?;
    out.flush()?;
    let explored = explore(from..from.saturating_add(seeds), threads);
    for (seed, broken) in &explored.broken {
        for what in broken {
            writeln!(out, "seed {seed}: {what}")?;
        }
        writeln!(out, "again: cargo run -p system-tests --release -- explore --seed {seed}")?;
    }
    writeln!(out, "{:<10} {:>10}", "seeds", explored.seeds)?;
    for (name, count) in explored.tally.rows() {
        writeln!(out, "{name:<10} {count:>10}")?;
    }
    writeln!(out, "{:<10} {:>10}", "seconds", began.elapsed().as_secs())?;
    Ok(if explored.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
