//! `Dockerfile` and `.dockerignore`: what the image is made from, and what somebody gets who starts it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::project::{assert_takes, configuration_variables, read, seungin};

/// The user `nonroot` of the base image. As a number: Kubernetes refuses a name that it cannot tell from root's.
const NONROOT: &str = "65532:65532";

/// An instruction and what follows it, with continued lines as one.
fn instructions() -> Vec<(String, String)> {
    let text = read("Dockerfile");
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let joined = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let lines = joined.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let (word, rest) = line.split_once(' ').unwrap_or_else(|| panic!("{line}"));
            (word.to_owned(), rest.split_whitespace().collect::<Vec<_>>().join(" "))
        })
        .collect()
}

/// The instructions of each stage, from its FROM on.
fn stages() -> Vec<Vec<(String, String)>> {
    let mut stages: Vec<Vec<(String, String)>> = Vec::new();
    for instruction in instructions() {
        if instruction.0 == "FROM" {
            stages.push(Vec::new());
        }
        stages.last_mut().expect("FROM comes first").push(instruction);
    }
    stages
}

fn all<'a>(stage: &'a [(String, String)], word: &str) -> Vec<&'a str> {
    stage.iter().filter(|(it, _)| it == word).map(|(_, rest)| rest.as_str()).collect()
}

fn only<'a>(stage: &'a [(String, String)], word: &str) -> &'a str {
    let found = all(stage, word);
    assert_eq!(found.len(), 1, "one {word}");
    found[0]
}

