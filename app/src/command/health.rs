//! `seungin healthcheck`: one question to a running instance, for containers and scripts.

use std::time::Duration;

use anyhow::Context as _;

use crate::config::{Address, Config};
use crate::data_dir::instance;
use crate::exit::Failure;
use crate::output::print;
use crate::unanswered;

/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks `/readyz`.
///
/// # Errors
/// It is not ready, or does not answer.
pub(crate) async fn check(config: &Config, url: Option<&Address>) -> Result<(), Failure> {
    let found = instance::find(&config.data_dir).map(|instance| instance.api);
    let base = url.map(|url| url.as_str().to_owned()).or(found);
    let base = base.unwrap_or_else(|| format!("http://{}", config.api.listen));
    let http = reqwest::Client::builder().timeout(PATIENCE).build().context("the HTTP client")?;
    let answer = http.get(format!("{base}/readyz")).send().await;
    let answer = answer
        .map_err(|error| anyhow::anyhow!("{base} does not answer: {}", unanswered::why(&error)))?;
    let status = answer.status();
    if !status.is_success() {
        return Err(anyhow::anyhow!("{base} is not ready: {status}").into());
    }
    print(&format!("{base} is ready\n"))?;
    Ok(())
}
