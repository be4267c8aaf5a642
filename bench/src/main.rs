//! `bench`: how fast the product is, against a floor in the same run: the least that a program can do that makes the same payments.
//!
//! Everything is measured from outside, on the release binary, PostgreSQL and RabbitMQ, with a stub of Toss that costs next to nothing.
//! `scripts/bench` builds and runs it. `drain` is the first workload to read; `statements` and `floor` are what it is compared with.

mod accept;
mod backlog;
mod bare;
mod bed;
mod books;
mod cost;
mod drain;
mod embedded;
mod figures;
mod floor;
mod history;
mod idle;
mod latency;
mod load;
mod orders;
mod past;
mod pgbench;
mod plan;
mod polls;
mod quiet;
mod slow;
mod statements;
mod stub;
mod token;
mod wire;

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::{Parser, Subcommand};
use serde_json::{Map, Value, json};

use crate::bare::Bare;
use crate::bed::Bed;
use crate::figures::Figures;
use crate::floor::Floor;
use crate::plan::{Asked, Plan, Workload};

/// Measures Seungin.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure workloads, and write a table and a file of JSON.
    Run(Asked),
    /// Be a Toss that answers everything.
    Stub {
        /// Where to listen; port 0 takes a free one.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
    },
    /// Accept confirms with as little as possible.
    Bare(Bare),
    /// Make the payments of a queue with as little as possible.
    Floor(Floor),
}

fn main() -> ExitCode {
    let ended = match Cli::parse().command {
        Command::Run(asked) => on_all_cores().and_then(|it| it.block_on(run(&asked.into()))),
        // One thread, so that the stub takes no more than one core from those who are measured.
        Command::Stub { listen } => on_one_core().and_then(|it| it.block_on(stub::serve(listen))),
        Command::Bare(bare) => on_all_cores().and_then(|it| it.block_on(bare::serve(bare))),
        Command::Floor(floor) => on_all_cores().and_then(|it| it.block_on(floor::run(&floor))),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whoever closed the pipe does not want to know.
            let _said = writeln!(std::io::stderr(), "bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn on_all_cores() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

fn on_one_core() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// Says whether figures are as they have to be.
type Check = fn(&Figures) -> anyhow::Result<()>;

async fn measure(
    workload: Workload,
    bed: &mut Bed,
    plan: &Plan,
) -> anyhow::Result<(Figures, Option<Check>)> {
    Ok(match workload {
        Workload::Drain => (drain::drain(bed, plan).await?, Some(drain::check_floor)),
        Workload::Latency => (latency::latency(bed, plan).await?, Some(latency::check)),
        Workload::Accept => (accept::accept(bed, plan).await?, Some(accept::check)),
        Workload::Orders => (orders::orders(bed, plan).await?, None),
        Workload::Polls => (polls::polls(bed, plan).await?, None),
        Workload::Idle => (idle::idle(bed, plan).await?, Some(idle::check)),
        Workload::Slow => (slow::slow(bed, plan).await?, Some(slow::check)),
        Workload::Embedded => (embedded::embedded(bed, plan).await?, None),
        Workload::History => (history::history(bed, plan).await?, Some(history::check)),
    })
}

async fn run(plan: &Plan) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    // The client of RabbitMQ needs a provider of TLS, whether or not it uses one.
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut bed = Bed::open(&plan.directory, &plan.binary).await?;
    let mut results = Map::new();
    let mut missed = Vec::new();
    for workload in &plan.workloads {
        let measured = measure(*workload, &mut bed, plan).await;
        // What one workload misses hides neither the others nor their figures.
        let judged = measured.and_then(|(figures, check)| {
            writeln!(out, "{}", figures.table())?;
            results.insert(workload.name(), figures.json());
            check.filter(|_| !plan.is_smoke).map_or(Ok(()), |check| check(&figures))
        });
        missed.extend(judged.err().map(|error| format!("{}: {error:#}", workload.name())));
    }
    bed.close();
    let file = plan.directory.join("results.json");
    let results = json!({
        "is_smoke": plan.is_smoke, "rounds": plan.rounds, "concurrency": plan.concurrency,
        "connections": plan.connections, "workloads": Value::Object(results),
    });
    let text = format!("{results:#}\n");
    std::fs::write(&file, text).with_context(|| file.display().to_string())?;
    writeln!(out, "all figures are in {}", file.display())?;
    ensure!(missed.is_empty(), "{}", missed.join("\n"));
    Ok(())
}
