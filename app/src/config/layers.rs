//! Puts the sources on top of each other: defaults, file, environment, flags. Every value keeps
//! where it came from. Not here: what makes a value valid.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use config::{File, FileFormat, Map, Source, Value, ValueKind};

use super::environment::Environment;
use super::keys::{KEYS, Key, PREFIX, find_key};
use super::problem::Problem;
use super::read::scalar;

/// The file that is read when none is named and it exists.
pub(crate) const FILE_NAME: &str = "seungin.toml";
/// The largest file that a secret is read from.
const SECRET_FILE_BYTES_MAX: u64 = 64 * 1024;

/// What flags say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    /// The file to read; it must exist.
    pub(crate) file: Option<PathBuf>,
    /// Key, value, and the flag's name.
    pub(crate) values: Vec<(&'static str, String, &'static str)>,
}

/// A key's value and where it came from.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    /// The value, of whatever type its source had.
    pub(crate) value: ValueKind,
    /// Such as `default`, `seungin.toml` or `flag --listen`.
    pub(crate) origin: String,
}

/// Every key that has a value.
pub(crate) type Settings = BTreeMap<String, Setting>;

/// The origin of values that nobody set.
pub(crate) const DEFAULT_ORIGIN: &str = "default";

/// Merges all sources. Unknown keys and unreadable sources are problems; all are reported at once.
pub(crate) fn merge(
    environment: &Environment,
    flags: &Flags,
    directory: &Path,
) -> Result<Settings, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut merged = config::Config::builder().add_source(Given(defaults(|key| key.default)));
    let file = file_to_read(flags, directory);
    if let Some(path) = &file {
        match read_file(path) {
            Ok(values) => merged = merged.add_source(Given(values)),
            Err(problem) => problems.push(problem),
        }
    }
    let variables = read_environment(environment, &mut problems);
    let flag_values = flags.values.iter().map(|(key, value, flag)| {
        ((*key).to_owned(), text_value(&format!("flag {flag}"), value.clone()))
    });
    merged = merged.add_source(Given(variables)).add_source(Given(flag_values.collect()));
    let settings = match merged.build() {
        Ok(merged) => {
            // A merged table has lost its origin; what is in none of ours stands in the file.
            let file = file.unwrap_or_else(|| PathBuf::from(FILE_NAME)).display().to_string();
            in_production(collect(&merged.cache, &file, &mut problems))
        }
        Err(error) => {
            problems.push(Problem::source("configuration", error.to_string()));
            Settings::new()
        }
    };
    if problems.is_empty() { Ok(settings) } else { Err(problems) }
}

fn file_to_read(flags: &Flags, directory: &Path) -> Option<PathBuf> {
    let usual = directory.join(FILE_NAME);
    flags.file.clone().or_else(|| usual.is_file().then(|| PathBuf::from(FILE_NAME)))
}

fn read_file(path: &Path) -> Result<Map<String, Value>, Problem> {
    let origin = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Problem::source(&origin, format!("cannot be read: {error}")))?;
    match File::from_str(&text, FileFormat::Toml).collect() {
        Ok(table) => Ok(with_origin(table, &origin)),
        Err(error) => Err(Problem::source(&origin, without_excerpt(&error.to_string()))),
    }
}

/// A parse error without the lines that it quotes: they may hold a secret.
fn without_excerpt(message: &str) -> String {
    let lines = message.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.contains('|')).collect::<Vec<_>>().join(": ")
}

/// In production, what nobody set gets the default of production.
fn in_production(mut settings: Settings) -> Settings {
    let environment = settings.get("environment").map(|setting| &setting.value);
    if environment.and_then(scalar).as_deref() != Some("production") {
        return settings;
    }
    let tree = Value::new(None, ValueKind::Table(defaults(|key| key.production)));
    // The table of keys names no unknown ones.
    for (name, setting) in collect(&tree, DEFAULT_ORIGIN, &mut Vec::new()) {
        if settings.get(&name).is_none_or(|given| given.origin == DEFAULT_ORIGIN) {
            settings.insert(name, setting);
        }
    }
    settings
}

/// The values that the table of keys has in one of its columns.
fn defaults(column: impl Fn(&Key) -> Option<&'static str>) -> Map<String, Value> {
    let lines = KEYS.iter().filter_map(|key| Some(format!("{} = {}\n", key.name, column(key)?)));
    let parsed = File::from_str(&lines.collect::<String>(), FileFormat::Toml).collect();
    with_origin(parsed.unwrap_or_default(), DEFAULT_ORIGIN)
}

