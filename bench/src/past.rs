//! A past: finished orders with everything that the product leaves of one, in a database of their own. One order is made by the product
//! itself, and copied as often as is wanted under ids, keys, customers and times of their own: so the rows are as wide as the product's,
//! with the calls and the answers that it records. They are older than any backlog, by their ids and by their times.

use std::io::Write as _;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use hyper::StatusCode;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_postgres::Client;

use crate::accept::confirm;
use crate::backlog::{self, order_id};
use crate::bed::{Bed, QUEUE_PREFIX, connect};
use crate::books;
use crate::drain::start_worker;
use crate::load::closed_loop;
use crate::plan::Plan;

/// What has rows of an order, each table after those that it refers to, and which of its columns have the order's id.
const TABLES: [(&str, &str); 5] = [
    ("orders", "id"),
    ("order_lines", "order_id"),
    ("payments", "order_id"),
    ("jobs", "order_id"),
    ("attempts", "order_id"),
];
/// Moments that move with the order. Others are of no index.
const TIMES: [&str; 10] = [
    "created_at",
    "updated_at",
    "pay_by",
    "accepted_at",
    "confirm_by",
    "due_at",
    "runnable_since",
    "ended_at",
    "started_at",
    "finished_at",
];
/// The past is this long, and was over four days ago: what workers count by the minute and compare with Toss every day is younger.
const LENGTH_MS: i64 = 30 * 86_400_000;
const OVER_MS: i64 = 4 * 86_400_000;
/// The first moment of their ids, in milliseconds: that of ids that begin with 0190. A backlog's begin with 0198.
const ID_BEGIN: i64 = 0x0190_0000_0000;
/// Workers count the minutes that are over, the oldest first; this one is among the last.
const COUNTED: &str =
    "job_minutes WHERE minute > (extract(epoch from now()) * 1000)::bigint - 180000";
const COUNTED_WITHIN: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
/// Orders of one transaction.
const CHUNK: u32 = 20_000;
/// Sessions that write them: one per core of a small machine.
const WRITERS: usize = 2;
const SAY_EVERY: u32 = 5;

/// Fills the database that the bed is turned to, where one order was [left](leave_one).
pub(crate) async fn fill(bed: &Bed, rows: u32) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut statements = Vec::new();
    for (table, key) in TABLES {
        statements.push(copying(&bed.database, table, key, rows).await?);
    }
    let (statements, next) = (Arc::new(statements), Arc::new(AtomicU32::new(0)));
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let client = connect(&bed.database_url).await?;
        let (statements, next) = (Arc::clone(&statements), Arc::clone(&next));
        writers.spawn(async move { write(&client, &statements, &next, rows).await });
    }
    while let Some(ended) = writers.join_next().await {
        ended??;
    }
    // What the copies were made of is not old.
    backlog::fill(&bed.database, 0).await?;
    let there = books::count(&bed.database, "jobs WHERE ended_at IS NOT NULL").await?;
    ensure!(there == i64::from(rows), "{there} finished jobs, of {rows}");
    // Where rows came over months, the server has long been through them by itself. Here it would be while somebody is measured, and so would
    // the disk, which has much to write still.
    bed.database.batch_execute("VACUUM (ANALYZE)").await?;
    let synced = Command::new("sync").status().context("sync")?;
    ensure!(synced.success(), "sync ended with {synced}");
    say(&format!("{rows} finished orders after {} s", began.elapsed().as_secs()))
}

/// Has the product take and make one payment, and do what a database's first worker does once. Whatever was there before is removed.
pub(crate) async fn leave_one(bed: &Bed, plan: &Plan) -> anyhow::Result<()> {
    backlog::fill_open(&bed.database, 1).await?;
    bed.reset_stub(0).await?;
    backlog::publish(&bed.servers.amqp_url, QUEUE_PREFIX, 0..0).await?;
    let mut worker = start_worker(bed, plan.concurrency, plan.connections);
    let (api, url) = bed.start_api(plan.connections, &[]).await?;
    let host = url.trim_start_matches("http://");
    closed_loop(host, 1, 0..1, StatusCode::ACCEPTED, confirm).await?;
    bed.wait_for_jobs(&bed.database, 1, &mut worker).await?;
    let began = Instant::now();
    while books::count(&bed.database, COUNTED).await? == 0 {
        ensure!(began.elapsed() < COUNTED_WITHIN, "the minutes of a day are not counted");
        sleep(BETWEEN_LOOKS).await;
    }
    bed.stop(worker)?;
    bed.stop(api)?;
    books::insist_paid(&bed.database, 1).await
}

