//! Workload *embedded*: a backlog in the product as one process, as a newcomer starts it: SQLite, the queue within the process, its own
//! relay, worker and API, and everything else by default. Only in Toss's place stands the stub, by test keys and an address, because the
//! bundled simulator would be most of what is measured. The jobs are due, and the product's relay finds them when it starts.

use std::path::Path;

use anyhow::{Context as _, ensure};
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection};
use system_tests::Variables;

use crate::backlog::{Due, SQLITE, insist_written};
use crate::bed::{Bed, CATALOGUE};
use crate::books;
use crate::drain::Own;
use crate::figures::{Figure, Figures, Run};
use crate::plan::Plan;

const FIGURES: [Figure; 4] = [
    Figure { key: "jobs_per_s", title: "jobs/s" },
    Figure { key: "cpu_ms_per_1000_jobs", title: "CPU of the product, ms per 1,000 jobs" },
    Figure { key: "stub_cpu_ms_per_1000_jobs", title: "CPU of the stub, ms per 1,000 jobs" },
    Figure { key: "peak_kib", title: "peak memory of the product, KiB" },
];

/// Measures it as often as the plan says.
pub(crate) async fn embedded(bed: &Bed, plan: &Plan) -> anyhow::Result<Figures> {
    let Plan { jobs, rounds, .. } = plan;
    let title = format!("embedded: {jobs} confirms on SQLite, in one process, medians of {rounds}");
    let mut figures = Figures::new(title, &FIGURES, &["product"]);
    for round in 0..*rounds {
        let data = bed.home.path().join(format!("embedded-{round}"));
        figures.add("product", run(bed, *jobs, &data).await?);
        std::fs::remove_dir_all(&data).with_context(|| data.display().to_string())?;
    }
    Ok(figures)
}

async fn run(bed: &Bed, jobs: u32, data: &Path) -> anyhow::Result<Run> {
    let data_dir = data.to_str().context("a directory's name is no text")?;
    let variables = variables(bed);
    for words in [&["migrate"][..], &["import", CATALOGUE]] {
        bed.run_product(&[words, &["--data-dir", data_dir]].concat(), &variables)?;
    }
    let database = open(data_dir).await?;
    let (orders, confirms) = (SQLITE.orders(jobs, "paying"), SQLITE.confirms(jobs, Due::Now));
    database.execute_unprepared(&format!("BEGIN; {orders} {confirms} ANALYZE; COMMIT")).await?;
    insist_written(&database, "jobs WHERE state = 'queued'", jobs).await?;
    bed.reset_stub(0).await?;
    let before = bed.stub_cpu_ms();
    let words = ["--data-dir", data_dir, "--listen", "127.0.0.1:0"];
    let mut product = bed.start_product(&words, "embedded", &variables);
    bed.wait_for_jobs(&database, jobs, &mut product).await?;
    let own = Own::of(&product);
    let stub_ms = bed.stub_cpu_ms().zip(before).map(|(now, then)| now - then);
    bed.stop(product)?;
    books::insist_paid(&database, jobs).await?;
    bed.insist_asked_once(jobs).await?;
    let (ended, ms) = books::pace(&database, 1).await?;
    database.close().await?;
    let per_1000 = |all: Option<u64>| (all? * 1_000).checked_div(u64::from(jobs));
    Ok(vec![Some(ended * 1_000 / ms), per_1000(own.cpu_ms), per_1000(stub_ms), own.peak_kib])
}

/// What the embedded product is told: nothing but where Toss is.
fn variables(bed: &Bed) -> Variables {
    [
        ("TOSS_SECRET_KEY", "test_sk_bench"),
        ("TOSS_CLIENT_KEY", "test_ck_bench"),
        ("SEUNGIN__TOSS__BASE_URL", &bed.toss),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// Opens the file that the product has in its directory.
async fn open(data_dir: &str) -> anyhow::Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(format!("sqlite://{data_dir}/seungin.db?mode=rw"));
    options.max_connections(1).sqlx_logging(false);
    let database = Database::connect(options).await?;
    ensure!(books::count(&database, "stores").await? > 0, "{data_dir} has no stores");
    Ok(database)
}
