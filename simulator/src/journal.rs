//! The journal beside the state file: what changed since the state file was written, one line of JSON per change.
//!
//! A change stands in it before anybody is told of it, so that a killed simulator forgets nothing that it answered.
//! Lines are handed to the operating system, not forced to the disk: they survive the end of the process at any moment,
//! not that of the machine. The state file itself is forced; see `state_file.rs`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::change::Change;
use crate::private_file;
use crate::state_file::StateFileError;
use crate::world::World;

/// Where the journal of a state file is.
pub(crate) fn path_beside(state_file: &Path) -> PathBuf {
    private_file::with_suffix(state_file, ".journal")
}

/// Why the simulator stopped: what it does can no longer be kept.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the simulator's journal {path} cannot be written")]
struct Unwritable {
    path: PathBuf,
    #[source]
    source: Arc<io::Error>,
}

/// The end of a journal, for changes to come. Takes its own lock before the world's, never after.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    end: Mutex<End>,
    /// Cancelled by the first failure.
    failing: CancellationToken,
}

#[derive(Debug)]
struct End {
    /// Opened by the first change.
    file: Option<File>,
    /// How long the journal is, without a torn last line.
    bytes: u64,
    /// After a failure nothing is written any more: what follows a torn line could not be read.
    failure: Option<Unwritable>,
}

impl Journal {
    /// Goes on behind the first `bytes` of the file.
    pub(crate) fn new(path: PathBuf, bytes: u64) -> Journal {
        let end = Mutex::new(End { file: None, bytes, failure: None });
        Journal { path, end, failing: CancellationToken::new() }
    }

    /// Writes the changes that `take` gives, which is called when it is this caller's turn. Returns what else it gave,
    /// and how long the journal is now: None if it could not be written, now or earlier.
    pub(crate) fn append<T>(&self, take: impl FnOnce() -> (Vec<Change>, T)) -> (Option<u64>, T) {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        let (changes, rest) = take();
        if end.failure.is_none()
            && let Err(error) = end.write(&self.path, &changes)
        {
            end.failure = Some(Unwritable { path: self.path.clone(), source: Arc::new(error) });
            self.failing.cancel();
        }
        (end.failure.is_none().then_some(end.bytes), rest)
    }

    /// Drops the first `bytes`, which a state file holds by now.
    pub(crate) fn drop_first(&self, bytes: u64) -> io::Result<()> {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        end.drop_first(&self.path, bytes)
    }

    /// Waits until it cannot be written; the reason.
    pub(crate) async fn failure(&self) -> io::Error {
        self.failing.cancelled().await;
        let end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        match &end.failure {
            Some(failure) => io::Error::new(failure.source.kind(), failure.clone()),
            None => io::ErrorKind::Other.into(),
        }
    }
}

impl End {
    fn write(&mut self, path: &Path, changes: &[Change]) -> io::Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut lines = Vec::new();
        for change in changes {
            serde_json::to_writer(&mut lines, change)?;
            lines.push(b'\n');
        }
        let length = self.bytes;
        self.file(path)?.write_all(&lines)?;
        self.bytes = length.saturating_add(u64::try_from(lines.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    fn file(&mut self, path: &Path) -> io::Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                let file = open_at_end(path)?;
                file.set_len(self.bytes)?;
                file
            }
        };
        Ok(self.file.insert(file))
    }

    fn drop_first(&mut self, path: &Path, bytes: u64) -> io::Result<()> {
        let left = self.bytes.saturating_sub(bytes);
        if bytes == 0 || self.failure.is_some() {
            return Ok(());
        }
        if left == 0 {
            self.file(path)?.set_len(0)?;
            self.bytes = 0;
            return Ok(());
        }
        // What came while the state file was written: moved as a whole, so that a crash leaves the old or the new one.
        let mut old = File::open(path)?;
        old.seek(SeekFrom::Start(bytes))?;
        let neighbour = private_file::with_suffix(path, ".new");
        let mut new = open_at_end(&neighbour)?;
        new.set_len(0)?;
        io::copy(&mut old.take(left), &mut new)?;
        fs::rename(&neighbour, path)?;
        (self.file, self.bytes) = (Some(new), left);
        Ok(())
    }
}

fn open_at_end(path: &Path) -> io::Result<File> {
    private_file::open(path, OpenOptions::new().append(true))
}

