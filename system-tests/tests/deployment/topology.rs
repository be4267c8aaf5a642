//! Which services there are, how each is kept to itself, and in which order they start.

use std::collections::BTreeSet;

use domain::limits::DRAIN_MS;
use serde_json::{Value, json};

use crate::project::{assert_takes, compose, our_services, seconds, services, texts};

/// The commands that end by themselves.
const ENDING: [&str; 2] = ["migrate", "seed"];
/// What is there only for the demo.
const DEMO: [&str; 2] = ["seed", "simulator"];

#[test]
fn production_is_two_servers_the_schema_the_api_and_two_workers() {
    let services = services();
    let is_demo = |service: &Value| texts(&service["profiles"]) == ["demo"];
    let names = |demo: bool| -> BTreeSet<&str> {
        let some = services.iter().filter(|(_, service)| is_demo(service) == demo);
        some.map(|(name, _)| name.as_str()).collect()
    };
    let production = ["api", "migrate", "postgres", "rabbitmq", "worker"];
    assert_eq!(names(false), BTreeSet::from(production));
    assert_eq!(names(true), BTreeSet::from(DEMO));
    for name in production {
        assert!(services[name]["profiles"].is_null(), "{name} is there in every profile");
    }
    let worker = &services["worker"];
    assert_eq!(worker["deploy"]["replicas"], json!(2));
    // Either would be there once only, and so would the service.
    assert!(worker["ports"].is_null() && worker["container_name"].is_null());
}

#[test]
fn every_service_is_kept_to_itself() {
    for (name, service) in services() {
        assert_eq!(service["read_only"], json!(true), "{name}");
        assert_eq!(texts(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(texts(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        assert_eq!(service["logging"]["driver"], "local", "{name}");
        let memory = service["deploy"]["resources"]["limits"]["memory"].as_str();
        assert!(
            memory.is_some_and(|memory| ["512m", "1g"].contains(&memory)),
            "{name}: {memory:?}"
        );
        let processes = service["pids_limit"].as_u64();
        assert!(processes.is_some_and(|most| most <= 512), "{name}: {processes:?}");
        for opening in ["cap_add", "privileged", "network_mode", "pid", "ipc", "devices"] {
            assert!(service[opening].is_null(), "{name} has {opening}");
        }
        for volume in texts(&service["volumes"]) {
            let (from, _) = volume.split_once(':').expect("a named volume");
            assert!(compose()["volumes"].get(from).is_some(), "{name}: {from} is no volume");
        }
    }
}

#[test]
fn what_the_servers_write_outlives_the_container_or_is_temporary() {
    let services = services();
    let mounts = |name: &str| -> BTreeSet<String> {
        let volumes = texts(&services[name]["volumes"]);
        let volumes = volumes.iter().filter_map(|volume| volume.split_once(':'));
        let volumes = volumes.map(|(_, at)| at.to_owned());
        volumes.chain(texts(&services[name]["tmpfs"]).iter().map(|&at| at.to_owned())).collect()
    };
    let owned = |all: &[&str]| all.iter().map(|&one| one.to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(services["postgres"]["image"], "postgres:18");
    assert_eq!(
        mounts("postgres"),
        owned(&["/var/lib/postgresql", "/tmp", "/var/run/postgresql"]),
        "since 18 the data is in a directory per version below this one"
    );
    assert_eq!(mounts("rabbitmq"), owned(&["/var/lib/rabbitmq", "/tmp", "/var/log/rabbitmq"]));
    assert_eq!(services["rabbitmq"]["image"], "rabbitmq:4-management");
    assert_eq!(services["rabbitmq"]["hostname"], "rabbitmq", "the data belongs to a host's name");
    // Their entrypoints would change users, which takes capabilities.
    assert_eq!(services["postgres"]["user"], "postgres");
    assert_eq!(services["rabbitmq"]["user"], "rabbitmq");
}

#[test]
fn everything_is_published_on_loopback_only() {
    for (name, service) in services() {
        for port in texts(&service["ports"]) {
            assert!(port.starts_with("127.0.0.1:${"), "{name} publishes {port}");
        }
    }
}

#[test]
fn what_runs_on_is_started_again_and_asked_for_its_health() {
    for (name, service) in services() {
        let check = &service["healthcheck"];
        if ENDING.contains(&name.as_str()) {
            assert_eq!((&service["restart"], &check["disable"]), (&json!("no"), &json!(true)));
            continue;
        }
        assert_eq!(service["restart"], "unless-stopped", "{name}");
        assert!(seconds(&check["interval"]) >= seconds(&check["timeout"]), "{name}");
        assert!(check["retries"].as_i64() > Some(1), "{name}");
        let test = texts(&check["test"]);
        match name.as_str() {
            // Without -h it succeeds while the database is still being made.
            "postgres" => {
                assert_eq!(test, ["CMD-SHELL", "pg_isready -h 127.0.0.1 -U seungin -d seungin"])
            }
            "rabbitmq" => assert!(
                test[1].contains("check_running")
                    && test[1].contains("&&")
                    && test[1].contains("check_local_alarms")
            ),
            _ => {
                assert_eq!(test[..3], ["CMD", "seungin", "healthcheck"], "{name}");
                assert_takes(&test[2..]);
                // What answers there: the API, the simulator, or the listener for health.
                let asked = match name.as_str() {
                    "api" => "http://127.0.0.1:8080",
                    "simulator" => "http://127.0.0.1:8081",
                    _ => "http://127.0.0.1:9464",
                };
                assert_eq!(test[3..], ["--url", asked], "{name}");
            }
        }
    }
}

#[test]
fn a_stop_waits_longer_than_the_calls_under_way_may_take() {
    for (name, service) in our_services() {
        let waits_ms = seconds(&service["stop_grace_period"]).checked_mul(1_000).unwrap();
        assert!(waits_ms >= DRAIN_MS.checked_add(10_000).unwrap(), "{name} is stopped too early");
    }
}

#[test]
fn the_schema_is_there_before_anything_works_with_it() {
    let services = services();
    let wait = |name: &str, other: &str| services[name]["depends_on"][other]["condition"].clone();
    assert_eq!(wait("migrate", "postgres"), "service_healthy");
    for name in ["api", "worker", "seed"] {
        assert_eq!(wait(name, "migrate"), "service_completed_successfully", "{name}");
    }
    for name in ["api", "worker"] {
        // Each can do without the broker for a while, and is started with it.
        assert_eq!(wait(name, "rabbitmq"), "service_started", "{name}");
    }
}

#[test]
fn every_command_is_one_that_the_binary_takes() {
    let ours = our_services();
    assert_eq!(ours.len(), 5);
    for (name, service) in ours {
        let command = texts(&service["command"]);
        assert_eq!(command.first(), Some(&name.as_str()), "a service is named after its command");
        assert_takes(&command);
        assert_eq!(service["build"], ".", "{name}");
        assert!(service["entrypoint"].is_null() && service["user"].is_null(), "{name}");
    }
}
