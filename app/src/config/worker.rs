//! What a worker takes and how much of it.

use queue::Lane;

use super::read::Reader;

/// The worker's side.
#[derive(Debug)]
pub(crate) struct WorkerConfig {
    /// Calls to Toss at once.
    pub(crate) concurrency: usize,
    /// The lanes that it serves; never empty.
    pub(crate) lanes: Vec<Lane>,
}

/// A lane by its word.
struct Kind(Lane);

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Kind, String> {
        let known = Lane::ALL.into_iter().find(|lane| lane.word() == text);
        known.map(Kind).ok_or_else(|| {
            let words: Vec<&str> = Lane::ALL.into_iter().map(Lane::word).collect();
            format!("the kinds are {}", words.join(", "))
        })
    }
}

pub(super) fn parse_worker(reader: &mut Reader<'_>) -> Option<WorkerConfig> {
    let concurrency = reader.number("worker.concurrency", 1, 10_000);
    let kinds: Option<Vec<Kind>> = reader.list("worker.kinds");
    let mut lanes: Vec<Lane> = kinds?.into_iter().map(|Kind(lane)| lane).collect();
    if lanes.is_empty() {
        lanes = Lane::ALL.to_vec();
    }
    Some(WorkerConfig { concurrency: usize::try_from(concurrency?).ok()?, lanes })
}