/// Carries the journal's changes out that `world` does not have yet. Returns how many bytes of the file are whole lines;
/// what follows is a line that was being written when the simulator was killed, of which nobody was told.
///
/// # Errors
/// The file cannot be read, or holds anything else than the changes that follow on `world`.
pub(crate) fn replay(path: &Path, world: &mut World) -> Result<u64, StateFileError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(source) => return Err(StateFileError::Unreadable { path: path.to_owned(), source }),
    };
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at.saturating_add(1));
    let lines = bytes.get(..whole).unwrap_or_default().split_inclusive(|byte| *byte == b'\n');
    for (index, line) in lines.enumerate() {
        redo(line, world).map_err(|source| StateFileError::DamagedJournal {
            path: path.to_owned(),
            line: index.saturating_add(1),
            source,
        })?;
    }
    Ok(u64::try_from(whole).unwrap_or(u64::MAX))
}

fn redo(line: &[u8], world: &mut World) -> Result<(), serde_json::Error> {
    let change: Change = serde_json::from_slice(line)?;
    if change.sequence <= world.sequence {
        return Ok(());
    }
    let next = world.sequence.saturating_add(1);
    if change.sequence != next {
        let found = change.sequence;
        let text = format!("change {found} stands where change {next} should");
        return Err(<serde_json::Error as serde::de::Error>::custom(text));
    }
    change.redo(world).map_err(<serde_json::Error as serde::de::Error>::custom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    /// The next change of a world that has made so many: the clock is moved that far.
    fn change(world: &mut World) -> Vec<Change> {
        world.clock.advance_ms(1_000).expect("moved");
        world.take_change().into_iter().collect()
    }

    fn world_after(changes: u64) -> World {
        let mut world = World::default();
        world.clock = Clock::ahead_by_ms(i64::try_from(changes).expect("few") * 1_000);
        world.sequence = changes;
        world
    }

    #[test]
    fn what_came_after_the_snapshot_stays_when_the_rest_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let (journal, mut world) = (Journal::new(path.clone(), 0), World::default());
        journal.append(|| (change(&mut world), ()));
        let (mark, ()) = journal.append(|| (change(&mut world), ()));
        journal.append(|| (change(&mut world), ()));
        journal.drop_first(mark.expect("written")).expect("dropped");
        let (length, ()) = journal.append(|| (change(&mut world), ()));

        let mut revived = world_after(2);
        let read = replay(&path, &mut revived).expect("readable");
        assert_eq!((Some(read), revived.sequence), (length, 4));
        assert_eq!(revived.clock.offset_ms, world.clock.offset_ms);
        let text = fs::read_to_string(&path).expect("text");
        assert_eq!(text.lines().count(), 2, "{text}");

        journal.drop_first(read).expect("dropped");
        assert_eq!(fs::metadata(&path).expect("there").len(), 0);
        journal.append(|| (change(&mut world), ()));
        replay(&path, &mut revived).expect("readable");
        assert_eq!(revived.sequence, 5);
    }

    #[test]
    fn changes_are_carried_out_once_and_none_may_be_missing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let (journal, mut world) = (Journal::new(path.clone(), 0), world_after(4));
        for _ in 0..3 {
            journal.append(|| (change(&mut world), ()));
        }
        for (known, end) in [(4, 7), (6, 7), (7, 7), (9, 9)] {
            let mut revived = world_after(known);
            replay(&path, &mut revived).expect("readable");
            assert_eq!(revived.sequence, end);
        }
        let error = replay(&path, &mut world_after(3)).expect_err("change 4 is missing");
        let StateFileError::DamagedJournal { line: 1, source, .. } = error else {
            panic!("{error}");
        };
        assert!(source.to_string().contains("change 4"), "{source}");
    }

    #[tokio::test]
    async fn after_a_failure_nothing_is_written_any_more() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        fs::create_dir(&path).expect("something in the way");
        let (journal, mut world) = (Journal::new(path.clone(), 0), World::default());
        assert_eq!(journal.append(|| (change(&mut world), ())).0, None);
        fs::remove_dir(&path).expect("out of the way");
        assert_eq!(journal.append(|| (change(&mut world), ())).0, None);
        assert!(!path.exists());
        assert!(journal.failure().await.to_string().contains("journal"));
    }
}
