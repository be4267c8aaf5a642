//! `seungin try`: whole journeys from cart to cancelled over HTTP alone, as a browser and a member
//! of staff would go through them, with every step checked.
//!
//! `target` finds or starts what is tried, `story` is one journey, `many` runs a crowd of them.
//! Nothing here looks into the database: what it says, a stranger could find out too.

mod cart;
mod http;
mod many;
mod narrator;
mod report;
mod story;
mod target;
mod views;
mod window;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use crate::cli::TryArgs;
use crate::config::{Config, Environment};
use crate::exit::Failure;
use crate::output::{self, print};

use self::narrator::Narrator;
use self::story::{Journey, Plan};
use self::target::Target;

/// Tries it as the arguments say. An instance that was started for this is stopped again.
///
/// # Errors
/// A step differed from what it should be, or there is nothing to try.
pub(crate) async fn run(
    config: Config,
    environment: &Environment,
    args: &TryArgs,
) -> Result<(), Failure> {
    let style = output::style(environment);
    let (target, started) = Box::pin(target::find_or_start(config, environment, args)).await?;
    let tried = tokio::select! {
        tried = try_target(target, args, style) => tried,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    if let Some(started) = started {
        started.stop().await?;
    }
    Ok(tried?)
}

async fn try_target(
    target: Target,
    args: &TryArgs,
    style: crate::banner::Style,
) -> anyhow::Result<()> {
    let plan = Arc::new(Plan {
        target,
        http: http::Http::new()?,
        decline: args.decline.clone(),
        timeout: Duration::from_secs(args.timeout),
    });
    if args.count > 1 {
        return many::run(&plan, args, style).await;
    }
    let narrator = if args.json { Narrator::Silent } else { Narrator::to_terminal(style) };
    narrator.begin(&plan.target, args.decline.as_deref());
    let outcome = Journey::new(&plan, narrator).run().await;
    if args.json {
        print(&format!("{}\n", report::of_one(&outcome))).context("standard output")?;
    }
    match &outcome.failure {
        None => {
            narrator.end(&outcome);
            Ok(())
        }
        Some(failure) => Err(anyhow::anyhow!("{failure}")),
    }
}
