//! A backlog: orders that are being paid and their queued confirms, written by SQL as the API would have left them, and the messages that
//! wake somebody for them. Job and order number `n` have ids made of `n`, which sort as the product's own do.

use std::time::Duration;

use anyhow::ensure;
use lapin::options::QueuePurgeOptions;
use lapin::{Connection, ConnectionProperties};
use queue::rabbit::{Jitter, RabbitConfig, RabbitQueue};
use queue::{Lane, Message, Publisher as _, Trace};
use tokio::time::{sleep, timeout};
use tokio_postgres::Client;

/// Messages that are published at once.
const BATCH: usize = 500;
const READY_WITHIN: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// The id of job number `n`, as an expression of SQL over a whole number.
pub(crate) fn job_id_sql(number: &str) -> String {
    format!("('01980000-0000-7000-9000-' || lpad(to_hex({number}), 12, '0'))")
}

fn job_id(number: u32) -> String {
    format!("01980000-0000-7000-9000-{number:012x}")
}

/// The id of order number `n`.
pub(crate) fn order_id(number: u32) -> String {
    format!("01980000-0000-7000-8000-{number:012x}")
}

/// Toss's name of the payment of order number `n`.
pub(crate) fn payment_key(number: u32) -> String {
    format!("tbench{number:024}")
}

/// What every order costs, in won.
pub(crate) const AMOUNT: i64 = 18_000;

const NOW: &str = "(extract(epoch from now()) * 1000)::bigint";
const ORDER_ID: &str = "('01980000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))";

/// Removes all payments, and writes this many new ones to be confirmed.
///
/// They are due in an hour only: whoever measures publishes them, and nobody's relay does it a second time.
pub(crate) async fn fill(client: &Client, jobs: u32) -> anyhow::Result<()> {
    let key = "('tbench' || lpad(n::text, 24, '0'))";
    let (job_id, numbers) = (job_id_sql("n"), numbers(jobs));
    let payments_and_jobs = format!(
        "INSERT INTO payments (order_id, store_id, payment_key, merchant, amount, balance, state, accepted_at, confirm_by,
            next_cancel_at, version, updated_at)
        SELECT id, store_id, {key}, merchant, amount, 0, 'confirming', {NOW}, {NOW} + 600000, 0, 1, {NOW}
        FROM {numbers} JOIN orders ON orders.id = {ORDER_ID};
        INSERT INTO jobs (id, kind, order_id, store_id, merchant, state, claims, key_generation, due_at, runnable_since,
            publications, rerun_wanted, created_at, updated_at, amount)
        SELECT {job_id}, 'confirm', id, store_id, merchant, 'queued', 0, 1, {NOW} + 3600000, {NOW}, 1, false, {NOW}, {NOW}, amount
        FROM {numbers} JOIN orders ON orders.id = {ORDER_ID};"
    );
    write(client, jobs, "paying", &payments_and_jobs).await?;
    let row = client.query_one("SELECT count(*) FROM jobs WHERE state = 'queued'", &[]).await?;
    ensure!(row.get::<_, i64>(0) == i64::from(jobs), "there are no stores to sell in");
    Ok(())
}

/// Removes all payments, and writes this many orders that wait for theirs, each with two lines.
pub(crate) async fn fill_open(client: &Client, orders: u32) -> anyhow::Result<()> {
    let lines = format!(
        "INSERT INTO order_lines (order_id, line, product_id, product_name, unit_price, options, quantity, amount)
        SELECT {ORDER_ID}, line, 'guobaorou', '꿔바로우(소)', 7500, '[]', 1, 7500
        FROM {}, generate_series(1, 2) AS line;",
        numbers(orders)
    );
    write(client, orders, "open", &lines).await?;
    let row = client.query_one("SELECT count(*) FROM orders WHERE state = 'open'", &[]).await?;
    ensure!(row.get::<_, i64>(0) == i64::from(orders), "there are no stores to sell in");
    Ok(())
}

fn numbers(count: u32) -> String {
    format!("generate_series(0, {count} - 1) AS n")
}

/// Writes orders in this state, and what belongs to them, instead of all that was there.
async fn write(client: &Client, orders: u32, state: &str, rest: &str) -> anyhow::Result<()> {
    let numbers = numbers(orders);
    client
        .batch_execute(&format!(
            "BEGIN;
            TRUNCATE orders, job_minutes, idempotency_keys CASCADE;
            INSERT INTO orders (id, store_id, store_name, merchant, customer_name, customer_phone, address, items_amount,
                delivery_fee, amount, tax_free_amount, order_name, state, pay_by, version, created_at, updated_at)
            SELECT {ORDER_ID}, id, name, merchant, '시험 손님', '01012345678', '서울 마포구 와우산로 1', {AMOUNT} - 3000, 3000, {AMOUNT}, 0,
                '꿔바로우(소)', '{state}', {NOW} + 1800000, 2, {NOW}, {NOW}
            FROM {numbers}, (SELECT * FROM stores ORDER BY id LIMIT 1) store;
            {rest}
            COMMIT"
        ))
        .await?;
    // Otherwise the server would do it while somebody is measured.
    client.batch_execute("VACUUM ANALYZE").await?;
    Ok(())
}

/// Puts the ids of so many jobs into the queue, and nothing else is in it then. Of none, it makes the queue and empties it.
pub(crate) async fn publish(amqp_url: &str, prefix: &str, jobs: u32) -> anyhow::Result<()> {
    let config = RabbitConfig::parse(amqp_url, prefix)?;
    let queue = RabbitQueue::start(config, Jitter::new(|most| most / 2));
    let publisher = queue.publisher();
    timeout(READY_WITHIN, async {
        while !publisher.is_ready() {
            sleep(BETWEEN_LOOKS).await;
        }
    })
    .await?;
    purge(amqp_url, prefix).await?;
    let messages: Vec<Message> = (0..jobs)
        .map(|number| Message {
            job_id: job_id(number),
            lane: Lane::Confirm,
            trace: Trace::default(),
        })
        .collect();
    for batch in messages.chunks(BATCH) {
        let published = publisher.publish(batch).await;
        let refused = published.iter().find(|one| !one.is_confirmed());
        ensure!(refused.is_none(), "the queue does not take the backlog: {refused:?}");
    }
    queue.close().await;
    Ok(())
}

/// Removes what was delivered to somebody who was killed before its acknowledgement was sent.
async fn purge(amqp_url: &str, prefix: &str) -> anyhow::Result<()> {
    let broker = Connection::connect(amqp_url, ConnectionProperties::default()).await?;
    let channel = broker.create_channel().await?;
    channel.queue_purge(queue_name(prefix).as_str().into(), QueuePurgeOptions::default()).await?;
    broker.close(200, "done".into()).await?;
    Ok(())
}

/// The queue that [`publish`] fills. Source: `queue`, names at the broker.
pub(crate) fn queue_name(prefix: &str) -> String {
    format!("{prefix}.{}.v1", Lane::Confirm.word())
}
