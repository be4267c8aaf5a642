//! The bare handler: the least that an API can do that accepts the same confirms. Reads order, payment key and amount, writes payment, job
//! and the order's state by one statement, which is one commit, and answers; then the job's id goes to the queue, whose taking is waited
//! for behind the answer. No token, no limit, no log, no word about why not: a confirm that it cannot write is a 409.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use clap::Args;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_postgres::{Client, NoTls, Statement};

use crate::floor::Servers;
use crate::statements::ACCEPT;

/// What the bare handler works on.
#[derive(Debug, Args)]
pub(crate) struct Bare {
    #[command(flatten)]
    servers: Servers,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

/// All that a request needs.
#[derive(Debug)]
struct Parts {
    /// Connections with the statement prepared. Requests take turns; what they send is pipelined.
    desks: Vec<(Client, Statement)>,
    channel: Channel,
    queue: String,
    accepted: AtomicU64,
}

/// As much of a confirm as counts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Confirm {
    payment_key: String,
    amount: i64,
}

/// Serves until something ends it; says where in its first line.
///
/// # Errors
/// A server is away, or the address cannot be had.
pub(crate) async fn serve(bare: Bare) -> anyhow::Result<()> {
    let broker =
        Connection::connect(&bare.servers.amqp_url, ConnectionProperties::default()).await?;
    let channel = broker.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let mut desks = Vec::new();
    for _ in 0..bare.servers.connections {
        let (client, connection) =
            tokio_postgres::connect(&bare.servers.database_url, NoTls).await?;
        tokio::spawn(connection);
        let accept = client.prepare(ACCEPT).await?;
        desks.push((client, accept));
    }
    let parts = Parts { desks, channel, queue: bare.servers.queue, accepted: AtomicU64::new(0) };
    let router = Router::new().route("/v1/orders/{order}/confirm", post(accept));
    let listener = TcpListener::bind(bare.listen).await?;
    writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
    let listener = listener.tap_io(|stream| {
        // Only slower without it.
        let _told = stream.set_nodelay(true);
    });
    axum::serve(listener, router.with_state(Arc::new(parts))).await?;
    Ok(())
}

async fn accept(
    State(parts): State<Arc<Parts>>,
    Path(order): Path<String>,
    Json(confirm): Json<Confirm>,
) -> Result<(StatusCode, Json<Value>), StatusCode> {
    let number = parts.accepted.fetch_add(1, Ordering::Relaxed);
    // As long as the product's, and as well in order.
    let job = format!("01980000-0000-7000-a000-{number:012x}");
    if !parts.write(number, &order, &confirm, &job).await.unwrap_or(false) {
        return Err(StatusCode::CONFLICT);
    }
    tokio::spawn(async move {
        // Behind the answer: nobody is left to be told, and whoever waits for the payment notices.
        let _published = parts.publish(&job).await;
    });
    Ok((StatusCode::ACCEPTED, Json(json!({"orderId": order, "status": "confirming"}))))
}

impl Parts {
    async fn write(
        &self,
        number: u64,
        order: &str,
        confirm: &Confirm,
        job: &str,
    ) -> anyhow::Result<bool> {
        let turn = usize::try_from(number)?.checked_rem(self.desks.len());
        let Some((client, accept)) = turn.and_then(|turn| self.desks.get(turn)) else {
            return Ok(false);
        };
        let written =
            client.execute(accept, &[&order, &confirm.payment_key, &confirm.amount, &job]).await?;
        Ok(written == 1)
    }

    async fn publish(&self, job: &str) -> anyhow::Result<()> {
        let body = format!(r#"{{"v":1,"job":"{job}"}}"#);
        let persistent = BasicProperties::default().with_delivery_mode(2);
        let options = BasicPublishOptions::default();
        let (queue, body) = (self.queue.as_str().into(), body.as_bytes());
        self.channel.basic_publish("".into(), queue, options, body, persistent).await?.await?;
        Ok(())
    }
}
