//! `seungin backup`: copies SQLite's database into a file while it is used. What else belongs to a backup, docs/backup.md says.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use store::Store;

use crate::config::Config;
use crate::data_dir::{open_private, rename_for_good};
use crate::exit::Failure;
use crate::output::print;

/// Where to.
#[derive(Debug, clap::Args)]
pub(crate) struct BackupArgs {
    /// The file to make; it must not exist. Whoever can read it can read everything about customers
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Copies, checks the copy, and gives it its name: what stands under that name is whole.
///
/// # Errors
/// [`Failure::Usage`] when the file exists or the database is not SQLite's; else it cannot be read, or the file cannot be written.
pub(crate) async fn run(config: &Config, args: &BackupArgs) -> Result<(), Failure> {
    let store = super::open_store(config).await?;
    if !store.is_sqlite() {
        let message =
            "this copies SQLite's database; PostgreSQL is backed up by pg_dump: see docs/backup.md";
        return Err(Failure::Usage(anyhow::anyhow!(message)));
    }
    let file = &args.file;
    if file.exists() {
        let message = format!("{} exists: name another file", file.display());
        return Err(Failure::Usage(anyhow::Error::msg(message)));
    }
    let mut partial = file.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let copied = copy(&store, &partial, file).await;
    if copied.is_err() {
        // It is of no use, and what failed is told anyway.
        std::fs::remove_file(&partial).ok();
    }
    copied.with_context(|| format!("there is no backup in {}", file.display()))?;
    print(&format!("{}\n", file.display()))?;
    Ok(())
}

async fn copy(store: &Store, partial: &Path, file: &Path) -> anyhow::Result<()> {
    let path = partial.to_str().context("the path is no UTF-8")?;
    // Of a backup that was cut off.
    if partial.exists() {
        std::fs::remove_file(partial).context("what an earlier one left cannot be removed")?;
    }
    open_private(partial).context("the file cannot be made")?;
    store.back_up(path).await.context("the database cannot be copied")?;
    let damage = store::damage_of(partial).await.context("the copy cannot be read")?;
    anyhow::ensure!(damage.is_none(), "the copy is damaged: {}", damage.unwrap_or_default());
    File::open(partial)?.sync_all().context("the copy cannot be kept")?;
    rename_for_good(partial, file).context("the copy cannot get its name for good")?;
    Ok(())
}
