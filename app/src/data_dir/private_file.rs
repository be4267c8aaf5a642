//! Files that only their owner may read, written as a whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Makes a directory and those above it. A new one is its owner's only.
pub(super) fn make_dir(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Tells whoever starts it that others get into the directory. It is theirs to close: groups may be meant.
#[cfg(unix)]
pub(super) fn warn_of_open_dir(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode() & 0o777);
    if mode & 0o077 != 0 {
        tracing::warn!(
            path = %path.display(),
            mode = format!("{mode:o}"),
            "other users can get into the data directory, which holds orders and secrets: chmod 700"
        );
    }
}

/// Elsewhere modes say nothing.
#[cfg(not(unix))]
pub(super) fn warn_of_open_dir(_: &Path) {}

/// Opens a file for writing and makes it if it is missing; what stands in it stays.
pub(crate) fn open(path: &Path) -> std::io::Result<File> {
    private().create(true).truncate(false).open(path)
}

/// Reads a file; a missing one is made with what `make` gives.
pub(super) fn read_or_make(path: &Path, make: impl FnOnce() -> String) -> anyhow::Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let text = make();
            write(path, text.as_bytes())?;
            Ok(text)
        }
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// Reads a value; `None` when there is no file.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Option<T>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("{} cannot be read", path.display()));
        }
    };
    let value = serde_json::from_str(&text);
    value.map(Some).with_context(|| format!("{} is damaged", path.display()))
}

/// Writes a value.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    write(path, &serde_json::to_vec_pretty(value)?)
}

/// Puts a whole new file in the place of the old one.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let new = path.with_extension("new");
    let replace = || -> std::io::Result<()> {
        let mut file = private().create(true).truncate(true).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        rename_for_good(&new, path)
    };
    replace().with_context(|| format!("{} cannot be written", path.display()))
}

/// Gives a file another name in its directory, so that it still has it after the machine lost its power.
pub(crate) fn rename_for_good(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::rename(from, to)?;
    // The name stands in the directory. Elsewhere than on Unix a directory cannot be opened.
    #[cfg(unix)]
    match to.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        Some(directory) => File::open(directory)?.sync_all()?,
        None => File::open(".")?.sync_all()?,
    }
    Ok(())
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
