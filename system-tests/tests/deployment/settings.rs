//! What the services are told, and what has to be known for it: variables, passwords, `.env.example` and the demo's settings.

use std::collections::{BTreeMap, BTreeSet};

use crate::project::{
    Use, configuration_variables, env_file, environment, our_services, read, services, seungin,
    uses,
};

/// What a sensible person would put into `.env`.
fn filled_in() -> BTreeMap<String, String> {
    let mut values = env_file(".env.example");
    for (name, value) in [
        ("POSTGRES_PASSWORD", "a9f0"),
        ("RABBITMQ_PASSWORD", "b8e1"),
        (
            "SEUNGIN__SECURITY__TOKEN_KEY",
            "8c3f8c3f8c3f8c3f8c3f8c3f8c3f8c3f8c3f8c3f8c3f8c3f8c3f8c3f8c3f8c3f",
        ),
        ("SEUNGIN__API__PUBLIC_URL", "https://pay.example.com"),
        ("TOSS_SECRET_KEY", "live_sk_0123456789"),
        ("TOSS_CLIENT_KEY", "live_ck_0123456789"),
    ] {
        let before = values.insert(name.to_owned(), value.to_owned());
        assert_eq!(before.as_deref(), Some(""), "{name} is to be filled in");
    }
    values
}

fn used_in_compose() -> BTreeSet<Use> {
    uses(&read("docker-compose.yml")).into_iter().collect()
}

#[test]
fn every_variable_of_our_services_is_a_key_of_the_configuration() {
    let known = configuration_variables();
    for (name, service) in our_services() {
        for variable in environment(&service, &filled_in()).keys() {
            assert!(known.contains(variable), "{name}: nothing is called {variable}");
        }
    }
}

#[test]
fn the_binary_takes_the_settings_of_production() {
    for (name, service) in our_services() {
        let output = seungin(&["config", "check"], &environment(&service, &filled_in()));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{name}: {said}");
    }
}

#[test]
fn production_does_not_start_without_the_keys_of_toss() {
    let mut values = filled_in();
    values.insert("TOSS_SECRET_KEY".to_owned(), String::new());
    values.insert("TOSS_CLIENT_KEY".to_owned(), String::new());
    let output = seungin(&["config", "check"], &environment(&services()["api"], &values));
    assert_eq!(output.status.code(), Some(78));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("toss.secret_key"), "{said}");
}

#[test]
fn the_binary_takes_the_settings_of_the_demo_and_browsers_find_the_simulator() {
    let demo = env_file("deploy/demo.env");
    for (name, service) in our_services() {
        let environment = environment(&service, &demo);
        let output = seungin(&["config", "print", "--json"], &environment);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{name}: {said}");
        let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let value = |key: &str| {
            let all = printed.as_array().unwrap();
            let found = all.iter().find(|one| one["key"] == key).expect("a key that exists");
            found["value"].as_str().unwrap_or_default().to_owned()
        };
        assert_eq!(value("environment"), "development");
        assert_eq!(value("toss.secret_key"), "", "the demo has no keys of Toss");
        // Within the network by its name, from outside by its port on loopback.
        assert_eq!(value("simulator.url"), "http://simulator:8081");
        assert_eq!(value("simulator.public_url"), "http://localhost:8081");
        assert_eq!(value("api.public_url"), "http://localhost:8080");
    }
    let published = &services()["simulator"]["ports"][0];
    assert_eq!(published, "127.0.0.1:${SIMULATOR_PORT:-8081}:8081");
    assert_eq!(demo.get("COMPOSE_PROFILES").map(String::as_str), Some("demo"));
}

#[test]
fn no_secret_has_a_default() {
    let is_secret =
        |name: &str| ["PASSWORD", "SECRET", "TOKEN_KEY"].iter().any(|it| name.contains(it));
    let used: Vec<Use> = used_in_compose().into_iter().filter(|one| is_secret(&one.name)).collect();
    let must_be_set = ["POSTGRES_PASSWORD", "RABBITMQ_PASSWORD", "SEUNGIN__SECURITY__TOKEN_KEY"];
    for name in must_be_set {
        assert!(
            used.contains(&Use { name: name.to_owned(), default: None }),
            "{name} has to be set"
        );
    }
    for one in &used {
        let has_none = one.default.as_deref().is_none_or(str::is_empty);
        assert!(has_none, "{} is known to everybody", one.name);
    }
    for (name, service) in services() {
        for (variable, value) in service["environment"].as_object().expect("an environment") {
            let value = value.as_str().unwrap_or_default();
            let holds_one = is_secret(variable) || variable.ends_with("_PASS");
            assert!(!holds_one || value.starts_with("${"), "{name}: {variable} is written down");
            if let Some((_, login)) = value.split_once("://seungin:") {
                assert!(
                    login.starts_with("${"),
                    "{name}: {variable} has its password written down"
                );
            }
        }
    }
}

#[test]
fn env_example_has_every_variable_and_its_default_and_no_other() {
    let example = read(".env.example");
    let optional = example.lines().filter_map(|line| line.strip_prefix('#')?.split_once('='));
    let optional = optional.filter(|(name, _)| !name.contains(' '));
    let written = optional
        .map(|(name, default)| (name.to_owned(), default.to_owned()))
        .chain(env_file(".env.example"))
        .collect::<BTreeMap<_, _>>();
    let used = used_in_compose();
    let names: BTreeSet<&str> = used.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(written.keys().map(String::as_str).collect::<BTreeSet<_>>(), names);
    let product = read("config/seungin.example.toml");
    for Use { name, default } in &used {
        match default.as_deref() {
            None => assert_eq!(env_file(".env.example").get(name).map(String::as_str), Some("")),
            Some("") if !written[name].is_empty() => {
                // The product's own default.
                let (_, after) = product.split_once(&format!("# Variable: {name}\n")).unwrap();
                let line = after.lines().next().unwrap_or_default();
                let value = line.split_once(" = ").expect("a default").1.trim_matches('"');
                assert_eq!(written[name], value, "{name}");
            }
            Some(default) => assert_eq!(written[name], default, "{name}"),
        }
    }
}

#[test]
fn the_demo_sets_what_has_to_be_set_and_nothing_unknown() {
    let demo = env_file("deploy/demo.env");
    let used = used_in_compose();
    for one in used.iter().filter(|one| one.default.is_none()) {
        assert!(demo.get(&one.name).is_some_and(|value| !value.is_empty()), "{}", one.name);
    }
    let names: BTreeSet<&str> = used.iter().map(|one| one.name.as_str()).collect();
    for name in demo.keys().filter(|name| *name != "COMPOSE_PROFILES") {
        assert!(names.contains(name.as_str()), "nothing uses {name}");
    }
}
