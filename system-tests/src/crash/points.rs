//! The crash points as they stand in the sources, and the effects there that no point follows.
//!
//! The sources are read as text: a point is found where it is written, whether or not anything is built with it.

use std::path::{Path, PathBuf};

/// What begins a point.
const MARK: &str = "crash::point!(";
/// Where accepting, relaying, dispatching and settling have their effects: every effect here is followed by a point, or explained.
pub const WATCHED: [&str; 22] = [
    "api/src/cancels.rs",
    "api/src/confirm.rs",
    "api/src/publishing.rs",
    "api/src/webhooks.rs",
    "queue/src/rabbit/intake.rs",
    "queue/src/rabbit/publisher/window.rs",
    "relay/src",
    "store/src/accept_cancel.rs",
    "store/src/accept_confirm.rs",
    "store/src/audit.rs",
    "store/src/claim.rs",
    "store/src/connection.rs",
    "store/src/gate.rs",
    "store/src/idempotency.rs",
    "store/src/late_approval.rs",
    "store/src/operate/look_up.rs",
    "store/src/refund_accounts.rs",
    "store/src/relayed.rs",
    "store/src/settle",
    "store/src/webhooks.rs",
    "toss/src/transport.rs",
    "worker/src",
];
/// What an effect looks like: a statement that writes, a commit, a message, a call, an acknowledgement. Reads have none.
const EFFECTS: [&str; 11] = [
    ".insert(&write.tx)",
    ".update(&write.tx)",
    ".exec(&write.tx)",
    ".exec(&self.tx)",
    ".exec_without_returning(&write.tx)",
    ".exec_with_returning(&write.tx)",
    "write.commit()",
    "tx.commit()",
    "publisher.publish(",
    ".send().await",
    "gateways.call(",
];
/// Those that do not wait, or wait together.
const MORE_EFFECTS: [&str; 3] = ["delivery.ack()", "channel.basic_ack(", "join_all(publishing)"];

/// A place at which a process can be made to die.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// accept, relay, dispatch, settle or commit.
    pub area: String,
    /// Unique in its area.
    pub number: u32,
    /// What has happened by then.
    pub done: String,
    /// What comes next.
    pub next: String,
    /// The file, from the root.
    pub file: String,
    /// The function.
    pub function: String,
}

impl Point {
    /// What a trap is set to.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{} {}", self.area, self.number)
    }
}

/// Effects of one function of which each is followed by another one, or by its end, before a point.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unmarked {
    /// The file, from the root.
    pub file: String,
    /// The function.
    pub function: String,
    /// How many.
    pub count: usize,
}

/// Every point of the product's sources, by area and number.
///
/// # Panics
/// The sources cannot be read, or a point is not written like the others.
#[must_use]
pub fn points() -> Vec<Point> {
    let mut points: Vec<Point> = sources()
        .into_iter()
        .flat_map(|(file, text)| {
            let own = read(&text).into_iter().filter_map(|(function, seen)| match seen {
                Seen::Point(written) => Some(point(&file, &function, &written)),
                Seen::Effect => None,
            });
            own.collect::<Vec<_>>()
        })
        .collect();
    points.sort_by(|one, other| (&one.area, one.number).cmp(&(&other.area, other.number)));
    points
}

/// The effects in the watched sources that no point follows, by file and function.
///
/// # Panics
/// The sources cannot be read, or something watched is not there any more.
#[must_use]
pub fn unmarked_effects() -> Vec<Unmarked> {
    let sources = sources();
    for watched in WATCHED {
        assert!(sources.iter().any(|(file, _)| file.starts_with(watched)), "{watched} is gone");
    }
    let is_watched = |file: &str| WATCHED.iter().any(|watched| file.starts_with(watched));
    let mut unmarked: Vec<Unmarked> = Vec::new();
    for (file, text) in sources.into_iter().filter(|(file, _)| is_watched(file)) {
        let seen = read(&text);
        for (number, (function, what)) in seen.iter().enumerate() {
            let follower = seen.get(number + 1).filter(|(other, _)| other == function);
            if *what != Seen::Effect || matches!(follower, Some((_, Seen::Point(_)))) {
                continue;
            }
            match unmarked.last_mut().filter(|it| it.file == file && it.function == *function) {
                Some(known) => known.count += 1,
                None => unmarked.push(Unmarked {
                    file: file.clone(),
                    function: function.clone(),
                    count: 1,
                }),
            }
        }
    }
    unmarked
}

/// What the scan stops at.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// A point, as it is written between its brackets.
    Point(String),
    Effect,
}

/// Points and effects of a source in their order, each with its function. Tests and comments are left out.
fn read(text: &str) -> Vec<(String, Seen)> {
    let (product, _) = text.split_once("#[cfg(test)]\nmod tests {").unwrap_or((text, ""));
    let mut function = String::new();
    let mut seen = Vec::new();
    let mut lines = product.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    while let Some(line) = lines.next() {
        if let Some(name) = function_of(line) {
            function = name.to_owned();
        }
        if let Some((_, begun)) = line.split_once(MARK) {
            let mut written = begun.to_owned();
            while !written.ends_with(");") {
                written.push_str(lines.next().expect("a point ends"));
            }
            seen.push((function.clone(), Seen::Point(written)));
        } else if EFFECTS.iter().chain(&MORE_EFFECTS).any(|effect| line.contains(effect)) {
            seen.push((function.clone(), Seen::Effect));
        }
    }
    seen
}

fn function_of(line: &str) -> Option<&str> {
    let words = ["pub ", "pub(crate) ", "pub(super) ", "const ", "async "];
    let mut rest = line;
    while let Some(shorter) = words.iter().find_map(|word| rest.strip_prefix(word)) {
        rest = shorter;
    }
    rest.strip_prefix("fn ")?.split(['(', '<']).next()
}

/// Reads `"area number", "done", "next");`.
fn point(file: &str, function: &str, written: &str) -> Point {
    let texts: Vec<&str> = written.split('"').skip(1).step_by(2).collect();
    let [id, done, next] = texts[..] else { panic!("{file}: a point has three texts: {written}") };
    let (area, number) = id.split_once(' ').expect("an area and a number");
    let number = number.parse().unwrap_or_else(|_| panic!("{file}: {id} has no number"));
    let [area, done, next, file, function] = [area, done, next, file, function].map(str::to_owned);
    Point { area, number, done, next, file, function }
}

/// Every source of the product: its path from the root, and its text.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let mut folders: Vec<PathBuf> = std::fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.ends_with("system-tests") && !path.ends_with("crash"))
        .map(|path| path.join("src"))
        .filter(|path| path.is_dir())
        .collect();
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let file = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                sources.push((file, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    sources.sort();
    sources
}