/// Marks a table and everything in it with where it came from.
fn with_origin(table: Map<String, Value>, origin: &str) -> Map<String, Value> {
    let marked = |kind| Value::new(Some(&origin.to_owned()), kind);
    let values = table.into_iter().map(|(name, value)| {
        let Value { kind, .. } = value;
        let kind = if let ValueKind::Table(inner) = kind {
            ValueKind::Table(with_origin(inner, origin))
        } else {
            kind
        };
        (name, marked(kind))
    });
    values.collect()
}

fn read_environment(environment: &Environment, problems: &mut Vec<Problem>) -> Map<String, Value> {
    let mut given: BTreeMap<String, Vec<(&str, bool)>> = BTreeMap::new();
    for variable in environment.names_with_prefix("") {
        match named_by(variable) {
            Some((name, is_file)) => given.entry(name).or_default().push((variable, is_file)),
            None if variable.starts_with(PREFIX) => {
                let reason = "the variable names no known key".to_owned();
                problems.push(Problem::source(variable, reason));
            }
            None => {}
        }
    }
    let mut values = Map::new();
    for (name, variables) in given {
        if let [(first, _), (second, _), ..] = variables.as_slice() {
            let reason = format!("{first} and {second} are both set");
            problems.push(Problem::key(&name, "environment", reason));
        } else if let [(variable, is_file)] = variables.as_slice() {
            match read_variable(environment, variable, *is_file) {
                Ok(value) => drop(values.insert(name, value)),
                Err(reason) => problems.push(Problem::key(&name, variable, reason)),
            }
        }
    }
    values
}

/// The name of the key that a variable sets, and whether the variable names a file.
fn named_by(variable: &str) -> Option<(String, bool)> {
    KEYS.iter().find_map(|key| {
        let file = variable.strip_suffix("_FILE").filter(|_| key.is_secret);
        let ways = [(Some(variable), false), (file, true)];
        ways.into_iter().find_map(|(text, is_file)| Some((key_name(key, text?)?, is_file)))
    })
}

/// The key's name, if it is set by a variable of this name: of a pattern's, the one that it is meant for.
fn key_name(key: &Key, variable: &str) -> Option<String> {
    if key.aliases.contains(&variable) {
        return Some(key.name.to_owned());
    }
    let name = variable.strip_prefix(PREFIX)?.replace("__", ".");
    let is_upper = !name.bytes().any(|byte| byte.is_ascii_lowercase());
    Some(name.to_ascii_lowercase()).filter(|name| is_upper && key.is_named(name))
}

fn read_variable(environment: &Environment, name: &str, is_file: bool) -> Result<Value, String> {
    let text = environment.find(name).unwrap_or_default();
    if !is_file {
        return Ok(text_value(name, text.to_owned()));
    }
    let unreadable = |error: std::io::Error| format!("{text} cannot be read: {error}");
    let length = std::fs::metadata(text).map_err(unreadable)?.len();
    if length > SECRET_FILE_BYTES_MAX {
        return Err(format!("{text} is larger than {SECRET_FILE_BYTES_MAX} bytes"));
    }
    let secret = std::fs::read_to_string(text).map_err(unreadable)?;
    // Editors and `echo` end files with a line break that belongs to no secret.
    Ok(text_value(name, secret.trim_end_matches(['\r', '\n']).to_owned()))
}

fn text_value(origin: &str, text: String) -> Value {
    Value::new(Some(&origin.to_owned()), ValueKind::String(text))
}

/// Walks the merged tree: known keys become settings, everything else is a problem. What names no origin is of `file`.
fn collect(tree: &Value, file: &str, problems: &mut Vec<Problem>) -> Settings {
    let mut settings = Settings::new();
    let mut left: Vec<(String, &Value)> = vec![(String::new(), tree)];
    while let Some((name, value)) = left.pop() {
        if find_key(&name).is_some() {
            let origin = value.origin().unwrap_or(file).to_owned();
            settings.insert(name, Setting { value: value.kind.clone(), origin });
        } else if let (ValueKind::Table(table), true) = (&value.kind, is_section(&name)) {
            let inner = |part: &String| {
                if name.is_empty() { part.clone() } else { format!("{name}.{part}") }
            };
            left.extend(table.iter().map(|(part, value)| (inner(part), value)));
        } else {
            let origin = value.origin().unwrap_or(file).to_owned();
            problems.push(Problem::unknown(&name, &origin));
        }
    }
    settings
}

fn is_section(name: &str) -> bool {
    name.is_empty() || KEYS.iter().any(|key| key.begins_with(name))
}

/// Values that are already read.
#[derive(Debug, Clone)]
struct Given(Map<String, Value>);

impl Source for Given {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.0.clone())
    }
}
