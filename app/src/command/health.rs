//! `seungin healthcheck`: one question to a running instance, for containers and scripts.

use std::time::Duration;

use anyhow::Context as _;

use crate::config::Config;
use crate::data_dir::instance;
use crate::exit::Failure;
use crate::output::print;

/// How long the answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks `/readyz`.
///
/// # Errors
/// It is not ready, or does not answer.
pub(crate) async fn check(config: &Config, url: Option<&str>) -> Result<(), Failure> {
    let found = instance::find(&config.data_dir).map(|instance| instance.api);
    let base = url.map(|url| url.trim_end_matches('/').to_owned()).or(found);
    let base = base.unwrap_or_else(|| format!("http://{}", config.api.listen));
    let http = reqwest::Client::builder().timeout(PATIENCE).build().context("the HTTP client")?;
    let answer = http.get(format!("{base}/readyz")).send().await;
    let status = answer.with_context(|| format!("{base} does not answer"))?.status();
    if !status.is_success() {
        return Err(anyhow::anyhow!("{base} is not ready: {status}").into());
    }
    print(&format!("{base} is ready\n"))?;
    Ok(())
}
