//! `seungin doctor` against right and wrong surroundings.

use std::net::TcpListener;

use serde_json::Value;

use crate::process::{Ended, Place};

/// Runs it; the exit code has to fit what it says.
fn ask(place: &Place, variables: &[(&str, &str)]) -> Value {
    let output = place.command(&["doctor", "--json"]).envs(variables.iter().copied()).output();
    let output = output.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let told: Value = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    let code = if told["ok"] == true { 0 } else { 1 };
    assert_eq!(output.status.code(), Some(code), "{told}");
    for check in told["checks"].as_array().unwrap() {
        let is_well = check["status"] == "ok";
        assert_eq!(check["advice"].is_null(), is_well, "what is not well has an advice: {check}");
    }
    told
}

/// Status and text of a check.
fn check<'a>(told: &'a Value, name: &str) -> (&'a str, &'a str) {
    let checks = told["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["name"] == name);
    let found = found.unwrap_or_else(|| panic!("nothing about {name} in {told}"));
    (found["status"].as_str().unwrap(), found["found"].as_str().unwrap())
}

fn status<'a>(told: &'a Value, name: &str) -> &'a str {
    check(told, name).0
}

/// An address where nobody listens.
fn nobody() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn a_fresh_place_is_well_enough_to_start_and_says_what_will_come() {
    let place = Place::new();
    let told = ask(&place, &[]);
    assert_eq!(told["ok"], true);
    assert_eq!(status(&told, "configuration"), "ok");
    assert_eq!(status(&told, "data directory"), "ok");
    assert_eq!(check(&told, "database"), ("warn", "there is none yet"));
    assert_eq!(status(&told, "queue"), "ok");
    assert_eq!(status(&told, "toss keys"), "ok");
    assert!(!place.path().join(".seungin").exists(), "it only looks");
}

#[test]
fn a_running_product_is_well_and_is_told_to_people_in_lines() {
    let place = Place::new();
    let running = place.start();
    let told = ask(&place, &[]);
    assert_eq!(told["ok"], true);
    for name in ["database", "migrations", "clock", "data directory"] {
        assert_eq!(status(&told, name), "ok", "{told}");
    }
    assert!(check(&told, "data directory").1.contains("used by process"));
    let lines = place.run(&["doctor"]).expect(0).stdout;
    assert!(lines.contains("ok    migrations      the schema is this version's"), "{lines}");
    assert!(!lines.contains('\u{1b}'), "colours without a terminal");
    running.stop().expect(0);
}

#[test]
fn a_database_without_its_schema_fails_with_the_command_that_makes_it() {
    let place = Place::new();
    place.run(&["migrate"]).expect(0);
    std::fs::write(place.path().join(".seungin/seungin.db"), "").unwrap();
    let told = ask(&place, &[]);
    assert_eq!(status(&told, "migrations"), "fail");
    let Ended { stdout, stderr, .. } = place.run(&["doctor"]).expect(1);
    assert!(stdout.lines().any(|line| line.trim() == "-> run `seungin migrate`"), "{stdout}");
    assert!(stderr.contains("1 of ") && stderr.contains("checks failed"), "{stderr}");
    place.run(&["migrate"]).expect(0);
    assert_eq!(ask(&place, &[])["ok"], true);
}

#[test]
fn servers_that_are_away_fail_each_by_itself_and_no_password_is_told() {
    let place = Place::new();
    let (database, queue, toss) = (nobody(), nobody(), nobody());
    let told = ask(
        &place,
        &[
            ("DATABASE_URL", &format!("postgres://seungin:hush-hush@{database}/seungin")),
            ("AMQP_URL", &format!("amqp://seungin:hush-hush@{queue}/%2f")),
            ("TOSS_SECRET_KEY", "test_sk_hush"),
            ("TOSS_CLIENT_KEY", "test_ck_public"),
            ("SEUNGIN__TOSS__BASE_URL", &format!("http://{toss}")),
        ],
    );
    assert_eq!(told["ok"], false);
    for name in ["database", "queue", "toss"] {
        let (status, found) = check(&told, name);
        assert_eq!(status, "fail", "{told}");
        assert!(found.to_lowercase().contains("refused"), "{found}");
    }
    assert_eq!(
        check(&told, "toss keys"),
        ("ok", "test: no money moves; pairs of default 1 (current 1)")
    );
    assert!(!told.to_string().contains("hush"), "{told}");
}

#[test]
fn something_else_that_answers_is_not_taken_for_the_server() {
    let place = Place::new();
    // It takes connections and closes them, as a wrong port's service may.
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = stranger.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in stranger.incoming() {
            drop(stream);
        }
    });
    let told = ask(
        &place,
        &[
            ("DATABASE_URL", &format!("postgres://seungin:seungin@{address}/seungin")),
            ("AMQP_URL", &format!("amqp://seungin:seungin@{address}/%2f")),
            ("SEUNGIN__SIMULATOR__URL", &format!("http://{address}")),
        ],
    );
    for name in ["database", "queue", "simulator"] {
        assert_eq!(status(&told, name), "fail", "{told}");
    }
}

#[test]
fn keys_that_orders_are_pinned_to_and_that_are_not_configured_fail() {
    let place = Place::new();
    let running = place.start();
    crate::http::order(&running.api);
    assert_eq!(status(&ask(&place, &[]), "key pairs"), "ok");
    let other = [
        ("SEUNGIN__MERCHANTS__DEFAULT__KEYS__2__SECRET_KEY", "test_sk_other"),
        ("SEUNGIN__MERCHANTS__DEFAULT__KEYS__2__CLIENT_KEY", "test_ck_other"),
        ("SEUNGIN__TOSS__BASE_URL", &format!("http://{}", nobody())),
    ];
    let told = ask(&place, &other);
    let (status, found) = check(&told, "key pairs");
    assert_eq!(status, "fail", "{told}");
    assert!(found.contains("pair 1 of merchant default (1 orders open, 0 payments)"), "{found}");
    running.stop().expect(0);
}

#[cfg(unix)]
#[test]
fn a_data_directory_that_others_get_into_or_that_is_none_is_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let path = place.path().join(".seungin");
    std::fs::create_dir(&path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(status(&ask(&place, &[]), "data directory"), "warn");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(status(&ask(&place, &[]), "data directory"), "ok");
    std::fs::remove_dir(&path).unwrap();
    std::fs::write(&path, "a file").unwrap();
    assert_eq!(status(&ask(&place, &[]), "data directory"), "fail");
}
