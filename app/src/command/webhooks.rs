//! `seungin webhooks`: what came to the webhook address, and acting on it once more.

use domain::webhook::WebhookState;
use serde_json::json;
use store::{Actor, ReplayError, WebhookFilter, WebhookRow};

use super::findings::in_korea;
use crate::cli::{WebhookListArgs, WebhookReplayArgs, WebhooksCommand};
use crate::config::Config;
use crate::exit::Failure;
use crate::output::{print, tell};

/// Does what the subcommand says.
///
/// # Errors
/// The database does not answer, or there is no such webhook.
pub(crate) async fn run(config: &Config, command: &WebhooksCommand) -> Result<(), Failure> {
    match command {
        WebhooksCommand::List(args) => list(config, args).await,
        WebhooksCommand::Replay(args) => replay(config, args).await,
    }
}

async fn list(config: &Config, args: &WebhookListArgs) -> Result<(), Failure> {
    let filter = WebhookFilter {
        state: args.state,
        order_id: args.order.clone(),
        ..WebhookFilter::default()
    };
    let store = super::open_store(config).await?;
    let page = store.list_webhooks(&filter, None, args.limit).await.map_err(anyhow::Error::from)?;
    let text = if args.json {
        let rows: Vec<_> = page.rows.iter().map(as_json).collect();
        format!("{:#}\n", json!(rows))
    } else if page.rows.is_empty() {
        "there is none\n".to_owned()
    } else {
        page.rows.iter().map(as_text).collect()
    };
    print(&text)?;
    Ok(())
}

async fn replay(config: &Config, args: &WebhookReplayArgs) -> Result<(), Failure> {
    let store = super::open_store(config).await?;
    let actor = Actor::system();
    let reason = Some(args.reason.as_str());
    let replayed = store.replay_webhook(&args.id, toss::read_webhook, &actor, reason).await;
    let acted = replayed.map_err(|error| match error {
        ReplayError::Unknown => anyhow::anyhow!(
            "there is no webhook {:?}: `seungin webhooks list` shows those there are",
            args.id
        ),
        ReplayError::Store(error) => anyhow::Error::from(error),
    })?;
    tell(&match (acted.state, acted.reason) {
        (WebhookState::LookedUp, _) => "its payment is looked up by a worker".to_owned(),
        (state, reason) => {
            format!("nothing follows: {} ({})", state.word(), reason.unwrap_or("-"))
        }
    });
    Ok(())
}

fn as_text(row: &WebhookRow) -> String {
    format!(
        "{}  {}  {:<10} {:<10} order {}  says {}  {}{}\n",
        row.id,
        in_korea(row.received_at_ms),
        row.kind,
        row.state.word(),
        row.order_id.as_deref().unwrap_or("-"),
        row.status.as_deref().or(row.event.as_deref()).unwrap_or("-"),
        row.reason.as_deref().unwrap_or(""),
        if row.deliveries > 1 {
            format!(" (came {} times)", row.deliveries)
        } else {
            String::new()
        },
    )
}

fn as_json(row: &WebhookRow) -> serde_json::Value {
    json!({
        "id": row.id,
        "transmissionId": row.transmission_id,
        "kind": row.kind,
        "event": row.event,
        "orderId": row.order_id,
        "status": row.status,
        "source": row.source,
        "state": row.state.word(),
        "reason": row.reason,
        "deliveries": row.deliveries,
        "receivedAtMs": row.received_at_ms,
    })
}
