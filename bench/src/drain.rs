//! Workload *drain*: queued confirms, published before anybody works on them, and a stub that answers at once. So nothing but the work on
//! jobs is measured: claim, call, settle, acknowledge.

use anyhow::ensure;
use system_tests::Process;

use crate::bed::{Bed, Costs, QUEUE_PREFIX};
use crate::figures::{Figure, Figures, Run, percent};
use crate::plan::Plan;
use crate::{backlog, books, cost, pgbench};

pub(crate) const FIGURES: [Figure; 7] = [
    Figure { key: "jobs_per_s", title: "jobs/s" },
    Figure { key: "cpu_ms_per_1000_jobs", title: "CPU of the worker, ms per 1,000 jobs" },
    Figure { key: "postgres_cpu_ms_per_1000_jobs", title: "CPU of PostgreSQL, ms per 1,000 jobs" },
    Figure { key: "broker_cpu_ms_per_1000_jobs", title: "CPU of RabbitMQ, ms per 1,000 jobs" },
    Figure { key: "stub_cpu_ms_per_1000_jobs", title: "CPU of the stub, ms per 1,000 jobs" },
    Figure { key: "commits_per_1000_jobs", title: "commits per 1,000 jobs" },
    Figure { key: "peak_kib", title: "peak memory of the worker, KiB" },
];

/// The floor makes at least so many hundredths of the payments that PostgreSQL's own load generator makes with its statements.
const HONEST_PERCENT: u64 = 55;

/// Who drains, in the order of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contender {
    Pgbench,
    Floor,
    Product,
}

impl Contender {
    const ALL: [Contender; 3] = [Contender::Pgbench, Contender::Floor, Contender::Product];

    const fn name(self) -> &'static str {
        match self {
            Contender::Pgbench => "pgbench",
            Contender::Floor => "floor",
            Contender::Product => "product",
        }
    }
}

/// Measures all contenders in turn, as often as the plan says.
pub(crate) async fn drain(bed: &Bed, plan: &Plan) -> anyhow::Result<Figures> {
    let Plan { jobs, rounds, concurrency, connections, .. } = plan;
    let title = format!(
        "drain: {jobs} confirms, {concurrency} at once, {connections} connections, medians of {rounds}"
    );
    let names = Contender::ALL.map(Contender::name);
    let mut figures = Figures::new(title, &FIGURES, &names);
    for _ in 0..*rounds {
        for contender in Contender::ALL {
            figures.add(contender.name(), run(bed, plan, contender).await?);
        }
    }
    Ok(figures)
}

/// Says whether the floor is a measure of anything.
pub(crate) fn check_floor(figures: &Figures) -> anyhow::Result<()> {
    let rate = |name| figures.median(name, "jobs_per_s").unwrap_or(0);
    let share = percent(rate("floor"), rate("pgbench")).unwrap_or(0);
    ensure!(
        share >= HONEST_PERCENT,
        "the floor makes {share} % of the payments that pgbench makes with its statements, and has to make {HONEST_PERCENT} %"
    );
    Ok(())
}

/// Drains a backlog once; in the order of [`FIGURES`].
pub(crate) async fn run(bed: &Bed, plan: &Plan, contender: Contender) -> anyhow::Result<Run> {
    backlog::fill(&bed.database, plan.jobs).await?;
    bed.reset_stub(0).await?;
    if contender != Contender::Pgbench {
        backlog::publish(&bed.servers.amqp_url, QUEUE_PREFIX, 0..plan.jobs).await?;
    }
    let before = bed.costs().await?;
    let own = match contender {
        Contender::Pgbench => {
            let mut pgbench =
                pgbench::start(bed.home.path(), &bed.database_url, plan.jobs, plan.connections)?;
            let (code, _) = pgbench.wait_for_end();
            ensure!(code == 0, "pgbench: {}", pgbench.said());
            Own::default()
        }
        Contender::Floor => {
            let mut floor = start_floor(bed, plan)?;
            bed.wait_for_jobs(&bed.database, plan.jobs, &mut floor).await?;
            let own = Own::of(&floor);
            floor.kill();
            own
        }
        Contender::Product => {
            let mut worker = start_worker(bed, plan.concurrency, plan.connections);
            bed.wait_for_jobs(&bed.database, plan.jobs, &mut worker).await?;
            let own = Own::of(&worker);
            bed.stop(worker)?;
            own
        }
    };
    let costs = bed.costs().await?.since(before);
    books::insist_paid(&bed.database, plan.jobs).await?;
    if contender != Contender::Pgbench {
        bed.insist_asked_once(plan.jobs).await?;
    }
    let (jobs, ms) = books::pace(&bed.database, 1).await?;
    Ok(figures_of(jobs * 1_000 / ms, own, costs, u64::from(plan.jobs)))
}

/// What a worker has cost.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Own {
    pub(crate) cpu_ms: Option<u64>,
    pub(crate) peak_kib: Option<u64>,
}

impl Own {
    pub(crate) fn of(process: &Process) -> Own {
        Own { cpu_ms: cost::cpu_ms(process.id()), peak_kib: cost::peak_kib(process.id()) }
    }
}

/// In the order of [`FIGURES`].
pub(crate) fn figures_of(jobs_per_s: u64, own: Own, costs: Costs, jobs: u64) -> Run {
    let per_1000 = |value: Option<u64>| Some(value? * 1_000 / jobs);
    vec![
        Some(jobs_per_s),
        per_1000(own.cpu_ms),
        per_1000(costs.postgres_ms),
        per_1000(costs.broker_ms),
        per_1000(costs.stub_ms),
        per_1000(costs.commits),
        own.peak_kib,
    ]
}

/// Starts the minimal program.
pub(crate) fn start_floor(bed: &Bed, plan: &Plan) -> anyhow::Result<Process> {
    let (queue, toss) = (backlog::queue_name(QUEUE_PREFIX), bed.toss.trim_start_matches("http://"));
    let (concurrency, connections) = (plan.concurrency.to_string(), plan.connections.to_string());
    let words = ["floor", "--queue", &queue, "--toss", toss, "--concurrency", &concurrency];
    bed.start_own(&[&words[..], &["--connections", &connections]].concat(), "floor")
}

/// Starts the product's worker, with room for so many calls, which may all be for one merchant.
pub(crate) fn start_worker(bed: &Bed, concurrency: u16, connections: u16) -> Process {
    let concurrency = concurrency.to_string();
    let words = ["worker", "--health-listen", "127.0.0.1:0", "--concurrency", &concurrency];
    let more = [
        ("SEUNGIN__TOSS__CONCURRENCY", concurrency.clone()),
        ("SEUNGIN__DATABASE__CONNECTIONS_MAX", connections.to_string()),
    ];
    let mut variables = bed.variables();
    variables.extend(more.map(|(name, value)| (name.to_owned(), value)));
    bed.start_product(&words, "worker", &variables)
}
