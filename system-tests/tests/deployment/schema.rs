//! Whether compose understands the file: asked of the tool where one is installed, and of the words that it knows in any case.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::project::{compose, read, root, services, texts, uses};

/// The words of the Compose Specification that the file needs. A misspelt one would do nothing, without a word in some tools.
const SERVICE_WORDS: [&str; 21] = [
    "build",
    "cap_drop",
    "command",
    "depends_on",
    "deploy",
    "environment",
    "healthcheck",
    "hostname",
    "image",
    "logging",
    "pids_limit",
    "ports",
    "profiles",
    "read_only",
    "restart",
    "security_opt",
    "stop_grace_period",
    "tmpfs",
    "user",
    "volumes",
    "init",
];
const HEALTHCHECK_WORDS: [&str; 6] =
    ["disable", "interval", "retries", "start_period", "test", "timeout"];
const CONDITIONS: [&str; 3] =
    ["service_started", "service_healthy", "service_completed_successfully"];

#[test]
fn compose_understands_the_file() {
    check_words();
    if let Some(tool) = find_tool() {
        let demo = run(&tool, &["--env-file", "deploy/demo.env", "config", "-q"]);
        assert_eq!(demo, (true, String::new()), "{}", tool.join(" "));
        let (is_taken, said) = run(&tool, &["--env-file", ".env.example", "config", "-q"]);
        assert!(!is_taken && said.contains("set it in .env"), "{said}");
    }
}

fn check_words() {
    let compose = compose();
    let top = compose.as_object().expect("a mapping");
    for word in top.keys().filter(|word| !word.starts_with("x-")) {
        assert!(["services", "volumes"].contains(&word.as_str()), "{word}");
    }
    let services = services();
    for (name, service) in &services {
        for word in service.as_object().expect("a mapping").keys() {
            assert!(SERVICE_WORDS.contains(&word.as_str()), "{name}: {word}");
        }
        if let Some(check) = service["healthcheck"].as_object() {
            for word in check.keys() {
                assert!(HEALTHCHECK_WORDS.contains(&word.as_str()), "{name}: healthcheck.{word}");
            }
        }
        for (other, wait) in service["depends_on"].as_object().into_iter().flatten() {
            assert!(services.contains_key(other), "{name} waits for {other}");
            let condition = wait["condition"].as_str().unwrap_or_default();
            assert!(CONDITIONS.contains(&condition), "{name}: {condition:?}");
            if condition == "service_healthy" {
                assert!(!services[other]["healthcheck"]["test"].is_null(), "{other} tells nobody");
            }
        }
        assert!(starts_some_time(name, &services, 0), "{name} waits for itself");
    }
    let volumes = top["volumes"].as_object().expect("volumes");
    for volume in volumes.keys() {
        let is_used = |service: &Value| {
            texts(&service["volumes"]).iter().any(|it| it.starts_with(&format!("{volume}:")))
        };
        assert!(services.values().any(is_used), "nobody uses the volume {volume}");
    }
    assert!(!uses(&read("docker-compose.yml")).is_empty());
}

/// Whether nothing that a service waits for waits for the service.
fn starts_some_time(name: &str, services: &BTreeMap<String, Value>, depth: usize) -> bool {
    let others = services[name]["depends_on"].as_object().into_iter().flatten();
    depth <= services.len()
        && others.into_iter().all(|(other, _)| {
            starts_some_time(other, services, depth.checked_add(1).expect("a small number"))
        })
}

/// The compose tool as a plugin or as a program of its own.
fn find_tool() -> Option<Vec<&'static str>> {
    [vec!["docker", "compose"], vec!["docker-compose"]]
        .into_iter()
        .find(|tool| matches!(try_run(tool, &["version"]), Some((true, _))))
}

fn run(tool: &[&str], arguments: &[&str]) -> (bool, String) {
    try_run(tool, arguments).expect("the tool was there before")
}

fn try_run(tool: &[&str], arguments: &[&str]) -> Option<(bool, String)> {
    let (program, first) = tool.split_first()?;
    let mut command = Command::new(program);
    command.args(first).args(arguments).current_dir(root());
    // The user's own settings are not what is looked at.
    for one in uses(&read("docker-compose.yml")) {
        command.env_remove(one.name);
    }
    command
        .env_remove("COMPOSE_FILE")
        .env_remove("COMPOSE_PROFILES")
        .env_remove("COMPOSE_ENV_FILES");
    let output = command.output().ok()?;
    Some((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
}
