//! The floor: the least that a program can do that makes the same payments, one at a time in each of its places. Takes a job's id from the
//! queue, claims it in one commit, asks Toss, settles it in one commit together with the attempt's row, acknowledges. No ORM, no pool, no
//! log, no retry: whatever goes wrong ends it.

mod caller;

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use clap::Args;
use futures_util::StreamExt as _;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties, Consumer};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::task::JoinSet;
use tokio_postgres::{Client, NoTls, Statement};

use self::caller::Caller;
use crate::statements::{CLAIM, SETTLE};

/// The servers that a minimal program works on.
#[derive(Debug, Args)]
pub(crate) struct Servers {
    #[arg(long, env = "DATABASE_URL")]
    pub(crate) database_url: String,
    #[arg(long, env = "AMQP_URL")]
    pub(crate) amqp_url: String,
    /// The queue of job ids.
    #[arg(long)]
    pub(crate) queue: String,
    /// Connections to the database.
    #[arg(long)]
    pub(crate) connections: u16,
}

/// What the floor works on.
#[derive(Debug, Args)]
pub(crate) struct Floor {
    #[command(flatten)]
    servers: Servers,
    /// `host:port` of Toss.
    #[arg(long)]
    toss: String,
    /// Payments that are made at the same time.
    #[arg(long)]
    concurrency: u16,
}

/// Its name in rows, as long as the product's.
const WORKER: &str = "floor-00000000-0000-7000-8000-000000000000";

/// A connection to the database with both statements prepared. Several places share one; what they send is pipelined.
#[derive(Debug)]
struct Desk {
    client: Client,
    claim: Statement,
    settle: Statement,
}

/// A message. Source: `queue`, version 1 of the body.
#[derive(Deserialize)]
struct Message {
    job: String,
}

/// A claimed job.
struct Claimed {
    job_id: String,
    order_id: String,
    claim: i64,
    payment_key: String,
    amount: i64,
    started_at: i64,
}

/// Works until something ends it.
///
/// # Errors
/// Whatever goes wrong.
pub(crate) async fn run(floor: &Floor) -> anyhow::Result<()> {
    let properties = ConnectionProperties::default();
    let broker = Connection::connect(&floor.servers.amqp_url, properties).await?;
    let channel = broker.create_channel().await?;
    // Always more than is under way, so that nobody waits for the broker.
    let prefetch = floor.concurrency.saturating_mul(2);
    channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
    let mut desks = Vec::new();
    for _ in 0..floor.servers.connections {
        desks.push(Arc::new(Desk::open(&floor.servers.database_url).await?));
    }
    let options = BasicConsumeOptions::default();
    let (queue, tag) = (floor.servers.queue.as_str().into(), "floor".into());
    let consumer = channel.basic_consume(queue, tag, options, FieldTable::default()).await?;
    let mut places = JoinSet::new();
    for desk in desks.iter().cycle().take(usize::from(floor.concurrency)) {
        let caller = Caller::connect(&floor.toss).await?;
        places.spawn(work(consumer.clone(), Arc::clone(desk), caller));
    }
    match places.join_next().await {
        Some(ended) => ended?,
        None => Ok(()),
    }
}

async fn work(mut consumer: Consumer, desk: Arc<Desk>, mut caller: Caller) -> anyhow::Result<()> {
    while let Some(delivery) = consumer.next().await {
        let delivery = delivery?;
        pay(&delivery, &desk, &mut caller).await?;
        delivery.ack(BasicAckOptions::default()).await?;
    }
    Ok(())
}

async fn pay(delivery: &Delivery, desk: &Desk, caller: &mut Caller) -> anyhow::Result<()> {
    let message: Message = serde_json::from_slice(&delivery.data)?;
    // Somebody else's, or done already.
    let Some(claimed) = desk.claim(message.job).await? else { return Ok(()) };
    let Claimed { order_id, payment_key, amount, .. } = &claimed;
    // Ids of ours and keys that we made have nothing in them that JSON would escape.
    let body =
        format!(r#"{{"paymentKey":"{payment_key}","orderId":"{order_id}","amount":{amount}}}"#);
    let answer = caller.confirm(&claimed.job_id, body).await?;
    desk.settle(&claimed, &answer).await
}

impl Desk {
    async fn open(url: &str) -> anyhow::Result<Desk> {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        tokio::spawn(connection);
        let (claim, settle) = (client.prepare(CLAIM).await?, client.prepare(SETTLE).await?);
        Ok(Desk { client, claim, settle })
    }

    async fn claim(&self, job_id: String) -> anyhow::Result<Option<Claimed>> {
        let row = self.client.query_opt(&self.claim, &[&job_id, &WORKER]).await?;
        Ok(row.map(|row| Claimed {
            job_id,
            order_id: row.get(0),
            claim: row.get(1),
            payment_key: row.get(2),
            amount: row.get(3),
            started_at: row.get(4),
        }))
    }

    async fn settle(&self, claimed: &Claimed, answer: &caller::Answer) -> anyhow::Result<()> {
        let payment = &answer.payment;
        let is_ours = payment.order_id == claimed.order_id
            && payment.payment_key == claimed.payment_key
            && payment.status == "DONE"
            && payment.total_amount == claimed.amount;
        ensure!(is_ours, "Toss answers {} with {}", answer.status, answer.text);
        // As the product records it.
        let call = format!(
            r#"{{"operation":"confirm","payment_key":"{}","order_id":"{}","amount":{}}}"#,
            claimed.payment_key, claimed.order_id, claimed.amount
        );
        let hash = hexadecimal(&Sha256::digest(&call));
        let written = self
            .client
            .execute(
                &self.settle,
                &[
                    &claimed.job_id,
                    &claimed.claim,
                    &payment.method,
                    &APPROVED_AT_MS,
                    &payment.receipt.url,
                    &payment.last_transaction_key,
                    &payment.card.issuer_code,
                    &payment.card.number,
                    &answer.text,
                    &claimed.job_id,
                    &hash,
                    &call,
                    &claimed.started_at,
                    &answer.duration_ms,
                    &answer.status,
                    &WORKER,
                ],
            )
            .await
            .context("settling")?;
        ensure!(written == 1, "job {} was settled by somebody else", claimed.job_id);
        Ok(())
    }
}

/// What the stub says of every payment, which a minimal program need not know how to read.
const APPROVED_AT_MS: i64 = 1_793_502_010_000;

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}
