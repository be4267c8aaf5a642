//! `seungin import`.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use store::Actor;
use store::catalogue::{ImportSummary, MissingProducts};

use crate::catalogue_file::{self, Merchants};
use crate::cli::ImportArgs;
use crate::config::Config;
use crate::exit::Failure;
use crate::output::print;

/// Loads a catalogue in one transaction.
///
/// # Errors
/// The file cannot be read or used, or the database refuses it; nothing was changed then.
pub(crate) async fn import(config: &Config, args: &ImportArgs) -> Result<(), Failure> {
    let text = read(&args.file)?;
    let missing = if args.replace { MissingProducts::Withdraw } else { MissingProducts::Keep };
    let catalogue =
        catalogue_file::parse(&text, Merchants::of(&config.toss.merchant_names()), missing)
            .map_err(|error| {
                anyhow::anyhow!("{} cannot be imported:\n{error}", args.file.display())
            })?;
    let store = super::open_store(config).await?;
    let summary = store
        .import_catalogue(&Actor::system(), &catalogue)
        .await
        .with_context(|| format!("{} cannot be imported", args.file.display()))?;
    print(&describe(&summary))?;
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
        return Ok(text);
    }
    std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

fn describe(summary: &ImportSummary) -> String {
    format!(
        "stores: {} new, {} changed, {} unchanged\n\
         products: {} new, {} changed, {} unchanged, {} withdrawn\n",
        summary.stores_created,
        summary.stores_changed,
        summary.stores_unchanged,
        summary.products_created,
        summary.products_changed,
        summary.products_unchanged,
        summary.products_withdrawn,
    )
}
