//! The crash points as they stand in the sources, and the effects there that no point follows.
//!
//! The sources are read as text: a point is found where it is written, whether or not anything is built with it.

use crate::sources::product_sources;

/// What begins a point.
const MARK: &str = "crash::point!(";
/// Stand for somebody else, or are the points themselves: nothing in them is an effect of the product's.
const NOT_OURS: [&str; 3] = ["crash/", "simulator/", "shop/"];
/// What an effect looks like: a statement that writes, a commit, a message, a call, an acknowledgement. Reads have none.
const EFFECTS: [&str; 14] = [
    ".exec(",
    ".exec_without_returning(",
    ".exec_with_returning(",
    ".execute(",
    ".execute_unprepared(",
    ".commit()",
    ".publish(",
    ".send()",
    "gateways.call(",
    ".ack()",
    ".basic_ack(",
    ".basic_nack(",
    ".basic_reject(",
    // Messages that are written together.
    "join_all(publishing)",
];
/// Writes of one row; collections have methods of these names as well.
const ROW_EFFECTS: [&str; 4] = [".insert(", ".update(", ".save(", ".delete("];
/// What a row is written to.
const DATABASES: [&str; 6] = ["write.tx", "self.tx", "tx", "self.db", "db", "connection"];

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
    let mut points: Vec<Point> = our_sources()
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

/// The effects in the product's sources that no point follows, by file and function.
///
/// # Panics
/// The sources cannot be read.
#[must_use]
pub fn unmarked_effects() -> Vec<Unmarked> {
    let mut unmarked: Vec<Unmarked> = Vec::new();
    for (file, text) in our_sources() {
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

fn our_sources() -> impl Iterator<Item = (String, String)> {
    let is_ours = |file: &str| !NOT_OURS.iter().any(|folder| file.starts_with(folder));
    product_sources().into_iter().filter(move |(file, _)| is_ours(file))
}

/// Points and effects of a source in their order, each with its function. Comments are left out.
fn read(text: &str) -> Vec<(String, Seen)> {
    let mut function = String::new();
    let mut seen = Vec::new();
    let mut lines = chains(text).into_iter();
    while let Some(line) = lines.next() {
        if let Some(name) = function_of(&line) {
            function = name.to_owned();
        }
        if let Some((_, begun)) = line.split_once(MARK) {
            let mut written = begun.to_owned();
            while !written.ends_with(");") {
                written.push_str(&lines.next().expect("a point ends"));
            }
            seen.push((function.clone(), Seen::Point(written)));
        } else {
            let effects = (0..effects_in(&line)).map(|_| (function.clone(), Seen::Effect));
            seen.extend(effects);
        }
    }
    seen
}

/// The lines of a source, those of a chain of methods as one.
fn chains(text: &str) -> Vec<String> {
    let mut chains: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
        match chains.last_mut() {
            Some(begun) if line.starts_with('.') || begun.ends_with('(') => begun.push_str(line),
            _ => chains.push(line.to_owned()),
        }
    }
    chains
}

fn effects_in(line: &str) -> usize {
    let of_rows = ROW_EFFECTS.iter().flat_map(|effect| line.split(effect).skip(1));
    let arguments = of_rows.filter_map(|rest| rest.split([')', ',']).next());
    let rows = arguments.filter(|it| DATABASES.contains(&it.trim_start_matches("&"))).count();
    rows + EFFECTS.iter().map(|effect| line.matches(effect).count()).sum::<usize>()
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
