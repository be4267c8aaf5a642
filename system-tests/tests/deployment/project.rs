//! The files of the project, and what the tests ask of them. No test is in here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The folder of the project.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file of the project.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// `docker-compose.yml` with its merges done.
pub(crate) fn compose() -> Value {
    serde_saphyr::from_str(&read("docker-compose.yml")).expect("docker-compose.yml is YAML")
}

/// The services by name.
pub(crate) fn services() -> BTreeMap<String, Value> {
    let compose = compose();
    let services = compose["services"].as_object().expect("services");
    services.iter().map(|(name, service)| (name.clone(), service.clone())).collect()
}

/// The services that run our image.
pub(crate) fn our_services() -> BTreeMap<String, Value> {
    services().into_iter().filter(|(_, service)| service["image"] == "seungin").collect()
}

/// A list of texts.
pub(crate) fn texts(value: &Value) -> Vec<&str> {
    value.as_array().map_or_else(Vec::new, |all| {
        all.iter().map(|one| one.as_str().unwrap_or_else(|| panic!("no text: {one}"))).collect()
    })
}

/// The seconds of `"75s"`.
pub(crate) fn seconds(value: &Value) -> i64 {
    let text = value.as_str().and_then(|text| text.strip_suffix('s'));
    text.and_then(|digits| digits.parse().ok()).unwrap_or_else(|| panic!("no seconds: {value}"))
}

/// One `${NAME}`, `${NAME:-default}` or `${NAME:?message}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Use {
    pub(crate) name: String,
    /// What it is when nobody sets it; `None` when somebody has to.
    pub(crate) default: Option<String>,
}

/// Where a text uses variables, in its order.
pub(crate) fn uses(text: &str) -> Vec<Use> {
    let parts = text.split("${").skip(1);
    parts.map(|part| parse_use(part.split_once('}').expect("a closed ${…}").0)).collect()
}

fn parse_use(inner: &str) -> Use {
    if let Some((name, message)) = inner.split_once(":?") {
        assert!(!message.is_empty(), "{name} says what to do");
        return Use { name: name.to_owned(), default: None };
    }
    let (name, default) = inner.split_once(":-").unwrap_or((inner, ""));
    let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    assert!(name.chars().all(is_name), "an unknown form: ${{{inner}}}");
    Use { name: name.to_owned(), default: Some(default.to_owned()) }
}

/// The text with its variables filled in, as compose does it.
pub(crate) fn fill(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut parts = text.split("${");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (inner, rest) = part.split_once('}').expect("a closed ${…}");
        let Use { name, default } = parse_use(inner);
        let given = variables.get(&name).filter(|value| !value.is_empty()).cloned();
        filled += &given.or(default).unwrap_or_else(|| panic!("{name} has to be set"));
        filled += rest;
    }
    filled
}

/// The environment of a service with its variables filled in.
pub(crate) fn environment(
    service: &Value,
    variables: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let given = service["environment"].as_object().expect("an environment");
    given
        .iter()
        .map(|(name, value)| {
            (name.clone(), fill(value.as_str().expect("a quoted value"), variables))
        })
        .collect()
}

/// The lines `NAME=value` of a file.
pub(crate) fn env_file(path: &str) -> BTreeMap<String, String> {
    let text = read(path);
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
    let lines = lines.filter(|line| !line.starts_with('#'));
    let pairs = lines.map(|line| line.split_once('=').unwrap_or_else(|| panic!("{path}: {line}")));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Every variable that sets a key of the product's configuration.
pub(crate) fn configuration_variables() -> BTreeSet<String> {
    let example = read("config/seungin.example.toml");
    let lines = example.lines().filter_map(|line| line.strip_prefix("# Variable: "));
    let lines = lines.map(|line| line.split(" (secret").next().unwrap_or(line));
    let names: BTreeSet<String> =
        lines.flat_map(|line| line.split(", ")).map(str::to_owned).collect();
    assert!(names.len() > 30 && names.contains("DATABASE_URL"), "the example names variables");
    names
}

/// Runs the binary to its end, with nothing of the user's environment.
pub(crate) fn seungin(arguments: &[&str], environment: &BTreeMap<String, String>) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(system_tests::binary());
    command.args(arguments).env_clear().envs(environment).current_dir(directory.path());
    command.output().expect("the binary runs")
}

/// Checks that the binary takes a command line, without doing what it says.
pub(crate) fn assert_takes(arguments: &[&str]) {
    let with_help: Vec<&str> = arguments.iter().copied().chain(["--help"]).collect();
    let output = seungin(&with_help, &BTreeMap::new());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "seungin {}: {said}", arguments.join(" "));
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    let command = format!("Usage: seungin {}", arguments.first().expect("a command"));
    assert!(help.contains(&command), "seungin {}: {help}", arguments.join(" "));
}
