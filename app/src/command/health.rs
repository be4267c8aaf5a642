//! `seungin healthcheck`: one question to a running process, for containers and scripts. Says nothing when all is well.

use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;

use crate::config::{Address, Config};
use crate::data_dir::instance;
use crate::exit::Failure;
use crate::unanswered;

/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a process tells of itself. One that is not ours may tell something else.
#[derive(Debug, Default, Deserialize)]
struct Told {
    #[serde(default)]
    checks: Vec<Check>,
}

/// See [`Told`].
#[derive(Debug, Deserialize)]
struct Check {
    name: String,
    why: Option<String>,
}

/// Asks `/readyz`, which an API has at its address and a worker on its health listener.
///
/// # Errors
/// It is not ready, or does not answer.
pub(crate) async fn check(config: &Config, url: Option<&Address>) -> Result<(), Failure> {
    let found = instance::find(&config.data_dir).map(|instance| instance.api);
    let base = url.map(|url| url.as_str().to_owned()).or(found);
    let base = base.unwrap_or_else(|| format!("http://{}", config.api.listen));
    // A proxy of the environment would answer for itself.
    let http = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build();
    let answer =
        http.context("the HTTP client")?.get(format!("{base}/readyz?verbose")).send().await;
    let answer = answer
        .map_err(|error| anyhow::anyhow!("{base} does not answer: {}", unanswered::why(&error)))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let told: Told = answer.json().await.unwrap_or_default();
    let whys = told
        .checks
        .iter()
        .filter_map(|check| Some(format!("{}: {}", check.name, check.why.as_ref()?)));
    let whys: Vec<String> = whys.collect();
    let whys = if whys.is_empty() { status.to_string() } else { whys.join("; ") };
    Err(anyhow::anyhow!("{base} is not ready: {whys}").into())
}
