//! Where the running process listens, for other commands on the same data directory.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::private_file;

/// A running process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Instance {
    /// Its process id.
    pub(crate) pid: u32,
    /// `http://host:port` of the API.
    pub(crate) api: String,
    /// `http://host:port` of the bundled simulator, if it runs.
    pub(crate) simulator: Option<String>,
    /// `http://host:port` of the listener for health and metrics alone, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) health: Option<String>,
}

/// Says where this process listens, until the value is dropped.
#[derive(Debug)]
pub(crate) struct Announcement(PathBuf);

/// Writes the file.
///
/// # Errors
/// The directory cannot be written to.
pub(crate) fn announce(directory: &Path, instance: &Instance) -> anyhow::Result<Announcement> {
    let path = path(directory);
    private_file::write_json(&path, instance)?;
    Ok(Announcement(path))
}

/// The process that announced itself. It may be gone: ask it.
pub(crate) fn find(directory: &Path) -> Option<Instance> {
    private_file::read_json(&path(directory)).ok().flatten()
}

/// Removes what a process of the past announced. Only for the one that holds the directory.
pub(super) fn forget(directory: &Path) {
    drop(Announcement(path(directory)));
}

fn path(directory: &Path) -> PathBuf {
    directory.join("instance.json")
}

impl Drop for Announcement {
    fn drop(&mut self) {
        match std::fs::remove_file(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, path = %self.0.display(), "the announcement stays");
            }
            _ => {}
        }
    }
}
