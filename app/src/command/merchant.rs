//! `seungin merchant`: what holds calls to Toss back, and stopping and resuming them by hand; pairs of keys are in `keys`.

mod keys;

use anyhow::Context as _;
use domain::attempt::Operation;
use serde_json::json;
use store::{Actor, Holds, PauseScope};

use crate::cli::{CallKind, MerchantCommand, PauseArgs};
use crate::config::{Config, TossChoice, default_of};
use crate::exit::Failure;
use crate::output::{print, tell};

/// Does what the subcommand says.
///
/// # Errors
/// The database does not answer, the merchant is unknown, or there is nothing to resume.
pub(crate) async fn run(config: &Config, command: &MerchantCommand) -> Result<(), Failure> {
    let store = super::open_store(config).await?;
    match command {
        MerchantCommand::Holds { json } => {
            let holds = store.read_holds().await.map_err(anyhow::Error::from)?;
            let text = if *json { format!("{:#}\n", as_json(&holds)) } else { as_text(&holds) };
            print(&text)?;
        }
        MerchantCommand::Pause(args) => {
            let merchant = known_merchant(&config.toss, args.merchant.as_deref())?;
            let (scope, reason) = checked(args)?;
            let paused = store.pause_merchant(merchant, scope, &Actor::system(), reason).await;
            if !paused.map_err(anyhow::Error::from)? {
                tell("they were paused before: that pause, with its reason, stays");
            }
            tell(&format!(
                "calls ({}) for merchant {merchant} wait, everywhere within a second",
                scope.word()
            ));
        }
        MerchantCommand::Resume(args) => {
            let merchant = known_merchant(&config.toss, args.merchant.as_deref())?;
            let (scope, reason) = checked(args)?;
            let resumed = store.resume_merchant(merchant, scope, &Actor::system(), reason).await;
            if !resumed.map_err(anyhow::Error::from)? {
                let message =
                    "there is no such pause: `seungin merchant holds` shows those there are";
                return Err(anyhow::anyhow!(message).into());
            }
            tell(&format!("calls ({}) for merchant {merchant} go on", scope.word()));
        }
        MerchantCommand::Keys { json } => keys::list(&config.toss, &store, *json).await?,
        MerchantCommand::RetireKeys(args) => keys::retire(&config.toss, &store, args).await?,
    }
    Ok(())
}

/// The merchant that is meant.
pub(super) fn known_merchant<'a>(
    toss: &'a TossChoice,
    asked: Option<&str>,
) -> anyhow::Result<&'a str> {
    let names = toss.merchant_names();
    let found = match asked {
        Some(asked) => names.iter().copied().find(|name| *name == asked),
        None => default_of(&names),
    };
    found.with_context(|| match asked {
        Some(asked) => format!("there is no merchant {asked:?}; there is: {}", names.join(", ")),
        None => {
            format!("there are several merchants: name one by --merchant: {}", names.join(", "))
        }
    })
}

fn checked(args: &PauseArgs) -> anyhow::Result<(PauseScope, &str)> {
    let reason = args.reason.trim();
    let longest = domain::limits::CANCEL_REASON_CHARS_MAX;
    anyhow::ensure!(
        !reason.is_empty() && reason.chars().count() <= longest,
        "--reason must have 1 to {longest} characters"
    );
    let scope = match args.kind {
        CallKind::All => PauseScope::All,
        CallKind::Confirm => PauseScope::Only(Operation::Confirm),
        CallKind::Cancel => PauseScope::Only(Operation::Cancel),
        CallKind::LookUp => PauseScope::Only(Operation::LookUp),
    };
    Ok((scope, reason))
}

fn as_text(holds: &Holds) -> String {
    let ago = |since_ms: i64| holds.now_ms.saturating_sub(since_ms).max(0) / 1_000;
    let breakers = holds.breakers.iter().map(|breaker| {
        format!(
            "{}  breaker open ({}), next try in {} s\n",
            breaker.merchant,
            breaker.last_code.as_deref().unwrap_or("-"),
            breaker.probe_at_ms.saturating_sub(holds.now_ms).max(0) / 1_000,
        )
    });
    let pauses = holds.pauses.iter().map(|pause| {
        let state = if pause.is_in_force { "paused" } else { "under suspicion" };
        let (scope, by, since) = (pause.scope.word(), &pause.paused_by, ago(pause.since_ms));
        format!("{}  {state} ({scope}) by {by} {since} s ago: {}\n", pause.merchant, pause.reason)
    });
    let text: String = breakers.chain(pauses).collect();
    if text.is_empty() { "nothing holds calls back\n".to_owned() } else { text }
}

fn as_json(holds: &Holds) -> serde_json::Value {
    let breakers: Vec<_> = holds
        .breakers
        .iter()
        .map(|breaker| {
            json!({
                "merchant": breaker.merchant,
                "probeAtMs": breaker.probe_at_ms,
                "isProbing": breaker.has_probe,
                "lastCode": breaker.last_code,
                "openings": breaker.openings,
            })
        })
        .collect();
    let pauses: Vec<_> = holds
        .pauses
        .iter()
        .map(|pause| {
            json!({
                "merchant": pause.merchant,
                "kind": pause.scope.word(),
                "isInForce": pause.is_in_force,
                "reason": pause.reason,
                "pausedBy": pause.paused_by,
                "sinceMs": pause.since_ms,
            })
        })
        .collect();
    json!({ "nowMs": holds.now_ms, "breakers": breakers, "pauses": pauses })
}