/// A statement that copies a table's rows of the first order for each number from `FIRST` to `LAST`.
async fn copying(client: &Client, table: &str, key: &str, rows: u32) -> anyhow::Result<String> {
    let columns = "SELECT column_name FROM information_schema.columns \
        WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position";
    let columns = client.query(columns, &[&table]).await?;
    let columns: Vec<String> =
        columns.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    ensure!(columns.iter().any(|column| column == key), "{table} has no {key}");
    let values: Vec<String> = columns.iter().map(|column| value(table, column)).collect();
    // Whole milliseconds that fit between two orders, so that their ids are in the order of their times.
    let step_ms = LENGTH_MS / i64::from(rows);
    ensure!(step_ms > 0, "{rows} orders are too many");
    Ok(format!(
        "INSERT INTO {table} ({}) SELECT {} FROM (\
            SELECT n, {OVER_MS} + {LENGTH_MS} - n * {step_ms} AS age_ms, \
                lpad(to_hex({ID_BEGIN} + n * {step_ms}), 12, '0') AS time, \
                md5(n::text) AS luck, md5('job' || n) AS job_luck \
            FROM generate_series(FIRST::bigint, LAST::bigint) AS n\
        ) AS numbers, {table} AS one WHERE one.{key} = '{}'",
        columns.join(", "),
        values.join(", "),
        order_id(0),
    ))
}

/// What a copy has in a column.
fn value(table: &str, column: &str) -> String {
    let id = |luck: &str| {
        format!(
            "substr(time, 1, 8) || '-' || substr(time, 9) || '-7' || substr({luck}, 1, 3) || '-8' || \
            substr({luck}, 4, 3) || '-' || substr({luck}, 7, 12)"
        )
    };
    match (table, column) {
        ("orders", "id") | (_, "order_id") => id("luck"),
        ("jobs", "id") | (_, "job_id") => id("job_luck"),
        (_, "payment_key") => "'tpast_' || luck".to_owned(),
        (_, "idempotency_key") => id("job_luck"),
        (_, "customer_phone") => {
            "'010' || lpad((n * 7368787 % 100000000)::text, 8, '0')".to_owned()
        }
        (_, time) if TIMES.contains(&time) => format!("one.{time} - age_ms"),
        (_, other) => format!("one.{other}"),
    }
}

/// Writes chunks until there are none left.
async fn write(
    client: &Client,
    statements: &[String],
    next: &AtomicU32,
    rows: u32,
) -> anyhow::Result<()> {
    // Nobody would miss a chunk after a power cut: the whole is made anew for each run.
    client.batch_execute("SET synchronous_commit = off").await?;
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let first = number.checked_mul(CHUNK).context("too many chunks")?;
        if first >= rows {
            return Ok(());
        }
        let last = (first + CHUNK).min(rows) - 1;
        let chunk: Vec<String> = statements
            .iter()
            .map(|text| {
                text.replace("FIRST", &first.to_string()).replace("LAST", &last.to_string())
            })
            .collect();
        client.batch_execute(&format!("BEGIN; {}; COMMIT", chunk.join("; "))).await?;
        if number % SAY_EVERY == SAY_EVERY - 1 {
            say(&format!("{} of {rows} finished orders", last + 1))?;
        }
    }
}

fn say(what: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stderr(), "bench: history: {what}")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_past_is_older_than_any_backlog() {
        // As SQL makes them: in hexadecimal, twelve digits, the first ones of an id.
        let last = format!("{:012x}", ID_BEGIN + LENGTH_MS);
        let backlog = order_id(0).replace('-', "");
        assert!(last.as_str() < backlog.get(..12).unwrap(), "{last} {backlog}");
        assert_eq!(format!("{ID_BEGIN:012x}"), "019000000000");
    }

    #[test]
    fn what_has_to_differ_between_orders_does_and_the_rest_is_copied() {
        for (table, column) in [
            ("orders", "id"),
            ("order_lines", "order_id"),
            ("payments", "payment_key"),
            ("jobs", "id"),
            ("attempts", "job_id"),
            ("attempts", "idempotency_key"),
        ] {
            assert!(value(table, column).contains("luck"), "{table}.{column}");
        }
        assert_eq!(value("attempts", "job_id"), value("jobs", "id"));
        assert_eq!(value("jobs", "ended_at"), "one.ended_at - age_ms");
        assert_eq!(value("attempts", "answer"), "one.answer");
    }
}
