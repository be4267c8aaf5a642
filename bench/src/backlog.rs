//! A backlog: orders that are being paid and their queued confirms, written by SQL as the API would have left them, and the messages that
//! wake somebody for them. Job and order number `n` have ids made of `n`, which sort as the product's own do. What became of it is in
//! `books`.

use std::ops::Range;
use std::time::Duration;

use anyhow::ensure;
use lapin::options::QueuePurgeOptions;
use lapin::{Connection, ConnectionProperties};
use queue::rabbit::{Jitter, RabbitConfig, RabbitQueue};
use queue::{Lane, Message, Publisher as _, Trace};
use tokio::time::{sleep, timeout};
use tokio_postgres::Client;

use crate::books::{self, Books};

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

/// The ids of a backlog's orders, whoever made their jobs: how a condition of SQL on an order's id ends.
pub(crate) const OWN_ORDERS: &str = ">= '01980000-0000-7000-8000-000000000000'";

/// What every order costs, in won.
pub(crate) const AMOUNT: i64 = 18_000;

/// How a database writes what a backlog is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    /// Milliseconds since 1970.
    now: &'static str,
    /// The ids of order and job number `n`, and Toss's name of the payment.
    order_id: &'static str,
    job_id: &'static str,
    payment_key: &'static str,
    /// So many rows with `n` from 0, where `COUNT` stands for how many.
    numbers: &'static str,
}

const POSTGRES: Dialect = Dialect {
    now: "(extract(epoch from now()) * 1000)::bigint",
    order_id: "('01980000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))",
    job_id: "('01980000-0000-7000-9000-' || lpad(to_hex(n), 12, '0'))",
    payment_key: "('tbench' || lpad(n::text, 24, '0'))",
    numbers: "generate_series(0, COUNT - 1) AS n",
};

pub(crate) const SQLITE: Dialect = Dialect {
    now: "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
    order_id: "printf('01980000-0000-7000-8000-%012x', n)",
    job_id: "printf('01980000-0000-7000-9000-%012x', n)",
    payment_key: "printf('tbench%024d', n)",
    numbers: "(WITH RECURSIVE counted (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counted WHERE n + 1 < COUNT) \
        SELECT n FROM counted) AS numbers",
};

/// Who publishes the jobs of a backlog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// The product's relay: they are due.
    Now,
    /// Whoever measures: they are due in an hour only, so that no relay does it a second time.
    Later,
}

impl Dialect {
    fn numbers(self, count: u32) -> String {
        self.numbers.replace("COUNT", &count.to_string())
    }

    /// Writes so many orders in this state.
    pub(crate) fn orders(self, orders: u32, state: &str) -> String {
        let (Dialect { now, order_id, .. }, numbers) = (self, self.numbers(orders));
        format!(
            "INSERT INTO orders (id, store_id, store_name, merchant, customer_name, customer_phone, address, items_amount,
                delivery_fee, amount, tax_free_amount, order_name, state, pay_by, version, created_at, updated_at)
            SELECT {order_id}, id, name, merchant, '시험 손님', '01012345678', '서울 마포구 와우산로 1', {AMOUNT} - 3000, 3000, {AMOUNT}, 0,
                '꿔바로우(소)', '{state}', {now} + 1800000, 2, {now}, {now}
            FROM {numbers}, (SELECT * FROM stores ORDER BY id LIMIT 1) store;"
        )
    }

    /// Writes payments and queued confirms of so many orders.
    pub(crate) fn confirms(self, jobs: u32, due: Due) -> String {
        let Dialect { now, order_id, job_id, payment_key, .. } = self;
        let numbers = self.numbers(jobs);
        let (wait_ms, publications) = match due {
            Due::Now => (0, 0),
            Due::Later => (3_600_000, 1),
        };
        format!(
            "INSERT INTO payments (order_id, store_id, payment_key, merchant, amount, balance, state, accepted_at, confirm_by,
                money_job_id, next_cancel_at, version, updated_at)
            SELECT id, store_id, {payment_key}, merchant, amount, 0, 'confirming', {now}, {now} + 600000, {job_id}, 0, 1, {now}
            FROM {numbers} JOIN orders ON orders.id = {order_id};
            INSERT INTO jobs (id, kind, order_id, store_id, merchant, state, claims, key_generation, due_at, runnable_since,
                publications, rerun_wanted, created_at, updated_at, amount)
            SELECT {job_id}, 'confirm', id, store_id, merchant, 'queued', 0, 1, {now} + {wait_ms}, {now}, {publications}, false, {now},
                {now}, amount
            FROM {numbers} JOIN orders ON orders.id = {order_id};"
        )
    }
}

