//! `seungin config`.

use anyhow::Context as _;

use crate::cli::ConfigCommand;
use crate::config::{Config, Settings, example, print as print_settings, shown};
use crate::exit::Failure;
use crate::output::print;

/// Shows a configuration that has been loaded, and so is one that can be used.
///
/// # Errors
/// Standard output cannot be written to.
pub(crate) fn run(
    settings: &Settings,
    config: &Config,
    command: &ConfigCommand,
) -> Result<(), Failure> {
    match command {
        ConfigCommand::Print { json: false } => print(&print_settings(settings, config))?,
        ConfigCommand::Print { json: true } => {
            let text =
                serde_json::to_string_pretty(&shown(settings, config)).context("the settings")?;
            print(&format!("{text}\n"))?;
        }
        ConfigCommand::Example => print(&example())?,
        ConfigCommand::Check => print("the configuration can be used\n")?,
    }
    Ok(())
}
