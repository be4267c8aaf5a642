//! The subcommands that are not a role of the process: each does one thing and ends.

pub(crate) mod acting;
pub(crate) mod backup;
pub(crate) mod catalogue;
pub(crate) mod doctor;
pub(crate) mod erase;
pub(crate) mod findings;
pub(crate) mod health;
pub(crate) mod merchant;
pub(crate) mod prune;
pub(crate) mod reconcile;
pub(crate) mod recover;
pub(crate) mod seed;
pub(crate) mod settings;
pub(crate) mod simulator;
pub(crate) mod staff;
pub(crate) mod webhooks;

use anyhow::Context as _;
use store::Store;

use crate::config::Config;
use crate::data_dir::DataDir;
use crate::exit::Failure;
use crate::output::print;
use crate::parts;

/// Opens the database for a command, which neither makes nor changes its schema.
///
/// # Errors
/// It does not answer, or its schema is not this version's.
pub(crate) async fn open_store(config: &Config) -> Result<Store, Failure> {
    let store =
        parts::open_store(config, &config.data_dir, false).await.map_err(
            |failure| match failure {
                Failure::Unreachable(error) if !config.database.is_postgres() => {
                    Failure::Unreachable(error.context(
                        "there is no database to work on (`seungin migrate` makes a missing one)",
                    ))
                }
                failure @ (Failure::Unreachable(_)
                | Failure::Failed(_)
                | Failure::Usage(_)
                | Failure::Config(_)) => failure,
            },
        )?;
    store.check().await.context("the database").map_err(Failure::Unreachable)?;
    Ok(store)
}

/// `seungin migrate`.
///
/// # Errors
/// The database does not answer, a migration fails, or an instance uses the data directory.
pub(crate) async fn migrate(config: &Config) -> Result<(), Failure> {
    // Whoever holds the data directory has migrated already, or is about to.
    let _data_dir = match config.database.url {
        None => Some(DataDir::take(&config.data_dir)?),
        Some(_) => None,
    };
    let store = parts::open_store(config, &config.data_dir, true).await?;
    store.migrate().await.context("the database's schema cannot be brought up to date")?;
    print("the schema is this version's\n")?;
    Ok(())
}

/// `seungin openapi`.
///
/// # Errors
/// Standard output cannot be written to.
pub(crate) fn openapi() -> Result<(), Failure> {
    let text = api::openapi().to_pretty_json().context("the description")?;
    print(&format!("{text}\n"))?;
    Ok(())
}

/// `seungin completions`.
///
/// # Errors
/// Standard output cannot be written to.
pub(crate) fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    let mut command = <crate::cli::Cli as clap::CommandFactory>::command();
    clap_complete::generate(shell, &mut command, "seungin", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(())
}
