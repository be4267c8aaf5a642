//! What is tried: an API that was named, the running instance of the data directory, or one that is
//! started for this and stopped afterwards.

use std::time::Duration;

use anyhow::Context as _;

use crate::cli::TryArgs;
use crate::config::{Config, Environment};
use crate::data_dir::{DataDir, instance};
use crate::demo;
use crate::embedded::{self, Ports, Running};
use crate::exit::Failure;

/// How long an instance may take to say that it is alive.
const PATIENCE: Duration = Duration::from_secs(3);
/// The variable with a staff token.
const TOKEN_VARIABLE: &str = "SEUNGIN_STAFF_TOKEN";

/// An API to try.
pub(super) struct Target {
    /// `http://host:port`, without a slash at the end.
    pub(super) api: String,
    pub(super) staff_token: String,
    /// Whether it was started for this.
    pub(super) is_ours: bool,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("api", &self.api).finish_non_exhaustive()
    }
}

/// Finds what to try, or starts it.
///
/// # Errors
/// Nothing answers at the named address, there is no staff token, or nothing can be started.
pub(super) async fn find_or_start(
    config: Config,
    environment: &Environment,
    args: &TryArgs,
) -> Result<(Target, Option<Running>), Failure> {
    let given = args.staff_token.as_deref().or_else(|| environment.find(TOKEN_VARIABLE));
    let token = match given {
        Some(token) => Some(token.to_owned()),
        None => demo::find(&config.data_dir)?.and_then(|it| it.master_token().map(str::to_owned)),
    };
    let token = token.with_context(|| {
        format!("cancelling needs a staff token: --staff-token or {TOKEN_VARIABLE}")
    });
    if let Some(api) = &args.api {
        let api = api.as_str().to_owned();
        if !is_alive(&api).await? {
            return Err(Failure::Unreachable(anyhow::anyhow!("{api} does not answer as the API")));
        }
        return Ok((Target { api, staff_token: token?, is_ours: false }, None));
    }
    if let Some(running) = instance::find(&config.data_dir)
        && is_alive(&running.api).await?
    {
        return Ok((Target { api: running.api, staff_token: token?, is_ours: false }, None));
    }
    let config = config.into_trial();
    let ports = Ports::take(&config).await?;
    let running = embedded::start(&config, ports, DataDir::ephemeral()?).await?;
    let token = running.demo.as_ref().and_then(demo::Demo::master_token).map(str::to_owned);
    let staff_token = token.context("the instance that was started has no staff")?;
    let target = Target { api: running.instance.api.clone(), staff_token, is_ours: true };
    Ok((target, Some(running)))
}

async fn is_alive(api: &str) -> anyhow::Result<bool> {
    let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build();
    let http = http.context("the HTTP client")?;
    let answer = http.get(format!("{api}/livez")).send().await;
    Ok(answer.is_ok_and(|answer| answer.status().is_success()))
}
