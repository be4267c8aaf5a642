//! The data directory of the embedded product: who may use it, and the small files in it.
//!
//! | file | what |
//! |---|---|
//! | `seungin.db` | the database (SQLite) |
//! | `seungin.lock` | held by the process that uses the directory |
//! | `token.key` | the generated key of order tokens |
//! | `demo.json` | the demo staff and their tokens |
//! | `instance.json` | where the running process listens |
//! | `simulator.json` | the state of the bundled simulator |
//!
//! Everything with a secret is readable by its owner only.

pub(crate) mod instance;
mod private_file;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::config::decode_token_key;
use crate::entropy::new_secret;

pub(crate) use self::private_file::{open as open_private, read_json, rename_for_good, write_json};

/// A data directory that this process alone uses.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    /// The lock lasts as long as the file is open.
    _lock: File,
    /// An ephemeral directory is removed with this.
    _ephemeral: Option<tempfile::TempDir>,
}

impl DataDir {
    /// Takes a directory, which is made if it is missing.
    ///
    /// # Errors
    /// It cannot be made, or another process uses it.
    pub(crate) fn take(path: &Path) -> anyhow::Result<DataDir> {
        private_file::make_dir(path)
            .with_context(|| format!("the data directory {} cannot be made", path.display()))?;
        let lock = lock(path)?;
        private_file::warn_of_open_dir(path);
        // A process that was killed could not take back what it announced.
        instance::forget(path);
        Ok(DataDir { path: path.to_path_buf(), _lock: lock, _ephemeral: None })
    }

    /// A directory of its own that is removed when this is dropped.
    ///
    /// # Errors
    /// The system's temporary directory cannot be written to.
    pub(crate) fn ephemeral() -> anyhow::Result<DataDir> {
        let ephemeral = tempfile::Builder::new()
            .prefix("seungin-")
            .tempdir()
            .context("a temporary data directory cannot be made")?;
        let lock = lock(ephemeral.path())?;
        Ok(DataDir {
            path: ephemeral.path().to_path_buf(),
            _lock: lock,
            _ephemeral: Some(ephemeral),
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it goes away with the process.
    pub(crate) fn is_ephemeral(&self) -> bool {
        self._ephemeral.is_some()
    }

    /// The state of the bundled simulator.
    pub(crate) fn simulator_file(&self) -> PathBuf {
        self.path.join("simulator.json")
    }

    /// The key of order tokens, generated at the first start.
    ///
    /// # Errors
    /// The file cannot be read or written, or holds something else.
    pub(crate) fn token_key(&self) -> anyhow::Result<[u8; 32]> {
        let path = self.path.join("token.key");
        let text = private_file::read_or_make(&path, new_secret)?;
        decode_token_key(text.trim())
            .with_context(|| format!("{} holds no key of 64 hexadecimal digits", path.display()))
    }
}

/// Makes the file of the database if it is missing. SQLite gives the files beside it the same mode.
///
/// # Errors
/// The directory cannot be written to.
pub(crate) fn make_database(path: &Path) -> anyhow::Result<()> {
    let file = path.join("seungin.db");
    private_file::open(&file).with_context(|| format!("{} cannot be made", file.display()))?;
    Ok(())
}

/// The address of the database in a data directory. `may_create` also makes a missing file.
pub(crate) fn database_url(path: &Path, may_create: bool) -> anyhow::Result<String> {
    let file = path.join("seungin.db");
    let file = file.to_str().context("the data directory's path is no UTF-8")?;
    // A relative path's first part stands where a URL has its host, which takes few characters.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte);
    let escape = |byte: u8| match is_plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    let file: String = file.bytes().map(escape).collect();
    Ok(format!("sqlite://{file}?mode={}", if may_create { "rwc" } else { "rw" }))
}

fn lock(path: &Path) -> anyhow::Result<File> {
    let file = private_file::open(&path.join("seungin.lock"))
        .with_context(|| format!("the data directory {} cannot be written to", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let who = match instance::find(path) {
                Some(instance) => format!("process {} at {}", instance.pid, instance.api),
                None => "another process".to_owned(),
            };
            anyhow::bail!(
                "the data directory {} is in use by {who}: stop it, or choose another by --data-dir",
                path.display()
            )
        }
        Err(TryLockError::Error(error)) => Err(error)
            .with_context(|| format!("the data directory {} cannot be locked", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_used_by_one_process_at_a_time_and_keeps_its_key() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let first = DataDir::take(&path).unwrap();
        let key = first.token_key().unwrap();
        let refused = DataDir::take(&path).unwrap_err();
        assert!(refused.to_string().contains("in use"), "{refused}");
        drop(first);
        assert_eq!(DataDir::take(&path).unwrap().token_key().unwrap(), key);
    }

    #[test]
    fn an_ephemeral_directory_goes_away() {
        let dir = DataDir::ephemeral().unwrap();
        let path = dir.path().to_path_buf();
        assert!(path.is_dir() && dir.is_ephemeral());
        drop(dir);
        assert!(!path.exists());
    }

    #[test]
    fn a_path_with_special_characters_stays_one_path() {
        let url = database_url(Path::new("/tmp/a?b#c%d"), false).unwrap();
        assert_eq!(url, "sqlite:///tmp/a%3Fb%23c%25d/seungin.db?mode=rw");
        let url = database_url(Path::new("my data:1"), true).unwrap();
        assert_eq!(url, "sqlite://my%20data%3A1/seungin.db?mode=rwc");
    }

    #[cfg(unix)]
    #[test]
    fn secrets_are_readable_by_their_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let parent = tempfile::tempdir().unwrap();
        let dir = DataDir::take(&parent.path().join("data")).unwrap();
        dir.token_key().unwrap();
        make_database(dir.path()).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(dir.path()), 0o700);
        assert_eq!(mode(&dir.path().join("token.key")), 0o600);
        assert_eq!(mode(&dir.path().join("seungin.db")), 0o600);
    }
}
