//! What is measured, how much of it, and how often.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// A backlog of confirms, answered at once.
    Drain,
    /// Confirms at a steady pace.
    Latency,
    /// Confirms that the API takes.
    Accept,
    /// Carts that the API prices again.
    Orders,
    /// Customers who wait.
    Polls,
    /// A worker with nothing to do.
    Idle,
    /// A backlog of confirms, answered late.
    Slow,
    /// A backlog of confirms in the embedded product.
    Embedded,
    /// Confirms with finished jobs in the tables.
    History,
}

impl Workload {
    /// As it is asked for, and called in the results.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().expect("none is hidden").get_name().to_owned()
    }
}

/// What is asked for.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    /// All of them, unless some are named.
    #[arg(value_enum)]
    workloads: Vec<Workload>,
    /// A tenth of everything and one round, to see that it runs; nothing is judged.
    #[arg(long)]
    smoke: bool,
    /// Confirms of a backlog.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(100..=200_000))]
    jobs: u32,
    /// How often each contender is measured, in turn.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=99))]
    rounds: u16,
    /// Calls to Toss at the same time.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4_096))]
    concurrency: u16,
    /// Connections of a worker to the database.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=200))]
    connections: u16,
    /// Finished jobs in the tables of the workload `history`; of a smoke test a hundredth.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1_000..=10_000_000))]
    history_rows: u32,
    /// The product, instead of the source as it is now.
    #[arg(long, value_name = "FILE", env = "SEUNGIN_BINARY")]
    binary: Option<PathBuf>,
    /// Where data is, and where the results stay.
    #[arg(long, value_name = "DIR", default_value = ".bench")]
    directory: PathBuf,
}

/// What is done.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) workloads: Vec<Workload>,
    pub(crate) is_smoke: bool,
    /// A multiple of `connections`, so that every connection of pgbench has the same share.
    pub(crate) jobs: u32,
    pub(crate) rounds: u16,
    pub(crate) concurrency: u16,
    pub(crate) connections: u16,
    pub(crate) history_rows: u32,
    /// The product that is measured.
    pub(crate) binary: PathBuf,
    pub(crate) directory: PathBuf,
}

impl From<Asked> for Plan {
    fn from(asked: Asked) -> Plan {
        let (jobs, rounds) =
            if asked.smoke { (asked.jobs / 10, 1) } else { (asked.jobs, asked.rounds) };
        let history_rows = asked.history_rows / if asked.smoke { 100 } else { 1 };
        let all = || Workload::value_variants().to_vec();
        Plan {
            workloads: if asked.workloads.is_empty() { all() } else { asked.workloads },
            is_smoke: asked.smoke,
            jobs: jobs.next_multiple_of(u32::from(asked.connections)),
            rounds,
            concurrency: asked.concurrency,
            connections: asked.connections,
            history_rows,
            binary: asked.binary.unwrap_or_else(|| system_tests::binary().to_owned()),
            directory: asked.directory,
        }
    }
}