/// Removes all payments, and writes this many new ones to be confirmed, which whoever measures publishes.
pub(crate) async fn fill(client: &Client, jobs: u32) -> anyhow::Result<()> {
    write(client, jobs, "paying", &POSTGRES.confirms(jobs, Due::Later)).await?;
    insist_written(client, "jobs WHERE state = 'queued'", jobs).await
}

/// Removes all payments, and writes this many orders that wait for theirs, each with two lines.
pub(crate) async fn fill_open(client: &Client, orders: u32) -> anyhow::Result<()> {
    let lines = format!(
        "INSERT INTO order_lines (order_id, line, product_id, product_name, unit_price, options, quantity, amount)
        SELECT {}, line, 'guobaorou', '꿔바로우(소)', 7500, '[]', 1, 7500
        FROM {}, generate_series(1, 2) AS line;",
        POSTGRES.order_id,
        POSTGRES.numbers(orders)
    );
    write(client, orders, "open", &lines).await?;
    insist_written(client, "orders WHERE state = 'open'", orders).await
}

/// Insists that a backlog is there.
pub(crate) async fn insist_written(
    books: &impl Books,
    rows: &str,
    wanted: u32,
) -> anyhow::Result<()> {
    let count = books::count(books, rows).await?;
    ensure!(
        count == i64::from(wanted),
        "{count} {rows}, of {wanted}: are there stores to sell in?"
    );
    Ok(())
}

/// Writes orders in this state, and what belongs to them, instead of the backlog that was there. A past stays, and so do the minutes that
/// workers have counted: one that finds none counts those of a whole day before anything else.
async fn write(client: &Client, orders: u32, state: &str, rest: &str) -> anyhow::Result<()> {
    let orders = POSTGRES.orders(orders, state);
    let past = format!("SELECT EXISTS (SELECT FROM orders WHERE NOT id {OWN_ORDERS})");
    let has_past: bool = client.query_one(&past, &[]).await?.get(0);
    let clear = if has_past {
        let tables = ["attempts", "jobs", "payments", "order_lines"];
        let rows = tables.map(|table| format!("DELETE FROM {table} WHERE order_id {OWN_ORDERS};"));
        let own = format!("DELETE FROM orders WHERE id {OWN_ORDERS};");
        format!("TRUNCATE idempotency_keys; {} {own}", rows.concat())
    } else {
        "TRUNCATE orders, idempotency_keys CASCADE;".to_owned()
    };
    client
        .batch_execute(&format!(
            "BEGIN;
            {clear}
            {orders}
            {rest}
            COMMIT"
        ))
        .await?;
    look_after(client).await
}

/// Does what the server would do by itself while somebody is measured, and no more than that: of tables without rows it knows nothing.
async fn look_after(client: &Client) -> anyhow::Result<()> {
    let with_rows = "SELECT coalesce(string_agg(quote_ident(relname), ', '), 'orders') FROM pg_class
        WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND pg_relation_size(oid) > 0";
    let tables: String = client.query_one(with_rows, &[]).await?.get(0);
    client.batch_execute(&format!("VACUUM ANALYZE {tables}")).await?;
    Ok(())
}

/// Puts the ids of the jobs with these numbers into the queue, and nothing else is in it then. Of none, it makes the queue and empties it.
pub(crate) async fn publish(
    amqp_url: &str,
    prefix: &str,
    numbers: Range<u32>,
) -> anyhow::Result<()> {
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
    let messages: Vec<Message> = numbers
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
