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

/// Removes all payments, and writes this many new ones to be confirmed.
///
/// They are due in an hour only: whoever measures publishes them, and nobody's relay does it a second time.
pub(crate) async fn fill(client: &Client, jobs: u32) -> anyhow::Result<()> {
    let now = "(extract(epoch from now()) * 1000)::bigint";
    let order_id = "('01980000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))";
    let key = "('tbench' || lpad(n::text, 24, '0'))";
    let job_id = job_id_sql("n");
    let numbers = format!("generate_series(0, {jobs} - 1) AS n");
    let made = client
        .batch_execute(&format!(
            "BEGIN;
            TRUNCATE orders, job_minutes CASCADE;
            INSERT INTO orders (id, store_id, store_name, merchant, customer_name, customer_phone, address, items_amount,
                delivery_fee, amount, tax_free_amount, order_name, state, pay_by, version, created_at, updated_at)
            SELECT {order_id}, id, name, merchant, '시험 손님', '01012345678', '서울 마포구 와우산로 1', 15000, 3000, 18000, 0,
                '꿔바로우(소)', 'paying', {now} + 1800000, 2, {now}, {now}
            FROM {numbers}, (SELECT * FROM stores ORDER BY id LIMIT 1) store;
            INSERT INTO payments (order_id, store_id, payment_key, merchant, amount, balance, state, accepted_at, confirm_by,
                next_cancel_at, version, updated_at)
            SELECT id, store_id, {key}, merchant, amount, 0, 'confirming', {now}, {now} + 600000, 0, 1, {now}
            FROM {numbers} JOIN orders ON orders.id = {order_id};
            INSERT INTO jobs (id, kind, order_id, store_id, merchant, state, claims, key_generation, due_at, runnable_since,
                publications, rerun_wanted, created_at, updated_at, amount)
            SELECT {job_id}, 'confirm', id, store_id, merchant, 'queued', 0, 1, {now} + 3600000, {now}, 1, false, {now}, {now}, amount
            FROM {numbers} JOIN orders ON orders.id = {order_id};
            COMMIT"
        ))
        .await;
    made?;
    // Otherwise the server would do it while somebody is measured.
    client.batch_execute("VACUUM ANALYZE").await?;
    let row = client.query_one("SELECT count(*) FROM jobs WHERE state = 'queued'", &[]).await?;
    ensure!(row.get::<_, i64>(0) == i64::from(jobs), "there are no stores to sell in");
    Ok(())
}

/// Puts the ids of so many jobs into the queue, and nothing else is in it then.
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
