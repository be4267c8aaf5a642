//! `seungin seed`: the demo's stores and staff for a database that several processes share. The embedded product does the
//! same by itself.

use crate::banner::staff_lines;
use crate::config::{self, Config, Deployment};
use crate::data_dir::DataDir;
use crate::demo;
use crate::exit::Failure;
use crate::output::{print, tell};

/// Fills a database that has neither stores nor staff, and prints who may sign in, as often as it is called.
///
/// # Errors
/// It is production, the database does not answer, or an instance uses the data directory, where the tokens are kept.
pub(crate) async fn run(config: &Config) -> Result<(), Failure> {
    if config.deployment == Deployment::Production {
        let reason = "production has no demo staff: `seungin import` and `seungin staff add`";
        return Err(config::invalid("environment", reason).into());
    }
    let data_dir = DataDir::take(&config.data_dir)?;
    let store = super::open_store(config).await?;
    match demo::seed(&store, data_dir.path(), &config.toss.merchant_names()).await? {
        Some(demo) => print(&staff_lines(&demo))?,
        None => tell("the database has stores or staff already: nothing was added"),
    }
    Ok(())
}
