//! Sending what is due, as long as the simulator is served.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::{Client, redirect, retry};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Due, WebhookAttempt};
use crate::limits::WEBHOOKS_IN_FLIGHT_MAX;
use crate::state::Shared;
use crate::world::World;

/// How often it is looked whether a payment's time ran out, while somebody wants to be told.
const LOOK_AROUND: Duration = Duration::from_secs(1);
/// Source: Toss, headers of a webhook.
const TIME: &str = "tosspayments-webhook-transmission-time";
const RETRIED: &str = "tosspayments-webhook-transmission-retried-count";
const ID: &str = "tosspayments-webhook-transmission-id";

/// Sends webhooks until `stop`. What is on its way then stays due, and is sent again by the next run.
pub(crate) async fn keep_sending(shared: Arc<Shared>, stop: CancellationToken) {
    let mut client = None;
    let mut on_their_way = JoinSet::new();
    let mut looked_around = Instant::now();
    loop {
        let room = WEBHOOKS_IN_FLIGHT_MAX.saturating_sub(on_their_way.len());
        if looked_around.elapsed() >= LOOK_AROUND {
            looked_around = Instant::now();
            shared.write(World::refresh_for_webhooks);
        }
        let (due, pause) = shared.write(|world| world.webhooks_due(room));
        // What is told to somebody must be kept first.
        if !due.is_empty() && !shared.keep() {
            return;
        }
        for due in due {
            let client = client.get_or_insert_with(|| build(shared.config.webhook_timeout)).clone();
            on_their_way.spawn(send_one(Arc::clone(&shared), client, due));
        }
        tokio::select! {
            () = shared.webhooks_due.notified() => {}
            () = tokio::time::sleep(pause.unwrap_or(LOOK_AROUND).min(LOOK_AROUND)) => {}
            Some(_) = on_their_way.join_next() => {}
            () = stop.cancelled() => return,
        }
    }
}

/// A client of every address, or why there is none.
fn build(timeout: Duration) -> Result<Client, String> {
    // Whoever embeds the simulator may have chosen one; a second installation fails, and that is fine.
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder()
        .timeout(timeout)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .no_proxy()
        .build()
        .map_err(|error| error.to_string())
}

async fn send_one(shared: Arc<Shared>, client: Result<Client, String>, due: Due) {
    let now = shared.read(|world| world.now().to_kst());
    let sequence = due.sequence;
    let (status, error) = match client {
        Ok(client) => post(&client, due, now).await,
        Err(error) => (None, Some(error)),
    };
    shared.write(|world| {
        let now = world.now();
        let attempt = WebhookAttempt { at: now.to_kst(), status, error };
        world.webhooks.finish(sequence, attempt, now);
    });
    shared.keep();
    shared.webhook_sent.notify_waiters();
}

async fn post(client: &Client, due: Due, now: String) -> (Option<u16>, Option<String>) {
    let request = client
        .post(&due.url)
        .header("content-type", "application/json;charset=UTF-8")
        .header(TIME, now)
        .header(RETRIED, due.retries)
        .header(ID, due.id)
        .body(due.body);
    match request.send().await {
        Ok(response) => (Some(response.status().as_u16()), None),
        Err(error) => (None, Some(innermost(&error))),
    }
}

/// The cause of causes: the rest only says that a request failed.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string().chars().take(200).collect()
}