/// The last stage's variables.
fn variables() -> BTreeMap<String, String> {
    let stages = stages();
    let pairs = only(&stages[1], "ENV").split(' ');
    let pairs = pairs.map(|pair| pair.split_once('=').expect("NAME=value"));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn it_is_built_by_a_new_enough_compiler_and_runs_on_the_same_debian_without_a_shell() {
    let stages = stages();
    assert_eq!(stages.len(), 2);
    let build = only(&stages[0], "FROM");
    let version = build.strip_prefix("rust:").and_then(|it| it.strip_suffix("-bookworm AS build"));
    let version = minor(version.expect("Rust on Debian 12"));
    let manifest: toml::Value = toml::from_str(&read("Cargo.toml")).unwrap();
    let needed = manifest["workspace"]["package"]["rust-version"].as_str().unwrap();
    assert!(version >= minor(needed), "{build} is older than {needed}");
    assert_eq!(only(&stages[1], "FROM"), "gcr.io/distroless/cc-debian12:nonroot");
    assert!(all(&stages[1], "RUN").is_empty(), "there is nothing to run it with");
}

fn minor(version: &str) -> u32 {
    let minor = version.strip_prefix("1.").and_then(|it| it.split('.').next());
    minor.and_then(|it| it.parse().ok()).unwrap_or_else(|| panic!("no version: {version}"))
}

#[test]
fn every_image_is_of_a_named_version() {
    let images = stages().into_iter().map(|stage| only(&stage, "FROM").to_owned());
    let servers = crate::project::services()
        .into_values()
        .map(|service| service["image"].as_str().expect("an image").to_owned());
    for image in images.chain(servers).filter(|image| image != "seungin") {
        let image = image.split(' ').next().unwrap_or_default().to_owned();
        let (name, tag) =
            image.rsplit_once(':').unwrap_or_else(|| panic!("{image} has no version"));
        let is_named = name.chars().chain(tag.chars()).any(|c| c.is_ascii_digit());
        assert!(is_named && !["latest", "stable"].contains(&tag), "{image}");
    }
}

#[test]
fn what_is_built_is_what_the_lock_file_says_and_one_binary_of_it_is_kept() {
    let stages = stages();
    let run = only(&stages[0], "RUN");
    for word in ["cargo build", "--release", "--locked", "--package app"] {
        assert!(run.contains(word), "{word}: {run}");
    }
    let name = system_tests::binary().file_name().unwrap().to_str().unwrap();
    assert!(run.contains(&format!("install -D target/release/{name} /out/{name}")), "{run}");
    let copies = all(&stages[1], "COPY");
    assert_eq!(copies.len(), 2);
    assert_eq!(copies[0], format!("--from=build /out/{name} /usr/local/bin/{name}"));
    assert_eq!(only(&stages[1], "ENTRYPOINT"), format!("[\"{name}\"]"));
    assert!(all(&stages[1], "CMD").is_empty(), "without a command it is the embedded product");
}

#[test]
fn it_runs_as_nobody_in_particular_who_owns_the_data() {
    let stages = stages();
    assert_eq!(only(&stages[1], "USER"), NONROOT);
    let data = &variables()["SEUNGIN__DATA_DIR"];
    let copy = format!("--from=build --chown={NONROOT} --chmod=700 /out/data {data}");
    assert_eq!(all(&stages[1], "COPY")[1], copy);
    assert!(only(&stages[0], "RUN").contains("mkdir /out/data"));
}

#[test]
fn the_embedded_product_is_reached_from_outside_of_the_container() {
    let known = configuration_variables();
    for name in variables().keys() {
        assert!(known.contains(name), "nothing is called {name}");
    }
    let output = seungin(&["config", "print", "--json"], &variables());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let stages = stages();
    let exposed: BTreeSet<&str> = only(&stages[1], "EXPOSE").split(' ').collect();
    for key in ["api.listen", "simulator.listen"] {
        let found = printed.as_array().unwrap().iter().find(|one| one["key"] == key).unwrap();
        let address = found["value"].as_str().unwrap();
        let (host, port) = address.rsplit_once(':').unwrap();
        assert_eq!(host, "0.0.0.0", "{key}");
        assert!(exposed.contains(port), "{key}: {port} is not exposed");
    }
}

#[test]
fn its_health_check_is_a_command_of_the_binary() {
    let stages = stages();
    let check = only(&stages[1], "HEALTHCHECK");
    let (_, command) = check.split_once("CMD ").expect("a command");
    let command: Vec<String> =
        serde_json::from_str(command).expect("the exec form: there is no shell");
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    assert_eq!(command[0], "seungin");
    assert_takes(&command[1..]);
}

/// The patterns of a file that says what is left out.
fn patterns(text: &str) -> BTreeSet<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// What git leaves alone is this machine's own: data of trials, databases, keys. `COPY . .` would take it along.
#[test]
fn what_git_ignores_never_gets_into_the_image() {
    let (ignored, own) = (read(".dockerignore"), read(".gitignore"));
    let ignored = patterns(&ignored);
    let own = patterns(&own);
    assert!(!own.is_empty());
    for pattern in own.iter().chain(&ignored) {
        assert!(!pattern.starts_with('!'), "{pattern}: nothing is taken back in");
    }
    for pattern in own {
        let bare = pattern.trim_end_matches('/');
        // Git looks for a pattern without a slash in every directory, docker only where `**` says so.
        let everywhere = format!("**/{}", bare.trim_start_matches('/'));
        let is_ignored =
            ignored.contains(everywhere.as_str()) || (bare.contains('/') && ignored.contains(bare));
        assert!(is_ignored, "{pattern}: .dockerignore lacks it");
    }
}

#[test]
fn the_build_gets_the_source_and_no_secret_or_data() {
    let ignored = read(".dockerignore");
    let ignored = patterns(&ignored);
    let secret = ["**/.env", "**/.env.*", "**/*.pem", "**/*.key", "/seungin.toml"];
    let data = ["/.git", "/.seungin", "/.servers", "/data", "/target", "**/*.db"];
    for unwanted in secret.into_iter().chain(data) {
        assert!(ignored.contains(unwanted), "{unwanted}");
    }
    let manifest: toml::Value = toml::from_str(&read("Cargo.toml")).unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    let members = members.iter().map(|it| it.as_str().unwrap());
    // The catalogue is part of the binary; the manifest names every crate, also those that are not built.
    for needed in members.chain(["Cargo.toml", "Cargo.lock", "config"]) {
        for pattern in [needed.to_owned(), format!("/{needed}"), format!("**/{needed}")] {
            assert!(!ignored.contains(pattern.as_str()), "the build needs {needed}");
        }
    }
}
