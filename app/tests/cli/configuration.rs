//! Wrong usage, wrong configuration, and what says so.

use crate::process::Place;

#[test]
fn wrong_usage_exits_with_2() {
    let place = Place::new();
    for arguments in [
        &["no-such-command"][..],
        &["--no-such-flag"],
        &["--listen", "localhost"],
        &["--ephemeral", "--data-dir", "x"],
        &["--ephemeral", "migrate"],
        &["try", "--count", "0"],
        &["try", "--api", "nonsense"],
        &["healthcheck", "--url", "localhost:8080"],
        &["staff", "add", "--name", "x", "--role", "king"],
    ] {
        let ended = place.run(arguments).expect(2);
        assert!(ended.stdout.is_empty() && ended.stderr.contains("--help"), "{arguments:?}");
    }
    assert!(!place.path().join(".seungin").exists(), "a wrong usage left something behind");
}

#[test]
fn an_unknown_key_exits_with_78_and_is_named() {
    let place = Place::new();
    std::fs::write(place.path().join("seungin.toml"), "[api]\nlisen = \"127.0.0.1:0\"\n").unwrap();
    for arguments in [&[][..], &["config", "check"], &["try"], &["staff", "list"]] {
        let ended = place.run(arguments).expect(78);
        assert!(ended.stderr.contains("`api.lisen` (seungin.toml)"), "{}", ended.stderr);
    }
    let variable =
        place.command(&["config", "check"]).env("SEUNGIN__API__PORT", "1").output().unwrap();
    assert!(String::from_utf8_lossy(&variable.stderr).contains("SEUNGIN__API__PORT"));
}

#[test]
fn a_databases_address_that_cannot_be_read_exits_with_78_and_its_password_is_never_shown() {
    let place = Place::new();
    for address in [
        "postgres://seungin:SECRET/PW@127.0.0.1:5432/seungin",
        "postgres://seungin:SECRET#PW@127.0.0.1:5432/seungin",
        "postgres://seungin:SECRET@127.0.0.1:port/seungin",
    ] {
        for command in ["worker", "api", "migrate", "doctor", "prune"] {
            let output = place.command(&[command]).env("DATABASE_URL", address).output().unwrap();
            let told = format!("{output:?}");
            assert_eq!(output.status.code(), Some(78), "{command}: {told}");
            assert!(!told.contains("SECRET"), "{command}: {told}");
            let says_what_to_do = told.contains("percent-encode") && told.contains("%2F");
            assert!(told.contains("`database.url` (DATABASE_URL)") && says_what_to_do, "{told}");
        }
    }
}

#[test]
fn a_database_that_does_not_answer_is_named_without_its_password() {
    let place = Place::new();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let address = format!("postgres://seungin:SECRET@{nobody}/seungin");
    std::thread::scope(|scope| {
        for command in ["migrate", "prune"] {
            let mut asked = place.command(&[command]);
            let address = &address;
            scope.spawn(move || {
                let output = asked.env("DATABASE_URL", address).output().unwrap();
                let told = String::from_utf8(output.stderr).unwrap();
                assert_eq!(output.status.code(), Some(69), "{told}");
                let named = format!("the database at {nobody} does not answer");
                assert!(told.contains(&named) && !told.contains("SECRET"), "{told}");
                assert!(!told.contains("pool"), "{told}");
            });
        }
    });
}

#[test]
fn production_with_the_defaults_exits_with_78_and_says_what_is_missing() {
    let place = Place::new();
    let output = place.command(&[]).env("SEUNGIN__ENVIRONMENT", "production").output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    let message = String::from_utf8(output.stderr).unwrap();
    for key in ["toss.secret_key", "security.token_key", "api.public_url"] {
        assert!(message.contains(key), "{key} is missing in {message}");
    }
}

#[test]
fn the_configuration_is_printed_with_origins_and_without_secrets() {
    let place = Place::new();
    let output = place
        .command(&["config", "print", "--json", "--data-dir", "elsewhere"])
        .env("TOSS_SECRET_KEY", "test_sk_verysecret")
        .env("TOSS_CLIENT_KEY", "test_ck_public")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("verysecret"));
    let rows: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let row = |key: &str| rows.iter().find(|row| row["key"] == key).unwrap();
    assert_eq!(row("toss.secret_key")["origin"], "TOSS_SECRET_KEY");
    assert_eq!(row("data_dir")["value"], "elsewhere");
    assert_eq!(row("data_dir")["origin"], "flag --data-dir");
    assert_eq!(row("api.listen")["origin"], "default");
    assert_eq!(row("database.url")["value"], "sqlite://elsewhere/seungin.db?mode=rwc");
}

#[test]
fn what_needs_no_configuration_works_with_a_wrong_one() {
    let place = Place::new();
    std::fs::write(place.path().join("seungin.toml"), "nonsense = 1").unwrap();
    let document = place.run(&["openapi"]).expect(0).json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(place.run(&["completions", "bash"]).expect(0).stdout.contains("seungin"));
    assert!(place.run(&["--help"]).expect(0).stdout.contains("Examples"));
}

#[test]
fn a_database_that_cannot_be_opened_exits_with_69() {
    let place = Place::new();
    let ended = place.run(&["staff", "list"]).expect(69);
    assert!(ended.stderr.contains("seungin migrate"), "{}", ended.stderr);
    place.run(&["migrate"]).expect(0);
    place.run(&["staff", "list"]).expect(0);
}
